package control

import (
	"cmp"
	"context"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/access"
	"parley/control/bots"
	"parley/control/campaign"
	"parley/control/crm"
	"parley/control/health"
	"parley/control/lines"
	"parley/control/people"
	"parley/control/talk"
	"parley/control/voice"
)

// routes is the whole API.
func (c *Control) routes() {
	o := c.options
	agents := &voice.Agents{Store: o.Agents, Tasks: o.Tasks, Default: o.Default, House: o.House, Changed: o.Changed}
	c.agents = agents
	tasks := &voice.Tasks{Store: o.Tasks, Agents: o.Agents, Bots: o.Bots, Dialer: o.Dialer}
	campaigns := &campaign.Campaigns{Store: o.Campaigns, Tasks: o.Tasks, DoNotCall: o.DoNotCall, Vetter: o.Dialer, Log: o.Log}
	dialing := &voice.Dialing{Rules: o.Dialer, Lists: o.DoNotCall}
	hooks := &voice.Webhooks{Store: o.Webhooks, Secrets: o.Hooks, Wake: o.Hooked}
	calls := &voice.Calls{
		Store: o.Calls, Live: o.Live, Judge: o.Dialer, Gauge: o.Gauge, Sounds: o.Recordings, Desk: o.Reports, Tickets: c.tickets[voice.ForRecording], Passes: c.passes, Public: o.PublicURL, Log: o.Log,
	}

	contacts := &crm.Contacts{Store: o.Contacts}
	phone := &crm.Calls{
		Store: o.Contacts, Records: o.Calls, Contacts: o.Contacts, Desk: o.Reports, Voice: calls, Wake: o.Fetch,
		Starter: crm.Starter{Agents: agents, Tasks: o.Tasks, Numbers: o.Lines, Dialer: o.Dialer},
	}
	if o.Fetch != nil && o.Gate != nil {
		phone.Reach = o.Gate.Check
	}
	fields := &crm.Fields{Store: o.Contacts}
	assignments := &crm.Assignments{Store: o.Contacts, Agents: o.Agents, Calls: o.Tasks, Dialer: o.Dialer, Wake: o.Assigned, Log: o.Log}
	funnels := &crm.Conversations{Store: o.Contacts}
	letters := &crm.Messages{Store: o.Contacts, Bots: o.Bots, Messenger: o.Messenger, Files: o.Files, Kept: o.Kept, Link: c.link, Public: o.PublicURL}

	credentials := &lines.Credentials{Store: o.Lines, Vault: c.vault, Gate: o.Gate, Asker: o.Asker, Changed: o.Changed, Log: o.Log}
	numbers := &lines.Numbers{Store: o.Lines, Agents: o.Agents, Changed: o.Changed}
	trunks := &lines.Trunks{Store: o.Lines, Vault: c.vault, State: o.Trunks, Changed: o.Changed, Log: o.Log}
	extensions := &lines.Extensions{Store: o.Lines, Agents: o.Agents, Vault: c.vault, Changed: o.Changed, Log: o.Log}

	clerks := &bots.Bots{Store: o.Bots, Agents: o.Agents, Numbers: o.Lines, House: o.House, Prober: o.Prober, Messenger: o.Messenger, Changed: o.Changed, Log: o.Log}
	files := &bots.Files{Rows: o.Files, Kept: o.Kept, Link: c.link, Log: o.Log}
	threads := &bots.Conversations{Link: c.link, Store: o.Bots, Calls: o.Calls, Agents: o.Agents, Drafter: o.Drafter, Feed: o.Feed, Messenger: o.Messenger, Log: o.Log}

	logins := &people.Logins{Sessions: c.sessions, Store: o.People}
	keys := &people.Keys{Store: o.People, Forget: o.Forget, Log: o.Log}
	organisations := &people.Organisations{Store: o.People, Changed: o.Changed, Log: o.Log}
	users := &people.Users{Store: o.People, Sessions: c.sessions, Forget: c.forgetAll, Public: o.PublicURL, Log: o.Log}

	const v1 = "/api/v1"
	handle(c, "GET "+v1+"/agents", "list-agents", access.AgentsRead, agents.List)
	handle(c, "POST "+v1+"/agents", "create-agent", access.AgentsWrite, agents.Create)
	handle(c, "GET "+v1+"/agents/{id}", "get-agent", access.AgentsRead, agents.Get)
	handle(c, "PATCH "+v1+"/agents/{id}", "update-agent", access.AgentsWrite, agents.Update)
	handle(c, "DELETE "+v1+"/agents/{id}", "delete-agent", access.AgentsWrite, agents.Delete)
	handle(c, "POST "+v1+"/agents/{id}/default", "set-default-agent", access.AgentsWrite, agents.MakeDefault)
	handle(c, "GET "+v1+"/agents/schema", "get-agent-schema", access.AgentsRead, agents.Schema)
	handle(c, "GET "+v1+"/agents/{id}/versions", "list-agent-versions", access.AgentsRead, agents.Versions)
	handle(c, "GET "+v1+"/agents/{id}/versions/{version}", "get-agent-version", access.AgentsRead, agents.Version)
	handle(c, "POST "+v1+"/agents/{id}/versions/{version}/restore", "restore-agent-version", access.AgentsWrite, agents.Restore)

	if o.Library != nil {
		knowledge := voice.NewKnowledge(voice.Knowledge{Agents: o.Agents, Library: o.Library, Changed: o.Changed, Log: o.Log})
		handle(c, "GET "+v1+"/agents/{id}/knowledge", "list-knowledge", access.AgentsRead, knowledge.List)
		handle(c, "POST "+v1+"/agents/{id}/knowledge", "add-knowledge", access.AgentsWrite, knowledge.Add)
		handle(c, "POST "+v1+"/agents/{id}/knowledge/search", "search-knowledge", access.AgentsRead, knowledge.Search)
		handle(c, "GET "+v1+"/agents/{id}/knowledge/{document}", "get-knowledge", access.AgentsRead, knowledge.Get)
		handle(c, "DELETE "+v1+"/agents/{id}/knowledge/{document}", "remove-knowledge", access.AgentsWrite, knowledge.Remove)
	}

	handle(c, "GET "+v1+"/tasks", "list-tasks", access.TasksRead, tasks.List)
	handle(c, "POST "+v1+"/tasks", "create-task", access.TasksWrite, tasks.Create)
	handle(c, "GET "+v1+"/tasks/{id}", "get-task", access.TasksRead, tasks.Get)
	handle(c, "PATCH "+v1+"/tasks/{id}", "update-task", access.TasksWrite, tasks.Update)
	handle(c, "DELETE "+v1+"/tasks/{id}", "delete-task", access.TasksWrite, tasks.Delete)
	handle(c, "POST "+v1+"/tasks/{id}/execute", "execute-task", access.TasksWrite, tasks.Execute)
	handle(c, "POST "+v1+"/tasks/{id}/reset", "reset-task", access.TasksWrite, tasks.Reset)

	handle(c, "GET "+v1+"/campaigns", "list-campaigns", access.CampaignsRead, campaigns.List)
	handle(c, "POST "+v1+"/campaigns", "create-campaign", access.CampaignsWrite, campaigns.Create)
	handle(c, "GET "+v1+"/campaigns/{id}", "get-campaign", access.CampaignsRead, campaigns.Get)
	handle(c, "PATCH "+v1+"/campaigns/{id}", "update-campaign", access.CampaignsWrite, campaigns.Update)
	handle(c, "POST "+v1+"/campaigns/{id}/contacts", "upload-contacts", access.CampaignsWrite, campaigns.Upload)
	handle(c, "POST "+v1+"/campaigns/{id}/start", "start-campaign", access.CampaignsWrite, campaigns.Start)
	handle(c, "POST "+v1+"/campaigns/{id}/pause", "pause-campaign", access.CampaignsWrite, campaigns.Pause)
	handle(c, "POST "+v1+"/campaigns/{id}/resume", "resume-campaign", access.CampaignsWrite, campaigns.Resume)
	handle(c, "POST "+v1+"/campaigns/{id}/cancel", "cancel-campaign", access.CampaignsWrite, campaigns.Cancel)
	handle(c, "GET "+v1+"/campaigns/{id}/progress", "get-campaign-progress", access.CampaignsRead, campaigns.Progress)
	handle(c, "GET "+v1+"/campaigns/{id}/tasks", "list-campaign-tasks", access.CampaignsRead, campaigns.ListTasks)
	handle(c, "GET "+v1+"/campaigns/{id}/results", "get-campaign-results", access.CampaignsRead, campaigns.Results)

	handle(c, "GET "+v1+"/dialing", "get-dialing", access.DialRead, dialing.Get)
	handle(c, "PUT "+v1+"/dialing", "put-dialing", access.DialWrite, dialing.Put)
	handle(c, "GET "+v1+"/do-not-call", "list-do-not-call", access.DialRead, dialing.List)
	handle(c, "POST "+v1+"/do-not-call", "add-do-not-call", access.DialWrite, dialing.Add)
	handle(c, "DELETE "+v1+"/do-not-call/{id}", "remove-do-not-call", access.DialWrite, dialing.Remove)

	handle(c, "GET "+v1+"/webhooks/settings", "get-webhook-settings", access.HooksRead, hooks.Settings)
	handle(c, "PUT "+v1+"/webhooks/settings", "put-webhook-settings", access.HooksWrite, hooks.PutSettings)
	handle(c, "POST "+v1+"/webhooks/secret", "rotate-webhook-secret", access.HooksWrite, hooks.Secret)
	handle(c, "POST "+v1+"/webhooks/test", "test-webhook", access.HooksWrite, hooks.Test)
	handle(c, "GET "+v1+"/webhooks/deliveries", "list-webhook-deliveries", access.HooksRead, hooks.List)
	handle(c, "GET "+v1+"/webhooks/deliveries/{id}", "get-webhook-delivery", access.HooksRead, hooks.Get)
	handle(c, "POST "+v1+"/webhooks/deliveries/{id}/replay", "replay-webhook-delivery", access.HooksWrite, hooks.Replay)

	handle(c, "GET "+v1+"/calls", "list-calls", access.CallsRead, calls.List)
	handle(c, "GET "+v1+"/calls/{id}", "get-call", access.CallsRead, calls.Get)
	handle(c, "GET "+v1+"/calls/{id}/transcript", "get-call-transcript", access.CallsRead, calls.Transcript)
	handle(c, "POST "+v1+"/calls/{id}/transcript", "make-call-transcript", access.CallsWrite, calls.Retell)
	handle(c, "GET "+v1+"/calls/{id}/report", "get-call-report", access.CallsRead, calls.Report)
	handle(c, "GET "+v1+"/calls/{id}/recording", "get-call-recording", access.CallsRead, calls.Recording)
	handle(c, "GET "+v1+"/calls/{id}/recording/stream", "stream-call-recording", access.CallsRead, calls.Stream)
	handle(c, "GET "+v1+"/calls/{id}/live", "get-call-live", access.CallsRead, calls.LiveInfo)
	handle(c, "POST "+v1+"/calls/{id}/end", "end-call", access.CallsWrite, calls.End)
	handle(c, "POST "+v1+"/calls/{id}/cancel", "cancel-call", access.CallsWrite, calls.Cancel)
	handle(c, "POST "+v1+"/calls/{id}/transfer", "transfer-call", access.CallsWrite, calls.Transfer)
	handle(c, "POST "+v1+"/calls/{id}/take-back", "take-back-call", access.CallsWrite, calls.TakeBack)

	vendors := &voice.Providers{Board: cmp.Or(o.Health, &health.Board{})}
	handle(c, "GET "+v1+"/providers", "list-providers", access.CallsRead, vendors.List)
	handle(c, "POST "+v1+"/calls/{id}/commands", "command-call", access.CallsWrite, calls.Command)

	if o.Talk != nil {
		talks := &voice.Talks{Agents: o.Agents, Tokens: o.Talk, Default: o.Default, Public: o.PublicURL, Relays: o.Relays}
		handle(c, "POST "+v1+"/webrtc/tokens", "create-webrtc-token", access.CallsWrite, talks.CreateToken)
		trials := &voice.Trials{Agents: agents, Talks: talks, Drafts: cmp.Or(o.Drafts, &talk.Drafts{})}
		handle(c, "POST "+v1+"/agents/{id}/try", "try-agent", access.AgentsWrite, trials.Try)
		if o.Anyones != nil {
			widgets := &voice.Widgets{Talks: talks, Agent: o.Anyones, Rates: o.Limiter.Rates}
			handle(c, "POST "+voice.WidgetTokensPath, "create-widget-token", anybody, widgets.CreateToken)
		}
		supervision := &voice.Supervision{Calls: calls, Tokens: o.Talk, People: o.People}
		handle(c, "POST "+v1+"/calls/{id}/listen", "listen-to-call", access.CallsWrite, supervision.Listen)
	}

	handle(c, "GET "+v1+"/credentials", "list-credentials", access.CredentialsRead, credentials.List)
	handle(c, "POST "+v1+"/credentials", "create-credential", access.CredentialsWrite, credentials.Create)
	handle(c, "GET "+v1+"/credentials/{id}", "get-credential", access.CredentialsRead, credentials.Get)
	handle(c, "PATCH "+v1+"/credentials/{id}", "update-credential", access.CredentialsWrite, credentials.Update)
	handle(c, "DELETE "+v1+"/credentials/{id}", "delete-credential", access.CredentialsWrite, credentials.Delete)
	handle(c, "POST "+v1+"/credentials/{id}/verify", "verify-credential", access.CredentialsWrite, credentials.Verify)

	handle(c, "GET "+v1+"/numbers", "list-numbers", access.NumbersRead, numbers.List)
	handle(c, "POST "+v1+"/numbers", "create-number", access.NumbersWrite, numbers.Create)
	handle(c, "GET "+v1+"/numbers/{id}", "get-number", access.NumbersRead, numbers.Get)
	handle(c, "PATCH "+v1+"/numbers/{id}", "update-number", access.NumbersWrite, numbers.Update)
	handle(c, "DELETE "+v1+"/numbers/{id}", "delete-number", access.NumbersWrite, numbers.Delete)

	handle(c, "GET "+v1+"/trunks", "list-trunks", access.TrunksRead, trunks.List)
	handle(c, "POST "+v1+"/trunks", "create-trunk", access.TrunksWrite, trunks.Create)
	handle(c, "GET "+v1+"/trunks/{id}", "get-trunk", access.TrunksRead, trunks.Get)
	handle(c, "PATCH "+v1+"/trunks/{id}", "update-trunk", access.TrunksWrite, trunks.Update)
	handle(c, "DELETE "+v1+"/trunks/{id}", "delete-trunk", access.TrunksWrite, trunks.Delete)

	handle(c, "GET "+v1+"/extensions", "list-extensions", access.TrunksRead, extensions.List)
	handle(c, "POST "+v1+"/extensions", "create-extension", access.TrunksWrite, extensions.Create)
	handle(c, "GET "+v1+"/extensions/{id}", "get-extension", access.TrunksRead, extensions.Get)
	handle(c, "PATCH "+v1+"/extensions/{id}", "update-extension", access.TrunksWrite, extensions.Update)
	handle(c, "POST "+v1+"/extensions/{id}/password", "renew-extension-password", access.TrunksWrite, extensions.Password)
	handle(c, "DELETE "+v1+"/extensions/{id}", "delete-extension", access.TrunksWrite, extensions.Delete)

	handle(c, "GET "+v1+"/bots", "list-bots", access.BotsRead, clerks.List)
	handle(c, "POST "+v1+"/bots", "create-bot", access.BotsWrite, clerks.Create)
	handle(c, "GET "+v1+"/bots/{id}", "get-bot", access.BotsRead, clerks.Get)
	handle(c, "PUT "+v1+"/bots/{id}", "update-bot", access.BotsWrite, clerks.Update)
	handle(c, "POST "+v1+"/bots/{id}/toggle", "toggle-bot", access.BotsWrite, clerks.Toggle)
	handle(c, "POST "+v1+"/bots/{id}/deploy/verify", "verify-bot", access.BotsWrite, clerks.Verify)
	handle(c, "GET "+v1+"/bots/{id}/channel", "get-bot-channel", access.BotsRead, clerks.Channel)
	handle(c, "DELETE "+v1+"/bots/{id}", "delete-bot", access.BotsWrite, clerks.Delete)

	handle(c, "GET "+v1+"/conversations", "list-conversations", access.ConversationsRead, threads.List)
	handle(c, "GET "+v1+"/conversations/{id}", "get-conversation", access.ConversationsRead, threads.Get)
	handle(c, "GET "+v1+"/conversations/{id}/messages", "list-messages", access.ConversationsRead, threads.Messages)
	handle(c, "POST "+v1+"/conversations/{id}/messages", "write-message", access.ConversationsWrite, threads.Write)
	handle(c, "PUT "+v1+"/conversations/{id}/status", "set-conversation-status", access.ConversationsWrite, threads.SetStatus)
	handle(c, "POST "+v1+"/conversations/{id}/ai-draft", "draft-reply", access.ConversationsWrite, threads.Draft)
	handle(c, "POST "+v1+"/conversations/{id}/autoreply", "set-auto-reply", access.ConversationsWrite, threads.SetAutoReply)

	if o.Files != nil {
		handle(c, "POST "+v1+"/media", "create-file", access.ConversationsWrite, files.Create)
		handle(c, "GET "+v1+"/media/{id}", "get-file", access.ConversationsRead, files.Get)
		handle(c, "GET "+v1+"/media/{id}/content", "get-file-content", access.ConversationsRead, files.Content)
	}

	handle(c, "POST "+v1+"/auth/login", "login", anybody, logins.Login)
	handle(c, "POST "+v1+"/auth/accept-invite", "accept-invite", anybody, logins.Accept)
	handle(c, "POST "+v1+"/auth/token", "renew-token", session, logins.Renew)
	handle(c, "POST "+v1+"/auth/logout", "logout", session, logins.Logout)
	handle(c, "POST "+v1+"/auth/switch", "switch-organization", session, logins.Switch)
	handle(c, "POST "+v1+"/auth/password", "change-password", session, logins.Password)
	handle(c, "GET "+v1+"/auth/session", "get-session", session, logins.Current)
	handle(c, "GET "+v1+"/auth/sessions", "list-sessions", session, logins.List)
	handle(c, "DELETE "+v1+"/auth/sessions/{id}", "end-session", session, logins.End)

	handle(c, "GET "+v1+"/api-keys", "list-api-keys", session, keys.List)
	handle(c, "POST "+v1+"/api-keys", "create-api-key", session, keys.Create)
	handle(c, "GET "+v1+"/api-keys/{id}", "get-api-key", session, keys.Get)
	handle(c, "DELETE "+v1+"/api-keys/{id}", "revoke-api-key", session, keys.Revoke)
	handle(c, "POST "+v1+"/api-keys/{id}/regenerate", "regenerate-api-key", session, keys.Regenerate)

	handle(c, "GET "+v1+"/organizations", "list-organizations", session, organisations.List)
	handle(c, "POST "+v1+"/organizations", "create-organization", session, organisations.Create)
	handle(c, "GET "+v1+"/organizations/{id}", "get-organization", session, organisations.Get)
	handle(c, "PATCH "+v1+"/organizations/{id}", "update-organization", session, organisations.Change)

	handle(c, "GET "+v1+"/users", "list-users", session, users.List)
	handle(c, "POST "+v1+"/users/invite", "invite-user", session, users.Invite)
	handle(c, "GET "+v1+"/users/{id}", "get-user", session, users.Get)
	handle(c, "PATCH "+v1+"/users/{id}", "update-user", session, users.Update)
	handle(c, "DELETE "+v1+"/users/{id}", "remove-user", session, users.Remove)

	const crmV1 = "/crm/api/v1"
	handle(c, "GET "+crmV1+"/contacts", "list-contacts", access.ContactsRead, contacts.List)
	handle(c, "POST "+crmV1+"/contacts", "create-contact", access.ContactsWrite, contacts.Create)
	handle(c, "POST "+crmV1+"/contacts/search", "search-contacts", access.ContactsRead, contacts.Search)
	handle(c, "GET "+crmV1+"/contacts/{id}", "get-contact", access.ContactsRead, contacts.Get)
	handle(c, "PUT "+crmV1+"/contacts/{id}", "update-contact", access.ContactsWrite, contacts.Update)
	handle(c, "DELETE "+crmV1+"/contacts/{id}", "delete-contact", access.ContactsWrite, contacts.Delete)

	handle(c, "POST "+crmV1+"/agent-calls", "start-agent-call", access.CallsWrite, phone.StartAgent)
	handle(c, "POST "+crmV1+"/calls", "create-crm-call", access.CallsWrite, phone.Create)
	handle(c, "POST "+crmV1+"/calls/agent", "start-voice-agent-call", access.CallsWrite, phone.StartVoiceAgent)
	handle(c, "POST "+crmV1+"/calls/bridge", "start-bridge-call", access.CallsWrite, phone.StartBridge)
	handle(c, "GET "+crmV1+"/calls/{id}", "get-crm-call", access.CallsRead, phone.Get)
	handle(c, "GET "+crmV1+"/calls/{id}/transcription", "get-crm-call-transcription", access.CallsRead, phone.Transcription)
	handle(c, "GET "+crmV1+"/calls/{id}/recording", "get-crm-call-recording", access.CallsRead, phone.Recording)
	handle(c, "GET "+crmV1+"/recordings/{id}", "get-recording", access.CallsRead, phone.GetRecording)
	handle(c, "POST "+crmV1+"/recordings/load", "load-recording", access.CallsWrite, phone.LoadRecording)
	handle(c, "GET "+crmV1+"/tasks", "list-crm-tasks", access.TasksRead, assignments.List)
	handle(c, "POST "+crmV1+"/tasks", "create-crm-task", access.TasksWrite, assignments.Create)
	handle(c, "GET "+crmV1+"/tasks/{id}", "get-crm-task", access.TasksRead, assignments.Get)
	handle(c, "PUT "+crmV1+"/tasks/{id}", "update-crm-task", access.TasksWrite, assignments.Update)
	handle(c, "DELETE "+crmV1+"/tasks/{id}", "delete-crm-task", access.TasksWrite, assignments.Delete)
	handle(c, "POST "+crmV1+"/conversations", "create-crm-conversation", access.ConversationsWrite, funnels.Create)
	handle(c, "POST "+crmV1+"/conversations/bulk", "create-crm-conversations", access.ConversationsWrite, funnels.BulkCreate)
	handle(c, "PUT "+crmV1+"/conversations/bulk", "update-crm-conversations", access.ConversationsWrite, funnels.BulkUpdate)

	handle(c, "GET "+crmV1+"/messages/{id}", "get-crm-message", access.ConversationsRead, letters.Get)
	handle(c, "POST "+crmV1+"/messages/whatsapp", "create-crm-message", access.ConversationsWrite, letters.Create)
	handle(c, "POST "+crmV1+"/messages/whatsapp/template", "create-crm-template-message", access.ConversationsWrite, letters.CreateTemplate)
	handle(c, "POST "+crmV1+"/messages/whatsapp/media", "upload-crm-media", access.ConversationsWrite, letters.Upload)

	handle(c, "GET "+crmV1+"/custom-fields", "list-custom-fields", access.FieldsRead, fields.List)
	handle(c, "POST "+crmV1+"/custom-fields", "create-custom-field", access.FieldsWrite, fields.Create)
	handle(c, "GET "+crmV1+"/custom-fields/{id}", "get-custom-field", access.FieldsRead, fields.Get)
	handle(c, "PUT "+crmV1+"/custom-fields/{id}", "update-custom-field", access.FieldsWrite, fields.Update)
	handle(c, "DELETE "+crmV1+"/custom-fields/{id}", "delete-custom-field", access.FieldsWrite, fields.Delete)
	handle(c, "GET "+crmV1+"/custom-fields/{id}/options", "list-custom-field-options", access.FieldsRead, fields.Options)
	handle(c, "POST "+crmV1+"/custom-fields/{id}/options", "create-custom-field-option", access.FieldsWrite, fields.CreateOption)
	handle(c, "GET "+crmV1+"/custom-fields/{id}/options/{option}", "get-custom-field-option", access.FieldsRead, fields.GetOption)
	handle(c, "PUT "+crmV1+"/custom-fields/{id}/options/{option}", "update-custom-field-option", access.FieldsWrite, fields.UpdateOption)
	handle(c, "DELETE "+crmV1+"/custom-fields/{id}/options/{option}", "delete-custom-field-option", access.FieldsWrite, fields.DeleteOption)
}

// forgetAll makes this node ask for every key anew.
func (c *Control) forgetAll() {
	if c.options.Forget != nil {
		c.options.Forget("")
	}
}

// handle registers one operation: its route, the scope that it asks of a key (or session, or anybody), and what pages.go says of it.
func handle[I, O any](c *Control, route, id, scope string, h func(context.Context, *I) (*O, error)) {
	method, path, _ := strings.Cut(route, " ")
	huma.Register(c.api, c.operation(method, path, id, scope), h)
}
