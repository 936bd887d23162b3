-- From this month on every call with a disposition has terms that tell of it and its time.
-- A daemon that stores none may be running for a while beside this one, so it is the
-- month after the next. One row.
CREATE TABLE call_codes_known AS
SELECT CASE WHEN EXISTS (SELECT FROM calls)
  THEN extract(year FROM now() AT TIME ZONE 'UTC')::integer * 12 + extract(month FROM now() AT TIME ZONE 'UTC')::integer + 1
  ELSE 0 END AS month;
