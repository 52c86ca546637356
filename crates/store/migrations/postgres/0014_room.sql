-- Rows that are written anew again and again have room for that beside them: on the same page, and with no new entry in any index, as long as nothing
-- that they are found by changes (heap-only tuples).

ALTER TABLE runs SET (fillfactor = 50);
ALTER TABLE run_claims SET (fillfactor = 50);
ALTER TABLE challenges SET (fillfactor = 70);
ALTER TABLE sessions SET (fillfactor = 75);
ALTER TABLE authenticators SET (fillfactor = 75);
