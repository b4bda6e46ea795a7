package pipeline

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"parley/media"
)

// ErrFull says that a Switchboard takes no further call: it has reached its limit, or it drains.
var ErrFull = errors.New("no further calls are taken")

// A Switchboard holds the calls that are live on this node. Its fields are set before the first Answer and not changed after.
//
//	carrier ──leg──▶ Answer ──Cast──▶ Call.Run ──▶ Ending
//	                    ▲ Limit          │ events
//	operator ──Do, Drain, HangUpAll      └──▶ Watch
type Switchboard struct {
	Cast  Cast
	Pacer media.Pacer
	Limit int // most calls at once; 0: no limit
	Log   *slog.Logger
	Tones bool // of every call: see Call
	// Watch is given every event of every call, on that call's own goroutine: it is called concurrently and must not block. May be nil.
	Watch func(Event)
	// Punctuality counts how well the calls' playouts keep time; nil: nobody asks.
	Punctuality *media.Punctuality
	// NewID names the call on a leg, in events, logs and records. Nil: it has its leg's id. An id that is empty or taken is replaced by a
	// random one.
	NewID func(info media.Info) string

	mu       sync.Mutex
	calls    map[string]*Call
	past     Sound // of those that have ended
	draining bool
	empty    chan struct{} // closed when draining and no call is left
}

// Answer holds the conversation with the caller on an answered leg, and returns when it has ended and everything of it is gone.
// If no further call is taken, the leg is hung up at once with cause rejected and ErrFull. ctx ends the call with cause shutdown.
func (s *Switchboard) Answer(ctx context.Context, leg media.Leg) Ending {
	return s.run(ctx, leg, nil)
}

// Resume is Answer of a leg by which a call goes on that was lost. It is refused if that call is still live here.
func (s *Switchboard) Resume(ctx context.Context, leg media.Leg, past *Past) Ending {
	return s.run(ctx, leg, past)
}

func (s *Switchboard) run(ctx context.Context, leg media.Leg, past *Past) Ending {
	c, err := s.admit(leg, past)
	if err != nil {
		e := Ending{Call: leg.Info().ID, Info: leg.Info(), Cause: media.CauseRejected, Err: err, Answered: time.Now()}
		if err := leg.Hangup(e.Cause); err != nil && s.Log != nil {
			s.Log.Debug("hang up", "call", e.Call, "err", err)
		}
		return e
	}
	defer s.dismiss(c)
	return c.Run(ctx)
}

// admit makes a call of a leg.
func (s *Switchboard) admit(leg media.Leg, past *Past) (*Call, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.accepting() {
		return nil, ErrFull
	}
	id, err := s.name(leg, past)
	if err != nil {
		return nil, err
	}
	c := &Call{ID: id, Leg: leg, Pacer: s.Pacer, Cast: s.Cast, Log: s.Log, Tones: s.Tones, Watch: s.Watch, Punctuality: s.Punctuality, Past: past}
	if s.calls == nil {
		s.calls = make(map[string]*Call)
	}
	s.calls[id] = c
	return c, nil
}

// name is the id of the call on a leg. mu is held.
func (s *Switchboard) name(leg media.Leg, past *Past) (string, error) {
	id := leg.Info().ID
	switch {
	case past != nil:
		id = past.Call
	case s.NewID != nil:
		id = s.NewID(leg.Info())
	}
	_, taken := s.calls[id]
	switch {
	case taken && past != nil:
		return "", errLive
	case taken || id == "":
		return rand.Text(), nil
	}
	return id, nil
}

func (s *Switchboard) dismiss(c *Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.calls, c.ID)
	s.past.add(c.passed())
	if s.draining && len(s.calls) == 0 {
		close(s.empty)
	}
}

// Accepting says whether a further call would be taken now.
func (s *Switchboard) Accepting() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepting()
}

func (s *Switchboard) accepting() bool {
	return !s.draining && (s.Limit <= 0 || len(s.calls) < s.Limit)
}

// Live is how many calls are in progress.
func (s *Switchboard) Live() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls)
}

// Call finds a call in progress; nil if there is none of that id.
func (s *Switchboard) Call(id string) *Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[id]
}

// Drain takes no further call from now on and waits until those in progress have ended. When ctx ends first, it hangs up on the
// rest with cause shutdown, waits for them, and returns the cause of ctx.
func (s *Switchboard) Drain(ctx context.Context) error {
	s.mu.Lock()
	if !s.draining {
		s.draining, s.empty = true, make(chan struct{})
		if len(s.calls) == 0 {
			close(s.empty)
		}
	}
	empty := s.empty
	s.mu.Unlock()
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
	}
	if s.Live() == 0 {
		return nil
	}
	s.HangUpAll(media.CauseShutdown)
	<-empty
	return context.Cause(ctx)
}

// HangUpAll ends every call in progress at once. It does not wait for them.
func (s *Switchboard) HangUpAll(cause media.Cause) {
	s.mu.Lock()
	calls := slices.Collect(maps.Values(s.calls))
	s.mu.Unlock()
	for _, c := range calls {
		c.Stop(cause)
	}
}
