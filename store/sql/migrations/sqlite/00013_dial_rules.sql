-- +goose Up
-- How an organisation may dial: JSON of the dialer's.
CREATE TABLE dial_rules (
  org   TEXT NOT NULL PRIMARY KEY REFERENCES organisations (id),
  rules TEXT NOT NULL
);

-- Numbers that an organisation never dials.
CREATE TABLE do_not_call (
  number  INTEGER PRIMARY KEY AUTOINCREMENT,
  id      TEXT NOT NULL UNIQUE,
  org     TEXT NOT NULL REFERENCES organisations (id),
  e164    TEXT NOT NULL,
  reason  TEXT NOT NULL,
  created TEXT NOT NULL
);
CREATE UNIQUE INDEX do_not_call_once ON do_not_call (org, e164);
CREATE INDEX do_not_call_org ON do_not_call (org, id);
