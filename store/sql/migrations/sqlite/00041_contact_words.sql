-- +goose Up
-- Contacts by any part of a word. Words are folded already, so that the index takes them as they are.
CREATE VIRTUAL TABLE contact_words USING fts5 (words, content='contacts', content_rowid='number', columnsize=0, tokenize="trigram case_sensitive 1");
INSERT INTO contact_words (contact_words) VALUES ('rebuild');
-- +goose StatementBegin
CREATE TRIGGER contacts_inserted AFTER INSERT ON contacts BEGIN
  INSERT INTO contact_words (rowid, words) VALUES (new.number, new.words);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER contacts_changed AFTER UPDATE OF words ON contacts WHEN old.words <> new.words BEGIN
  INSERT INTO contact_words (contact_words, rowid, words) VALUES ('delete', old.number, old.words);
  INSERT INTO contact_words (rowid, words) VALUES (new.number, new.words);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER contacts_deleted AFTER DELETE ON contacts BEGIN
  INSERT INTO contact_words (contact_words, rowid, words) VALUES ('delete', old.number, old.words);
END;
-- +goose StatementEnd
