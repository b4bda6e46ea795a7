package deepgram

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/media"
	"parley/pipeline"
	"parley/providers/providertest"
	"parley/providers/wire"
)

func mustEncoding(t testing.TB, rate int) wire.Encoding {
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
		tr := &transcription{client: &Client{}, chunk: enc.Bytes(defaultChunk), wake: make(chan struct{}, 1), reel: wire.NewReel(enc, new(wire.Spare))}
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
		for deadline := time.Now().Add(time.Minute); c.IdleLines() != want; {
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
		tr := &transcription{client: &Client{}, log: (&Client{}).log(), wake: make(chan struct{}, 1), out: wire.NewOutbox(), reel: wire.NewReel(wire.Encoding{Width: 1, Rate: 8000}, new(wire.Spare))}
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
