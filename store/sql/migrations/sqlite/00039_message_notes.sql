-- +goose Up
-- What the CRM knows of messages of conversations besides: for whom they were sent, their custom fields (JSON), and what was said in their sound.
CREATE TABLE message_notes (
  message  TEXT PRIMARY KEY,
  org      TEXT NOT NULL REFERENCES organisations (id),
  user_ref TEXT NOT NULL,
  fields   TEXT NOT NULL,
  words    TEXT NOT NULL,
  summary  TEXT NOT NULL,
  failure  TEXT NOT NULL,
  heard    TEXT NOT NULL
);
