package carrier

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// This file is one's own PBX, which dials a server without asking anything before: Asterisk by chan_websocket (docs.asterisk.org, "WebSocket"), and FreeSWITCH by
// mod_audio_stream (github.com/amigniter/mod_audio_stream).

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

// freeswitchDialect is FreeSWITCH's. It tells nothing of what has sounded.
var freeswitchDialect = dialect{
	agent: "FreeSWITCH",
	call:  uuid,
	wire: &wire{
		first: func(s *session) any {
			return map[string]string{"uuid": s.p.result.CallSID, "from": s.p.From, "to": s.p.To}
		},
		heard:   hearFreeSWITCH,
		pressed: func(_ *session, key string) any { return map[string]string{"event": "dtmf", "digit": key} }, // as our dialplan has it
	},
}

// hearFreeSWITCH reads a text to mod_audio_stream: sound, or news of it.
func hearFreeSWITCH(text []byte) (said fromAgent, err error) {
	var m struct {
		Type string `json:"type"`
		Data struct {
			Kind  string `json:"audioDataType"`
			Rate  int    `json:"sampleRate"`
			Sound []byte `json:"audioData"`
		} `json:"data"`
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return said, fmt.Errorf("not JSON: %w", err)
	}
	switch {
	case m.Data.Rate%Rate != 0 || m.Data.Rate == 0:
		return said, fmt.Errorf("sampleRate %d: want a multiple of %d", m.Data.Rate, Rate)
	case m.Type == "rawAudio":
		return said, nil
	case m.Type == "streamAudio" && m.Data.Kind == "raw":
		return fromAgent{event: "media", sound: m.Data.Sound}, nil
	}
	return said, fmt.Errorf("type %q is unknown", m.Type)
}

// dialOut makes a call of a PBX'.
func (p *placed) dialOut(ctx context.Context) error {
	noun, err := p.dialled()
	if err != nil {
		return err
	}
	err = p.stream(ctx, noun)
	p.end("agent")
	return err
}

// dialled is the stream that a PBX opens: Asterisk as websocket_client.conf tells it to, FreeSWITCH as uuid_audio_stream does.
func (p *placed) dialled() (*streamNoun, error) {
	target, err := socketOf(p.URL)
	if err != nil {
		return nil, err
	}
	noun := &streamNoun{url: target, header: http.Header{}}
	if p.Kind == Asterisk {
		noun.layout, noun.protocols = layout{times: 1}, []string{"media"}
		noun.header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("asterisk:"+p.AuthToken)))
	} else {
		noun.layout = layout{linear: true, times: 1}
		noun.header.Set("Authorization", "Bearer "+p.AuthToken) // STREAM_EXTRA_HEADERS
		if strings.Contains(target, "rate=16000") {
			noun.layout.times = 2
		}
	}
	return noun, nil
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
