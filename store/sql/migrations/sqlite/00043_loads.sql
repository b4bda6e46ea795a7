-- +goose Up
-- Recordings that are to be fetched from elsewhere. One that has ended is kept, for whoever asks what became of it.
CREATE TABLE loads (
  call    TEXT NOT NULL PRIMARY KEY REFERENCES calls (id),
  org     TEXT NOT NULL REFERENCES organisations (id),
  url     TEXT NOT NULL,
  tries   INTEGER NOT NULL,
  due     TEXT NOT NULL,
  node    TEXT NOT NULL,
  error   TEXT NOT NULL,
  created TEXT NOT NULL,
  ended   TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX loads_due ON loads (due) WHERE ended = '';
