-- From this month on every call with a disposition has terms that tell of it and its time.
-- Clocks of PBXs differ, so it is the month after the next. One row.
CREATE TABLE call_codes_known (month INTEGER NOT NULL);
INSERT INTO call_codes_known
SELECT iif(EXISTS (SELECT 1 FROM calls), CAST(strftime('%Y', 'now') AS INTEGER) * 12 + CAST(strftime('%m', 'now') AS INTEGER) + 1, 0);
