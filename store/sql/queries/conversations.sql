-- name: InsertConversation :exec
INSERT INTO conversations (id, org, bot, channel, external, status, length, metadata, autoreply, contact_id, created, updated)
VALUES (@id, @org, @bot, @channel, @external, @status, @length, @metadata, @autoreply, @contact_id, @created, @updated);

-- name: Conversation :one
SELECT c.*, b.name AS bot_name, b.agent AS agent FROM conversations c JOIN bots b ON b.id = c.bot WHERE c.org = @org AND c.id = @id;

-- name: UpdateConversation :execrows
UPDATE conversations SET status = @status, autoreply = @autoreply, contact_id = @contact_id, updated = @updated WHERE org = @org AND id = @id;

-- name: TouchConversation :execrows
UPDATE conversations SET updated = CASE WHEN updated < @updated THEN @updated ELSE updated END WHERE org = @org AND id = @id AND channel <> 'voice';

-- name: InsertThreadMessage :one
INSERT INTO thread_messages (id, conversation, role, content, kind, tokens, created)
VALUES (@id, @conversation, @role, @content, @kind, @tokens, @created)
RETURNING *;

-- name: ThreadMessages :many
SELECT m.* FROM thread_messages m JOIN conversations c ON c.id = m.conversation
WHERE c.org = @org AND c.id = @id ORDER BY m.created, m.number LIMIT @how_many OFFSET @after;
