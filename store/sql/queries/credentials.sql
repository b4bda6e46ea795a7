-- name: InsertCredential :one
INSERT INTO credentials (id, org, vendor, name, account, application, public_key, base_url, sealed, key_id, hint, preferred, verdict, verified, created, updated)
VALUES (@id, @org, @vendor, @name, @account, @application, @public_key, @base_url, @sealed, @key_id, @hint, @preferred, '', '', @created, @updated)
RETURNING *;

-- name: Credential :one
SELECT * FROM credentials WHERE org = @org AND id = @id;

-- name: Credentials :many
SELECT * FROM credentials WHERE org = @org ORDER BY id DESC LIMIT @how_many OFFSET @after;

-- name: CountCredentials :one
SELECT COUNT(*) FROM credentials WHERE org = @org;

-- name: CredentialsAt :many
SELECT * FROM credentials WHERE org = @org AND vendor = @vendor ORDER BY id DESC LIMIT @how_many OFFSET @after;

-- name: CountCredentialsAt :one
SELECT COUNT(*) FROM credentials WHERE org = @org AND vendor = @vendor;

-- name: AllCredentials :many
SELECT * FROM credentials ORDER BY number;

-- name: CountPreferred :one
SELECT COUNT(*) FROM credentials WHERE org = @org AND vendor = @vendor AND preferred;

-- name: Unprefer :exec
UPDATE credentials SET preferred = false, updated = @updated WHERE org = @org AND vendor = @vendor AND id <> @id AND preferred;

-- name: UpdateCredential :one
UPDATE credentials SET name = @name, account = @account, application = @application, public_key = @public_key, base_url = @base_url, sealed = @sealed, key_id = @key_id, hint = @hint,
  preferred = @preferred, verdict = @verdict, verified = @verified, updated = @updated
WHERE id = @id
RETURNING *;

-- name: NoteVerdict :execrows
-- Of the secret that was tried: of another, nothing is known by it.
UPDATE credentials SET verdict = @verdict, verified = @verified WHERE org = @org AND id = @id AND sealed = @sealed;

-- name: DeleteCredential :exec
DELETE FROM credentials WHERE id = @id;

-- name: StaleCredentials :many
SELECT id, org, sealed FROM credentials WHERE key_id <> @key_id AND id > @after ORDER BY id LIMIT @how_many;

-- name: ResealCredential :execrows
UPDATE credentials SET sealed = @sealed, key_id = @key_id WHERE id = @id AND sealed = @former;

-- name: DialsOfAccount :one
SELECT COUNT(*) FROM dials WHERE org = @org AND account = @account AND state <> 'over';

-- name: InsertTrunk :one
INSERT INTO trunks (id, org, name, host, port, transport, username, sealed, key_id, realm, allowed, codecs, caller_id, outbound, registers, created, updated)
VALUES (@id, @org, @name, @host, @port, @transport, @username, @sealed, @key_id, @realm, @allowed, @codecs, @caller_id, @outbound, @registers, @created, @updated)
RETURNING *;

-- name: Trunk :one
SELECT * FROM trunks WHERE org = @org AND id = @id;

-- name: Trunks :many
SELECT * FROM trunks WHERE org = @org ORDER BY id DESC LIMIT @how_many OFFSET @after;

-- name: CountTrunks :one
SELECT COUNT(*) FROM trunks WHERE org = @org;

-- name: AllTrunks :many
SELECT * FROM trunks ORDER BY number;

-- name: UpdateTrunk :one
UPDATE trunks SET name = @name, host = @host, port = @port, transport = @transport, username = @username, sealed = @sealed, key_id = @key_id,
  realm = @realm, allowed = @allowed, codecs = @codecs, caller_id = @caller_id, outbound = @outbound, registers = @registers, updated = @updated
WHERE id = @id
RETURNING *;

-- name: DeleteTrunk :exec
DELETE FROM trunks WHERE id = @id;

-- name: StaleTrunks :many
SELECT id, org, sealed FROM trunks WHERE sealed <> '' AND key_id <> @key_id AND id > @after ORDER BY id LIMIT @how_many;

-- name: ResealTrunk :execrows
UPDATE trunks SET sealed = @sealed, key_id = @key_id WHERE id = @id AND sealed = @former;
