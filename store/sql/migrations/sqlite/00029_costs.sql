-- +goose Up
-- What vendors charge for a call, as JSON; empty: nothing was used, or it is not known.
ALTER TABLE calls ADD COLUMN cost TEXT NOT NULL DEFAULT '';
