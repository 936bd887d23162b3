-- Contacts, users and their extensions.

CREATE TABLE contacts (
  tenant   TEXT NOT NULL,
  id       TEXT NOT NULL,
  name     TEXT NOT NULL,
  sort     TEXT NOT NULL,                -- the name as it is sorted by
  haystack TEXT NOT NULL,                -- what a search for a part looks in
  company  TEXT NOT NULL,
  email    TEXT NOT NULL,
  numbers  TEXT NOT NULL,                -- JSON list, E.164
  notes    TEXT NOT NULL,
  url      TEXT NOT NULL,
  created  INTEGER,
  updated  INTEGER,
  version  INTEGER NOT NULL,
  PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
CREATE INDEX contacts_sort ON contacts (tenant, sort, id);

CREATE TABLE contact_numbers (
  tenant TEXT NOT NULL,
  number TEXT NOT NULL,
  id     TEXT NOT NULL,
  PRIMARY KEY (tenant, number, id),
  FOREIGN KEY (tenant, id) REFERENCES contacts (tenant, id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX contact_numbers_id ON contact_numbers (tenant, id);

CREATE TABLE users (
  id            TEXT PRIMARY KEY,
  tenant        TEXT NOT NULL,
  name          TEXT NOT NULL,
  name_key      TEXT NOT NULL,           -- the name in lower case
  role          TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  disabled      INTEGER NOT NULL,
  version       INTEGER NOT NULL,
  created       INTEGER,
  UNIQUE (tenant, name_key),
  UNIQUE (tenant, id)
) WITHOUT ROWID;

-- Who had which extension, from when until when; NULL is still.
CREATE TABLE bindings (
  no        INTEGER PRIMARY KEY,
  tenant    TEXT NOT NULL,
  user_id   TEXT NOT NULL,
  pbx       TEXT NOT NULL,
  extension TEXT NOT NULL,
  since     INTEGER NOT NULL,
  until     INTEGER,
  FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id)
);
CREATE UNIQUE INDEX bindings_now ON bindings (tenant, pbx, extension) WHERE until IS NULL;
CREATE INDEX bindings_since ON bindings (tenant, since);
