-- +goose Up
-- Who works in which organisation, and as what. users.org is the one that a person worked in last: there their next session begins.
CREATE TABLE members (
  org     text COLLATE "C" NOT NULL REFERENCES organisations (id),
  person  text COLLATE "C" NOT NULL REFERENCES users (id),
  role    text NOT NULL,
  created text COLLATE "C" NOT NULL,
  PRIMARY KEY (org, person)
);
CREATE INDEX members_person ON members (person, org);
INSERT INTO members (org, person, role, created) SELECT org, id, role, created FROM users;
ALTER TABLE users DROP COLUMN role;

CREATE TABLE sessions (
  id      text COLLATE "C" NOT NULL PRIMARY KEY,
  org     text COLLATE "C" NOT NULL REFERENCES organisations (id),
  person  text COLLATE "C" NOT NULL REFERENCES users (id),
  hash    text COLLATE "C" NOT NULL UNIQUE,
  address text NOT NULL,
  client  text NOT NULL,
  created text COLLATE "C" NOT NULL,
  seen    text COLLATE "C" NOT NULL,
  expires text COLLATE "C" NOT NULL
);
CREATE INDEX sessions_person ON sessions (person, id);
CREATE INDEX sessions_expires ON sessions (expires);

CREATE TABLE invites (
  id      text COLLATE "C" NOT NULL PRIMARY KEY,
  org     text COLLATE "C" NOT NULL REFERENCES organisations (id),
  email   text COLLATE "C" NOT NULL,
  role    text NOT NULL,
  maker   text COLLATE "C" NOT NULL,
  hash    text COLLATE "C" NOT NULL UNIQUE,
  created text COLLATE "C" NOT NULL,
  expires text COLLATE "C" NOT NULL,
  UNIQUE (org, email)
);
CREATE INDEX invites_expires ON invites (expires);

-- What was tried in vain, by whom.
CREATE TABLE attempts (
  who     text COLLATE "C" NOT NULL PRIMARY KEY,
  tries   bigint NOT NULL,
  tried   text COLLATE "C" NOT NULL,
  blocked text COLLATE "C" NOT NULL
);
CREATE INDEX attempts_tried ON attempts (tried);
