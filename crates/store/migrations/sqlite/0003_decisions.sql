-- Decisions: what a session may do, by which policy.

-- A proof that is asked for each time serves one decision.
ALTER TABLE challenges ADD COLUMN used_at INTEGER;

-- The policies that were in force, the newest last.
CREATE TABLE policies (
    id       BLOB PRIMARY KEY,
    -- SHA-256 of what it says, in hexadecimal.
    version  TEXT NOT NULL,
    -- Its files by their names: JSON.
    files    TEXT NOT NULL,
    -- Whether it has everybody have a second factor: a grace period counts from the first of those in a row that do.
    enforces INTEGER NOT NULL,
    at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What signals of risk go by: of each user a little of what was seen before, and with each session what it began with. What is in
-- them is said in docs/guide/risk.md, and the crate `risk` reads and writes it.
CREATE TABLE risk_histories (
    user_id BLOB PRIMARY KEY,
    -- Counts up with each write, so that none takes the place of another that was not seen.
    version INTEGER NOT NULL,
    history BLOB NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE sessions ADD COLUMN risk BLOB NOT NULL DEFAULT X'';

-- The key that a session is bound to, as the claim `cnf` (RFC 7800): JSON.
ALTER TABLE sessions ADD COLUMN cnf TEXT;
