-- +goose Up
-- What was written in conversations that are no calls. Tokens are what a reply used; a negative number is not known.
CREATE TABLE thread_messages (
  number       INTEGER PRIMARY KEY AUTOINCREMENT,
  id           TEXT NOT NULL UNIQUE,
  conversation TEXT NOT NULL REFERENCES conversations (id),
  role         TEXT NOT NULL,
  content      TEXT NOT NULL,
  kind         TEXT NOT NULL,
  tokens       INTEGER NOT NULL,
  created      TEXT NOT NULL
);
CREATE INDEX thread_messages_thread ON thread_messages (conversation, created, number);
