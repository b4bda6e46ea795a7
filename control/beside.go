package control

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// A beside is a route that the server has beside the API: cmd/parley and the legs serve it, without an envelope and without a key.
type beside struct {
	method, path, id, tag, summary, text string
	status                               int // of success; 0: 200
	media                                string
	answers                              map[int]string // others
}

// besides are all of them, so that the description has every route there is.
func besides() []beside {
	const plain, html, data, sdp = "text/plain", "text/html", "application/json", "application/sdp"
	return []beside{
		{method: "GET", path: "/", id: "home", tag: "Server", summary: "See what this is", media: plain, text: "A browser is led to /console/."},
		{method: "GET", path: "/console/", id: "console", tag: "Server", summary: "The page that people work with", media: html},
		{
			method: "GET", path: "/widget.js", id: "widget", tag: "Browsers", summary: "A talk button for any page", media: "text/javascript",
			text: "A script for pages of any origin: data-token-url says where the page's own server gives tokens of POST /api/v1/webrtc/tokens; without it the page asks POST /api/v1/widget/tokens.",
		},
		{
			method: "POST", path: mcpPath, id: "mcp", tag: "Server", summary: "The API as tools for models", media: data,
			text: "A server of the Model Context Protocol (streamable HTTP, stateless). Authorization: Bearer has a key, or a session's token; its tools are the " +
				"operations that this may use. ?tags=calls,agents leaves out those of other tags. docs/mcp.md has the rest.",
			answers: map[int]string{http.StatusUnauthorized: "No key, or not a valid one", http.StatusTooManyRequests: "Too many requests in this minute"},
		},
		{method: "GET", path: "/healthz", id: "healthz", tag: "Server", summary: "Whether the process lives", media: plain},
		{
			method: "GET", path: "/readyz", id: "readyz", tag: "Server", summary: "Whether new calls are welcome", media: plain,
			answers: map[int]string{http.StatusServiceUnavailable: "The server refuses calls; the text says why: draining, max_calls, lateness, cpu or speech"},
		},
		{
			method: "GET", path: "/metrics", id: "metrics", tag: "Server", summary: "Metrics for Prometheus", media: plain,
			text: "In Prometheus' text format, or another that Accept asks for.",
		},
		{method: "GET", path: "/docs", id: "docs", tag: "Server", summary: "Read this as a page", media: html},
		{method: "GET", path: "/docs/page.css", id: "docs-style", tag: "Server", summary: "The page's style", media: "text/css"},
		{method: "GET", path: "/docs/page.js", id: "docs-script", tag: "Server", summary: "The page's script", media: "text/javascript"},
		{method: "GET", path: "/openapi.json", id: "openapi", tag: "Server", summary: "This description", media: data},
		{method: "GET", path: "/asyncapi.json", id: "asyncapi", tag: "Server", summary: "Sockets and webhooks, in AsyncAPI 3.0", media: data},
		{method: "GET", path: "/postman.json", id: "postman", tag: "Server", summary: "A Postman collection of the operations", media: data},
		{
			method: "GET", path: "/invite", id: "invite", tag: "Server", summary: "The page of an invite", media: html,
			text: "Where the link of POST /api/v1/users/invite leads to; the token stands behind its #.",
		},
		{method: "GET", path: "/invite.css", id: "invite-style", tag: "Server", summary: "The invite's style", media: "text/css"},
		{method: "GET", path: "/invite.js", id: "invite-script", tag: "Server", summary: "The invite's script", media: "text/javascript"},
		{
			method: "POST", path: "/twilio/voice", id: "twilio-voice", tag: "Carriers", summary: "A call comes in", media: "text/xml",
			text:    "Twilio's voice webhook, signed by Twilio: set it as the number's \"a call comes in\". Answers TwiML.",
			answers: map[int]string{http.StatusForbidden: "The signature is not Twilio's"},
		},
		{
			method: "GET", path: "/twilio/media", id: "twilio-media", tag: "Carriers", summary: "A call's audio", status: http.StatusSwitchingProtocols,
			text:    "The WebSocket of Twilio Media Streams. Its messages are Twilio's: https://www.twilio.com/docs/voice/media-streams/websocket-messages.",
			answers: map[int]string{http.StatusForbidden: "The signature is not Twilio's, or a browser asks", http.StatusServiceUnavailable: "The server is full, or drains"},
		},
		{
			method: "GET", path: "/twilio/media/{account}", id: "twilio-media-of", tag: "Carriers", summary: "A call's audio, of an organisation's account",
			status: http.StatusSwitchingProtocols, text: "As /twilio/media, signed with the token of the organisation's own account at Twilio.",
			answers: map[int]string{http.StatusForbidden: "The signature is not that account's, or a browser asks", http.StatusServiceUnavailable: "The server is full, or drains"},
		},
		{
			method: "POST", path: "/twilio/status", id: "twilio-status", tag: "Carriers", summary: "How a placed call goes", status: http.StatusNoContent,
			text:    "Twilio's status callback, signed by Twilio.",
			answers: map[int]string{http.StatusForbidden: "The signature is not Twilio's", http.StatusBadRequest: "A field is not what Twilio sends"},
		},
		{
			method: "POST", path: "/twilio/stream-status", id: "twilio-stream-status", tag: "Carriers", summary: "How a stream goes", status: http.StatusNoContent,
			text:    "Twilio's stream status callback, signed by Twilio.",
			answers: map[int]string{http.StatusForbidden: "The signature is not Twilio's", http.StatusBadRequest: "A field is not what Twilio sends"},
		},
		{
			method: "POST", path: "/twilio/after", id: "twilio-after", tag: "Carriers", summary: "A call's stream is over", media: "text/xml",
			text:    "The action of a call's <Connect>, signed by Twilio: TwiML ends the call, or connects it again where its line or its node was lost.",
			answers: map[int]string{http.StatusForbidden: "The signature is not Twilio's", http.StatusBadRequest: "A field is not what Twilio sends"},
		},
		{
			method: "POST", path: "/twilio/fallback", id: "twilio-fallback", tag: "Carriers", summary: "What to do with a call whose webhook failed", media: "text/xml",
			text:    "Twilio's fallback, signed by Twilio: set it as the number's \"primary handler fails\". Answers TwiML, for a call that goes on or a new one.",
			answers: map[int]string{http.StatusForbidden: "The signature is not Twilio's", http.StatusBadRequest: "A field is not what Twilio sends"},
		},
		{
			method: "POST", path: "/twilio/answered", id: "twilio-answered", tag: "Carriers", summary: "Who has answered a placed call", status: http.StatusNoContent,
			text:    "Twilio's callback of asynchronous machine detection, signed by Twilio.",
			answers: map[int]string{http.StatusForbidden: "The signature is not Twilio's", http.StatusBadRequest: "A field is not what Twilio sends"},
		},
		{
			method: "POST", path: "/telnyx/voice", id: "telnyx-voice", tag: "Carriers", summary: "A call comes in, or a placed one was answered, by Telnyx", media: "text/xml",
			text:    "The voice URL of a TeXML application, signed with the account's key. Answers TeXML.",
			answers: map[int]string{http.StatusForbidden: "The signature is not Telnyx'", http.StatusBadRequest: "A field is not what Telnyx sends"},
		},
		{
			method: "POST", path: "/telnyx/status", id: "telnyx-status", tag: "Carriers", summary: "How a call by Telnyx goes", status: http.StatusNoContent,
			text:    "Telnyx' status callback, signed with the account's key.",
			answers: map[int]string{http.StatusForbidden: "The signature is not Telnyx'", http.StatusBadRequest: "A field is not what Telnyx sends"},
		},
		{
			method: "GET", path: "/telnyx/media/{call}/{token}", id: "telnyx-media", tag: "Carriers", summary: "A call's audio, by Telnyx", status: http.StatusSwitchingProtocols,
			text:    "The WebSocket of a stream, as the answer to the voice webhook names it; the token is good for one stream of that call. Its messages are Telnyx'.",
			answers: map[int]string{http.StatusForbidden: "The token is wrong, used or late, or a browser asks", http.StatusServiceUnavailable: "The server is full"},
		},
		{
			method: "GET", path: "/telnyx/media/{call}/{token}/{owners}", id: "telnyx-media-of", tag: "Carriers", summary: "A call's audio, by an organisation's account at Telnyx",
			status: http.StatusSwitchingProtocols, text: "As /telnyx/media/{call}/{token}, of a call that came by an organisation's own account.",
			answers: map[int]string{http.StatusForbidden: "The token is wrong, used or late, or a browser asks", http.StatusServiceUnavailable: "The server is full"},
		},
		{
			method: "GET", path: "/whatsapp/meta/{bot}", id: "whatsapp-verify", tag: "Channels", summary: "Meta makes sure that a webhook is ours", media: plain,
			text:    "Answers hub.challenge if hub.verify_token is the one that GET /api/v1/bots/{id}/channel shows.",
			answers: map[int]string{http.StatusForbidden: "The token is not that of this bot"},
		},
		{
			method: "POST", path: "/whatsapp/meta/{bot}", id: "whatsapp-meta", tag: "Channels", summary: "What happens on a number of WhatsApp, by Meta",
			text: "Meta's webhook, signed with the app's secret. It is answered once it is written down; the bot of the URL says whose secret it is, " +
				"and what comes for another number of the organisation goes to the bot of that number.",
			answers: refusals("Meta's"),
		},
		{
			method: "POST", path: "/whatsapp/twilio/{bot}", id: "whatsapp-twilio", tag: "Channels", summary: "What happens on a number of WhatsApp, by Twilio", media: "text/xml",
			text: "Twilio's webhook of messages and of their statuses, signed with the account's token.", answers: refusals("Twilio's"),
		},
		{
			method: "POST", path: "/webrtc/whip", id: "whip", tag: "Browsers", summary: "A page calls an agent, or listens to a call", status: http.StatusCreated, media: sdp,
			text: "WHIP (RFC 9725): the body is the page's offer, Authorization: Bearer has a token of POST /api/v1/webrtc/tokens, or of POST /api/v1/calls/{id}/listen. Location is the call's own address.",
			answers: map[int]string{
				http.StatusBadRequest: "The offer is no SDP, or a line of it is wrong", http.StatusUnauthorized: "The token is wrong, used or late",
				http.StatusNotFound:              "The call that is to be listened to is over",
				http.StatusRequestEntityTooLarge: "The offer is longer than 64 KiB", http.StatusUnsupportedMediaType: "Content-Type is not " + sdp,
				http.StatusUnprocessableEntity: "What is offered cannot be answered", http.StatusServiceUnavailable: "The server is full, or drains, or the call that is to be listened to lives on another node",
			},
		},
		{method: "GET", path: "/webrtc/whip", id: "whip-kept", tag: "Browsers", summary: "Kept for later", status: http.StatusNoContent},
		{method: "OPTIONS", path: "/webrtc/whip", id: "whip-options", tag: "Browsers", summary: "See what pages of other origins may ask"},
		{
			method: "PATCH", path: "/webrtc/whip/{call}", id: "whip-trickle", tag: "Browsers", summary: "Add candidates, or restart ICE", status: http.StatusNoContent,
			text: "The body is an SDP fragment (RFC 8840), Authorization the call's token, If-Match the ETag of before. With new credentials ICE restarts.",
			answers: map[int]string{
				http.StatusOK: "ICE restarts: our credentials, and another ETag", http.StatusBadRequest: "The fragment is wrong",
				http.StatusUnauthorized: "The token is another call's", http.StatusNotFound: "The call is over",
				http.StatusPreconditionFailed: "The ETag is of before", http.StatusPreconditionRequired: "There is no If-Match",
			},
		},
		{
			method: "DELETE", path: "/webrtc/whip/{call}", id: "whip-end", tag: "Browsers", summary: "Hang up", text: "Authorization is the call's token.",
			answers: map[int]string{http.StatusUnauthorized: "The token is another call's", http.StatusNotFound: "The call is over"},
		},
		{method: "GET", path: "/webrtc/whip/{call}", id: "whip-call-kept", tag: "Browsers", summary: "Kept for later", status: http.StatusNoContent},
		{method: "OPTIONS", path: "/webrtc/whip/{call}", id: "whip-call-options", tag: "Browsers", summary: "See what pages of other origins may ask of a call"},
	}
}

// refusals are the other answers to a webhook of a messaging channel.
func refusals(whose string) map[int]string {
	return map[int]string{
		http.StatusBadRequest: "The body breaks off", http.StatusForbidden: "The signature is not " + whose, http.StatusNotFound: "There is no such bot, or it has another channel",
		http.StatusRequestEntityTooLarge: "The body is larger than 3 MiB", http.StatusServiceUnavailable: "It could not be written down: come again",
	}
}

// describeBeside adds them to the description.
func describeBeside(api *huma.OpenAPI) {
	for _, b := range besides() {
		status := b.status
		if status == 0 {
			status = http.StatusOK
		}
		good := &huma.Response{Description: http.StatusText(status)}
		if b.media != "" {
			good.Content = map[string]*huma.MediaType{b.media: {Schema: &huma.Schema{Type: huma.TypeString}}}
		}
		if b.media == "application/json" {
			good.Content[b.media].Schema.Type = huma.TypeObject
		}
		op := &huma.Operation{
			Method: b.method, Path: b.path, OperationID: b.id, Tags: []string{b.tag}, Summary: b.summary, Description: b.text,
			Responses: map[string]*huma.Response{strconv.Itoa(status): good}, Security: []map[string][]string{},
		}
		for _, p := range besideParts {
			if strings.Contains(b.path, "/{"+p.name+"}") {
				op.Parameters = append(op.Parameters, &huma.Param{Name: p.name, In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}, Description: p.text})
			}
		}
		for code, text := range b.answers {
			op.Responses[strconv.Itoa(code)] = &huma.Response{Description: text}
		}
		api.AddOperation(op)
	}
}

// besideParts are the parts of paths that differ.
var besideParts = []struct{ name, text string }{
	{"account", "AccountSid."}, {"call", "The call's id, as its carrier has it, or the last part of its Location."}, {"token", "What lets the stream in."},
	{"owners", "Organisations, by their ids, separated by commas."}, {"bot", "The bot's id."},
}
