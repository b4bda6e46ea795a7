package sip

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	gosip "github.com/emiago/sipgo/sip"
)

// A referred is whom a REFER asks us to go on with (RFC 3515, section 2.1; RFC 5589, section 7.1). Nothing in it is more than was looked for:
// all that the far end may have put into its address besides is left out.
type referred struct {
	user     string
	host     string     // empty: a telephone number (RFC 3966), which is at nobody's
	port     int        // 0: none is said
	secure   bool       // sips
	replaces *successor // whose place we are to take there; nil: it is a new call
	by       string     // Referred-By (RFC 3892); empty: nobody is named
}

// longestReferred is how many bytes a Refer-To or a Referred-By may have.
const longestReferred = 1024

// Why a REFER is malformed.
var (
	errManyTargets  = errors.New("Refer-To: want one, with one address of at most 1024 bytes")
	errNoTarget     = errors.New("Refer-To: want an address of sip, sips or tel")
	errBadTarget    = errors.New("Refer-To: want a user of digits, letters and . _ * - and a host")
	errTargetMethod = errors.New("Refer-To: want no method but INVITE")
	errTargetPlace  = errors.New("Refer-To: want at most one Replaces, which names a dialog")
	errManyBy       = errors.New("Referred-By: want one address at most, of 1024 bytes")
)

// referTo reads a REFER. What it returns as an error is answered 400.
func referTo(req *gosip.Request) (t referred, err error) {
	text, err := only(req, "Refer-To", "r")
	if err != nil || text == "" {
		return t, errManyTargets
	}
	by, err := only(req, "Referred-By", "b")
	if err != nil {
		return t, errManyBy
	}
	t.by = named(by)
	scheme, rest, _ := strings.Cut(text, ":")
	switch strings.ToLower(scheme) {
	case "tel":
		number, _, _ := strings.Cut(rest, ";")
		t.user = bare(number)
		if !numeric(t.user) || !dialable.MatchString(t.user) {
			return t, errBadTarget
		}
		return t, nil
	case "sip", "sips":
		return t, t.address(text)
	}
	return t, errNoTarget
}

// only is the address in a header that is there once; empty: it is not there.
func only(req *gosip.Request, names ...string) (text string, err error) {
	var all []gosip.Header
	for _, name := range names {
		all = append(all, req.GetHeaders(name)...)
	}
	if len(all) == 0 {
		return "", nil
	}
	text = all[0].Value()
	if len(all) > 1 || len(text) > longestReferred || len(splitList(text)) != 1 {
		return "", errManyTargets
	}
	if open := strings.LastIndexByte(text, '<'); open >= 0 { // RFC 3261, section 20.10; nothing in angles has one
		text, _, _ = strings.Cut(text[open+1:], ">")
	} else {
		text, _, _ = strings.Cut(text, ";") // what follows is the header's
	}
	return strings.TrimSpace(text), nil
}

// named is an address without anything that could be more than one, for whom we call; empty: it is none of SIP's.
func named(text string) string {
	var u gosip.Uri
	if !printable(text) || gosip.ParseUri(text, &u) != nil || u.Scheme != "sip" && u.Scheme != "sips" || u.Host == "" {
		return ""
	}
	u = gosip.Uri{Scheme: u.Scheme, User: u.User, Host: u.Host, Port: u.Port}
	return "<" + u.String() + ">"
}

// printable says that text has nothing that could end the address, or the line, in which it is written.
func printable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`<>"\`, r) })
}

// address reads an address of SIP, and of its headers the one that counts.
func (t *referred) address(text string) error {
	at := strings.LastIndexByte(text, '@') + 1 // a user may have a question mark
	where, headers, _ := strings.Cut(text[at:], "?")
	var u gosip.Uri
	if !printable(text) || gosip.ParseUri(text[:at]+where, &u) != nil || u.Host == "" || u.Port < 0 || u.Port > 65535 {
		return errBadTarget
	}
	if method, ok := u.UriParams.Get("method"); ok && method != string(gosip.INVITE) {
		return errTargetMethod
	}
	user, _, _ := strings.Cut(u.User, ";") // its parameters are no part of a number
	user, err := url.PathUnescape(user)
	if err != nil || !dialable.MatchString(user) {
		return errBadTarget
	}
	t.user, t.host, t.port, t.secure = user, strings.ToLower(strings.TrimSuffix(u.Host, ".")), u.Port, u.Scheme == "sips"
	for pair := range strings.SplitSeq(headers, "&") {
		name, is, _ := strings.Cut(pair, "=")
		if name, err = url.PathUnescape(name); err != nil || !strings.EqualFold(name, "Replaces") {
			continue
		}
		is, err = url.PathUnescape(is)
		if err != nil || t.replaces != nil || !printable(is) {
			return errTargetPlace
		}
		if t.replaces, err = parseReplaces(is); err != nil {
			return errTargetPlace
		}
	}
	if t.replaces == nil && numeric(t.user) {
		t.user = bare(t.user)
	}
	return nil
}

// bare is a number without what stands in it for the eye (RFC 3966, section 5.1.1).
func bare(number string) string {
	return strings.NewReplacer("-", "", ".", "", "(", "", ")", "").Replace(number)
}

// to is the target as people and their rules have it.
func (t *referred) to() string {
	if t.host == "" || numeric(t.user) {
		return t.user
	}
	return "sip:" + t.user + "@" + t.host
}

// Why a REFER is declined.
var (
	errElsewhere = errors.New("only calls by the call's own trunk are placed")
	errInsecure  = errors.New("the trunk is not reached by TLS")
	errNational  = errors.New("a number of more than six digits must be in E.164, with +")
)

// national is a number that has no +, and could be anywhere, at any price; or one that hides in letters.
var national = regexp.MustCompile(`^[0-9](?:[^0-9]*[0-9]){6}|^\+?[0-9].*[^0-9.-]|^\+[^0-9]`)

// aim is the address that is called by a trunk for a REFER: one at the trunk's own host. Those at ours are taken for that, as a far end that knows us
// alone writes them. A dialog that is to be replaced may be at the far end's own address too; the INVITE goes by way of the trunk all the same.
func (l *Leg) aim(t *referred, by *Trunk) (u gosip.Uri, err error) {
	u = gosip.Uri{Scheme: "sip", User: t.user, Host: bracketed(by.Host), Port: by.Port}
	if t.secure && by.transport() != "TLS" {
		return u, errInsecure
	}
	if t.replaces == nil && national.MatchString(t.user) {
		return u, errNational
	}
	switch {
	case t.replaces != nil && (l.isFrom(t.host) || l.agent.isAt(by, t.host)):
		u.Host, u.Port = t.host, t.port
		return u, nil
	case t.host == "", l.calls(t.host), l.agent.isAt(by, t.host):
		return u, nil
	}
	return u, fmt.Errorf("%s: %w", t.host, errElsewhere)
}

// calls says that a far end means us by a host.
func (l *Leg) calls(host string) bool {
	return isAddress(host, l.dialog.face.Addr()) || host == strings.ToLower(l.dialog.self.Host) && !l.info.Outbound
}

// isFrom says that a host is where the far end is, by what it says or by where it sends from.
func (l *Leg) isFrom(host string) bool {
	return host == strings.ToLower(l.dialog.target.Host) || isAddress(host, l.voice.source)
}

// isAt says that a host is a trunk's.
func (a *Agent) isAt(t *Trunk, host string) bool {
	if strings.EqualFold(host, bracketed(t.Host)) || t.Realm != "" && strings.EqualFold(host, t.Realm) {
		return true
	}
	return slices.ContainsFunc(a.hosts.known(t.Host), func(is netip.Addr) bool { return isAddress(host, is) })
}

// isAddress says that a host is written as an address, and which.
func isAddress(host string, is netip.Addr) bool {
	says, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && says.Unmap() == is.Unmap()
}
