package stream

import (
	"net/http"
	"slices"
	"strings"
)

// An Account is one that is not the server's own: its requests are signed with its own token.
type Account struct {
	Token string
	Owner string // whose it is, as the server knows them
}

// signers are whose account has signed a request: nobody's if it was the server's own. check tells whether a token signed it. False: the
// signature is none that is known.
func (t *Twilio) signers(account string, check func(token string) bool) (owners []string, ok bool) {
	if check(t.AuthToken) {
		return nil, true
	}
	owners = ownersOf(t.Accounts, account, check)
	return owners, len(owners) > 0
}

// mediaPath is where the streams of an account come in. A socket says whose it is in its first message only, when its signature must have
// been checked already: so those of other accounts than the server's own say it in their path.
func (t *Twilio) mediaPath(account string, owners []string) string {
	path := t.Paths.orDefaults().Media
	if len(owners) > 0 {
		path += "/" + account
	}
	return path
}

// upgrade says whose account has signed the upgrade to a stream's socket.
func (t *Twilio) upgrade(r *http.Request) (owners []string, ok bool) {
	account, target, signature := r.PathValue("account"), overSocket(t.target(r)), r.Header.Get("X-Twilio-Signature")
	check := func(token string) bool { return Signed(token, signature, target, nil) }
	if account == "" {
		return nil, check(t.AuthToken)
	}
	return t.signers(account, check)
}

// ownersOf are whose accounts, of those with this name, have signed a request; check tells whether a token did. Nil: nobody's.
func ownersOf(accounts func(account string) []Account, account string, check func(token string) bool) (owners []string) {
	if accounts == nil || !plainID(account) {
		return nil
	}
	for _, a := range accounts(account) {
		if check(a.Token) && !slices.Contains(owners, a.Owner) {
			owners = append(owners, a.Owner)
		}
	}
	return owners
}

// ownersComma is between owners in the URL of a stream.
const ownersComma = ","

// ownersPath is what the path of a stream ends with that came by an account of owners; empty: it was the server's own.
func ownersPath(owners []string) string {
	if len(owners) == 0 {
		return ""
	}
	return "/" + strings.Join(owners, ownersComma)
}

// ownersIn are those whom the path of a stream names.
func ownersIn(r *http.Request) []string {
	whose := r.PathValue("owners")
	if whose == "" {
		return nil
	}
	return strings.Split(whose, ownersComma)
}
