-- +goose Up
-- What channels know of the messages of conversations: who wrote one, the channel's id of it, and how far ours have come.
ALTER TABLE thread_messages ADD COLUMN author   text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE thread_messages ADD COLUMN external text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE thread_messages ADD COLUMN status   text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE thread_messages ADD COLUMN error    text NOT NULL DEFAULT '';
ALTER TABLE thread_messages ADD COLUMN data     text NOT NULL DEFAULT '';
CREATE UNIQUE INDEX thread_messages_once ON thread_messages (external, conversation) WHERE external <> '';
