-- +goose Up
-- Signing secrets are sealed as credentials are. What was sealed before is in hex and has no key's id, until it is sealed anew.
ALTER TABLE webhook_settings ADD COLUMN sealed TEXT NOT NULL DEFAULT '';
ALTER TABLE webhook_settings ADD COLUMN key_id TEXT NOT NULL DEFAULT '';
ALTER TABLE webhook_settings ADD COLUMN former_sealed TEXT NOT NULL DEFAULT '';
ALTER TABLE webhook_settings ADD COLUMN former_key_id TEXT NOT NULL DEFAULT '';
UPDATE webhook_settings SET sealed = hex(secret), former_sealed = hex(former);
ALTER TABLE webhook_settings DROP COLUMN secret;
ALTER TABLE webhook_settings DROP COLUMN former;
