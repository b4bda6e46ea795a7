package sip

import (
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"
)

// How long softphones are registered, in seconds: what they ask for, within bounds.
const (
	leastExpires = 60
	usualExpires = 3600
	mostExpires  = 3600
)

// registered takes a REGISTER (RFC 3261, section 10.3). Who has not signed it is challenged, whatever name was registered.
func (a *Agent) registered(req *gosip.Request, tx *gosip.ServerTx) {
	source, err := netip.ParseAddrPort(req.Source())
	if err != nil {
		a.refuse(req, tx, gosip.StatusBadRequest)
		return
	}
	source = netip.AddrPortFrom(source.Addr().Unmap(), source.Port())
	who, refused := a.signed(req, source.Addr())
	switch {
	case refused.status != 0:
		a.answer(req, tx, refused)
		return
	case who.line == "" || req.To().Address.User != who.user: // a trunk's, or another's
		a.refuse(req, tx, gosip.StatusForbidden)
		return
	}
	now := time.Now()
	changes, err := a.bindings(req, who, source, now)
	switch {
	case errors.Is(err, errBrief):
		a.refuse(req, tx, gosip.StatusIntervalToBrief, header{"Min-Expires", strconv.Itoa(leastExpires)})
		return
	case err != nil:
		a.log.Debug("a registration is refused", "line", who.line, "error", err)
		a.refuse(req, tx, gosip.StatusBadRequest)
		return
	}
	switch a.phones.keep(who.line, now, changes) {
	case older:
		a.refuse(req, tx, gosip.StatusInternalServerError)
	case full:
		a.answer(req, tx, busy(gosip.StatusServiceUnavailable, retryLater))
	default:
		a.respond(tx, a.bound(req, who.line, now))
	}
}

// bound is the answer that says who is registered.
func (a *Agent) bound(req *gosip.Request, line string, now time.Time) *gosip.Response {
	res := reply(req, gosip.StatusOK)
	for _, b := range a.phones.of(line, now) {
		left := int((b.until.Sub(now) + time.Second - 1) / time.Second)
		res.AppendHeader(gosip.NewHeader("Contact", "<"+b.contact.String()+">;expires="+strconv.Itoa(left)))
	}
	for _, path := range values(req, "Path") { // RFC 3327, section 5.3
		res.AppendHeader(gosip.NewHeader("Path", path))
	}
	res.AppendHeader(gosip.NewHeader("Date", now.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")))
	return res
}

// Why a REGISTER is refused.
var (
	errBrief    = errors.New("the registration would not last long enough")
	errStar     = errors.New("a star for Contact ends all registrations: it stands alone, with Expires: 0")
	errContact  = errors.New("a Contact is no address of SIP")
	errContacts = errors.New("too many Contacts")
)

// bindings are what a REGISTER changes; none: it only asks. Those that are to end are over already.
func (a *Agent) bindings(req *gosip.Request, who signer, source netip.AddrPort, now time.Time) (all []*binding, err error) {
	var contacts []string
	for _, h := range req.GetHeaders("Contact") {
		contacts = append(contacts, splitList(h.Value())...)
	}
	expires := usualExpires
	if text := value(req, "Expires"); text != "" {
		if expires, err = asked(text); err != nil {
			expires = usualExpires // as if it were not there (RFC 3261, section 10.2.1.1)
		}
	}
	if slices.Contains(contacts, "*") {
		if len(contacts) != 1 || expires != 0 || value(req, "Expires") == "" {
			return nil, errStar
		}
		for _, b := range a.phones.of(who.line, now) {
			end := *b
			end.call, end.seq, end.until = req.CallID().Value(), req.CSeq().SeqNo, time.Time{}
			all = append(all, &end)
		}
		return all, nil
	}
	if len(contacts) > mostOfLine {
		return nil, errContacts
	}
	for _, one := range contacts {
		b := &binding{
			line: who.line, org: who.org, user: who.user, transport: req.Transport(), source: source, call: req.CallID().Value(), seq: req.CSeq().SeqNo,
		}
		if err := b.read(one, expires, now); err != nil {
			return nil, err
		}
		b.routes = paths(req)
		all = append(all, b)
	}
	return all, nil
}

// read takes a Contact.
func (b *binding) read(text string, expires int, now time.Time) error {
	var params gosip.HeaderParams
	if _, err := gosip.ParseAddressValue(text, &b.contact, &params); err != nil || b.contact.Scheme != "sip" && b.contact.Scheme != "sips" || b.contact.Host == "" {
		return errContact
	}
	b.contact.Headers = nil
	b.id = b.contact.String()
	if instance, ok := params.Get("+sip.instance"); ok { // another address of the same telephone (RFC 5626, section 6)
		reg, _ := params.Get("reg-id")
		b.id = instance + ";" + reg
	}
	if own, ok := params.Get("expires"); ok {
		if n, err := asked(own); err == nil {
			expires = n
		}
	}
	switch {
	case expires == 0:
		return nil
	case expires < leastExpires:
		return errBrief
	}
	b.until = now.Add(time.Duration(min(expires, mostExpires)) * time.Second)
	return nil
}

// asked is a number of seconds.
func asked(text string) (int, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 32)
	return int(min(n, mostExpires)), err //nolint:gosec // an hour at most
}

// paths are the proxies through which a softphone is reached (RFC 3327).
func paths(req *gosip.Request) (routes []gosip.Uri) {
	for _, h := range req.GetHeaders("Path") {
		for _, one := range splitList(h.Value()) {
			var u gosip.Uri
			if _, err := gosip.ParseAddressValue(one, &u, &gosip.HeaderParams{}); err == nil {
				routes = append(routes, u)
			}
		}
	}
	return routes
}
