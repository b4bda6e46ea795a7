package voice

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/pipeline"
)

// TestPageAsks: what a page may ask, and what it is told of the rest.
func TestPageAsks(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"type":"ping"}`:                             `told {"type":"pong"}`,
		`{"type":"key","key":"#"}`:                    "key #",
		`{"type":"command","command":"hang_up"}`:      "do hang_up caller",
		`{"type":"command","command":"mute"}`:         "do mute",
		`{"type":"text","text":"my number is 5"}`:     "do write my number is 5",
		`{"type":"command","command":"transfer"}`:     "told error: want hang_up, mute or unmute",
		`{"type":"key","key":"55"}`:                   "told error: want one of 0-9",
		`{"type":"key","key":"x"}`:                    "told error: no key",
		`{"type":"text","text":""}`:                   "told error: want 1 to 2000",
		`{"type":"say","text":"x"}`:                   "told error: not understood",
		`hello`:                                       "told error: not a JSON object",
		``:                                            "told error: not a JSON object",
		`{"type":"text","text":"` + long(2001) + `"}`: "told error: text of 2001 characters",
	} {
		var got []string
		p := NewPage(Caller{
			Tell: func(b []byte) bool { got = append(got, "told "+string(b)); return true },
			Key: func(k rune) error {
				if k == 'x' {
					return errors.New("no key")
				}
				got = append(got, "key "+string(k))
				return nil
			},
			Do: func(_ context.Context, c pipeline.Command) error {
				got = append(got, strings.TrimSpace("do "+string(c.Kind)+" "+c.Text+string(c.Cause)))
				return c.Check()
			},
		})
		p.Take(t.Context(), []byte(text))
		words, isError := strings.CutPrefix(want, "told error: ")
		switch {
		case len(got) != 1:
			t.Errorf("%.60s: %q", text, got)
		case isError && (!strings.HasPrefix(got[0], `told {"type":"error"`) || !strings.Contains(got[0], words)):
			t.Errorf("%.60s: %q, want an error of %q", text, got[0], words)
		case !isError && got[0] != want:
			t.Errorf("%.60s: %q, want %q", text, got[0], want)
		}
	}
}

func long(n int) string { return strings.Repeat("a", n) }

// TestPageStates: what happens becomes states and turns, each told once.
func TestPageStates(t *testing.T) {
	t.Parallel()
	var got []string
	p := NewPage(Caller{Tell: func(b []byte) bool { got = append(got, string(b)); return true }})
	ms := time.Millisecond
	for _, e := range []pipeline.Event{
		{Kind: pipeline.ReplyBegan, At: 100 * ms},
		{Kind: pipeline.SpeechBegan, At: 900 * ms},
		{Kind: pipeline.Interrupted, At: 950 * ms},
		{Kind: pipeline.TurnEnded, At: 960 * ms, Turn: &pipeline.Turn{N: 1, Why: "greeting", Text: "Hello there", Heard: "Hello", Cut: true, At: 100 * ms, Counts: pipeline.Counts{Held: 2, FalseAlarms: 1}, Latency: pipeline.Latency{FirstFrame: 20 * ms}}},
		{Kind: pipeline.Transcribed, Text: "not told here"},
		{Kind: pipeline.SpeechEnded, At: 1500 * ms},
		{Kind: pipeline.FalseAlarm, At: 1600 * ms},
		{Kind: pipeline.Commanded, Text: string(pipeline.Hold), At: 1700 * ms},
		{Kind: pipeline.TurnEnded, At: 1710 * ms}, // it is held all the same
		{Kind: pipeline.Commanded, Text: string(pipeline.Say), At: 1720 * ms},
		{Kind: pipeline.Commanded, Text: string(pipeline.Unhold), At: 1800 * ms},
		{Kind: pipeline.Bridged, At: 1900 * ms},
	} {
		p.Watch(e)
	}
	for len(p.news) > 0 {
		if err := p.happened(<-p.news); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		`{"type":"state","data":{"state":"speaking","at_ms":100}}`,
		`{"type":"state","data":{"state":"hearing","at_ms":900}}`,
		`{"type":"turn","data":{"turn":1,"why":"greeting","said":"","text":"Hello there","heard":"Hello","interrupted":true,"held":2,"false_alarms":1,"at_ms":100,"latency_ms":{"first_frame":20}}}`,
		`{"type":"state","data":{"state":"thinking","at_ms":1500}}`,
		`{"type":"state","data":{"state":"speaking","at_ms":1600}}`,
		`{"type":"state","data":{"state":"held","at_ms":1700}}`,
		`{"type":"state","data":{"state":"listening","at_ms":1800}}`,
		`{"type":"state","data":{"state":"bridged","at_ms":1900}}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for range 2 * mostNews { // nobody reads: the call does not wait
		p.Watch(pipeline.Event{Kind: pipeline.SpeechBegan})
	}
	if n := p.lost.Load(); n != mostNews {
		t.Errorf("%d events were lost", n)
	}
}
