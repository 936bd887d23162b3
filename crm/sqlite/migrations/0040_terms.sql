-- Calls are found by their terms: one inverted index for everything that is asked for,
-- and a key index for what is paged through. Rows without terms are indexed anew, a
-- few at a time, when the daemon starts.

DROP INDEX calls_talk;
DROP TABLE call_words;
DROP TABLE call_keys;
ALTER TABLE calls DROP COLUMN words;
ALTER TABLE calls ADD COLUMN terms TEXT NOT NULL DEFAULT '';    -- its row in call_terms; "": to be indexed
ALTER TABLE calls ADD COLUMN open INTEGER NOT NULL DEFAULT 0;   -- 1: still going on, and not in call_terms
CREATE INDEX calls_unindexed ON calls (no) WHERE terms = '';

-- What calls are paged by, in the order of the list. A key is the hash of the tenant
-- and the text in calls.keys.
CREATE TABLE call_keys (
  key     INTEGER NOT NULL,
  started INTEGER NOT NULL,
  id      TEXT NOT NULL,
  PRIMARY KEY (key, started, id)
) WITHOUT ROWID;

CREATE VIRTUAL TABLE call_terms USING fts5 (
  terms, content = '', contentless_delete = 1, detail = none, tokenize = "ascii tokenchars ':_-.+~'"
);
