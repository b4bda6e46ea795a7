package storetest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"parley/store"
)

// growing blocks for a second after each try from the third on.
func growing(at time.Time) func(string, int) time.Time {
	return func(_ string, tries int) time.Time {
		if tries < 3 {
			return time.Time{}
		}
		return at.Add(time.Duration(tries-2) * time.Second)
	}
}

func testAttempts(t *testing.T, s Store) {
	ctx := t.Context()
	try := func(at time.Time, want time.Duration, who ...string) {
		t.Helper()
		wait, err := s.Attempt(ctx, who, at, at.Add(-time.Hour), growing(at))
		if ok(t, err); wait != want {
			t.Errorf("%v may try after %v, want %v", who, wait, want)
		}
	}
	try(start, 0, "ada", "house")
	try(start, 0, "house", "ada")
	try(start, 0, "ada", "house") // the third: blocked for a second
	try(start.Add(400*time.Millisecond), 600*time.Millisecond, "bo", "house")
	try(start, 0, "bo") // was not counted
	try(start, 0, "bo")
	try(start, 0, "bo")
	try(start, time.Second, "bo")
	try(start.Add(time.Second), 0, "ada", "house") // the fourth: two seconds
	try(start.Add(time.Second), 2*time.Second, "house")
	try(start.Add(time.Second), 2*time.Second, "ada")

	ok(t, s.Forgive(ctx, []string{"house"}, []string{"ada", "nobody"}))
	try(start.Add(time.Second), 0, "ada")
	try(start.Add(time.Second), 0, "ada")
	try(start.Add(time.Second), 0, "house") // the fourth once more
	try(start.Add(time.Second), 2*time.Second, "house")
	later := start.Add(time.Second + time.Hour + time.Microsecond)
	try(later, 0, "house") // the first again
	try(later, 0, "house")
}

// testAttemptsAtOnce: tries that come together are counted one by one.
func testAttemptsAtOnce(t *testing.T, s Store) {
	ctx := t.Context()
	var all sync.WaitGroup
	var mu sync.Mutex
	tried := 0
	for i := range 12 {
		all.Go(func() {
			who := []string{"house", "ada"}
			if i%2 == 0 {
				who = []string{"ada", "house"}
			}
			wait, err := s.Attempt(ctx, who, start, start, growing(start))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			} else if wait == 0 {
				tried++
			}
		})
	}
	all.Wait()
	if tried != 3 {
		t.Errorf("%d tries were let through, want 3", tried)
	}
}

func testRates(t *testing.T, s Store) {
	for _, c := range []struct {
		who             string
		minute, n, want int64
	}{
		{"a", 100, 10, 10},
		{"a", 100, 5, 15},
		{"b", 100, 7, 7},
		{"a", 101, 3, 3},
		{"a", 100, 50, 50}, // over: a node whose clock is slow
		{"a", 101, 1, 4},
		{"a", 101, 0, 4},
	} {
		used, err := s.Use(t.Context(), c.who, c.minute, c.n)
		if ok(t, err); used != c.want {
			t.Errorf("%d of %s in minute %d: %d in all, want %d", c.n, c.who, c.minute, used, c.want)
		}
	}
}

func testRatesAtOnce(t *testing.T, s Store) {
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := s.Use(t.Context(), "a", 100, 2); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if used, err := s.Use(t.Context(), "a", 100, 0); err != nil || used != 40 {
		t.Errorf("%d were counted (%v), want 40", used, err)
	}
}

func testAnswers(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	claim := store.Answer{Org: h.Org, Route: "POST /x", Hash: "k", Fingerprint: "f", Holder: "one", Expires: start.Add(time.Minute)}
	take := func(a store.Answer, now time.Time) (store.Answer, bool) {
		t.Helper()
		first, claimed, err := s.ClaimAnswer(ctx, a, now)
		ok(t, err)
		return first, claimed
	}
	if _, claimed := take(claim, start); !claimed {
		t.Fatal("a new claim was refused")
	}
	second := claim
	second.Holder, second.Fingerprint = "two", "g"
	first, claimed := take(second, claim.Expires.Add(-time.Microsecond))
	if same(t, "claim under way", first, claim); claimed {
		t.Error("one request has two holders")
	}
	for name, other := range map[string]store.Answer{"route": {Org: h.Org, Route: "POST /y", Hash: "k"}, "key": {Org: h.Org, Route: "POST /x", Hash: "l"}} {
		other.Expires = start.Add(time.Minute)
		if _, claimed := take(other, start); !claimed {
			t.Errorf("another %s is not another request", name)
		}
	}

	// The claim of a holder that has died is taken over; what it still does is in vain.
	second.Expires = start.Add(2 * time.Minute)
	if _, claimed := take(second, claim.Expires); !claimed {
		t.Fatal("a claim that is over was not taken over")
	}
	is(t, s.HoldAnswer(ctx, claim), store.ErrConflict)
	is(t, s.KeepAnswer(ctx, claim), store.ErrConflict)
	ok(t, s.DropAnswer(ctx, claim))
	second.Expires = start.Add(3 * time.Minute)
	ok(t, s.HoldAnswer(ctx, second))
	if _, claimed := take(claim, start.Add(2*time.Minute)); claimed {
		t.Error("a claim that was made to last was taken over")
	}

	second.Status, second.Body, second.Expires = 201, []byte("\x00\xff{}"), start.Add(24*time.Hour)
	ok(t, s.KeepAnswer(ctx, second))
	is(t, s.KeepAnswer(ctx, second), store.ErrConflict)
	is(t, s.HoldAnswer(ctx, second), store.ErrConflict)
	ok(t, s.DropAnswer(ctx, second))
	first, claimed = take(claim, start.Add(23*time.Hour))
	if same(t, "answer", first, second); claimed {
		t.Error("an answered request was claimed")
	}
	if _, claimed = take(claim, start.Add(24*time.Hour)); !claimed {
		t.Error("an answer is kept for longer than a day")
	}
	ok(t, s.DropAnswer(ctx, claim))
	if _, claimed = take(second, start.Add(24*time.Hour)); !claimed {
		t.Error("what was given back cannot be claimed")
	}
}

// testAnswersAtOnce: of those who claim one request at once, one gets it.
func testAnswersAtOnce(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	var all sync.WaitGroup
	var mu sync.Mutex
	holders := 0
	for range 12 {
		all.Go(func() {
			a := store.Answer{Org: h.Org, Route: "POST /x", Hash: "k", Holder: store.NewID(), Expires: start.Add(time.Minute)}
			first, claimed, err := s.ClaimAnswer(ctx, a, start)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				t.Error(err)
			case claimed:
				holders++
			case first.Holder == "" || first.Holder == a.Holder:
				t.Errorf("lost against %q", first.Holder)
			}
		})
	}
	all.Wait()
	if holders != 1 {
		t.Errorf("%d holders, want 1", holders)
	}
}

func testSweep(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	n := h.login(t, h.Setup.Owner, h.Org)
	ok(t, s.CreateInvite(ctx, store.Invite{ID: store.NewID(), Org: h.Org, Email: "bo@example.com", Role: store.Member, Hash: "bo", Created: start,
		Expires: start.Add(2 * time.Hour)}))
	_, _, err := s.ClaimAnswer(ctx, store.Answer{Org: h.Org, Route: "r", Hash: "k", Expires: start.Add(3 * time.Hour)}, start)
	ok(t, err)
	_, err = s.Attempt(ctx, []string{"ada"}, start, start, growing(start))
	ok(t, err)
	_, err = s.Use(ctx, "key", start.Unix()/60, 1)
	ok(t, err)
	for _, c := range []struct {
		at   time.Time
		want int64
	}{
		{start, 0},
		{start.Add(time.Hour), 1}, // the session
		{start.Add(90 * time.Minute), 1},
		{start.Add(2 * time.Hour), 1},
		{start.Add(3 * time.Hour), 1},
		{start.Add(24 * time.Hour), 0},
		{start.Add(25 * time.Hour), 1},
		{start.Add(99 * time.Hour), 0},
	} {
		rows, err := s.Sweep(ctx, c.at)
		if ok(t, err); rows != c.want {
			t.Errorf("%d rows were swept after %v, want %d", rows, c.at.Sub(start), c.want)
		}
	}
	if _, err := s.Session(ctx, n.ID, start); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the session is there: %v", err)
	}
}
