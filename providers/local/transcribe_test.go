package local

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/media"
	"parley/pipeline"
)

// clerk is a recogniser for tests: it writes down how long what it heard is.
type clerk struct {
	mu    sync.Mutex
	heard []time.Duration
	write func(n int, d time.Duration) (string, error) // what it makes of the n-th; default "n"
	began chan struct{}                                // told of each beginning, if not nil
	go_   chan struct{}                                // it waits for this, if not nil
}

func (c *clerk) recognise(pcm []float32, stop func() bool) (string, error) {
	c.mu.Lock()
	d := media.Samples(len(pcm), sttRate)
	c.heard = append(c.heard, d)
	n := len(c.heard)
	c.mu.Unlock()
	if c.began != nil {
		c.began <- struct{}{}
	}
	if c.go_ != nil {
		<-c.go_
	}
	if stop() {
		return "", errStopped
	}
	if c.write != nil {
		return c.write(n, d)
	}
	return fmt.Sprint(n), nil
}

func (c *clerk) times() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.heard)
}

// staffed is an engine at work with stt and as many workers.
func staffed(t *testing.T, stt recogniser, workers int) *Engine {
	t.Helper()
	e := New(Options{Workers: workers})
	e.models = models{stt: stt, report: Report{Ear: Part{Level: EarEnergy}}}
	close(e.ready)
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { e.pool.run(ctx) })
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	return e
}

func transcribe(t *testing.T, e *Engine) *transcription {
	t.Helper()
	tr, err := e.Transcribe(t.Context(), pipeline.Listening{Rate: 8000})
	if err != nil {
		t.Fatal(err)
	}
	return tr.(*transcription)
}

// talk writes d of sound from at on.
func talk(t *testing.T, tr *transcription, at, d time.Duration) {
	t.Helper()
	pcm := make([]int16, 160)
	for i := range pcm {
		pcm[i] = int16(4000 * (i%8 - 4))
	}
	for end := at + d; at < end; at += media.FrameTime {
		if err := tr.Write(media.Frame{PCM: pcm, Rate: 8000, At: at}); err != nil {
			t.Fatal(err)
		}
	}
}

func mark(t *testing.T, tr *transcription, kind pipeline.EdgeKind, n int, at time.Duration) {
	t.Helper()
	if err := tr.Mark(pipeline.Edge{Kind: kind, N: n, At: at}); err != nil {
		t.Fatal(err)
	}
}

// results closes tr and returns what came of it: "n:text" of Finals.
func results(t *testing.T, tr *transcription) []string {
	t.Helper()
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	var out []string
	for r, err := range tr.Results() {
		if err != nil {
			t.Fatal(err)
		}
		if r.Kind == pipeline.Final {
			out = append(out, fmt.Sprintf("%d:%s", r.Edge, r.Text))
		}
	}
	return out
}

func wants(t *testing.T, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("finals (-want +got):\n%s", diff)
	}
}

func TestGuessIsTheAnswer(t *testing.T) {
	t.Parallel()
	stt := &clerk{}
	tr := transcribe(t, staffed(t, stt, 1))
	talk(t, tr, 0, 1100*time.Millisecond)
	mark(t, tr, pipeline.Began, 1, time.Second)
	tr.turn.nextLook = time.Hour // no partials
	talk(t, tr, 1100*time.Millisecond, 1900*time.Millisecond)
	mark(t, tr, pipeline.MaybeEnded, 1, 2500*time.Millisecond)
	talk(t, tr, 3*time.Second, 300*time.Millisecond)
	mark(t, tr, pipeline.Ended, 1, 2500*time.Millisecond)
	wants(t, results(t, tr), "1:1")
	if got := stt.times(); got != 1 {
		t.Errorf("recognised %d times, want once", got)
	}
	if got, want := stt.heard[0], 200*time.Millisecond+1500*time.Millisecond+100*time.Millisecond; got < want-media.FrameTime || got > want+media.FrameTime {
		t.Errorf("heard %v, want %v: pre-roll, speech, and a tenth of a second of the hangover", got, want)
	}
}

func TestGuessIsToldBeforeTheEnd(t *testing.T) {
	t.Parallel()
	stt := &clerk{write: func(int, time.Duration) (string, error) { return "Won.", nil }}
	tr := transcribe(t, staffed(t, stt, 1))
	tr.Expect([]string{"one", "two"})
	mark(t, tr, pipeline.Began, 1, 0)
	tr.turn.nextLook = time.Hour // no partials
	talk(t, tr, 0, 600*time.Millisecond)
	mark(t, tr, pipeline.MaybeEnded, 1, 400*time.Millisecond)
	for r, err := range tr.Results() { // before Ended
		if err != nil || r.Kind != pipeline.EagerEnd || r.Text != "one" {
			t.Errorf("got %v %q, %v: want EagerEnd with the word as it will be settled", r.Kind, r.Text, err)
		}
		break
	}
	mark(t, tr, pipeline.Ended, 1, 400*time.Millisecond)
	wants(t, results(t, tr), "1:one")
}

func TestGuessIsGivenUpWhenTheCallerGoesOn(t *testing.T) {
	t.Parallel()
	stt := &clerk{began: make(chan struct{}, 9)}
	tr := transcribe(t, staffed(t, stt, 1))
	mark(t, tr, pipeline.Began, 1, 0)
	tr.turn.nextLook = time.Hour // no partials
	talk(t, tr, 0, 2*time.Second)
	mark(t, tr, pipeline.MaybeEnded, 1, 1800*time.Millisecond)
	<-stt.began
	mark(t, tr, pipeline.Resumed, 1, 2*time.Second)
	talk(t, tr, 2*time.Second, 2*time.Second)
	mark(t, tr, pipeline.Ended, 1, 3900*time.Millisecond)
	wants(t, results(t, tr), "1:2")
	if stt.heard[1] < 3900*time.Millisecond {
		t.Errorf("the answer is of %v of speech, want all of it", stt.heard[1])
	}
}

func TestEveryEndedIsAnswered(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		write func(int, time.Duration) (string, error)
		want  []string
	}{
		{"nothing understood", func(int, time.Duration) (string, error) { return "", nil }, []string{"1:", "2:"}},
		{"failure", func(int, time.Duration) (string, error) { return "", errors.New("broken") }, []string{"1:", "2:"}},
		{"empty at first", func(n int, _ time.Duration) (string, error) { return strings.Repeat("yes", (n+1)%2), nil }, []string{"1:yes", "2:yes"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			stt := &clerk{write: tt.write}
			tr := transcribe(t, staffed(t, stt, 1))
			for n := 1; n <= 2; n++ {
				at := time.Duration(n) * 2 * time.Second
				talk(t, tr, at, time.Second)
				mark(t, tr, pipeline.Began, n, at+500*time.Millisecond)
				mark(t, tr, pipeline.Ended, n, at+900*time.Millisecond)
			}
			wants(t, results(t, tr), tt.want...)
		})
	}
}

func TestEndedWithoutBeginningIsAnswered(t *testing.T) {
	t.Parallel()
	tr := transcribe(t, staffed(t, &clerk{}, 1))
	mark(t, tr, pipeline.Ended, 7, time.Second)
	wants(t, results(t, tr), "7:")
}

func TestOverload(t *testing.T) {
	t.Parallel()
	stt := &clerk{began: make(chan struct{}, 1000), go_: make(chan struct{})}
	e := staffed(t, stt, 1)
	const turns = 40
	var all []*transcription
	for range turns {
		tr := transcribe(t, e)
		talk(t, tr, 0, time.Second)
		mark(t, tr, pipeline.Began, 1, 200*time.Millisecond)
		mark(t, tr, pipeline.Ended, 1, 800*time.Millisecond)
		all = append(all, tr)
	}
	close(stt.go_)
	answered := 0
	for _, tr := range all {
		got := results(t, tr)
		if len(got) != 1 || !strings.HasPrefix(got[0], "1:") {
			t.Fatalf("finals %q, want one that answers 1", got)
		}
		if got[0] != "1:" {
			answered++
		}
	}
	if want := 1 + waiting[urgent]; answered < want-1 || answered > want {
		t.Errorf("%d of %d turns were recognised, want %d: one at work and as many as may wait", answered, turns, want)
	}
}

// TestPatientWaits: of a recording, nothing is guessed ahead, and what live calls need goes first, however late it came.
func TestPatientWaits(t *testing.T) {
	t.Parallel()
	stt := &clerk{began: make(chan struct{}, 100), go_: make(chan struct{})}
	e := staffed(t, stt, 1)
	speak := func(patient bool) *transcription {
		opened, err := e.Transcribe(t.Context(), pipeline.Listening{Rate: 8000, Patient: patient})
		if err != nil {
			t.Fatal(err)
		}
		tr := opened.(*transcription)
		mark(t, tr, pipeline.Began, 1, 0)
		talk(t, tr, 0, 2*time.Second)
		mark(t, tr, pipeline.MaybeEnded, 1, 1900*time.Millisecond)
		mark(t, tr, pipeline.Ended, 1, 1900*time.Millisecond)
		return tr
	}
	busy := speak(false)
	<-stt.began // with this, the only worker
	recording, live := speak(true), speak(false)
	close(stt.go_)
	wants(t, results(t, busy), "1:1")
	wants(t, results(t, live), "1:2")
	wants(t, results(t, recording), "1:3")
	if n := stt.times(); n != 3 {
		t.Errorf("%d takes were heard, want 3", n)
	}
}

func TestMonologueIsCutIntoPieces(t *testing.T) {
	t.Parallel()
	stt := &clerk{write: func(_ int, d time.Duration) (string, error) {
		if d < 8*time.Second {
			return "end", nil
		}
		return "piece", nil
	}}
	tr := transcribe(t, staffed(t, stt, 1))
	mark(t, tr, pipeline.Began, 1, 0)
	tr.turn.nextLook = time.Hour // no partials
	talk(t, tr, 0, 30*time.Second)
	mark(t, tr, pipeline.Ended, 1, 30*time.Second)
	wants(t, results(t, tr), "1:piece piece piece")
	var sum time.Duration
	for _, d := range stt.heard {
		sum += d
		if d > pieceMost {
			t.Errorf("a piece of %v, want %v at most", d, pieceMost)
		}
	}
	if sum < 29*time.Second || sum > 31*time.Second {
		t.Errorf("%v of speech went to the recogniser, want 30 s", sum)
	}
}

func TestPartialsAreWhatTwoAgreeOn(t *testing.T) {
	t.Parallel()
	tr := transcribe(t, staffed(t, &clerk{}, 1))
	u := &turn{n: 1}
	var got []string
	for _, text := range []string{"I would", "I would like two", "I'd like to book", "I'd like to book, a table", "I'd like to"} {
		tr.mu.Lock()
		tr.agree(u, text)
		tr.mu.Unlock()
		if r, more, _ := tr.take(); more {
			got = append(got, r.Text)
		}
	}
	want := []string{"I would", "I'd like to book,"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("partials (-want +got):\n%s", diff)
	}
}

func TestPartialsAreForIdleWorkers(t *testing.T) {
	t.Parallel()
	stt := &clerk{began: make(chan struct{}, 9), go_: make(chan struct{})}
	e := staffed(t, stt, 1)
	busy, tr := transcribe(t, e), transcribe(t, e)
	talk(t, busy, 0, time.Second)
	mark(t, busy, pipeline.Began, 1, 0)
	mark(t, busy, pipeline.Ended, 1, time.Second)
	<-stt.began
	mark(t, tr, pipeline.Began, 1, 0)
	talk(t, tr, 0, 5*time.Second)
	if got := stt.times(); got != 1 || tr.turn.partial != nil {
		t.Errorf("recognised %d times, want only the final that keeps the worker busy", got)
	}
	close(stt.go_)
	wants(t, results(t, busy), "1:1")
	for !e.pool.idle() { // the worker puts down its work
		runtime.Gosched()
	}
	talk(t, tr, 5*time.Second, media.FrameTime)
	<-stt.began
	wants(t, results(t, tr), "0:3")
}

func TestWordsExpectedAreSnappedTo(t *testing.T) {
	t.Parallel()
	for _, exact := range []bool{false, true} {
		e := staffed(t, &clerk{write: func(int, time.Duration) (string, error) { return "Ate.", nil }}, 1)
		e.exact = exact
		tr := transcribe(t, e)
		talk(t, tr, 0, time.Second)
		mark(t, tr, pipeline.Began, 1, 0)
		tr.Expect([]string{"one", "eight"})
		mark(t, tr, pipeline.Ended, 1, time.Second)
		want := "1:eight"
		if exact {
			want = "1:Ate."
		}
		wants(t, results(t, tr), want)
	}
}

func TestCloseFlushes(t *testing.T) {
	t.Parallel()
	tr := transcribe(t, staffed(t, &clerk{}, 1))
	talk(t, tr, 0, time.Second)
	mark(t, tr, pipeline.Began, 1, 0)
	wants(t, results(t, tr), "0:1")
	if err := tr.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

// What waits when the engine stops is answered, so that no reader of Results waits for ever.
func TestEngineStops(t *testing.T) {
	t.Parallel()
	stt := &clerk{began: make(chan struct{}, 9), go_: make(chan struct{})}
	e := New(Options{Workers: 1})
	e.models = models{stt: stt}
	close(e.ready)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { e.pool.run(ctx) })
	busy, waits := transcribe(t, e), transcribe(t, e)
	for _, tr := range []*transcription{busy, waits} {
		talk(t, tr, 0, time.Second)
		mark(t, tr, pipeline.Began, 1, 0)
		mark(t, tr, pipeline.Ended, 1, time.Second)
	}
	<-stt.began
	e.pool.close()
	stop()
	close(stt.go_)
	running.Wait()
	wants(t, results(t, waits), "1:")
	wants(t, results(t, busy), "1:1")
	late := transcribe(t, e)
	talk(t, late, 0, time.Second)
	mark(t, late, pipeline.Began, 1, 0)
	mark(t, late, pipeline.Ended, 1, time.Second)
	wants(t, results(t, late), "1:")
}

func TestNoRecogniserAnswersAtOnce(t *testing.T) {
	t.Parallel()
	tr := transcribe(t, staffed(t, nil, 1))
	talk(t, tr, 0, time.Second)
	mark(t, tr, pipeline.Began, 1, 0)
	mark(t, tr, pipeline.Ended, 1, time.Second)
	wants(t, results(t, tr), "1:")
}

func TestTranscribeRefuses(t *testing.T) {
	t.Parallel()
	e := staffed(t, &clerk{}, 1)
	for _, tt := range []struct {
		o    pipeline.Listening
		want string
	}{
		{pipeline.Listening{Rate: 44100}, "Rate is 44100"},
		{pipeline.Listening{Rate: 8000, Lang: "de-DE"}, `Lang is "de-DE"`},
	} {
		if _, err := e.Transcribe(t.Context(), tt.o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: error %v, want one with %q", tt.o, err, tt.want)
		}
	}
}

func TestWritingAllocatesNothing(t *testing.T) {
	tr := transcribe(t, staffed(t, &clerk{}, 1))
	pcm := make([]int16, 160)
	at := time.Duration(0)
	write := func() {
		_ = tr.Write(media.Frame{PCM: pcm, Rate: 8000, At: at})
		at += media.FrameTime
	}
	for range 200 {
		write()
	}
	if n := testing.AllocsPerRun(1000, write); n != 0 {
		t.Errorf("%v allocations a frame between turns, want 0", n)
	}
}
