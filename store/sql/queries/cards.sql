-- name: NumberedCall :one
SELECT * FROM calls WHERE org = @org AND number = @number;

-- name: Card :one
SELECT k.* FROM call_cards k JOIN calls c ON c.id = k.call WHERE c.org = @org AND c.id = @id;

-- name: PutCard :one
INSERT INTO call_cards (call, card, changes, created, updated) VALUES (@call, @card, 1, @created, @created)
ON CONFLICT (call) DO UPDATE SET card = excluded.card, changes = call_cards.changes + 1, updated = excluded.updated
RETURNING *;

-- name: CallAgent :one
SELECT agent FROM call_agents WHERE org = @org AND digest = @digest;

-- name: PutCallAgent :exec
INSERT INTO call_agents (org, digest, agent) VALUES (@org, @digest, @agent) ON CONFLICT (org, digest) DO UPDATE SET agent = excluded.agent;

-- name: InsertLoad :exec
INSERT INTO loads (call, org, url, tries, due, node, error, created, ended) VALUES (@call, @org, @url, 0, @created, '', '', @created, '');

-- name: Load :one
SELECT * FROM loads WHERE org = @org AND call = @call;

-- name: TakeLoads :many
UPDATE loads SET node = @node, due = @until, tries = tries + 1
WHERE call IN (SELECT l.call FROM loads l WHERE l.ended = '' AND l.due <= @now ORDER BY l.due LIMIT @how_many) AND ended = '' AND due <= @now
RETURNING *;

-- name: PutOffLoad :execrows
UPDATE loads SET node = '', due = @due, error = @error WHERE call = @call AND ended = '' AND node = @node AND due = @until;

-- name: EndLoad :execrows
UPDATE loads SET node = '', error = @error, ended = @ended WHERE call = @call AND ended = '' AND node = @node AND due = @until;

-- name: HasLoad :one
SELECT COUNT(*) FROM loads WHERE call = @call AND ended = '' AND node = @node AND due = @until;

-- name: AddRecording :exec
INSERT INTO recordings (call, path, rate, channels, bytes, length) VALUES (@call, @path, @rate, @channels, @bytes, @length)
ON CONFLICT (call) DO NOTHING;

-- name: LengthenCall :exec
UPDATE calls SET length = @length, ended = @ended WHERE id = @id;

-- name: NumberedAgent :one
SELECT id FROM agents WHERE org = @org AND number = @number;

-- name: FreeLoads :exec
UPDATE loads SET node = '', due = @due WHERE node = @node AND ended = '';
