-- +goose Up
-- What was made of calls after their end. report is JSON of control/report's; one made by rules is replaced by a model's.
CREATE TABLE reports (
  call   TEXT NOT NULL PRIMARY KEY REFERENCES calls (id),
  report TEXT NOT NULL,
  rules  BOOLEAN NOT NULL,
  made   TEXT NOT NULL
) WITHOUT ROWID;

-- Second transcripts of calls: by a vendor who held the conversation, or from the recording. messages is JSON.
CREATE TABLE retellings (
  call         TEXT NOT NULL PRIMARY KEY REFERENCES calls (id),
  source       TEXT NOT NULL,
  conversation TEXT NOT NULL,
  messages     TEXT NOT NULL,
  made         TEXT NOT NULL
) WITHOUT ROWID;
