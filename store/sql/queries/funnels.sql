-- name: TakeMatchingTurn :exec
INSERT INTO matching_turns (org, n) VALUES (@org, 1) ON CONFLICT (org) DO UPDATE SET n = matching_turns.n + 1;

-- name: FunnelConversation :one
SELECT * FROM funnel_conversations WHERE org = @org AND number = @number;

-- name: UpdateFunnelConversation :exec
UPDATE funnel_conversations SET user_ref = @user_ref, stage = @stage, archived = @archived, updated = @updated WHERE number = @number;

-- name: FunnelOfContact :one
SELECT * FROM funnel_conversations WHERE org = @org AND contact = @contact ORDER BY CASE WHEN archived = '' THEN 0 ELSE 1 END, number DESC LIMIT 1;

-- name: OpenFunnel :one
SELECT number FROM funnel_conversations WHERE org = @org AND contact = @contact AND funnel = @funnel AND archived = '';

-- name: DropFunnelsOfContact :exec
DELETE FROM funnel_conversations WHERE contact = @contact;

-- name: DropFunnelFieldsOfContact :exec
DELETE FROM entity_fields WHERE entity = 'FUNNEL_CONVERSATION' AND owner IN (SELECT id FROM funnel_conversations WHERE contact = @contact);

-- name: ThreadsOfContact :many
SELECT c.number, c.id, c.external, c.status, c.created, c.updated, b.number AS bot
FROM conversations c JOIN bots b ON b.id = c.bot
WHERE c.org = @org AND c.contact_id = @contact AND c.channel <> 'voice' ORDER BY c.id DESC LIMIT @how_many;

-- name: CallsFrom :many
SELECT c.number, c.id, c.created, c.ended, CAST(COALESCE((SELECT n.number FROM numbers n WHERE n.org = c.org AND n.e164 = c.callee), 0) AS BIGINT) AS ours
FROM calls c WHERE c.org = @org AND substr(c.caller, 1, 64) = @peer AND c.direction = 'inbound' ORDER BY c.id DESC LIMIT @how_many;

-- name: CallsTo :many
SELECT c.number, c.id, c.created, c.ended, CAST(COALESCE((SELECT n.number FROM numbers n WHERE n.org = c.org AND n.e164 = c.caller), 0) AS BIGINT) AS ours
FROM calls c WHERE c.org = @org AND substr(c.callee, 1, 64) = @peer AND c.direction = 'outbound' ORDER BY c.id DESC LIMIT @how_many;
