-- What calls of each month are: a search for what none of them is ends here. A kind is
-- stored with the first call that is of it, and stays.
CREATE TABLE call_kinds (
  tenant TEXT NOT NULL,
  key    TEXT NOT NULL,                -- of a queue, as in calls.keys; '' for every call
  month  INTEGER NOT NULL,             -- since the year 0
  facets TEXT NOT NULL,
  PRIMARY KEY (tenant, key, month, facets)
) WITHOUT ROWID;

-- Of months before this one it is not known: calls were stored without kinds. Clocks of
-- PBXs differ, so the next month is among them. One row.
CREATE TABLE call_kinds_known (month INTEGER NOT NULL);
INSERT INTO call_kinds_known
SELECT iif(EXISTS (SELECT 1 FROM calls), CAST(strftime('%Y', 'now') AS INTEGER) * 12 + CAST(strftime('%m', 'now') AS INTEGER) + 1, 0);
