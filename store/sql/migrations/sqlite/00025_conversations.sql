-- +goose Up
-- Conversations: threads between somebody and a bot. That of a call has the call's id, and its messages are the call's. Lengths are
-- nanoseconds; a negative one is none. A contact is the CRM's: nobody checks it here.
CREATE TABLE conversations (
  number     INTEGER PRIMARY KEY AUTOINCREMENT,
  id         TEXT NOT NULL UNIQUE,
  org        TEXT NOT NULL REFERENCES organisations (id),
  bot        TEXT NOT NULL,
  channel    TEXT NOT NULL,
  external   TEXT NOT NULL,
  status     TEXT NOT NULL,
  length     INTEGER NOT NULL,
  metadata   TEXT NOT NULL,
  autoreply  BOOLEAN NOT NULL,
  contact_id TEXT,
  created    TEXT NOT NULL,
  updated    TEXT NOT NULL
);
CREATE INDEX conversations_org ON conversations (org, id);
CREATE INDEX conversations_bot ON conversations (org, bot, id);
CREATE INDEX conversations_channel ON conversations (org, channel, id);
CREATE INDEX conversations_status ON conversations (org, status, id);
CREATE INDEX conversations_contact ON conversations (org, contact_id, id) WHERE contact_id IS NOT NULL;
