package providers_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley/media"
	"parley/pipeline"
	"parley/providers"
	"parley/providers/deepgram"
	"parley/providers/providertest"
)

var errEar = errors.New("the recogniser failed")

// A scribe is a recogniser that understands what sounds of speakers say: each sample is a word's own.
type scribe struct {
	refuses func() error     // when it is opened; nil: never
	opens   time.Duration    // how long that takes
	answers time.Duration    // how long an Ended waits
	dies    time.Duration    // when, of sound that it was written; 0: never
	behind  bool             // it drops everything
	mute    bool             // it understands nothing
	never   bool             // it answers nothing
	twice   bool             // each Final comes twice
	turns   bool             // words come with EndOfTurn, 700 ms after their Ended
	heard   map[int16]string // words by their sample
	mu      sync.Mutex
	opened  int
	closed  int
}

type dying struct {
	pipeline.Transcription
	s       *scribe
	mu      sync.Mutex
	sound   time.Duration
	last    int16
	words   []pipeline.Word
	queue   []pipeline.Transcript
	news    chan struct{}
	over    bool
	err     error
	pending sync.WaitGroup
}

func (s *scribe) Transcribe(ctx context.Context, _ pipeline.Listening) (pipeline.Transcription, error) {
	select {
	case <-time.After(s.opens):
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if s.refuses != nil {
		if err := s.refuses(); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened++
	return &dying{s: s, news: make(chan struct{}, 1)}, nil
}

func (d *dying) put(tr ...pipeline.Transcript) {
	d.mu.Lock()
	d.queue = append(d.queue, tr...)
	d.mu.Unlock()
	d.tell()
}

func (d *dying) tell() {
	select {
	case d.news <- struct{}{}:
	default:
	}
}

func (d *dying) end(err error) {
	d.mu.Lock()
	if !d.over {
		d.over, d.err = true, err
	}
	d.mu.Unlock()
	d.tell()
}

func (d *dying) Write(f media.Frame) error {
	d.mu.Lock()
	over := d.over
	d.sound += f.Duration()
	dies := d.s.dies > 0 && d.sound >= d.s.dies
	if at := f.PCM[len(f.PCM)/2]; at != d.last {
		if word := d.s.heard[at]; word != "" && !d.s.mute && !d.s.behind {
			d.words = append(d.words, pipeline.Word{Text: word, Start: f.At, End: f.At + perWord})
			d.queue = append(d.queue, pipeline.Transcript{Kind: pipeline.Partial, Text: words(d.words), Words: slices.Clone(d.words)})
		}
		d.last = at
	}
	d.mu.Unlock()
	d.tell()
	switch {
	case over:
		return errEar
	case dies:
		d.end(errEar)
		return nil
	case d.s.behind:
		return pipeline.ErrBehind
	}
	return nil
}

func words(all []pipeline.Word) string {
	var texts []string
	for _, w := range all {
		texts = append(texts, w.Text)
	}
	return strings.Join(texts, " ")
}

func (d *dying) Mark(e pipeline.Edge) error {
	if e.Kind != pipeline.Ended || d.s.never {
		return nil
	}
	wait := d.s.answers
	if d.s.turns {
		wait = 700 * time.Millisecond
	}
	d.pending.Go(func() {
		time.Sleep(wait)
		d.mu.Lock()
		said := d.words
		d.words = nil
		over := d.over
		d.mu.Unlock()
		if over {
			return
		}
		final := pipeline.Transcript{Kind: pipeline.Final, Text: words(said), Words: said, Edge: e.N}
		if d.s.turns {
			if final.Text = ""; len(said) > 0 {
				d.put(pipeline.Transcript{Kind: pipeline.EndOfTurn, Text: words(said), Words: said})
			}
			final.Words = nil
		}
		d.put(final)
		if d.s.twice {
			d.put(final)
		}
	})
	return nil
}

func (d *dying) Expect([]string) {}

func (d *dying) Results() iter.Seq2[pipeline.Transcript, error] {
	return func(yield func(pipeline.Transcript, error) bool) {
		for {
			d.mu.Lock()
			if len(d.queue) > 0 {
				tr := d.queue[0]
				d.queue = d.queue[1:]
				d.mu.Unlock()
				if !yield(tr, nil) {
					return
				}
				continue
			}
			over, err := d.over, d.err
			d.mu.Unlock()
			if over {
				if err != nil {
					yield(pipeline.Transcript{}, err)
				}
				return
			}
			<-d.news
		}
	}
}

func (d *dying) Close() error {
	d.pending.Wait()
	d.end(nil)
	d.s.mu.Lock()
	defer d.s.mu.Unlock()
	d.s.closed++
	return nil
}

// A told is what came of a call's speech.
type told struct {
	finals map[int]int // answers, by Ended
	words  []pipeline.Word
	late   time.Duration // the longest wait of an Ended
	err    error
}

const rate16 = 16000

// converse says stretches of words to a recogniser, one frame every 20 ms, with a pause after each, and returns what came of it.
func converse(t *testing.T, r pipeline.Transcriber, stretches []string) (got told, spoken []pipeline.Word) {
	t.Helper()
	tr, err := r.Transcribe(t.Context(), pipeline.Listening{Rate: rate16})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	ended := map[int]time.Time{}
	got.finals = map[int]int{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for r, err := range tr.Results() {
			mu.Lock()
			if got.err = err; err == nil && (r.Kind == pipeline.Final || r.Kind == pipeline.EndOfTurn) {
				got.words = append(got.words, r.Words...)
				if r.Edge != 0 {
					got.finals[r.Edge]++
					got.late = max(got.late, time.Since(ended[r.Edge]))
				}
			}
			mu.Unlock()
		}
	}()
	at := time.Duration(0)
	write := func(sample int16, d time.Duration) {
		pcm := make([]int16, rate16/50)
		for i := range pcm {
			pcm[i] = sample
		}
		for ; d > 0; d -= media.FrameTime {
			if err := tr.Write(media.Frame{PCM: pcm, Rate: rate16, At: at}); err != nil && !errors.Is(err, pipeline.ErrBehind) {
				return
			}
			at += media.FrameTime
			time.Sleep(media.FrameTime)
		}
	}
	mark := func(e pipeline.Edge) {
		mu.Lock()
		if e.Kind == pipeline.Ended {
			ended[e.N] = time.Now()
		}
		mu.Unlock()
		_ = tr.Mark(e) // it says by its results what is wrong
	}
	write(0, time.Second)
	for i, s := range stretches {
		began := at
		for k, word := range strings.Fields(s) {
			spoken = append(spoken, pipeline.Word{Text: word, Start: at, End: at + perWord})
			write(sample(word), perWord)
			if k == 0 {
				mark(pipeline.Edge{Kind: pipeline.Began, N: i + 1, At: began, Sure: true})
			}
		}
		end := at
		write(0, 500*time.Millisecond)
		mark(pipeline.Edge{Kind: pipeline.Ended, N: i + 1, At: end})
		write(0, 3*time.Second)
	}
	if err := tr.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	<-done
	return got, spoken
}

// stretches are n of four words each, all different.
func stretches(n int) (all []string, heard map[int16]string) {
	heard = map[int16]string{}
	for i := 0; len(all) < n; {
		var four []string
		for ; len(four) < 4; i++ {
			word := fmt.Sprintf("word%d", i)
			if heard[sample(word)] == "" {
				heard[sample(word)] = word
				four = append(four, word)
			}
		}
		all = append(all, strings.Join(four, " "))
	}
	return all, heard
}

func TestRecognisersGoOn(t *testing.T) {
	t.Parallel()
	refuse := func() error { return errEar }
	for name, c := range map[string]struct {
		first *scribe
		late  time.Duration // an Ended waits at most
		lost  int           // words that cannot be had, at most
		fails int
	}{
		"is well":                                {&scribe{}, 0, 0, 0},
		"refuses":                                {&scribe{refuses: refuse}, 0, 0, 1},
		"does not open":                          {&scribe{opens: time.Hour}, 0, 0, 1},
		"dies in a pause":                        {&scribe{dies: 5 * time.Second}, 0, 0, 1},
		"dies in speech":                         {&scribe{dies: 5600 * time.Millisecond}, 0, 0, 1},
		"dies after speech":                      {&scribe{dies: 6200 * time.Millisecond, answers: 300 * time.Millisecond}, 300 * time.Millisecond, 0, 1},
		"never answers":                          {&scribe{never: true}, 1500 * time.Millisecond, 0, 1},
		"answers late":                           {&scribe{answers: 5 * time.Second}, 1500 * time.Millisecond, 0, 1},
		"understands nothing":                    {&scribe{mute: true}, 0, 8, 1},
		"is behind":                              {&scribe{behind: true, never: true}, 3 * time.Second, 0, 1},
		"says it twice":                          {&scribe{twice: true}, 0, 0, 0},
		"finds turns":                            {&scribe{turns: true}, 700 * time.Millisecond, 0, 0},
		"finds turns, dies before one has ended": {&scribe{turns: true, dies: 6500 * time.Millisecond}, 700 * time.Millisecond, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				say, heard := stretches(5)
				c.first.heard = heard
				second := &scribe{heard: heard}
				fails := 0
				r := &providers.Recognisers{
					All:    []providers.Recogniser{{Transcriber: c.first, Turns: func(pipeline.Listening) bool { return c.first.turns }}, {Transcriber: second}},
					Rest:   time.Hour,
					Failed: func(_, _ int, err error) { fails++ },
				}
				got, spoken := converse(t, r, say)
				if got.err != nil {
					t.Errorf("it ended with %v", got.err)
				}
				for n := range say {
					if k := got.finals[n+1]; k != 1 {
						t.Errorf("Ended %d was answered %d times", n+1, k)
					}
				}
				if missing := onceEach(t, spoken, got.words); missing > c.lost {
					t.Errorf("%d words are lost: %v", missing, got.words)
				}
				if got.late > c.late {
					t.Errorf("an Ended has waited for %v, want %v at most", got.late, c.late)
				}
				if fails != c.fails {
					t.Errorf("told of %d failures, want %d", fails, c.fails)
				}
				if c.first.opened != c.first.closed || second.opened != second.closed {
					t.Errorf("of %d and %d transcriptions %d and %d were closed", c.first.opened, second.opened, c.first.closed, second.closed)
				}
				if err := r.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// onceEach fails unless got are words that were spoken, at their times, each at most once and in their order; it returns how many are missing.
func onceEach(t *testing.T, spoken, got []pipeline.Word) (missing int) {
	t.Helper()
	for _, w := range got {
		i := slices.IndexFunc(spoken, func(s pipeline.Word) bool { return s.Text == w.Text })
		if i < 0 {
			t.Fatalf("%q was told a second time, or out of order", w.Text)
		}
		if d := (w.Start - spoken[i].Start).Abs(); d > media.FrameTime {
			t.Errorf("%q has moved by %v", w.Text, d)
		}
		missing += i
		spoken = spoken[i+1:]
	}
	return missing + len(spoken)
}

// TestRecognisersGoBack: a call goes back to the better one at a pause, when that is well again.
func TestRecognisersGoBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		say, heard := stretches(8)
		began := time.Now()
		first := &scribe{heard: heard, refuses: func() error {
			if time.Since(began) < 10*time.Second {
				return errEar
			}
			return nil
		}}
		second := &scribe{heard: heard}
		r := &providers.Recognisers{All: []providers.Recogniser{{Transcriber: first}, {Transcriber: second}}, Probe: time.Second}
		got, spoken := converse(t, r, say)
		if missing := onceEach(t, spoken, got.words); missing > 0 || len(got.finals) != len(say) || got.err != nil {
			t.Errorf("%d words are lost, %d of %d Endeds were answered, error %v", missing, len(got.finals), len(say), got.err)
		}
		if first.opened != 2 { // by a probe, and by the call
			t.Errorf("the first was opened %d times", first.opened)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestRecognisersAllFail: an error ends the results, after all were tried again, and nothing hangs.
func TestRecognisersAllFail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		say, heard := stretches(3)
		refuses := false
		refuse := func() error {
			if refuses {
				return errEar
			}
			refuses = true
			return nil
		}
		all := []providers.Recogniser{{Transcriber: &scribe{heard: heard, dies: 4 * time.Second, refuses: refuse}}, {Transcriber: &scribe{refuses: refuse}}}
		r := &providers.Recognisers{All: all}
		if got, _ := converse(t, r, say); !errors.Is(got.err, errEar) {
			t.Errorf("it ended with %v", got.err)
		}
		dead := &providers.Recognisers{All: []providers.Recogniser{{Transcriber: &scribe{refuses: func() error { return errEar }}}}}
		if _, err := dead.Transcribe(t.Context(), pipeline.Listening{Rate: 8000}); !errors.Is(err, errEar) {
			t.Errorf("Transcribe: %v", err)
		}
	})
}

// TestRecognisersAreATranscriber holds them to the contract, with a real client and a fake vendor before and behind one that is gone.
func TestRecognisersAreATranscriber(t *testing.T) {
	t.Parallel()
	gone := &scribe{refuses: func() error { return errEar }}
	for name, dead := range map[string]bool{"the first hears": false, "the second hears": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			providertest.Transcriber(t, func(t *testing.T) pipeline.Transcriber {
				server := &providertest.Deepgram{Key: "secret"}
				well := &deepgram.Client{BaseURL: providertest.StartDeepgram(t, server), Key: server.Key, Log: slog.New(slog.DiscardHandler)}
				all := []providers.Recogniser{{Transcriber: well}, {Transcriber: gone}}
				if dead {
					slices.Reverse(all)
				}
				return &providers.Recognisers{All: all}
			})
		})
	}
}

// A still is a recogniser that does nothing, at no cost.
type still struct {
	pipeline.Transcription
	over chan struct{}
}

func (still) Transcribe(context.Context, pipeline.Listening) (pipeline.Transcription, error) {
	return still{over: make(chan struct{})}, nil
}
func (still) Write(media.Frame) error  { return nil }
func (still) Mark(pipeline.Edge) error { return nil }
func (s still) Close() error           { close(s.over); return nil }
func (s still) Results() iter.Seq2[pipeline.Transcript, error] {
	return func(func(pipeline.Transcript, error) bool) { <-s.over }
}

// TestRecognisersAllocateNothing on a frame's way.
func TestRecognisersAllocateNothing(t *testing.T) {
	r := &providers.Recognisers{All: []providers.Recogniser{{Transcriber: still{}}, {Transcriber: still{}}}}
	tr, err := r.Transcribe(t.Context(), pipeline.Listening{Rate: 8000})
	if err != nil {
		t.Fatal(err)
	}
	f := media.Frame{PCM: make([]int16, 160), Rate: 8000}
	write := func() {
		f.At += media.FrameTime
		if err := tr.Write(f); err != nil {
			t.Fatal(err)
		}
	}
	for range 1000 {
		write()
	}
	if n := testing.AllocsPerRun(2000, write); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
	if err := tr.Close(); err != nil {
		t.Error(err)
	}
}

// A halting recogniser's transcription takes its time with a frame, and then fails.
type halting struct {
	pipeline.Transcription
	asked, fail chan struct{}
	closed      chan struct{}
}

func (h *halting) Transcribe(context.Context, pipeline.Listening) (pipeline.Transcription, error) {
	return h, nil
}
func (h *halting) Mark(pipeline.Edge) error { return nil }
func (h *halting) Write(media.Frame) error {
	close(h.asked)
	<-h.fail
	return errEar
}

func (h *halting) Results() iter.Seq2[pipeline.Transcript, error] {
	return func(func(pipeline.Transcript, error) bool) { <-h.closed }
}
func (h *halting) Close() error { close(h.closed); return nil }

// TestRecognisersCloseWhoFailsAtTheEnd: who fails while it is told again what came before, when the call's transcription is being closed
// already, is closed too.
func TestRecognisersCloseWhoFailsAtTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		next := &halting{asked: make(chan struct{}), fail: make(chan struct{}), closed: make(chan struct{})}
		r := &providers.Recognisers{All: []providers.Recogniser{{Transcriber: &scribe{dies: media.FrameTime}}, {Transcriber: next}}, Rest: time.Hour}
		tr, err := r.Transcribe(t.Context(), pipeline.Listening{Rate: rate16})
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.Write(media.Frame{PCM: make([]int16, rate16/50), Rate: rate16}); err != nil {
			t.Fatal(err)
		}
		<-next.asked
		done := make(chan error)
		go func() { done <- tr.Close() }()
		synctest.Wait()
		close(next.fail)
		synctest.Wait()
		select {
		case <-next.closed:
		default:
			t.Error("it was not closed")
			close(next.closed)
		}
		if err := <-done; err != nil {
			t.Errorf("Close: %v", err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}
