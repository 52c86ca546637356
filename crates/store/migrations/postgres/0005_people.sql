-- People in workflows: what runs ask them and what they said, and the links that runs send them.

CREATE TABLE tasks (
    id         UUID PRIMARY KEY,
    run_id     UUID NOT NULL,
    step       TEXT NOT NULL,
    workflow   TEXT NOT NULL,
    -- Whom the run is about, where that is a user; and in the words of the workflow, and who started the run in those of the application.
    user_id    UUID,
    subject    TEXT,
    requester  TEXT,
    message    TEXT,
    quorum     BIGINT NOT NULL,
    -- Counted up in the commit of each verdict.
    approvals  BIGINT NOT NULL,
    -- JSON: lists of words.
    roles      TEXT NOT NULL,
    evidence   TEXT NOT NULL,
    excludes   TEXT NOT NULL,
    level      BIGINT NOT NULL,
    -- What a proof for it is bound to.
    digest     BYTEA NOT NULL,
    state      TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    closed_at  BIGINT
);
CREATE UNIQUE INDEX tasks_by_run ON tasks (run_id, step);
CREATE INDEX tasks_by_state ON tasks (state, id);
CREATE INDEX tasks_by_user ON tasks (user_id, id) WHERE user_id IS NOT NULL;

-- One for each person: nobody counts twice.
CREATE TABLE task_verdicts (
    task_id          UUID NOT NULL,
    user_id          UUID NOT NULL,
    approves         BIGINT NOT NULL,
    roles            TEXT NOT NULL,
    evidence         TEXT NOT NULL,
    reason           TEXT,
    level            BIGINT NOT NULL,
    challenge_id     UUID,
    authenticator_id UUID,
    application_id   UUID NOT NULL,
    at               BIGINT NOT NULL,
    PRIMARY KEY (task_id, user_id)
);
CREATE INDEX task_verdicts_by_user ON task_verdicts (user_id);

-- What a run lets a user do by a link: once, and for a time.
CREATE TABLE links (
    id          UUID PRIMARY KEY,
    run_id      UUID NOT NULL,
    workflow    TEXT NOT NULL,
    user_id     UUID NOT NULL,
    -- By which workflows tell links from each other.
    name        TEXT NOT NULL,
    -- What people read on its page, before and after.
    title       TEXT NOT NULL,
    message     TEXT NOT NULL,
    button      TEXT NOT NULL,
    done        TEXT,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    followed_at BIGINT,
    -- The session in which it was followed, where that was not by the link itself.
    session_id  UUID,
    -- When somebody first came too late, which is told of once.
    late_at     BIGINT
);
CREATE INDEX links_by_run ON links (run_id);
CREATE INDEX links_by_user ON links (user_id, id);

-- Each message with a link has a token of its own, of which only the hash is kept.
CREATE TABLE link_tokens (
    hash    BYTEA PRIMARY KEY,
    link_id UUID NOT NULL
);
CREATE INDEX link_tokens_by_link ON link_tokens (link_id);
