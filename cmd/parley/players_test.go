package main

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
)

// A stage makes players of which each has the key of its own Deepgram as its language, and knows which are kept.
type stage struct {
	*players
	mu   sync.Mutex
	owns map[string]own
	made int
	fail error
}

func newStage() *stage {
	s := &stage{owns: map[string]own{}}
	s.players = &players{
		base: &vendors{}, log: slog.New(slog.DiscardHandler),
		own: func(org string) own { s.mu.Lock(); defer s.mu.Unlock(); return s.owns[org] },
		make: func(o own) (*vendors, error) {
			if s.fail != nil {
				return nil, s.fail
			}
			s.made++
			return &vendors{lang: o["deepgram"].key}, nil
		},
	}
	return s
}

func (s *stage) set(org, key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owns[org] = own{"deepgram": {key: key}}
	if key == "" {
		delete(s.owns, org)
	}
}

// known is how many vendors are kept.
func (s *stage) known() int {
	s.players.mu.Lock()
	defer s.players.mu.Unlock()
	all := map[*player]bool{}
	for _, p := range s.orgs {
		all[p] = true
	}
	for _, p := range s.calls {
		all[p] = true
	}
	return len(all)
}

// TestPlayersOutliveTheirKey: a call keeps the vendors that it began with, the next one gets those of now, and what nobody holds is let go.
func TestPlayersOutliveTheirKey(t *testing.T) {
	t.Parallel()
	s := newStage()
	if got := s.hold("c0", "acme"); got != s.base || s.known() != 0 {
		t.Error("an organisation without credentials has vendors of its own")
	}
	s.set("acme", "one")
	first := s.hold("c1", "acme")
	if again := s.hold("c2", "acme"); again != first || first.lang != "one" || s.made != 1 {
		t.Errorf("made %d times, with %q", s.made, first.lang)
	}
	if other := s.hold("c3", "bolt"); other != s.base {
		t.Error("another organisation has them, too")
	}
	s.set("acme", "two")
	second := s.hold("c4", "acme")
	if second == first || second.lang != "two" || s.held("c1") != first || s.held("c4") != second || s.held("none") != s.base {
		t.Error("the calls do not have theirs")
	}
	s.release("c1")
	if s.known() != 2 {
		t.Errorf("%d are kept, want 2: c2 goes on", s.known())
	}
	s.release("c2")
	s.release("c2")
	if s.known() != 1 || s.held("c2") != s.base {
		t.Errorf("%d are kept, want 1", s.known())
	}
	s.set("acme", "")
	if got := s.hold("c5", "acme"); got != s.base || s.held("c4") != second {
		t.Error("the credential is gone, and c4 goes on")
	}
	s.release("c4")
	if s.known() != 0 {
		t.Errorf("%d are kept, want none", s.known())
	}
	s.set("acme", "three")
	s.fail = errors.New("no such server")
	if got := s.hold("c6", "acme"); got != s.base {
		t.Error("vendors that cannot be made hold a call")
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
}

// TestPlayersAtOnce: any number of calls come, go and have their keys changed.
func TestPlayersAtOnce(t *testing.T) {
	t.Parallel()
	s := newStage()
	var work sync.WaitGroup
	for i := range 8 {
		work.Go(func() {
			org := fmt.Sprint("org ", i%2)
			for n := range 200 {
				s.set(org, fmt.Sprint("key ", n%3))
				call := fmt.Sprint(i, " ", n)
				v := s.hold(call, org)
				if s.held(call) != v {
					t.Errorf("call %s has others", call)
				}
				s.release(call)
			}
		})
	}
	work.Wait()
	if n := s.known(); n > 2 {
		t.Errorf("%d are kept of two organisations", n)
	}
	if err := s.close(); err != nil || s.known() != 0 {
		t.Errorf("%d are kept after close, %v", s.known(), err)
	}
}
