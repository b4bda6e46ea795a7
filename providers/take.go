package providers

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"parley/media"
	"parley/pipeline"
)

// longestTake is how long a text that is known ahead may sound: a voice that does not end would fill the memory.
const longestTake = 5 * time.Minute

var errEndless = fmt.Errorf("the voice goes on for over %v", longestTake)

// A take is the sound of a text in a voice, while it is made and afterwards. It is made by a goroutine of its own, as long as anybody
// asks for it: the last to leave ends it, and waits for it.
type take struct {
	stop  context.CancelCauseFunc
	ended chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex
	askers  int
	left    bool // all of them, before it was made
	pcm     []int16
	words   []pipeline.Word
	done    bool
	err     error
	crash   any           // what the voice panicked with
	changed chan struct{} // closed at the next change; nil: nobody waits for it
}

// newTake is a take with one asker, and the context of its making: that outlives ctx, but keeps its values.
func newTake(ctx context.Context) (t *take, making context.Context) {
	t = &take{askers: 1, ended: make(chan struct{})}
	making, t.stop = context.WithCancelCause(context.WithoutCancel(ctx))
	return t, making
}

// join adds an asker; false if it is no good: it failed, or was left by all.
func (t *take) join() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.left || t.done && t.err != nil {
		return false
	}
	t.askers++
	return true
}

// leave takes an asker off.
func (t *take) leave() {
	t.mu.Lock()
	t.askers--
	last := t.askers == 0
	t.left = t.left || last && !t.done
	t.mu.Unlock()
	if last {
		t.stop(errLeft)
		<-t.ended
	}
}

var errLeft = errors.New("nobody asks for it any more")

// make asks the voice for text and tells kept, before anybody else, whether all of it came.
func (t *take) make(ctx context.Context, s pipeline.Synthesizer, text string, v pipeline.Voice, kept func(bool)) {
	defer close(t.ended)
	defer t.stop(nil)
	err := t.record(ctx, s, text, v)
	t.mu.Lock()
	if err == nil && t.left {
		err = errLeft
	}
	t.pcm, t.words = slices.Clip(t.pcm), slices.Clip(t.words)
	t.done, t.err = true, err
	t.mu.Unlock()
	kept(err == nil)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tell()
}

func (t *take) record(ctx context.Context, s pipeline.Synthesizer, text string, v pipeline.Voice) (err error) {
	defer func() {
		if crash := recover(); crash != nil {
			t.mu.Lock()
			t.crash = crash
			t.mu.Unlock()
			err = fmt.Errorf("the voice panicked: %v", crash)
		}
	}()
	most := int(longestTake.Seconds()) * v.Rate
	for sp, err := range s.Speak(ctx, whole(text), v) {
		if err != nil {
			return err
		}
		if t.add(sp) > most {
			return errEndless
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if t.size() == 0 {
		return errSilent
	}
	return nil
}

var errSilent = errors.New("no sound for the text")

// whole is a text in one piece.
func whole(text string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) { yield(text, nil) }
}

// add appends what the voice says and returns how many samples there are.
func (t *take) add(sp pipeline.Speech) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pcm = append(t.pcm, sp.PCM...)
	t.words = append(t.words, sp.Words...)
	t.tell()
	return len(t.pcm)
}

// tell wakes those who wait for a change; mu is held.
func (t *take) tell() {
	if t.changed != nil {
		close(t.changed)
		t.changed = nil
	}
}

// after is what there is beyond the first samples and words. There is more to come unless done; changed is closed when it has.
func (t *take) after(samples, words int) (sp pipeline.Speech, done bool, changed <-chan struct{}, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.crash != nil {
		panic(t.crash) // on the goroutine of the call whose voice it is
	}
	if !t.done && t.changed == nil {
		t.changed = make(chan struct{})
	}
	sp.PCM = t.pcm[samples:len(t.pcm):len(t.pcm)]
	sp.Words = t.words[words:len(t.words):len(t.words)]
	return sp, t.done, t.changed, t.err
}

// wait is until it is done, or ctx is.
func (t *take) wait(ctx context.Context) error {
	for {
		t.mu.Lock()
		if t.done {
			defer t.mu.Unlock()
			return t.err
		}
		if t.changed == nil {
			t.changed = make(chan struct{})
		}
		changed := t.changed
		t.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// size is its bytes.
func (t *take) size() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 2 * len(t.pcm)
	for _, w := range t.words {
		n += len(w.Text) + 40
	}
	return n
}

// pause is how long the silence at its end falls short of that between sentences.
func pause(pcm []int16, rate int) time.Duration {
	const faint = 100 // -50 dBFS
	n := 0
	for n < len(pcm) && max(pcm[len(pcm)-1-n], -pcm[len(pcm)-1-n]) < faint {
		n++
	}
	return max(0, betweenSentences-media.Samples(n, rate))
}

// betweenSentences is the usual silence between two sentences.
const betweenSentences = 300 * time.Millisecond
