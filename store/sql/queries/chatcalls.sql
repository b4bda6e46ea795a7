-- name: HoldChatCall :execrows
INSERT INTO chat_calls (org, id, boot, created) VALUES (@org, @id, @boot, @created) ON CONFLICT (org, id) DO NOTHING;

-- name: ChatCallHolder :one
SELECT boot FROM chat_calls WHERE org = @org AND id = @id;

-- name: ForgetChatCalls :exec
DELETE FROM chat_calls WHERE created < @before;

-- name: HastenTasks :execrows
-- Those that wait until a person has allowed to be called.
UPDATE tasks SET due = @due WHERE tasks.bot = @bot AND tasks.bot <> '' AND tasks.callee = @callee AND tasks.org = @org AND tasks.status = 'pending' AND tasks.due > @due
  AND EXISTS (SELECT 1 FROM calls c WHERE c.id = tasks.call AND c.cause = 'permission');
