-- Ids are UUIDs of version 7, so that a table keyed by id grows at its end. Times are milliseconds since
-- the Unix epoch. Names of states and kinds are those of the API.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- Held by whoever changes API clients, so that two servers do not each remove the other's last administrator.
INSERT INTO meta (name, value) VALUES ('clients', '');

CREATE TABLE applications (
    id         UUID PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    scopes     TEXT NOT NULL,
    -- Where hosted pages may lead back to, separated by spaces.
    return_origins TEXT NOT NULL,
    version    BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE application_certificates (
    fingerprint    BYTEA PRIMARY KEY,
    application_id UUID NOT NULL
);
CREATE INDEX application_certificates_by_application ON application_certificates (application_id);

CREATE TABLE api_keys (
    id             UUID PRIMARY KEY,
    application_id UUID NOT NULL,
    hash           BYTEA NOT NULL UNIQUE,
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT
);
CREATE INDEX api_keys_by_application ON api_keys (application_id);

CREATE TABLE users (
    id              UUID PRIMARY KEY,
    external_id     TEXT NOT NULL,
    external_id_key TEXT COLLATE "C" NOT NULL,
    display_name    TEXT,
    -- The display name in lower case, as searches compare it: SQL's own lower() knows ASCII only.
    display_name_folded TEXT,
    kind            TEXT NOT NULL,
    state           TEXT NOT NULL,
    created_at      BIGINT NOT NULL
);
CREATE UNIQUE INDEX users_by_external_id ON users (external_id_key);
-- Carries what a search reads, so that it reads nothing else.
CREATE INDEX users_with_display_name ON users (id, display_name_folded) WHERE display_name_folded IS NOT NULL;

CREATE TABLE devices (
    id         UUID PRIMARY KEY,
    user_id    UUID NOT NULL,
    name       TEXT NOT NULL,
    kind       TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX devices_by_user ON devices (user_id);

-- A user's authenticators stand together: an attempt reads them all at once.
CREATE TABLE authenticators (
    user_id      UUID NOT NULL,
    id           UUID NOT NULL,
    device_id    UUID,
    kind         TEXT NOT NULL,
    state        TEXT NOT NULL,
    label        TEXT NOT NULL,
    blob         BYTEA,
    algorithm    TEXT NOT NULL,
    digits       BIGINT NOT NULL,
    period       BIGINT NOT NULL,
    -- 0 before the first key; kept when a key is forgotten, so that no number is used for two keys.
    generation   BIGINT NOT NULL,
    last_step    BIGINT NOT NULL,
    failures     BIGINT NOT NULL,
    -- The two waits: each is held up by its own wrong codes.
    open_failures    BIGINT NOT NULL,
    open_retry_at    BIGINT,
    trusted_failures BIGINT NOT NULL,
    trusted_retry_at BIGINT,
    created_at   BIGINT NOT NULL,
    activated_at BIGINT,
    last_used_at BIGINT,
    PRIMARY KEY (user_id, id)
);
CREATE UNIQUE INDEX authenticators_by_id ON authenticators (id);
-- One set of backup codes for a user, whoever races.
CREATE UNIQUE INDEX one_active_set_of_backup_codes ON authenticators (user_id)
    WHERE kind = 'backup_codes' AND state = 'active';

CREATE TABLE backup_codes (
    authenticator_id UUID NOT NULL,
    position         BIGINT NOT NULL,
    hash             BYTEA NOT NULL,
    used_at          BIGINT,
    PRIMARY KEY (authenticator_id, position)
);

CREATE TABLE sessions (
    id               UUID PRIMARY KEY,
    application_id   UUID NOT NULL,
    user_id          UUID NOT NULL,
    device_id        UUID,
    -- Names, separated by spaces.
    amr              TEXT NOT NULL,
    aal              BIGINT NOT NULL,
    -- {"<authenticator id>": [kind, verified at]}
    proofs           TEXT NOT NULL,
    authenticated_at BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    ended_at         BIGINT
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_end ON sessions (expires_at);

CREATE TABLE enrollments (
    id               UUID PRIMARY KEY,
    application_id   UUID NOT NULL,
    user_id          UUID NOT NULL,
    session_id       UUID NOT NULL,
    authenticator_id UUID NOT NULL,
    replaces         UUID,
    state            TEXT NOT NULL,
    algorithm        TEXT NOT NULL,
    digits           BIGINT NOT NULL,
    period           BIGINT NOT NULL,
    recipient_key    BYTEA,
    failures         BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    view_expires_at  BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL
);
CREATE INDEX enrollments_by_user ON enrollments (user_id);

CREATE TABLE challenges (
    id             UUID PRIMARY KEY,
    application_id UUID NOT NULL,
    user_id        UUID,
    session_id     UUID,
    action         TEXT NOT NULL,
    action_hash    BYTEA NOT NULL,
    state          TEXT NOT NULL,
    failures       BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL
);
-- By user within a second: an index by user alone would dirty a page of its own for each challenge that is made.
CREATE INDEX challenges_by_user ON challenges ((created_at / 1000), user_id) WHERE user_id IS NOT NULL;

-- Of the token in a link, and of what the browser keeps that opened it, there are hashes only.
CREATE TABLE pages (
    id             UUID PRIMARY KEY,
    application_id UUID NOT NULL,
    purpose        TEXT NOT NULL,
    state          TEXT NOT NULL,
    token          BYTEA NOT NULL UNIQUE,
    browser        BYTEA,
    user_id        UUID,
    session_id     UUID,
    challenge_id   UUID,
    enrollment_id  UUID,
    return_url     TEXT NOT NULL,
    carried        TEXT,
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL
);
CREATE INDEX pages_by_user ON pages (user_id);

CREATE TABLE idempotency (
    application_id UUID NOT NULL,
    key            TEXT NOT NULL,
    request_hash   BYTEA NOT NULL,
    resource       TEXT NOT NULL,
    at             BIGINT NOT NULL,
    PRIMARY KEY (application_id, key)
);
CREATE INDEX idempotency_by_time ON idempotency (at);

CREATE TABLE keyring (
    one     BIGINT PRIMARY KEY CHECK (one = 1),
    version BIGINT NOT NULL,
    wrapped BYTEA NOT NULL,
    -- The oldest version of data keys that opens, as it stands in a sealed key: four bytes, big-endian.
    oldest  BYTEA NOT NULL DEFAULT '\x00000000'
);

-- The positions of the newest event and of the oldest one that is kept. Its row is locked late in each transaction, so that positions are in the order of commits.
CREATE TABLE event_head (
    one      BIGINT PRIMARY KEY CHECK (one = 1),
    position BIGINT NOT NULL,
    oldest   BIGINT NOT NULL
);
INSERT INTO event_head (one, position, oldest) VALUES (1, 0, 1);

-- In partitions by position, so that old ones can be dropped whole; see engine/partitions.rs.
CREATE TABLE events (
    position         BIGINT PRIMARY KEY,
    id               UUID NOT NULL,
    at               BIGINT NOT NULL,
    kind             TEXT NOT NULL,
    application_id   UUID,
    user_id          UUID,
    device_id        UUID,
    authenticator_id UUID,
    session_id       UUID,
    enrollment_id    UUID,
    challenge_id     UUID,
    data             TEXT NOT NULL,
    commitment       BYTEA
) PARTITION BY RANGE (position);
CREATE TABLE events_0 PARTITION OF events FOR VALUES FROM (0) TO (262144);
-- By subject within a stretch of 4,096 events: what is written now touches a few pages, and a subject's events are
-- found with one look in each stretch.
CREATE INDEX events_by_user ON events ((position / 4096), user_id, position) WHERE user_id IS NOT NULL;
CREATE INDEX events_by_authenticator ON events ((position / 4096), authenticator_id, position) WHERE authenticator_id IS NOT NULL;

-- From when to when there are events of a kind within a stretch, in whole seconds: what a search by kind or time looks at
-- before it reads a stretch. A row for thousands of events, where an index would have an entry for each.
CREATE TABLE event_stretches (
    stretch  BIGINT NOT NULL,
    kind     TEXT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at  BIGINT NOT NULL,
    PRIMARY KEY (stretch, kind)
);

CREATE TABLE event_details (
    position BIGINT PRIMARY KEY,
    fields   TEXT NOT NULL,
    salt     BYTEA NOT NULL
) PARTITION BY RANGE (position);
CREATE TABLE event_details_0 PARTITION OF event_details FOR VALUES FROM (0) TO (262144);
