package providers

import (
	"iter"
	"sync"

	"parley/pipeline"
)

// mostResults is how many transcripts wait for a reader; beyond it the oldest is lost. A call makes one every few seconds.
const mostResults = 64

// results are transcripts on their way to their one reader: all in order, but of Partials the newest alone. They never make the writer wait.
type results struct {
	news chan struct{}

	mu    sync.Mutex
	queue []pipeline.Transcript
	ended bool
	err   error
}

func (o *results) put(tr pipeline.Transcript) {
	o.mu.Lock()
	if k := len(o.queue); k > 0 && o.queue[k-1].Kind == pipeline.Partial {
		o.queue = o.queue[:k-1]
	}
	if len(o.queue) == mostResults {
		o.queue = append(o.queue[:0], o.queue[1:]...)
	}
	o.queue = append(o.queue, tr)
	o.mu.Unlock()
	o.tell()
}

// end says that nothing follows but err, if there is one.
func (o *results) end(err error) {
	o.mu.Lock()
	o.ended, o.err = true, err
	o.mu.Unlock()
	o.tell()
}

func (o *results) tell() {
	select {
	case o.news <- struct{}{}:
	default:
	}
}

// next is the next transcript, if there is one, and whether none will follow.
func (o *results) next() (tr pipeline.Transcript, some, ended bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) == 0 {
		return tr, false, o.ended, o.err
	}
	tr = o.queue[0]
	o.queue = append(o.queue[:0], o.queue[1:]...)
	return tr, true, false, nil
}

func (o *results) all() iter.Seq2[pipeline.Transcript, error] {
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
