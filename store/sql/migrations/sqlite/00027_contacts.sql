-- +goose Up
-- Whom organisations deal with. Words are what a contact is searched by, folded; of user_ref and company, which are numbers of the client's
-- own, the text is kept.
CREATE TABLE contacts (
  number        INTEGER PRIMARY KEY AUTOINCREMENT,
  id            TEXT NOT NULL UNIQUE,
  org           TEXT NOT NULL REFERENCES organisations (id),
  user_ref      TEXT NOT NULL,
  company       TEXT NOT NULL,
  provider_id   TEXT NOT NULL,
  provider_name TEXT NOT NULL,
  national_id   TEXT NOT NULL,
  first_name    TEXT NOT NULL,
  last_name     TEXT NOT NULL,
  position      TEXT NOT NULL,
  metadata      TEXT NOT NULL,
  words         TEXT NOT NULL,
  changes       INTEGER NOT NULL,
  created       TEXT NOT NULL,
  updated       TEXT NOT NULL
);
CREATE INDEX contacts_org ON contacts (org, number);
CREATE INDEX contacts_created ON contacts (org, created, number);
CREATE INDEX contacts_updated ON contacts (org, updated, number);

CREATE TABLE contact_addresses (
  number  INTEGER PRIMARY KEY AUTOINCREMENT,
  contact INTEGER NOT NULL REFERENCES contacts (number),
  channel TEXT NOT NULL,
  address TEXT NOT NULL,
  created TEXT NOT NULL,
  updated TEXT NOT NULL
);
CREATE UNIQUE INDEX contact_addresses_once ON contact_addresses (contact, channel, address);

-- What contacts are found and sorted by: a row for each value of each field, made anew whenever the contact is written.
CREATE TABLE contact_terms (
  org     TEXT NOT NULL,
  contact INTEGER NOT NULL REFERENCES contacts (number),
  field   TEXT NOT NULL,
  text    TEXT NOT NULL,
  value   REAL
);
CREATE INDEX contact_terms_contact ON contact_terms (contact, field, text, value);
CREATE INDEX contact_terms_text ON contact_terms (org, field, text, contact);
CREATE INDEX contact_terms_value ON contact_terms (org, field, value, contact);
