-- +goose Up
-- Tasks of the CRM. Of conversation, which is a number of the client's own, the text is kept. Look is when an agent's work is to be looked at
-- next; empty: never.
CREATE TABLE assignments (
  number       INTEGER PRIMARY KEY AUTOINCREMENT,
  id           TEXT NOT NULL UNIQUE,
  org          TEXT NOT NULL REFERENCES organisations (id),
  conversation TEXT NOT NULL,
  title        TEXT NOT NULL,
  objective    TEXT NOT NULL,
  creator_type TEXT NOT NULL,
  creator      TEXT NOT NULL,
  holder_type  TEXT NOT NULL,
  holder       TEXT NOT NULL,
  agent        TEXT NOT NULL,
  status       TEXT NOT NULL,
  published    TEXT NOT NULL,
  due          TEXT NOT NULL,
  completed    TEXT NOT NULL,
  cancelled    TEXT NOT NULL,
  reason       TEXT NOT NULL,
  work         TEXT NOT NULL,
  look         TEXT NOT NULL,
  task         TEXT NOT NULL,
  call         TEXT NOT NULL,
  thread       TEXT NOT NULL,
  message      TEXT NOT NULL,
  outcome      TEXT NOT NULL,
  failure      TEXT NOT NULL,
  created      TEXT NOT NULL,
  updated      TEXT NOT NULL
);
CREATE INDEX assignments_org ON assignments (org, number);
CREATE INDEX assignments_status ON assignments (org, status, number);
CREATE INDEX assignments_due ON assignments (org, status, due, number);
CREATE INDEX assignments_conversation ON assignments (org, conversation, number);
CREATE INDEX assignments_holder ON assignments (org, holder, holder_type, number);
CREATE INDEX assignments_look ON assignments (look) WHERE look <> '';
