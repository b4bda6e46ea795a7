package stream

import (
	"strings"
	"testing"
	"time"
)

// TestSealedTokens: a token is good on a node that did not give it, once, for its call, and while its time lasts.
func TestSealedTokens(t *testing.T) {
	t.Parallel()
	now := time.Now()
	one, other, stranger := &Twilio{AuthToken: "secret"}, &Twilio{AuthToken: "secret"}, &Twilio{AuthToken: "another"}
	give := func(call string) string {
		secret, ok := one.tokens.give(call, now, time.Minute, 10)
		if !ok {
			t.Fatal("no token")
		}
		return seal(one.AuthToken, call, secret, false, now.Add(time.Minute))
	}
	token := give("a")
	for name, c := range map[string]struct {
		node        *Twilio
		call, token string
		at          time.Time
	}{
		"another call":         {other, "b", token, now},
		"another's auth token": {stranger, "a", token, now},
		"too late":             {other, "a", token, now.Add(2 * time.Minute)},
		"longer than it was":   {other, "a", strings.Replace(token, ".", ".9", 1), now.Add(2 * time.Minute)},
		"no token":             {other, "a", "", now},
		"no seal":              {other, "a", strings.Split(token, ".")[0], now},
		"another way":          {other, "a", strings.Replace(token, "."+strings.Split(token, ".")[2], ".out."+strings.Split(token, ".")[2], 1), now},
		"no key":               {&Twilio{}, "a", seal("", "a", "x", false, now.Add(time.Minute)), now},
	} {
		if redeemed(c.node, c.call, c.token, c.at) {
			t.Errorf("%s: good", name)
		}
	}
	if !redeemed(other, "a", token, now) {
		t.Error("a token of another node is refused")
	}
	if redeemed(other, "a", token, now.Add(59*time.Second)) {
		t.Error("it is good twice")
	}
	if !redeemed(one, "a", token, now) || redeemed(one, "a", token, now) {
		t.Error("the node that gave it takes it once")
	}
	if outbound, ok := one.redeem(one.AuthToken, "e", seal(other.AuthToken, "e", "x", true, now.Add(time.Minute)), now); !ok || !outbound {
		t.Errorf("the direction of another node's call: outbound %v, good %v", outbound, ok)
	}
	first := give("c")
	second := give("c")
	for i, old := range []string{first, second} { // the wrong guess spends the right one
		if redeemed(one, "c", old, now) {
			t.Errorf("token %d is good, after it was replaced or guessed for", i)
		}
	}
	last := give("d")
	one.tokens.revoke("d")
	if redeemed(one, "d", last, now) {
		t.Error("a token that was revoked is good")
	}
	for i := range 10 { // what is spent is forgotten when no seal of it lasts
		one.tokens.spend(string(rune('a'+i)), now.Add(time.Duration(i)*time.Hour), time.Minute)
	}
	if n := len(one.tokens.spent) + len(one.tokens.before); n > 2 {
		t.Errorf("%d secrets are remembered", n)
	}
}

func redeemed(t *Twilio, call, token string, now time.Time) bool {
	_, ok := t.redeem(t.AuthToken, call, token, now)
	return ok
}
