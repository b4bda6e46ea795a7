-- +goose Up
-- Organisations' accounts at carriers and vendors. sealed is their secret, closed by the key that key_id names.
CREATE TABLE credentials (
  number    INTEGER PRIMARY KEY AUTOINCREMENT,
  id        TEXT NOT NULL UNIQUE,
  org       TEXT NOT NULL REFERENCES organisations (id),
  vendor    TEXT NOT NULL,
  name      TEXT NOT NULL,
  account   TEXT NOT NULL,
  base_url  TEXT NOT NULL,
  sealed    TEXT NOT NULL,
  key_id    TEXT NOT NULL,
  hint      TEXT NOT NULL,
  preferred BOOLEAN NOT NULL,
  verdict   TEXT NOT NULL,
  verified  TEXT NOT NULL,
  created   TEXT NOT NULL,
  updated   TEXT NOT NULL
);
CREATE UNIQUE INDEX credentials_name ON credentials (org, name);
CREATE INDEX credentials_org ON credentials (org, id);
CREATE INDEX credentials_stale ON credentials (key_id, id);

-- Ways to carriers by SIP. sealed is the password; empty: none.
CREATE TABLE trunks (
  number    INTEGER PRIMARY KEY AUTOINCREMENT,
  id        TEXT NOT NULL UNIQUE,
  org       TEXT NOT NULL REFERENCES organisations (id),
  name      TEXT NOT NULL,
  host      TEXT NOT NULL,
  port      INTEGER NOT NULL,
  transport TEXT NOT NULL,
  username  TEXT NOT NULL,
  sealed    TEXT NOT NULL,
  key_id    TEXT NOT NULL,
  realm     TEXT NOT NULL,
  allowed   TEXT NOT NULL,
  codecs    TEXT NOT NULL,
  caller_id TEXT NOT NULL,
  outbound  BOOLEAN NOT NULL,
  registers BOOLEAN NOT NULL,
  created   TEXT NOT NULL,
  updated   TEXT NOT NULL
);
CREATE UNIQUE INDEX trunks_name ON trunks (org, name);
CREATE INDEX trunks_org ON trunks (org, id);
CREATE INDEX trunks_stale ON trunks (key_id, id);

ALTER TABLE numbers ADD COLUMN label TEXT NOT NULL DEFAULT '';
ALTER TABLE numbers ADD COLUMN credential TEXT NOT NULL DEFAULT '';
ALTER TABLE numbers ADD COLUMN trunk TEXT NOT NULL DEFAULT '';

-- The credential by which a call is placed; empty: the server's own account.
ALTER TABLE dials ADD COLUMN account TEXT NOT NULL DEFAULT '';
