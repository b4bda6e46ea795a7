-- +goose Up
-- What softphones register with. Usernames are unique in an organisation; the registrar tells those of several by who knows the password.
CREATE TABLE extensions (
  number   INTEGER PRIMARY KEY AUTOINCREMENT,
  id       TEXT NOT NULL UNIQUE,
  org      TEXT NOT NULL REFERENCES organisations (id),
  username TEXT NOT NULL,
  name     TEXT NOT NULL,
  agent    TEXT NOT NULL,
  sealed   TEXT NOT NULL,
  key_id   TEXT NOT NULL,
  created  TEXT NOT NULL,
  updated  TEXT NOT NULL
);
CREATE UNIQUE INDEX extensions_username ON extensions (org, username);
CREATE INDEX extensions_org ON extensions (org, id);
CREATE INDEX extensions_stale ON extensions (key_id, id);
