-- +goose Up
-- When the words of a message were said or heard: for each the first byte, the byte after the last, and begin and length in milliseconds. Empty: not known.
ALTER TABLE messages ADD COLUMN words TEXT NOT NULL DEFAULT '';
