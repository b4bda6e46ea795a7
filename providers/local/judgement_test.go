package local

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"parley/media"
	"parley/pipeline"
)

// magistrate is a turnModel for tests.
type magistrate struct {
	mu    sync.Mutex
	heard []time.Duration
	p     float64
	err   error
	began chan struct{} // told of each beginning, if not nil
	go_   chan struct{} // it waits for this, if not nil
}

func (m *magistrate) finished(pcm []float32) (float64, error) {
	m.mu.Lock()
	m.heard = append(m.heard, media.Samples(len(pcm), sttRate))
	m.mu.Unlock()
	if m.began != nil {
		m.began <- struct{}{}
	}
	if m.go_ != nil {
		<-m.go_
	}
	return m.p, m.err
}

// judged is a transcription with a recogniser and a judge, who may be at work or not.
func judged(t *testing.T, stt recogniser, m turnModel, works bool) *transcription {
	t.Helper()
	e := staffed(t, stt, 1)
	e.models.turns = m
	if works {
		ctx, stop := context.WithCancel(context.Background())
		var running sync.WaitGroup
		running.Go(func() { e.judges.run(ctx) })
		t.Cleanup(func() {
			stop()
			running.Wait()
		})
	}
	return transcribe(t, e)
}

// paused speaks for a second and returns what is told of the pause then.
func paused(t *testing.T, tr *transcription, meanwhile func()) pipeline.Transcript {
	t.Helper()
	mark(t, tr, pipeline.Began, 1, 0)
	tr.turn.nextLook = time.Hour // no partials
	talk(t, tr, 0, 1200*time.Millisecond)
	mark(t, tr, pipeline.MaybeEnded, 1, time.Second)
	meanwhile()
	for r, err := range tr.Results() {
		if err != nil || r.Kind != pipeline.EagerEnd {
			t.Errorf("told %v, %v, want EagerEnd", r.Kind, err)
		}
		return r
	}
	t.Fatal("nothing was told")
	return pipeline.Transcript{}
}

func TestJudgementComesWithTheGuess(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		p    float64
		err  error
		want float64
	}{
		"as it is":     {0.9, nil, 0.9},
		"least likely": {0, nil, leastLikely},
		"not at all":   {0.9, errors.New("broken"), 0},
	} {
		for _, wordsFirst := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				stt := &clerk{go_: make(chan struct{})}
				judge := &magistrate{p: tt.p, err: tt.err, began: make(chan struct{}, 1), go_: make(chan struct{})}
				gates := []chan struct{}{judge.go_, stt.go_}
				if wordsFirst {
					gates[0], gates[1] = gates[1], gates[0]
				}
				tr := judged(t, stt, judge, true)
				got := paused(t, tr, func() {
					<-judge.began
					close(gates[0])
					close(gates[1])
				})
				if got.Text != "1" || got.Finished != tt.want {
					t.Errorf("told %q, finished %.3f, want %.3f", got.Text, got.Finished, tt.want)
				}
				mark(t, tr, pipeline.Ended, 1, time.Second)
				wants(t, results(t, tr), "1:1")
			})
		}
	}
}

// Words do not wait for a judgement that nobody has begun.
func TestJudgementIsForgone(t *testing.T) {
	t.Parallel()
	tr := judged(t, &clerk{}, &magistrate{p: 0.9}, false)
	if got := paused(t, tr, func() {}); got.Text != "1" || got.Finished != 0 {
		t.Errorf("told %q, finished %.3f, want it not to be known", got.Text, got.Finished)
	}
	mark(t, tr, pipeline.Ended, 1, time.Second)
	wants(t, results(t, tr), "1:1")
}

// A caller's turn is judged with its earlier stretches, as far as they are of the same turn, but for no more than 8 s.
func TestTurnIsJudgedFromItsBeginning(t *testing.T) {
	t.Parallel()
	judge := &magistrate{p: 0.9, began: make(chan struct{}, 9)}
	var words sync.Mutex // or they might come before the judge has begun, and not wait
	tr := judged(t, &clerk{write: func(n int, _ time.Duration) (string, error) {
		words.Lock()
		defer words.Unlock()
		return strconv.Itoa(n), nil
	}}, judge, true)
	speak := func(n int, from, to time.Duration) { // and pause for 200 ms
		t.Helper()
		talk(t, tr, tr.tape.end(8000), from+100*time.Millisecond-tr.tape.end(8000))
		mark(t, tr, pipeline.Began, n, from)
		tr.turn.nextLook = time.Hour
		talk(t, tr, from+100*time.Millisecond, to+100*time.Millisecond-from)
		words.Lock()
		mark(t, tr, pipeline.MaybeEnded, n, to)
		<-judge.began
		words.Unlock()
		mark(t, tr, pipeline.Ended, n, to)
	}
	talk(t, tr, 0, time.Second)
	speak(1, 5*time.Second, 6*time.Second)
	speak(2, 7500*time.Millisecond, 9*time.Second)   // 1.5 s later
	speak(3, 12*time.Second, 13*time.Second)         // 3 s later
	speak(4, 14*time.Second, 23*time.Second)         // longer than is looked at
	speak(5, 23500*time.Millisecond, 24*time.Second) // the same turn still
	want := []time.Duration{1400 * time.Millisecond, 4400 * time.Millisecond, 1400 * time.Millisecond, 8 * time.Second, 8 * time.Second}
	if got := judge.heard; len(got) != len(want) {
		t.Fatalf("judged %v, want %v", got, want)
	}
	for i, got := range judge.heard {
		if d := got - want[i]; d < -20*time.Millisecond || d > 20*time.Millisecond {
			t.Errorf("stretch %d: judged %v, want %v", i+1, got, want[i])
		}
	}
	if held := media.Samples(cap(tr.tape.pcm), 8000); held > 40*time.Second {
		t.Errorf("the tape is of %v", held)
	}
}

// What was long and ended in a pause is not recognised again.
func TestLongGuessBecomesAPiece(t *testing.T) {
	t.Parallel()
	stt := &clerk{began: make(chan struct{}, 9)}
	tr := transcribe(t, staffed(t, stt, 1))
	mark(t, tr, pipeline.Began, 1, 0)
	tr.turn.nextLook = time.Hour // no partials
	talk(t, tr, 0, 6200*time.Millisecond)
	mark(t, tr, pipeline.MaybeEnded, 1, 6*time.Second)
	<-stt.began
	mark(t, tr, pipeline.Resumed, 1, 6300*time.Millisecond)
	tr.turn.nextLook = time.Hour
	talk(t, tr, 6200*time.Millisecond, 2*time.Second)
	mark(t, tr, pipeline.Ended, 1, 8*time.Second)
	wants(t, results(t, tr), "1:1 2")
	for i, want := range []time.Duration{6100 * time.Millisecond, 2000 * time.Millisecond} {
		if got := stt.heard[i]; got < want-media.FrameTime || got > want+media.FrameTime {
			t.Errorf("piece %d is %v, want %v", i, got, want)
		}
	}
}
