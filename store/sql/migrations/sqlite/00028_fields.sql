-- +goose Up
-- Custom fields: their definitions, the options of lists, and what contacts have of them, as JSON.
CREATE TABLE fields (
  number      INTEGER PRIMARY KEY AUTOINCREMENT,
  org         TEXT NOT NULL REFERENCES organisations (id),
  entity      TEXT NOT NULL,
  key         TEXT NOT NULL,
  label       TEXT NOT NULL,
  kind        TEXT NOT NULL,
  description TEXT NOT NULL,
  created     TEXT NOT NULL,
  updated     TEXT NOT NULL
);
CREATE UNIQUE INDEX fields_once ON fields (org, entity, key);

CREATE TABLE field_options (
  number      INTEGER PRIMARY KEY AUTOINCREMENT,
  org         TEXT NOT NULL REFERENCES organisations (id),
  field       INTEGER NOT NULL REFERENCES fields (number),
  value       TEXT NOT NULL,
  label       TEXT NOT NULL,
  description TEXT NOT NULL,
  created     TEXT NOT NULL,
  updated     TEXT NOT NULL
);
CREATE UNIQUE INDEX field_options_once ON field_options (field, value);

CREATE TABLE contact_fields (
  org     TEXT NOT NULL,
  contact INTEGER NOT NULL REFERENCES contacts (number),
  key     TEXT NOT NULL,
  value   TEXT NOT NULL,
  PRIMARY KEY (contact, key)
);
CREATE INDEX contact_fields_used ON contact_fields (org, key);
