package deepgram

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/media"
	"parley/pipeline"
	"parley/providers/providertest"
)

func mustEncoding(t testing.TB, rate int) encoding {
	t.Helper()
	enc, err := encodingFor(rate)
	if err != nil {
		t.Fatal(err)
	}
	return enc
}

// TestWriteDoesNotAllocate is not parallel: AllocsPerRun counts the whole process.
func TestWriteDoesNotAllocate(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		enc := mustEncoding(t, rate)
		tr := &transcription{client: &Client{}, chunk: enc.bytes(defaultChunk), wake: make(chan struct{}, 1), reel: newReel(enc, new(sync.Pool))}
		buf := make([]byte, 0, tr.chunk+tr.reel.size)
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

func TestReelDropsTheOldestUnsent(t *testing.T) {
	t.Parallel()
	r, c := newReel(mustEncoding(t, 8000), new(sync.Pool)), clock{}
	frame := func(i int) media.Frame {
		return media.Frame{PCM: []int16{int16(i * 64)}, Rate: 8000, At: time.Duration(i) * media.FrameTime}
	}
	for i := range 50 {
		if r.add(frame(i), false) {
			t.Fatalf("frame %d of a second was dropped", i)
		}
	}
	for i := 50; i < 60; i++ {
		if !r.add(frame(i), false) {
			t.Fatalf("nothing was dropped for frame %d", i)
		}
	}
	if r.lost != 10 {
		t.Errorf("%d frames are counted as lost, want 10", r.lost)
	}
	if got := len(r.take(nil, 1000, r.head, &c)); got != 50 {
		t.Errorf("%d frames are left, want the last 50", got)
	}
	if got := c.at(0); got != 10*media.FrameTime {
		t.Errorf("the first of them was spoken at %v, want 200ms", got)
	}
	// All of it is kept for a new socket, those that were dropped as well, until it is settled.
	r.rewind()
	if got := r.unsent(r.head); got != 60 {
		t.Errorf("%d frames would be sent again, want 60", got)
	}
	c = clock{}
	r.take(nil, 1000, r.head, &c)
	r.settle(55 * media.FrameTime)
	r.rewind()
	if got := r.unsent(r.head); got != 5 {
		t.Errorf("%d frames would be sent again, want the 5 that are not settled", got)
	}
}

func TestReelTakesFramesOfAnyLength(t *testing.T) {
	t.Parallel()
	r, c := newReel(mustEncoding(t, 16000), new(sync.Pool)), clock{}
	pcm := make([]int16, 1000) // 62.5 ms
	for i := range pcm {
		pcm[i] = int16(i)
	}
	r.add(media.Frame{PCM: pcm, Rate: 16000, At: time.Second}, false)
	wire := r.take(nil, 2000, r.head, &c)
	got := make([]int16, 1000)
	r.enc.decode(got, wire)
	if diff := cmp.Diff(pcm, got); diff != "" {
		t.Errorf("samples changed (-want +got):\n%s", diff)
	}
	if at := c.at(62500 * time.Microsecond); at != 1062500*time.Microsecond {
		t.Errorf("its end was spoken at %v, want 1.0625s", at)
	}
}

func TestClockForgetsTheOldest(t *testing.T) {
	t.Parallel()
	var c clock
	for i := range 10 * maxSpans { // a frame a second
		c.add(time.Duration(i)*time.Second, media.FrameTime)
		if got, want := c.at(time.Duration(i)*media.FrameTime), time.Duration(i)*time.Second; got != want {
			t.Fatalf("frame %d was spoken at %v, want %v", i, got, want)
		}
	}
	if len(c.spans) > maxSpans {
		t.Errorf("%d spans are kept", len(c.spans))
	}
}

// TestIdleLinesGo: after a burst of utterances one line stays, and that too goes when nobody speaks for long.
func TestIdleLinesGo(t *testing.T) {
	t.Parallel()
	c := &Client{BaseURL: providertest.StartDeepgram(t, &providertest.Deepgram{})}
	t.Cleanup(func() { _ = c.Close() })
	for range 3 {
		if err := c.Warm(t.Context(), pipeline.Voice{Rate: 8000}); err != nil {
			t.Fatal(err)
		}
	}
	age := func(by time.Duration) {
		for _, l := range c.pool.Idle() {
			l.mu.Lock()
			l.since = time.Now().Add(-by)
			l.mu.Unlock()
			l.beat()
		}
	}
	idle := func(want int) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); c.IdleLines() != want; {
			if time.Now().After(deadline) {
				t.Fatalf("%d lines are idle, want %d", c.IdleLines(), want)
			}
			<-time.After(time.Millisecond)
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

// FuzzDecode: whatever the server says, there is an error or a message that the call can use, and hearing survives it.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		`{"type":"Results","channel_index":[0,1],"duration":1.06,"start":12.3,"is_final":true,"speech_final":true,"from_finalize":true,"channel":{"alternatives":[{"transcript":"I'd like","confidence":0.993,"languages":["en"],"words":[{"word":"i'd","start":12.34,"end":12.5,"confidence":0.99,"punctuated_word":"I'd","speaker":0},{"word":"like","start":1,"end":-5,"confidence":7}]}]}}`,
		`{"type":"Results","is_final":false,"start":1e300,"duration":-1e300,"channel":{"alternatives":[{"transcript":"a","words":[{"word":"a","start":1e308,"end":-1e308}]}]}}`,
		`{"type":"UtteranceEnd","channel":[0,1],"last_word_end":13.36}`,
		`{"type":"SpeechStarted","channel":[0],"timestamp":12.2}`,
		`{"type":"Metadata","transaction_key":"deprecated","request_id":"6b1c","duration":25.6,"channels":1}`,
		`{"type":"Warning","description":"too\u0000many\n","code":"X"}`,
		`{"type":"Flushed","sequence_id":0}`,
		`{"type":"Results"}`, `{"type":"Results","channel":{"alternatives":[]}}`, `{}`, `[]`, `{"type":`, `null`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := decode(text)
		if err != nil {
			return
		}
		if m.kind == "" || m.end < 0 {
			t.Errorf("got %+v", m)
		}
		var last time.Duration
		for _, w := range m.words {
			if w.Start < last || w.End < w.Start || w.Confidence < 0 || w.Confidence > 1 {
				t.Errorf("word %+v after one that began at %v", w, last)
			}
			last = w.Start
		}
		if strings.ContainsAny(m.code+m.about, "\x00\n\r\x1b") {
			t.Errorf("control characters in %q %q", m.code, m.about)
		}
		tr := &transcription{client: &Client{}, log: (&Client{}).log(), wake: make(chan struct{}, 1), out: newOutbox(), reel: newReel(encoding{"mulaw", 1, 8000}, new(sync.Pool))}
		for n := 1; n <= 2; n++ {
			if err := tr.Mark(pipeline.Edge{Kind: pipeline.Ended, N: n}); err != nil {
				t.Fatal(err)
			}
			tr.next(nil)
			m2 := m
			err := tr.hear(&m2)
			var told *Error
			if err != nil && !errors.As(err, &told) {
				t.Errorf("hear: %v", err)
			}
		}
		tr.closing = true
		tr.finish(nil)
		answered := map[int]int{}
		for r, err := range tr.Results() {
			if err != nil {
				t.Errorf("Results: %v", err)
			}
			if r.Edge != 0 {
				answered[r.Edge]++
			}
		}
		if diff := cmp.Diff(map[int]int{1: 1, 2: 1}, answered); diff != "" {
			t.Errorf("how often each Ended was answered (-want +got):\n%s", diff)
		}
	})
}
