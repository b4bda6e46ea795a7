-- name: Use :one
INSERT INTO rates (who, minute, used) VALUES (@who, @minute, @used)
ON CONFLICT (who) DO UPDATE SET
  used = excluded.used + CASE WHEN rates.minute = excluded.minute THEN rates.used ELSE 0 END, minute = excluded.minute
WHERE rates.minute <= excluded.minute
RETURNING used;

-- name: ClaimAnswer :execrows
INSERT INTO answers (org, route, hash, fingerprint, holder, status, body, expires)
VALUES (@org, @route, @hash, @fingerprint, @holder, 0, @body, @expires)
ON CONFLICT (org, route, hash) DO UPDATE SET
  fingerprint = excluded.fingerprint, holder = excluded.holder, status = 0, body = excluded.body, expires = excluded.expires
WHERE answers.expires <= @now;

-- name: Answer :one
SELECT * FROM answers WHERE org = @org AND route = @route AND hash = @hash;

-- name: HoldAnswer :execrows
UPDATE answers SET expires = @expires WHERE org = @org AND route = @route AND hash = @hash AND holder = @holder AND status = 0;

-- name: KeepAnswer :execrows
UPDATE answers SET status = @status, body = @body, expires = @expires
WHERE org = @org AND route = @route AND hash = @hash AND holder = @holder AND status = 0;

-- name: DropAnswer :exec
DELETE FROM answers WHERE org = @org AND route = @route AND hash = @hash AND holder = @holder AND status = 0;

-- name: SweepSessions :execrows
DELETE FROM sessions WHERE expires <= @now;

-- name: SweepInvites :execrows
DELETE FROM invites WHERE expires <= @now;

-- name: SweepAttempts :execrows
DELETE FROM attempts WHERE tried < @tried;

-- name: SweepRates :execrows
DELETE FROM rates WHERE minute < @minute;

-- name: SweepAnswers :execrows
DELETE FROM answers WHERE expires <= @now;
