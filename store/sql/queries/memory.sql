-- name: ConversationsWith :many
SELECT c.*, b.name AS bot_name, b.agent AS agent FROM conversations c JOIN bots b ON b.id = c.bot
WHERE c.org = @org AND c.external = @external AND c.updated >= @since AND c.id <> @besides
  AND (CAST(@channels AS TEXT) = '' OR CAST(@channels AS TEXT) LIKE '%,' || c.channel || ',%')
  AND (c.channel <> 'voice' OR EXISTS (SELECT 1 FROM messages m WHERE m.call = c.id AND m.role IN ('caller', 'assistant') AND m.text <> ''))
ORDER BY c.updated DESC LIMIT @how_many;

-- name: ThreadsWith :many
-- The names of threads first: SQLite takes a cross join in its order, and would else go through an organisation's conversations.
SELECT c.*, b.name AS bot_name, b.agent AS agent FROM thread_peers p CROSS JOIN conversations c JOIN bots b ON b.id = c.bot
WHERE c.id = p.conversation AND p.peer = @peer AND c.org = @org AND c.updated >= @since AND c.id <> @besides
  AND (CAST(@channels AS TEXT) = '' OR CAST(@channels AS TEXT) LIKE '%,' || c.channel || ',%')
ORDER BY c.updated DESC LIMIT @how_many;

-- name: LastSpoken :many
SELECT m.* FROM messages m JOIN calls c ON c.id = m.call
WHERE c.org = @org AND c.id = @id AND m.role IN ('caller', 'assistant') AND m.text <> '' ORDER BY m.seq DESC LIMIT @how_many;

-- name: ContactsAt :many
SELECT DISTINCT t.contact FROM contact_terms t WHERE t.org = @org AND t.field = 'address' AND t.text = @text LIMIT 2;

-- name: AddressesOf :many
SELECT a.address FROM contact_addresses a WHERE a.contact = @contact AND a.channel IN ('PHONE', 'WHATSAPP') ORDER BY a.number LIMIT @how_many;

-- name: NamesInThreads :many
SELECT c.external AS name FROM conversations c WHERE c.org = @org AND c.contact_id = @contact_id
UNION
SELECT p.peer AS name FROM conversations c JOIN thread_peers p ON p.conversation = c.id WHERE c.org = @org AND c.contact_id = @contact_id;

-- name: Forget :exec
INSERT INTO forgotten (org, name, made) VALUES (@org, @name, @made) ON CONFLICT (org, name) DO UPDATE SET made = excluded.made;

-- name: Forgotten :one
SELECT made FROM forgotten WHERE org = @org AND name = @name;

-- name: SetMemory :execrows
UPDATE organisations SET memory = @memory WHERE id = @id;
