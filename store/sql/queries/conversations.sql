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
INSERT INTO thread_messages (id, conversation, role, content, kind, tokens, author, external, status, error, data, created)
VALUES (@id, @conversation, @role, @content, @kind, @tokens, @author, @external, @status, @error, @data, @created)
ON CONFLICT DO NOTHING RETURNING *;

-- name: ThreadMessages :many
SELECT sqlc.embed(m), CAST(COALESCE(r.status, '') AS TEXT) AS told, CAST(COALESCE(r.error, '') AS TEXT) AS told_error
FROM thread_messages m JOIN conversations c ON c.id = m.conversation LEFT JOIN message_receipts r ON r.bot = c.bot AND r.external = m.external
WHERE c.org = @org AND c.id = @id ORDER BY m.created, m.number LIMIT @how_many OFFSET @after;

-- name: LastMessages :many
SELECT sqlc.embed(m), CAST(COALESCE(r.status, '') AS TEXT) AS told, CAST(COALESCE(r.error, '') AS TEXT) AS told_error
FROM thread_messages m JOIN conversations c ON c.id = m.conversation LEFT JOIN message_receipts r ON r.bot = c.bot AND r.external = m.external
WHERE c.org = @org AND c.id = @id ORDER BY m.created DESC, m.number DESC LIMIT @how_many;

-- name: ThreadMessage :one
SELECT sqlc.embed(m), CAST(COALESCE(r.status, '') AS TEXT) AS told, CAST(COALESCE(r.error, '') AS TEXT) AS told_error
FROM thread_messages m JOIN conversations c ON c.id = m.conversation LEFT JOIN message_receipts r ON r.bot = c.bot AND r.external = m.external
WHERE c.org = @org AND c.id = @conversation AND m.id = @id;

-- name: LastReceived :one
SELECT m.* FROM thread_messages m JOIN conversations c ON c.id = m.conversation
WHERE c.org = @org AND c.id = @conversation AND m.role = 'user' ORDER BY m.created DESC, m.number DESC LIMIT 1;

-- name: LastOfThread :one
SELECT id FROM thread_messages WHERE conversation = @conversation ORDER BY created DESC, number DESC LIMIT 1;

-- name: MessageOf :one
SELECT m.id, m.conversation FROM thread_messages m JOIN conversations c ON c.id = m.conversation WHERE m.external = @external AND c.bot = @bot;

-- name: NameMessage :execrows
UPDATE thread_messages SET external = @external, status = 'sent', error = '' WHERE thread_messages.id = @id AND thread_messages.external = ''
  AND thread_messages.conversation IN (SELECT c.id FROM conversations c WHERE c.bot = @bot);

-- name: FailMessage :execrows
UPDATE thread_messages SET status = 'failed', error = @error WHERE thread_messages.id = @id AND thread_messages.external = ''
  AND thread_messages.conversation IN (SELECT c.id FROM conversations c WHERE c.bot = @bot);

-- name: PutWords :exec
UPDATE thread_messages SET content = @content WHERE id = @id AND conversation = @conversation AND content = '';

-- name: ReceiveIn :one
UPDATE conversations SET updated = CASE WHEN updated < @updated THEN @updated ELSE updated END,
  status = CASE WHEN status IN ('completed', 'failed') THEN 'active' ELSE status END
WHERE id = @id RETURNING *;

-- name: SetThreadContact :exec
UPDATE conversations SET contact_id = @contact_id WHERE id = @id;

-- name: ContactAt :one
SELECT c.number FROM contact_terms t JOIN contacts c ON c.number = t.contact
WHERE t.org = @org AND t.field = 'address' AND t.text = @text ORDER BY c.number LIMIT 1;

-- name: PutDetails :exec
UPDATE thread_messages SET data = @data WHERE id = @id AND conversation = @conversation;
