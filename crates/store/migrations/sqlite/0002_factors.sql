-- What factors beside TOTP and backup codes take.

-- What it is known by, for the kinds that have no key of ours: JSON.
ALTER TABLE authenticators ADD COLUMN credential TEXT;
-- What of that no two authenticators may share that are in use.
ALTER TABLE authenticators ADD COLUMN credential_id TEXT;
CREATE UNIQUE INDEX one_authenticator_for_each_credential ON authenticators (credential_id)
    WHERE credential_id IS NOT NULL AND (state = 'active' OR state = 'suspended');

-- The end of what is bound for a while: of a browser that is remembered.
ALTER TABLE authenticators ADD COLUMN expires_at INTEGER;
CREATE INDEX authenticators_by_end ON authenticators (expires_at) WHERE expires_at IS NOT NULL;

ALTER TABLE enrollments ADD COLUMN kind TEXT NOT NULL DEFAULT 'totp';

-- What a person is shown of the context, and what the challenge was satisfied by: JSON.
ALTER TABLE challenges ADD COLUMN shown TEXT;
ALTER TABLE challenges ADD COLUMN satisfied TEXT;
-- What is asked of the proof, beyond that it is one.
ALTER TABLE challenges ADD COLUMN required TEXT;

-- The change that a person wants on a page of their own, until it is made: JSON.
ALTER TABLE pages ADD COLUMN wanted TEXT;
-- For which reasons somebody was refused on it: each is told of once.
ALTER TABLE pages ADD COLUMN refused INTEGER NOT NULL DEFAULT 0;
-- What the application knows its browser by where it has no session with us, and when it said that the browser on the page is that one.
ALTER TABLE pages ADD COLUMN code_challenge BLOB;
ALTER TABLE pages ADD COLUMN redeemed_at INTEGER;

-- What was sent to a person, or asked of a device.
CREATE TABLE prompts (
    id               BLOB PRIMARY KEY,
    challenge_id     BLOB,
    enrollment_id    BLOB,
    user_id          BLOB,
    authenticator_id BLOB,
    kind             TEXT NOT NULL,
    state            TEXT NOT NULL,
    -- The keyed hash of a code.
    hash             BLOB,
    -- What the factor keeps: JSON.
    data             TEXT,
    sends            INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    sent_at          INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX prompts_by_challenge ON prompts (challenge_id) WHERE challenge_id IS NOT NULL;
CREATE INDEX prompts_by_enrollment ON prompts (enrollment_id) WHERE enrollment_id IS NOT NULL;
CREATE INDEX prompts_by_user ON prompts (user_id, kind, id) WHERE user_id IS NOT NULL;
-- Those that a new one of the same kind takes the place of, however many there were before.
CREATE INDEX open_prompts_by_user ON prompts (user_id, kind, expires_at) WHERE user_id IS NOT NULL AND state = 'open';
-- One live approval for a user, whoever races (T-15).
CREATE UNIQUE INDEX one_open_push ON prompts (user_id) WHERE kind = 'push' AND state = 'open' AND challenge_id IS NOT NULL;
-- And one for a challenge of which nobody is asked, so that it looks the same (T-19).
CREATE UNIQUE INDEX one_open_push_to_nobody ON prompts (challenge_id) WHERE kind = 'push' AND state = 'open' AND user_id IS NULL;

-- Hardware tokens, whose keys came in a file, and the authenticator that each became last, by which enrollment.
CREATE TABLE hardware_tokens (
    id               BLOB PRIMARY KEY,
    serial           TEXT NOT NULL,
    blob             BLOB NOT NULL,
    algorithm        TEXT NOT NULL,
    digits           INTEGER NOT NULL,
    period           INTEGER NOT NULL,
    last_step        INTEGER NOT NULL,
    authenticator_id BLOB,
    enrollment_id    BLOB,
    -- Whom it is meant for.
    assigned_to      BLOB,
    -- Wrong codes in a row while it was being enrolled.
    failures         INTEGER NOT NULL DEFAULT 0,
    imported_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX hardware_tokens_by_enrollment ON hardware_tokens (enrollment_id) WHERE enrollment_id IS NOT NULL;
CREATE INDEX hardware_tokens_by_user ON hardware_tokens (assigned_to) WHERE assigned_to IS NOT NULL;
CREATE UNIQUE INDEX hardware_tokens_by_serial ON hardware_tokens (serial);
CREATE INDEX hardware_tokens_by_authenticator ON hardware_tokens (authenticator_id) WHERE authenticator_id IS NOT NULL;
