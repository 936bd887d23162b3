-- How it was found out what happened in a gap.

ALTER TABLE gaps ADD COLUMN closed_by TEXT NOT NULL DEFAULT '';  -- "" while that is still to be done
ALTER TABLE gaps ADD COLUMN missed INTEGER;                     -- calls on no record; NULL is unknown
ALTER TABLE gaps ADD COLUMN scans INTEGER NOT NULL DEFAULT 0;   -- how often ledgers were read
