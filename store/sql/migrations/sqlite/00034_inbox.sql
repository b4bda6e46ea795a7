-- +goose Up
-- What the inbox has to do. What has ended is kept if it must be known again.
CREATE TABLE inbox_jobs (
  number  INTEGER PRIMARY KEY AUTOINCREMENT,
  id      TEXT NOT NULL UNIQUE,
  org     TEXT NOT NULL REFERENCES organisations (id),
  bot     TEXT NOT NULL,
  kind    TEXT NOT NULL,
  key     TEXT NOT NULL,
  thread  TEXT NOT NULL,
  body    TEXT NOT NULL,
  tries   INTEGER NOT NULL,
  put_off INTEGER NOT NULL,
  due     TEXT NOT NULL,
  latest  TEXT NOT NULL,
  node    TEXT NOT NULL,
  error   TEXT NOT NULL,
  created TEXT NOT NULL,
  ended   TEXT NOT NULL
);
CREATE UNIQUE INDEX inbox_jobs_once ON inbox_jobs (bot, kind, key);
CREATE INDEX inbox_jobs_due ON inbox_jobs (kind, due) WHERE ended = '';
CREATE INDEX inbox_jobs_thread ON inbox_jobs (thread, kind, number) WHERE ended = '';
CREATE INDEX inbox_jobs_ended ON inbox_jobs (ended) WHERE ended <> '';
