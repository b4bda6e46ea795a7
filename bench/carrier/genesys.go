package carrier

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	guid "github.com/google/uuid"
	"github.com/gorilla/websocket"

	"parley/media"
)

// This file is Genesys Cloud, as far as a server of AudioHook sees it (developer.genesys.cloud, AudioHook, version 2): a signed upgrade, JSON that either
// side numbers, and mu-law in binary frames.

// Genesys is the kind of such a call: URL is the server's socket, APIKey the integration's key, AuthToken its client secret in base64.
const Genesys Kind = "genesys"

// A hook is the caller's end of an AudioHook session as a media.Leg.
type hook struct {
	*ownWire
	socket *websocket.Conn
	opened chan struct{} // closed when the server has said so

	mu   sync.Mutex
	seq  int
	last int // the server's
	left bool
	code []byte
}

// placeByHook makes a call to a server of AudioHook.
func (c Call) placeByHook(ctx context.Context) (*Result, error) {
	secret, err := c.hookSecret()
	if err != nil {
		return nil, err
	}
	if err := c.defaults(); err != nil {
		return nil, err
	}
	return c.PlaceBy(ctx, func(ctx context.Context) (media.Leg, error) { return c.hook(ctx, secret) })
}

// hookSecret is what upgrades are signed with.
func (c *Call) hookSecret() ([]byte, error) {
	secret, err := base64.StdEncoding.DecodeString(c.AuthToken)
	if err != nil || len(secret) == 0 || c.APIKey == "" {
		return nil, errors.New("api key and auth token: want the integration's key, and its client secret in base64")
	}
	return secret, nil
}

// ringByHook is where a session of AudioHook is to be opened.
func (c *Call) ringByHook() (*Opening, error) {
	secret, err := c.hookSecret()
	if err != nil {
		return nil, err
	}
	target, err := socketOf(c.URL)
	if err != nil {
		return nil, err
	}
	at, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	organisation, session := guid.NewString(), guid.NewString()
	return &Opening{CallID: session, Account: organisation, URL: target, Header: c.hookHeader(at, secret, organisation, session)}, nil
}

// hook opens a session, and returns when the server has said that it may begin.
func (c *Call) hook(ctx context.Context, secret []byte) (*hook, error) {
	target := c.URL
	if rest, ok := strings.CutPrefix(target, "http"); ok {
		target = "ws" + rest
	}
	at, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	organisation, session, conversation := guid.NewString(), guid.NewString(), guid.NewString()
	header := c.hookHeader(at, secret, organisation, session)
	dialer := websocket.Dialer{NetDialContext: c.dial, HandshakeTimeout: 10 * time.Second}
	socket, answer, err := dialer.DialContext(ctx, c.real(target), header) //nolint:bodyclose // gorilla: it need not be closed
	if err != nil {
		if answer != nil {
			err = fmt.Errorf("%w: %s", err, answer.Status)
		}
		return nil, fmt.Errorf("connect session to %s: %w", target, err)
	}
	h := &hook{ownWire: c.ownWire(session), socket: socket, opened: make(chan struct{})}
	go h.read()
	err = h.tell("open", map[string]any{
		"organizationId": organisation, "conversationId": conversation, "participant": map[string]any{"id": guid.NewString(), "ani": c.From, "aniName": "", "dnis": c.To},
		"media":    []any{map[string]any{"type": "audio", "format": "PCMU", "channels": []string{"external"}, "rate": Rate}},
		"language": "en-US", "inputVariables": map[string]any{},
	})
	if err == nil {
		select {
		case <-h.opened:
			h.began = time.Now()
			return h, nil
		case <-h.done:
			err = h.err
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	_ = socket.Close()
	<-h.done
	return nil, fmt.Errorf("open session: %w", err)
}

// hookHeader signs an upgrade (RFC 9421). It is written apart from the server's own check on purpose, so that the two prove each other.
func (c *Call) hookHeader(at *url.URL, secret []byte, organisation, session string) http.Header {
	nonce := rand.Text()
	values := [][2]string{
		{"@request-target", at.RequestURI()}, {"@authority", strings.ToLower(at.Host)}, {"audiohook-organization-id", organisation}, {"audiohook-session-id", session},
		{"audiohook-correlation-id", guid.NewString()}, {"x-api-key", c.APIKey},
	}
	header := http.Header{"User-Agent": {"GenesysCloud-AudioHook-Client"}}
	var base, names strings.Builder
	for i, v := range values {
		fmt.Fprintf(&base, "\"%s\": %s\n", v[0], v[1])
		if i > 0 {
			names.WriteByte(' ')
		}
		fmt.Fprintf(&names, "%q", v[0])
		if !strings.HasPrefix(v[0], "@") {
			header.Set(v[0], v[1])
		}
	}
	now := time.Now().Unix()
	params := fmt.Sprintf(`(%s);keyid=%q;nonce=%q;alg="hmac-sha256";created=%d;expires=%d`, names.String(), c.APIKey, nonce, now, now+10)
	sum := hmac.New(sha256.New, secret)
	sum.Write([]byte(base.String() + `"@signature-params": ` + params))
	header.Set("Signature-Input", "sig1="+params)
	header.Set("Signature", "sig1=:"+base64.StdEncoding.EncodeToString(sum.Sum(nil))+":")
	return header
}

// tell sends a message.
func (h *hook) tell(what string, parameters any) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seq++
	_ = h.socket.SetWriteDeadline(time.Now().Add(5 * time.Second))
	return h.socket.WriteJSON(map[string]any{
		"version": "2", "type": what, "seq": h.seq, "serverseq": h.last, "id": h.info.ID, "position": fmt.Sprintf("PT%.3fS", time.Since(h.began).Seconds()), "parameters": parameters,
	})
}

// read hears the server until it has gone.
func (h *hook) read() {
	for {
		kind, text, err := h.socket.ReadMessage()
		switch {
		case err != nil:
		case kind == websocket.BinaryMessage:
			h.sounds(decodeMulaw(make([]int16, 0, len(text)), text))
		default:
			err = h.told(text)
		}
		if err != nil {
			h.end(err)
			return
		}
	}
}

// told takes a message of the server's.
func (h *hook) told(text []byte) error {
	var m struct {
		Version, Type, ID string
		Seq, ClientSeq    int
		Parameters        struct{ Reason, Info string }
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return fmt.Errorf("the server said %.100q: %w", text, err)
	}
	h.mu.Lock()
	wrong := m.Version != "2" || m.ID != h.info.ID || m.Seq != h.last+1 || m.ClientSeq > h.seq
	h.last = m.Seq
	h.mu.Unlock()
	if wrong {
		return fmt.Errorf("the server said %.200s: its version, id or numbers are not right", text)
	}
	switch m.Type {
	case "opened":
		close(h.opened)
	case "event":
		h.forgets()
	case "disconnect":
		if m.Parameters.Reason != "completed" {
			return fmt.Errorf("the server ends it: %s %s", m.Parameters.Reason, m.Parameters.Info)
		}
		return h.tell("close", map[string]string{"reason": "disconnect"})
	case "closed":
		return io.EOF
	case "pong", "updated":
	default:
		return fmt.Errorf("the server said %q, which is unknown", m.Type)
	}
	return nil
}

// Send says 20 ms.
func (h *hook) Send(f media.Frame) error {
	h.code = encodeMulaw(h.code[:0], f.PCM)
	h.mu.Lock()
	defer h.mu.Unlock()
	_ = h.socket.SetWriteDeadline(time.Now().Add(5 * time.Second))
	return h.socket.WriteMessage(websocket.BinaryMessage, h.code)
}

// Press presses a key.
func (h *hook) Press(key rune, _ time.Duration) error {
	return h.tell("dtmf", map[string]string{"digit": string(key)})
}

// Hangup ends the session, as when a caller hangs up: close, and closed.
func (h *hook) Hangup(media.Cause) error {
	h.mu.Lock()
	again := h.left
	h.left = true
	h.mu.Unlock()
	if again {
		return nil
	}
	if err := h.tell("close", map[string]string{"reason": "end"}); err == nil {
		select {
		case <-h.done:
		case <-time.After(5 * time.Second):
		}
	}
	_ = h.socket.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
	err := h.socket.Close()
	<-h.done
	return err
}
