package wire

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"parley/media"
	"parley/pipeline"
)

// plain is a dialect without a socket.
type plain struct{}

func (plain) Dial(context.Context) (*websocket.Conn, error) { return nil, errors.New("no socket") }
func (plain) Audio(_, audio []byte) ([]byte, int)           { return audio, websocket.BinaryMessage }
func (plain) Ask() []byte                                   { return []byte("ask") }
func (plain) Alive() []byte                                 { return nil }
func (plain) Bye() []byte                                   { return nil }
func (plain) Expect([]string) []byte                        { return nil }
func (plain) Broken(err error) error                        { return err }
func (plain) Understand(text []byte, _ time.Duration) (h Heard, _ error) {
	return h, json.Unmarshal(text, &h)
}

func unopened(rate int, exact bool) *Transcription {
	enc, err := EncodingFor(rate)
	if err != nil {
		panic(err)
	}
	return newTranscription(Listening{
		Name: "plain", Encoding: enc, Chunk: 100 * time.Millisecond, Exact: exact, FinalLimit: 2 * time.Second, CloseLimit: time.Second,
		Spare: new(Spare), Log: slog.New(slog.DiscardHandler),
	}, plain{})
}

// TestWriteDoesNotAllocate is not parallel: AllocsPerRun counts the whole process.
func TestWriteDoesNotAllocate(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		tr := unopened(rate, false)
		buf := make([]byte, 0, tr.chunk+tr.reel.Frame())
		f := media.Frame{PCM: make([]int16, rate/50), Rate: rate}
		if n := testing.AllocsPerRun(1000, func() {
			if err := tr.Write(f); err != nil {
				t.Fatal(err)
			}
			f.At += media.FrameTime
			tr.next(buf)
		}); n != 0 {
			t.Errorf("%d Hz: Write and the taking of its audio allocate %v times a frame, want 0", rate, n)
		}
	}
}

func TestClockPlacesWhatBeginsAtABreak(t *testing.T) {
	t.Parallel()
	var c Clock
	c.Add(0, time.Second)
	c.Add(5*time.Second, time.Second)
	for sent, want := range map[time.Duration]time.Duration{
		500 * time.Millisecond:  500 * time.Millisecond,
		999 * time.Millisecond:  4999 * time.Millisecond, // rounded down, of 1 s
		1500 * time.Millisecond: 5500 * time.Millisecond,
	} {
		if got := c.Begin(sent); got != want {
			t.Errorf("what begins at %v was spoken at %v, want %v", sent, got, want)
		}
	}
}

// A step is something that happens to a hearing, at a time.
type step struct {
	at    time.Duration // on the wall
	began int           // a stretch begins
	ended int           // or ends, its last voiced frame at
	voice time.Duration
	asks  bool // what waits is asked
	heard *Heard
}

func word(text string, start, end time.Duration) pipeline.Word {
	return pipeline.Word{Text: text, Start: start, End: end}
}

// TestHearing plays what recognisers tell, and when, and looks at the Finals.
func TestHearing(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	type final struct {
		Edge int
		Text string
	}
	for name, tt := range map[string]struct {
		exact bool
		steps []step
		want  []final
	}{
		"an answer": {true, []step{
			{began: 1}, {at: 900 * ms, heard: &Heard{Told: true, Text: "yes"}},
			{at: time.Second, ended: 1, voice: 800 * ms, asks: true},
			{at: 1200 * ms, heard: &Heard{Told: true, Settled: true, Answer: true, Text: "yes please"}},
		}, []final{{1, "yes please"}}},
		"nothing was understood": {true, []step{
			{began: 1}, {at: time.Second, ended: 1, voice: 800 * ms, asks: true},
			{at: 1200 * ms, heard: &Heard{Told: true, Settled: true, Answer: true}},
		}, []final{{1, ""}}},
		"an answer without words": {false, []step{
			{began: 1}, {at: 900 * ms, heard: &Heard{Told: true, Text: "yes"}},
			{at: time.Second, ended: 1, voice: 800 * ms, asks: true}, {at: 1100 * ms, heard: &Heard{Answer: true}},
			{at: 1500 * ms, began: 2}, {at: 2 * time.Second, ended: 2, voice: 1900 * ms, asks: true},
			{at: 2100 * ms, heard: &Heard{Told: true, Settled: true, Answer: true, Text: "yes no", Words: []pipeline.Word{word("yes", 510*ms, 810*ms), word("no", 1600*ms, 1900*ms)}}},
		}, []final{{1, "yes"}, {2, "no"}}},
		"no answer": {false, []step{
			{began: 1}, {at: 900 * ms, heard: &Heard{Told: true, Text: "yes"}},
			{at: time.Second, ended: 1, voice: 800 * ms, asks: true}, {at: 3 * time.Second},
		}, []final{{1, "yes"}}},
		"no answer to nothing": {false, []step{
			{began: 1}, {at: time.Second, ended: 1, voice: 800 * ms, asks: true}, {at: 2 * time.Second},
		}, []final{{1, ""}}},
		"an answer that is late is not the next": {true, []step{
			{began: 1}, {at: 900 * ms, heard: &Heard{Told: true, Text: "yes"}},
			{at: time.Second, ended: 1, voice: 800 * ms, asks: true}, {at: 3 * time.Second},
			{at: 3100 * ms, began: 2}, {at: 4 * time.Second, ended: 2, voice: 3900 * ms, asks: true},
			{at: 4100 * ms, heard: &Heard{Told: true, Text: "yes please"}},
			{at: 4200 * ms, heard: &Heard{Told: true, Settled: true, Answer: true, Text: "yes please"}},
			{at: 4300 * ms, heard: &Heard{Told: true, Settled: true, Answer: true, Text: "no"}},
		}, []final{{1, "yes"}, {2, "no"}}},
		"an answer that is late, where not all are answered": {false, []step{
			{began: 1}, {at: 900 * ms, heard: &Heard{Told: true, Text: "yes"}},
			{at: time.Second, ended: 1, voice: 800 * ms, asks: true}, {at: 3 * time.Second},
			{at: 3100 * ms, began: 2}, {at: 4 * time.Second, ended: 2, voice: 3900 * ms, asks: true},
			{at: 4100 * ms, heard: &Heard{Told: true, Settled: true, Answer: true, Text: "yes please", Words: []pipeline.Word{word("yes", 500*ms, 600*ms), word("please", 600*ms, 800*ms)}}},
			{at: 4200 * ms, heard: &Heard{Told: true, Settled: true, Answer: true, Text: "no", Words: []pipeline.Word{word("no", 3500*ms, 3900*ms)}}},
		}, []final{{1, "yes"}, {2, "no"}}},
		"a late answer of which nothing was known": {true, []step{
			{began: 1}, {at: time.Second, ended: 1, voice: 800 * ms, asks: true}, {at: 3 * time.Second},
			{at: 3100 * ms, heard: &Heard{Told: true, Settled: true, Answer: true, Text: "yes"}},
		}, []final{{1, ""}, {0, "yes"}}},
		"an answer that comes twice": {true, []step{
			{began: 1}, {at: time.Second, ended: 1, voice: 800 * ms, asks: true},
			{at: 1200 * ms, heard: &Heard{Told: true, Settled: true, Answer: true, Text: "yes"}},
			{at: 1201 * ms, heard: &Heard{Told: true, Settled: true, Answer: true, Text: "yes"}},
			{at: 5 * time.Second},
		}, []final{{1, "yes"}}},
		"words that were told are not told again": {false, []step{
			{began: 1}, {at: time.Second, ended: 1, voice: 800 * ms, asks: true},
			{at: 1100 * ms, heard: &Heard{Told: true, Settled: true, Answer: true, Text: "yes", Words: []pipeline.Word{word("yes", 500*ms, 800*ms)}}},
			{at: 1500 * ms, began: 2}, {at: 2 * time.Second, ended: 2, voice: 1900 * ms, asks: true},
			{at: 2100 * ms, heard: &Heard{Told: true, Settled: true, Answer: true, Text: "yes no", Words: []pipeline.Word{word("yes", 510*ms, 810*ms), word("no", 1600*ms, 1900*ms)}}},
		}, []final{{1, "yes"}, {2, "no"}}},
		"the same words in a better form": {false, []step{
			{began: 1}, {at: time.Second, ended: 1, voice: 800 * ms, asks: true},
			{at: 1100 * ms, heard: &Heard{Told: true, Soon: true, Text: "yes", Words: []pipeline.Word{word("yes", 500*ms, 800*ms)}}},
			{at: 1150 * ms, heard: &Heard{Told: true, Settled: true, Answer: true, Over: true, Text: "Yes.", Words: []pipeline.Word{word("Yes.", 500*ms, 800*ms)}}},
		}, []final{{1, "Yes."}}},
		"a better form that takes long": {false, []step{
			{began: 1}, {at: time.Second, ended: 1, voice: 800 * ms, asks: true},
			{at: 1100 * ms, heard: &Heard{Told: true, Soon: true, Text: "yes", Words: []pipeline.Word{word("yes", 500*ms, 800*ms)}}},
			{at: 1400 * ms},
			{at: 1450 * ms, heard: &Heard{Told: true, Settled: true, Answer: true, Over: true, Text: "Yes.", Words: []pipeline.Word{word("Yes.", 500*ms, 800*ms)}}},
			{at: 5 * time.Second},
		}, []final{{1, "yes"}}},
		"the recogniser's own end in the middle of a stretch": {false, []step{
			{began: 1}, {at: time.Second, heard: &Heard{Told: true, Settled: true, Over: true, Text: "one", Words: []pipeline.Word{word("one", 100*ms, 400*ms)}}},
			{at: 3 * time.Second, ended: 1, voice: 2800 * ms, asks: true},
			{at: 3100 * ms, heard: &Heard{Told: true, Settled: true, Over: true, Answer: true, Text: "two", Words: []pipeline.Word{word("two", 2500*ms, 2800*ms)}}},
		}, []final{{1, "one two"}}},
		"the recogniser's own end of a stretch": {false, []step{
			{began: 1}, {at: time.Second, heard: &Heard{Told: true, Settled: true, Over: true, Text: "one", Words: []pipeline.Word{word("one", 100*ms, 400*ms)}}},
			{at: 1100 * ms, ended: 1, voice: 500 * ms},
		}, []final{{1, "one"}}},
		"words that the Ear did not hear": {true, []step{
			{heard: &Heard{Told: true, Text: "hm"}}, {at: time.Second}, {at: 1001 * ms, asks: true},
			{at: 1100 * ms, heard: &Heard{Told: true, Settled: true, Answer: true, Text: "hm"}},
		}, []final{{0, "hm"}}},
		"words that the Ear did not hear, ended by the recogniser": {true, []step{
			{heard: &Heard{Told: true, Settled: true, Over: true, Text: "hm"}},
		}, []final{{0, "hm"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			h, out := hearing{exact: tt.exact}, NewOutbox()
			for _, s := range tt.steps {
				now := start.Add(s.at)
				if h.expire(now, out) {
					h.expect(question{limit: 2 * time.Second}, now, out)
				}
				switch {
				case s.began > 0:
					h.open = s.began
				case s.ended > 0:
					h.open = 0
					h.expect(question{edge: s.ended, at: s.voice, limit: 2 * time.Second}, now, out)
				case s.heard != nil:
					m := *s.heard
					if n := len(m.Words); n > 0 {
						m.End = m.Words[n-1].End
					}
					h.take(&m, now, out)
				}
				if q := h.unasked(); s.asks && q != nil {
					h.asking(q, 0, s.at)
				}
			}
			var got []final
			for {
				tr, some, _, _ := out.Next()
				if !some {
					break
				}
				if tr.Kind == pipeline.Final {
					got = append(got, final{tr.Edge, tr.Text})
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Finals (-want +got):\n%s", diff)
			}
		})
	}
}
