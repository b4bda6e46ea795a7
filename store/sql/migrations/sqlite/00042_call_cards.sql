-- +goose Up
-- What clients of the CRM contract keep of calls, as JSON, and the agents that were made for calls which say all themselves, by a digest of that.
CREATE TABLE call_cards (
  call    TEXT NOT NULL PRIMARY KEY REFERENCES calls (id),
  card    TEXT NOT NULL,
  changes INTEGER NOT NULL,
  created TEXT NOT NULL,
  updated TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE call_agents (
  org    TEXT NOT NULL REFERENCES organisations (id),
  digest TEXT NOT NULL,
  agent  TEXT NOT NULL,
  PRIMARY KEY (org, digest)
) WITHOUT ROWID;

-- The number that a task's call is to come from; empty: the agent's.
ALTER TABLE tasks ADD COLUMN caller TEXT NOT NULL DEFAULT '';
