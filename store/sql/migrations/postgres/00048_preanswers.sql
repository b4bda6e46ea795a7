-- +goose Up
-- Who is asked about a call before it is answered: JSON of control/preanswer; empty: of a number its organisation's rule, of an organisation
-- nobody. And what was answered, as calls keep it (JSON of store.PreAnswer; empty: nobody was asked).
ALTER TABLE organisations ADD COLUMN preanswer text NOT NULL DEFAULT '';
ALTER TABLE numbers       ADD COLUMN preanswer text NOT NULL DEFAULT '';
ALTER TABLE calls         ADD COLUMN preanswer text NOT NULL DEFAULT '';

-- The answers for calls whose sound may come to another node than the one that asked, for as long as it is waited for.
CREATE TABLE preanswers (
  leg     text COLLATE "C" NOT NULL,
  carrier text COLLATE "C" NOT NULL,
  call    text COLLATE "C" NOT NULL,
  org     text COLLATE "C" NOT NULL,
  answer  text NOT NULL,
  expires text COLLATE "C" NOT NULL,
  PRIMARY KEY (leg, carrier)
);
CREATE INDEX preanswers_expire ON preanswers (expires);
