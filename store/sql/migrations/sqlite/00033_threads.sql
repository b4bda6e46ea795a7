-- +goose Up
-- Whose thread with a bot is which: somebody may be known by a number and by an id of the channel's own. The best name has the lowest place.
CREATE TABLE thread_peers (
  bot          TEXT NOT NULL,
  peer         TEXT NOT NULL,
  conversation TEXT NOT NULL,
  place        INTEGER NOT NULL,
  PRIMARY KEY (bot, peer)
);
CREATE INDEX thread_peers_thread ON thread_peers (conversation, place, peer);

-- What channels tell of messages, whether we know these already or not.
CREATE TABLE message_receipts (
  bot      TEXT NOT NULL,
  external TEXT NOT NULL,
  status   TEXT NOT NULL,
  rank     INTEGER NOT NULL,
  error    TEXT NOT NULL,
  created  TEXT NOT NULL,
  PRIMARY KEY (bot, external)
);
