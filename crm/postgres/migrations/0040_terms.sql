-- Calls are found by their terms: one inverted index for everything that is asked for,
-- and a key index for what is paged through. Rows without terms are indexed anew, a
-- few at a time, when a daemon starts.

DROP INDEX calls_words;
DROP INDEX calls_talk;
ALTER TABLE calls DROP COLUMN words;
ALTER TABLE calls ADD COLUMN terms tsvector;                        -- NULL: to be indexed
ALTER TABLE calls ALTER COLUMN terms SET STATISTICS 0;              -- searches do not let the planner guess
ALTER TABLE calls ADD COLUMN open boolean NOT NULL DEFAULT false;   -- still going on: not in calls_terms

DROP TABLE call_keys;

-- What calls are paged by, in the order of the list. A key is the hash of the tenant
-- and the text in calls.keys.
CREATE TABLE call_keys (
  key     bigint NOT NULL,
  started timestamptz NOT NULL,
  id      text COLLATE "C" NOT NULL,
  PRIMARY KEY (key, started, id)
);
