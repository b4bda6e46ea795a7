-- name: Call :one
SELECT * FROM calls WHERE org = @org AND id = @id;

-- name: HasCall :one
SELECT COUNT(*) FROM calls WHERE org = @org AND id = @id;

-- name: Messages :many
SELECT m.* FROM messages m JOIN calls c ON c.id = m.call WHERE c.org = @org AND c.id = @id ORDER BY m.seq;

-- name: Turns :many
SELECT t.* FROM turns t JOIN calls c ON c.id = t.call WHERE c.org = @org AND c.id = @id ORDER BY t.n;

-- name: Recording :one
SELECT r.* FROM recordings r JOIN calls c ON c.id = r.call WHERE c.org = @org AND c.id = @id;

-- name: InsertBoot :execrows
INSERT INTO boots (node, boot) VALUES (@node, @boot) ON CONFLICT (node, boot) DO NOTHING;

-- name: Abandoned :many
-- Calls of a node's other boots that have not ended, or were ended by other nodes, and when they were last heard of.
SELECT c.id, c.created, c.answered,
  CAST((SELECT COUNT(*) FROM turns t WHERE t.call = c.id) AS BIGINT) AS turns,
  CAST((SELECT COALESCE(MAX(t.at + t.sounded), 0) FROM turns t WHERE t.call = c.id) AS BIGINT) AS last_turn,
  CAST((SELECT COALESCE(MAX(m.at + m.length), 0) FROM messages m WHERE m.call = c.id) AS BIGINT) AS last_message
FROM calls c
WHERE c.id IN (SELECT o.id FROM calls o WHERE o.node = @node AND o.boot <> @boot AND o.status IN ('initiated', 'in_progress')
  UNION ALL SELECT p.call FROM presumed p WHERE p.node = @node AND p.boot <> @boot)
ORDER BY c.id;
