-- +goose Up
-- Calls that went on after their leg was lost, and how often. A carrier names them by its own id.
CREATE TABLE resumptions (
  call  TEXT NOT NULL PRIMARY KEY REFERENCES calls (id),
  times INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX calls_carrier ON calls (carrier_id) WHERE carrier_id <> '';
