package control

import (
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/crm"
	"parley/control/voice"
)

// A page is what the description says of an operation, beyond its types.
type page struct {
	tag, summary, text string
	status             int                 // of success; 0: 200
	request            string              // an example of its body
	form               func() *huma.Schema // makes that of a body that is a form; nil: it is JSON
	media              []string            // what it answers with, if that is not JSON
	ticket             voice.Purpose       // a ticket of which opens it too; "": none
	takesFile          bool                // its body is a file of whatever type
	takesCSV, givesCSV bool                // its body, or its answer, is CSV
	most               int64               // bytes of its body; 0: 1 MiB
	streams            reflect.Type        // what its body has, which the handler reads as it comes; nil: huma reads it
	bad, missing, busy string              // when else it answers 400, 404, 503
	often              string              // when else it answers 429
	clash              string              // when it answers 409, beside Idempotency-Key; "": never
}

// liveText is what the description says of the socket, which OpenAPI has no words for.
const liveText = "The socket is at `/ws/calls/{id}` of the same host, and takes `?api_key=` or `?session_token=` (the temp_token: this call, five " +
	"minutes; a socket that is open stays open), an Authorization header, or a session's cookie from a page of the same origin. A wrong one is " +
	"401 before the upgrade, a foreign id 404, too many readers 429 (100 a call, 1,000 an organisation on one node, unless the server is set otherwise). It sends JSON texts:\n\n" +
	"| type | |\n|---|---|\n" +
	"| connected | first: `data.call_id`, `data.status`, `data.transcript` so far |\n" +
	"| transcript_update | `data.transcript`: the entries that are new or have changed, as GET /calls/{id}/transcript shows them, each with an `id` " +
	"and `final`. One that is not final may come again under its id, or be named in `data.removed`; the agent's are the words that the caller has " +
	"heard. A final one comes once, and in order. `data.missed` counts the changes that a reader was too slow to see one by one |\n" +
	"| call_status_update | `data.status`: in_progress, completed, failed; `data.held` and `data.muted` where the call is, by POST /calls/{id}/commands. After the last two the socket is closed with 1000 |\n" +
	"| error | `error`: what was wrong with a message that the client sent |\n" +
	"| pong | answers `{\"type\":\"ping\"}` |\n\n" +
	"A client that answers the protocol's pings (all browsers do) need not send its own. One from which nothing came for 60 s, or that takes no " +
	"message for 5 s, is let go; one whose key or session ends is closed with 1008; a server that stops closes with 1001: connect again."

// threadsText is what the description says of the socket of conversations.
const threadsText = "The socket `/ws/conversations?token=JWT` of the same host tells of them as they change: it takes the JWT of POST /api/v1/auth/login, an " +
	"Authorization header, or a session's cookie from a page of the same origin, and sends JSON texts:\n\n" +
	"| type | data |\n|---|---|\n" +
	"| conversation.created | the conversation, as GET /conversations/{id} shows it |\n" +
	"| conversation.updated | the same, after its status or auto-reply has changed |\n" +
	"| message.created | the message, as GET /conversations/{id}/messages shows it |\n" +
	"| message.updated | the same, after a message to a channel has come further or has failed. Extension |\n" +
	"| pong | answers `{\"type\":\"ping\"}`, and has no data |\n\n" +
	"What was said before the socket opened is not told again. One that closes with 1013 was too slow, and one that closes with 1001 is connected again: " +
	"read the lists anew."

// pages are the operations' pages, by operation id.
var pages = map[string]page{
	"list-agents": {
		tag: "Agents", summary: "List agents",
		text: "All agents of the organisation, newest first.",
	},
	"create-agent": {
		tag: "Agents", summary: "Create an agent", status: http.StatusCreated,
		text: "The agent is there for the next call. Its first version is 1.",
		request: `{
			"name": "Customer Service Agent",
			"system_prompt": "You are a helpful customer service agent...",
			"description": "Handles customer inquiries",
			"starting_message": "Hello! How can I help you today?",
			"enabled": true,
			"voice_settings": {"stability": 0.5, "similarity_boost": 0.75}
		}`,
		bad: "Also if settings name a vendor or a secret that this server does not have.",
	},
	"get-agent": {
		tag: "Agents", summary: "Get an agent",
		text: "settings are what the agent sets; with ?defaults=true, effective_settings are what holds where it sets nothing.",
	},
	"get-agent-schema": {
		tag: "Agents", summary: "Get the JSON Schema of settings",
		text: "Whole, with the schemas of manners, tools and flows, and with defaults. The same types check what is sent. Extension.",
	},
	"list-agent-versions": {
		tag: "Agents", summary: "List the versions of an agent",
		text: "Newest first, the one that answers now included; updated_at is when a version was made. Versions outlive their agent. Extension.",
	},
	"get-agent-version": {
		tag: "Agents", summary: "Get a version of an agent",
		text:    "What served the calls that name it as agent_version. Extension.",
		missing: "Also if the agent has no such version.",
	},
	"restore-agent-version": {
		tag: "Agents", summary: "Restore a version of an agent",
		text: "Makes a new version that says and sets what the old one did. Whether the agent is enabled stays as it is. If nothing differs, no " +
			"version is made. Extension.",
		bad:     "Also if settings of that version cannot be used on this server any more: details names them.",
		missing: "Also if the agent has no such version, or has been deleted.",
	},
	"update-agent": {
		tag: "Agents", summary: "Update an agent",
		text: "Only the fields that are given change; null clears description, starting_message, voice_settings, dtmf_rules and settings. " +
			"voice_settings and dtmf_rules are replaced as a whole; so is each part of settings that is given, and null clears that part. What changes makes a new version, which the next calls get; calls in " +
			"progress keep theirs.",
		request: `{"description": "Handles customer inquiries", "enabled": false}`,
		bad:     "Also if there is nothing to update, or a field is read-only.",
	},
	"delete-agent": {
		tag: "Agents", summary: "Delete an agent",
		text: "Calls that it served stay, and their agent_id too.",
		bad:  "Also if the agent is the default agent, a phone number leads to it, or it has active tasks (pending, in_progress).",
	},
	"set-default-agent": {
		tag: "Agents", summary: "Make an agent the default",
		text: "From now on it answers the calls that no number leads elsewhere, and whoever was the default before can be deleted. No version is made. Extension.",
	},
	"list-knowledge": {
		tag: "Agents", summary: "List what an agent knows",
		text: "The documents, by name. Extension.",
	},
	"add-knowledge": {
		tag: "Agents", summary: "Let an agent know a document", status: http.StatusCreated,
		text: "Text, Markdown, HTML or PDF. A document of the same name takes the place of the one before, for all calls that begin later; the " +
			"same file again changes nothing. It is read before the answer comes, which may take some seconds. Extension.",
		request: `{"name": "opening-hours.md", "text": "# Opening hours\n\nMonday to Friday, nine to five."}`,
		form:    voice.UploadForm,
		bad:     "Also if the document cannot be read, or the agent would know more than 20,000 passages.",
		busy:    "Also if this server cannot read PDF.",
	},
	"get-knowledge": {
		tag: "Agents", summary: "Get a document that an agent knows",
		text:    "Extension.",
		missing: "Also if the agent knows no such document.",
	},
	"remove-knowledge": {
		tag: "Agents", summary: "Let an agent forget a document",
		text:    "Other agents that know it still do. Extension.",
		missing: "Also if the agent knows no such document.",
	},
	"search-knowledge": {
		tag: "Agents", summary: "Search what an agent knows",
		text:    "What its model would be offered for a question, best first. Extension.",
		request: `{"question": "how much is a sick note", "limit": 5}`,
	},
	"list-tasks": {
		tag: "Tasks", summary: "List tasks",
		text: "All tasks of the organisation, newest first.",
	},
	"create-task": {
		tag: "Tasks", summary: "Create a task", status: http.StatusCreated,
		text: "With scheduled_at, the call is placed by itself once that time has come: those of higher priority first, then those that " +
			"have waited longest, within the organisation's limits and calling windows. Without it, the task waits to be executed.",
		request: `{
			"agent_id": "0193e7a1-6f0c-7d52-9d3c-3f4a5b6c7d8e",
			"name": "Call customer",
			"to_number": "+1234567890",
			"description": "Follow up call",
			"starting_message": "Hello, this is a call from our company",
			"context_data": {"customer_name": "John Doe", "order_id": "12345"},
			"priority": 0,
			"scheduled_at": null,
			"webhook_url": "https://your-app.com/webhooks",
			"webhook_events": ["call_started", "call_completed"]
		}`,
		missing: "Also if the organisation has no such agent.",
	},
	"get-task": {
		tag: "Tasks", summary: "Get a task, with its agent",
	},
	"update-task": {
		tag: "Tasks", summary: "Update a pending task",
		text:    "Only the fields that are given change; null clears those that may be empty, and context_data is replaced as a whole.",
		request: `{"priority": 5, "scheduled_at": "2030-01-01T09:00:00Z"}`,
		bad:     "Also if the task is not pending, there is nothing to update, or a field is read-only.",
	},
	"delete-task": {
		tag: "Tasks", summary: "Delete a task that is pending or failed",
		text: "Its calls stay, and their task_id too.",
		bad:  "Also if the task is in progress or completed.",
	},
	"execute-task": {
		tag: "Tasks", summary: "Execute a pending task: call its number",
		text: "The call is placed as soon as the organisation's limits allow. Its number rings at most once: what became of a call of which " +
			"the carrier's answer was lost is found out by asking, never by calling again.",
		bad: "Also if the task is not pending, its agent is disabled, context_data lacks what a {{place}} of the prompt or of the starting " +
			"message needs (details names it), there is no number to call from, or the number may not be called, or not at this time.",
		busy: "Also if this server places no calls.",
	},
	"reset-task": {
		tag: "Tasks", summary: "Make a task pending again",
		text: "A call that is under way is ended first. The task waits for scheduled_at if that is still to come, else to be executed.",
		bad:  "Also if the task is pending.",
		busy: "Also if a call that is under way cannot be ended.",
	},
	"get-dialing": {
		tag: "Dialing", summary: "Get the rules by which the organisation dials",
		text: "Limits hold over all nodes. Extension.",
	},
	"put-dialing": {
		tag: "Dialing", summary: "Replace the rules by which the organisation dials",
		text:    "What is left out has the server's setting. Extension.",
		request: `{"max_calls": 20, "calls_per_second": 1, "windows": [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "20:00"}], "retry": {"busy": 2, "wait_seconds": 600}}`,
	},
	"list-do-not-call": {
		tag: "Dialing", summary: "List numbers that are never dialled",
		text: "Newest first. Extension.",
	},
	"add-do-not-call": {
		tag: "Dialing", summary: "Add a number that is never dialled", status: http.StatusCreated,
		text:    "A number that is on the list already stays as it is. Extension.",
		request: `{"phone_number": "+1234567890", "reason": "asked not to be called"}`,
	},
	"remove-do-not-call": {
		tag: "Dialing", summary: "Remove a number from the do-not-call list",
		text: "Extension.",
	},
	"list-campaigns": {
		tag: "Campaigns", summary: "List campaigns",
		text: "All campaigns of the organisation, newest first. Extension.",
	},
	"create-campaign": {
		tag: "Campaigns", summary: "Create a campaign", status: http.StatusCreated,
		text: "It is a draft: upload contacts, then start it. Its tasks inherit starting_message, priority and webhook. Extension.",
		request: `{
			"name": "Reminders of November",
			"agent_id": "0193e7a1-6f0c-7d52-9d3c-3f4a5b6c7d8e",
			"starting_message": "Hello {{name}}, this is Northwind Clinic.",
			"scheduled_at": null,
			"priority": 0,
			"max_calls": 5,
			"calls_per_second": 0.5,
			"breaker": {"calls": 20, "percent": 50, "short_seconds": 3}
		}`,
		missing: "Also if the organisation has no such agent.",
	},
	"get-campaign": {
		tag: "Campaigns", summary: "Get a campaign",
		text: "Extension.",
	},
	"update-campaign": {
		tag: "Campaigns", summary: "Change a campaign's name, limits or circuit breaker",
		text: "Only the fields that are given change; they hold from the next call on. What its tasks have inherited is theirs: make another " +
			"campaign, or change the tasks. Extension.",
		request: `{"max_calls": 10, "calls_per_second": 1}`,
		bad:     "Also if there is nothing to update.",
	},
	"upload-contacts": {
		tag: "Campaigns", summary: "Upload contacts", takesCSV: true,
		text: "A file of CSV in UTF-8, up to 64 MiB: its first line names the columns, one of which has the numbers; the others become the " +
			"tasks' context_data. Commas, semicolons and tabs part fields. Each number becomes a task once, however often it is uploaded: " +
			"after a file that did not arrive whole, send it again. Rows with a mistake, and numbers that may not be called, are left out and " +
			"told by line; strict=true refuses the whole file for them. Contacts of a campaign that runs are called at once. The " +
			"Idempotency-Key is not heeded. Extension.",
		bad: "Also if the header is wrong, the file is no CSV, or the campaign is cancelled.",
	},
	"start-campaign": {
		tag: "Campaigns", summary: "Start a campaign",
		text: "Its tasks are called, those of higher priority first, within its limits and the organisation's. When none is left it is " +
			"completed; with new contacts it can be started again. Extension.",
		bad: "Also if it is running, paused or cancelled, or has nobody to call, or its agent is disabled or has no number to call from.",
	},
	"pause-campaign": {
		tag: "Campaigns", summary: "Pause a campaign",
		text: "From now on no node begins a call of it, and none that waits is placed. Calls that are up, or for which the carrier is just " +
			"being asked, go on. Extension.",
		bad: "Also if it is not running.",
	},
	"resume-campaign": {
		tag: "Campaigns", summary: "Resume a paused campaign",
		text: "Its circuit breaker begins to count anew. Extension.",
		bad:  "Also if it is not paused, or its agent is disabled or has no number to call from.",
	},
	"cancel-campaign": {
		tag: "Campaigns", summary: "Cancel a campaign",
		text: "Its pending tasks fail with the outcome cancelled, within moments. Calls that are up go on. It cannot be started again. Extension.",
		bad:  "Also if it is completed or cancelled.",
	},
	"get-campaign-progress": {
		tag: "Campaigns", summary: "Get a campaign's progress",
		text: "From counters: it costs the same however many tasks there are. Extension.",
	},
	"list-campaign-tasks": {
		tag: "Campaigns", summary: "List a campaign's tasks",
		text: "Newest first. Extension.",
	},
	"get-campaign-results": {
		tag: "Campaigns", summary: "Download a campaign's results", givesCSV: true,
		text: "CSV: a row for each task, in the order of the contacts, with what came of its last call, and the contacts' own columns. A cell " +
			"that a spreadsheet would take for a formula begins with an apostrophe. Extension.",
	},
	"get-webhook-settings": {
		tag: "Webhooks", summary: "Get how webhooks are sent",
		text: "Extension.",
	},
	"put-webhook-settings": {
		tag: "Webhooks", summary: "Change how webhooks are sent",
		text: "With redelivery, what fails is tried again after 5 s, 5 min, 30 min, and 2, 5, 10, 14, 20 and 24 hours, with the same id and body; " +
			"an answer of 410 disables its URL until that is enabled again. Without it, there is one try. Extension.",
		request: `{"redelivery": true, "enable_endpoints": ["https://your-app.com/webhooks"]}`,
	},
	"rotate-webhook-secret": {
		tag: "Webhooks", summary: "Make a new secret that signs webhooks", status: http.StatusCreated,
		text: "The secret is answered this once. Every webhook has the headers of Standard Webhooks: webhook-id, webhook-timestamp and " +
			"webhook-signature; for as long as the secret before signs too, the last has two signatures. Extension.",
		request: `{"former_hours": 24}`,
	},
	"test-webhook": {
		tag: "Webhooks", summary: "Send a test to a URL", status: http.StatusCreated,
		text:    "It is sent at once, in one try: GET /webhooks/deliveries/{id} says what became of it. Extension.",
		request: `{"url": "https://your-app.com/webhooks"}`,
	},
	"list-webhook-deliveries": {
		tag: "Webhooks", summary: "List what was sent, and what is to be",
		text: "Newest first. Deliveries stay in this log for the server's time, 30 days unless it is set otherwise. Extension.",
	},
	"get-webhook-delivery": {
		tag: "Webhooks", summary: "Get a delivery, with its attempts",
		text: "Extension.",
	},
	"replay-webhook-delivery": {
		tag: "Webhooks", summary: "Send a delivery again",
		text: "At once, with the same id and body; with redelivery, its tries are counted anew. Extension.",
		bad:  "Also if the delivery is pending.",
	},
	"list-calls": {
		tag: "Calls", summary: "List calls",
		text: "All calls of the organisation, newest first.",
	},
	"get-call": {
		tag: "Calls", summary: "Get a call, with transcript, turns and report",
		text: "While the call goes on, transcript and turns grow with each exchange.",
	},
	"get-call-transcript": {
		tag: "Calls", summary: "Get a call's transcript",
		text: "An agent's text is what the caller heard of it. A call has the transcript that was taken down while it went on (live), and may have " +
			"a second one, which POST makes.",
		missing: "Also if it has none of the source that was asked for.",
	},
	"make-call-transcript": {
		tag: "Calls", summary: "Transcribe a call that is over, and report on it",
		text: "Fetches the transcript from ElevenLabs' conversation API, if conversation_id names the conversation there or an earlier request did; " +
			"else the recording is put into words anew, both speakers by themselves, behind all that live calls need: that takes a while " +
			"for a long call, and goes on if the client does not wait. What it makes takes the place of what an earlier request made; the " +
			"live transcript is kept. An empty body is taken.",
		request: `{"conversation_id": "conv_01jyj21jpmfdatzpj3x0sgz88w"}`,
		bad:     "Also if the call is not over, or the conversation is of another call.",
		missing: "Also if the call was not recorded, or ElevenLabs has no such conversation.",
		busy:    "Also if ElevenLabs cannot be reached or has not finished the transcript, there is no recogniser, or too many recordings wait.",
	},
	"get-call-report": {
		tag: "Calls", summary: "Get the report on a call that is over",
		text: "Made on the first request, and stored: by the organisation's language model, or by rules where there is none or it fails; then " +
			"a request from half a minute later on tries again. The values to be found out are those of the agent's settings.report, " +
			"as they were when it served the call.",
		bad: "Also if the call is not over.",
	},
	"get-call-recording": {
		tag: "Calls", summary: "Get a link to a call's recording",
		text:    "The link plays without a key for five minutes, for this call alone, and serves ranges.",
		missing: "Also until the call is completed or failed, or if it was not recorded: error says which.",
	},
	"stream-call-recording": {
		tag: "Calls", summary: "Stream a call's recording", media: []string{"audio/wav", "audio/ogg"}, ticket: voice.ForRecording,
		text: "The WAV file, or Ogg Opus: the caller on the left, the agent on the right. Range, If-Range, If-None-Match and HEAD are served. " +
			"Opus is encoded by the first request for it, which takes a second for some minutes of the call.",
		bad:     "Also if it cannot be had in the format.",
		busy:    "Also if the recordings' bucket cannot be reached.",
		missing: "Also until the call is completed or failed, or if it was not recorded: error says which.",
	},
	"get-call-live": {
		tag: "Calls", summary: "Get the address of a call's socket, which shows it while it goes on",
		text: liveText,
	},
	"end-call": {
		tag: "Calls", summary: "End a call in progress",
		text: "The agent's last words are heard, then it hangs up, on whichever node the call lives. The call's status becomes completed within a " +
			"moment. A call that was not answered yet is cancelled.",
		bad:  "Also if the call is over already.",
		busy: "Also if the call's node, or its carrier, does not answer.",
	},
	"cancel-call": {
		tag: "Calls", summary: "Cancel a call",
		text: "Ends it at once, on whichever node it lives, also while it is only being placed. The call's status becomes failed within a moment, " +
			"its cause cancelled.",
		bad:  "Also if the call is over already.",
		busy: "Also if the call's node, or its carrier, does not answer.",
	},

	"transfer-call": {
		tag: "Calls", summary: "Connect the caller of a live call to somebody else",
		text: "When what is being said has been heard, on whichever node the call lives; the answer does not wait for what comes of it. blind: the " +
			"carrier does it, and the call ends with cause transfer. bridge: this server calls them while the caller hears music, tells them " +
			"brief, and joins the two: the recording goes on with both. If it fails the agent is told why, and goes on. Extension.",
		request: `{"to": "+442071234567", "mode": "bridge", "say": "I am connecting you.", "brief": "A caller about order 1234. Press 1 to take the call.", "confirm": true}`,
		bad:     "Also if the call is over already, or its carrier cannot do it.",
		busy:    "Also if the call's node does not answer.",
	},
	"take-back-call": {
		tag: "Calls", summary: "Give the caller back to the agent",
		text:    "Whoever is being called for them, or has been joined with them (mode bridge), is hung up on; who has taken it over listens again. Extension.",
		request: `{"say": "Here I am again."}`,
		bad:     "Also if the call is over already.",
		busy:    "Also if the call's node does not answer.",
	},
	"command-call": {
		tag: "Calls", summary: "Give a live call a command",
		text: "On whichever node the call lives; the answer does not wait for what comes of it. While the caller is with somebody else, only say and " +
			"whisper without ask are obeyed. To hang up, transfer or take over there are routes of their own. Extension.",
		request: `{"command": "whisper", "text": "The refund is approved: offer it.", "ask": true}`,
		bad:     "Also if the call is over already, or cannot do it.",
		busy:    "Also if the call's node does not answer.",
	},
	"listen-to-call": {
		tag: "Calls", summary: "Let a page listen to a live call", status: http.StatusCreated,
		text: "The page posts an offer by WHIP (RFC 9725) to whip_url with the token, and hears the caller and the agent, who do not hear it. By its data " +
			"channel it takes the call over, so that the caller talks with the page's person and the agent is silent, and gives it back. A token is " +
			"good for one page and one call, within ttl_seconds. docs/desk.md has the rest. Extension.",
		request: `{"name": "Anna"}`,
		bad:     "Also if the call is not answered yet, or over already.",
	},

	"list-credentials": {
		tag: "Credentials", summary: "List credentials",
		text: "Newest first, without their secrets. Extension.",
	},
	"create-credential": {
		tag: "Credentials", summary: "Add a credential", status: http.StatusCreated,
		text: "An account of the organisation at a carrier or vendor. From then on its calls use it in place of the server's own: calls are " +
			"placed by the default of twilio, unless their number has another, and speech and language models of openai and deepgram get the " +
			"defaults' keys. Every node knows within seconds. Extension.",
		request: `{"vendor": "twilio", "name": "Main account", "account_id": "AC00000000000000000000000000000001", "secret": "8f0c2b7d41e94f0ab0c1d2e3f4a5b6c7"}`,
	},
	"get-credential": {
		tag: "Credentials", summary: "Get a credential",
		text: "Without its secret. Extension.",
	},
	"update-credential": {
		tag: "Credentials", summary: "Update a credential",
		text:    "Only the fields that are given change. Calls in progress keep what they began with. Extension.",
		request: `{"name": "Second account"}`,
		bad:     "Also if there is nothing to update, or a field is read-only.",
	},
	"delete-credential": {
		tag: "Credentials", summary: "Delete a credential",
		text: "Its secret is gone for good. Extension.",
		bad:  "Also if a number or a call that is being placed needs it, or it is the default of a vendor that has others.",
	},
	"verify-credential": {
		tag: "Credentials", summary: "Ask the vendor whether a credential works",
		text: "By a request that changes nothing and costs nothing. The verdict is kept until the credential changes. Extension.",
		bad:  "Also if there is no way to ask that vendor, or the secret cannot be opened on this server.",
		busy: "Also if the vendor cannot be reached, or gives no answer that says anything.",
	},
	"list-numbers": {
		tag: "Numbers", summary: "List phone numbers",
		text: "In the order of their digits. Extension.",
	},
	"create-number": {
		tag: "Numbers", summary: "Add a phone number", status: http.StatusCreated,
		text: "Calls to it are answered by its agent, and calls by that agent are placed from it. Where calls of the number come by an account of " +
			"the organisation's own, point its voice webhook at this server's /twilio/voice. Extension.",
		request: `{"phone_number": "+1234567890", "label": "Front desk"}`,
		missing: "Also if the organisation has no such agent, credential or trunk: details names it.",
	},
	"get-number": {
		tag: "Numbers", summary: "Get a phone number",
		text: "Extension.",
	},
	"update-number": {
		tag: "Numbers", summary: "Update a phone number",
		text:    "Only the fields that are given change; null clears. Extension.",
		request: `{"label": "Night desk", "agent_id": null}`,
		bad:     "Also if there is nothing to update, or a field is read-only.",
		missing: "Also if the organisation has no such agent, credential or trunk: details names it.",
	},
	"delete-number": {
		tag: "Numbers", summary: "Delete a phone number",
		text: "Calls to it are answered by the default agent, as those to all numbers that nobody has. Extension.",
	},
	"list-trunks": {
		tag: "Trunks", summary: "List SIP trunks",
		text: "Newest first, without their passwords. Extension.",
	},
	"create-trunk": {
		tag: "Trunks", summary: "Add a SIP trunk", status: http.StatusCreated,
		text: "It is kept and checked; this version of the server does not yet place or take calls by SIP. Extension.",
		request: `{
			"name": "Main carrier", "host": "sip.example.com", "transport": "tls", "username": "acme", "password": "correct horse battery",
			"allowed_networks": ["192.0.2.0/24"], "codecs": ["PCMU", "PCMA"], "register": true
		}`,
	},
	"get-trunk": {
		tag: "Trunks", summary: "Get a SIP trunk",
		text: "Without its password. Extension.",
	},
	"update-trunk": {
		tag: "Trunks", summary: "Update a SIP trunk",
		text:    "Only the fields that are given change; null clears. Lists are replaced as a whole. Extension.",
		request: `{"transport": "tcp", "port": 5080}`,
		bad:     "Also if there is nothing to update, or a field is read-only.",
	},
	"delete-trunk": {
		tag: "Trunks", summary: "Delete a SIP trunk",
		text: "Extension.",
		bad:  "Also if a number is reached by it.",
	},

	"list-extensions": {
		tag: "Extensions", summary: "List extensions",
		text: "Newest first, without their passwords. Extension.",
	},
	"create-extension": {
		tag: "Extensions", summary: "Add an extension", status: http.StatusCreated,
		text:    "Somebody of the organisation who registers a softphone with this server. The password is made by the server and shown this once. Extension.",
		request: `{"username": "anna", "name": "Anna at the front desk"}`,
	},
	"get-extension": {
		tag: "Extensions", summary: "Get an extension",
		text: "Without its password. Extension.",
	},
	"update-extension": {
		tag: "Extensions", summary: "Update an extension",
		text:    "Only the fields that are given change; null clears. Extension.",
		request: `{"name": "Anna"}`,
		bad:     "Also if there is nothing to update, or a field is read-only.",
	},
	"renew-extension-password": {
		tag: "Extensions", summary: "Make another password for an extension",
		text: "It is shown this once. The one before is no good any more: the softphone needs the new one. Extension.",
	},
	"delete-extension": {
		tag: "Extensions", summary: "Delete an extension",
		text: "Its softphone is no longer registered when its registration expires. Extension.",
	},
	"list-providers": {
		tag: "Calls", summary: "List the vendors that hear, think and speak, and how they do",
		text: "In the order of a turn: recognisers, models, voices. What is said of them is of the last 15 minutes, of their last 128 uses, on the node that answers, whoever's calls these were. Extension.",
	},
	"list-bots": {
		tag: "Bots", summary: "List bots",
		text: "Newest first, with how many conversations each has had.",
	},
	"create-bot": {
		tag: "Bots", summary: "Create a bot", status: http.StatusCreated,
		text: "An agent is made with it, unless config.agent_id names one, and is seen among the agents. Numbers of config.numbers lead to it from now on.",
		request: `{
			"name": "Support Bot",
			"type": "whatsapp",
			"system_prompt": "You are a friendly support agent for Acme. Keep replies under 3 sentences."
		}`,
	},
	"get-bot": {
		tag: "Bots", summary: "Get a bot",
	},
	"update-bot": {
		tag: "Bots", summary: "Update a bot",
		text:    "What is left out stays. The type is fixed: it is refused.",
		request: `{"name": "Support Bot", "config": {"greeting": "Hello"}}`,
		busy:    "Or somebody else has just changed the bot.",
	},
	"toggle-bot": {
		tag: "Bots", summary: "Enable or disable a bot",
		text: "Flips is_active, which is whether its agent is enabled.",
	},
	"verify-bot": {
		tag: "Bots", summary: "Verify that a bot can be reached",
		text: "Asks the channel itself, for owners and admins alone: of bots that take calls, the account of each number at its carrier, that the number is " +
			"the account's, and where its calls go; or its SIP trunk; of bots of WhatsApp, whether the token is good, the number " +
			"is ready, and its webhook leads here. Each check that failed says what to do about it.",
	},
	"delete-bot": {
		tag: "Bots", summary: "Delete a bot",
		text: "For good. Its numbers go to the default agent; the agent that was made with it goes too, unless something else needs that. Its conversations stay.",
		bad:  "Also if its agent has active tasks.",
	},
	"get-bot-channel": {
		tag: "Bots", summary: "See where a bot's channel leads",
		text: "What to enter at Meta or Twilio so that messages reach the bot. Extension.",
		busy: "Also if this server serves no messaging channels.",
	},
	"list-conversations": {
		tag: "Conversations", summary: "List conversations",
		text: "Newest first. " + threadsText,
	},
	"get-conversation": {
		tag: "Conversations", summary: "Get a conversation",
	},
	"list-messages": {
		tag: "Conversations", summary: "List the messages of a conversation",
		text: "In order. Those of a call are its transcript, as far as it has got.",
	},
	"create-file": {
		tag: "Conversations", summary: "Upload a file to be sent", status: http.StatusCreated, takesFile: true,
		text: "The body is the file as it is, and Content-Type its type, which has to be what the file looks like: image/jpeg and image/png up to 5 MiB; audio/aac, audio/mp4, " +
			"audio/mpeg, audio/amr and audio/ogg, and video/mp4 and video/3gpp, up to 16 MiB; stickers, image/webp, up to 500 KiB; text/plain, application/pdf and documents of " +
			"Office up to 100 MiB. It is kept as long as recordings are, and sent by any number of messages. Extension.",
		bad:  "Also if the file is empty, or not of the type that it is said to be.",
		busy: "Also if the bucket of recordings cannot be reached.",
	},
	"get-file": {
		tag: "Conversations", summary: "Get a file of conversations",
		text: "What is known of a file that was uploaded, or came with a message: data.media.file_id there. Extension.",
	},
	"get-file-content": {
		tag: "Conversations", summary: "Download a file of conversations", ticket: voice.ForFile,
		media: []string{"image/jpeg", "image/png", "image/webp", "audio/ogg", "audio/mpeg", "audio/mp4", "audio/aac", "audio/amr", "video/mp4", "video/3gpp", "application/pdf", "application/octet-stream"},
		text: "Range, If-Range, If-None-Match and HEAD are served. Pictures, sounds and films may be shown by a page; all else is a download, and of a type that no " +
			"browser runs. Extension.",
		busy:    "Also if the bucket of recordings cannot be reached.",
		missing: "Also if its time was up, or it lies on another node.",
	},
	"write-message": {
		tag: "Conversations", summary: "Reply as a human", status: http.StatusCreated,
		text: "Sends a message by the conversation's channel, from the bot's number. It is answered as soon as it is written down, with the status pending; what " +
			"becomes of it is seen in its status, and told by the socket. Auto-reply stays as it is. Without a type it is a text; with one it is that, and has what it " +
			"needs: media, location, contacts, interactive, reaction or template. Twilio sends texts, files, places and templates alone. Extension.",
		request: `{"content": "Your order left our warehouse this morning."}`,
		bad:     "Also if the conversation is a call, the bot's channel is not set up, it does not take such a message, or the customer last wrote more than 24 hours ago: only a template may be sent then.",
		busy:    "Also if this server serves no messaging channels.",
	},
	"set-conversation-status": {
		tag: "Conversations", summary: "Say where a conversation stands",
		request: `{"status": "escalated"}`,
	},
	"draft-reply": {
		tag: "Conversations", summary: "Draft a reply",
		text: "What the bot would answer, for a person to send or not: by its agent's language model, or by its flow where there is none. Nothing is sent.",
		bad:  "Also if the bot was deleted.", busy: "Also if there is neither a language model nor a flow, or the model does not answer.",
	},
	"set-auto-reply": {
		tag: "Conversations", summary: "Turn a conversation's auto-reply on or off",
		request: `{"enabled": false}`,
	},
	"create-webrtc-token": {
		tag: "Calls", summary: "Let a page call an agent", status: http.StatusCreated,
		text: "A server asks this with its key, or a page with its session, and the page opens its call by WHIP (RFC 9725): it posts its offer to whip_url " +
			"with the token. A token opens one call with that agent, within ttl_seconds, and is no key: a page may have it. docs/webrtc.md has the rest. Extension.",
		request: `{"params": {"customer_name": "Ada"}, "ttl_seconds": 60}`,
		bad:     "Also if the agent is disabled.",
		missing: "There is no such agent.",
	},
	"create-widget-token": {
		tag: "Calls", summary: "Call an agent that any page may call", status: http.StatusCreated,
		text: "What the talk button asks on pages that have no server of their own. It takes no key: the agent's settings.widget says that it is public, to pages of " +
			"which origins, and how many calls it takes in a minute and at once. The browser's Origin header has to be one of those. What is not a browser can send " +
			"any Origin: the limits hold for it as well. Otherwise as POST /webrtc/tokens. Extension.",
		request: `{"agent_id": "0193e7a1-6f0c-7d52-9d3c-3f4a5b6c7d8e"}`,
		missing: "There is no such agent, or it is disabled, or not public.",
		often:   "Or the agent has had as many calls as it takes in this minute.",
	},
	"try-agent": {
		tag: "Agents", summary: "Talk to an agent as it would be", status: http.StatusCreated,
		text: "Takes what PATCH would, checks it as PATCH does, and saves nothing: the token of the answer lets a page open one call, within five minutes, with the " +
			"agent as it would be then. An empty object tries it as it is, also if it is disabled. The key needs calls:write as well. With several nodes whip_url " +
			"answers 503 on those that do not have the draft: ask again, with the same token, until it is reached. Such a call has no agent_version. Extension.",
		request: `{"system_prompt": "You answer briefly."}`,
	},

	"login": {
		tag: "Sessions", summary: "Log in",
		text: "Sets the session's cookie and answers a JWT. The session works in the organisation in which its person worked last. Wrong " +
			"passwords are counted by account and by address: each one after the first few makes the next wait longer, up to 15 minutes. " +
			"Whether an email is known cannot be told from the answer.",
		request: `{"email": "owner@example.com", "password": "correct horse battery staple"}`,
		often:   "Also after too many wrong passwords, for this account or from this address.",
	},
	"accept-invite": {
		tag: "Sessions", summary: "Accept an invite", status: http.StatusCreated,
		text: "Joins an organisation and logs in. Whoever's email is known already joins with the password that they have; others become a " +
			"user with the name and password given.",
		request: `{"token": "what stands behind the # of the link", "name": "Ada Lovelace", "password": "correct horse battery staple"}`,
		bad:     "Also if the invite has been used, replaced or withdrawn, or has expired.",
		often:   "Also after too many wrong passwords.",
	},
	"renew-token": {
		tag: "Sessions", summary: "Renew the JWT",
		text: "Answers a new JWT for the session. The one before stays valid until it expires.",
	},
	"logout": {
		tag: "Sessions", summary: "Log out",
		text: "Ends the session, and its tokens with it.",
	},
	"switch-organization": {
		tag: "Sessions", summary: "Work in another organisation",
		text:    "Takes the session to another organisation that one is in; so do later logins begin there. Tokens of before are over.",
		request: `{"organization_id": "0193e7a1-6f0c-7d52-9d3c-3f4a5b6c7d8e"}`,
		missing: "Also if one is not in that organisation.",
	},
	"change-password": {
		tag: "Sessions", summary: "Change one's password",
		text:    "All other sessions end.",
		request: `{"current_password": "correct horse battery staple", "new_password": "wrong zebra battery staple"}`,
		often:   "Also after too many wrong passwords.",
	},
	"get-session": {
		tag: "Sessions", summary: "Get the session",
		text: "Who is logged in, and where; with a new JWT.",
	},
	"list-sessions": {
		tag: "Sessions", summary: "List one's sessions",
		text: "All of one's logins that are not over, in whatever organisation, newest first.",
	},
	"end-session": {
		tag: "Sessions", summary: "End one of one's sessions",
	},

	"list-api-keys": {
		tag: "API keys", summary: "List API keys",
		text: "All keys of the organisation, revoked ones too, newest first; a member's own keys.",
	},
	"create-api-key": {
		tag: "API keys", summary: "Create an API key", status: http.StatusCreated,
		text:    "The secret is answered this once, and not kept.",
		request: `{"name": "CRM integration", "scopes": ["agents:read", "calls:read"], "prefix": "va_"}`,
	},
	"get-api-key": {
		tag: "API keys", summary: "Get an API key",
		text: "Without its secret, which is not kept.",
	},
	"revoke-api-key": {
		tag: "API keys", summary: "Revoke an API key",
		text: "It stops working at once, and on other nodes within seconds. It stays in the list.",
	},
	"regenerate-api-key": {
		tag: "API keys", summary: "Give an API key a new secret",
		text: "The old secret stops working at once, and on other nodes within seconds; it stays in the list, as a revoked key of its own. Name, " +
			"scopes and expiry stay.",
		bad: "Also if the key is revoked or has expired.",
	},

	"list-organizations": {
		tag: "Organizations", summary: "List one's organisations",
		text: "Oldest first.",
	},
	"create-organization": {
		tag: "Organizations", summary: "Open an organisation", status: http.StatusCreated,
		text:    "Its owner is whoever opens it. The session stays where it is: POST /auth/switch.",
		request: `{"name": "Acme Ltd"}`,
	},
	"get-organization": {
		tag: "Organizations", summary: "Get an organisation",
	},
	"update-organization": {
		tag: "Organizations", summary: "Change an organisation",
		text:    "Its name, and what its agents may remember of those whom they talk to. What is left out stays; memory is given as a whole.",
		request: `{"name": "Acme Ltd", "memory": {"enabled": true, "days": 30}}`,
	},

	"list-users": {
		tag: "Users", summary: "List users",
		text: "All people of the organisation, newest first.",
	},
	"invite-user": {
		tag: "Users", summary: "Invite a user", status: http.StatusCreated,
		text: "Answers a link by which one person joins, once, within seven days. No mailer is configured, so nothing is sent: hand it over " +
			"yourself.",
		request: `{"email": "ada@example.com", "role": "member"}`,
	},
	"get-user": {
		tag: "Users", summary: "Get a user",
	},
	"update-user": {
		tag: "Users", summary: "Change a user's role",
		text:    "The keys that they made get the role too.",
		request: `{"role": "admin"}`,
		bad:     "Also if they are the organisation's last owner.",
	},
	"remove-user": {
		tag: "Users", summary: "Remove a user",
		text: "Their sessions here end, and the keys that they made are revoked. Everybody may remove themselves.",
		bad:  "Also if they are the organisation's last owner.",
	},

	"list-contacts": {
		tag: "Contacts", summary: "List contacts",
		text: "Newest first, unless sortBy says otherwise. filterBy and sortBy name fields as POST /contacts/search does; filterBy compares as eq.",
	},
	"create-contact": {
		tag: "Contacts", summary: "Create a contact",
		text: "Always a new one: several contacts may have the same address.",
		request: `{
			"firstName": "Jane",
			"lastName": "Doe",
			"customFields": {"source": "web"},
			"addresses": [{"address": "+56912345678", "channelType": "PHONE"}]
		}`,
		bad: "Also if a custom value is not of its field's type.",
	},
	"search-contacts": {
		tag: "Contacts", summary: "Search contacts",
		text: "filters are conditions on fields: id, userId, contactCompanyId, providerId, providerName, nationalId, firstName, lastName, companyPosition, " +
			"email, phone, addresses.id, addresses.address, addresses.channelType, createdAt, updatedAt, and customFields.KEY. A condition holds if one of a " +
			"field's values passes it; neq, notContains, notIn and notExists hold if none does. Of longer values the first 400 characters are looked at. " +
			"A nextPageToken goes on where the page ended, whatever was added meanwhile.",
		request: `{
			"filters": [
				{"field": "addresses.address", "operator": "eq", "value": "+56912345678"},
				{"field": "addresses.address", "operator": "contains", "value": "example.com"}
			],
			"sort": [{"field": "createdAt", "direction": "desc"}],
			"size": 20,
			"includeTotalCount": "true"
		}`,
	},
	"get-contact": {
		tag: "Contacts", summary: "Get a contact",
	},
	"update-contact": {
		tag: "Contacts", summary: "Update a contact",
		text: "Only the fields that are given change; null clears. addresses are replaced as a whole, and those that stay keep their ids; of customFields, " +
			"what is not named stays.",
		request: `{"firstName": "Janet", "customFields": {"priority": "high"}}`,
		bad:     "Also if a custom value is not of its field's type.",
	},
	"delete-contact": {
		tag: "Contacts", summary: "Delete a contact",
		text: "With its addresses and custom values. Answers what it was.",
	},
	"start-agent-call": {
		tag: "Calls", summary: "Call somebody with an objective (CRM)",
		text: "The request says all that the agent has to know: it is made of it, and calls that say the same share it. The call is placed by the rules of " +
			"POST /api/v1/tasks/{id}/execute, of a task that is made for it. CRM contract.",
		request: `{
			"toPhoneNumber": "+1234567890",
			"objectives": ["Confirm the visit of tomorrow at ten"],
			"personality": {"name": "Camila", "communicationStyle": "professional"},
			"contactInfo": {"firstName": "Pedro", "lastName": "Gomez"},
			"customData": {"visit": 71}
		}`,
		bad: "Also if a vendor that is asked for cannot be used here: it is named.",
	},
	"create-crm-call": {
		tag: "Calls", summary: "Keep a call that was made elsewhere (CRM)",
		text: "It is over, and stands among the organisation's calls with the carrier elsewhere. CRM contract.",
		request: `{
			"status": "completed",
			"userId": 1,
			"metadata": {"queue": "sales"},
			"from": "+442071234567",
			"to": "+1234567890",
			"duration": 63,
			"direction": "outgoing",
			"startTime": "2026-11-23T09:00:00Z"
		}`,
	},
	"start-voice-agent-call": {
		tag: "Calls", summary: "Have an agent call somebody (CRM)",
		text: "By the rules of POST /api/v1/tasks/{id}/execute, of a task that is made for it. CRM contract.",
		request: `{
			"voiceAgentId": 123,
			"to": "+1234567890",
			"contextVariables": {"customerFirstName": "Pedro", "customerLastName": "Gomez"},
			"customData": {"customKey": "customValue"}
		}`,
		bad: "Also if there is no such agent, or nothing fills a place of its words.",
	},
	"start-bridge-call": {
		tag: "Calls", summary: "Join a user with a contact (CRM)",
		text: "The user is rung first; when they answer, the contact is rung by the same account or trunk, and the two are joined and recorded, the user on the " +
			"left. The call ends when either hangs up, or the contact does not answer within 45 seconds. Both are called by the organisation's dialling rules. CRM " +
			"contract.",
		request: `{"from": "+442071234567", "to": "+1234567890", "callCustomData": {"customKey": "customValue"}}`,
		bad:     "Also if one of the two may not be called.",
	},
	"get-crm-call": {
		tag: "Calls", summary: "Get a call (CRM)",
		text: "Any call of the organisation's, by its number. CRM contract.",
	},
	"get-crm-call-transcription": {
		tag: "Calls", summary: "Get what was said in a call (CRM)",
		text:    "The transcript as it is known best: one that was made of the recording comes before the one that was taken down meanwhile. CRM contract.",
		missing: "Also if nothing is known of what was said.",
	},
	"get-crm-call-recording": {
		tag: "Calls", summary: "Get the recording of a call (CRM)",
		text:    "Its url plays for five minutes without a key. CRM contract.",
		missing: "Also if the call goes on, was not recorded, or its recording could not be fetched: the message says why.",
	},
	"get-recording": {
		tag: "Calls", summary: "Get a recording (CRM)",
		text:    "A recording has the number of its call. CRM contract.",
		missing: "Also if the call goes on, was not recorded, or its recording could not be fetched: the message says why.",
	},
	"load-recording": {
		tag: "Calls", summary: "Fetch the recording of a call that was made elsewhere (CRM)",
		text: "The call is kept at once, and its recording fetched, put into words and reported on afterwards: GET /recordings/{id} has a url from then on. " +
			"It is WAV (16-bit PCM, mu-law or A-law) or Ogg Opus of one or two channels, of up to 512 MiB; the caller is left. It is fetched from public " +
			"addresses alone, by https, unless the operator allows others. CRM contract.",
		request: `{"userId": 1, "url": "https://pbx.example.com/recordings/1.wav", "callTo": "+1234567890", "callFrom": "+442071234567", "callDirection": "outgoing"}`,
		bad:     "Also if the URL is not one to fetch from.",
	},
	"list-crm-tasks": {
		tag: "CRM tasks", summary: "List tasks of the CRM",
		text: "Newest first. They are no planned calls, which /api/v1/tasks has: an AI employee may carry one out by such a call.",
	},
	"create-crm-task": {
		tag: "CRM tasks", summary: "Create a task of the CRM",
		text: "An AI employee carries it out by itself when it is due, or at once if it has no dueDate: its agent calls, or writes by WhatsApp, and the task is " +
			"completed with the outcome. If that fails, it stays open, and work.failure says why.",
		request: `{
			"title": "Follow up with client",
			"objective": "Send proposal to client",
			"dueDate": "2024-02-15T10:00:00Z",
			"assignedTo": {"type": "user", "id": "123"}
		}`,
		bad: "Also if there is no such agent, or a custom value is not of its field's type.",
	},
	"get-crm-task": {
		tag: "CRM tasks", summary: "Get a task of the CRM",
	},
	"update-crm-task": {
		tag: "CRM tasks", summary: "Update a task of the CRM",
		text: "Only the fields that are given change. What has to be done differently is begun anew, and what has not to be done any more is not: a call " +
			"that is under way ends. A message that is on its way goes out.",
		request: `{"status": "completed", "objective": "Updated task objective"}`,
		bad:     "Also if there is no such agent, or a custom value is not of its field's type.",
	},
	"delete-crm-task": {
		tag: "CRM tasks", summary: "Delete a task of the CRM",
		text: "Its call ends as if it were cancelled. Answers what it was.",
	},
	"create-crm-conversation": {
		tag: "CRM conversations", summary: "Create a conversation",
		text: "Where a contact stands in a funnel. contactId says whose it is, or contact does: whoever has one of its phones and emails, the oldest of " +
			"several, gets what is new of them; if nobody has, a contact is made. A contact who has a conversation in the funnel that is not archived " +
			"keeps it: it is answered as it is. Its channelSessions are the contact's calls and threads.",
		request: `{
			"funnelId": 1,
			"funnelStatusId": 2,
			"customFields": {"budget": 1200},
			"contact": {"firstName": "Jane", "lastName": "Doe", "phones": ["+56912345678"], "emails": ["jane@example.com"]}
		}`,
		bad: "Also if there is no such contact, or a custom value is not of its field's type.",
	},
	"create-crm-conversations": {
		tag: "CRM conversations", summary: "Create conversations", streams: reflect.TypeFor[crm.FunnelsCreate](),
		text: "Up to 10,000 in a body of 64 MiB, each as POST /conversations takes it. One is taken whatever is wrong with others, and the report tells of " +
			"all of which there is something to tell: errors, warnings, and in existingEntities what was there already (counted in duplicates). The same " +
			"request makes nothing twice, so an Idempotency-Key is not heeded. They are written 200 at a time: what a request that breaks off has made stays.",
		request: `{
			"conversations": [
				{"funnelId": 1, "contact": {"firstName": "Jane", "phones": ["+56912345678"]}},
				{"funnelId": 1, "contact": {"firstName": "John", "emails": ["john@example.com"]}, "customFields": {"budget": 1200}}
			]
		}`,
	},
	"update-crm-conversations": {
		tag: "CRM conversations", summary: "Update conversations", streams: reflect.TypeFor[crm.FunnelsUpdate](),
		text: "Up to 10,000 in a body of 64 MiB, each named by its id. Only what is given changes: of a conversation null clears, of its contact what is null " +
			"stays, and addresses are added. The report is that of POST /conversations/bulk.",
		request: `{
			"conversations": [
				{"id": 1, "funnelStatusId": 3, "contact": {"companyPosition": "Buyer"}},
				{"id": 2, "archivedAt": "2026-01-31T12:00:00Z"}
			]
		}`,
	},
	"get-crm-message": {
		tag: "CRM conversations", summary: "Get a message",
		text: "Of a thread. status and errors are what the channel has told so far; url of an attachment opens without a key for 5 minutes; mediaProcessing is what " +
			"was said in sound that somebody has sent.",
	},
	"create-crm-message": {
		tag: "CRM conversations", summary: "Send a WhatsApp message",
		text: "From the bot whose number it is, in its thread with toPhoneNumber. Free messages are taken within 24 hours of the customer's last one; else " +
			"send a template. The answer is the message as pending: GET /messages/{id} tells how far it has come.",
		request: `{
			"fromPhoneNumber": "+15550100001",
			"toPhoneNumber": "+56912345678",
			"type": "text",
			"content": "Your order left our warehouse this morning."
		}`,
		bad:  "Also if no bot writes from the number, or the 24 hours are over.",
		busy: "Or this server serves no messaging channels.",
	},
	"create-crm-template-message": {
		tag: "CRM conversations", summary: "Send a WhatsApp template",
		text: "As POST /messages/whatsapp, at any time, also to somebody who has never written. Its places are filled by variables, or by components: not both.",
		request: `{
			"fromPhoneNumber": "+15550100001",
			"toPhoneNumber": "+56912345678",
			"templateName": "appointment_v2",
			"languageCode": "es_CL",
			"variables": [{"value": "Jane"}]
		}`,
		bad:  "Also if no bot writes from the number.",
		busy: "Or this server serves no messaging channels.",
	},
	"upload-crm-media": {
		tag: "CRM conversations", summary: "Upload a file to be sent", most: crm.MostMedia,
		text: "By content, in base64, which makes a file; or by the fileId of one that there is. The body has 32 MiB at most.",
		request: `{
			"fromPhoneNumber": "+15550100001",
			"fileName": "map.png",
			"contentType": "image/png",
			"content": "iVBORw0KGgo="
		}`,
		bad:  "Also if the file is not of its contentType, or there is no such file.",
		busy: "Or this server keeps no files.",
	},
	"list-custom-fields": {
		tag: "Custom fields", summary: "List custom fields",
		text: "Of all entity types, oldest first, unless sortBy says otherwise. filterBy=entityType:CONTACT leaves those of contacts.",
	},
	"create-custom-field": {
		tag: "Custom fields", summary: "Define a custom field",
		text: "From then on values of its key must be of its type. Values are kept of contacts and of tasks (TASK, an extension); fields of other entity types can be defined.",
		request: `{
			"description": "How much they buy.",
			"entityType": "CONTACT",
			"fieldKey": "tier",
			"fieldLabel": "Tier",
			"fieldType": "LIST"
		}`,
		bad: "Also if the entity type has a field of that key, or the organisation has 500 fields.",
	},
	"get-custom-field": {
		tag: "Custom fields", summary: "Get a custom field",
	},
	"update-custom-field": {
		tag: "Custom fields", summary: "Update a custom field",
		text:    "Only what is given changes.",
		request: `{"fieldLabel": "Tier", "description": null}`,
		bad:     "Also if its entity type, key or type would change while there are values of it.",
	},
	"delete-custom-field": {
		tag: "Custom fields", summary: "Delete a custom field",
		text:  "With its options. Answers what it was.",
		clash: "There are values of it: force=true deletes these too",
	},
	"list-custom-field-options": {
		tag: "Custom fields", summary: "List the options of a custom field",
		text: "Oldest first, unless sortBy says otherwise.",
	},
	"create-custom-field-option": {
		tag: "Custom fields", summary: "Create an option",
		request: `{"definitionId": 1, "value": "gold", "label": "Gold", "description": "The best of them."}`,
		bad:     "Also if the field is not of the type LIST, has that value, or has 5,000 options.",
	},
	"get-custom-field-option": {
		tag: "Custom fields", summary: "Get an option",
		missing: "Also if the field has no such option.",
	},
	"update-custom-field-option": {
		tag: "Custom fields", summary: "Update an option",
		text:    "Only what is given changes. Whatever has the value gets the new one.",
		request: `{"label": "Gold", "description": "The best of them."}`,
		bad:     "Also if the field has that value.",
		missing: "Also if the field has no such option.",
	},
	"delete-custom-field-option": {
		tag: "Custom fields", summary: "Delete an option",
		text:    "Whatever has its value has none of the field any more. Answers what it was.",
		missing: "Also if the field has no such option.",
	},
}
