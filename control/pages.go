package control

import "net/http"

// A page is what the description says of an operation, beyond its types.
type page struct {
	tag, summary, text string
	status             int    // of success; 0: 200
	request            string // an example of its body
	media              string // what it answers with, if that is not JSON
	ticket             bool   // a ticket opens it too
	bad, missing, busy string // when else it answers 400, 404, 503
}

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
	},
	"get-agent": {
		tag: "Agents", summary: "Get an agent",
	},
	"update-agent": {
		tag: "Agents", summary: "Update an agent",
		text: "Only the fields that are given change; null clears description, starting_message, voice_settings and dtmf_rules, and " +
			"voice_settings and dtmf_rules are replaced as a whole. What changes makes a new version, which the next calls get; calls in " +
			"progress keep theirs.",
		request: `{"description": "Handles customer inquiries", "enabled": false}`,
		bad:     "Also if there is nothing to update, or a field is read-only.",
	},
	"delete-agent": {
		tag: "Agents", summary: "Delete an agent",
		text: "Calls that it served stay, and their agent_id too.",
		bad:  "Also if the agent is the default agent, or a phone number leads to it.",
	},
	"list-calls": {
		tag: "Calls", summary: "List calls",
		text: "All calls of the organisation, newest first.",
	},
	"get-call": {
		tag: "Calls", summary: "Get a call, with transcript and turns",
		text: "While the call goes on, transcript and turns grow with each exchange.",
	},
	"get-call-transcript": {
		tag: "Calls", summary: "Get a call's transcript",
		text: "An agent's text is what the caller heard of it.",
	},
	"get-call-recording": {
		tag: "Calls", summary: "Get a link to a call's recording",
		text:    "The link plays without a key for five minutes, for this call alone, and serves ranges.",
		missing: "Also until the call is completed or failed, or if it was not recorded: error says which.",
	},
	"stream-call-recording": {
		tag: "Calls", summary: "Stream a call's recording", media: "audio/wav", ticket: true,
		text:    "The WAV file: the caller on the left, the agent on the right. Range, If-Range, If-None-Match and HEAD are served.",
		missing: "Also until the call is completed or failed, or if it was not recorded: error says which.",
	},
	"end-call": {
		tag: "Calls", summary: "End a call in progress",
		text: "Hangs up. The call's status becomes completed within a moment.",
		bad:  "Also if the call is over already.",
		busy: "Also if the call lives on a node that cannot be asked.",
	},
}
