package digest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/icholy/digest"
)

// ErrNotOurs says that a challenge is not answered: it is somebody else's, or came where none is due, or came again.
var ErrNotOurs = errors.New("digest challenge that is not answered")

// An Account is what one trunk knows us by.
type Account struct {
	User, Password string // printable ASCII without quotes: other user names are written differently by everybody
	Realm          string // the only one whose challenges are answered; case does not count
}

// A Response is one that asks who we are: a 401 or a 407.
type Response struct {
	Challenges []string // the values of its WWW-Authenticate (401) or Proxy-Authenticate (407) headers
	Ours       bool     // it came from an address of the trunk's, in answer to a request that we sent to the trunk
	Dialog     bool     // the request was within a dialog that the far end began: nobody challenges whom he has called
}

// An Attempt is one request of ours, with all its rounds. Its zero value with an Account is ready.
type Attempt struct {
	Account Account
	rounds  int
	last    string // the nonce that was answered
}

// Answer makes the value of the Authorization (401) or Proxy-Authorization (407) header with which the request is sent again. uri is the request line's. The best
// algorithm of the trunk's realm is taken. A second challenge is answered only if it is stale's, once (RFC 7616, section 3.3); ErrNotOurs says why not.
func (a *Attempt) Answer(r Response, method, uri string) (string, error) {
	switch {
	case !r.Ours:
		return "", fmt.Errorf("%w: it is not from the trunk", ErrNotOurs)
	case r.Dialog:
		return "", fmt.Errorf("%w: the far end's own dialog", ErrNotOurs)
	case a.Account.User == "" || a.Account.Realm == "" || !printable(a.Account.User):
		return "", fmt.Errorf("%w: the trunk has no account", ErrNotOurs)
	case a.rounds >= 2:
		return "", fmt.Errorf("%w: it was answered twice", ErrNotOurs)
	}
	c, err := a.pick(r.Challenges)
	if err != nil {
		return "", err
	}
	if a.rounds == 1 && (!c.Stale || c.Nonce == a.last) {
		return "", fmt.Errorf("%w: the trunk refused our credentials", ErrNotOurs)
	}
	cred, err := digest.Digest(c, digest.Options{Method: method, URI: uri, Count: 1, Username: a.Account.User, Password: a.Account.Password})
	if err != nil {
		return "", fmt.Errorf("answer digest challenge: %w", err)
	}
	a.rounds++
	a.last = c.Nonce
	return cred.String(), nil
}

// pick takes the best of the challenges that are of our realm and that we can answer.
func (a *Attempt) pick(values []string) (*digest.Challenge, error) {
	var best *digest.Challenge
	rank := len(algorithms)
	for _, value := range values {
		c, err := digest.ParseChallenge(value)
		if len(value) > longest || err != nil || !strings.EqualFold(c.Realm, a.Account.Realm) || c.Userhash || !printable(c.Realm+c.Nonce+c.Opaque) {
			continue
		}
		for i := range c.QOP {
			c.QOP[i] = strings.ToLower(strings.TrimSpace(c.QOP[i]))
		}
		if len(c.QOP) > 0 && !slices.Contains(c.QOP, "auth") {
			continue
		}
		at := slices.IndexFunc(algorithms[:], func(known string) bool {
			return strings.EqualFold(known, c.Algorithm) || c.Algorithm == "" && known == "MD5"
		})
		if at >= 0 && at < rank {
			best, rank = c, at
		}
	}
	if best == nil {
		return nil, fmt.Errorf("%w: none is of realm %q and of an algorithm that we know", ErrNotOurs, a.Account.Realm)
	}
	return best, nil
}

// printable says whether s can stand between quotes as it is.
func printable(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) < 0
}
