-- name: User :one
SELECT u.number, u.id, m.org, u.email, u.name, u.password, m.role, u.created
FROM members m JOIN users u ON u.id = m.person WHERE m.org = @org AND m.person = @id;

-- name: UserByEmail :one
SELECT u.number, u.id, m.org, u.email, u.name, u.password, m.role, u.created
FROM users u JOIN members m ON m.org = u.org AND m.person = u.id WHERE u.email = @email;

-- name: Users :many
SELECT u.number, u.id, m.org, u.email, u.name, u.password, m.role, u.created
FROM members m JOIN users u ON u.id = m.person WHERE m.org = @org ORDER BY m.person DESC LIMIT @how_many OFFSET @after;

-- name: CountMembers :one
SELECT COUNT(*) FROM members WHERE org = @org;

-- name: CountOwners :one
SELECT COUNT(*) FROM members WHERE org = @org AND role = 'owner';

-- name: InsertUser :exec
INSERT INTO users (id, org, email, name, password, created) VALUES (@id, @org, @email, @name, @password, @created);

-- name: InsertMember :exec
INSERT INTO members (org, person, role, created) VALUES (@org, @person, @role, @created);

-- name: SetRole :exec
UPDATE members SET role = @role WHERE org = @org AND person = @person;

-- name: SetRoleOfKeys :exec
UPDATE keys SET role = @role WHERE org = @org AND maker = @maker;

-- name: RevokeKeysOf :execrows
UPDATE keys SET revoked = @revoked WHERE org = @org AND maker = @maker AND revoked = '';

-- name: DeleteMember :exec
DELETE FROM members WHERE org = @org AND person = @person;

-- name: DeleteSessionsIn :exec
DELETE FROM sessions WHERE person = @person AND org = @org;

-- name: DeleteInvitesBy :exec
DELETE FROM invites WHERE org = @org AND maker = @maker;

-- name: OrganisationsOf :many
SELECT org FROM members WHERE person = @person ORDER BY org;

-- name: SetUserOrg :exec
UPDATE users SET org = @org WHERE id = @id;

-- name: DeleteUser :exec
DELETE FROM users WHERE id = @id;

-- name: SetPassword :execrows
UPDATE users SET password = @password WHERE id = @id;

-- name: DeleteSessionsBut :exec
DELETE FROM sessions WHERE person = @person AND id <> @keep;

-- name: Membership :one
SELECT sqlc.embed(organisations), m.role FROM members m JOIN organisations ON organisations.id = m.org
WHERE m.person = @person AND m.org = @org;

-- name: Memberships :many
SELECT sqlc.embed(organisations), m.role FROM members m JOIN organisations ON organisations.id = m.org
WHERE m.person = @person ORDER BY m.org LIMIT @how_many OFFSET @after;

-- name: CountMemberships :one
SELECT COUNT(*) FROM members WHERE person = @person;

-- name: RenameOrganisation :execrows
UPDATE organisations SET name = @name WHERE id = @id;

-- name: InsertSession :exec
INSERT INTO sessions (id, org, person, hash, address, client, created, seen, expires)
VALUES (@id, @org, @person, @hash, @address, @client, @created, @seen, @expires);

-- name: SessionByHash :one
SELECT sqlc.embed(sessions), m.role FROM sessions JOIN members m ON m.org = sessions.org AND m.person = sessions.person
WHERE sessions.hash = @hash AND sessions.expires > @now;

-- name: Session :one
SELECT sqlc.embed(sessions), m.role FROM sessions JOIN members m ON m.org = sessions.org AND m.person = sessions.person
WHERE sessions.id = @id AND sessions.expires > @now;

-- name: Sessions :many
SELECT sqlc.embed(sessions), m.role FROM sessions JOIN members m ON m.org = sessions.org AND m.person = sessions.person
WHERE sessions.person = @person AND sessions.expires > @now ORDER BY sessions.id DESC LIMIT @how_many OFFSET @after;

-- name: CountSessions :one
SELECT COUNT(*) FROM sessions WHERE person = @person AND expires > @now;

-- name: TouchSession :exec
UPDATE sessions SET seen = @seen, expires = @expires WHERE id = @id AND seen < @seen AND expires <= @expires;

-- name: MoveSession :execrows
UPDATE sessions SET org = @org WHERE id = @id AND person = @person;

-- name: SessionPerson :one
SELECT person FROM sessions WHERE id = @id;

-- name: DeleteSession :execrows
DELETE FROM sessions WHERE person = @person AND id = @id;

-- name: DeleteInviteFor :exec
DELETE FROM invites WHERE org = @org AND email = @email;

-- name: InsertInvite :exec
INSERT INTO invites (id, org, email, role, maker, hash, created, expires)
VALUES (@id, @org, @email, @role, @maker, @hash, @created, @expires);

-- name: Invite :one
SELECT * FROM invites WHERE hash = @hash AND expires > @now;

-- name: UseInvite :one
DELETE FROM invites WHERE hash = @hash AND expires > @now RETURNING *;

-- name: PersonByEmail :one
SELECT id FROM users WHERE email = @email;

-- name: StartAttempts :exec
INSERT INTO attempts (who, tries, tried, blocked) VALUES (@who, 0, '', '') ON CONFLICT (who) DO NOTHING;

-- name: LockAttempts :one
UPDATE attempts SET tries = tries WHERE who = @who RETURNING *;

-- name: CountAttempt :exec
UPDATE attempts SET tries = @tries, tried = @tried, blocked = @blocked WHERE who = @who;

-- name: ForgiveLast :exec
UPDATE attempts SET tries = tries - 1, blocked = '' WHERE who = @who AND tries > 0;

-- name: ForgiveAll :exec
DELETE FROM attempts WHERE who = @who;
