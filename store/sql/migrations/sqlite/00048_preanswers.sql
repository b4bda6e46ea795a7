-- +goose Up
-- Who is asked about a call before it is answered: JSON of control/preanswer; empty: of a number its organisation's rule, of an organisation
-- nobody. And what was answered, as calls keep it (JSON of store.PreAnswer; empty: nobody was asked).
ALTER TABLE organisations ADD COLUMN preanswer TEXT NOT NULL DEFAULT '';
ALTER TABLE numbers       ADD COLUMN preanswer TEXT NOT NULL DEFAULT '';
ALTER TABLE calls         ADD COLUMN preanswer TEXT NOT NULL DEFAULT '';

-- The answers for calls whose sound may come to another node than the one that asked, for as long as it is waited for.
CREATE TABLE preanswers (
  leg     TEXT NOT NULL,
  carrier TEXT NOT NULL,
  call    TEXT NOT NULL,
  org     TEXT NOT NULL,
  answer  TEXT NOT NULL,
  expires TEXT NOT NULL,
  PRIMARY KEY (leg, carrier)
) WITHOUT ROWID;
CREATE INDEX preanswers_expire ON preanswers (expires);
