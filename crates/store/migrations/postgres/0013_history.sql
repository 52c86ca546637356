-- The history of runs is cut by time, so that what is old can be dropped whole; see engine/history.rs.

ALTER TABLE run_lines RENAME TO run_lines_before;
ALTER TABLE run_lines_before RENAME CONSTRAINT run_lines_pkey TO run_lines_before_pkey;

-- What happened in a run, line by line. A run's id begins with the time that it was made.
CREATE TABLE run_lines (
    run_id UUID   NOT NULL,
    line   BIGINT NOT NULL,
    at     BIGINT NOT NULL,
    step   TEXT,
    -- JSON.
    entry  TEXT   NOT NULL,
    PRIMARY KEY (run_id, line)
) PARTITION BY RANGE (run_id);

-- What is there already becomes a partition as it is. That it is all before its bound was seen to ahead, without a lock that stops anybody; where
-- that found nothing, hardly anything can have come since.
DO $$
DECLARE
    bound TEXT;
BEGIN
    SELECT substring(pg_get_constraintdef(c.oid) FROM '[0-9a-f]{8}-[0-9a-f-]{27}') INTO bound
    FROM pg_constraint c WHERE c.conrelid = 'run_lines_before'::regclass AND c.conname = 'run_lines_before';
    IF bound IS NOT NULL THEN
        EXECUTE format('ALTER TABLE run_lines ATTACH PARTITION run_lines_before FOR VALUES FROM (MINVALUE) TO (%L)', bound);
        ALTER TABLE run_lines_before DROP CONSTRAINT run_lines_before;
    END IF;
END $$;

-- What has no other place: a run that was made where the clock should not have been, or that lasted longer than what it was made beside.
CREATE TABLE run_lines_others PARTITION OF run_lines DEFAULT;

DO $$
BEGIN
    IF NOT (SELECT c.relispartition FROM pg_class c WHERE c.oid = 'run_lines_before'::regclass) THEN
        INSERT INTO run_lines SELECT * FROM run_lines_before;
        DROP TABLE run_lines_before;
    END IF;
END $$;
