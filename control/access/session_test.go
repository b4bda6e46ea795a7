package access

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley/store"
)

// A lobby is a Lobby in memory with one session; what else is asked of it panics.
type lobby struct {
	Lobby
	session store.Session
	touched int
	down    error
}

func (l *lobby) SessionByHash(_ context.Context, hash string, now time.Time) (store.Session, error) {
	if l.session.Hash != hash || !l.session.Expires.After(now) {
		return store.Session{}, store.ErrNotFound
	}
	return l.session, nil
}

func (l *lobby) Session(_ context.Context, id string, now time.Time) (store.Session, error) {
	if l.session.ID != id || !l.session.Expires.After(now) {
		return store.Session{}, store.ErrNotFound
	}
	return l.session, nil
}

func (l *lobby) CreateSession(_ context.Context, n store.Session) error {
	l.session = n
	return nil
}

func (l *lobby) TouchSession(_ context.Context, _ string, at, expires time.Time) error {
	l.touched++
	if l.down == nil {
		l.session.Seen, l.session.Expires = at, expires
	}
	return l.down
}

func newTestSessions(t *testing.T, l *lobby) *Sessions {
	return NewSessions(l, newTestTokens(t, tokenSecret), nil)
}

// TestSessionLasts: as long as it is used, up to two weeks; twelve hours unused, and it is over. Its use is written down once a minute.
func TestSessionLasts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &lobby{}
		s := newTestSessions(t, l)
		secret, n, err := s.begin(t.Context(), store.User{ID: "u", Org: "o", Role: store.Admin}, Visitor{Address: netip.MustParseAddr("192.0.2.1")})
		if err != nil || n.Expires.Sub(n.Created) != SessionIdle || n.Hash != Hash(string(secret)) {
			t.Fatalf("begun %+v, %v", n, err)
		}
		began := time.Now()
		open := func() bool {
			t.Helper()
			who, _, err := s.Open(t.Context(), string(secret))
			if err != nil && !errors.Is(err, ErrUnauthenticated) || err == nil && (who.Org != "o" || who.User != "u" || who.Role != store.Admin || who.Session != n.ID || who.Token) {
				t.Errorf("opened as %+v, %v", who, err)
			}
			return err == nil
		}
		for range 100 {
			if !open() {
				t.Fatal("it does not open")
			}
			time.Sleep(500 * time.Millisecond)
		}
		if l.touched != 0 {
			t.Errorf("%d writes within the first minute", l.touched)
		}
		time.Sleep(10 * time.Second)
		if open(); l.touched != 1 {
			t.Errorf("%d writes after a minute", l.touched)
		}
		l.down = store.ErrUnavailable
		time.Sleep(time.Minute)
		if !open() {
			t.Error("a use that cannot be written down is refused")
		}
		l.down = nil
		for time.Since(began) < SessionLife-11*time.Hour {
			time.Sleep(11 * time.Hour)
			if !open() {
				t.Fatalf("over after %v, though it was used", time.Since(began))
			}
		}
		time.Sleep(time.Until(began.Add(SessionLife - time.Nanosecond)))
		if !open() {
			t.Error("over before two weeks")
		}
		time.Sleep(time.Microsecond)
		if open() {
			t.Error("it lasts for longer than two weeks")
		}

		secret, n, _ = s.begin(t.Context(), store.User{ID: "u", Org: "o", Role: store.Admin}, Visitor{})
		time.Sleep(SessionIdle)
		if open() {
			t.Error("it opens after twelve hours of rest")
		}
	})
}

// TestTokenEndsWithItsSession, and does not move to another organisation with it.
func TestTokenEndsWithItsSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &lobby{}
		s := newTestSessions(t, l)
		_, n, _ := s.begin(t.Context(), store.User{ID: "u", Org: "o", Role: store.Member}, Visitor{})
		token, _, err := s.Tokens().Issue(n, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		l.session.Role = store.Admin // by now
		if who, ok, err := s.OpenToken(t.Context(), token); err != nil || !ok || who.Role != store.Admin || !who.Token || who.Session != n.ID {
			t.Errorf("opened as %+v, %v, %v", who, ok, err)
		}
		l.session.Org = "another"
		if _, ok, err := s.OpenToken(t.Context(), token); !ok || err != ErrUnauthenticated {
			t.Errorf("after a move: %v, %v", ok, err)
		}
		l.session = store.Session{}
		if _, ok, err := s.OpenToken(t.Context(), token); !ok || err != ErrUnauthenticated {
			t.Errorf("after logging out: %v, %v", ok, err)
		}
		if _, ok, err := s.OpenToken(t.Context(), "va_some_key_that_is_none"); ok || err != ErrUnauthenticated {
			t.Errorf("a key: %v, %v", ok, err)
		}
	})
}

// TestFewHashAtATime: of many who log in at once, one takes memory and a core; the others wait, and not for ever.
func TestFewHashAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newTestSessions(t, &lobby{})
		var mu sync.Mutex
		var at, most, late int
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				err := s.hash(t.Context(), func() error {
					mu.Lock()
					at++
					most = max(most, at)
					mu.Unlock()
					time.Sleep(time.Second - time.Millisecond)
					mu.Lock()
					at--
					mu.Unlock()
					return nil
				})
				mu.Lock()
				defer mu.Unlock()
				if errors.Is(err, store.ErrUnavailable) {
					late++
				} else if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if most != hashers || late != 14 { // six begin within five seconds
			t.Errorf("%d at a time, %d were too late", most, late)
		}
	})
}
