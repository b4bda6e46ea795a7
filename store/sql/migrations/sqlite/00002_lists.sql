-- +goose Up
-- How many calls an organisation has of each agent and status: kept by whoever writes a call, in the same transaction.
CREATE TABLE call_counts (
  org    TEXT NOT NULL REFERENCES organisations (id),
  agent  TEXT NOT NULL,
  status TEXT NOT NULL,
  n      INTEGER NOT NULL,
  PRIMARY KEY (org, agent, status)
) WITHOUT ROWID;
INSERT INTO call_counts (org, agent, status, n)
  SELECT org, agent, status, COUNT(*) FROM calls GROUP BY org, agent, status;

-- Each list has an index that holds all that its page is chosen by, so that skipping rows never reads them.
CREATE INDEX calls_org ON calls (org, id);
CREATE INDEX calls_agent ON calls (org, agent, id);
CREATE INDEX calls_status ON calls (org, status, id);
CREATE INDEX calls_agent_status ON calls (org, agent, status, id);
CREATE INDEX calls_task ON calls (org, task, id, agent, status) WHERE task <> '';
CREATE INDEX agents_org ON agents (org, id);
CREATE INDEX agents_enabled ON agents (org, enabled, id);
