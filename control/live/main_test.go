package live

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"parley/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A shelf is a store.Calls in memory, of one organisation.
type shelf struct {
	mu       sync.Mutex
	calls    map[string]store.Call
	messages map[string][]store.Message
	fails    error
	reads    int
}

func (s *shelf) put(c store.Call, messages ...store.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls == nil {
		s.calls, s.messages = make(map[string]store.Call), make(map[string][]store.Message)
	}
	s.calls[c.ID], s.messages[c.ID] = c, messages
}

func (s *shelf) Call(_ context.Context, org, id string) (store.Call, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	c, ok := s.calls[id]
	if s.fails != nil {
		return c, s.fails
	}
	if !ok || c.Org != org {
		return store.Call{}, store.ErrNotFound
	}
	return c, nil
}

func (s *shelf) Transcript(ctx context.Context, org, id string) ([]store.Message, error) {
	if _, err := s.Call(ctx, org, id); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.messages[id], nil
}

func (s *shelf) Calls(context.Context, string, store.CallFilter, store.Page) ([]store.Call, int64, error) {
	panic("not asked")
}

func (s *shelf) Turns(context.Context, string, string) ([]store.Turn, error) { panic("not asked") }

func (s *shelf) Recording(context.Context, string, string) (store.Recording, error) {
	panic("not asked")
}

// runs has a desk run until the test ends.
func runs(t *testing.T, d *Desk) *Desk {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return d
}

// left is what a desk still has: calls, readers, mirrors.
func (d *Desk) left() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.Stats()
	return len(d.calls) + len(d.readers) + len(d.ended) + s.Readers + s.Mirrors
}

// A page is what somebody has before them who reads a call.
type page struct {
	statuses []store.Status
	finals   []store.Message
	interim  map[Key]Entry
	keys     map[Key]bool // of final entries
	all      []string     // every text that was ever shown
	missed   int
	over     bool
	wrong    []string
}

// read takes an update as a client would.
func (p *page) read(u Update) {
	if p.interim == nil {
		p.interim, p.keys = make(map[Key]Entry), make(map[Key]bool)
	}
	p.statuses = append(p.statuses, u.Statuses...)
	p.missed += u.Missed
	p.over = u.Over
	for _, e := range u.Entries {
		p.all = append(p.all, e.Text)
		switch {
		case p.keys[e.Key]:
			p.wrong = append(p.wrong, fmt.Sprintf("%v comes again: %q", e.Key, e.Text))
		case !e.Final:
			p.interim[e.Key] = e
		case e.Seq != len(p.finals):
			p.wrong = append(p.wrong, fmt.Sprintf("final entry %d comes after %d", e.Seq, len(p.finals)))
		default:
			delete(p.interim, e.Key)
			p.keys[e.Key] = true
			p.finals = append(p.finals, e.Message)
		}
	}
	for _, k := range u.Gone {
		if _, ok := p.interim[k]; !ok {
			p.wrong = append(p.wrong, fmt.Sprintf("%v goes, and was not there", k))
		}
		delete(p.interim, k)
	}
}

// follow reads to the end of the call. Now and then it does not look.
func (p *page) follow(ctx context.Context, r *Reader, idle func() time.Duration) {
	defer r.Close()
	for {
		u, news, more := r.Take()
		if news {
			p.read(u)
		}
		if u.Over {
			return
		}
		if d := idle(); d > 0 {
			time.Sleep(d)
		}
		select {
		case <-more:
		case <-ctx.Done():
			p.wrong = append(p.wrong, "it was not over: "+ctx.Err().Error())
			return
		}
	}
}

func always() time.Duration { return 0 }
