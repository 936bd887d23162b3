-- Calls that are kept whatever retention says.
CREATE TABLE holds (
  tenant text COLLATE "C" NOT NULL,
  id     text COLLATE "C" NOT NULL,                -- of the call that survives
  reason text COLLATE "C" NOT NULL,
  by     text COLLATE "C" NOT NULL,
  at     timestamptz NOT NULL,
  PRIMARY KEY (tenant, id)
);

ALTER TABLE jobs ADD COLUMN queued timestamptz NOT NULL DEFAULT now();   -- of older ones: when this column came
