-- name: Installation :one
SELECT id FROM installation;

-- name: Node :one
SELECT * FROM nodes WHERE boot = @boot;

-- name: HoldNode :one
UPDATE nodes SET boot = boot WHERE boot = @boot RETURNING *;

-- name: InsertNode :exec
INSERT INTO nodes (boot, node, version, started, beat, steady, calls, draining, gone)
VALUES (@boot, @node, @version, @started, @beat, @steady, @calls, @draining, '');

-- name: BeatNode :exec
UPDATE nodes SET beat = @beat, steady = @steady, calls = @calls, draining = @draining, gone = '' WHERE boot = @boot;

-- name: SilentNode :one
-- One that has not been heard of, and is not known to be gone; or has been for as long, and has open calls nevertheless: of a node that
-- comes back, records may be heard before its beat.
SELECT n.boot FROM nodes n WHERE n.boot <> @besides AND n.beat < @before AND (n.gone = ''
  OR n.gone < @before AND EXISTS (SELECT 1 FROM calls c WHERE c.node = n.node AND c.boot = n.boot AND c.status IN ('initiated', 'in_progress')))
ORDER BY n.beat LIMIT 1;

-- name: BuryNode :one
UPDATE nodes SET gone = @gone WHERE boot = @boot AND beat < @before RETURNING *;

-- name: LeaveNodes :exec
-- Unless it leaves calls open.
DELETE FROM nodes WHERE nodes.boot = @boot
  AND NOT EXISTS (SELECT 1 FROM calls c WHERE c.node = nodes.node AND c.boot = nodes.boot AND c.status IN ('initiated', 'in_progress'));

-- name: ForgetNodes :exec
DELETE FROM nodes WHERE nodes.gone <> '' AND nodes.gone < @before
  AND NOT EXISTS (SELECT 1 FROM calls c WHERE c.node = nodes.node AND c.boot = nodes.boot AND c.status IN ('initiated', 'in_progress'));

-- name: Nodes :many
SELECT * FROM nodes ORDER BY started, boot LIMIT @how_many OFFSET @after;

-- name: CountNodes :one
SELECT COUNT(*) FROM nodes;

-- name: Left :many
-- Calls of a boot that have not ended, and when they were last heard of.
SELECT c.id, c.created, c.answered,
  CAST((SELECT COUNT(*) FROM turns t WHERE t.call = c.id) AS BIGINT) AS turns,
  CAST((SELECT COALESCE(MAX(t.at + t.sounded), 0) FROM turns t WHERE t.call = c.id) AS BIGINT) AS last_turn,
  CAST((SELECT COALESCE(MAX(m.at + m.length), 0) FROM messages m WHERE m.call = c.id) AS BIGINT) AS last_message
FROM calls c
WHERE c.node = @node AND c.boot = @boot AND c.status IN ('initiated', 'in_progress')
ORDER BY c.id;

-- name: PresumedOf :many
SELECT call FROM presumed WHERE node = @node AND boot = @boot ORDER BY call;

-- name: LookAtDials :execrows
-- Somebody else should ask the carrier of them now.
UPDATE dials SET look = created WHERE node = @boot AND state IN ('asking', 'placed') AND look > created;

-- name: InsertErrand :exec
INSERT INTO errands (id, boot, task, answer, created) VALUES (@id, @boot, @task, '', @created);

-- name: ForgetErrands :exec
DELETE FROM errands WHERE created < @before;

-- name: Errands :many
SELECT id, task FROM errands WHERE boot = @boot AND answer = '' AND created >= @since ORDER BY id LIMIT @how_many;

-- name: AnswerErrand :exec
UPDATE errands SET answer = @answer WHERE id = @id AND answer = '';

-- name: ErrandAnswer :one
SELECT answer FROM errands WHERE id = @id;

-- name: DropErrand :exec
DELETE FROM errands WHERE id = @id;
