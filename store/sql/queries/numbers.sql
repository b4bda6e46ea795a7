-- name: InsertNumber :one
INSERT INTO numbers (id, org, e164, agent, label, credential, trunk, preanswer, created, updated)
VALUES (@id, @org, @e164, @agent, @label, @credential, @trunk, @preanswer, @created, @updated)
RETURNING *;

-- name: NumberByE164 :one
SELECT * FROM numbers WHERE e164 = @e164;

-- name: Number :one
SELECT * FROM numbers WHERE org = @org AND id = @id;

-- name: UpdateNumber :one
UPDATE numbers SET agent = @agent, label = @label, credential = @credential, trunk = @trunk, preanswer = @preanswer, updated = @updated WHERE id = @id RETURNING *;

-- name: Numbers :many
SELECT * FROM numbers WHERE org = @org ORDER BY e164 LIMIT @how_many OFFSET @after;

-- name: CountNumbers :one
SELECT COUNT(*) FROM numbers WHERE org = @org;

-- name: AllNumbers :many
SELECT * FROM numbers ORDER BY number;

-- name: NumbersOfAgent :many
SELECT * FROM numbers WHERE org = @org AND agent = @agent ORDER BY e164;

-- name: NumbersOfCredential :many
SELECT e164 FROM numbers WHERE org = @org AND credential = @credential ORDER BY e164;

-- name: NumbersOfTrunk :many
SELECT e164 FROM numbers WHERE org = @org AND trunk = @trunk ORDER BY e164;

-- name: DeleteNumber :execrows
DELETE FROM numbers WHERE org = @org AND e164 = @e164;
