package wire

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/media"
	"parley/media/resample"
	"parley/pipeline"
)

// told is what came out since it was last asked for.
func told(out *Outbox) string {
	var all []string
	for {
		tr, some, _, _ := out.Next()
		if !some {
			return strings.Join(all, " | ")
		}
		kind := [...]string{"partial", "final", "eager", "resumed", "turn"}[tr.Kind]
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %d", kind, tr.Text, tr.Edge)))
	}
}

// TestTurns: what becomes of what a recogniser says of turns, and of the Endeds between.
func TestTurns(t *testing.T) {
	t.Parallel()
	start := time.Now()
	type event = func(*hearing, *Outbox)
	says := func(turn Turn, text string, reach time.Duration) event {
		return func(h *hearing, out *Outbox) {
			h.take(&Heard{Turn: turn, Told: turn == 0, Text: text, End: reach}, start, out)
		}
	}
	ended := func(n int, at time.Duration) event {
		return func(h *hearing, out *Outbox) {
			h.open = 0
			h.expect(question{edge: n, at: at, limit: 2 * time.Second}, start, out)
		}
	}
	began := func(h *hearing, out *Outbox) { h.goesOn(out) }
	late := func(h *hearing, out *Outbox) { h.expire(start.Add(2*time.Second), out) }
	for name, tt := range map[string]struct {
		events []event
		want   string
	}{
		"a turn, and its Ended":         {[]event{says(0, "hi", 0), says(TurnOver, "hi you", 2*time.Second), ended(1, time.Second)}, "turn hi you 0 | final  1"},
		"an Ended, and its turn":        {[]event{says(0, "hi", 0), ended(1, time.Second), says(TurnOver, "hi you", 2*time.Second)}, "turn hi you 0 | final  1"},
		"an Ended of the next turn":     {[]event{says(TurnOver, "hi", time.Second), ended(1, 1200*time.Millisecond)}, "turn hi 0"},
		"a pause":                       {[]event{says(TurnLikelyOver, "hi", 0), says(TurnGoesOn, "", 0), says(TurnOver, "hi you", time.Second)}, "eager hi 0 | resumed  0 | turn hi you 0"},
		"the caller goes on":            {[]event{says(0, "hi", 0), ended(1, time.Second), began, says(TurnOver, "hi you", 3*time.Second)}, "final  1 | turn hi you 0"},
		"a turn that does not end":      {[]event{says(0, "hi", 0), ended(1, time.Second), late}, "final hi 1"},
		"and then does":                 {[]event{says(0, "hi", 0), ended(1, time.Second), late, says(TurnLikelyOver, "hi you", 0), says(TurnOver, "hi you", 3*time.Second)}, "final hi 1 | eager you 0 | turn you 0"},
		"or goes on":                    {[]event{says(0, "hi", 0), ended(1, time.Second), late, says(0, "hi you two", 0)}, "final hi 1 | partial you two 0"},
		"nobody spoke":                  {[]event{ended(1, time.Second), late}, "final  1"},
		"a turn that the Ear missed":    {[]event{says(0, "hi", 0), late, says(TurnOver, "hi", time.Second)}, "turn hi 0"},
		"what is left when it is over":  {[]event{says(0, "hi", 0), func(h *hearing, out *Outbox) { h.conclude(out) }}, "final hi 0"},
		"an end without words is quiet": {[]event{says(TurnOver, "", time.Second)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, out := hearing{turns: true}, NewOutbox()
			for _, e := range tt.events {
				e(&h, out)
			}
			if diff := cmp.Diff(tt.want, told(out)); diff != "" {
				t.Errorf("transcripts (-want +got):\n%s", diff)
			}
		})
	}
}

// TestGate: only what is spoken is sent, with a little from before.
func TestGate(t *testing.T) {
	t.Parallel()
	tr := unopened(8000, true)
	tr.Gated = true
	buf := make([]byte, 0, tr.chunk+tr.reel.Frame())
	at := time.Duration(0)
	hear := func(d time.Duration) (sent time.Duration, asked int) {
		for end := at + d; at < end; at += media.FrameTime {
			if err := tr.Write(media.Frame{PCM: make([]int16, 160), Rate: 8000, At: at}); err != nil {
				t.Fatal(err)
			}
			for do := tr.next(buf); do.audio != nil || do.ask; do = tr.next(buf) {
				sent += media.Samples(len(do.audio), 8000)
				if do.ask {
					asked++
				}
			}
		}
		return sent, asked
	}
	mark := func(kind pipeline.EdgeKind) {
		if err := tr.Mark(pipeline.Edge{Kind: kind, N: 1, At: at}); err != nil {
			t.Fatal(err)
		}
	}
	if sent, _ := hear(time.Minute); sent != 0 {
		t.Errorf("%v of silence were sent", sent)
	}
	mark(pipeline.Began)
	if sent, _ := hear(time.Second); sent != 1400*time.Millisecond {
		t.Errorf("of a second of speech and what was before %v were sent, want 1.4s", sent)
	}
	if got := tr.clock.At(0); got != time.Minute-preroll {
		t.Errorf("what was sent first was spoken at %v, want %v", got, time.Minute-preroll)
	}
	mark(pipeline.Ended)
	if sent, asked := hear(3 * time.Second); sent != 0 || asked != 1 {
		t.Errorf("after the end %v were sent, and %d times it was asked for words", sent, asked)
	}
	tr.reel.Rewind() // the socket was lost: all that waits for its words is to be sent again
	tr.hearing.restart()
	tr.waiting = true
	if sent, asked := hear(media.FrameTime); asked != 1 || sent != 1400*time.Millisecond {
		t.Errorf("%v were sent again, and %d times it was asked for words", sent, asked)
	}
	if n := tr.reel.Lost(); n != 0 {
		t.Errorf("%d frames count as lost", n)
	}
}

// TestWriteOfOtherRatesDoesNotAllocate is not parallel: AllocsPerRun counts the whole process.
func TestWriteOfOtherRatesDoesNotAllocate(t *testing.T) {
	for _, speaking := range []bool{false, true} {
		tr := unopened(24000, true)
		tr.Gated, tr.Rate = true, 16000
		var err error
		if tr.resampled, err = resample.New(16000, 24000); err != nil {
			t.Fatal(err)
		}
		if speaking {
			tr.hearing.open = 1
		}
		buf := make([]byte, 0, tr.chunk+tr.reel.Frame())
		f := media.Frame{PCM: make([]int16, 320), Rate: 16000}
		if n := testing.AllocsPerRun(1000, func() {
			if err := tr.Write(f); err != nil {
				t.Fatal(err)
			}
			f.At += media.FrameTime
			tr.next(buf)
		}); n != 0 {
			t.Errorf("speaking %v: Write allocates %v times a frame, want 0", speaking, n)
		}
	}
}
