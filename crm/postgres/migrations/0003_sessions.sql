-- What logins need. Keys, settings and tickets are the deployment's, not a tenant's.

CREATE TABLE signing_keys (
  id      text COLLATE "C" PRIMARY KEY,
  public  bytea NOT NULL,
  sealed  bytea NOT NULL,
  created timestamptz
);

CREATE TABLE families (
  id       text COLLATE "C" PRIMARY KEY,
  user_id  text COLLATE "C" NOT NULL,
  absolute timestamptz NOT NULL,             -- no token of it is good from then on
  revoked  boolean NOT NULL DEFAULT false
);

CREATE TABLE refresh_tokens (
  hash      bytea PRIMARY KEY,
  family    text COLLATE "C" NOT NULL REFERENCES families (id),
  issued    timestamptz,
  expires   timestamptz NOT NULL,
  successor bytea,                        -- what it was exchanged for
  used      timestamptz
);
CREATE INDEX refresh_tokens_family ON refresh_tokens (family);

CREATE TABLE tickets (
  kind    text COLLATE "C" NOT NULL,
  hash    bytea NOT NULL,
  data    bytea NOT NULL,
  expires timestamptz NOT NULL,
  PRIMARY KEY (kind, hash)
);
CREATE INDEX tickets_expires ON tickets (expires);

CREATE TABLE answers (
  tenant  text COLLATE "C" NOT NULL,
  user_id text COLLATE "C" NOT NULL,
  key     text COLLATE "C" NOT NULL,
  request bytea NOT NULL,
  status  bigint NOT NULL,
  body    bytea NOT NULL,
  stored  timestamptz NOT NULL,
  PRIMARY KEY (tenant, user_id, key)
);
CREATE INDEX answers_stored ON answers (stored);

CREATE TABLE settings (
  key   text COLLATE "C" PRIMARY KEY,
  value bytea NOT NULL
);
