-- name: InsertField :one
INSERT INTO fields (org, entity, key, label, kind, description, created, updated)
VALUES (@org, @entity, @key, @label, @kind, @description, @created, @updated)
RETURNING *;

-- name: Field :one
SELECT * FROM fields WHERE org = @org AND number = @number;

-- name: Fields :many
SELECT * FROM fields WHERE org = @org ORDER BY number;

-- name: UpdateField :one
UPDATE fields SET entity = @entity, key = @key, label = @label, kind = @kind, description = @description, updated = @updated
WHERE number = @number
RETURNING *;

-- name: DeleteField :exec
DELETE FROM fields WHERE number = @number;

-- name: DeleteOptions :exec
DELETE FROM field_options WHERE field = @field;

-- name: FieldUse :many
-- A contact that has a value of a field: one or none.
SELECT contact FROM contact_fields WHERE org = @org AND key = @key LIMIT 1;

-- name: DropFieldValues :exec
DELETE FROM contact_fields WHERE org = @org AND key = @key;

-- name: DropFieldTerms :exec
DELETE FROM contact_terms WHERE org = @org AND field = @field;

-- name: InsertOption :one
INSERT INTO field_options (org, field, value, label, description, created, updated)
VALUES (@org, @field, @value, @label, @description, @created, @updated)
RETURNING *;

-- name: Option :one
SELECT * FROM field_options WHERE org = @org AND field = @field AND number = @number;

-- name: Options :many
SELECT * FROM field_options WHERE org = @org AND field = @field ORDER BY number;

-- name: UpdateOption :one
UPDATE field_options SET value = @value, label = @label, description = @description, updated = @updated WHERE number = @number RETURNING *;

-- name: DeleteOption :exec
DELETE FROM field_options WHERE number = @number;

-- name: RenameOptionTerms :exec
UPDATE contact_terms SET text = @text
WHERE contact_terms.org = @org AND contact_terms.field = @field
  AND contact_terms.contact IN (SELECT f.contact FROM contact_fields f WHERE f.org = @org AND f.key = @key AND f.value = @former);

-- name: RenameOptionValues :exec
UPDATE contact_fields SET value = @value WHERE org = @org AND key = @key AND value = @former;

-- name: DropOptionTerms :exec
DELETE FROM contact_terms
WHERE contact_terms.org = @org AND contact_terms.field = @field
  AND contact_terms.contact IN (SELECT f.contact FROM contact_fields f WHERE f.org = @org AND f.key = @key AND f.value = @former);

-- name: DropOptionValues :exec
DELETE FROM contact_fields WHERE org = @org AND key = @key AND value = @former;

-- name: EntityFields :many
SELECT key, value FROM entity_fields WHERE entity = @entity AND owner = @owner ORDER BY key;

-- name: DeleteEntityFields :exec
DELETE FROM entity_fields WHERE entity = @entity AND owner = @owner;

-- name: EntityFieldUse :many
-- An entity that has a value of a field: one or none.
SELECT owner FROM entity_fields WHERE org = @org AND entity = @entity AND key = @key LIMIT 1;

-- name: DropEntityFieldValues :exec
DELETE FROM entity_fields WHERE org = @org AND entity = @entity AND key = @key;

-- name: RenameEntityOptionValues :exec
UPDATE entity_fields SET value = @value WHERE org = @org AND entity = @entity AND key = @key AND value = @former;

-- name: DropEntityOptionValues :exec
DELETE FROM entity_fields WHERE org = @org AND entity = @entity AND key = @key AND value = @former;
