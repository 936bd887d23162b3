-- What logins need. Keys, settings and tickets are the deployment's, not a tenant's.

CREATE TABLE signing_keys (
  id      TEXT PRIMARY KEY,
  public  BLOB NOT NULL,
  sealed  BLOB NOT NULL,
  created INTEGER
) WITHOUT ROWID;

CREATE TABLE families (
  id       TEXT PRIMARY KEY,
  user_id  TEXT NOT NULL,
  absolute INTEGER NOT NULL,             -- no token of it is good from then on
  revoked  INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE TABLE refresh_tokens (
  hash      BLOB PRIMARY KEY,
  family    TEXT NOT NULL REFERENCES families (id),
  issued    INTEGER,
  expires   INTEGER NOT NULL,
  successor BLOB,                        -- what it was exchanged for
  used      INTEGER
) WITHOUT ROWID;
CREATE INDEX refresh_tokens_family ON refresh_tokens (family);

CREATE TABLE tickets (
  kind    TEXT NOT NULL,
  hash    BLOB NOT NULL,
  data    BLOB NOT NULL,
  expires INTEGER NOT NULL,
  PRIMARY KEY (kind, hash)
) WITHOUT ROWID;
CREATE INDEX tickets_expires ON tickets (expires);

CREATE TABLE answers (
  tenant  TEXT NOT NULL,
  user_id TEXT NOT NULL,
  key     TEXT NOT NULL,
  request BLOB NOT NULL,
  status  INTEGER NOT NULL,
  body    BLOB NOT NULL,
  stored  INTEGER NOT NULL,
  PRIMARY KEY (tenant, user_id, key)
) WITHOUT ROWID;
CREATE INDEX answers_stored ON answers (stored);

CREATE TABLE settings (
  key   TEXT PRIMARY KEY,
  value BLOB NOT NULL
) WITHOUT ROWID;
