package sip

import (
	"cmp"
	"context"
	"errors"
	"net/netip"

	gosip "github.com/emiago/sipgo/sip"

	"parley/media/sip/digest"
)

var errNoSecret = errors.New("the trunk wants a name and a password, and has none")

// A signature is one request of ours with all its rounds of challenge and answer. Its zero value is one that nobody has challenged.
type signature struct {
	attempt digest.Attempt
	known   bool // attempt has the trunk's name and password
	header  header
}

// answer signs the request anew, for the next round (RFC 3261, section 22). Only the trunk's own realm is answered, so that nobody else learns
// anything of the password.
func (s *signature) answer(t *Trunk, req *gosip.Request, res *gosip.Response) error {
	asked, answer := "WWW-Authenticate", "Authorization"
	if res.StatusCode == gosip.StatusProxyAuthRequired {
		asked, answer = "Proxy-Authenticate", "Proxy-Authorization"
	}
	if t.Username == "" {
		return errNoSecret
	}
	if !s.known {
		password, err := t.secret()
		if err != nil {
			return err
		}
		s.attempt.Account, s.known = digest.Account{User: t.Username, Password: password, Realm: cmp.Or(t.Realm, t.Host)}, true
	}
	value, err := s.attempt.Answer(digest.Response{Challenges: values(res, asked), Ours: true}, string(req.Method), req.Recipient.String())
	s.header = header{answer, value}
	return err
}

// ask sends a request of the leg's dialog, and once more with the trunk's password where that is asked for (RFC 3261, section 22). It returns what
// was sent last, and its final answer. It waits, and is not the loop's.
func (l *Leg) ask(ctx context.Context, req *gosip.Request) (sent *gosip.Request, res *gosip.Response, err error) {
	res, err = l.agent.transact(ctx, req)
	if err != nil || l.trunk == nil || res.StatusCode != gosip.StatusUnauthorized && res.StatusCode != gosip.StatusProxyAuthRequired {
		return req, res, err
	}
	var signed signature
	if err := signed.answer(l.trunk, req, res); err != nil {
		l.log.Debug("a challenge is not answered", "method", req.Method, "error", err)
		return req, res, nil
	}
	next := make(chan *gosip.Request, 1)
	if !l.post(func() { next <- l.again(req, signed.header) }) {
		return req, res, nil
	}
	sent = <-next
	res, err = l.agent.transact(ctx, sent)
	return sent, res, err
}

// again is a request once more, signed. It is the loop's.
func (l *Leg) again(req *gosip.Request, signed header) *gosip.Request {
	l.dialog.seq++
	if t := l.transfer; t != nil && t.id == req.CSeq().SeqNo {
		t.id = l.dialog.seq // it is told of under the new number
	}
	next := req.Clone()
	next.CSeq().SeqNo = l.dialog.seq
	next.Via().Params.Add("branch", gosip.RFC3261BranchMagicCookie+word())
	next.AppendHeader(gosip.NewHeader(signed.name, signed.value))
	return next
}

// values are all of a header's.
func values(m gosip.Message, name string) (all []string) {
	for _, h := range m.GetHeaders(name) {
		all = append(all, h.Value())
	}
	return all
}

// An Account is who may call with a name and a password, from wherever.
type Account struct {
	Org      string
	Password string
}

// realm is what we challenge for.
const realm = "parley"

// A signer is who has signed a request.
type signer struct {
	user, org string
	line      string // the softphone's account; empty: a trunk's
}

// signers are all who may sign with a name, and their passwords.
func (a *Agent) signers(user string) (all []signer, passwords []string) {
	add := func(s signer, password string) {
		if password != "" {
			all, passwords = append(all, s), append(passwords, password)
		}
	}
	if a.o.Account != nil {
		if one, ok := a.o.Account(user); ok {
			add(signer{user: user, org: one.Org}, one.Password)
		}
	}
	if a.o.Lines != nil {
		for _, l := range a.o.Lines(user) {
			add(signer{user: user, org: l.Org, line: l.ID}, l.Password)
		}
	}
	return all, passwords
}

// signed finds out who has signed a request. Who has not is challenged, whatever number was called and whether there is such a name.
func (a *Agent) signed(req *gosip.Request, source netip.Addr) (who signer, refused verdict) {
	asked := digest.Request{
		Credentials: values(req, "Authorization"), Method: string(req.Method), URI: req.Recipient.String(), Realm: realm, Source: source,
	}
	var all []signer
	_, which, err := a.digest.CheckAny(asked, func(user string) (passwords []string) {
		all, passwords = a.signers(user)
		return passwords
	})
	if err != nil {
		return who, a.challenge(source, err)
	}
	return all[which], verdict{}
}

// challenge is the answer to who has not signed as he should; why is what a digest.Server says.
func (a *Agent) challenge(source netip.Addr, why error) verdict {
	if a.o.Account == nil && a.o.Lines == nil || errors.Is(why, digest.ErrTries) {
		return verdict{status: gosip.StatusForbidden}
	}
	v := verdict{status: gosip.StatusUnauthorized}
	for _, c := range a.digest.Challenge(realm, source, why) {
		v.headers = append(v.headers, header{"WWW-Authenticate", c})
	}
	return v
}
