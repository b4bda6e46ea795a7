package voice

import (
	"context"
	"encoding/base64"
	"net/url"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/envelope"
)

// LiveInfo tells how to watch a call while it goes on.
type LiveInfo struct {
	WebsocketURL   string         `json:"websocket_url" format:"uri" doc:"The call's socket: add api_key or session_token. It works before the call is answered, and for a moment after its end." example:"wss://voice.example.com/ws/calls/0193e7a1-6f0c-7d52-9d3c-3f4a5b6c7d8e"`
	CallID         string         `json:"call_id" format:"uuid"`
	TempToken      string         `json:"temp_token" doc:"Opens this call's socket, and nothing else, for five minutes. A socket that is open stays open."`
	ExpiresAt      envelope.Time  `json:"expires_at" doc:"When temp_token does not open it any more. Extension."`
	ConnectionInfo ConnectionInfo `json:"connection_info"`
}

// ConnectionInfo spells out what a client needs to know of the socket.
type ConnectionInfo struct {
	URL            string   `json:"url" format:"uri"`
	AuthMethod     string   `json:"auth_method" enum:"query_param"`
	AuthParam      string   `json:"auth_param" enum:"api_key"`
	TempAuthParam  string   `json:"temp_auth_param" enum:"session_token"`
	Example        string   `json:"example"`
	ExampleSession string   `json:"example_session"`
	MessageFormat  string   `json:"message_format" enum:"json"`
	MessageTypes   []string `json:"message_types" nullable:"false" enum:"connected,transcript_update,call_status_update,error"`
}

// The types of the socket's messages. A pong only answers a ping.
const (
	typeConnected  = "connected"
	typeTranscript = "transcript_update"
	typeStatus     = "call_status_update"
	typeError      = "error"
	typePing       = "ping"
	typePong       = "pong"
)

// LiveOf is what GET /calls/{id}/live asks.
type LiveOf struct {
	envelope.ID

	base base
}

// Resolve implements huma.Resolver: it learns by which address the client came.
func (in *LiveOf) Resolve(ctx huma.Context) []error {
	in.base = baseOf(ctx)
	return in.Strict.Resolve(ctx)
}

// LiveInfo handles GET /calls/{id}/live.
func (h *Calls) LiveInfo(ctx context.Context, in *LiveOf) (*envelope.One[LiveInfo], error) {
	row, err := h.call(ctx, in.ID.ID)
	if err != nil {
		return nil, err
	}
	at := socketURL(in.base.or(h.Public), row.ID)
	ticket, expires := h.Passes.Issue(row.Org, row.ID, time.Now())
	return envelope.Give(ctx, LiveInfo{
		WebsocketURL: at, CallID: row.ID, TempToken: base64.RawURLEncoding.EncodeToString([]byte(ticket)), ExpiresAt: envelope.Time(expires),
		ConnectionInfo: ConnectionInfo{
			URL: at, AuthMethod: "query_param", AuthParam: "api_key", TempAuthParam: "session_token",
			Example: at + "?api_key=YOUR_API_KEY", ExampleSession: at + "?session_token=TEMP_TOKEN",
			MessageFormat: "json", MessageTypes: []string{typeConnected, typeTranscript, typeStatus, typeError},
		},
	}), nil
}

// OpenPass tells whose call a temp_token opens, or ErrTicket.
func (t *Tickets) OpenPass(token, call string, now time.Time) (org string, err error) {
	ticket, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(token, "="))
	if err != nil {
		return "", ErrTicket
	}
	return t.Open(string(ticket), call, now)
}

// socketURL is a call's socket at a server: wss where that is https.
func socketURL(base, call string) string {
	return "ws" + strings.TrimPrefix(base, "http") + "/ws/calls/" + url.PathEscape(call)
}
