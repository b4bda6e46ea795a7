-- +goose Up
-- Calls that went on after their leg was lost, and how often. A carrier names them by its own id.
CREATE TABLE resumptions (
  call  text COLLATE "C" NOT NULL PRIMARY KEY REFERENCES calls (id),
  times bigint NOT NULL
);
CREATE INDEX calls_carrier ON calls (carrier_id) WHERE carrier_id <> '';
