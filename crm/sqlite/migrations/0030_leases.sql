-- Who owns which PBX, and which nodes are there. Times are ms since 1970.

CREATE TABLE leases (
  pbx       TEXT PRIMARY KEY,
  node      TEXT NOT NULL,              -- id of the owner, "" when it was given back
  epoch     INTEGER NOT NULL,           -- as in pbxs
  expires   INTEGER NOT NULL,
  up        INTEGER NOT NULL DEFAULT 0, -- the owner is logged in
  successor TEXT NOT NULL DEFAULT '',   -- id of the node that is to take it
  ready     INTEGER NOT NULL DEFAULT 0, -- the successor is logged in
  handed    INTEGER NOT NULL DEFAULT 0  -- node is the successor, and the owner is done
) STRICT;

CREATE TABLE nodes (
  id   TEXT PRIMARY KEY,
  beat INTEGER NOT NULL,
  self TEXT NOT NULL                    -- JSON: name, PBXs, what it can do
) STRICT;
