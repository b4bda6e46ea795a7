-- +goose Up
CREATE TABLE tasks (
  number           INTEGER PRIMARY KEY AUTOINCREMENT,
  id               TEXT NOT NULL UNIQUE,
  org              TEXT NOT NULL REFERENCES organisations (id),
  agent            TEXT NOT NULL,
  name             TEXT NOT NULL,
  callee           TEXT NOT NULL,
  description      TEXT NOT NULL,
  starting_message TEXT NOT NULL,
  context          TEXT NOT NULL,
  priority         INTEGER NOT NULL,
  scheduled        TEXT NOT NULL,
  webhook_url      TEXT NOT NULL,
  webhook_events   TEXT NOT NULL,
  status           TEXT NOT NULL,
  due              TEXT NOT NULL,
  attempts         INTEGER NOT NULL,
  retries          INTEGER NOT NULL,
  call             TEXT NOT NULL,
  error            TEXT NOT NULL,
  created          TEXT NOT NULL,
  updated          TEXT NOT NULL
);
CREATE INDEX tasks_org ON tasks (org, id);
CREATE INDEX tasks_agent ON tasks (org, agent, id);
CREATE INDEX tasks_status ON tasks (org, status, id);
CREATE INDEX tasks_agent_status ON tasks (org, agent, status, id);
CREATE INDEX tasks_due ON tasks (org, due) WHERE due <> '';
CREATE INDEX tasks_next ON tasks (org, priority DESC, due, id) WHERE due <> '';

-- How many tasks an organisation has of each agent and status: kept by whoever writes a task, in the same transaction.
CREATE TABLE task_totals (
  org    TEXT NOT NULL REFERENCES organisations (id),
  agent  TEXT NOT NULL,
  status TEXT NOT NULL,
  n      INTEGER NOT NULL,
  PRIMARY KEY (org, agent, status)
);

-- Calls that are being placed. A row is there before a carrier is asked; there is one for each execution of a task.
CREATE TABLE dials (
  call       TEXT NOT NULL PRIMARY KEY REFERENCES calls (id),
  org        TEXT NOT NULL REFERENCES organisations (id),
  task       TEXT NOT NULL,
  execution  INTEGER NOT NULL,
  priority   INTEGER NOT NULL,
  caller     TEXT NOT NULL,
  callee     TEXT NOT NULL,
  state      TEXT NOT NULL,
  due        TEXT NOT NULL,
  node       TEXT NOT NULL,
  carrier_id TEXT NOT NULL,
  asked      TEXT NOT NULL,
  look       TEXT NOT NULL,
  gone       TEXT NOT NULL,
  created    TEXT NOT NULL
);
CREATE UNIQUE INDEX dials_execution ON dials (task, execution);
CREATE INDEX dials_queued ON dials (org, priority DESC, created, call) WHERE state = 'queued';
CREATE INDEX dials_open ON dials (org, callee) WHERE state IN ('asking', 'placed');
CREATE INDEX dials_look ON dials (look) WHERE state IN ('asking', 'placed');
CREATE INDEX dials_carrier ON dials (carrier_id) WHERE carrier_id <> '';

-- When the next call of an organisation may be placed. Whoever takes dials holds its row.
CREATE TABLE dial_pace (
  org  TEXT NOT NULL PRIMARY KEY REFERENCES organisations (id),
  next TEXT NOT NULL
);

-- What happened to tasks' calls: each once.
CREATE TABLE task_events (
  number  INTEGER PRIMARY KEY AUTOINCREMENT,
  org     TEXT NOT NULL REFERENCES organisations (id),
  task    TEXT NOT NULL,
  call    TEXT NOT NULL,
  kind    TEXT NOT NULL,
  created TEXT NOT NULL
);
CREATE UNIQUE INDEX task_events_once ON task_events (call, kind);
