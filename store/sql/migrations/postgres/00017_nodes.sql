-- +goose Up
-- Names this database, once and for all: what its nodes say to one another begins with it.
CREATE TABLE installation (
  id text COLLATE "C" NOT NULL PRIMARY KEY
);
INSERT INTO installation (id) VALUES (replace(gen_random_uuid()::text, '-', ''));

-- Processes that serve, and when they were last heard of, by the database's clock.
CREATE TABLE nodes (
  boot     text COLLATE "C" NOT NULL PRIMARY KEY,
  node     text COLLATE "C" NOT NULL,
  version  text NOT NULL,
  started  text COLLATE "C" NOT NULL,
  beat     text COLLATE "C" NOT NULL,
  steady   text COLLATE "C" NOT NULL,
  calls    bigint NOT NULL,
  draining boolean NOT NULL,
  gone     text COLLATE "C" NOT NULL
);

-- Calls that another node has ended, since theirs was not heard of: the word of their own node counts more.
CREATE TABLE presumed (
  call text COLLATE "C" NOT NULL PRIMARY KEY REFERENCES calls (id),
  node text COLLATE "C" NOT NULL,
  boot text COLLATE "C" NOT NULL
);
CREATE INDEX presumed_node ON presumed (node, boot);

-- What nodes are asked to do, where no bus carries it.
CREATE TABLE errands (
  id      text COLLATE "C" NOT NULL PRIMARY KEY,
  boot    text COLLATE "C" NOT NULL,
  task    text NOT NULL,
  answer  text NOT NULL,
  created text COLLATE "C" NOT NULL
);
CREATE INDEX errands_boot ON errands (boot, id) WHERE answer = '';
