-- What links of runs hand out.

-- `pass` or `backup_codes`; nothing, where a link only says something to its run.
ALTER TABLE links ADD COLUMN gives TEXT;
-- The authenticator that was made as it was followed.
ALTER TABLE links ADD COLUMN authenticator_id BLOB;
