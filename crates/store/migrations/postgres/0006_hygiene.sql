-- What workflows have done with what people hold.

-- The end that an authenticator was given, and when its owner was asked to replace it.
ALTER TABLE authenticators ADD COLUMN ends_at BIGINT;
ALTER TABLE authenticators ADD COLUMN rotation_asked_at BIGINT;
CREATE INDEX authenticators_that_end ON authenticators (ends_at) WHERE ends_at IS NOT NULL AND state = 'active';

-- What decisions about a user go by beside: groups, attributes and what is asked of them for a while, as JSON. In the user's row, which
-- each decision reads anyway.
ALTER TABLE users ADD COLUMN standing TEXT;
-- When the last session began that is not kept any more.
ALTER TABLE users ADD COLUMN last_active_at BIGINT;

-- Addresses and prefixes that are refused for a while. Every server has all of them in memory.
CREATE TABLE blocked_addresses (
    prefix  TEXT PRIMARY KEY,
    at      BIGINT NOT NULL,
    ends_at BIGINT NOT NULL
);
CREATE INDEX blocked_addresses_by_end ON blocked_addresses (ends_at);
