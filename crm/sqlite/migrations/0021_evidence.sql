-- Why a call came to the screens it came to: one JSON object a line, compressed (gzip)
-- once the call is over. What does not fit is counted in more.

CREATE TABLE call_evidence (
  tenant TEXT NOT NULL,
  id     TEXT NOT NULL,                -- of the call that survives
  body   BLOB NOT NULL,
  more   INTEGER NOT NULL,
  PRIMARY KEY (tenant, id)
) WITHOUT ROWID;

-- Extensions that had part in a call.
CREATE TABLE extensions (
  tenant    TEXT NOT NULL,
  pbx       TEXT NOT NULL,
  extension TEXT NOT NULL,
  seen      INTEGER NOT NULL,            -- when it last had
  PRIMARY KEY (tenant, pbx, extension)
) WITHOUT ROWID;

CREATE INDEX jobs_call ON jobs (lane, dest, id);
