package providers

import (
	"context"
	"iter"
	"strings"
	"sync"
)

// retold is a text that can be told again from anywhere, as far as it was read, and goes on from there. It has one reader at a time, who
// is not kept waiting for text when it is given up: the text is pulled by a goroutine of its own, a piece at a time, when it is asked for.
//
//	text ──▶ pull ──a piece, when it is wanted──▶ told ──▶ the one who reads
type retold struct {
	wanted  chan struct{} // a piece is; closed when no more is
	pulled  chan struct{} // closed when nobody pulls any more
	arrived chan struct{} // a piece has

	mu     sync.Mutex
	told   strings.Builder
	asking bool  // for a piece that has not come
	over   bool  // that was all
	err    error // that the text ended with
}

func newRetold(text iter.Seq2[string, error]) *retold {
	t := &retold{wanted: make(chan struct{}, 1), pulled: make(chan struct{}), arrived: make(chan struct{}, 1)}
	go t.pull(text)
	return t
}

// stop lets go of the text, and waits for it.
func (t *retold) stop() {
	close(t.wanted)
	<-t.pulled
}

func (t *retold) pull(text iter.Seq2[string, error]) {
	defer close(t.pulled)
	defer t.keep("", nil, false)
	if _, ok := <-t.wanted; !ok {
		return
	}
	for s, err := range text {
		t.keep(s, err, true)
		if _, ok := <-t.wanted; !ok {
			return
		}
	}
}

// keep takes the next piece.
func (t *retold) keep(s string, err error, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case !ok:
		t.over = true
	case err != nil:
		t.err = err
	default:
		t.told.WriteString(s)
	}
	t.asking = false
	select {
	case t.arrived <- struct{}{}:
	default:
	}
}

// from is the text from its byte at on; when ctx ends first, with its cause. gave is told of each piece, and when the reader begins to wait for one.
func (t *retold) from(ctx context.Context, at int, gave func(waits bool)) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for {
			s, err, ok := t.after(ctx, at, gave)
			if !ok {
				return
			}
			at += len(s)
			if !yield(s, err) || err != nil {
				return
			}
		}
	}
}

// after is what there is of the text from its byte at on, waiting for it if need be; false: there is no more.
func (t *retold) after(ctx context.Context, at int, gave func(waits bool)) (string, error, bool) {
	for {
		t.mu.Lock()
		told, err, over := t.told.String(), t.err, t.over
		waits := len(told) <= at && err == nil && !over
		if waits && !t.asking {
			t.asking = true
			t.wanted <- struct{}{}
		}
		t.mu.Unlock()
		gave(waits)
		switch {
		case len(told) > at:
			return told[at:], nil, true
		case err != nil:
			return "", err, true
		case over:
			return "", nil, false
		}
		select {
		case <-t.arrived:
		case <-ctx.Done():
			return "", context.Cause(ctx), true
		}
	}
}

// state is all that was read, whether that is all, and whether it ended with an error.
func (t *retold) state() (told string, over, failed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.told.String(), t.over, t.err != nil
}
