-- +goose Up
-- What the CRM knows of messages of conversations besides: for whom they were sent, their custom fields (JSON), and what was said in their sound.
CREATE TABLE message_notes (
  message  text COLLATE "C" PRIMARY KEY,
  org      text COLLATE "C" NOT NULL REFERENCES organisations (id),
  user_ref text NOT NULL,
  fields   text NOT NULL,
  words    text NOT NULL,
  summary  text NOT NULL,
  failure  text NOT NULL,
  heard    text COLLATE "C" NOT NULL
);
