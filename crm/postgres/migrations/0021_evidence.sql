-- Why a call came to the screens it came to: one JSON object a line, compressed (gzip)
-- once the call is over. What does not fit is counted in more.

CREATE TABLE call_evidence (
  tenant text COLLATE "C" NOT NULL,
  id     text COLLATE "C" NOT NULL,                -- of the call that survives
  body   bytea NOT NULL,
  more   bigint NOT NULL,
  PRIMARY KEY (tenant, id)
);

-- Extensions that had part in a call.
CREATE TABLE extensions (
  tenant    text COLLATE "C" NOT NULL,
  pbx       text COLLATE "C" NOT NULL,
  extension text COLLATE "C" NOT NULL,
  seen      timestamptz NOT NULL,            -- when it last had
  PRIMARY KEY (tenant, pbx, extension)
);

CREATE INDEX jobs_call ON jobs (lane, dest, id);
