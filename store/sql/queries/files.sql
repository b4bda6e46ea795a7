-- name: InsertFile :exec
INSERT INTO files (id, org, kind, type, name, bytes, sha256, path, created)
VALUES (@id, @org, @kind, @type, @name, @bytes, @sha256, @path, @created);

-- name: File :one
SELECT * FROM files WHERE org = @org AND id = @id;

-- name: FilesBefore :many
SELECT * FROM files WHERE created < @before ORDER BY created, id LIMIT @how_many;
