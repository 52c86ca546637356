-- Whom workflows left with nothing to prove by: by whom it counts, and in which hour.

-- Users, once in a day, and as long as they can prove nothing by that. A budget is that of all workflows together (''), or of one for those whom its runs are about.
CREATE TABLE shut_out_users (
    user_id UUID PRIMARY KEY,
    budget  TEXT NOT NULL,
    -- Hours since the beginning of 1970.
    hour    BIGINT NOT NULL
);
CREATE INDEX shut_out_users_by_hour ON shut_out_users (hour);

-- How many there are of each hour. The hour 0 is held by whoever counts.
CREATE TABLE shut_out_hours (
    budget TEXT NOT NULL,
    hour   BIGINT NOT NULL,
    users  BIGINT NOT NULL,
    PRIMARY KEY (budget, hour)
);
CREATE INDEX shut_out_hours_by_hour ON shut_out_hours (hour);

-- What was counted in the day so far. Servers of before go on counting in `shut_outs` as long as there are any.
INSERT INTO shut_out_hours (budget, hour, users) SELECT '', s.since / 3600000, s.users FROM shut_outs s WHERE s.users > 0;

-- The run by which somebody, or an authenticator, is suspended; none where a person did it, or nothing is known of it: no run lifts that by itself.
ALTER TABLE users ADD COLUMN suspended_by UUID;
ALTER TABLE authenticators ADD COLUMN suspended_by UUID;
