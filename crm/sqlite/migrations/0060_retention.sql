-- Calls that are kept whatever retention says.
CREATE TABLE holds (
  tenant TEXT NOT NULL,
  id     TEXT NOT NULL,                -- of the call that survives
  reason TEXT NOT NULL,
  by     TEXT NOT NULL,
  at     INTEGER NOT NULL,
  PRIMARY KEY (tenant, id)
) WITHOUT ROWID;

ALTER TABLE jobs ADD COLUMN queued INTEGER NOT NULL DEFAULT 0;
UPDATE jobs SET queued = CAST(strftime('%s', 'now') AS INTEGER) * 1000;
