-- name: BotOwner :one
SELECT org FROM bots WHERE id = @id AND gone = '';

-- name: ThreadOfPeer :one
SELECT conversation FROM thread_peers WHERE bot = @bot AND peer = @peer;

-- name: ClaimPeer :execrows
INSERT INTO thread_peers (bot, peer, conversation, place) VALUES (@bot, @peer, @conversation, @place) ON CONFLICT (bot, peer) DO NOTHING;

-- name: PeersOfThread :many
SELECT p.peer FROM thread_peers p JOIN conversations c ON c.id = p.conversation WHERE c.org = @org AND c.id = @id ORDER BY p.place, p.peer;

-- name: PutReceipt :execrows
INSERT INTO message_receipts (bot, external, status, rank, error, created) VALUES (@bot, @external, @status, @rank, @error, @created)
ON CONFLICT (bot, external) DO UPDATE SET status = excluded.status, rank = excluded.rank, error = excluded.error, created = excluded.created
WHERE excluded.rank > message_receipts.rank;

-- name: AddJob :execrows
INSERT INTO inbox_jobs (id, org, bot, kind, key, thread, body, tries, put_off, due, latest, node, error, created, ended)
VALUES (@id, @org, @bot, @kind, @key, @thread, @body, 0, 0, @due, @latest, '', '', @created, '') ON CONFLICT (bot, kind, key) DO NOTHING;

-- name: PostponeJob :exec
INSERT INTO inbox_jobs (id, org, bot, kind, key, thread, body, tries, put_off, due, latest, node, error, created, ended)
VALUES (@id, @org, @bot, @kind, @key, @thread, @body, 0, 0, @due, @latest, '', '', @created, '')
ON CONFLICT (bot, kind, key) DO UPDATE SET node = '', tries = 0, put_off = 0,
  due = CASE WHEN inbox_jobs.put_off > 0 OR excluded.due < inbox_jobs.latest THEN excluded.due ELSE inbox_jobs.latest END,
  latest = CASE WHEN inbox_jobs.put_off > 0 THEN excluded.latest ELSE inbox_jobs.latest END;

-- name: TakeJobs :many
UPDATE inbox_jobs SET node = @node, due = @until, tries = tries + 1
WHERE id IN (
  SELECT j.id FROM inbox_jobs j WHERE j.kind = @kind AND j.ended = '' AND j.due <= @now
    AND (j.kind <> 'send' OR NOT EXISTS (SELECT 1 FROM inbox_jobs e
      WHERE e.thread = j.thread AND e.kind = j.kind AND e.number < j.number AND e.ended = ''))
    AND (j.kind <> 'reply' OR NOT EXISTS (SELECT 1 FROM inbox_jobs e WHERE e.thread = j.thread AND e.kind = 'hear' AND e.ended = ''))
  ORDER BY j.due LIMIT @how_many)
  AND ended = '' AND due <= @now
RETURNING *;

-- name: PutOffJob :execrows
UPDATE inbox_jobs SET node = '', due = @due, put_off = put_off + 1 WHERE id = @id AND ended = '' AND node = @node AND due = @until;

-- name: GiveBackJob :execrows
UPDATE inbox_jobs SET node = '', due = @due, tries = tries - 1 WHERE id = @id AND ended = '' AND node = @node AND due = @until;

-- name: KeepEndedJob :execrows
UPDATE inbox_jobs SET node = '', error = @error, ended = @ended WHERE id = @id AND ended = '' AND node = @node AND due = @until;

-- name: DropJob :execrows
DELETE FROM inbox_jobs WHERE id = @id AND ended = '' AND node = @node AND due = @until;

-- name: DropJobOf :exec
DELETE FROM inbox_jobs WHERE bot = @bot AND kind = @kind AND key = @key;

-- name: OldJobs :many
SELECT id FROM inbox_jobs WHERE ended <> '' AND ended < @before ORDER BY ended LIMIT @how_many;

-- name: WaitingJobs :many
SELECT kind, COUNT(*) AS waiting, CAST(MIN(due) AS TEXT) AS oldest FROM inbox_jobs WHERE ended = '' AND due <= @now GROUP BY kind;
