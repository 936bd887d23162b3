-- Who owns which PBX, and which nodes are there. Times are the server's.

CREATE TABLE leases (
  pbx       text COLLATE "C" PRIMARY KEY,
  node      text COLLATE "C" NOT NULL,             -- id of the owner, "" when it was given back
  epoch     bigint NOT NULL,                       -- as in pbxs
  expires   timestamptz NOT NULL,
  up        boolean NOT NULL DEFAULT false,        -- the owner is logged in
  successor text COLLATE "C" NOT NULL DEFAULT '',  -- id of the node that is to take it
  ready     boolean NOT NULL DEFAULT false,        -- the successor is logged in
  handed    boolean NOT NULL DEFAULT false         -- node is the successor, and the owner is done
);

CREATE TABLE nodes (
  id   text COLLATE "C" PRIMARY KEY,
  beat timestamptz NOT NULL,
  self text NOT NULL                               -- JSON: name, PBXs, what it can do
);
