package talk

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"parley/store"
)

// claims is the part of a store in which nodes see what is used.
type claims struct {
	store.Answers
	taken map[string]bool
	err   error
}

func (c *claims) ClaimAnswer(_ context.Context, a store.Answer, _ time.Time) (store.Answer, bool, error) {
	if c.err != nil || c.taken[a.Org+a.Hash] {
		return store.Answer{}, false, c.err
	}
	c.taken[a.Org+a.Hash] = true
	return store.Answer{}, true, nil
}

var secret = []byte("a secret of 32 characters or more")

func node(t *testing.T, rows store.Answers, secrets ...[]byte) *Tokens {
	t.Helper()
	n, err := NewTokens(rows, nil, secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestTokens(t *testing.T) {
	t.Parallel()
	rows, now := &claims{taken: map[string]bool{}}, time.Now()
	a, b, stranger := node(t, rows, secret), node(t, rows, []byte("the secret that comes next, by and by"), secret), node(t, rows, []byte("somebody else's secret altogether"))
	token, expires, err := a.Issue(Pass{Org: "o", Agent: "ag", Slots: map[string]string{"name": "The Countess"}}, UsualLife, now)
	if err != nil || expires.Sub(now) > UsualLife {
		t.Fatal(expires, err)
	}
	if strings.ContainsAny(token, "+/= .") || strings.Contains(token, "Countess") {
		t.Errorf("the token is %q", token)
	}
	other := "A"
	if token[0] == 'A' {
		other = "B"
	}
	p, err := b.Look(token, now)
	if err != nil || p.Org != "o" || p.Agent != "ag" || !maps.Equal(p.Slots, map[string]string{"name": "The Countess"}) {
		t.Fatalf("%+v, %v", p, err)
	}
	for name, look := range map[string]func() (Pass, error){
		"with another secret": func() (Pass, error) { return stranger.Look(token, now) },
		"too late":            func() (Pass, error) { return a.Look(token, now.Add(UsualLife)) },
		"changed":             func() (Pass, error) { return a.Look(other+token[1:], now) },
		"cut":                 func() (Pass, error) { return a.Look(token[:20], now) },
		"empty":               func() (Pass, error) { return a.Look("", now) },
		"no base64":           func() (Pass, error) { return a.Look("é", now) },
	} {
		if _, err := look(); !errors.Is(err, ErrToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	spend := func(n *Tokens) error { return n.Spend(t.Context(), p.ID, p.Org, expires, now) }
	if err := spend(a); err != nil {
		t.Fatal(err)
	}
	if err := spend(a); !errors.Is(err, ErrToken) {
		t.Errorf("used twice here: %v", err)
	}
	if err := spend(b); !errors.Is(err, ErrToken) {
		t.Errorf("used again on another node: %v", err)
	}
	if _, err := a.Look(token, now); !errors.Is(err, ErrToken) {
		t.Errorf("a used one is looked at: %v", err)
	}
}

// TestTokensWithoutDatabase: calls go on, each token once on each node.
func TestTokensWithoutDatabase(t *testing.T) {
	t.Parallel()
	now := time.Now()
	n := node(t, &claims{err: store.ErrUnavailable}, secret)
	if err := n.Spend(t.Context(), "x", "o", now.Add(time.Minute), now); err != nil {
		t.Error(err)
	}
	for _, later := range []time.Duration{0, MostLife - time.Second, MostLife} { // it is known for as long as a token may last
		_ = n.first("other "+later.String(), now.Add(later))
		if err := n.Spend(t.Context(), "x", "o", now.Add(time.Minute), now.Add(later)); !errors.Is(err, ErrToken) {
			t.Errorf("after %v: %v", later, err)
		}
	}
	if err := node(t, &claims{err: errors.New("a bug")}, secret).Spend(t.Context(), "x", "o", now, now); err == nil || errors.Is(err, ErrToken) {
		t.Errorf("another error is %v", err)
	}
}
