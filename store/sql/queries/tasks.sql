-- name: InsertTask :one
INSERT INTO tasks (id, org, agent, name, callee, description, starting_message, context, priority, scheduled, webhook_url, webhook_events,
  status, due, attempts, retries, call, error, created, updated, caller, bot, permission)
VALUES (@id, @org, @agent, @name, @callee, @description, @starting_message, @context, @priority, @scheduled, @webhook_url, @webhook_events,
  'pending', @due, 0, 0, '', '', @created, @updated, @caller, @bot, @permission)
RETURNING *;

-- name: Task :one
SELECT * FROM tasks WHERE org = @org AND id = @id;

-- name: HoldTask :one
-- The task, which nobody else changes before the transaction ends.
UPDATE tasks SET updated = updated WHERE org = @org AND id = @id RETURNING *;

-- name: UpdateTask :one
UPDATE tasks SET name = @name, callee = @callee, description = @description, starting_message = @starting_message, context = @context,
  priority = @priority, scheduled = @scheduled, webhook_url = @webhook_url, webhook_events = @webhook_events, due = @due, updated = @updated
WHERE id = @id RETURNING *;

-- name: DeleteTask :exec
DELETE FROM tasks WHERE id = @id;

-- name: BeginTask :execrows
UPDATE tasks SET status = 'in_progress', attempts = attempts + 1, call = @call, error = '', outcome = '', due = '', updated = @updated
WHERE id = @id AND status = 'pending';

-- name: ResetTask :one
UPDATE tasks SET status = 'pending', retries = 0, call = '', error = '', outcome = '', due = @due, updated = @updated
WHERE id = @id AND status <> 'pending' RETURNING *;

-- name: DueTasks :many
-- But for those of campaigns.
SELECT * FROM tasks WHERE org = @org AND campaign = '' AND due <> '' AND due <= @now ORDER BY priority DESC, due, id LIMIT @how_many;

-- name: PutOffTask :exec
UPDATE tasks SET due = @due WHERE org = @org AND id = @id AND status = 'pending' AND updated = @seen;

-- name: ActiveTasks :one
SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM task_totals
WHERE org = @org AND agent = @agent AND status IN ('pending', 'in_progress');

-- name: TaskEvents :many
SELECT * FROM task_events WHERE number > @after ORDER BY number LIMIT @how_many;
