-- name: InsertExtension :one
INSERT INTO extensions (id, org, username, name, agent, sealed, key_id, created, updated)
VALUES (@id, @org, @username, @name, @agent, @sealed, @key_id, @created, @updated)
RETURNING *;

-- name: Extension :one
SELECT * FROM extensions WHERE org = @org AND id = @id;

-- name: Extensions :many
SELECT * FROM extensions WHERE org = @org ORDER BY id DESC LIMIT @how_many OFFSET @after;

-- name: CountExtensions :one
SELECT COUNT(*) FROM extensions WHERE org = @org;

-- name: AllExtensions :many
SELECT * FROM extensions ORDER BY number;

-- name: UpdateExtension :one
UPDATE extensions SET name = @name, agent = @agent, sealed = @sealed, key_id = @key_id, updated = @updated WHERE id = @id
RETURNING *;

-- name: DeleteExtension :execrows
DELETE FROM extensions WHERE org = @org AND id = @id;

-- name: StaleExtensions :many
SELECT id, org, sealed FROM extensions WHERE sealed <> '' AND key_id <> @key_id AND id > @after ORDER BY id LIMIT @how_many;

-- name: ResealExtension :execrows
UPDATE extensions SET sealed = @sealed, key_id = @key_id WHERE id = @id AND sealed = @former;
