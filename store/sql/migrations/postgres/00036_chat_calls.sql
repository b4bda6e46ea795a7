-- +goose Up
-- Calls on messaging channels: by which bot's number a call came or is to be made, how a person is asked whether they may be called (JSON), and
-- which node has the call that a channel tells of.
ALTER TABLE calls ADD COLUMN bot text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN bot text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN permission text NOT NULL DEFAULT '';
CREATE INDEX tasks_bot ON tasks (bot, callee) WHERE bot <> '';

CREATE TABLE chat_calls (
  org     text COLLATE "C" NOT NULL,
  id      text COLLATE "C" NOT NULL,
  boot    text COLLATE "C" NOT NULL,
  created text COLLATE "C" NOT NULL,
  PRIMARY KEY (org, id)
);
CREATE INDEX chat_calls_created ON chat_calls (created);
