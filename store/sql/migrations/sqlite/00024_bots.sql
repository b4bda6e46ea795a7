-- +goose Up
-- Bots: agents bound to a channel. What was deleted (gone) stays, for its conversations have its name.
CREATE TABLE bots (
  number  INTEGER PRIMARY KEY AUTOINCREMENT,
  id      TEXT NOT NULL UNIQUE,
  org     TEXT NOT NULL REFERENCES organisations (id),
  agent   TEXT NOT NULL,
  own     BOOLEAN NOT NULL,
  name    TEXT NOT NULL,
  kind    TEXT NOT NULL,
  config  TEXT NOT NULL,
  numbers TEXT NOT NULL,
  created TEXT NOT NULL,
  updated TEXT NOT NULL,
  gone    TEXT NOT NULL DEFAULT ''
);
CREATE INDEX bots_org ON bots (org, id) WHERE gone = '';
CREATE INDEX bots_agent ON bots (agent);

-- How many conversations a bot has had: kept by whoever writes one, in the same transaction.
CREATE TABLE bot_counts (
  bot TEXT NOT NULL PRIMARY KEY,
  n   INTEGER NOT NULL
);
