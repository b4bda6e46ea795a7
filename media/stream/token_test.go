package stream

import (
	"fmt"
	"testing"
	"time"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var store tokens
	give := func(call string) string {
		secret, ok := store.give(call, now, time.Minute, 4)
		if !ok || len(secret) != 43 {
			t.Fatalf("give(%s) = %q, %v", call, secret, ok)
		}
		return secret
	}
	a := give("a")
	if !store.redeem("a", a, now) {
		t.Error("a good token is refused")
	}
	if store.redeem("a", a, now) {
		t.Error("a token is good twice")
	}
	if a == give("a") {
		t.Error("two tokens are the same")
	}
	b := give("b")
	if store.redeem("a", b, now) {
		t.Error("another call's token is taken")
	}
	if !store.redeem("b", b, now.Add(time.Minute-1)) {
		t.Error("a token is refused before its time")
	}
	if b = give("b"); store.redeem("b", b, now.Add(time.Minute)) {
		t.Error("a token outlives its time")
	}
	first, second := give("c"), give("c")
	if store.redeem("c", first, now) {
		t.Error("a token that was replaced is taken")
	}
	if store.redeem("c", second, now) {
		t.Error("a wrong guess did not spend the token")
	}
	give("d")
	store.revoke("d")
	if store.redeem("d", "", now) || store.redeem("never", "", now) {
		t.Error("an empty token is taken")
	}
}

// TestTokensAreBounded floods the store: it refuses when full and forgets what has run out.
func TestTokensAreBounded(t *testing.T) {
	t.Parallel()
	now, given := time.Now(), 0
	var store tokens
	for n := range 1000 {
		if _, ok := store.give(fmt.Sprint(n), now, time.Minute, 100); ok {
			given++
		}
	}
	if given != 100 || len(store.given) != 100 {
		t.Errorf("%d given, %d kept, want 100", given, len(store.given))
	}
	if _, ok := store.give("5", now, time.Minute, 100); !ok {
		t.Error("a call that has a token gets no other")
	}
	if _, ok := store.give("late", now.Add(2*time.Minute), time.Minute, 100); !ok || len(store.given) != 1 {
		t.Errorf("tokens that have run out are kept: %d", len(store.given))
	}
}
