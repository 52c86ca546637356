-- Workflows: which are in force, and their runs.

-- What was in force at any time, by its digest: a run goes by the one that it began with.
CREATE TABLE workflow_documents (
    digest   TEXT PRIMARY KEY,
    name     TEXT    NOT NULL,
    -- The file's name, and what stands in it.
    file     TEXT    NOT NULL,
    document TEXT    NOT NULL,
    at       BIGINT NOT NULL
);

CREATE TABLE workflows (
    name     TEXT PRIMARY KEY,
    digest   TEXT    NOT NULL,
    at       BIGINT NOT NULL,
    -- Events up to here start no run of it: they came before it was in force.
    since    BIGINT NOT NULL,
    -- When its schedule fires next, if it has one.
    next_at  BIGINT,
    -- No run of it begins before this time, where it says how many may.
    begin_at BIGINT NOT NULL
);

-- Up to which position events have started what they start, and have been told to whoever waits for them.
CREATE TABLE workflow_cursor (
    one      BIGINT PRIMARY KEY CHECK (one = 1),
    position BIGINT NOT NULL
);
INSERT INTO workflow_cursor (one, position) VALUES (1, 0);

CREATE TABLE runs (
    id         UUID PRIMARY KEY,
    workflow   TEXT    NOT NULL,
    digest     TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    -- Whom it is about, where that is a user.
    user_id    UUID,
    -- By what it is of one kind with others of its workflow, where that matters.
    key        TEXT,
    -- What started it, and what it is now: JSON, which the crate `workflow` reads and writes. Nothing of the latter before it began.
    cause      TEXT    NOT NULL,
    machine    TEXT,
    -- What is still to be done of what it asked for: JSON.
    pending    TEXT    NOT NULL,
    -- Why it failed.
    error      TEXT,
    -- The run that called it, and by which step.
    caller     UUID,
    caller_key TEXT,
    -- How many lines of history it has.
    lines      BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    ended_at   BIGINT
);
CREATE INDEX runs_by_workflow ON runs (workflow, id);
CREATE INDEX runs_by_state ON runs (state, id);
CREATE INDEX runs_by_user ON runs (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX runs_by_caller ON runs (caller, caller_key) WHERE caller IS NOT NULL;
CREATE INDEX runs_by_end ON runs (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX queued_runs ON runs (workflow, key, id) WHERE state = 'queued';

-- One narrow row for each run that is not over: all that is looked at to find what is to be done.
CREATE TABLE run_claims (
    run_id UUID PRIMARY KEY,
    -- When there is something to do; and while somebody does it, when somebody else may take it over.
    due_at BIGINT NOT NULL,
    -- Who does it, if anybody.
    claim  UUID,
    -- Counts up with each claim: what an earlier one writes is refused.
    fence  BIGINT NOT NULL,
    -- Counts up with each input that comes.
    pokes  BIGINT NOT NULL
);
CREATE INDEX run_claims_by_due ON run_claims (due_at);
CREATE INDEX run_claims_by_claim ON run_claims (claim) WHERE claim IS NOT NULL;

-- What came for a run and it has not taken yet.
CREATE TABLE run_inbox (
    run_id UUID NOT NULL,
    id     UUID NOT NULL,
    input  TEXT NOT NULL,
    PRIMARY KEY (run_id, id)
);

-- Which events runs are told of: those about a user, or, under the nil UUID, all of a kind.
CREATE TABLE run_awaits (
    kind    TEXT    NOT NULL,
    user_id UUID    NOT NULL,
    run_id  UUID    NOT NULL,
    -- Events up to here came before it began.
    since   BIGINT NOT NULL,
    PRIMARY KEY (kind, user_id, run_id)
);
CREATE INDEX run_awaits_by_run ON run_awaits (run_id);

-- The run that goes on, of those of one kind.
CREATE TABLE run_slots (
    workflow TEXT NOT NULL,
    key      TEXT NOT NULL,
    run_id   UUID NOT NULL,
    PRIMARY KEY (workflow, key)
);

-- What happened in a run, line by line.
CREATE TABLE run_lines (
    run_id UUID    NOT NULL,
    line   BIGINT NOT NULL,
    at     BIGINT NOT NULL,
    step   TEXT,
    -- JSON.
    entry  TEXT    NOT NULL,
    PRIMARY KEY (run_id, line)
);
