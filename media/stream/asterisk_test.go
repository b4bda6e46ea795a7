package stream

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"parley/media"
	"parley/media/legtest"
)

const (
	pbxPassword = "of this PBX"
	pbxChannel  = "pbx1-1760000000.12"
)

// asteriskStart is the sheet's first message of a channel, with the variables that it has.
func asteriskStart(format string, size int) string {
	return fmt.Sprintf(`{"event":"MEDIA_START","connection_id":"parley","channel":"WebSocket/parley/0x7f0","channel_id":"`+pbxChannel+
		`","format":"%s","optimal_frame_size":%d,"ptime":20,"channel_variables":{"__PARLEY_FROM":"+15550100001","PARLEY_TO":"+15550100002","PARLEY_AGENT":"sales","SIPCALLID":"x","MEDIA_WEBSOCKET_OPTIMAL_FRAME_SIZE":"160"}}`, format, size)
}

// asteriskWordsStart is the same in words.
func asteriskWordsStart(format string, size int) string {
	return fmt.Sprintf("MEDIA_START connection_id:parley channel:WebSocket/parley/0x7f0 channel_id:"+pbxChannel+" format:%s optimal_frame_size:%d ptime:20", format, size)
}

func asteriskMark(name string) string {
	return `{"event":"MEDIA_MARK_PROCESSED","channel_id":"` + pbxChannel + `","correlation_id":"` + name + `"}`
}

func asteriskDigit(digit rune) string {
	return `{"event":"DTMF_END","channel_id":"` + pbxChannel + `","digit":"` + string(digit) + `"}`
}

// asteriskRest are the sheet's other messages.
var asteriskRest = []string{
	`{"event":"MEDIA_XOFF","channel_id":"` + pbxChannel + `"}`, `{"event":"MEDIA_XON","channel_id":"` + pbxChannel + `"}`,
	`{"event":"MEDIA_BUFFERING_COMPLETED","channel_id":"` + pbxChannel + `","correlation_id":"utt-7"}`, `{"event":"QUEUE_DRAINED","channel_id":"` + pbxChannel + `"}`,
	`{"event":"STATUS","channel_id":"` + pbxChannel + `","queue_length":43,"xon_level":800,"xoff_level":900,"queue_full":false,"bulk_media":true,"media_paused":false}`,
}

// pbx serves one's own PBX, and is where it dials.
func pbx(tb testing.TB, a *Asterisk) string {
	tb.Helper()
	a.Password = pbxPassword
	mux := http.NewServeMux()
	a.Mount(mux)
	return strings.Replace(hosted(tb, mux, &a.Host).URL, "http", "ws", 1) + asteriskMedia
}

// dials opens a channel's socket, as websocket_client.conf has it sign.
func dials(tb testing.TB, target, first string) *websocket.Conn {
	tb.Helper()
	d := dialer()
	d.Subprotocols = []string{"media"}
	ws, answer, err := d.Dial(target, http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte("asterisk:"+pbxPassword))}})
	if err != nil {
		tb.Fatal(err, answer)
	}
	if ws.Subprotocol() != "media" {
		tb.Errorf("subprotocol %q", ws.Subprotocol())
	}
	tb.Cleanup(func() { _ = ws.Close() })
	write(tb, ws, first)
	return ws
}

// hearAsterisk reads our commands, in JSON or in words.
func hearAsterisk(text string) (event, mark string) {
	if len(text) > 128 {
		panic("a command that Asterisk would not read: " + text)
	}
	if name, ok := strings.CutPrefix(text, `{"command":"MARK_MEDIA","correlation_id":"`); ok {
		return "mark", strings.TrimSuffix(name, `"}`)
	}
	if name, ok := strings.CutPrefix(text, "MARK_MEDIA "); ok {
		return "mark", name
	}
	switch text {
	case `{"command":"FLUSH_MEDIA"}`, "FLUSH_MEDIA":
		return "clear", ""
	case `{"command":"HANGUP"}`, "HANGUP":
		return "hangup", ""
	}
	panic("far end got " + text)
}

// TestAsterisk holds a channel of Asterisk's to the promises of every leg, in each format and in both forms.
func TestAsterisk(t *testing.T) {
	for _, c := range []struct {
		name  string
		f     format
		words bool
	}{{"ulaw", format{ulaw, 8000}, false}, {"slin16", format{linear, 16000}, false}, {"alaw", format{alaw, 8000}, true}} {
		t.Run(c.name, func(t *testing.T) {
			legtest.Conformance(t, func(t *testing.T) (media.Leg, legtest.Far) {
				a := &Asterisk{}
				target := pbx(t, a)
				legs := answeredBy(t, &a.Host)
				words, first := farWords{mark: asteriskMark, digit: asteriskDigit}, asteriskStart(c.name, c.f.bytes(media.FrameTime))
				if c.words {
					first = asteriskWordsStart(c.name, c.f.bytes(media.FrameTime))
					words.mark = func(name string) string { return "MEDIA_MARK_PROCESSED " + name }
					words.digit = func(digit rune) string { return "DTMF_END digit:" + string(digit) + " channel_id:" + pbxChannel }
				}
				ws := dials(t, target, first)
				f := binaryFar{format: c.f, hears: hearAsterisk, bye: sayGoodbye}
				f.clears = func(f *far) { f.marks = nil } // they do not come back
				return within(t, legs, "leg"), f.listen(t, ws, words)
			})
		})
	}
}

// TestAsteriskTells reads the sheet's messages, and what a channel tells of its call.
func TestAsteriskTells(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ query, first, want string }{
		"variables":  {"", asteriskStart("ulaw", 160), pbxChannel + " +15550100001 +15550100002 map[agent:sales]"},
		"URL":        {"?from=100&to=200&agent=x&tenant=acme", asteriskWordsStart("ulaw", 160), pbxChannel + " 100 200 map[agent:x tenant:acme]"},
		"both":       {"?from=100&tenant=acme", asteriskStart("ulaw", 160), pbxChannel + " +15550100001 +15550100002 map[agent:sales tenant:acme]"},
		"without id": {"?call=my.call&from=1", "MEDIA_START connection_id:parley channel:WebSocket/parley/0x7f0 format:ulaw optimal_frame_size:160", "my.call 1  map[]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &Asterisk{}
			target := pbx(t, a)
			legs := answeredBy(t, &a.Host)
			ws := dials(t, target+c.query, c.first)
			leg := within(t, legs, "leg")
			i := leg.Info()
			if got := fmt.Sprint(i.ID, " ", i.From, " ", i.To, " ", i.Params); got != c.want || i.Kind != "asterisk" {
				t.Errorf("%s %s, want %s", i.Kind, got, c.want)
			}
			write(t, ws, append(asteriskRest, asteriskMark("0:0"), asteriskMark("utt-7"), asteriskDigit('5'), strings.Replace(asteriskDigit('6'), pbxChannel, "another", 1),
				"DTMF_END digit:7", `{"event":""}`, "", "MEDIA_MARK_PROCESSED 0:0")...)
			if err := sayGoodbye(ws); err != nil {
				t.Fatal(err)
			}
			want := "played:0s/0 5 7 played:0s/0"
			if i.ID != pbxChannel {
				want = "7 played:0s/0" // its version names no channel in any message
			}
			if got, err := heard(leg.(*Leg)); got != want || err != io.EOF {
				t.Errorf("heard %s (%v), want %s", got, err, want)
			}
		})
	}
}

// TestAsteriskWithoutRoom: while Asterisk has no room nothing is sent to it but what is no sound, and all that was said comes in order once it has.
func TestAsteriskWithoutRoom(t *testing.T) {
	t.Parallel()
	full, room := asteriskRest[0], asteriskRest[1]
	for name, forget := range map[string]bool{"room": false, "forgotten": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &Asterisk{}
			target := pbx(t, a)
			legs := answeredBy(t, &a.Host)
			ws := dials(t, target, asteriskStart("ulaw", 160))
			leg := within(t, legs, "leg").(*Leg)
			write(t, ws, full, asteriskDigit('1'))
			if p, err := leg.Receive(); err != nil || p.Digit != '1' {
				t.Fatal(p, err) // and it knows now that there is no room
			}
			f := media.Frame{PCM: make([]int16, 160), Rate: 8000}
			if err := errorsOf(leg.Send(f), leg.Mark(), leg.Send(f)); err != nil {
				t.Fatal(err)
			}
			if err := ws.WriteControl(websocket.PingMessage, []byte("still there"), time.Now().Add(testWait)); err != nil {
				t.Fatal(err)
			}
			ponged := false
			ws.SetPongHandler(func(string) error {
				ponged = true
				if forget {
					return errorsOf(leg.Clear(), leg.Send(f))
				}
				return ws.WriteMessage(websocket.TextMessage, []byte(room))
			})
			go func() { _, _ = leg.Receive() }()
			var got []string
			for want := []string{"sound", `{"command":"MARK_MEDIA","correlation_id":"0:160"}`, "sound"}; len(got) < len(want); {
				if forget {
					want = []string{`{"command":"FLUSH_MEDIA"}`, "sound"}
				}
				_ = ws.SetReadDeadline(time.Now().Add(time.Minute))
				kind, payload, err := ws.ReadMessage()
				if err != nil || !ponged {
					t.Fatalf("%s came before there was room (%v)", payload, err)
				}
				text := string(payload)
				if kind == websocket.BinaryMessage && len(payload) == 160 {
					text = "sound"
				}
				if got = append(got, text); text != want[len(got)-1] {
					t.Fatalf("it gets %q, want %q", got, want)
				}
				if len(got) == len(want) {
					break
				}
			}
		})
	}
	t.Run("never", func(t *testing.T) {
		t.Parallel()
		l, _ := binaryPair(t, &asteriskDialect)
		l.out.hold()
		f := media.Frame{PCM: make([]int16, 1600), Rate: 16000}
		var err error
		for range 51 { // 100 ms each, and the carrier has five seconds
			if err = l.Send(f); err != nil {
				break
			}
		}
		if err == nil {
			t.Error("a carrier that never has room is waited for without end")
		}
	})
}

// TestAsteriskHangUp: the command comes before the close frame.
func TestAsteriskHangUp(t *testing.T) {
	t.Parallel()
	a := &Asterisk{}
	target := pbx(t, a)
	legs := answeredBy(t, &a.Host)
	ws := dials(t, target, asteriskWordsStart("ulaw", 160))
	if err := within(t, legs, "leg").Hangup(media.CauseAgent); err != nil {
		t.Fatal(err)
	}
	if _, text, err := ws.ReadMessage(); err != nil || string(text) != "HANGUP" {
		t.Errorf("it says %q (%v)", text, err)
	}
	if code := closeCode(t, ws); code != closeNormal {
		t.Errorf("closed with %d", code)
	}
}

// TestAsteriskRefuses turns away who does not know the password, and channels that cannot be spoken with.
func TestAsteriskRefuses(t *testing.T) {
	t.Parallel()
	a := &Asterisk{Host: Host{Answer: func(context.Context, media.Leg) { t.Error("answered") }}}
	target := pbx(t, a)
	for name, c := range map[string]struct{ target, user string }{
		"nothing": {target, ""}, "another password": {target, "asterisk:x"}, "no password": {target, "asterisk:"}, "in the path": {target + "/x", ""},
	} {
		header := http.Header{}
		if c.user != "" {
			header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(c.user)))
		}
		if _, answer, err := dialer().Dial(c.target, header); err == nil || answer == nil || answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %v", name, err)
		}
	}
	w := httptest.NewRecorder()
	(&Asterisk{}).Media(w, httptest.NewRequest(http.MethodGet, asteriskMedia, nil))
	if w.Code != http.StatusUnauthorized {
		t.Errorf("a server without a password lets in whoever has none: %d", w.Code)
	}
	for name, first := range map[string]string{
		"opus": asteriskStart("opus", 0), "passthrough": asteriskStart("ulaw", 0), "30 ms": asteriskStart("ulaw", 240),
		"a bad id": strings.Replace(asteriskStart("ulaw", 160), pbxChannel, "../x", 1),
	} {
		if code := closeCode(t, dials(t, target, first)); code != closePolicy {
			t.Errorf("%s: closed with %d", name, code)
		}
	}
	a.Accepting = func(context.Context, Incoming) bool { return false }
	if code := closeCode(t, dials(t, target, asteriskStart("ulaw", 160))); code != closePolicy {
		t.Errorf("a call that is not welcome: closed with %d", code)
	}
	a.Drain()
	if _, answer, err := dialer().Dial(target+"/"+strings.ReplaceAll(pbxPassword, " ", "%20"), nil); err == nil || answer == nil || answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a server that drains: %v", err)
	}
}

func FuzzAsterisk(f *testing.F) {
	for _, seed := range append([]string{
		asteriskStart("ulaw", 160), asteriskWordsStart("slin16", 640), asteriskMark("3:12400"), asteriskDigit('5'), "MEDIA_MARK_PROCESSED 3:12400", "DTMF_END digit:5", "MEDIA_XOFF", ":", "{", "\xff",
	}, asteriskRest...) {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var m message
		if err := parseAsterisk(text, &m); err != nil {
			return
		}
		if !utf8.Valid(text) || m.kind == kindStart && (m.start == nil || m.start.encoding == "") {
			t.Fatalf("%q is read as %+v", text, m)
		}
		if m.kind == kindStart {
			_, _ = asteriskSound(m.start)
		}
	})
}
