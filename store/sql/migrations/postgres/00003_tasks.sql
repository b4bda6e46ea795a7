-- +goose Up
-- How many calls a task has of each agent and status, as call_counts has them of an organisation.
CREATE TABLE task_counts (
  org    text COLLATE "C" NOT NULL REFERENCES organisations (id),
  task   text COLLATE "C" NOT NULL,
  agent  text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL,
  n      bigint NOT NULL,
  PRIMARY KEY (org, task, agent, status)
);
INSERT INTO task_counts (org, task, agent, status, n)
  SELECT org, task, agent, status, COUNT(*) FROM calls WHERE task <> '' GROUP BY org, task, agent, status;

-- A page may begin 10,000 calls deep: of those, few may be on pages that vacuum has not seen.
ALTER TABLE calls SET (autovacuum_vacuum_insert_threshold = 1000);
