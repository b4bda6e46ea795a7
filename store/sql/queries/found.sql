-- name: BumpRevision :exec
UPDATE revision SET n = n + 1 WHERE one = 1;

-- name: Revision :one
SELECT n FROM revision WHERE one = 1;

-- name: CountOrganisations :one
SELECT COUNT(*) FROM organisations;

-- name: InsertOrganisation :one
INSERT INTO organisations (id, name, default_agent, created) VALUES (@id, @name, @default_agent, @created)
RETURNING *;

-- name: Organisations :many
SELECT * FROM organisations ORDER BY number;

-- name: Organisation :one
SELECT * FROM organisations WHERE id = @id;

-- name: SetDefaultAgent :exec
UPDATE organisations SET default_agent = @default_agent WHERE id = @id;
