package providers

import (
	"iter"
	"strings"
	"sync/atomic"
)

// kept is a text that can be read again from its beginning, as far as it was read, and goes on from there. It has one reader at a time,
// whose goroutine may be another than that of who asks whether it has failed.
type kept struct {
	next   func() (string, error, bool)
	stop   func()
	told   []string
	failed atomic.Bool // the text ended with an error
}

func newKept(text iter.Seq2[string, error]) *kept {
	next, stop := iter.Pull2(text)
	return &kept{next: next, stop: stop}
}

// again is the text from its beginning.
func (k *kept) again() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for i := 0; ; i++ {
			if i == len(k.told) {
				s, err, ok := k.next()
				switch {
				case !ok:
					return
				case err != nil:
					k.failed.Store(true)
					yield("", err)
					return
				}
				k.told = append(k.told, s)
			}
			if !yield(k.told[i], nil) {
				return
			}
		}
	}
}

// speakable says whether there was anything to be spoken.
func (k *kept) speakable() bool { return speakable(strings.Join(k.told, "")) }
