-- name: InsertContact :one
INSERT INTO contacts (id, org, user_ref, company, provider_id, provider_name, national_id, first_name, last_name, position, metadata, words,
  changes, created, updated)
VALUES (@id, @org, @user_ref, @company, @provider_id, @provider_name, @national_id, @first_name, @last_name, @position, @metadata, @words,
  @changes, @created, @updated)
RETURNING *;

-- name: Contact :one
SELECT * FROM contacts WHERE org = @org AND number = @number;

-- name: UpdateContact :one
UPDATE contacts SET user_ref = @user_ref, company = @company, provider_id = @provider_id, provider_name = @provider_name,
  national_id = @national_id, first_name = @first_name, last_name = @last_name, position = @position, metadata = @metadata, words = @words,
  changes = changes + 1, updated = @updated
WHERE number = @number
RETURNING *;

-- name: DeleteContact :exec
DELETE FROM contacts WHERE number = @number;

-- name: InsertAddress :one
INSERT INTO contact_addresses (contact, channel, address, created, updated) VALUES (@contact, @channel, @address, @created, @updated)
RETURNING *;

-- name: UpdateAddress :one
UPDATE contact_addresses SET channel = @channel, address = @address, updated = @updated WHERE number = @number RETURNING *;

-- name: DeleteAddress :exec
DELETE FROM contact_addresses WHERE number = @number;

-- name: DeleteAddresses :exec
DELETE FROM contact_addresses WHERE contact = @contact;

-- name: DeleteTerms :exec
DELETE FROM contact_terms WHERE contact = @contact;

-- name: DeleteContactFields :exec
DELETE FROM contact_fields WHERE contact = @contact;
