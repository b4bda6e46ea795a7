-- +goose Up
-- What a script has collected from the caller: a JSON object of texts; none is the empty text.
ALTER TABLE calls ADD COLUMN collected text NOT NULL DEFAULT '';
