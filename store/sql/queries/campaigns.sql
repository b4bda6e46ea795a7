-- name: InsertCampaign :one
INSERT INTO campaigns (id, org, agent, name, description, starting_message, priority, scheduled, webhook_url, webhook_events, max_calls, pace,
  breaker_calls, breaker_percent, breaker_short, status, reason, since, next, created, updated, started, ended)
VALUES (@id, @org, @agent, @name, @description, @starting_message, @priority, @scheduled, @webhook_url, @webhook_events, @max_calls, @pace,
  @breaker_calls, @breaker_percent, @breaker_short, 'draft', '', 0, '', @created, @created, '', '')
RETURNING *;

-- name: Campaign :one
SELECT * FROM campaigns WHERE org = @org AND id = @id;

-- name: Campaigns :many
SELECT * FROM campaigns WHERE org = @org ORDER BY id DESC LIMIT @how_many OFFSET @after;

-- name: CountCampaigns :one
SELECT COUNT(*) FROM campaigns WHERE org = @org;

-- name: LiveCampaigns :many
SELECT * FROM campaigns WHERE org = @org AND ended = ''
  AND (status IN ('running', 'cancelled') OR status = 'draft' AND scheduled <> '' AND scheduled <= @now)
ORDER BY priority DESC, id;

-- name: HoldCampaign :one
-- The campaign, which nobody else changes before the transaction ends.
UPDATE campaigns SET updated = updated WHERE id = @id RETURNING *;

-- name: UpdateCampaign :one
-- A new pace holds from the next call on.
UPDATE campaigns SET name = @name, description = @description, scheduled = @scheduled, max_calls = @max_calls, pace = @pace, next = '',
  breaker_calls = @breaker_calls, breaker_percent = @breaker_percent, breaker_short = @breaker_short, updated = @updated
WHERE id = @id RETURNING *;

-- name: MoveCampaign :one
UPDATE campaigns SET status = @status, reason = @reason, updated = @updated, started = @started, ended = @ended,
  since = CASE WHEN CAST(@anew AS BOOLEAN) THEN (SELECT COALESCE(MAX(e.number), 0) FROM campaign_ends e WHERE e.campaign = campaigns.id) ELSE since END
WHERE id = @id RETURNING *;

-- name: PaceCampaign :exec
UPDATE campaigns SET next = @next WHERE id = @id;

-- name: CampaignCounts :many
SELECT status, outcome, n FROM campaign_counts WHERE org = @org AND campaign = @campaign AND n <> 0 ORDER BY status, outcome;

-- name: CampaignOpen :one
SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM campaign_counts WHERE org = @org AND campaign = @campaign AND status = 'in_progress';

-- name: CampaignEnds :many
SELECT * FROM campaign_ends WHERE campaign = @campaign AND number > @since ORDER BY number DESC LIMIT @how_many;

-- name: DueContacts :many
SELECT * FROM tasks WHERE campaign = @campaign AND campaign <> '' AND due <> '' AND due <= @now
ORDER BY priority DESC, due, id LIMIT @how_many;

-- name: DropContacts :many
-- Pending tasks of a campaign are not called any more.
UPDATE tasks SET status = 'failed', outcome = 'cancelled', error = 'cancelled', due = '', updated = @updated
WHERE id IN (SELECT p.id FROM tasks p WHERE p.org = @org AND p.campaign = @campaign AND p.campaign <> '' AND p.status = 'pending' ORDER BY p.id LIMIT @how_many)
  AND status = 'pending'
RETURNING *;

-- name: HeldDials :many
SELECT * FROM dials WHERE org = @org AND state = 'queued' AND campaign = @campaign ORDER BY call LIMIT @how_many;

-- name: CampaignResults :many
SELECT t.*, COALESCE(c.status, '') AS call_status, COALESCE(c.cause, '') AS cause, COALESCE(c.answered, '') AS answered,
  COALESCE(c.ended, '') AS ended, CAST(COALESCE(c.length, 0) AS BIGINT) AS length, COALESCE(c.answered_by, '') AS answered_by
FROM tasks t LEFT JOIN calls c ON c.id = t.call AND c.org = t.org
WHERE t.campaign = @campaign AND t.campaign <> '' AND t.org = @org AND t.id > @after ORDER BY t.id LIMIT @how_many;
