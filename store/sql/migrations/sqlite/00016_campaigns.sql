-- +goose Up
-- Campaigns: many numbers that an agent calls. Each number is a task.
CREATE TABLE campaigns (
  number           INTEGER PRIMARY KEY AUTOINCREMENT,
  id               TEXT NOT NULL UNIQUE,
  org              TEXT NOT NULL REFERENCES organisations (id),
  agent            TEXT NOT NULL,
  name             TEXT NOT NULL,
  description      TEXT NOT NULL,
  starting_message TEXT NOT NULL,
  priority         INTEGER NOT NULL,
  scheduled        TEXT NOT NULL,
  webhook_url      TEXT NOT NULL,
  webhook_events   TEXT NOT NULL,
  max_calls        INTEGER NOT NULL,
  pace             INTEGER NOT NULL,
  breaker_calls    INTEGER NOT NULL,
  breaker_percent  INTEGER NOT NULL,
  breaker_short    INTEGER NOT NULL,
  status           TEXT NOT NULL,
  reason           TEXT NOT NULL,
  since            INTEGER NOT NULL,
  next             TEXT NOT NULL,
  created          TEXT NOT NULL,
  updated          TEXT NOT NULL,
  started          TEXT NOT NULL,
  ended            TEXT NOT NULL
);
CREATE INDEX campaigns_org ON campaigns (org, id);
CREATE INDEX campaigns_live ON campaigns (org) WHERE ended = '';

-- How many tasks a campaign has of each status and outcome: kept by whoever writes a task, in the same transaction.
CREATE TABLE campaign_counts (
  org      TEXT NOT NULL REFERENCES organisations (id),
  campaign TEXT NOT NULL,
  status   TEXT NOT NULL,
  outcome  TEXT NOT NULL,
  n        INTEGER NOT NULL,
  PRIMARY KEY (org, campaign, status, outcome)
);

-- How the calls of campaigns ended, one after the other: what circuit breakers and rates are reckoned by.
CREATE TABLE campaign_ends (
  number   INTEGER PRIMARY KEY AUTOINCREMENT,
  campaign TEXT NOT NULL,
  status   TEXT NOT NULL,
  cause    TEXT NOT NULL,
  length   INTEGER NOT NULL,
  ended    TEXT NOT NULL
);
CREATE INDEX campaign_ends_last ON campaign_ends (campaign, number);

-- A task of a campaign is due only while that runs, so it is found by its campaign, and others without looking at it. Its number is what
-- tells it from the others of its campaign.
ALTER TABLE tasks ADD COLUMN campaign TEXT NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN line INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN outcome TEXT NOT NULL DEFAULT '';
DROP INDEX tasks_due;
DROP INDEX tasks_next;
CREATE INDEX tasks_due ON tasks (org, due) WHERE due <> '' AND campaign = '';
CREATE INDEX tasks_next ON tasks (org, priority DESC, due, id) WHERE due <> '' AND campaign = '';
CREATE INDEX tasks_contacts ON tasks (campaign, priority DESC, due, id) WHERE due <> '' AND campaign <> '';
CREATE INDEX tasks_campaign ON tasks (org, campaign, id) WHERE campaign <> '';
CREATE INDEX tasks_campaign_status ON tasks (org, campaign, status, id) WHERE campaign <> '';
CREATE UNIQUE INDEX tasks_contact ON tasks (campaign, callee) WHERE campaign <> '';

ALTER TABLE dials ADD COLUMN campaign TEXT NOT NULL DEFAULT '';

-- Who answered an outbound call: human, machine, ...
ALTER TABLE calls ADD COLUMN answered_by TEXT NOT NULL DEFAULT '';
