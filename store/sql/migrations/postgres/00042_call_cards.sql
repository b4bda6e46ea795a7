-- +goose Up
-- What clients of the CRM contract keep of calls, as JSON, and the agents that were made for calls which say all themselves, by a digest of that.
CREATE TABLE call_cards (
  call    text COLLATE "C" NOT NULL PRIMARY KEY REFERENCES calls (id),
  card    text NOT NULL,
  changes bigint NOT NULL,
  created text COLLATE "C" NOT NULL,
  updated text COLLATE "C" NOT NULL
);

CREATE TABLE call_agents (
  org    text COLLATE "C" NOT NULL REFERENCES organisations (id),
  digest text COLLATE "C" NOT NULL,
  agent  text COLLATE "C" NOT NULL,
  PRIMARY KEY (org, digest)
);

-- The number that a task's call is to come from; empty: the agent's.
ALTER TABLE tasks ADD COLUMN caller text COLLATE "C" NOT NULL DEFAULT '';
