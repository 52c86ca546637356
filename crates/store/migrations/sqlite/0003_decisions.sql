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
