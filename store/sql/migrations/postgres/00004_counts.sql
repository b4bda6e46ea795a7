-- +goose Up
-- How often something happened in a turn, and what it used: a JSON object of numbers; none is the empty text.
ALTER TABLE turns ADD COLUMN counts text NOT NULL DEFAULT '';
