-- name: InsertDial :one
INSERT INTO dials (call, org, task, execution, priority, caller, callee, state, due, node, carrier_id, asked, look, gone, created, account, campaign)
VALUES (@call, @org, @task, @execution, @priority, @caller, @callee, 'queued', @due, '', '', '', '', '', @created, @account, @campaign)
RETURNING *;

-- name: Dial :one
SELECT * FROM dials WHERE call = @call;

-- name: DialWork :many
SELECT o.id FROM organisations o
WHERE EXISTS (SELECT 1 FROM tasks t WHERE t.org = o.id AND t.campaign = '' AND t.due <> '' AND t.due <= @now)
  OR EXISTS (SELECT 1 FROM dials d WHERE d.org = o.id AND d.state = 'queued' AND d.due <= @now
    AND NOT EXISTS (SELECT 1 FROM campaigns h WHERE h.id = d.campaign AND h.status IN ('paused', 'cancelled')))
  OR EXISTS (SELECT 1 FROM campaigns c WHERE c.org = o.id AND c.ended = ''
    AND (c.status IN ('running', 'cancelled') OR c.status = 'draft' AND c.scheduled <> '' AND c.scheduled <= @now))
ORDER BY o.id;

-- name: QueuedDials :many
-- But for those to numbers that the organisation is calling, and of campaigns that are held.
SELECT * FROM dials d WHERE d.org = @org AND d.state = 'queued' AND d.due <= @now
  AND NOT EXISTS (SELECT 1 FROM dials o WHERE o.org = d.org AND o.callee = d.callee AND o.state IN ('asking', 'placed'))
  AND NOT EXISTS (SELECT 1 FROM campaigns h WHERE h.id = d.campaign AND h.status IN ('paused', 'cancelled'))
ORDER BY d.priority DESC, d.created, d.call LIMIT @how_many;

-- name: OpenDials :one
SELECT COUNT(*) FROM dials WHERE org = @org AND state IN ('asking', 'placed');

-- name: WaitingDials :one
SELECT COUNT(*) FROM dials d WHERE d.org = @org AND d.state = 'queued'
  AND NOT EXISTS (SELECT 1 FROM campaigns h WHERE h.id = d.campaign AND h.status IN ('paused', 'cancelled'));

-- name: MakePace :exec
INSERT INTO dial_pace (org, next) VALUES (@org, '') ON CONFLICT (org) DO NOTHING;

-- name: HoldPace :one
UPDATE dial_pace SET next = next WHERE org = @org RETURNING next;

-- name: SetPace :exec
UPDATE dial_pace SET next = @next WHERE org = @org;

-- name: AskDial :one
UPDATE dials SET state = 'asking', node = @node, asked = @asked, look = @look WHERE call = @call AND state = 'queued' RETURNING *;

-- name: UnaskDial :exec
UPDATE dials SET state = 'queued', node = '', asked = '', look = '', due = @due WHERE call = @call AND node = @node AND state = 'asking';

-- name: PlaceDial :exec
UPDATE dials SET state = 'placed', carrier_id = @carrier_id, look = @look WHERE call = @call AND state IN ('asking', 'placed');

-- name: PlaceCall :exec
UPDATE calls SET carrier_id = @carrier_id WHERE id = @id AND status = 'initiated';

-- name: KeepCarrierID :exec
-- Of a dial that is over before its carrier's id was known.
UPDATE dials SET carrier_id = @carrier_id WHERE call = @call AND carrier_id = '';

-- name: GoneDial :exec
UPDATE dials SET gone = @gone, look = @look WHERE call = @call AND gone = '' AND state IN ('asking', 'placed');

-- name: OverdueDials :many
-- What a node has placed by a trunk or a bot's channel (store.TrunkAccount, store.ChatAccount) nobody else knows of, as long as that node lives.
UPDATE dials SET look = @next, node = @node
WHERE call IN (SELECT o.call FROM dials o WHERE o.state IN ('asking', 'placed') AND o.look <= @now
    AND (o.account NOT LIKE 'sip:%' AND o.account NOT LIKE 'chat:%' OR o.node = @node OR NOT EXISTS (SELECT 1 FROM nodes n WHERE n.boot = o.node AND n.gone = ''))
    ORDER BY o.look LIMIT @how_many)
  AND state IN ('asking', 'placed') AND look <= @now
RETURNING *;

-- name: DeleteDials :exec
DELETE FROM dials WHERE task = @task;

-- name: DialRules :one
SELECT rules FROM dial_rules WHERE org = @org;

-- name: MakeDialRules :exec
INSERT INTO dial_rules (org, rules) VALUES (@org, '') ON CONFLICT (org) DO NOTHING;

-- name: HoldDialRules :one
UPDATE dial_rules SET rules = rules WHERE org = @org RETURNING rules;

-- name: SetDialRules :exec
UPDATE dial_rules SET rules = @rules WHERE org = @org;

-- name: Bar :execrows
INSERT INTO do_not_call (id, org, e164, reason, created) VALUES (@id, @org, @e164, @reason, @created) ON CONFLICT (org, e164) DO NOTHING;

-- name: BarredNumber :one
SELECT * FROM do_not_call WHERE org = @org AND e164 = @e164;

-- name: IsBarred :one
SELECT COUNT(*) FROM do_not_call WHERE org = @org AND e164 = @e164;

-- name: Barred :many
SELECT * FROM do_not_call WHERE org = @org ORDER BY id DESC LIMIT @how_many OFFSET @after;

-- name: CountBarred :one
SELECT COUNT(*) FROM do_not_call WHERE org = @org;

-- name: Unbar :execrows
DELETE FROM do_not_call WHERE org = @org AND id = @id;
