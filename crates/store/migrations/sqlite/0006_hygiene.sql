-- What workflows have done with what people hold.

-- The end that an authenticator was given, and when its owner was asked to replace it.
ALTER TABLE authenticators ADD COLUMN ends_at INTEGER;
ALTER TABLE authenticators ADD COLUMN rotation_asked_at INTEGER;
CREATE INDEX authenticators_that_end ON authenticators (ends_at) WHERE ends_at IS NOT NULL AND state = 'active';

-- What decisions about a user go by beside: groups, attributes and what is asked of them for a while, as JSON. In the user's row, which
-- each decision reads anyway.
ALTER TABLE users ADD COLUMN standing TEXT;
-- When the last session began that is not kept any more.
ALTER TABLE users ADD COLUMN last_active_at INTEGER;
