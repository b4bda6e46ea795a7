-- +goose Up
-- Signing secrets are sealed as credentials are. What was sealed before is in hex and has no key's id, until it is sealed anew.
ALTER TABLE webhook_settings ADD COLUMN sealed text NOT NULL DEFAULT '';
ALTER TABLE webhook_settings ADD COLUMN key_id text NOT NULL DEFAULT '';
ALTER TABLE webhook_settings ADD COLUMN former_sealed text NOT NULL DEFAULT '';
ALTER TABLE webhook_settings ADD COLUMN former_key_id text NOT NULL DEFAULT '';
UPDATE webhook_settings SET sealed = encode(secret, 'hex'), former_sealed = encode(former, 'hex');
ALTER TABLE webhook_settings DROP COLUMN secret;
ALTER TABLE webhook_settings DROP COLUMN former;
