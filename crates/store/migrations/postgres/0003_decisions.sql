-- Decisions: what a session may do, by which policy.

-- A proof that is asked for each time serves one decision.
ALTER TABLE challenges ADD COLUMN used_at BIGINT;

-- The policies that were in force. The one with the highest number is.
CREATE TABLE policies (
    number         BIGINT PRIMARY KEY,
    id             UUID   NOT NULL UNIQUE,
    -- SHA-256 of what it says, in hexadecimal.
    version        TEXT   NOT NULL,
    -- Its files by their names: JSON.
    files          TEXT   NOT NULL,
    -- Since when policies without interruption have everybody have a second factor, where this one has: grace periods count from then.
    enforced_since BIGINT,
    at             BIGINT NOT NULL,
    origin         TEXT   NOT NULL,
    -- Who put it there: an application, which may be gone since, and in its words.
    application_id UUID,
    certificate    TEXT,
    author         TEXT,
    reference      TEXT,
    -- The vault's, over all of this and over the signature of the one before.
    signature      TEXT   NOT NULL
);

-- What signals of risk go by: of each user a little of what was seen before, and with each session what it began with. What is in
-- them is said in docs/guide/risk.md, and the crate `risk` reads and writes it.
CREATE TABLE risk_histories (
    user_id UUID PRIMARY KEY,
    -- Counts up with each write, so that none takes the place of another that was not seen.
    version BIGINT NOT NULL,
    history BYTEA NOT NULL
);

ALTER TABLE sessions ADD COLUMN risk BYTEA NOT NULL DEFAULT '';

-- The key that a session is bound to, as the claim `cnf` (RFC 7800): JSON.
ALTER TABLE sessions ADD COLUMN cnf TEXT;
-- Browsers that are signed in at a site behind a proxy, or are to be by a link.
CREATE TABLE sign_ins (
    id             UUID PRIMARY KEY,
    application_id UUID NOT NULL,
    user_id        UUID NOT NULL,
    session_id     UUID NOT NULL,
    site           TEXT NOT NULL,
    -- The user's groups: JSON.
    groups         TEXT NOT NULL,
    return_url     TEXT NOT NULL,
    -- Of the link, of what the browser keeps that may use it, and of what the browser keeps that used it.
    code           BYTEA NOT NULL,
    state          BYTEA NOT NULL,
    browser        BYTEA,
    seen_at        BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL
);
CREATE UNIQUE INDEX sign_ins_by_code ON sign_ins (code);
CREATE UNIQUE INDEX sign_ins_by_browser ON sign_ins (browser) WHERE browser IS NOT NULL;
CREATE INDEX sign_ins_by_user ON sign_ins (user_id);
CREATE INDEX sign_ins_by_end ON sign_ins (expires_at);
