-- Calls from outside that started runs: one that comes again starts nothing.
CREATE TABLE webhook_calls (
    workflow TEXT    NOT NULL,
    -- As the caller named it.
    id       TEXT    NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (workflow, id)
);
CREATE INDEX webhook_calls_by_time ON webhook_calls (at);
