package sip

import (
	"net/netip"
	"slices"
	"strings"

	gosip "github.com/emiago/sipgo/sip"
)

// A dialogKey names a dialog, from our side (RFC 3261, section 12).
type dialogKey struct{ call, local, remote string }

// dialogOf is the dialog that a request of the far end's is in; without a tag of ours, the one that it opens.
func dialogOf(req *gosip.Request) dialogKey {
	local, _ := req.To().Params.Get("tag")
	remote, _ := req.From().Params.Get("tag")
	return dialogKey{req.CallID().Value(), local, remote}
}

// acknowledges says that an ACK is that of a request: it is in the dialog, which may be the one that the request has opened, and has its number.
func acknowledges(ack, req *gosip.Request) bool {
	a, r := dialogOf(ack), dialogOf(req)
	return ack.CSeq().SeqNo == req.CSeq().SeqNo && a.call == r.call && a.remote == r.remote
}

// A dialog is who two ends are to each other, and how to reach the other one. What changes in it is changed by its Leg's loop, or before
// that runs.
type dialog struct {
	dialogKey
	self, peer gosip.Uri      // of From and To of our requests
	name       string         // shown with self
	contact    gosip.Uri      // ours
	face       netip.AddrPort // where the far end reaches us
	target     gosip.Uri      // their Contact
	routes     []gosip.Uri    // in the order in which our requests pass them
	transport  string         // UDP, TCP or TLS
	hop        string         // where requests are sent, whatever target and routes say; empty: as they say
	seq        uint32         // CSeq of our last request
	heard      uint32         // of theirs; 0: none
}

// callee is the dialog that an INVITE opens with us: the edge has given it our tag.
func callee(req *gosip.Request, face netip.AddrPort) *dialog {
	local, _ := req.To().Params.Get("tag")
	remote, _ := req.From().Params.Get("tag")
	d := &dialog{
		dialogKey: dialogKey{call: req.CallID().Value(), local: local, remote: remote},
		self:      req.To().Address, peer: req.From().Address, face: face, transport: req.Transport(), heard: req.CSeq().SeqNo,
	}
	d.contact = d.own(req.Recipient.User)
	d.routes = recordRoutes(req)
	d.target = req.From().Address
	if c := req.Contact(); c != nil {
		d.target = c.Address
	}
	d.hop = behind(d.target, d.routes, req.Source(), d.transport)
	return d
}

// own is our Contact.
func (d *dialog) own(user string) gosip.Uri {
	u := gosip.Uri{Scheme: "sip", User: user, Host: d.face.Addr().String(), Port: int(d.face.Port())}
	if d.transport != "UDP" {
		u.UriParams = gosip.HeaderParams{{K: "transport", V: strings.ToLower(d.transport)}}
	}
	return u
}

// behind is where a far end is really reached that says a private address of itself but sends from another (RFC 3581), or that has opened a
// connection to us; empty: where it says.
func behind(target gosip.Uri, routes []gosip.Uri, source, transport string) string {
	if len(routes) > 0 {
		return ""
	}
	if transport != "UDP" {
		return source
	}
	from, err := netip.ParseAddrPort(source)
	says, serr := netip.ParseAddr(strings.Trim(target.Host, "[]"))
	if err == nil && serr == nil && inside(says) && says != from.Addr().Unmap() {
		return source
	}
	return ""
}

// recordRoutes are a message's Record-Route, from the top.
func recordRoutes(m gosip.Message) (routes []gosip.Uri) {
	for _, h := range m.GetHeaders("Record-Route") {
		for _, one := range splitList(h.Value()) {
			var u gosip.Uri
			if _, err := gosip.ParseAddressValue(one, &u, &gosip.HeaderParams{}); err == nil {
				routes = append(routes, u)
			}
		}
	}
	return routes
}

// splitList splits a header's values at commas that are in no quotes and in no angle brackets.
func splitList(value string) (parts []string) {
	quoted, angle, from := false, false, 0
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '<':
			angle = true
		case c == '>':
			angle = false
		case c == ',' && !angle:
			parts = append(parts, strings.TrimSpace(value[from:i]))
			from = i + 1
		}
	}
	if rest := strings.TrimSpace(value[from:]); rest != "" {
		parts = append(parts, rest)
	}
	return parts
}

// request is the next request in the dialog. ACK and CANCEL have the number of their INVITE, which the caller sets.
func (d *dialog) request(method gosip.RequestMethod) *gosip.Request {
	if method != gosip.ACK && method != gosip.CANCEL {
		d.seq++
	}
	return d.numbered(method, d.seq)
}

// numbered is a request with a CSeq of its own (RFC 3261, section 12.2.1.1).
func (d *dialog) numbered(method gosip.RequestMethod, seq uint32) *gosip.Request {
	target, routes := d.target, d.routes
	target.Headers = nil
	if len(routes) > 0 && !routes[0].UriParams.Has("lr") { // a strict router: it wants to be the target
		routes = append(slices.Clone(routes[1:]), target)
		target = d.routes[0]
	}
	req := gosip.NewRequest(method, target)
	req.AppendHeader(&gosip.ViaHeader{
		ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: d.transport, Host: d.face.Addr().String(), Port: int(d.face.Port()),
		Params: gosip.HeaderParams{{K: "branch", V: gosip.RFC3261BranchMagicCookie + word()}, {K: "rport"}},
	})
	for _, r := range routes {
		req.AppendHeader(&gosip.RouteHeader{Address: r})
	}
	forwards := gosip.MaxForwardsHeader(70)
	req.AppendHeader(&forwards)
	req.AppendHeader(&gosip.FromHeader{DisplayName: d.name, Address: d.self, Params: gosip.HeaderParams{{K: "tag", V: d.local}}})
	to := &gosip.ToHeader{Address: d.peer}
	if d.remote != "" {
		to.Params.Add("tag", d.remote)
	}
	req.AppendHeader(to)
	id := gosip.CallIDHeader(d.call)
	req.AppendHeader(&id)
	req.AppendHeader(&gosip.CSeqHeader{SeqNo: seq, MethodName: method})
	req.AppendHeader(&gosip.ContactHeader{Address: d.contact})
	req.SetTransport(d.transport)
	if d.hop != "" {
		req.SetDestination(d.hop)
	}
	return req
}

// hears says whether a request's number is the next, and takes it (RFC 3261, section 12.2.2).
func (d *dialog) hears(req *gosip.Request) bool {
	n := req.CSeq().SeqNo
	if d.heard != 0 && n <= d.heard {
		return false
	}
	d.heard = n
	return true
}

// refreshes takes the Contact of a request or answer that may move the far end (RFC 3261, section 12.2).
func (d *dialog) refreshes(m interface{ Contact() *gosip.ContactHeader }) {
	if c := m.Contact(); c != nil && !c.Address.Wildcard {
		d.target = c.Address
	}
}
