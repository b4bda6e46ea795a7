-- +goose Up
-- How the sound of a call by packets travelled; empty: its leg does not measure that.
ALTER TABLE calls ADD COLUMN quality text COLLATE "C" NOT NULL DEFAULT '';
