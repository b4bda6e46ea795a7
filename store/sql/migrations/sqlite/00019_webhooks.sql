-- +goose Up
CREATE TABLE webhook_settings (
  org          TEXT NOT NULL PRIMARY KEY REFERENCES organisations (id),
  redelivery   BOOLEAN NOT NULL,
  secret       BLOB NOT NULL,
  rotated      TEXT NOT NULL,
  former       BLOB NOT NULL,
  former_until TEXT NOT NULL
);

-- URLs to which nothing is sent any more; endpoint is the SHA-256 of the URL.
CREATE TABLE webhook_disabled (
  org      TEXT NOT NULL REFERENCES organisations (id),
  endpoint TEXT NOT NULL,
  url      TEXT NOT NULL,
  reason   TEXT NOT NULL,
  created  TEXT NOT NULL,
  PRIMARY KEY (org, endpoint)
);

-- Events on their way to URLs, and where they went. A row is written in the transaction that writes its task event.
CREATE TABLE webhook_deliveries (
  number   INTEGER PRIMARY KEY AUTOINCREMENT,
  id       TEXT NOT NULL UNIQUE,
  org      TEXT NOT NULL REFERENCES organisations (id),
  task     TEXT NOT NULL,
  call     TEXT NOT NULL,
  kind     TEXT NOT NULL,
  url      TEXT NOT NULL,
  host     TEXT NOT NULL,
  status   TEXT NOT NULL,
  payload  TEXT NOT NULL,
  tries    INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  due      TEXT NOT NULL,
  node     TEXT NOT NULL,
  code     INTEGER NOT NULL,
  error    TEXT NOT NULL,
  created  TEXT NOT NULL,
  settled  TEXT NOT NULL
);
CREATE INDEX webhook_deliveries_org ON webhook_deliveries (org, id);
CREATE INDEX webhook_deliveries_status ON webhook_deliveries (org, status, id);
CREATE INDEX webhook_deliveries_task ON webhook_deliveries (org, task, id);
CREATE INDEX webhook_deliveries_call ON webhook_deliveries (org, call, id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (host, due) WHERE status = 'pending';
CREATE INDEX webhook_deliveries_settled ON webhook_deliveries (settled) WHERE settled <> '';

-- Tries. Durations are nanoseconds.
CREATE TABLE webhook_attempts (
  delivery TEXT NOT NULL REFERENCES webhook_deliveries (id),
  n        INTEGER NOT NULL,
  created  TEXT NOT NULL,
  took     INTEGER NOT NULL,
  code     INTEGER NOT NULL,
  error    TEXT NOT NULL,
  answer   TEXT NOT NULL,
  PRIMARY KEY (delivery, n)
) WITHOUT ROWID;
