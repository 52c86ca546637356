-- Alerts: the rules in force, what was counted by them, and what came of it.

CREATE TABLE alert_rules (
    name     TEXT PRIMARY KEY,
    digest   TEXT    NOT NULL,
    -- The file's name, and what stands in it.
    file     TEXT    NOT NULL,
    document TEXT    NOT NULL,
    at       BIGINT NOT NULL,
    -- Events up to here are not counted by it: they came before it was in force.
    since    BIGINT NOT NULL
);

-- Up to which position events were counted, and how often anything below was changed beside: whoever changes it has seen both.
CREATE TABLE alert_cursor (
    one      BIGINT PRIMARY KEY CHECK (one = 1),
    position BIGINT NOT NULL,
    turn     BIGINT NOT NULL
);
INSERT INTO alert_cursor (one, position, turn) VALUES (1, 0, 0);

-- What was counted of each group of a rule's events.
CREATE TABLE alert_groups (
    rule           TEXT    NOT NULL,
    member         TEXT    NOT NULL,
    -- JSON, which the crate `workflow` reads and writes.
    counter        TEXT    NOT NULL,
    -- Until when nothing is raised about it.
    silenced_until BIGINT,
    -- When nothing of it matters any more.
    idle_at        BIGINT NOT NULL,
    PRIMARY KEY (rule, member)
);
CREATE INDEX alert_groups_by_idle ON alert_groups (idle_at);
CREATE INDEX alert_groups_by_member ON alert_groups (member);

CREATE TABLE alerts (
    id              UUID PRIMARY KEY,
    rule            TEXT    NOT NULL,
    -- What the rule said then.
    digest          TEXT    NOT NULL,
    severity        TEXT    NOT NULL,
    -- By what the rule tells groups apart, if it does, and the group.
    grouped_by      TEXT,
    member          TEXT    NOT NULL,
    user_id         UUID,
    state           TEXT    NOT NULL,
    -- Which bound was passed, how many events there were at most, may be, and are as a rule.
    bound           TEXT    NOT NULL,
    count           BIGINT NOT NULL,
    most            BIGINT NOT NULL,
    usual           BIGINT,
    -- Of the event that was one too many.
    position        BIGINT NOT NULL,
    raised_at       BIGINT NOT NULL,
    -- When it resolves by itself.
    resolves_at     BIGINT NOT NULL,
    -- Who did what, in the application's words: JSON.
    acknowledged    TEXT,
    silenced        TEXT,
    silenced_until  BIGINT,
    resolved        TEXT,
    resolved_at     BIGINT
);
-- One for each group at a time.
CREATE UNIQUE INDEX open_alerts ON alerts (rule, member) WHERE resolved_at IS NULL;
CREATE INDEX open_alerts_by_end ON alerts (resolves_at) WHERE resolved_at IS NULL;
CREATE INDEX alerts_by_rule ON alerts (rule, id);
CREATE INDEX alerts_by_state ON alerts (state, id);
CREATE INDEX alerts_by_user ON alerts (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX alerts_by_resolution ON alerts (resolved_at) WHERE resolved_at IS NOT NULL;

-- How many runs of a workflow are in each of the states that are not the end.
CREATE INDEX live_runs ON runs (workflow, state) WHERE ended_at IS NULL;
