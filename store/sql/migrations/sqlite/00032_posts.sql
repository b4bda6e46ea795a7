-- +goose Up
-- What channels know of the messages of conversations: who wrote one, the channel's id of it, and how far ours have come.
ALTER TABLE thread_messages ADD COLUMN author   TEXT NOT NULL DEFAULT '';
ALTER TABLE thread_messages ADD COLUMN external TEXT NOT NULL DEFAULT '';
ALTER TABLE thread_messages ADD COLUMN status   TEXT NOT NULL DEFAULT '';
ALTER TABLE thread_messages ADD COLUMN error    TEXT NOT NULL DEFAULT '';
ALTER TABLE thread_messages ADD COLUMN data     TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX thread_messages_once ON thread_messages (external, conversation) WHERE external <> '';
