-- +goose Up
-- Conversations of the CRM: where contacts stand in funnels, which are the client's own. Of user_ref, funnel and stage, which are numbers, the
-- text is kept. A contact has one in a funnel that is not archived.
CREATE TABLE funnel_conversations (
  number   INTEGER PRIMARY KEY AUTOINCREMENT,
  id       TEXT NOT NULL UNIQUE,
  org      TEXT NOT NULL REFERENCES organisations (id),
  contact  INTEGER NOT NULL REFERENCES contacts (number),
  user_ref TEXT NOT NULL,
  funnel   TEXT NOT NULL,
  stage    TEXT NOT NULL,
  archived TEXT NOT NULL,
  created  TEXT NOT NULL,
  updated  TEXT NOT NULL
);
CREATE UNIQUE INDEX funnel_conversations_open ON funnel_conversations (org, contact, funnel) WHERE archived = '';
CREATE INDEX funnel_conversations_contact ON funnel_conversations (contact, number);

-- What entities other than contacts have of custom fields, as JSON. Owner is the entity's id.
CREATE TABLE entity_fields (
  org    TEXT NOT NULL,
  entity TEXT NOT NULL,
  owner  TEXT NOT NULL,
  key    TEXT NOT NULL,
  value  TEXT NOT NULL,
  PRIMARY KEY (entity, owner, key)
);
CREATE INDEX entity_fields_used ON entity_fields (org, entity, key);

-- Whoever matches contacts by their addresses counts here first: of two of an organisation, one waits for the other.
CREATE TABLE matching_turns (
  org TEXT PRIMARY KEY,
  n   INTEGER NOT NULL
);

-- Calls with somebody, by what they are called: by the beginning of that, since an index takes no text of any length.
CREATE INDEX calls_caller ON calls (org, substr(caller, 1, 64), id) WHERE direction = 'inbound';
CREATE INDEX calls_callee ON calls (org, substr(callee, 1, 64), id) WHERE direction = 'outbound';
