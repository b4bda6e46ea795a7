-- name: InsertDelivery :one
INSERT INTO webhook_deliveries (id, org, task, call, kind, url, host, status, payload, tries, attempts, due, node, code, error, created, settled)
VALUES (@id, @org, @task, @call, @kind, @url, @host, 'pending', @payload, 0, 0, @due, '', 0, '', @created, '')
RETURNING *;

-- name: Delivery :one
SELECT * FROM webhook_deliveries WHERE org = @org AND id = @id;

-- name: ReplayDelivery :one
UPDATE webhook_deliveries SET status = 'pending', tries = 0, due = @due, node = '', settled = ''
WHERE org = @org AND id = @id AND status <> 'pending' RETURNING *;

-- name: DeliveryAttempts :many
SELECT * FROM webhook_attempts WHERE delivery = @delivery ORDER BY n DESC LIMIT @how_many OFFSET @after;

-- name: CountDeliveryAttempts :one
SELECT COUNT(*) FROM webhook_attempts WHERE delivery = @delivery;

-- name: TakeDeliveries :many
UPDATE webhook_deliveries SET node = @node, due = @until
WHERE id IN (
  SELECT d.id FROM webhook_deliveries d WHERE d.status = 'pending' AND d.host = @host AND d.due <= @now
    AND NOT EXISTS (SELECT 1 FROM webhook_deliveries e
      WHERE e.org = d.org AND e.call = d.call AND e.call <> '' AND e.number < d.number AND e.status = 'pending' AND e.tries < @hold)
  ORDER BY d.due LIMIT @how_many)
  AND status = 'pending' AND due <= @now
RETURNING *;

-- name: KeepPayload :execrows
UPDATE webhook_deliveries SET payload = @payload WHERE id = @id AND status = 'pending' AND node = @node AND due = @until;

-- name: SettleDelivery :execrows
UPDATE webhook_deliveries SET status = @status, tries = tries + @step, attempts = attempts + @step, due = @due, node = '', code = @code,
  error = @error, settled = @settled
WHERE id = @id AND status = 'pending' AND node = @node AND due = @until;

-- name: InsertDeliveryAttempt :exec
INSERT INTO webhook_attempts (delivery, n, created, took, code, error, answer)
VALUES (@delivery, @n, @created, @took, @code, @error, @answer);

-- name: OldDeliveries :many
SELECT id FROM webhook_deliveries WHERE settled <> '' AND settled < @before ORDER BY settled LIMIT @how_many;

-- name: WebhookSettings :one
SELECT * FROM webhook_settings WHERE org = @org;

-- name: MakeWebhookSettings :exec
INSERT INTO webhook_settings (org, redelivery, rotated, former_until) VALUES (@org, false, '', '')
ON CONFLICT (org) DO NOTHING;

-- name: HoldWebhookSettings :one
UPDATE webhook_settings SET org = org WHERE org = @org RETURNING *;

-- name: SetWebhookSettings :exec
UPDATE webhook_settings SET redelivery = @redelivery, sealed = @sealed, key_id = @key_id, rotated = @rotated,
  former_sealed = @former_sealed, former_key_id = @former_key_id, former_until = @former_until
WHERE org = @org;

-- name: StaleWebhookSecrets :many
SELECT org, sealed FROM webhook_settings WHERE sealed <> '' AND key_id <> @key_id AND org > @after ORDER BY org LIMIT @how_many;

-- name: StaleFormerWebhookSecrets :many
SELECT org, former_sealed FROM webhook_settings WHERE former_sealed <> '' AND former_key_id <> @key_id AND org > @after ORDER BY org LIMIT @how_many;

-- name: ResealWebhookSecret :execrows
UPDATE webhook_settings SET sealed = @sealed, key_id = @key_id WHERE org = @org AND sealed = @former;

-- name: ResealFormerWebhookSecret :execrows
UPDATE webhook_settings SET former_sealed = @sealed, former_key_id = @key_id WHERE org = @org AND former_sealed = @former;

-- name: DisableEndpoint :exec
INSERT INTO webhook_disabled (org, endpoint, url, reason, created) VALUES (@org, @endpoint, @url, @reason, @created)
ON CONFLICT (org, endpoint) DO NOTHING;

-- name: EnableEndpoint :exec
DELETE FROM webhook_disabled WHERE org = @org AND endpoint = @endpoint;

-- name: DisabledEndpoint :one
SELECT * FROM webhook_disabled WHERE org = @org AND endpoint = @endpoint;

-- name: DisabledEndpoints :many
SELECT * FROM webhook_disabled WHERE org = @org ORDER BY url, endpoint LIMIT @how_many OFFSET @after;

-- name: CountDisabledEndpoints :one
SELECT COUNT(*) FROM webhook_disabled WHERE org = @org;
