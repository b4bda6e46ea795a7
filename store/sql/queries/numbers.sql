-- name: InsertNumber :one
INSERT INTO numbers (id, org, e164, agent, created, updated) VALUES (@id, @org, @e164, @agent, @created, @updated)
RETURNING *;

-- name: NumberByE164 :one
SELECT * FROM numbers WHERE e164 = @e164;

-- name: LeadNumber :one
UPDATE numbers SET agent = @agent, updated = @updated WHERE id = @id RETURNING *;

-- name: Numbers :many
SELECT * FROM numbers WHERE org = @org ORDER BY e164 LIMIT @how_many OFFSET @after;

-- name: CountNumbers :one
SELECT COUNT(*) FROM numbers WHERE org = @org;

-- name: AllNumbers :many
SELECT * FROM numbers ORDER BY number;

-- name: NumbersOfAgent :many
SELECT * FROM numbers WHERE org = @org AND agent = @agent ORDER BY e164;

-- name: DeleteNumber :execrows
DELETE FROM numbers WHERE org = @org AND e164 = @e164;
