-- +goose Up
-- What agents know: documents, which never change, cut into chunks. Words are a chunk's text as it is searched, owners the agents that know
-- it, for the index of Postgres.
CREATE TABLE documents (
  number  INTEGER PRIMARY KEY AUTOINCREMENT,
  id      TEXT NOT NULL UNIQUE,
  org     TEXT NOT NULL REFERENCES organisations (id),
  name    TEXT NOT NULL,
  kind    TEXT NOT NULL,
  title   TEXT NOT NULL,
  hash    TEXT NOT NULL,
  bytes   INTEGER NOT NULL,
  chunks  INTEGER NOT NULL,
  created TEXT NOT NULL
);
CREATE INDEX documents_text ON documents (org, name, hash);

CREATE TABLE chunks (
  number   INTEGER PRIMARY KEY AUTOINCREMENT,
  document TEXT NOT NULL REFERENCES documents (id),
  seq      INTEGER NOT NULL,
  place    TEXT NOT NULL,
  text     TEXT NOT NULL,
  words    TEXT NOT NULL,
  owners   TEXT NOT NULL
);
CREATE UNIQUE INDEX chunks_document ON chunks (document, seq);

CREATE VIRTUAL TABLE chunk_words USING fts5 (words, content='chunks', content_rowid='number', tokenize="porter unicode61 remove_diacritics 2");
-- +goose StatementBegin
CREATE TRIGGER chunks_inserted AFTER INSERT ON chunks BEGIN
  INSERT INTO chunk_words (rowid, words) VALUES (new.number, new.words);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER chunks_deleted AFTER DELETE ON chunks BEGIN
  INSERT INTO chunk_words (chunk_words, rowid, words) VALUES ('delete', old.number, old.words);
END;
-- +goose StatementEnd

-- Which documents an agent knows: one of each name.
CREATE TABLE shelves (
  org      TEXT NOT NULL REFERENCES organisations (id),
  agent    TEXT NOT NULL REFERENCES agents (id),
  name     TEXT NOT NULL,
  document TEXT NOT NULL REFERENCES documents (id),
  PRIMARY KEY (agent, name)
) WITHOUT ROWID;
CREATE INDEX shelves_document ON shelves (document);

-- What an embeddings endpoint made of chunks: 32-bit floats, little-endian.
CREATE TABLE vectors (
  document TEXT NOT NULL REFERENCES documents (id),
  model    TEXT NOT NULL,
  seq      INTEGER NOT NULL,
  vector   BLOB NOT NULL,
  PRIMARY KEY (document, model, seq)
) WITHOUT ROWID;

-- What was looked up in an agent's knowledge for a turn: a JSON object; nothing is the empty text.
ALTER TABLE turns ADD COLUMN lookup TEXT NOT NULL DEFAULT '';
