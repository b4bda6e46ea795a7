-- +goose Up
-- What agents of an organisation may remember of those whom they talk to: JSON of control/traits; empty: nothing. And which conversations a model was told
-- of for a turn, by their ids.
ALTER TABLE organisations ADD COLUMN memory     TEXT NOT NULL DEFAULT '';
ALTER TABLE turns         ADD COLUMN remembered TEXT NOT NULL DEFAULT '';

-- Who was deleted from the contacts, by all names that they were known by, and when: what was said until then is not remembered.
CREATE TABLE forgotten (
  org  TEXT NOT NULL REFERENCES organisations (id),
  name TEXT NOT NULL,
  made TEXT NOT NULL,
  PRIMARY KEY (org, name)
) WITHOUT ROWID;
INSERT INTO forgotten (org, name, made)
SELECT c.org, c.external, MAX(c.updated) FROM conversations c
WHERE c.contact_id IS NOT NULL AND c.external <> '' AND NOT EXISTS (SELECT 1 FROM contacts k WHERE k.org = c.org AND CAST(k.number AS TEXT) = c.contact_id)
GROUP BY c.org, c.external;

CREATE INDEX conversations_with ON conversations (org, external, updated);
CREATE INDEX thread_peers_named ON thread_peers (peer, conversation);
