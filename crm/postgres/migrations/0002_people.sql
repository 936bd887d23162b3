-- Contacts, users and their extensions.

CREATE TABLE contacts (
  tenant   text COLLATE "C" NOT NULL,
  id       text COLLATE "C" NOT NULL,
  name     text COLLATE "C" NOT NULL,
  sort     text COLLATE "C" NOT NULL,                -- the name as it is sorted by
  haystack text COLLATE "C" NOT NULL,                -- what a search for a part looks in
  company  text COLLATE "C" NOT NULL,
  email    text COLLATE "C" NOT NULL,
  numbers  text COLLATE "C" NOT NULL,                -- JSON list, E.164
  notes    text COLLATE "C" NOT NULL,
  url      text COLLATE "C" NOT NULL,
  created  timestamptz,
  updated  timestamptz,
  version  bigint NOT NULL,
  PRIMARY KEY (tenant, id)
);
CREATE INDEX contacts_sort ON contacts (tenant, sort, id);

CREATE TABLE contact_numbers (
  tenant text COLLATE "C" NOT NULL,
  number text COLLATE "C" NOT NULL,
  id     text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, number, id),
  FOREIGN KEY (tenant, id) REFERENCES contacts (tenant, id) ON DELETE CASCADE
);
CREATE INDEX contact_numbers_id ON contact_numbers (tenant, id);

CREATE TABLE users (
  id            text COLLATE "C" PRIMARY KEY,
  tenant        text COLLATE "C" NOT NULL,
  name          text COLLATE "C" NOT NULL,
  name_key      text COLLATE "C" NOT NULL,           -- the name in lower case
  role          text COLLATE "C" NOT NULL,
  password_hash text COLLATE "C" NOT NULL,
  disabled      boolean NOT NULL,
  version       bigint NOT NULL,
  created       timestamptz,
  UNIQUE (tenant, name_key),
  UNIQUE (tenant, id)
);

-- Who had which extension, from when until when; NULL is still.
CREATE TABLE bindings (
  no        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant    text COLLATE "C" NOT NULL,
  user_id   text COLLATE "C" NOT NULL,
  pbx       text COLLATE "C" NOT NULL,
  extension text COLLATE "C" NOT NULL,
  since     timestamptz NOT NULL,
  until     timestamptz,
  FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id)
);
CREATE UNIQUE INDEX bindings_now ON bindings (tenant, pbx, extension) WHERE until IS NULL;
CREATE INDEX bindings_since ON bindings (tenant, since);
