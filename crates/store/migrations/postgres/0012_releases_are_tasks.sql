-- Releases are tasks: what a run would do to people is asked like everything that runs ask, and rests on proofs.

-- The step, in whichever round of the loops around it, that the run may do once this is approved; none where a workflow asks by itself.
ALTER TABLE tasks ADD COLUMN releases TEXT;

-- How many users, and how many administrators among them, it lets be left with nothing to prove by, and how many of these were.
ALTER TABLE tasks ADD COLUMN lets_users BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN lets_administrators BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN used_users BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN used_administrators BIGINT NOT NULL DEFAULT 0;

-- A step asks once; a release whose time was over is asked again.
DROP INDEX tasks_by_run;
CREATE INDEX tasks_by_run ON tasks (run_id, step);
CREATE UNIQUE INDEX approvals_by_run ON tasks (run_id, step) WHERE releases IS NULL;
CREATE UNIQUE INDEX open_releases ON tasks (run_id, releases) WHERE releases IS NOT NULL AND state = 'open';

-- Names that an application vouched for release nothing any more.
DROP TABLE run_releases;

-- How many users all workflows together have left with nothing to prove by in a day that began at `since`.
DROP TABLE workflow_shut_outs;
CREATE TABLE shut_outs (
    one   BIGINT PRIMARY KEY CHECK (one = 1),
    since BIGINT NOT NULL,
    users BIGINT NOT NULL
);
INSERT INTO shut_outs (one, since, users) VALUES (1, 0, 0);

-- Until when nothing is raised by a rule at all, and who said so: JSON.
ALTER TABLE alert_rules ADD COLUMN silenced_until BIGINT;
ALTER TABLE alert_rules ADD COLUMN silenced TEXT;
