-- +goose Up
-- What was made of calls after their end. report is JSON of control/report's; one made by rules is replaced by a model's.
CREATE TABLE reports (
  call   text COLLATE "C" NOT NULL PRIMARY KEY REFERENCES calls (id),
  report text NOT NULL,
  rules  boolean NOT NULL,
  made   text COLLATE "C" NOT NULL
);

-- Second transcripts of calls: by a vendor who held the conversation, or from the recording. messages is JSON.
CREATE TABLE retellings (
  call         text COLLATE "C" NOT NULL PRIMARY KEY REFERENCES calls (id),
  source       text NOT NULL,
  conversation text NOT NULL,
  messages     text NOT NULL,
  made         text COLLATE "C" NOT NULL
);
