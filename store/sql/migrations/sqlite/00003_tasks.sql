-- +goose Up
-- How many calls a task has of each agent and status, as call_counts has them of an organisation.
CREATE TABLE task_counts (
  org    TEXT NOT NULL REFERENCES organisations (id),
  task   TEXT NOT NULL,
  agent  TEXT NOT NULL,
  status TEXT NOT NULL,
  n      INTEGER NOT NULL,
  PRIMARY KEY (org, task, agent, status)
) WITHOUT ROWID;
INSERT INTO task_counts (org, task, agent, status, n)
  SELECT org, task, agent, status, COUNT(*) FROM calls WHERE task <> '' GROUP BY org, task, agent, status;
