package carrier

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
)

// This file is one's own PBX, which dials a server without asking anything before: Asterisk by chan_websocket (docs.asterisk.org, "WebSocket").

// asteriskDialect is Asterisk's, in JSON.
var asteriskDialect = dialect{
	agent: "Asterisk",
	call:  func() string { return "pbx1-" + sid("")[:10] + ".12" },
	wire: &wire{
		first: func(s *session) any {
			return map[string]any{
				"event": "MEDIA_START", "connection_id": "parley", "channel": "WebSocket/parley/0x1", "channel_id": s.p.result.CallSID, "format": "ulaw",
				"optimal_frame_size": slot, "ptime": 20, "channel_variables": map[string]string{"PARLEY_FROM": s.p.From, "PARLEY_TO": s.p.To},
			}
		},
		heard: hearAsterisk,
		marked: func(s *session, name string) any {
			return asteriskEvent(s, "MEDIA_MARK_PROCESSED", "correlation_id", name)
		},
		forgets: true,
		pressed: func(s *session, key string) any { return asteriskEvent(s, "DTMF_END", "digit", key) },
	},
}

func asteriskEvent(s *session, event, name, value string) any {
	return map[string]string{"event": event, "channel_id": s.p.result.CallSID, name: value}
}

// hearAsterisk reads a command to Asterisk, which takes none of more than 128 bytes.
func hearAsterisk(text []byte) (said fromAgent, err error) {
	var m struct {
		Command string `json:"command"`
		ID      string `json:"correlation_id"`
	}
	if err := json.Unmarshal(text, &m); err != nil || len(text) > 128 {
		return said, fmt.Errorf("a command of %d bytes: %w", len(text), err)
	}
	switch m.Command {
	case "MARK_MEDIA":
		return fromAgent{event: "mark", mark: m.ID}, nil
	case "FLUSH_MEDIA":
		return fromAgent{event: "clear"}, nil
	case "HANGUP":
		return said, nil // the close frame follows
	}
	return said, fmt.Errorf("command %q is unknown", m.Command)
}

// dialOut connects to the server as websocket_client.conf tells Asterisk to.
func (p *placed) dialOut(ctx context.Context) error {
	target, err := socketOf(p.URL)
	if err != nil {
		return err
	}
	noun := &streamNoun{url: target, protocols: []string{"media"}, layout: layout{times: 1}, header: http.Header{
		"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte("asterisk:"+p.AuthToken))},
	}}
	err = p.stream(ctx, noun)
	p.end("agent")
	return err
}

// socketOf is an http URL as that of a WebSocket, and any other as it is.
func socketOf(target string) (string, error) {
	u, err := url.Parse(target)
	if err != nil {
		return "", fmt.Errorf("url: %w", err)
	}
	switch u.Scheme {
	case "http":
		u.Scheme = "ws"
	case "https":
		u.Scheme = "wss"
	}
	return u.String(), nil
}
