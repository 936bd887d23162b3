-- What must reach other systems. A destination belongs to one tenant by its configuration.

CREATE TABLE outbox_cursors (
  dest text COLLATE "C" PRIMARY KEY,
  n    bigint NOT NULL                  -- the last event that was turned into jobs
);

CREATE TABLE jobs (
  id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  dest     text COLLATE "C" NOT NULL,
  lane     text COLLATE "C" NOT NULL,
  key      text COLLATE "C" NOT NULL,
  kind     text COLLATE "C" NOT NULL,
  payload  bytea NOT NULL,
  state    text COLLATE "C" NOT NULL,
  due      timestamptz,                      -- when it may be claimed: run time, or end of the lease
  attempts bigint NOT NULL DEFAULT 0,
  gen      bigint NOT NULL DEFAULT 0,
  unsure   boolean NOT NULL DEFAULT false,
  last_err text COLLATE "C" NOT NULL DEFAULT '',
  UNIQUE (dest, key)
);
CREATE INDEX jobs_lane ON jobs (dest, lane, id) WHERE state <> 'done';
CREATE INDEX jobs_due ON jobs (dest, due) WHERE state IN ('ready', 'leased');
CREATE INDEX jobs_state ON jobs (dest, state, id);
