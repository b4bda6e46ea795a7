package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/media"
)

// TestStartRefused opens signed sockets whose start is not what it must be. None may reach Answer.
func TestStartRefused(t *testing.T) {
	t.Parallel()
	server := func(t *testing.T, limits Limits) (*Twilio, func(call string) (*websocket.Conn, string)) {
		tw := &Twilio{Host: Host{Limits: limits, Answer: func(context.Context, media.Leg) { t.Error("answered") }}, AccountSID: testAccount}
		s := serve(t, tw, false)
		return tw, func(call string) (*websocket.Conn, string) {
			target, params := ring(t, s, call)
			return dial(t, target), params["token"]
		}
	}
	edited := func(old, new string) func(string) []string {
		return func(token string) []string {
			start := startMessage(testCall, map[string]string{"token": token})
			if !strings.Contains(start, old) {
				panic("nothing to edit: " + old)
			}
			return []string{connected, strings.Replace(start, old, new, 1)}
		}
	}
	with := func(params map[string]string) func(string) []string {
		return func(string) []string { return []string{connected, startMessage(testCall, params)} }
	}
	first := func(message string) func(string) []string {
		return func(token string) []string {
			return []string{message, startMessage(testCall, map[string]string{"token": token})}
		}
	}
	for _, c := range []struct {
		name string
		sent func(token string) []string
		why  Refusal
		code int
	}{
		{"no parameters", with(nil), RefusedToken, closePolicy},
		{"no token", with(map[string]string{"agent": "x"}), RefusedToken, closePolicy},
		{"empty token", with(map[string]string{"token": ""}), RefusedToken, closePolicy},
		{"wrong token", with(map[string]string{"token": strings.Repeat("A", 43)}), RefusedToken, closePolicy},
		{"auth token as token", with(map[string]string{"token": testToken}), RefusedToken, closePolicy},
		{"token cut short", func(token string) []string {
			return []string{startMessage(testCall, map[string]string{"token": token[:42]})}
		}, RefusedToken, closePolicy},
		{"token with a tail", func(token string) []string {
			return []string{startMessage(testCall, map[string]string{"token": token + "="})}
		}, RefusedToken, closePolicy},
		{"token in another case", func(token string) []string {
			return []string{startMessage(testCall, map[string]string{"token": strings.Map(func(r rune) rune { return r ^ 0x20 }, token)})}
		}, RefusedToken, closePolicy},
		{"token under another name", func(token string) []string {
			return []string{startMessage(testCall, map[string]string{"Token": token})}
		}, RefusedToken, closePolicy},
		{"another call", edited(`"callSid":"CA00000000000000000000000000000002"`, `"callSid":"CA00000000000000000000000000000009"`), RefusedToken, closePolicy},
		{"no call", edited(`"callSid":"CA00000000000000000000000000000002"`, `"callSid":""`), RefusedFormat, closePolicy},
		{"call with a path", edited(`"callSid":"CA00`, `"callSid":"../CA00`), RefusedFormat, closePolicy},
		{"call too long", edited(`"callSid":"CA`, `"callSid":"`+strings.Repeat("CA", 40)), RefusedFormat, closePolicy},
		{"stream that needs an escape", edited(`"streamSid":"MZ`, `"streamSid":"\"MZ`), RefusedFormat, closePolicy},
		{"no stream", edited(`"streamSid":"MZ00000000000000000000000000000003"`, `"streamSid":""`), RefusedFormat, closePolicy},
		{"another account", edited(`"accountSid":"AC0`, `"accountSid":"AC9`), RefusedFormat, closePolicy},
		{"no account", edited(`"accountSid":"`+testAccount+`",`, ``), RefusedFormat, closePolicy},
		{"linear", edited(`audio/x-mulaw`, `audio/x-l16`), RefusedFormat, closePolicy},
		{"16 kHz", edited(`8000`, `16000`), RefusedFormat, closePolicy},
		{"rate that is none", edited(`8000`, `8e3`), RefusedFormat, closePolicy},
		{"stereo", edited(`"channels":1`, `"channels":2`), RefusedFormat, closePolicy},
		{"no format", edited(`"mediaFormat"`, `"format"`), RefusedFormat, closePolicy},
		{"outbound", edited(`["inbound"]`, `["outbound"]`), RefusedFormat, closePolicy},
		{"no track", edited(`["inbound"]`, `[]`), RefusedFormat, closePolicy},
		{"sound first", first(mediaMessage(0, 0, make([]byte, 160))), RefusedNoStart, closePolicy},
		{"sound after connected", func(string) []string { return []string{connected, mediaMessage(0, 0, nil)} }, RefusedNoStart, closePolicy},
		{"only connected", func(string) []string { return []string{connected} }, RefusedNoStart, closePolicy},
		{"nothing", func(string) []string { return nil }, RefusedNoStart, closePolicy},
		{"start without start", func(string) []string { return []string{`{"event":"start"}`} }, RefusedNoStart, closePolicy},
		{"parameters that are none", func(string) []string {
			return []string{`{"event":"start","start":{"customParameters":["token"]}}`}
		}, RefusedNoStart, closePolicy},
		{"malformed", func(string) []string { return strings.Split(strings.Repeat("{,", 100), ",")[:100] }, RefusedNoStart, closePolicy},
		{"too big", func(string) []string { return []string{strings.Repeat(" ", 64<<10+1)} }, RefusedNoStart, closeTooBig},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tw, open := server(t, Limits{Start: 300 * time.Millisecond})
			ws, token := open(testCall)
			for _, text := range c.sent(token) {
				_ = ws.WriteMessage(websocket.TextMessage, []byte(text)) // the server may have had enough already
			}
			if got := closeCode(t, ws); got != c.code {
				t.Errorf("closed with %d, want %d", got, c.code)
			}
			if err := tw.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := tw.Stats.Refused[c.why].Load(); got != 1 {
				t.Errorf("%d refused for %s, want 1", got, c.why)
			}
		})
	}
	t.Run("token that ran out", func(t *testing.T) {
		t.Parallel()
		tw, open := server(t, Limits{Token: 1})
		ws, token := open(testCall)
		write(t, ws, connected, startMessage(testCall, map[string]string{"token": token}))
		if got := closeCode(t, ws); got != closePolicy || tw.Stats.Refused[RefusedToken].Load() != 1 {
			t.Errorf("closed with %d", got)
		}
	})
	t.Run("other call's token", func(t *testing.T) {
		t.Parallel()
		tw, open := server(t, Limits{})
		_, other := open("CA77")
		ws, _ := open(testCall)
		write(t, ws, startMessage(testCall, map[string]string{"token": other}))
		if got := closeCode(t, ws); got != closePolicy || tw.Stats.Refused[RefusedToken].Load() != 1 {
			t.Errorf("closed with %d", got)
		}
	})
	t.Run("slow drip", func(t *testing.T) {
		t.Parallel()
		_, open := server(t, Limits{Start: 200 * time.Millisecond})
		ws, _ := open(testCall)
		if _, err := ws.NetConn().Write([]byte{text, 0xFE}); err != nil { // half a header
			t.Fatal(err)
		}
		if got := closeCode(t, ws); got != closePolicy {
			t.Errorf("closed with %d", got)
		}
	})
}

// TestTokenIsSpent replays a token while its call is up, and after it; and a second stream with a good token of its own.
func TestTokenIsSpent(t *testing.T) {
	t.Parallel()
	ended := make(chan string, 8)
	tw := &Twilio{Host: Host{Ended: func(call string) { ended <- call }}}
	server := serve(t, tw, false)
	legs := answered(t, tw)
	target, params := ring(t, server, testCall)
	open := func(params map[string]string) *websocket.Conn {
		ws := dial(t, target)
		write(t, ws, connected, startMessage(testCall, params))
		return ws
	}
	ws := open(params)
	leg := within(t, legs, "leg")

	if got := closeCode(t, open(params)); got != closePolicy || tw.Stats.Refused[RefusedToken].Load() != 1 {
		t.Errorf("a replayed token: closed with %d", got)
	}
	_, again := ring(t, server, testCall)
	if got := closeCode(t, open(again)); got != closePolicy || tw.Stats.Refused[RefusedSecondStream].Load() != 1 {
		t.Errorf("a second stream: closed with %d", got)
	}
	if err := leg.Send(media.Frame{PCM: make([]int16, 160), Rate: 8000}); err != nil {
		t.Errorf("the first stream is disturbed: %v", err)
	}
	select {
	case call := <-ended:
		t.Errorf("Ended(%s) for a refused stream", call)
	default:
	}
	_ = ws.Close()
	_ = leg.Hangup(media.CauseAgent)
}

// TestCallComesAgain lets a call have another stream once the first is over, with a token of its own.
func TestCallComesAgain(t *testing.T) {
	t.Parallel()
	ended := make(chan string, 1)
	infos := make(chan media.Info, 1)
	tw := &Twilio{
		Host: Host{
			Ended:  func(call string) { ended <- call },
			Answer: func(_ context.Context, leg media.Leg) { infos <- leg.Info() },
		},
	}
	server := serve(t, tw, false)
	for range 3 {
		ws := call(t, server, testCall)
		if code := closeCode(t, ws); code != closeNormal {
			t.Errorf("closed with %d, want 1000", code)
		}
		if got := within(t, ended, "Ended"); got != testCall {
			t.Errorf("Ended(%s)", got)
		}
		info := within(t, infos, "Info")
		if info.Kind != "twilio" || info.ID != testCall || info.From != "+15550100001" || info.To != "+15550100002" ||
			info.Rate != 8000 || info.Lead != 200*time.Millisecond || info.Chunk != 100*time.Millisecond || info.Comfort {
			t.Errorf("Info is %+v", info)
		}
		if _, told := info.Params["token"]; told || info.Params["from_number"] != info.From {
			t.Errorf("Params are %v", info.Params)
		}
	}
}

// TestOutbound: a call that the webhook says was placed is known as one, whatever the stream's parameters say.
func TestOutbound(t *testing.T) {
	t.Parallel()
	infos, ended := make(chan media.Info, 1), make(chan string, 1)
	tw := &Twilio{
		Host: Host{
			Ended:  func(call string) { ended <- call },
			Answer: func(_ context.Context, leg media.Leg) { infos <- leg.Info() },
		},
	}
	server := serve(t, tw, false)
	for i, want := range map[string]bool{"inbound": false, "outbound-api": true, "outbound-dial": true, "": false} {
		form := voiceForm(testCall)
		form.Set("Direction", i)
		status, body := post(t, server, "/twilio/voice", form)
		if status != http.StatusOK {
			t.Fatalf("voice: %d %s", status, body)
		}
		target, params := readTwiML(t, body)
		params["outbound"] = "true"
		ws := dial(t, target)
		write(t, ws, connected, startMessage(testCall, params))
		if got := within(t, infos, "Info").Outbound; got != want {
			t.Errorf("direction %q: outbound is %v", i, got)
		}
		closeCode(t, ws)
		within(t, ended, "Ended") // until then the call has a stream, and another is refused
	}
}

// TestNoAuthToken checks that without a token everything is refused, even what is signed with the empty key.
func TestNoAuthToken(t *testing.T) {
	t.Parallel()
	tw := &Twilio{}
	server := serve(t, tw, false)
	tw.AuthToken = ""
	for _, path := range []string{"/twilio/voice", "/twilio/status", "/twilio/stream-status"} {
		form := voiceForm(testCall)
		for _, signature := range []string{"", Sign("", server.URL+path, form), Sign(testToken, server.URL+path, form)} {
			if status, _ := postSigned(t, server, path, form, signature, nil); status != http.StatusForbidden {
				t.Errorf("%s signed %q: %d", path, signature, status)
			}
		}
	}
	target := "ws" + strings.TrimPrefix(server.URL, "http") + "/twilio/media"
	_, answer, err := dialer().Dial(target, http.Header{"X-Twilio-Signature": {Sign("", target, nil)}})
	if err == nil || answer == nil || answer.StatusCode != http.StatusForbidden {
		t.Errorf("upgrade: %v", err)
	}
}

// TestPanicEndsOneCall lets one call panic beside another.
func TestPanicEndsOneCall(t *testing.T) {
	t.Parallel()
	tw := &Twilio{}
	server := serve(t, tw, false)
	legs := answered(t, tw)
	calm := tw.Answer
	tw.Answer = func(ctx context.Context, leg media.Leg) {
		if leg.Info().ID == "CA13" {
			panic("a bug")
		}
		calm(ctx, leg)
	}
	call(t, server, testCall)
	leg := within(t, legs, "leg")
	if got := closeCode(t, call(t, server, "CA13")); got != closeNormal {
		t.Errorf("closed with %d", got)
	}
	if got := tw.Stats.Panics.Load(); got != 1 {
		t.Errorf("%d panics", got)
	}
	if err := leg.Send(media.Frame{PCM: make([]int16, 160), Rate: 8000}); err != nil {
		t.Errorf("the other call: %v", err)
	}
}

// TestDrainAndClose refuses new calls while one is up, waits for it, lets one in that was answered before, and closes.
func TestDrainAndClose(t *testing.T) {
	t.Parallel()
	tw := &Twilio{Sorry: "We are closing."}
	server := serve(t, tw, false)
	legs := answered(t, tw)
	ws := call(t, server, testCall)
	within(t, legs, "leg")
	target, late := ring(t, server, "CA7")

	tw.Drain()
	if _, body := post(t, server, "/twilio/voice", voiceForm("CA8")); !strings.Contains(body, "<Say>We are closing.</Say><Hangup>") {
		t.Errorf("while draining: %s", body)
	}
	if n, old := tw.Coming(time.Minute), tw.Coming(0); n != 1 || old != 0 {
		t.Errorf("%d calls are coming, %d of them within no time: want 1 and 0", n, old)
	}
	lateSocket := dial(t, target)
	write(t, lateSocket, startMessage("CA7", late))
	within(t, legs, "leg of a call that was answered before")
	if n := tw.Coming(time.Minute); n != 0 {
		t.Errorf("%d calls are still coming", n)
	}

	soon, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := tw.Wait(soon); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Wait with a call up: %v", err)
	}
	closed := make(chan error, 1)
	go func() { closed <- tw.Close(t.Context()) }()
	if got := closeCode(t, ws); got != closeNormal {
		t.Errorf("closed with %d", got)
	}
	closeCode(t, lateSocket)
	if err := within(t, closed, "end of Close"); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := tw.Wait(t.Context()); err != nil {
		t.Errorf("Wait after Close: %v", err)
	}
	_, answer, err := dialer().Dial(target, http.Header{"X-Twilio-Signature": {Sign(testToken, target, nil)}})
	if err == nil || answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("upgrade after Close: %v", err)
	}
}

// TestCloseCuts closes while a call does not listen to anything.
func TestCloseCuts(t *testing.T) {
	t.Parallel()
	deaf, up := make(chan struct{}), make(chan struct{})
	tw := &Twilio{Host: Host{Answer: func(context.Context, media.Leg) { close(up); <-deaf }}}
	server := serve(t, tw, false)
	ws := call(t, server, testCall)
	within(t, up, "call")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := tw.Close(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "1 streams") {
		t.Errorf("Close: %v", err)
	}
	closeCode(t, ws)
	close(deaf)
}

func TestSocketsAreBounded(t *testing.T) {
	t.Parallel()
	tw := &Twilio{Host: Host{Limits: Limits{Sockets: 3}}}
	server := serve(t, tw, false)
	target, _ := ring(t, server, testCall)
	for range 3 {
		dial(t, target)
	}
	_, answer, err := dialer().Dial(target, http.Header{"X-Twilio-Signature": {Sign(testToken, target, nil)}})
	if err == nil || answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("the fourth socket: %v", err)
	}
}

// TestNothingIsLeft runs calls of every fate, several times, and counts goroutines and descriptors.
func TestNothingIsLeft(t *testing.T) {
	count := func() int {
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(fds) + runtime.NumGoroutine()
	}
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("tls=%v", secure), func(t *testing.T) {
			var open atomic.Int32
			tw := &Twilio{Host: Host{Limits: Limits{Start: 100 * time.Millisecond}}}
			tw.Answer = func(_ context.Context, leg media.Leg) {
				open.Add(1)
				defer open.Add(-1)
				for {
					p, err := leg.Receive()
					if err != nil || p.Digit == '9' {
						return
					}
					_ = leg.Send(p.Frame)
				}
			}
			server := serve(t, tw, secure)
			round := func() {
				for n, fate := range []string{"stop", "drop", "hang up", "break", "no start", "bad token"} {
					id := fmt.Sprintf("CA%d", n)
					target, params := ring(t, server, id)
					ws := dial(t, target)
					switch fate {
					case "no start":
					case "bad token":
						write(t, ws, startMessage(id, nil))
					default:
						write(t, ws, connected, startMessage(id, params), mediaMessage(0, 0, make([]byte, 160)))
					}
					switch fate {
					case "stop":
						write(t, ws, `{"event":"stop"}`)
					case "hang up":
						write(t, ws, `{"event":"dtmf","dtmf":{"digit":"9"}}`)
					case "break":
						if _, err := ws.NetConn().Write([]byte{0xFF, 0xFF}); err != nil {
							t.Fatal(err)
						}
					case "drop":
						_ = ws.NetConn().Close()
						continue
					}
					closeCode(t, ws)
					_ = ws.Close()
				}
				if err := tw.Wait(t.Context()); err != nil {
					t.Fatal(err)
				}
				server.Client().CloseIdleConnections()
			}
			round()
			base := count()
			for range 5 {
				round()
			}
			now := count()
			for deadline := time.Now().Add(testWait); now > base && time.Now().Before(deadline); now = count() {
				runtime.Gosched() // the HTTP server's own goroutines end after the handler
			}
			if now > base {
				t.Errorf("%d goroutines and descriptors, %d before", now, base)
			}
			if open.Load() != 0 {
				t.Errorf("%d calls are up", open.Load())
			}
		})
	}
}

// TestMount checks that each handler is where its Path says.
func TestMount(t *testing.T) {
	t.Parallel()
	tw := &Twilio{Paths: Paths{Voice: "/v", Media: "/m", Status: "/s", StreamStatus: "/t"}}
	server := serve(t, tw, false)
	_, body := post(t, server, "/v", voiceForm(testCall))
	target, _ := readTwiML(t, body)
	if want := "ws" + strings.TrimPrefix(server.URL, "http") + "/m"; target != want {
		t.Errorf("stream at %s, want %s", target, want)
	}
	dial(t, target)
	answer, err := server.Client().Get(server.URL + "/v")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	if answer.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET /v: %d", answer.StatusCode)
	}
}
