-- +goose Up
-- Whose thread with a bot is which: somebody may be known by a number and by an id of the channel's own. The best name has the lowest place.
CREATE TABLE thread_peers (
  bot          text COLLATE "C" NOT NULL,
  peer         text COLLATE "C" NOT NULL,
  conversation text COLLATE "C" NOT NULL,
  place        bigint NOT NULL,
  PRIMARY KEY (bot, peer)
);
CREATE INDEX thread_peers_thread ON thread_peers (conversation, place, peer);

-- What channels tell of messages, whether we know these already or not.
CREATE TABLE message_receipts (
  bot      text COLLATE "C" NOT NULL,
  external text COLLATE "C" NOT NULL,
  status   text COLLATE "C" NOT NULL,
  rank     bigint NOT NULL,
  error    text NOT NULL,
  created  text COLLATE "C" NOT NULL,
  PRIMARY KEY (bot, external)
);
