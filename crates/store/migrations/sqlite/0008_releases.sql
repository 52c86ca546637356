-- Runs that would leave somebody with nothing to prove anything with: how many they left so, and who let them.

-- How many users a workflow has left so in a day that began at `since`.
CREATE TABLE workflow_shut_outs (
    workflow TEXT PRIMARY KEY,
    since    INTEGER NOT NULL,
    users    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The people who released a run that was held for that.
CREATE TABLE run_releases (
    run_id BLOB    NOT NULL,
    -- Who, as names of users are compared.
    person TEXT    NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (run_id, person)
) STRICT, WITHOUT ROWID;
