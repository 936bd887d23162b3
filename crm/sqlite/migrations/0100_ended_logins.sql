-- When a login was ended: its access tokens and sockets outlive it by no more than who asks for
-- the ended ones takes.
ALTER TABLE families ADD COLUMN ended INTEGER;
CREATE INDEX families_ended ON families (ended) WHERE ended IS NOT NULL;
