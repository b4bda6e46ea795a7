package providertest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"parley/media"
	"parley/pipeline"
)

// patience is how long the suites wait for anything at all before they call it hung. Models on a busy machine are slow.
const patience = 30 * time.Second

// Transcriber holds what open makes to the contract of pipeline.Transcriber and pipeline.Transcription. open is called once for each
// subtest, with its t: what it starts it must end in a t.Cleanup, goroutines included. The recogniser must take 8 kHz.
// It is fed tones and silence; what it makes of them does not matter.
func Transcriber(t *testing.T, open func(t *testing.T) pipeline.Transcriber) {
	for name, f := range map[string]func(*testing.T, pipeline.Transcriber){
		"every Ended is answered":          everyEndedIsAnswered,
		"words have times in order":        wordsHaveTimesInOrder,
		"Close flushes":                    closeFlushes,
		"Close of the silent":              closeOfTheSilent,
		"Close without a reader":           closeWithoutAReader,
		"Close ends usefulness":            closeEndsUsefulness,
		"opening can be given up":          openingCanBeGivenUp,
		"a call outlives its opening":      callOutlivesItsOpening,
		"frames are lent":                  framesAreLent,
		"Write never waits":                writeNeverWaits,
		"a reader may break and come back": readerMayBreak,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gone(t)
			f(t, open(t))
		})
	}
}

// A listening is one transcription under test: its stretches of speech, and its results as they come.
type listening struct {
	pipeline.Transcription
	t        *testing.T
	at       time.Duration
	n        int // stretches so far
	results  chan result
	scratch  []int16
	scribble bool // over each frame that was written
}

type result struct {
	pipeline.Transcript
	err  error
	last bool
}

// listen opens a transcription and reads its results. It is closed when the test ends, at the latest.
func listen(t *testing.T, tr pipeline.Transcriber) *listening {
	t.Helper()
	l := open(t, tr)
	go func() {
		for r, err := range l.Results() {
			l.results <- result{Transcript: r, err: err}
		}
		l.results <- result{last: true}
	}()
	return l
}

func open(t *testing.T, tr pipeline.Transcriber) *listening {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := tr.Transcribe(ctx, pipeline.Listening{Rate: 8000, Lang: "en"})
	if err != nil {
		t.Fatalf("Transcribe: %v", err)
	}
	closed := false
	l := &listening{Transcription: s, t: t, results: make(chan result, 10000), scratch: make([]int16, 160)}
	l.Transcription = closeOnce{s, &closed}
	t.Cleanup(func() { _ = l.Close() }) // the test itself looks at what Close says
	return l
}

// closeOnce keeps the suite to the contract: Close is called once.
type closeOnce struct {
	pipeline.Transcription
	closed *bool
}

func (c closeOnce) Close() error {
	if *c.closed {
		return nil
	}
	*c.closed = true
	return c.Transcription.Close()
}

// write sends pcm in frames of 20 ms from a buffer that is used again for each.
func (l *listening) write(pcm []int16) {
	l.t.Helper()
	for len(pcm) >= len(l.scratch) {
		copy(l.scratch, pcm)
		if err := l.Write(media.Frame{PCM: l.scratch, Rate: 8000, At: l.at}); err != nil {
			l.t.Fatalf("Write at %v: %v", l.at, err)
		}
		if l.scribble {
			clear(l.scratch)
		}
		l.at += media.FrameTime
		pcm = pcm[len(l.scratch):]
	}
}

// stretch marks pcm as speech from its first sample to its last, with silence after it, and returns its number.
func (l *listening) stretch(pcm []int16) int {
	l.t.Helper()
	l.n++
	l.mark(pipeline.Edge{Kind: pipeline.Began, N: l.n, At: l.at, Sure: true})
	l.write(pcm)
	end := l.at
	l.write(make([]int16, 1600))
	l.mark(pipeline.Edge{Kind: pipeline.MaybeEnded, N: l.n, At: end})
	l.mark(pipeline.Edge{Kind: pipeline.Ended, N: l.n, At: end})
	return l.n
}

func (l *listening) mark(e pipeline.Edge) {
	l.t.Helper()
	if err := l.Mark(e); err != nil {
		l.t.Fatalf("Mark(%+v): %v", e, err)
	}
}

// final waits for the Final that answers Ended n; no other Ended may be answered before.
func (l *listening) final(n int) pipeline.Transcript {
	l.t.Helper()
	for {
		r := l.next()
		switch {
		case r.err != nil:
			l.t.Fatalf("Results failed while Ended %d waited: %v", n, r.err)
		case r.last:
			l.t.Fatalf("Results ended and Ended %d was not answered", n)
		case r.Kind == pipeline.Final && r.Edge == n:
			return r.Transcript
		case r.Edge != 0:
			l.t.Fatalf("%+v came, want the Final of Ended %d", r.Transcript, n)
		}
	}
}

func (l *listening) next() result {
	l.t.Helper()
	select {
	case r := <-l.results:
		return r
	case <-time.After(patience):
		l.t.Fatalf("no result within %v", patience)
	}
	return result{}
}

// end waits for Results to end in good order, and returns what still came.
func (l *listening) end() (rest []pipeline.Transcript) {
	l.t.Helper()
	for {
		r := l.next()
		switch {
		case r.err != nil:
			l.t.Fatalf("Results failed: %v", r.err)
		case r.last:
			return rest
		}
		rest = append(rest, r.Transcript)
	}
}

func speech() []int16  { return Tones("two words", 8000)[:4800] }
func silence() []int16 { return make([]int16, 4800) }

func everyEndedIsAnswered(t *testing.T, tr pipeline.Transcriber) {
	l := listen(t, tr)
	l.Expect([]string{"yes", "no"})
	for _, pcm := range [][]int16{speech(), silence(), speech(), nil} {
		l.final(l.stretch(pcm))
	}
	l.Expect(nil)
	// Two at once: the caller went on before the first was answered.
	first := l.stretch(speech()[:1600])
	second := l.stretch(speech()[:1600])
	l.final(first)
	l.final(second)
	if err := l.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	for _, tr := range l.end() {
		if tr.Edge != 0 {
			t.Errorf("%+v came twice", tr)
		}
	}
}

func wordsHaveTimesInOrder(t *testing.T, tr pipeline.Transcriber) {
	l := listen(t, tr)
	l.at = 3 * time.Second // a call whose first frames went to nobody
	var last time.Duration
	for range 2 {
		began := l.at
		final := l.final(l.stretch(speech()))
		for _, w := range final.Words {
			switch {
			case strings.TrimSpace(w.Text) == "":
				t.Errorf("a word without text: %+v", w)
			case w.Start < last || w.End < w.Start:
				t.Errorf("word %+v is out of order: the one before began at %v", w, last)
			case w.Start < began-time.Second/2 || w.End > l.at+time.Second/2:
				t.Errorf("word %+v lies outside its stretch, which went from %v to %v", w, began, l.at)
			case w.Confidence < 0 || w.Confidence > 1:
				t.Errorf("word %+v: confidence is not within 0 and 1", w)
			}
			last = w.Start
		}
		l.at += 2 * time.Second // frames that were lost on the way
	}
}

func closeFlushes(t *testing.T, tr pipeline.Transcriber) {
	l := listen(t, tr)
	n := l.stretch(speech())
	if err := l.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	l.final(n)
	l.end()
}

func closeOfTheSilent(t *testing.T, tr pipeline.Transcriber) {
	l := listen(t, tr)
	if err := l.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if rest := l.end(); len(rest) > 0 {
		t.Errorf("%+v was understood of nothing", rest)
	}
}

func closeWithoutAReader(t *testing.T, tr pipeline.Transcriber) {
	l := open(t, tr)
	for range 3 {
		l.stretch(speech()[:800])
	}
	within(t, "Close", func() {
		if err := l.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}

func closeEndsUsefulness(t *testing.T, tr pipeline.Transcriber) {
	l := listen(t, tr)
	if err := l.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := l.Write(media.Frame{PCM: make([]int16, 160), Rate: 8000}); err == nil {
		t.Error("Write after Close succeeded")
	}
	if err := l.Mark(pipeline.Edge{Kind: pipeline.Ended, N: 1}); err == nil {
		t.Error("Mark after Close succeeded: nobody will answer it")
	}
	l.Expect([]string{"nothing"})
}

func openingCanBeGivenUp(t *testing.T, tr pipeline.Transcriber) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	within(t, "Transcribe", func() {
		s, err := tr.Transcribe(ctx, pipeline.Listening{Rate: 8000})
		switch {
		case err == nil: // there was nothing to wait for
			_ = s.Close()
		case !errors.Is(err, context.Canceled):
			t.Errorf("Transcribe: %v, want context.Canceled", err)
		}
	})
}

func callOutlivesItsOpening(t *testing.T, tr pipeline.Transcriber) {
	l := listen(t, tr) // its opening's context has been cancelled
	l.final(l.stretch(speech()))
}

// framesAreLent: what is done to a frame after Write must not change what is heard.
func framesAreLent(t *testing.T, tr pipeline.Transcriber) {
	kept, lent := listen(t, tr), listen(t, tr)
	lent.scribble = true
	want := kept.final(kept.stretch(speech())).Text
	if got := lent.final(lent.stretch(speech())).Text; got != want {
		t.Errorf("understood %q of frames that were changed after Write, %q of the same that were not", got, want)
	}
}

func writeNeverWaits(t *testing.T, tr pipeline.Transcriber) {
	l := listen(t, tr)
	frame := media.Frame{PCM: make([]int16, 160), Rate: 8000}
	for i := range 500 {
		frame.At = time.Duration(i) * media.FrameTime
		began := time.Now()
		if err := l.Write(frame); err != nil && !errors.Is(err, pipeline.ErrBehind) {
			t.Fatalf("Write: %v, want nil or ErrBehind", err)
		}
		if took := time.Since(began); took > time.Second {
			t.Fatalf("Write took %v", took)
		}
	}
	for n := 1; n <= 2; n++ { // and it goes on
		l.mark(pipeline.Edge{Kind: pipeline.Began, N: n, At: frame.At})
		l.mark(pipeline.Edge{Kind: pipeline.Ended, N: n, At: frame.At})
		l.final(n)
	}
}

func readerMayBreak(t *testing.T, tr pipeline.Transcriber) {
	l := open(t, tr)
	n := l.stretch(speech())
	within(t, "the first reading", func() {
		for r, err := range l.Results() {
			if err != nil {
				t.Errorf("Results: %v", err)
			}
			if r.Kind == pipeline.Final && r.Edge == n {
				break
			}
		}
	})
	n = l.stretch(speech())
	if err := l.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	answered := false
	within(t, "the second reading", func() {
		for r, err := range l.Results() {
			if err != nil {
				t.Errorf("Results: %v", err)
			}
			answered = answered || r.Edge == n
		}
	})
	if !answered {
		t.Errorf("Ended %d was not answered to the second reader", n)
	}
}

// within fails the test if f hangs.
func within(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("%s did not return within %v", what, patience)
	}
}
