package carrier

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// This file is Vonage, from developer.vonage.com: "WebSockets in the Vonage Voice API", "NCCO reference" and "Decoding signed webhooks".

// vonageDialect is Vonage's.
var vonageDialect = dialect{
	agent: "vonage-voice",
	call:  uuid,
	wire: &wire{
		first: func(s *session) any {
			all := map[string]string{"event": "websocket:connected", "content-type": "audio/l16;rate=" + strconv.Itoa(s.layout.times*Rate)}
			maps.Copy(all, s.params)
			return all
		},
		heard: hearVonage,
		marked: func(_ *session, name string) any {
			return map[string]any{"event": "websocket:notify", "payload": map[string]string{"mark": name}}
		},
		cleared: func() any { return map[string]string{"event": "websocket:cleared"} },
		pressed: func(_ *session, key string) any {
			return map[string]any{"event": "websocket:dtmf", "digit": key, "duration": 260}
		},
	},
}

// hearVonage reads a command to Vonage. What a notify carries comes back as it is: the mark is all that this side sends.
func hearVonage(text []byte) (said fromAgent, err error) {
	var m struct {
		Action  string            `json:"action"`
		Payload map[string]string `json:"payload"`
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return said, fmt.Errorf("not JSON: %w", err)
	}
	switch m.Action {
	case "notify":
		return fromAgent{event: "mark", mark: m.Payload["mark"]}, nil
	case "clear":
		return fromAgent{event: "clear"}, nil
	}
	return said, fmt.Errorf("action %q is unknown", m.Action)
}

// placeByNCCO asks the answer webhook, and connects the caller as it says.
func (p *placed) placeByNCCO(ctx context.Context) error {
	noun, event, refused, err := p.ncco(ctx)
	switch {
	case err != nil:
		return err
	case refused != "":
		p.note("carrier", "rejected", refused)
		p.end("rejected")
		return nil
	}
	err = p.stream(ctx, noun)
	p.end("agent") // nothing follows the connection
	ended := map[string]string{"status": "completed", "uuid": p.result.CallSID, "direction": "inbound"}
	if p.outward { // the call is told of apart: this is the connection's own leg
		ended = map[string]string{"status": "completed", "uuid": uuid(), "direction": "outbound", "to": noun.url}
	}
	p.callbacks.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), writeWait)
		defer cancel()
		status, _, err := p.postVonage(ctx, event, ended)
		if err == nil && status/100 != 2 {
			err = fmt.Errorf("%d", status)
		}
		if err != nil {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.warnings = append(p.warnings, fmt.Sprintf("event webhook: %v", err))
		}
	})
	return err
}

// ncco is what the answer webhook has done with a call: connect it to a stream, whose events it wants to be told. A webhook that fails has refused it, and
// so has one without actions.
func (p *placed) ncco(ctx context.Context) (noun *streamNoun, event, refused string, err error) {
	asked := time.Now()
	status, body, err := p.postVonage(ctx, p.URL, map[string]string{
		"from": strings.TrimPrefix(p.From, "+"), "to": strings.TrimPrefix(p.To, "+"), "uuid": p.result.CallSID,
		"conversation_uuid": "CON-" + p.result.CallSID, "region_url": "https://api-us-3.vonage.com",
	})
	if err != nil {
		return nil, "", "", fmt.Errorf("answer webhook: %w", err)
	}
	p.result.Webhook = Millis(time.Since(asked))
	switch {
	case status == http.StatusServiceUnavailable:
		return nil, "", http.StatusText(status), nil
	case status != http.StatusOK:
		return nil, "", "", &StatusError{status, fmt.Sprintf("answer webhook: %d %s", status, body)}
	case strings.TrimSpace(string(body)) == "[]":
		return nil, "", "no action", nil
	}
	noun, event, err = parseNCCO(body, p.Connect != "")
	return noun, event, "", err
}

// tellVonage sends what has become of a call, of which a form tells in Twilio's words, as an event.
func (p *placed) tellVonage(ctx context.Context, target string, form url.Values) error {
	state := form.Get("CallStatus")
	fields := map[string]string{
		"status": cmp.Or(vonageStates[state], state), "uuid": p.result.CallSID, "conversation_uuid": "CON-" + p.result.CallSID, "direction": "inbound",
		"from": strings.TrimPrefix(p.From, "+"), "to": strings.TrimPrefix(p.To, "+"), "timestamp": time.Now().UTC().Format(time.RFC3339Nano),
	}
	if p.outward {
		fields["direction"] = "outbound"
	}
	if seconds := form.Get("CallDuration"); seconds != "" {
		fields["duration"] = seconds
	}
	status, _, err := p.postVonage(ctx, target, fields)
	if err == nil && status/100 != 2 {
		err = fmt.Errorf("%d", status)
	}
	return err
}

// parseNCCO reads an answer of one connection to a WebSocket, as strictly as Vonage does.
func parseNCCO(body []byte, plain bool) (noun *streamNoun, event string, err error) {
	var ncco []struct {
		Action   string   `json:"action"`
		EventURL []string `json:"eventUrl"`
		Endpoint []struct {
			Type        string            `json:"type"`
			URI         string            `json:"uri"`
			ContentType string            `json:"content-type"`
			Headers     map[string]string `json:"headers"`
		} `json:"endpoint"`
	}
	if err := json.Unmarshal(body, &ncco); err != nil {
		return nil, "", fmt.Errorf("parse NCCO: %w", err)
	}
	if len(ncco) != 1 || ncco[0].Action != "connect" || len(ncco[0].Endpoint) != 1 || len(ncco[0].EventURL) != 1 || ncco[0].Endpoint[0].Type != "websocket" {
		return nil, "", fmt.Errorf("NCCO %s: this simulation knows one connect to a websocket, with an eventUrl", body)
	}
	e := ncco[0].Endpoint[0]
	u, err := url.Parse(e.URI)
	if err != nil {
		return nil, "", fmt.Errorf("NCCO: uri: %w", err)
	}
	if u.Scheme != "wss" && (u.Scheme != "ws" || !plain && !isLoopback(u.Hostname())) {
		return nil, "", fmt.Errorf("NCCO: uri %q: want wss://", e.URI)
	}
	rates := map[string]int{"audio/l16;rate=8000": 1, "audio/l16;rate=16000": 2, "audio/l16;rate=24000": 3}
	if rates[e.ContentType] == 0 {
		return nil, "", fmt.Errorf("NCCO: content-type %q: want audio/l16 at 8000, 16000 or 24000", e.ContentType)
	}
	if text, err := json.Marshal(e.Headers); err != nil || len(text) > 512 {
		return nil, "", errors.New("NCCO: headers have more than 512 bytes")
	}
	return &streamNoun{url: e.URI, params: e.Headers, layout: layout{linear: true, times: rates[e.ContentType]}}, ncco[0].EventURL[0], nil
}

// postVonage sends a signed webhook.
func (p *placed) postVonage(ctx context.Context, target string, fields map[string]string) (status int, answer []byte, err error) {
	body, err := json.Marshal(fields)
	if err != nil {
		return 0, nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.real(target), bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", p.speaks().agent)
	r.Header.Set("Authorization", "Bearer "+vonageToken(p.AuthToken, p.AccountSID, body, time.Now()))
	got, err := p.http.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer got.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(got.Body, 64<<10))
	return got.StatusCode, answer, err
}

// vonageToken signs a webhook's body for an application: a JWT by HS256 with the hash of it.
func vonageToken(secret, application string, body []byte, now time.Time) string {
	sum := sha256.Sum256(body)
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	signed := part(`{"alg":"HS256","typ":"JWT"}`) + "." + part(fmt.Sprintf(`{"iat":%d,"jti":%q,"iss":"Vonage","payload_hash":%q,"api_key":"a1b2c3d","application_id":%q}`,
		now.Unix(), uuid(), hex.EncodeToString(sum[:]), application))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(signed))
	return signed + "." + part(string(mac.Sum(nil)))
}

// uuid is a new call's id where carriers have those of RFC 9562.
func uuid() string {
	s := sid("")
	return s[:8] + "-" + s[8:12] + "-4" + s[13:16] + "-8" + s[17:20] + "-" + s[20:]
}
