-- +goose Up
-- Who works in which organisation, and as what. users.org is the one that a person worked in last: there their next session begins.
CREATE TABLE members (
  org     TEXT NOT NULL REFERENCES organisations (id),
  person  TEXT NOT NULL REFERENCES users (id),
  role    TEXT NOT NULL,
  created TEXT NOT NULL,
  PRIMARY KEY (org, person)
);
CREATE INDEX members_person ON members (person, org);
INSERT INTO members (org, person, role, created) SELECT org, id, role, created FROM users;
ALTER TABLE users DROP COLUMN role;

CREATE TABLE sessions (
  id      TEXT NOT NULL PRIMARY KEY,
  org     TEXT NOT NULL REFERENCES organisations (id),
  person  TEXT NOT NULL REFERENCES users (id),
  hash    TEXT NOT NULL UNIQUE,
  address TEXT NOT NULL,
  client  TEXT NOT NULL,
  created TEXT NOT NULL,
  seen    TEXT NOT NULL,
  expires TEXT NOT NULL
);
CREATE INDEX sessions_person ON sessions (person, id);
CREATE INDEX sessions_expires ON sessions (expires);

CREATE TABLE invites (
  id      TEXT NOT NULL PRIMARY KEY,
  org     TEXT NOT NULL REFERENCES organisations (id),
  email   TEXT NOT NULL,
  role    TEXT NOT NULL,
  maker   TEXT NOT NULL,
  hash    TEXT NOT NULL UNIQUE,
  created TEXT NOT NULL,
  expires TEXT NOT NULL,
  UNIQUE (org, email)
);
CREATE INDEX invites_expires ON invites (expires);

-- What was tried in vain, by whom.
CREATE TABLE attempts (
  who     TEXT NOT NULL PRIMARY KEY,
  tries   INTEGER NOT NULL,
  tried   TEXT NOT NULL,
  blocked TEXT NOT NULL
);
CREATE INDEX attempts_tried ON attempts (tried);
