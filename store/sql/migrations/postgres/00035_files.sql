-- +goose Up
-- Files that were sent or received in conversations, or are kept to be sent. Their bytes lie where recordings do.
CREATE TABLE files (
  id      text COLLATE "C" PRIMARY KEY,
  org     text COLLATE "C" NOT NULL REFERENCES organisations (id),
  kind    text COLLATE "C" NOT NULL,
  type    text NOT NULL,
  name    text NOT NULL,
  bytes   bigint NOT NULL,
  sha256  text COLLATE "C" NOT NULL,
  path    text NOT NULL,
  created text COLLATE "C" NOT NULL
);
CREATE INDEX files_created ON files (created);
