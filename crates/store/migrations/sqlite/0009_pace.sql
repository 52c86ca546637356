-- Runs that wait for another one of their kind to end begin no faster than their workflow says, either.

-- How many milliseconds lie between two runs of its workflow, at least.
ALTER TABLE runs ADD COLUMN pace INTEGER NOT NULL DEFAULT 0;
-- It does not begin before this time, whatever comes for it.
ALTER TABLE runs ADD COLUMN begins_at INTEGER NOT NULL DEFAULT 0;
