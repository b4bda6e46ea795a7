-- name: DocumentByHash :one
SELECT * FROM documents WHERE org = @org AND name = @name AND hash = @hash ORDER BY number LIMIT 1;

-- name: InsertDocument :one
INSERT INTO documents (id, org, name, kind, title, hash, bytes, chunks, created)
VALUES (@id, @org, @name, @kind, @title, @hash, @bytes, @chunks, @created)
RETURNING *;

-- name: Shelved :many
-- The documents that an agent knows by a name: one or none.
SELECT document FROM shelves WHERE org = @org AND agent = @agent AND name = @name;

-- name: Shelve :exec
INSERT INTO shelves (org, agent, name, document) VALUES (@org, @agent, @name, @document)
ON CONFLICT (agent, name) DO UPDATE SET document = excluded.document;

-- name: Unshelve :execrows
DELETE FROM shelves WHERE org = @org AND agent = @agent AND name = @name;

-- name: AgentsKnowing :many
SELECT agent FROM shelves WHERE document = @document ORDER BY agent;

-- name: SetOwners :exec
UPDATE chunks SET owners = @owners WHERE document = @document AND owners <> @owners;

-- name: UnshelveAll :exec
DELETE FROM shelves WHERE agent = @agent;

-- name: Documents :many
SELECT d.* FROM shelves s JOIN documents d ON d.id = s.document WHERE s.org = @org AND s.agent = @agent ORDER BY s.name;

-- name: CountVectors :many
-- How many vectors of a model each document of an agent has.
SELECT s.document, COUNT(*) AS n FROM shelves s JOIN vectors v ON v.document = s.document
WHERE s.org = @org AND s.agent = @agent AND v.model = @model
GROUP BY s.document;

-- name: KnowingAgents :many
SELECT DISTINCT agent FROM shelves ORDER BY agent;

-- name: CountChunks :one
SELECT CAST(COALESCE(SUM(d.chunks), 0) AS BIGINT) FROM shelves s JOIN documents d ON d.id = s.document
WHERE s.agent = @agent AND s.name <> @name;

-- name: DropVectors :exec
DELETE FROM vectors WHERE document IN (SELECT d.id FROM documents d WHERE d.org = @org AND NOT EXISTS (SELECT 1 FROM shelves s WHERE s.document = d.id));

-- name: DropChunks :exec
DELETE FROM chunks WHERE document IN (SELECT d.id FROM documents d WHERE d.org = @org AND NOT EXISTS (SELECT 1 FROM shelves s WHERE s.document = d.id));

-- name: DropDocuments :exec
DELETE FROM documents WHERE documents.org = @org AND NOT EXISTS (SELECT 1 FROM shelves s WHERE s.document = documents.id);

-- name: DocumentOf :one
SELECT * FROM documents WHERE org = @org AND id = @id;

-- name: PutVector :exec
INSERT INTO vectors (document, model, seq, vector) VALUES (@document, @model, @seq, @vector)
ON CONFLICT (document, model, seq) DO UPDATE SET vector = excluded.vector;

-- name: Vectors :many
SELECT v.seq, v.vector FROM vectors v JOIN documents d ON d.id = v.document
WHERE d.org = @org AND v.document = @document AND v.model = @model ORDER BY v.seq;

-- name: Chunks :many
SELECT c.seq, c.place, c.text, c.words FROM chunks c JOIN documents d ON d.id = c.document
WHERE d.org = @org AND c.document = @document ORDER BY c.seq;

-- name: Excerpt :one
SELECT d.id, d.name, d.title, c.seq, c.place, c.text FROM chunks c JOIN documents d ON d.id = c.document
WHERE d.org = @org AND c.document = @document AND c.seq = @seq;
