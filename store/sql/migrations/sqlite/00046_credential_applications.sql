-- +goose Up
-- What an account at a carrier has besides its secret: the application that calls are placed by, and the key that the carrier signs with.
ALTER TABLE credentials ADD COLUMN application TEXT NOT NULL DEFAULT '';
ALTER TABLE credentials ADD COLUMN public_key TEXT NOT NULL DEFAULT '';
