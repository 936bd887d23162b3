-- What must reach other systems. A destination belongs to one tenant by its configuration.

CREATE TABLE outbox_cursors (
  dest TEXT PRIMARY KEY,
  n    INTEGER NOT NULL                  -- the last event that was turned into jobs
) WITHOUT ROWID;

CREATE TABLE jobs (
  id       INTEGER PRIMARY KEY AUTOINCREMENT,
  dest     TEXT NOT NULL,
  lane     TEXT NOT NULL,
  key      TEXT NOT NULL,
  kind     TEXT NOT NULL,
  payload  BLOB NOT NULL,
  state    TEXT NOT NULL,
  due      INTEGER,                      -- when it may be claimed: run time, or end of the lease
  attempts INTEGER NOT NULL DEFAULT 0,
  gen      INTEGER NOT NULL DEFAULT 0,
  unsure   INTEGER NOT NULL DEFAULT 0,
  last_err TEXT NOT NULL DEFAULT '',
  UNIQUE (dest, key)
);
CREATE INDEX jobs_lane ON jobs (dest, lane, id) WHERE state <> 'done';
CREATE INDEX jobs_due ON jobs (dest, due) WHERE state IN ('ready', 'leased');
CREATE INDEX jobs_state ON jobs (dest, state, id);
