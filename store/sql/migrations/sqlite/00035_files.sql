-- +goose Up
-- Files that were sent or received in conversations, or are kept to be sent. Their bytes lie where recordings do.
CREATE TABLE files (
  id      TEXT PRIMARY KEY,
  org     TEXT NOT NULL REFERENCES organisations (id),
  kind    TEXT NOT NULL,
  type    TEXT NOT NULL,
  name    TEXT NOT NULL,
  bytes   INTEGER NOT NULL,
  sha256  TEXT NOT NULL,
  path    TEXT NOT NULL,
  created TEXT NOT NULL
);
CREATE INDEX files_created ON files (created);
