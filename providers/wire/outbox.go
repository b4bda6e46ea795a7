package wire

import (
	"iter"
	"sync"

	"parley/pipeline"
)

// maxFinals is how many Finals wait for a reader; beyond it the oldest is lost. A call makes one every few seconds.
const maxFinals = 64

// An Outbox carries transcripts to their one reader: every Final in order, and the newest Partial after them. It never makes the
// writer wait. Its methods may be called by any goroutine.
type Outbox struct {
	news chan struct{}

	mu      sync.Mutex
	finals  []pipeline.Transcript
	partial *pipeline.Transcript
	ended   bool
	err     error
}

// NewOutbox is an empty one.
func NewOutbox() *Outbox { return &Outbox{news: make(chan struct{}, 1)} }

// Put adds a transcript. A Partial replaces the one that waits, and goes when anything else comes.
func (o *Outbox) Put(tr pipeline.Transcript) {
	o.mu.Lock()
	if tr.Kind == pipeline.Partial {
		o.partial = &tr
	} else {
		o.partial = nil
		if len(o.finals) == maxFinals {
			o.finals = append(o.finals[:0], o.finals[1:]...)
		}
		o.finals = append(o.finals, tr)
	}
	o.mu.Unlock()
	o.tell()
}

// End says that nothing follows but err, if there is one.
func (o *Outbox) End(err error) {
	o.mu.Lock()
	o.ended, o.err = true, err
	o.mu.Unlock()
	o.tell()
}

func (o *Outbox) tell() {
	select {
	case o.news <- struct{}{}:
	default:
	}
}

// Next is the next transcript, if there is one, and whether none will follow.
func (o *Outbox) Next() (tr pipeline.Transcript, some, ended bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case len(o.finals) > 0:
		tr = o.finals[0]
		o.finals = append(o.finals[:0], o.finals[1:]...)
		return tr, true, false, nil
	case o.partial != nil:
		tr, o.partial = *o.partial, nil
		return tr, true, false, nil
	}
	return tr, false, o.ended, o.err
}

// All is what a transcription's Results yields, for one reader, which may break and come back.
func (o *Outbox) All() iter.Seq2[pipeline.Transcript, error] {
	return func(yield func(pipeline.Transcript, error) bool) {
		for {
			tr, some, ended, err := o.Next()
			switch {
			case some:
				if !yield(tr, nil) {
					return
				}
			case ended:
				if err != nil {
					yield(pipeline.Transcript{}, err)
				}
				o.tell() // whoever asks again is told again
				return
			default:
				<-o.news
			}
		}
	}
}
