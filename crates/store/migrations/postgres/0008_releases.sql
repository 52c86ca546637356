-- Runs that would leave somebody with nothing to prove anything with: how many they left so, and who let them.

-- How many users a workflow has left so in a day that began at `since`.
CREATE TABLE workflow_shut_outs (
    workflow text PRIMARY KEY,
    since    bigint NOT NULL,
    users    bigint NOT NULL
);

-- The people who released a run that was held for that.
CREATE TABLE run_releases (
    run_id uuid   NOT NULL,
    -- Who, as names of users are compared.
    person text   NOT NULL,
    at     bigint NOT NULL,
    PRIMARY KEY (run_id, person)
);
