-- What the owner of a PBX writes. Times are ms since 1970, UTC; NULL is unknown.

CREATE TABLE pbxs (
  pbx       TEXT PRIMARY KEY,
  tenant    TEXT NOT NULL,
  epoch     INTEGER NOT NULL,            -- of the latest ownership
  node      TEXT NOT NULL,               -- who has it
  pos_epoch INTEGER NOT NULL DEFAULT 0,  -- the checkpoint
  pos_seq   INTEGER NOT NULL DEFAULT 0,
  UNIQUE (tenant, pbx)
) WITHOUT ROWID;

-- The fold's own state at the checkpoint, one row per open call.
CREATE TABLE fold_state (
  tenant TEXT NOT NULL,
  pbx    TEXT NOT NULL,
  key    TEXT NOT NULL,
  value  BLOB NOT NULL,
  PRIMARY KEY (tenant, pbx, key),
  FOREIGN KEY (tenant, pbx) REFERENCES pbxs (tenant, pbx)
) WITHOUT ROWID;

CREATE TABLE gaps (
  tenant  TEXT NOT NULL,
  id      TEXT NOT NULL,
  pbx     TEXT NOT NULL,
  started INTEGER,
  ended   INTEGER,
  cause   TEXT NOT NULL,
  detail  TEXT NOT NULL,
  PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
CREATE INDEX gaps_started ON gaps (tenant, started, id);

CREATE TABLE calls (
  no      INTEGER PRIMARY KEY,           -- rowid of its words
  tenant  TEXT NOT NULL,
  id      TEXT NOT NULL,
  started INTEGER NOT NULL,              -- 0 when unknown
  talk_ms INTEGER NOT NULL,
  numbers TEXT NOT NULL,                 -- "|" before each, digits reversed
  keys    TEXT NOT NULL,                 -- JSON list: its rows in call_keys
  words   TEXT NOT NULL,                 -- its row in call_words
  record  TEXT NOT NULL,                 -- JSON, as the PBX told it
  added   TEXT NOT NULL,                 -- JSON, as people added; a commit leaves it alone
  UNIQUE (tenant, id)
);
CREATE INDEX calls_started ON calls (tenant, started, id);
CREATE INDEX calls_talk ON calls (tenant, talk_ms);

-- Every exact thing a call can be found by, in the order of the list.
CREATE TABLE call_keys (
  tenant  TEXT NOT NULL,
  key     TEXT NOT NULL,
  started INTEGER NOT NULL,
  id      TEXT NOT NULL,
  PRIMARY KEY (tenant, key, started, id)
) WITHOUT ROWID;

-- The words of a call, and one that stands for its tenant.
CREATE VIRTUAL TABLE call_words USING fts5 (
  words, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii'
);

-- Ids of absorbed calls.
CREATE TABLE call_aliases (
  tenant   TEXT NOT NULL,
  id       TEXT NOT NULL,
  survivor TEXT NOT NULL,
  PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
CREATE INDEX call_aliases_survivor ON call_aliases (tenant, survivor);

CREATE TABLE dispositions (
  tenant TEXT NOT NULL,
  code   TEXT NOT NULL,
  label  TEXT NOT NULL,
  place  INTEGER NOT NULL,
  PRIMARY KEY (tenant, code)
) WITHOUT ROWID;

-- The event log. n ascends in the order of commits; some numbers are never used.
CREATE TABLE events (
  n       INTEGER PRIMARY KEY,
  tenant  TEXT NOT NULL,
  pbx     TEXT NOT NULL,                 -- "" for what people did
  epoch   INTEGER NOT NULL,
  seq     INTEGER NOT NULL,
  num     INTEGER NOT NULL,
  type    TEXT NOT NULL,
  call_id TEXT NOT NULL,
  at      INTEGER,
  body    BLOB NOT NULL,                 -- CloudEvents JSON
  UNIQUE (tenant, pbx, epoch, seq, num)
);
CREATE INDEX events_tenant ON events (tenant, n);
CREATE INDEX events_people ON events (n) WHERE pbx = '';

-- The last number given out in the event log. One row.
CREATE TABLE event_head (n INTEGER NOT NULL);
INSERT INTO event_head (n) VALUES (0);
