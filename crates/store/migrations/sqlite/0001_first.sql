-- Ids are 16-byte UUIDs of version 7, so that a table keyed by id grows at its end. Times are milliseconds since
-- the Unix epoch. Names of states and kinds are those of the API.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Held by whoever changes API clients, so that two servers do not each remove the other's last administrator.
INSERT INTO meta (name, value) VALUES ('clients', '');

CREATE TABLE applications (
    id         BLOB PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    scopes     TEXT NOT NULL,
    -- Where hosted pages may lead back to, separated by spaces.
    return_origins TEXT NOT NULL,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE application_certificates (
    fingerprint    BLOB PRIMARY KEY,
    application_id BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX application_certificates_by_application ON application_certificates (application_id);

CREATE TABLE api_keys (
    id             BLOB PRIMARY KEY,
    application_id BLOB NOT NULL,
    hash           BLOB NOT NULL UNIQUE,
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX api_keys_by_application ON api_keys (application_id);

CREATE TABLE users (
    id              BLOB PRIMARY KEY,
    external_id     TEXT NOT NULL,
    external_id_key TEXT NOT NULL,
    display_name    TEXT,
    -- The display name in lower case, as searches compare it: SQL's own lower() knows ASCII only.
    display_name_folded TEXT,
    kind            TEXT NOT NULL,
    state           TEXT NOT NULL,
    created_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX users_by_external_id ON users (external_id_key);
-- Carries what a search reads, so that it reads nothing else.
CREATE INDEX users_with_display_name ON users (id, display_name_folded) WHERE display_name_folded IS NOT NULL;

CREATE TABLE devices (
    id         BLOB PRIMARY KEY,
    user_id    BLOB NOT NULL,
    name       TEXT NOT NULL,
    kind       TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX devices_by_user ON devices (user_id);

-- A user's authenticators stand together: an attempt reads them all at once.
CREATE TABLE authenticators (
    user_id      BLOB NOT NULL,
    id           BLOB NOT NULL,
    device_id    BLOB,
    kind         TEXT NOT NULL,
    state        TEXT NOT NULL,
    label        TEXT NOT NULL,
    blob         BLOB,
    algorithm    TEXT NOT NULL,
    digits       INTEGER NOT NULL,
    period       INTEGER NOT NULL,
    -- 0 before the first key; kept when a key is forgotten, so that no number is used for two keys.
    generation   INTEGER NOT NULL,
    last_step    INTEGER NOT NULL,
    failures     INTEGER NOT NULL,
    -- The two waits: each is held up by its own wrong codes.
    open_failures    INTEGER NOT NULL,
    open_retry_at    INTEGER,
    trusted_failures INTEGER NOT NULL,
    trusted_retry_at INTEGER,
    created_at   INTEGER NOT NULL,
    activated_at INTEGER,
    last_used_at INTEGER,
    PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX authenticators_by_id ON authenticators (id);
-- One set of backup codes for a user, whoever races.
CREATE UNIQUE INDEX one_active_set_of_backup_codes ON authenticators (user_id)
    WHERE kind = 'backup_codes' AND state = 'active';

CREATE TABLE backup_codes (
    authenticator_id BLOB NOT NULL,
    position         INTEGER NOT NULL,
    hash             BLOB NOT NULL,
    used_at          INTEGER,
    PRIMARY KEY (authenticator_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    id               BLOB PRIMARY KEY,
    application_id   BLOB NOT NULL,
    user_id          BLOB NOT NULL,
    device_id        BLOB,
    -- Names, separated by spaces.
    amr              TEXT NOT NULL,
    aal              INTEGER NOT NULL,
    -- {"<authenticator id>": [kind, verified at]}
    proofs           TEXT NOT NULL,
    authenticated_at INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    ended_at         INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_end ON sessions (expires_at);

CREATE TABLE enrollments (
    id               BLOB PRIMARY KEY,
    application_id   BLOB NOT NULL,
    user_id          BLOB NOT NULL,
    session_id       BLOB NOT NULL,
    authenticator_id BLOB NOT NULL,
    replaces         BLOB,
    state            TEXT NOT NULL,
    algorithm        TEXT NOT NULL,
    digits           INTEGER NOT NULL,
    period           INTEGER NOT NULL,
    recipient_key    BLOB,
    failures         INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    view_expires_at  INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX enrollments_by_user ON enrollments (user_id);

CREATE TABLE challenges (
    id             BLOB PRIMARY KEY,
    application_id BLOB NOT NULL,
    user_id        BLOB,
    session_id     BLOB,
    action         TEXT NOT NULL,
    action_hash    BLOB NOT NULL,
    state          TEXT NOT NULL,
    failures       INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- By user within a second: an index by user alone would dirty a page of its own for each challenge that is made.
CREATE INDEX challenges_by_user ON challenges (created_at / 1000, user_id) WHERE user_id IS NOT NULL;

-- Of the token in a link, and of what the browser keeps that opened it, there are hashes only.
CREATE TABLE pages (
    id             BLOB PRIMARY KEY,
    application_id BLOB NOT NULL,
    purpose        TEXT NOT NULL,
    state          TEXT NOT NULL,
    token          BLOB NOT NULL UNIQUE,
    browser        BLOB,
    user_id        BLOB,
    session_id     BLOB,
    challenge_id   BLOB,
    enrollment_id  BLOB,
    return_url     TEXT NOT NULL,
    carried        TEXT,
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX pages_by_user ON pages (user_id);

CREATE TABLE idempotency (
    application_id BLOB NOT NULL,
    key            TEXT NOT NULL,
    request_hash   BLOB NOT NULL,
    resource       TEXT NOT NULL,
    at             INTEGER NOT NULL,
    PRIMARY KEY (application_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_time ON idempotency (at);

CREATE TABLE keyring (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL,
    wrapped BLOB NOT NULL,
    -- The oldest version of data keys that opens, as it stands in a sealed key: four bytes, big-endian.
    oldest  BLOB NOT NULL DEFAULT x'00000000'
) STRICT;

-- The positions of the newest event and of the oldest one that is kept. Taken late in each transaction, so that positions are in the order of commits.
CREATE TABLE event_head (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    position INTEGER NOT NULL,
    oldest   INTEGER NOT NULL
) STRICT;
INSERT INTO event_head (one, position, oldest) VALUES (1, 0, 1);

CREATE TABLE events (
    position         INTEGER PRIMARY KEY,
    id               BLOB NOT NULL,
    at               INTEGER NOT NULL,
    kind             TEXT NOT NULL,
    application_id   BLOB,
    user_id          BLOB,
    device_id        BLOB,
    authenticator_id BLOB,
    session_id       BLOB,
    enrollment_id    BLOB,
    challenge_id     BLOB,
    data             TEXT NOT NULL,
    commitment       BLOB
) STRICT;
-- By subject within a stretch of 4,096 events: what is written now touches a few pages, and a subject's events are
-- found with one look in each stretch.
CREATE INDEX events_by_user ON events (position / 4096, user_id) WHERE user_id IS NOT NULL;
CREATE INDEX events_by_authenticator ON events (position / 4096, authenticator_id) WHERE authenticator_id IS NOT NULL;

-- From when to when there are events of a kind within a stretch, in whole seconds: what a search by kind or time looks at
-- before it reads a stretch. A row for thousands of events, where an index would have an entry for each.
CREATE TABLE event_stretches (
    stretch  INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    first_at INTEGER NOT NULL,
    last_at  INTEGER NOT NULL,
    PRIMARY KEY (stretch, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE event_details (
    position INTEGER PRIMARY KEY,
    fields   TEXT NOT NULL,
    salt     BLOB NOT NULL
) STRICT;
