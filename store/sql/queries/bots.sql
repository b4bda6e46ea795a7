-- name: InsertBot :exec
INSERT INTO bots (id, org, agent, own, name, kind, config, numbers, created, updated)
VALUES (@id, @org, @agent, @own, @name, @kind, @config, @numbers, @created, @updated);

-- name: Bot :one
SELECT b.*, a.system_prompt, a.enabled, a.settings, a.updated AS agent_updated, CAST(COALESCE(c.n, 0) AS BIGINT) AS conversations
FROM bots b JOIN agents a ON a.id = b.agent LEFT JOIN bot_counts c ON c.bot = b.id
WHERE b.org = @org AND b.id = @id AND b.gone = '';

-- name: Bots :many
SELECT b.*, a.system_prompt, a.enabled, a.settings, a.updated AS agent_updated, CAST(COALESCE(c.n, 0) AS BIGINT) AS conversations
FROM bots b JOIN agents a ON a.id = b.agent LEFT JOIN bot_counts c ON c.bot = b.id
WHERE b.org = @org AND b.gone = '' ORDER BY b.id DESC LIMIT @how_many OFFSET @after;

-- name: BotsOfAgent :many
SELECT id, kind FROM bots WHERE agent = @agent AND gone = '' ORDER BY number;

-- name: UpdateBot :exec
UPDATE bots SET agent = @agent, own = @own, name = @name, config = @config, numbers = @numbers, updated = @updated WHERE id = @id;

-- name: RemoveBot :exec
UPDATE bots SET gone = @gone WHERE id = @id;
