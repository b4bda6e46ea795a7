-- +goose Up
-- Each version is reached once: of two processes that migrate at the same time, one fails here and finds the work done.
CREATE UNIQUE INDEX goose_db_version_once ON goose_db_version (version_id);

CREATE TABLE organisations (
  number        INTEGER PRIMARY KEY AUTOINCREMENT,
  id            TEXT NOT NULL UNIQUE,
  name          TEXT NOT NULL,
  default_agent TEXT NOT NULL DEFAULT '',
  created       TEXT NOT NULL
);

CREATE TABLE users (
  number   INTEGER PRIMARY KEY AUTOINCREMENT,
  id       TEXT NOT NULL UNIQUE,
  org      TEXT NOT NULL REFERENCES organisations (id),
  email    TEXT NOT NULL UNIQUE,
  name     TEXT NOT NULL,
  password TEXT NOT NULL,
  role     TEXT NOT NULL,
  created  TEXT NOT NULL
);

CREATE TABLE keys (
  number    INTEGER PRIMARY KEY AUTOINCREMENT,
  id        TEXT NOT NULL UNIQUE,
  org       TEXT NOT NULL REFERENCES organisations (id),
  maker     TEXT NOT NULL,
  role      TEXT NOT NULL,
  name      TEXT NOT NULL,
  prefix    TEXT NOT NULL,
  hash      TEXT NOT NULL UNIQUE,
  scopes    TEXT NOT NULL,
  created   TEXT NOT NULL,
  expires   TEXT NOT NULL,
  last_used TEXT NOT NULL,
  revoked   TEXT NOT NULL
);
CREATE INDEX keys_org ON keys (org, id);

CREATE TABLE agents (
  number           INTEGER PRIMARY KEY AUTOINCREMENT,
  id               TEXT NOT NULL UNIQUE,
  org              TEXT NOT NULL REFERENCES organisations (id),
  version          INTEGER NOT NULL,
  name             TEXT NOT NULL,
  description      TEXT NOT NULL,
  system_prompt    TEXT NOT NULL,
  starting_message TEXT NOT NULL,
  enabled          BOOLEAN NOT NULL,
  voice_settings   TEXT NOT NULL,
  dtmf_rules       TEXT NOT NULL,
  created          TEXT NOT NULL,
  updated          TEXT NOT NULL
);

-- What agents were: a version outlives its agent, for the calls that it served.
CREATE TABLE agent_versions (
  agent            TEXT NOT NULL,
  version          INTEGER NOT NULL,
  number           INTEGER NOT NULL,
  org              TEXT NOT NULL REFERENCES organisations (id),
  name             TEXT NOT NULL,
  description      TEXT NOT NULL,
  system_prompt    TEXT NOT NULL,
  starting_message TEXT NOT NULL,
  enabled          BOOLEAN NOT NULL,
  voice_settings   TEXT NOT NULL,
  dtmf_rules       TEXT NOT NULL,
  created          TEXT NOT NULL,
  updated          TEXT NOT NULL,
  PRIMARY KEY (agent, version)
) WITHOUT ROWID;

CREATE TABLE numbers (
  number  INTEGER PRIMARY KEY AUTOINCREMENT,
  id      TEXT NOT NULL UNIQUE,
  org     TEXT NOT NULL REFERENCES organisations (id),
  e164    TEXT NOT NULL UNIQUE,
  agent   TEXT NOT NULL,
  created TEXT NOT NULL,
  updated TEXT NOT NULL
);
CREATE INDEX numbers_org ON numbers (org, e164);

-- Grows with every change of an organisation, agent or number. Whoever writes those writes this row first, and so waits for the others.
CREATE TABLE revision (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  n   INTEGER NOT NULL
);
INSERT INTO revision (one, n) VALUES (1, 0);

-- Durations are nanoseconds.
CREATE TABLE calls (
  number        INTEGER PRIMARY KEY AUTOINCREMENT,
  id            TEXT NOT NULL UNIQUE,
  org           TEXT NOT NULL REFERENCES organisations (id),
  agent         TEXT NOT NULL,
  agent_version INTEGER NOT NULL,
  task          TEXT NOT NULL,
  direction     TEXT NOT NULL,
  status        TEXT NOT NULL,
  leg           TEXT NOT NULL,
  carrier_id    TEXT NOT NULL,
  caller        TEXT NOT NULL,
  callee        TEXT NOT NULL,
  node          TEXT NOT NULL,
  boot          TEXT NOT NULL,
  created       TEXT NOT NULL,
  answered      TEXT NOT NULL,
  ended         TEXT NOT NULL,
  length        INTEGER NOT NULL,
  cause         TEXT NOT NULL,
  error         TEXT NOT NULL,
  turns         INTEGER NOT NULL,
  drops         INTEGER NOT NULL,
  latency       TEXT NOT NULL
);
CREATE INDEX calls_open ON calls (node) WHERE status IN ('initiated', 'in_progress');

CREATE TABLE turns (
  call    TEXT NOT NULL REFERENCES calls (id),
  n       INTEGER NOT NULL,
  why     TEXT NOT NULL,
  said    TEXT NOT NULL,
  text    TEXT NOT NULL,
  heard   TEXT NOT NULL,
  cut     BOOLEAN NOT NULL,
  at      INTEGER NOT NULL,
  sounded INTEGER NOT NULL,
  latency TEXT NOT NULL,
  error   TEXT NOT NULL,
  PRIMARY KEY (call, n)
) WITHOUT ROWID;

CREATE TABLE messages (
  call   TEXT NOT NULL REFERENCES calls (id),
  seq    INTEGER NOT NULL,
  role   TEXT NOT NULL,
  text   TEXT NOT NULL,
  cut    BOOLEAN NOT NULL,
  turn   INTEGER NOT NULL,
  at     INTEGER NOT NULL,
  length INTEGER NOT NULL,
  PRIMARY KEY (call, seq)
) WITHOUT ROWID;

CREATE TABLE recordings (
  call     TEXT NOT NULL PRIMARY KEY REFERENCES calls (id),
  path     TEXT NOT NULL,
  rate     INTEGER NOT NULL,
  channels INTEGER NOT NULL,
  bytes    INTEGER NOT NULL,
  length   INTEGER NOT NULL
) WITHOUT ROWID;

-- Starts of nodes whose crashed calls have been closed.
CREATE TABLE boots (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  node   TEXT NOT NULL,
  boot   TEXT NOT NULL,
  UNIQUE (node, boot)
);
