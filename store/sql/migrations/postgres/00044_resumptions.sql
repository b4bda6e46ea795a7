-- +goose Up
-- Calls that went on after their leg was lost, and how often. A carrier names them by its own id.
CREATE TABLE resumptions (
  call  text COLLATE "C" NOT NULL PRIMARY KEY REFERENCES calls (id),
  times bigint NOT NULL
);
-- By hash: whatever a carrier calls a call, however long, it is written down.
CREATE INDEX calls_carrier ON calls USING hash (carrier_id) WHERE carrier_id <> '';
