-- name: InsertAgent :one
INSERT INTO agents (id, org, version, name, description, system_prompt, starting_message, enabled, voice_settings, dtmf_rules, settings, created, updated)
VALUES (@id, @org, @version, @name, @description, @system_prompt, @starting_message, @enabled, @voice_settings, @dtmf_rules, @settings, @created, @updated)
RETURNING *;

-- name: UpdateAgent :one
UPDATE agents SET version = @version, name = @name, description = @description, system_prompt = @system_prompt,
  starting_message = @starting_message, enabled = @enabled, voice_settings = @voice_settings, dtmf_rules = @dtmf_rules, settings = @settings, updated = @updated
WHERE id = @id
RETURNING *;

-- name: KeepVersion :exec
INSERT INTO agent_versions (agent, version, number, org, name, description, system_prompt, starting_message, enabled, voice_settings, dtmf_rules, settings, created, updated)
SELECT id, version, number, org, name, description, system_prompt, starting_message, enabled, voice_settings, dtmf_rules, settings, created, updated
FROM agents WHERE id = @id;

-- name: Agent :one
SELECT * FROM agents WHERE org = @org AND id = @id;

-- name: AllAgents :many
SELECT * FROM agents ORDER BY number;

-- name: AgentVersion :one
SELECT * FROM agent_versions WHERE org = @org AND agent = @agent AND version = @version;

-- name: AgentVersions :many
SELECT * FROM agent_versions WHERE org = @org AND agent = @agent ORDER BY version DESC LIMIT @how_many OFFSET @after;

-- name: CountVersions :one
SELECT COUNT(*) FROM agent_versions WHERE org = @org AND agent = @agent;

-- name: DeleteAgent :exec
DELETE FROM agents WHERE id = @id;
