package pool_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/providers/pool"
)

// A socket is one that ends when it is told to.
type socket struct {
	key  string
	busy bool
	over chan struct{} // closed at its end
	why  error
}

func (s *socket) Key() string { return s.key }
func (s *socket) Begin() bool { return !s.busy }
func (s *socket) Read()       { <-s.over }
func (s *socket) Fail(err error) {
	if s.why == nil {
		s.why = err
		close(s.over)
	}
}

func start(t *testing.T, p *pool.Pool[*socket], key string) *socket {
	t.Helper()
	s := &socket{key: key, over: make(chan struct{})}
	if err := p.Start(s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPool(t *testing.T) {
	t.Parallel()
	var p pool.Pool[*socket]
	a1, a2, b := start(t, &p, "a"), start(t, &p, "a"), start(t, &p, "b")
	if _, ok := p.Take("a"); ok {
		t.Error("a line was taken that nobody has given")
	}
	for _, s := range []*socket{a1, b, a2} {
		p.Give(s, 3)
	}
	if diff := cmp.Diff([]bool{true, false, false}, []bool{p.Surplus(a1), p.Surplus(b), p.Surplus(a2)}); diff != "" {
		t.Errorf("surplus (-want +got):\n%s", diff)
	}
	if s, ok := p.Take("a"); !ok || s != a2 {
		t.Errorf("took %+v, want the one that was used last", s)
	}
	a1.busy = true
	if s, ok := p.Take("a"); ok {
		t.Errorf("took %+v, which cannot begin", s)
	}
	if _, ok := p.Take("c"); ok {
		t.Error("took a line of another kind")
	}
	p.Give(a2, 2) // of three, the one that was idle longest goes
	if len(p.Idle()) != 2 || !errors.Is(a1.why, pool.ErrClosed) || b.why != nil || a2.why != nil {
		t.Errorf("%d are idle; a1 ended by %v, b by %v, a2 by %v", len(p.Idle()), a1.why, b.why, a2.why)
	}
	p.Close()
	for name, s := range map[string]*socket{"b": b, "a2": a2} {
		if !errors.Is(s.why, pool.ErrClosed) {
			t.Errorf("%s ended by %v", name, s.why)
		}
	}
	late := &socket{key: "a", over: make(chan struct{})}
	if err := p.Start(late); !errors.Is(err, pool.ErrClosed) {
		t.Errorf("a closed pool starts a line: %v", err)
	}
	if p.Give(late, 2); !errors.Is(late.why, pool.ErrClosed) || len(p.Idle()) != 0 {
		t.Errorf("a closed pool keeps a line: %v", late.why)
	}
}

// TestPoolForgetsTheDead: a line whose socket has ended is not taken.
func TestPoolForgetsTheDead(t *testing.T) {
	t.Parallel()
	var p pool.Pool[*socket]
	s := start(t, &p, "a")
	p.Give(s, 2)
	s.Fail(errors.New("cut"))
	p.Close() // waits for its reader
	if len(p.Idle()) != 0 {
		t.Errorf("%v are idle", p.Idle())
	}
}
