-- name: InsertAssignment :one
INSERT INTO assignments (id, org, conversation, title, objective, creator_type, creator, holder_type, holder, agent, status, published, due,
  completed, cancelled, reason, work, look, task, call, thread, message, outcome, failure, created, updated)
VALUES (@id, @org, @conversation, @title, @objective, @creator_type, @creator, @holder_type, @holder, @agent, @status, @published, @due,
  @completed, @cancelled, @reason, @work, @look, '', '', '', '', '', '', @created, @updated)
RETURNING *;

-- name: Assignment :one
SELECT * FROM assignments WHERE org = @org AND id = @id;

-- name: HoldAssignment :one
-- The assignment, which nobody else changes before the transaction ends.
UPDATE assignments SET updated = updated WHERE org = @org AND id = @id RETURNING *;

-- name: UpdateAssignment :one
UPDATE assignments SET conversation = @conversation, title = @title, objective = @objective, holder_type = @holder_type, holder = @holder,
  agent = @agent, status = @status, published = @published, due = @due, completed = @completed, cancelled = @cancelled, reason = @reason,
  work = @work, look = @look, task = @task, call = @call, thread = @thread, message = @message, outcome = @outcome, failure = @failure,
  updated = @updated
WHERE id = @id
RETURNING *;

-- name: DeleteAssignment :exec
DELETE FROM assignments WHERE id = @id;

-- name: TakeAssignments :many
UPDATE assignments SET look = @until
WHERE id IN (SELECT a.id FROM assignments a WHERE a.look <> '' AND a.look <= @now ORDER BY a.look LIMIT @how_many)
  AND look <> '' AND look <= @now
RETURNING *;

-- name: PutOffAssignment :exec
UPDATE assignments SET look = @look WHERE id = @id AND org = @org AND work = @work AND updated = @updated;

-- name: ConversationID :one
-- By its number.
SELECT id FROM conversations WHERE org = @org AND number = @number;

-- name: LastThreadOf :one
-- The newest one by WhatsApp with a contact.
SELECT id FROM conversations WHERE org = @org AND contact_id = @contact_id AND channel = 'whatsapp' ORDER BY id DESC LIMIT 1;
