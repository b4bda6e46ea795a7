package db

// AgentColumns, CallColumns, TaskColumns, DeliveryColumns, ConversationColumns, ContactColumns, AddressColumns, FunnelColumns and AssignmentColumns are
// the columns of a row, in the order of its Fields.
const (
	AgentColumns = "number, id, org, version, name, description, system_prompt, starting_message, enabled, voice_settings, dtmf_rules, settings, created, updated"
	CallColumns  = "number, id, org, agent, agent_version, task, direction, status, leg, carrier_id, caller, callee, node, boot, " +
		"created, answered, ended, length, cause, error, turns, drops, latency, collected, answered_by, quality, cost, bot, preanswer"
	TaskColumns = "number, id, org, agent, name, callee, description, starting_message, context, priority, scheduled, webhook_url, webhook_events, " +
		"status, due, attempts, retries, call, error, created, updated, campaign, line, outcome, caller, bot, permission"
	DeliveryColumns     = "number, id, org, task, call, kind, url, host, status, payload, tries, attempts, due, node, code, error, created, settled"
	ConversationColumns = "number, id, org, bot, channel, external, status, length, metadata, autoreply, contact_id, created, updated, " +
		"(SELECT name FROM bots WHERE bots.id = bot) AS bot_name, (SELECT agent FROM bots WHERE bots.id = bot) AS agent"
	ContactColumns = "number, id, org, user_ref, company, provider_id, provider_name, national_id, first_name, last_name, position, metadata, words, " +
		"changes, created, updated"
	AddressColumns    = "number, contact, channel, address, created, updated"
	FunnelColumns     = "number, id, org, contact, user_ref, funnel, stage, archived, created, updated"
	AssignmentColumns = "number, id, org, conversation, title, objective, creator_type, creator, holder_type, holder, agent, status, published, due, " +
		"completed, cancelled, reason, work, look, task, call, thread, message, outcome, failure, created, updated"
)

// Fields is where a row is scanned to.
func (a *Agent) Fields() []any {
	return []any{&a.Number, &a.ID, &a.Org, &a.Version, &a.Name, &a.Description, &a.SystemPrompt, &a.StartingMessage, &a.Enabled,
		&a.VoiceSettings, &a.DtmfRules, &a.Settings, &a.Created, &a.Updated}
}

// Fields is where a row is scanned to.
func (c *Call) Fields() []any {
	return []any{&c.Number, &c.ID, &c.Org, &c.Agent, &c.AgentVersion, &c.Task, &c.Direction, &c.Status, &c.Leg, &c.CarrierID, &c.Caller,
		&c.Callee, &c.Node, &c.Boot, &c.Created, &c.Answered, &c.Ended, &c.Length, &c.Cause, &c.Error, &c.Turns, &c.Drops, &c.Latency, &c.Collected,
		&c.AnsweredBy, &c.Quality, &c.Cost, &c.Bot, &c.Preanswer}
}

// Fields is where a row is scanned to.
func (t *Task) Fields() []any {
	return []any{&t.Number, &t.ID, &t.Org, &t.Agent, &t.Name, &t.Callee, &t.Description, &t.StartingMessage, &t.Context, &t.Priority,
		&t.Scheduled, &t.WebhookUrl, &t.WebhookEvents, &t.Status, &t.Due, &t.Attempts, &t.Retries, &t.Call, &t.Error, &t.Created, &t.Updated,
		&t.Campaign, &t.Line, &t.Outcome, &t.Caller, &t.Bot, &t.Permission}
}

// Fields is where a row is scanned to.
func (d *WebhookDelivery) Fields() []any {
	return []any{&d.Number, &d.ID, &d.Org, &d.Task, &d.Call, &d.Kind, &d.Url, &d.Host, &d.Status, &d.Payload, &d.Tries, &d.Attempts, &d.Due,
		&d.Node, &d.Code, &d.Error, &d.Created, &d.Settled}
}

// Fields is where a row is scanned to.
func (c *ConversationRow) Fields() []any {
	return []any{&c.Number, &c.ID, &c.Org, &c.Bot, &c.Channel, &c.External, &c.Status, &c.Length, &c.Metadata, &c.Autoreply, &c.ContactID, &c.Created,
		&c.Updated, &c.BotName, &c.Agent}
}

// Fields is where a row is scanned to.
func (c *Contact) Fields() []any {
	return []any{&c.Number, &c.ID, &c.Org, &c.UserRef, &c.Company, &c.ProviderID, &c.ProviderName, &c.NationalID, &c.FirstName, &c.LastName,
		&c.Position, &c.Metadata, &c.Words, &c.Changes, &c.Created, &c.Updated}
}

// Fields is where a row is scanned to.
func (a *ContactAddress) Fields() []any {
	return []any{&a.Number, &a.Contact, &a.Channel, &a.Address, &a.Created, &a.Updated}
}

// Fields is where a row is scanned to.
func (a *Assignment) Fields() []any {
	return []any{&a.Number, &a.ID, &a.Org, &a.Conversation, &a.Title, &a.Objective, &a.CreatorType, &a.Creator, &a.HolderType, &a.Holder, &a.Agent,
		&a.Status, &a.Published, &a.Due, &a.Completed, &a.Cancelled, &a.Reason, &a.Work, &a.Look, &a.Task, &a.Call, &a.Thread, &a.Message, &a.Outcome,
		&a.Failure, &a.Created, &a.Updated}
}

// Fields is where a row is scanned to.
func (c *FunnelConversation) Fields() []any {
	return []any{&c.Number, &c.ID, &c.Org, &c.Contact, &c.UserRef, &c.Funnel, &c.Stage, &c.Archived, &c.Created, &c.Updated}
}
