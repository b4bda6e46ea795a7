package stream

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"sync"
	"time"
)

// tokens are the tickets that Voice gives to calls and with which their streams prove that Voice was asked first: 32 random
// bytes, bound to the call, good for one stream and for so long. At most limit are kept; its zero value is ready.
type tokens struct {
	mu    sync.Mutex
	given map[string]token // by call

	spent, before map[string]bool // secrets that are no good any more though their seals are: of now, and of the time before
	turn          time.Time       // when now becomes the time before
}

type token struct {
	secret  string
	given   time.Time
	expires time.Time
}

// give makes a token for call in place of any that it had; false: there are too many calls that never came.
func (t *tokens) give(call string, now time.Time, life time.Duration, limit int) (string, bool) {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // it never fails (crypto/rand)
	given := token{base64.RawURLEncoding.EncodeToString(secret[:]), now, now.Add(life)}

	t.mu.Lock()
	defer t.mu.Unlock()
	old, again := t.given[call]
	if again {
		t.spoil(old.secret, now, life)
	}
	if !again && len(t.given) >= limit {
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
func (t *tokens) redeem(call, secret string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	given, ok := t.given[call]
	delete(t.given, call)
	t.spoil(given.secret, now, given.expires.Sub(given.given))
	same := subtle.ConstantTimeCompare([]byte(given.secret), []byte(secret)) == 1
	return ok && same && now.Before(given.expires)
}

// has says whether a token of this node's is out for a call.
func (t *tokens) has(call string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, ok := t.given[call]
	return ok
}

// spend uses up the secret of a token that is another node's, and says whether it had not been used here.
func (t *tokens) spend(secret string, now time.Time, life time.Duration) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.spent[secret] || t.before[secret] {
		return false
	}
	t.spoil(secret, now, life)
	return true
}

// spoil makes a secret no good for as long as its seal is. The caller holds mu.
func (t *tokens) spoil(secret string, now time.Time, life time.Duration) {
	if secret == "" {
		return
	}
	if t.spent == nil || !now.Before(t.turn) {
		t.before, t.spent, t.turn = t.spent, make(map[string]bool), now.Add(life)
	}
	t.spent[secret] = true
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
	if old, ok := t.given[call]; ok {
		t.spoil(old.secret, time.Now(), old.expires.Sub(old.given))
		delete(t.given, call)
	}
}
