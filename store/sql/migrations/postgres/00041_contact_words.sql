-- +goose Up
-- Contacts by any part of a word. pg_trgm comes with Postgres, and whoever may make tables in a database may make it (it is a trusted extension);
-- where it is missing all the same, searches read all contacts of an organisation, as before.
-- +goose StatementBegin
DO $$
BEGIN
  CREATE EXTENSION IF NOT EXISTS pg_trgm;
  CREATE INDEX contacts_words ON contacts USING gin (words gin_trgm_ops) WITH (fastupdate = off);
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported OR undefined_object THEN
  RAISE WARNING 'pg_trgm is not there: searches for parts of words have no index';
END
$$;
-- +goose StatementEnd
