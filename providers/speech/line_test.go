package speech

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/pipeline"
	"parley/providers/wire"
)

// plain is a dialect of which Heard is the message.
type plain struct{}

func (plain) Say(id, clause string) ([]byte, error) { return []byte("say " + id + " " + clause), nil }
func (plain) End(id string) ([]byte, error)         { return []byte("end " + id), nil }
func (plain) Cancel(id string) ([]byte, error)      { return []byte("cancel " + id), nil }
func (plain) Broken(err error) error                { return err }
func (plain) Understand(text []byte) (h Heard, err error) {
	return h, json.Unmarshal(text, &h)
}

// vendor is one whose server reads and says nothing.
func vendor(t *testing.T) Vendor {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := new(websocket.Upgrader).Upgrade(w, r, nil)
		for err == nil {
			_, _, err = conn.ReadMessage()
		}
	}))
	t.Cleanup(server.Close)
	return Vendor{
		Key: "k", Encoding: wire.Encoding{Width: 1, Rate: 8000}, Dialect: plain{}, AudioLimit: time.Second, Idle: 8,
		Dial: func(ctx context.Context) (*websocket.Conn, error) {
			return wire.Dialer{Limit: time.Second}.Dial(ctx, "ws"+strings.TrimPrefix(server.URL, "http"), nil)
		},
	}
}

// TestIdleLinesGo: after a burst of utterances one line stays, and that too goes when nobody speaks for long.
func TestIdleLinesGo(t *testing.T) {
	t.Parallel()
	v := vendor(t)
	var s Sockets
	t.Cleanup(s.Close)
	for range 3 {
		if err := s.Warm(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
	age := func(by time.Duration) {
		for _, l := range s.pool.Idle() {
			l.mu.Lock()
			l.since = time.Now().Add(-by)
			l.mu.Unlock()
			l.beat()
		}
	}
	idle := func(want int) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); s.Idle() != want; <-time.After(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d lines are idle, want %d", s.Idle(), want)
			}
		}
	}
	idle(3)
	age(lineBeat)
	idle(1)
	age(lineBeat)
	idle(1)
	age(idleLimit)
	idle(0)
}

// TestContextsFollowOneAnother: sound of a context that was cut is dropped, and words of the next are timed after what came before.
func TestContextsFollowOneAnother(t *testing.T) {
	t.Parallel()
	var s Sockets
	t.Cleanup(s.Close)
	v := vendor(t)
	l, err := s.open(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	second := make([]byte, 8000)
	word := func(at time.Duration) []pipeline.Word {
		return []pipeline.Word{{Text: "a", Start: at, End: at + time.Millisecond}}
	}
	l.serve(v)
	l.begin("u1-1")
	l.hear(&Heard{Context: "u0-1", Audio: second}) // of an utterance that was cut
	l.hear(&Heard{Context: "u1-1", Audio: second, Words: word(500 * time.Millisecond)})
	l.begin("u1-2")
	l.hear(&Heard{Context: "u1-1", Audio: second, Over: true}) // late, but its own
	l.hear(&Heard{Context: "u1-2", Words: word(0)})
	l.hear(&Heard{Context: "u1-1", Audio: second}) // too late
	audio, words, over, err := l.take(nil)
	if len(audio) != 16000 || over || err != nil {
		t.Errorf("%d bytes, over %v, %v; want two seconds", len(audio), over, err)
	}
	if len(words) != 2 || words[0].Start != 500*time.Millisecond || words[1].Start != 2*time.Second {
		t.Errorf("words %+v, want the second after 2s", words)
	}
	l.hear(&Heard{Context: "u1-2", Over: true})
	if _, _, over, err := l.take(nil); !over || err != nil {
		t.Errorf("over %v, %v", over, err)
	}
	l.begin("u1-3")
	refused := errors.New("no such voice")
	l.hear(&Heard{Context: "u1-3", Over: true, Failure: refused})
	if _, _, over, err := l.take(nil); over || !errors.Is(err, refused) {
		t.Errorf("over %v, %v", over, err)
	}
	l.release()
}
