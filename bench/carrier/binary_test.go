package carrier

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

// TestLayout: a frame of each layout has the length that is told, and what was said comes back.
func TestLayout(t *testing.T) {
	t.Parallel()
	law := encodeMulaw(nil, Tone('5', 20_000_000))
	want := decodeMulaw(nil, law)
	for _, l := range []layout{{times: 1}, {linear: true, times: 1}, {linear: true, times: 2}, {linear: true, times: 3}} {
		codes := l.encode(nil, law)
		if len(codes) != l.bytes() {
			t.Errorf("%+v: a frame has %d bytes, want %d", l, len(codes), l.bytes())
		}
		got, err := l.decode(codes)
		if err != nil || len(got) != len(want) {
			t.Fatalf("%+v: %d samples (%v), want %d", l, len(got), err, len(want))
		}
		if l.times == 1 && !slices.Equal(got, want) {
			t.Errorf("%+v: %v, want %v", l, got, want)
		}
	}
	if _, err := (layout{linear: true, times: 2}).decode(make([]byte, 6)); err == nil {
		t.Error("half a sample is read")
	}
}

// TestHearsTexts reads the texts that servers send, and names what is wrong with others.
func TestHearsTexts(t *testing.T) {
	t.Parallel()
	long := `{"command":"MARK_MEDIA","correlation_id":"` + strings.Repeat("x", 100) + `"}`
	for _, c := range []struct {
		hear       func([]byte) (fromAgent, error)
		text, want string // event and mark, or what the error says
	}{
		{hearVonage, `{"action":"notify","payload":{"mark":"1:2"}}`, "mark 1:2"},
		{hearVonage, `{"action":"clear"}`, "clear "},
		{hearVonage, `{"action":"stop"}`, `action "stop"`},
		{hearVonage, `{`, "not JSON"},
		{hearAsterisk, `{"command":"MARK_MEDIA","correlation_id":"1:2"}`, "mark 1:2"},
		{hearAsterisk, `{"command":"FLUSH_MEDIA"}`, "clear "},
		{hearAsterisk, `{"command":"HANGUP"}`, " "},
		{hearAsterisk, `{"command":"flush_media"}`, `command "flush_media"`},
		{hearAsterisk, long, "of 144 bytes"},
		{hearFreeSWITCH, `{"type":"rawAudio","data":{"sampleRate":8000}}`, " "},
		{hearFreeSWITCH, `{"type":"streamAudio","data":{"audioDataType":"raw","sampleRate":16000,"audioData":"AAA="}}`, "media "},
		{hearFreeSWITCH, `{"type":"streamAudio","data":{"audioDataType":"mp3","sampleRate":8000}}`, `type "streamAudio"`},
		{hearFreeSWITCH, `{"type":"rawAudio","data":{"sampleRate":11025}}`, "sampleRate 11025"},
	} {
		said, err := c.hear([]byte(c.text))
		got := said.event + " " + said.mark
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, want %s", c.text, got, c.want)
		}
	}
}

// TestNCCO reads an answer as strictly as Vonage.
func TestNCCO(t *testing.T) {
	t.Parallel()
	const good = `[{"action":"connect","eventUrl":["https://h/e"],"endpoint":[{"type":"websocket","uri":"wss://h/m","content-type":"audio/l16;rate=16000","headers":{"a":"b"}}]}]`
	noun, event, err := parseNCCO([]byte(good), false)
	if err != nil || noun.url != "wss://h/m" || noun.params["a"] != "b" || noun.layout != (layout{true, 2}) || event != "https://h/e" {
		t.Fatalf("%+v %s (%v)", noun, event, err)
	}
	for _, c := range [][2]string{
		{`[]`, "one connect"}, {`{`, "parse NCCO"}, {strings.Replace(good, "connect", "talk", 1), "one connect"}, {strings.Replace(good, "wss:", "ws:", 1), "want wss"},
		{strings.Replace(good, "16000", "44100", 1), "content-type"}, {strings.Replace(good, `"b"`, `"`+strings.Repeat("b", 512)+`"`, 1), "512 bytes"},
	} {
		if _, _, err := parseNCCO([]byte(c[0]), false); err == nil || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%s: %v, want %s", c[0], err, c[1])
		}
	}
}

// TestBinaryCall has a PBX' caller hear 500 ms, of which a clear drops the rest, and leave.
func TestBinaryCall(t *testing.T) {
	t.Parallel()
	var first map[string]any
	upgrader := websocket.Upgrader{Subprotocols: []string{"media"}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != testToken {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		_, text, err := ws.ReadMessage()
		if err != nil || json.Unmarshal(text, &first) != nil {
			return
		}
		loud := encodeMulaw(nil, Tone('1', 500_000_000))
		_ = ws.WriteMessage(websocket.BinaryMessage, loud)
		_ = ws.WriteMessage(websocket.TextMessage, []byte(`{"command":"MARK_MEDIA","correlation_id":"end"}`))
		_ = ws.WriteMessage(websocket.BinaryMessage, loud[:161]) // no whole frame
		for {
			kind, text, err := ws.ReadMessage()
			if err != nil {
				return
			}
			if kind == websocket.TextMessage && strings.Contains(string(text), `"correlation_id":"end"`) {
				_ = ws.WriteMessage(websocket.BinaryMessage, loud)
				_ = ws.WriteMessage(websocket.TextMessage, []byte(`{"command":"FLUSH_MEDIA"}`))
			}
		}
	}))
	defer server.Close()
	script, err := ParseScript("test", "hear\nhangup")
	if err != nil {
		t.Fatal(err)
	}
	call := Call{URL: server.URL, Kind: Asterisk, AuthToken: testToken, Script: script}
	r, err := call.Place(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if f := r.Frames; f.Marks != 1 || f.Clears != 1 || f.BadMessages != 1 || f.Dropped == 0 || r.Ended != "caller" {
		t.Errorf("%+v %s", f, r.Ended)
	}
	if first["event"] != "MEDIA_START" || first["channel_id"] != r.CallSID || first["optimal_frame_size"] != 160.0 {
		t.Errorf("it says %v first", first)
	}
	call.AuthToken = "another"
	if _, err := call.Place(context.Background()); err == nil || errors.Is(err, ErrNoAnswer) || !strings.Contains(err.Error(), "401") {
		t.Errorf("a wrong password: %v", err)
	}
}
