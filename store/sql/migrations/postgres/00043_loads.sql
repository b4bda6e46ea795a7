-- +goose Up
-- Recordings that are to be fetched from elsewhere. One that has ended is kept, for whoever asks what became of it.
CREATE TABLE loads (
  call    text COLLATE "C" NOT NULL PRIMARY KEY REFERENCES calls (id),
  org     text COLLATE "C" NOT NULL REFERENCES organisations (id),
  url     text NOT NULL,
  tries   bigint NOT NULL,
  due     text COLLATE "C" NOT NULL,
  node    text COLLATE "C" NOT NULL,
  error   text NOT NULL,
  created text COLLATE "C" NOT NULL,
  ended   text COLLATE "C" NOT NULL
);
CREATE INDEX loads_due ON loads (due) WHERE ended = '';
