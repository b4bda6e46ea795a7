package deepgram

import (
	"iter"
	"sync"

	"parley/pipeline"
)

// maxFinals is how many Finals wait for a reader; beyond it the oldest is lost. A call makes one every few seconds.
const maxFinals = 64

// An outbox carries transcripts to their one reader: every Final in order, and the newest Partial after them. It never makes the
// writer wait.
type outbox struct {
	news chan struct{}

	mu      sync.Mutex
	finals  []pipeline.Transcript
	partial *pipeline.Transcript
	ended   bool
	err     error
}

func newOutbox() *outbox { return &outbox{news: make(chan struct{}, 1)} }

func (o *outbox) put(tr pipeline.Transcript) {
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

// end says that nothing follows but err, if there is one.
func (o *outbox) end(err error) {
	o.mu.Lock()
	o.ended, o.err = true, err
	o.mu.Unlock()
	o.tell()
}

func (o *outbox) tell() {
	select {
	case o.news <- struct{}{}:
	default:
	}
}

// next is the next transcript, if there is one, and whether none will follow.
func (o *outbox) next() (tr pipeline.Transcript, some, ended bool, err error) {
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

func (o *outbox) all() iter.Seq2[pipeline.Transcript, error] {
	return func(yield func(pipeline.Transcript, error) bool) {
		for {
			tr, some, ended, err := o.next()
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
