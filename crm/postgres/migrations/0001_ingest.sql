-- What the owner of a PBX writes. NULL is unknown. Text is
-- compared by its bytes, whatever the locale of the database.

CREATE TABLE pbxs (
  pbx       text COLLATE "C" PRIMARY KEY,
  tenant    text COLLATE "C" NOT NULL,
  epoch     bigint NOT NULL,            -- of the latest ownership
  node      text COLLATE "C" NOT NULL,               -- who has it
  pos_epoch bigint NOT NULL DEFAULT 0,  -- the checkpoint
  pos_seq   bigint NOT NULL DEFAULT 0,
  UNIQUE (tenant, pbx)
);

-- The fold's own state at the checkpoint, one row per open call.
CREATE TABLE fold_state (
  tenant text COLLATE "C" NOT NULL,
  pbx    text COLLATE "C" NOT NULL,
  key    text COLLATE "C" NOT NULL,
  value  bytea NOT NULL,
  PRIMARY KEY (tenant, pbx, key),
  FOREIGN KEY (tenant, pbx) REFERENCES pbxs (tenant, pbx)
);

CREATE TABLE gaps (
  tenant  text COLLATE "C" NOT NULL,
  id      text COLLATE "C" NOT NULL,
  pbx     text COLLATE "C" NOT NULL,
  started timestamptz,
  ended   timestamptz,
  cause   text COLLATE "C" NOT NULL,
  detail  text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, id)
);
CREATE INDEX gaps_started ON gaps (tenant, started, id);

CREATE TABLE calls (
  tenant  text COLLATE "C" NOT NULL,
  id      text COLLATE "C" NOT NULL,
  started timestamptz NOT NULL,          -- 1970 when unknown
  talk_ms bigint NOT NULL,
  numbers text COLLATE "C" NOT NULL,     -- "|" before each, digits reversed
  keys    text NOT NULL,                 -- JSON list: its rows in call_keys
  words   tsvector,                      -- its words, and one that stands for its tenant; NULL without words
  record  text NOT NULL,                 -- JSON, as the PBX told it
  added   text NOT NULL,                 -- JSON, as people added; a commit leaves it alone
  PRIMARY KEY (tenant, id)
) WITH (fillfactor = 85);                -- room to update an open call in place
CREATE INDEX calls_started ON calls (tenant, started, id);
CREATE INDEX calls_talk ON calls (tenant, talk_ms);
CREATE INDEX calls_words ON calls USING gin (words);

-- Every exact thing a call can be found by, in the order of the list.
CREATE TABLE call_keys (
  tenant  text COLLATE "C" NOT NULL,
  key     text COLLATE "C" NOT NULL,
  started timestamptz NOT NULL,
  id      text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, key, started, id)
);

-- Ids of absorbed calls.
CREATE TABLE call_aliases (
  tenant   text COLLATE "C" NOT NULL,
  id       text COLLATE "C" NOT NULL,
  survivor text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, id)
);
CREATE INDEX call_aliases_survivor ON call_aliases (tenant, survivor);

CREATE TABLE dispositions (
  tenant text COLLATE "C" NOT NULL,
  code   text COLLATE "C" NOT NULL,
  label  text COLLATE "C" NOT NULL,
  place  bigint NOT NULL,
  PRIMARY KEY (tenant, code)
);

-- The event log. Numbers are given out in the order of transaction ids (see
-- reserve_events), so below the oldest running transaction nothing is to come.
CREATE TABLE events (
  tenant  text COLLATE "C" NOT NULL,
  n       bigint NOT NULL,
  xid     xid8 NOT NULL DEFAULT pg_current_xact_id(),
  pbx     text COLLATE "C" NOT NULL,     -- "" for what people did
  epoch   bigint NOT NULL,
  seq     bigint NOT NULL,
  num     integer NOT NULL,
  type    text NOT NULL,
  call_id text NOT NULL,
  at      timestamptz,
  body    bytea NOT NULL,                -- CloudEvents JSON
  PRIMARY KEY (tenant, n),
  UNIQUE (tenant, pbx, epoch, seq, num)
);
CREATE INDEX events_people ON events (n) WHERE pbx = '';

CREATE SEQUENCE event_n;

-- reserve_events gives out k numbers of the event log and returns the first. It
-- must be the first statement of a transaction: then that has no id yet, and gets
-- one here, under a lock that makes ids and numbers ascend together. The lock is
-- not held until the commit: undoing the inner block releases it (the sequence and
-- the transaction's id stay), also when the statement is cancelled.
CREATE FUNCTION reserve_events(k bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  first bigint;
BEGIN
  BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('patchcord'), hashtext('reserve_events'));
    PERFORM pg_current_xact_id();
    first := nextval('event_n');
    PERFORM setval('event_n', first + k - 1);
    RAISE EXCEPTION 'release the lock' USING ERRCODE = 'PC001';
  EXCEPTION WHEN SQLSTATE 'PC001' THEN
    NULL;
  END;
  RETURN first;
END $$;
