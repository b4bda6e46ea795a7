-- name: Report :one
SELECT r.* FROM reports r JOIN calls c ON c.id = r.call WHERE c.org = @org AND c.id = @id;

-- name: PutReport :execrows
INSERT INTO reports (call, report, rules, made) VALUES (@call, @report, @rules, @made)
ON CONFLICT (call) DO UPDATE SET report = excluded.report, rules = excluded.rules, made = excluded.made
WHERE reports.rules;

-- name: ReplaceReport :exec
INSERT INTO reports (call, report, rules, made) VALUES (@call, @report, @rules, @made)
ON CONFLICT (call) DO UPDATE SET report = excluded.report, rules = excluded.rules, made = excluded.made;

-- name: Retelling :one
SELECT r.* FROM retellings r JOIN calls c ON c.id = r.call WHERE c.org = @org AND c.id = @id;

-- name: PutRetelling :exec
INSERT INTO retellings (call, source, conversation, messages, made) VALUES (@call, @source, @conversation, @messages, @made)
ON CONFLICT (call) DO UPDATE SET
  source = excluded.source, conversation = excluded.conversation, messages = excluded.messages, made = excluded.made;

-- name: RecordingsBefore :many
SELECT * FROM recordings WHERE call < @before ORDER BY call LIMIT @most;
