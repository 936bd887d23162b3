-- What calls of each month are: a search for what none of them is ends here. A kind is
-- stored with the first call that is of it, and stays.
CREATE TABLE call_kinds (
  tenant text COLLATE "C" NOT NULL,
  key    text COLLATE "C" NOT NULL,                -- of a queue, as in calls.keys; '' for every call
  month  integer NOT NULL,                         -- since the year 0
  facets text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, key, month, facets)
);

-- Of months before this one it is not known: calls were stored without kinds. A daemon
-- that stores none may be running for a while beside this one, so the next month is
-- among them. One row.
CREATE TABLE call_kinds_known AS
SELECT CASE WHEN EXISTS (SELECT FROM calls)
  THEN extract(year FROM now() AT TIME ZONE 'UTC')::integer * 12 + extract(month FROM now() AT TIME ZONE 'UTC')::integer + 1
  ELSE 0 END AS month;
