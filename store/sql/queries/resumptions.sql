-- name: CallByCarrier :one
SELECT * FROM calls WHERE carrier_id = @carrier_id AND carrier_id <> '' AND leg = @leg ORDER BY id DESC LIMIT 1;

-- name: HoldCall :one
UPDATE calls SET id = id WHERE id = @id RETURNING *;

-- name: MoveCall :exec
UPDATE calls SET node = @node, boot = @boot WHERE id = @id;

-- name: Resumed :one
INSERT INTO resumptions (call, times) VALUES (@call, 1)
ON CONFLICT (call) DO UPDATE SET times = resumptions.times + 1 RETURNING times;

-- name: DropRecording :exec
-- What another leg left, where a later one makes the recording.
DELETE FROM recordings WHERE call = @call;
