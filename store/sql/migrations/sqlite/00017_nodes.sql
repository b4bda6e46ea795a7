-- +goose Up
-- Names this database, once and for all: what its nodes say to one another begins with it.
CREATE TABLE installation (
  id TEXT NOT NULL PRIMARY KEY
);
INSERT INTO installation (id) VALUES (lower(hex(randomblob(16))));

-- Processes that serve, and when they were last heard of, by the database's clock.
CREATE TABLE nodes (
  boot     TEXT NOT NULL PRIMARY KEY,
  node     TEXT NOT NULL,
  version  TEXT NOT NULL,
  started  TEXT NOT NULL,
  beat     TEXT NOT NULL,
  steady   TEXT NOT NULL,
  calls    INTEGER NOT NULL,
  draining BOOLEAN NOT NULL,
  gone     TEXT NOT NULL
);

-- Calls that another node has ended, since theirs was not heard of: the word of their own node counts more.
CREATE TABLE presumed (
  call TEXT NOT NULL PRIMARY KEY REFERENCES calls (id),
  node TEXT NOT NULL,
  boot TEXT NOT NULL
);
CREATE INDEX presumed_node ON presumed (node, boot);

-- What nodes are asked to do, where no bus carries it.
CREATE TABLE errands (
  id      TEXT NOT NULL PRIMARY KEY,
  boot    TEXT NOT NULL,
  task    TEXT NOT NULL,
  answer  TEXT NOT NULL,
  created TEXT NOT NULL
);
CREATE INDEX errands_boot ON errands (boot, id) WHERE answer = '';
