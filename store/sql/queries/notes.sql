-- name: MessageAnywhere :one
SELECT sqlc.embed(m), CAST(COALESCE(r.status, '') AS TEXT) AS told, CAST(COALESCE(r.error, '') AS TEXT) AS told_error,
  CAST(COALESCE(r.created, '') AS TEXT) AS told_at
FROM thread_messages m JOIN conversations c ON c.id = m.conversation LEFT JOIN message_receipts r ON r.bot = c.bot AND r.external = m.external
WHERE c.org = @org AND m.id = @id;

-- name: MessageNote :one
SELECT * FROM message_notes WHERE org = @org AND message = @message;

-- name: NoteMessage :exec
INSERT INTO message_notes (message, org, user_ref, fields, words, summary, failure, heard) VALUES (@message, @org, @user_ref, @fields, '', '', '', '')
ON CONFLICT (message) DO UPDATE SET user_ref = excluded.user_ref, fields = excluded.fields;

-- name: NoteWords :exec
INSERT INTO message_notes (message, org, user_ref, fields, words, summary, failure, heard) VALUES (@message, @org, '', '', @words, @summary, @failure, @heard)
ON CONFLICT (message) DO UPDATE SET words = excluded.words, summary = excluded.summary, failure = excluded.failure, heard = excluded.heard;
