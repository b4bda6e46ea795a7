-- name: InsertKey :one
INSERT INTO keys (id, org, maker, role, name, prefix, hash, scopes, created, expires, last_used, revoked)
VALUES (@id, @org, @maker, @role, @name, @prefix, @hash, @scopes, @created, @expires, @last_used, @revoked)
RETURNING *;

-- name: KeyByHash :one
SELECT * FROM keys WHERE hash = @hash;

-- name: Keys :many
SELECT * FROM keys WHERE org = @org ORDER BY id DESC LIMIT @how_many OFFSET @after;

-- name: CountKeys :one
SELECT COUNT(*) FROM keys WHERE org = @org;

-- name: RevokeKey :exec
UPDATE keys SET revoked = @revoked WHERE org = @org AND id = @id AND revoked = '';

-- name: Key :one
SELECT * FROM keys WHERE org = @org AND id = @id;

-- name: KeysBy :many
SELECT * FROM keys WHERE org = @org AND maker = @maker ORDER BY id DESC LIMIT @how_many OFFSET @after;

-- name: CountKeysBy :one
SELECT COUNT(*) FROM keys WHERE org = @org AND maker = @maker;

-- name: ReplaceKey :one
UPDATE keys SET prefix = @prefix, hash = @hash WHERE org = @org AND id = @id
RETURNING *;

-- name: TouchKey :exec
UPDATE keys SET last_used = @last_used WHERE id = @id AND last_used < @last_used;
