-- People in workflows: what runs ask them and what they said, and the links that runs send them.

CREATE TABLE tasks (
    id         BLOB PRIMARY KEY,
    run_id     BLOB NOT NULL,
    step       TEXT NOT NULL,
    workflow   TEXT NOT NULL,
    -- Whom the run is about, where that is a user; and in the words of the workflow, and who started the run in those of the application.
    user_id    BLOB,
    subject    TEXT,
    requester  TEXT,
    message    TEXT,
    quorum     INTEGER NOT NULL,
    -- Counted up in the commit of each verdict.
    approvals  INTEGER NOT NULL,
    -- JSON: lists of words.
    roles      TEXT NOT NULL,
    evidence   TEXT NOT NULL,
    excludes   TEXT NOT NULL,
    level      INTEGER NOT NULL,
    -- What a proof for it is bound to.
    digest     BLOB NOT NULL,
    state      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    closed_at  INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX tasks_by_run ON tasks (run_id, step);
CREATE INDEX tasks_by_state ON tasks (state, id);
CREATE INDEX tasks_by_user ON tasks (user_id, id) WHERE user_id IS NOT NULL;

-- One for each person: nobody counts twice.
CREATE TABLE task_verdicts (
    task_id          BLOB NOT NULL,
    user_id          BLOB NOT NULL,
    approves         INTEGER NOT NULL,
    roles            TEXT NOT NULL,
    evidence         TEXT NOT NULL,
    reason           TEXT,
    level            INTEGER NOT NULL,
    challenge_id     BLOB,
    authenticator_id BLOB,
    application_id   BLOB NOT NULL,
    at               INTEGER NOT NULL,
    PRIMARY KEY (task_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX task_verdicts_by_user ON task_verdicts (user_id);

-- What a run lets a user do by a link: once, and for a time.
CREATE TABLE links (
    id          BLOB PRIMARY KEY,
    run_id      BLOB NOT NULL,
    workflow    TEXT NOT NULL,
    user_id     BLOB NOT NULL,
    -- By which workflows tell links from each other.
    name        TEXT NOT NULL,
    -- What people read on its page, before and after.
    title       TEXT NOT NULL,
    message     TEXT NOT NULL,
    button      TEXT NOT NULL,
    done        TEXT,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    followed_at INTEGER,
    -- The session in which it was followed, where that was not by the link itself.
    session_id  BLOB,
    -- When somebody first came too late, which is told of once.
    late_at     INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX links_by_run ON links (run_id);
CREATE INDEX links_by_user ON links (user_id, id);

-- Each message with a link has a token of its own, of which only the hash is kept.
CREATE TABLE link_tokens (
    hash    BLOB PRIMARY KEY,
    link_id BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX link_tokens_by_link ON link_tokens (link_id);
