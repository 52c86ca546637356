-- Calls from outside that started runs: one that comes again starts nothing.
CREATE TABLE webhook_calls (
    workflow TEXT    NOT NULL,
    -- As the caller named it.
    id       TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (workflow, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_calls_by_time ON webhook_calls (at);
