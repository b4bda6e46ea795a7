-- +goose Up
-- How many requests a key has made in a minute (since 1970), as the nodes have told: one row a key.
CREATE TABLE rates (
  who    TEXT NOT NULL PRIMARY KEY,
  minute INTEGER NOT NULL,
  used   INTEGER NOT NULL
);
CREATE INDEX rates_minute ON rates (minute);

-- The first answers to requests with an Idempotency-Key. holder works on it until a time; once it is done, status is set and the answer
-- is kept until then.
CREATE TABLE answers (
  org         TEXT NOT NULL REFERENCES organisations (id),
  route       TEXT NOT NULL,
  hash        TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  holder      TEXT NOT NULL,
  status      INTEGER NOT NULL,
  body        BLOB NOT NULL,
  expires     TEXT NOT NULL,
  PRIMARY KEY (org, route, hash)
);
CREATE INDEX answers_expires ON answers (expires);
