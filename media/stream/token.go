package stream

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"sync"
	"time"
)

// tokens are the tickets that Voice gives to calls and with which their streams prove that Voice was asked first: 32 random
// bytes, bound to the call, good for one stream and for so long. At most limit are kept; its zero value is not ready.
type tokens struct {
	mu    sync.Mutex
	given map[string]token // by call
}

type token struct {
	secret   string
	outbound bool // the call was placed by this side
	given    time.Time
	expires  time.Time
}

// give makes a token for call in place of any that it had; false: there are too many calls that never came.
func (t *tokens) give(call string, outbound bool, now time.Time, life time.Duration, limit int) (string, bool) {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // it never fails (crypto/rand)
	given := token{base64.RawURLEncoding.EncodeToString(secret[:]), outbound, now, now.Add(life)}

	t.mu.Lock()
	defer t.mu.Unlock()
	if _, again := t.given[call]; !again && len(t.given) >= limit {
		for c, old := range t.given {
			if !now.Before(old.expires) {
				delete(t.given, c)
			}
		}
		if len(t.given) >= limit {
			return "", false
		}
	}
	if t.given == nil {
		t.given = make(map[string]token)
	}
	t.given[call] = given
	return given.secret, true
}

// redeem takes call's token back, and says whether secret is it and its time has not run out. A wrong guess spends it too.
func (t *tokens) redeem(call, secret string, now time.Time) (given token, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	given, ok = t.given[call]
	delete(t.given, call)
	same := subtle.ConstantTimeCompare([]byte(given.secret), []byte(secret)) == 1
	return given, ok && same && now.Before(given.expires)
}

// since is how many of the tokens that were given after then are still out.
func (t *tokens) since(then time.Time) (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, given := range t.given {
		if given.given.After(then) {
			n++
		}
	}
	return n
}

// revoke forgets the token of a call that has ended.
func (t *tokens) revoke(call string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.given, call)
}
