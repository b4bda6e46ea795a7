-- +goose Up
-- What an agent has set besides its words: a JSON object; none is the empty text.
ALTER TABLE agents ADD COLUMN settings TEXT NOT NULL DEFAULT '';
ALTER TABLE agent_versions ADD COLUMN settings TEXT NOT NULL DEFAULT '';
