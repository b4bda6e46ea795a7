-- +goose Up
-- How many requests a key has made in a minute (since 1970), as the nodes have told: one row a key.
CREATE TABLE rates (
  who    text COLLATE "C" NOT NULL PRIMARY KEY,
  minute bigint NOT NULL,
  used   bigint NOT NULL
);
CREATE INDEX rates_minute ON rates (minute);

-- The first answers to requests with an Idempotency-Key. holder works on it until a time; once it is done, status is set and the answer
-- is kept until then.
CREATE TABLE answers (
  org         text COLLATE "C" NOT NULL REFERENCES organisations (id),
  route       text COLLATE "C" NOT NULL,
  hash        text COLLATE "C" NOT NULL,
  fingerprint text NOT NULL,
  holder      text NOT NULL,
  status      bigint NOT NULL,
  body        bytea NOT NULL,
  expires     text COLLATE "C" NOT NULL,
  PRIMARY KEY (org, route, hash)
);
CREATE INDEX answers_expires ON answers (expires);
