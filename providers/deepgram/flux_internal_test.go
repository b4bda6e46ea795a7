package deepgram

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/media"
	"parley/pipeline"
	"parley/providers/wire"
)

// info is a TurnInfo with words that were said one a second.
func info(event, text string, end time.Duration) *message {
	m := &message{kind: "TurnInfo", event: event, text: text, end: end}
	for i, w := range strings.Fields(text) {
		m.words = append(m.words, pipeline.Word{Text: w, Start: time.Duration(i) * time.Second, End: time.Duration(i+1) * time.Second})
	}
	return m
}

// told is all that is in an outbox, one word a result.
func told(out *wire.Outbox) string {
	var all []string
	for {
		tr, some, _, _ := out.Next()
		if !some {
			return strings.Join(all, " | ")
		}
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %d", [...]string{"partial", "final", "eager", "resumed", "turn"}[tr.Kind], tr.Text, tr.Edge)))
	}
}

// TestTurns: what becomes of TurnInfos and of the Endeds between them.
func TestTurns(t *testing.T) {
	t.Parallel()
	start := time.Now()
	ended := func(at time.Duration) func(*hearing, *wire.Outbox) {
		return func(h *hearing, out *wire.Outbox) {
			h.expect(question{edge: 1, at: at, due: start.Add(2 * time.Second), patient: true, limit: 2 * time.Second}, out)
		}
	}
	says := func(event, text string, end time.Duration) func(*hearing, *wire.Outbox) {
		return func(h *hearing, out *wire.Outbox) { h.turn(info(event, text, end), start, out) }
	}
	expires := func(after time.Duration) func(*hearing, *wire.Outbox) {
		return func(h *hearing, out *wire.Outbox) { h.expire(start.Add(after), out) }
	}
	asks := func(h *hearing, _ *wire.Outbox) { h.unasked().asked = true }
	for name, tt := range map[string]struct {
		events []func(*hearing, *wire.Outbox)
		want   string
	}{
		"the turn ends before the speech does": {
			[]func(*hearing, *wire.Outbox){says("StartOfTurn", "hi", time.Second), says("EndOfTurn", "hi", 2*time.Second), ended(time.Second)},
			"turn hi 0 | final  1",
		},
		"and after it": {
			[]func(*hearing, *wire.Outbox){says("StartOfTurn", "hi", time.Second), ended(time.Second), says("EndOfTurn", "hi you", 2*time.Second)},
			"turn hi you 0 | final  1",
		},
		"not what was ended, but what came before": {
			[]func(*hearing, *wire.Outbox){says("StartOfTurn", "hi", time.Second), ended(3 * time.Second), says("EndOfTurn", "hi", 2*time.Second)},
			"turn hi 0",
		},
		"a pause and its end": {
			[]func(*hearing, *wire.Outbox){says("EagerEndOfTurn", "hi", time.Second), says("TurnResumed", "hi", 2*time.Second)},
			"eager hi 0 | resumed  0 | partial hi 0",
		},
		"silence is answered soon": {
			[]func(*hearing, *wire.Outbox){ended(time.Second), says("Update", "", 2*time.Second), expires(graceWhenCovered)},
			"final  1",
		},
		"but a turn has its time": {
			[]func(*hearing, *wire.Outbox){ended(time.Second), says("Update", "", 2*time.Second), says("StartOfTurn", "hi", 3*time.Second), expires(graceWhenCovered)},
			"partial hi 0",
		},
		"what was given away is not told again": {
			[]func(*hearing, *wire.Outbox){
				says("StartOfTurn", "hi", time.Second), ended(time.Second), expires(2 * time.Second), asks, expires(2*time.Second + forceLimit),
				says("Update", "hi you", 2*time.Second), says("EndOfTurn", "hi you", 3*time.Second),
			},
			"final hi 1 | turn you 0",
		},
		"an Update without news": {
			[]func(*hearing, *wire.Outbox){
				says("StartOfTurn", "hi", time.Second),
				func(h *hearing, out *wire.Outbox) {
					told(out)
					h.turn(&message{event: "Update", text: "hi", again: true}, start, out)
				},
			},
			"",
		},
		"the end of the call": {
			[]func(*hearing, *wire.Outbox){says("StartOfTurn", "hi", time.Second), func(h *hearing, out *wire.Outbox) { h.conclude(out) }},
			"final hi 0",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var h hearing
			out := wire.NewOutbox()
			for _, e := range tt.events {
				e(&h, out)
			}
			if got := told(out); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestRepeats: an Update whose words are known is told from all else, and costs nothing.
func TestRepeats(t *testing.T) {
	const update = `{"type":"TurnInfo","request_id":"r","sequence_id":11,"event":"Update","turn_index":0,"audio_window_start":0.0,"audio_window_end":0.9,` +
		`"transcript":"hi there","words":[{"word":"hi","confidence":0.97,"start":0.7,"end":0.9},{"word":"there","confidence":0.97,"start":0.7,"end":0.9}],` +
		`"end_of_turn_confidence":0.02}`
	for _, tt := range []struct {
		text, known string
		want        bool
	}{
		{update, "hi there", true},
		{update, "hi", false},
		{update, "", false},
		{update, "hi there you", false},
		{strings.Replace(update, "hi there", "", 1), "", true},
		{strings.Replace(update, "Update", "EndOfTurn", 1), "hi there", false},
		{strings.Replace(update, "0.9,", "soon,", 1), "hi there", false},
		{strings.Replace(update, `"transcript":`, `"transcript": `, 1), "hi there", false}, // is decoded
		{`{"type":"Connected"}`, "", false},
		{`{"event":"Update","transcript":""`, "", false},
		{`{"event":"Update","transcript":"`, "", false},
		{`{"event":"Update","transcript":"","audio_window_end":1`, "", false},
	} {
		end, got := repeats([]byte(tt.text), tt.known)
		if got != tt.want || got && end != 900*time.Millisecond {
			t.Errorf("%q in %s: got %v, %v; want %v", tt.known, tt.text, end, got, tt.want)
		}
	}
	text := []byte(update)
	if n := testing.AllocsPerRun(100, func() { repeats(text, "hi there") }); n != 0 {
		t.Errorf("it allocates %v times, want 0", n)
	}
}

// TestNothingWaitsWhereATurnMayEnd: full messages go out, but from where the caller may have ended each frame does at once, until it is
// known, or half a second has passed.
func TestNothingWaitsWhereATurnMayEnd(t *testing.T) {
	t.Parallel()
	may := func(tr *transcription) error { return tr.Mark(pipeline.Edge{Kind: pipeline.MaybeEnded, N: 1}) }
	for name, tt := range map[string]struct {
		v1   bool
		then func(*transcription) error // after five frames, at the sixth
		want string                     // frames of each message
	}{
		"a turn that goes on":    {then: func(*transcription) error { return nil }, want: "4 4 4"},
		"one that may end":       {then: may, want: "4 2 1 1 1 1 1 1"},
		"listen v1 is Finalized": {v1: true, then: may, want: "4 4 4"},
		"the caller goes on": {then: func(tr *transcription) error {
			return errors.Join(may(tr), tr.Mark(pipeline.Edge{Kind: pipeline.Resumed, N: 1}))
		}, want: "4 4 4"},
		"the turn has ended": {then: func(tr *transcription) error {
			return errors.Join(may(tr), tr.hear(info("EndOfTurn", "hi", time.Second)))
		}, want: "4 4 4"},
		"it takes too long": {then: func(tr *transcription) error { tr.near = 2; return nil }, want: "4 2 4"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := &transcription{client: &Client{}, flux: !tt.v1, chunk: 640, wake: make(chan struct{}, 1), out: wire.NewOutbox(), reel: wire.NewReel(wire.Encoding{Width: 1, Rate: 8000}, new(wire.Spare))}
			frame := media.Frame{PCM: make([]int16, 160), Rate: 8000}
			var sent []string
			for i := range 12 {
				if i == 5 {
					if err := tt.then(tr); err != nil {
						t.Fatal(err)
					}
				}
				if err := tr.Write(frame); err != nil {
					t.Fatal(err)
				}
				if do := tr.next(nil); do.audio != nil {
					sent = append(sent, strconv.Itoa(len(do.audio)/160))
				}
			}
			if got := strings.Join(sent, " "); got != tt.want {
				t.Errorf("messages of %s frames, want %s", got, tt.want)
			}
		})
	}
}
