package stream

import (
	"context"
	"encoding/json"
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
	freeswitchToken = "of-this-switch"
	freeswitchCall  = "97ceeb52-58b6-11ec-86da-77300b68f8bb"
	freeswitchFirst = `{"uuid":"` + freeswitchCall + `","from":"+15550100001","to":"+15550100002","agent":"sales"}`
)

// freeswitch serves one's own FreeSWITCH, and is where it streams to.
func freeswitch(tb testing.TB, f *FreeSWITCH) string {
	tb.Helper()
	f.Token = freeswitchToken
	mux := http.NewServeMux()
	f.Mount(mux)
	return strings.Replace(hosted(tb, mux, &f.Host).URL, "http", "ws", 1) + freeswitchMedia
}

// streams opens a channel's socket, with the token at the end of the path.
func streams(tb testing.TB, target string) *websocket.Conn {
	tb.Helper()
	path, query, _ := strings.Cut(target, "?")
	ws, answer, err := dialer().Dial(path+"/"+freeswitchToken+"?"+query, nil)
	if err != nil {
		tb.Fatal(err, answer)
	}
	tb.Cleanup(func() { _ = ws.Close() })
	return ws
}

// clearing is a leg of which the far end is told what it is not told on the wire: that it was cleared, and what had been sent by then.
type clearing struct {
	media.Leg
	sent   int
	clears chan int
}

func (c *clearing) Send(f media.Frame) error {
	err := c.Leg.Send(f)
	c.sent += len(f.PCM)
	return err
}

func (c *clearing) Clear() error {
	err := c.Leg.Clear()
	if err == nil {
		c.clears <- c.sent
	}
	return err
}

// switchFar is FreeSWITCH' end of a stream, for legtest. Its playout has nothing that it could forget: what the suite has sent at once, and a call
// would have sent as it was due, is dropped for it.
type switchFar struct {
	binaryFar
	clears chan int
}

func (f *switchFar) Cleared(ctx context.Context) error {
	select {
	case sent := <-f.clears:
		for {
			f.mu.Lock()
			changed, came := f.changed, len(f.heard)+len(f.queued) >= sent
			if came {
				f.queued = nil
			}
			f.mu.Unlock()
			if came {
				return nil
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestFreeSWITCH holds a stream of FreeSWITCH's to the promises of every leg without marks, both ways of sending sound.
func TestFreeSWITCH(t *testing.T) {
	for _, c := range []struct {
		rate int
		json bool
	}{{8000, false}, {16000, true}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			legtest.Conformance(t, func(t *testing.T) (media.Leg, legtest.Far) {
				fs := &FreeSWITCH{JSON: c.json}
				target := freeswitch(t, fs)
				legs := answeredBy(t, &fs.Host)
				ws := streams(t, fmt.Sprintf("%s?rate=%d", target, c.rate))
				write(t, ws, freeswitchFirst)
				f := &switchFar{binaryFar{format: format{linear, c.rate}, bye: sayGoodbye}, make(chan int, 1)}
				f.hears = func(text string) (event, mark string) {
					if hello := fmt.Sprintf(`{"type":"rawAudio","data":{"sampleRate":%d}}`, c.rate); !c.json && text == hello {
						return "", ""
					}
					var m struct {
						Type string
						Data struct {
							AudioDataType string
							SampleRate    int
							AudioData     []byte
						}
					}
					if err := json.Unmarshal([]byte(text), &m); err != nil || !c.json || m.Type != "streamAudio" || m.Data.AudioDataType != "raw" || m.Data.SampleRate != c.rate {
						panic("far end got " + text)
					}
					f.sound(m.Data.AudioData)
					return "", ""
				}
				leg := within(t, legs, "leg")
				if i := leg.Info(); i.Lead != 0 || i.Chunk != media.FrameTime {
					t.Errorf("the leg says %+v", i)
				}
				f.listen(t, ws, farWords{digit: func(digit rune) string { return `{"event":"dtmf","digit":"` + string(digit) + `"}` }})
				return &clearing{Leg: leg, clears: f.clears}, f
			})
		})
	}
}

// TestFreeSWITCHTells begins streams with a text, with another, and with none.
func TestFreeSWITCHTells(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ query, first, want string }{
		"fields": {"", freeswitchFirst, freeswitchCall + " +15550100001 +15550100002 map[agent:sales uuid:" + freeswitchCall + "]"},
		"URL":    {"?rate=8000&call=a.b&from=100&to=200&agent=x", "hello there", "a.b 100 200 map[agent:x]"},
		"sound":  {"?call=c1&from=100", "", "c1 100  map[]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fs := &FreeSWITCH{}
			target := freeswitch(t, fs)
			legs := answeredBy(t, &fs.Host)
			ws := streams(t, target+c.query)
			if c.first != "" {
				write(t, ws, c.first)
			}
			for range 2 {
				if err := ws.WriteMessage(websocket.BinaryMessage, littleEndian(make([]int16, 160)...)); err != nil {
					t.Fatal(err)
				}
			}
			leg := within(t, legs, "leg")
			i := leg.Info()
			if got := fmt.Sprint(i.ID, " ", i.From, " ", i.To, " ", i.Params); got != c.want || i.Kind != "freeswitch" || i.Rate != 8000 {
				t.Errorf("%s %d %s, want %s", i.Kind, i.Rate, got, c.want)
			}
			write(t, ws, `{"event":"dtmf","digit":"5"}`, `{"event":"dtmf"}`, "anything", `{"anything":1}`)
			if err := sayGoodbye(ws); err != nil {
				t.Fatal(err)
			}
			if got, err := heard(leg.(unmarked).Leg.(*Leg)); got != "0s:0 20ms:0 5" || err != io.EOF {
				t.Errorf("heard %s (%v)", got, err)
			}
		})
	}
}

// TestFreeSWITCHRefuses turns away who does not know the token, and rates that are none.
func TestFreeSWITCHRefuses(t *testing.T) {
	t.Parallel()
	fs := &FreeSWITCH{Host: Host{Answer: func(context.Context, media.Leg) { t.Error("answered") }}}
	target := freeswitch(t, fs)
	for name, c := range map[string]struct {
		path, bearer string
		want         int
	}{
		"nothing": {"", "", 403}, "another token": {"/x", "", 403}, "another bearer": {"", "Bearer x", 403}, "no bearer": {"", freeswitchToken + "x", 403},
		"a rate that is none": {"/" + freeswitchToken + "?rate=44100", "", 400},
	} {
		_, answer, err := dialer().Dial(target+c.path, http.Header{"Authorization": {c.bearer}})
		if err == nil || answer == nil || answer.StatusCode != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	w := httptest.NewRecorder()
	(&FreeSWITCH{}).Media(w, httptest.NewRequest(http.MethodGet, freeswitchMedia, nil))
	if w.Code != http.StatusForbidden {
		t.Errorf("a server without a token lets in whoever has none: %d", w.Code)
	}
	fs.Limits.Start = time.Millisecond // nobody says anything
	if code := closeCode(t, streams(t, target)); code != closePolicy {
		t.Errorf("a stream of nothing: closed with %d", code)
	}
}

func FuzzFreeSWITCH(f *testing.F) {
	for _, seed := range []string{freeswitchFirst, "hello there", `{"event":"dtmf","digit":"5"}`, `{"event":"dtmf"}`, `{}`, `{`, "", "\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var m message
		if err := parseFreeSWITCH(text, &m); err == nil && (!utf8.Valid(text) || m.kind == kindStart && m.start == nil) {
			t.Fatalf("%q is read as %+v", text, m)
		}
	})
}
