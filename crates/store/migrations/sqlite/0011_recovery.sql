-- What links of runs hand out, and gateways that workflows switch away from.

-- `pass` or `backup_codes`; nothing, where a link only says something to its run.
ALTER TABLE links ADD COLUMN gives TEXT;
-- The authenticator that was made as it was followed.
ALTER TABLE links ADD COLUMN authenticator_id BLOB;

-- Gateways that are used after all others of their channel, each until a time.
CREATE TABLE gateway_switches (
    gateway TEXT PRIMARY KEY,
    channel TEXT NOT NULL,
    at      INTEGER NOT NULL,
    ends_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX gateway_switches_by_end ON gateway_switches (ends_at);
