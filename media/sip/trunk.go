package sip

import (
	"net/netip"
	"slices"
	"strings"
)

// A Trunk is a way to a carrier, or to somebody's PBX.
type Trunk struct {
	ID, Org, Name string

	Host      string // of the carrier's proxy: a name or an address
	Port      int    // 0: what DNS says (RFC 3263), else the transport's own
	Transport string // udp, tcp or tls

	Username string                 // for digest; empty: none
	Password func() (string, error) // nil: there is none
	Realm    string                 // whose challenges are answered; empty: Host's

	Allowed   []netip.Prefix // from which calls are taken; none: Host's addresses
	Codecs    []string       // in order of preference; none: the Agent's
	CallerID  string         // shown on calls that are placed; empty: what the call says
	Outbound  bool           // calls are placed by it
	Registers bool           // we are registered there
	Symmetric bool           // its media may come from elsewhere than it says
}

// transport is the trunk's, as messages have it.
func (t *Trunk) transport() string {
	if t.Transport == "" {
		return "UDP"
	}
	return strings.ToUpper(t.Transport)
}

// secret is the trunk's password.
func (t *Trunk) secret() (string, error) {
	if t.Password == nil {
		return "", nil
	}
	return t.Password()
}

// takes says whether calls from an address are the trunk's.
func (t *Trunk) takes(from netip.Addr, h *hosts) bool {
	if len(t.Allowed) == 0 {
		return slices.Contains(h.known(t.Host), from)
	}
	return slices.ContainsFunc(t.Allowed, func(p netip.Prefix) bool { return p.Contains(from) })
}

// from finds the trunks whose calls come from an address. Carriers serve many: several organisations' trunks may share one.
func (a *Agent) from(addr netip.Addr) (found []*Trunk) {
	all := a.o.Trunks()
	for i := range all {
		if all[i].takes(addr, a.hosts) {
			found = append(found, &all[i])
		}
	}
	return found
}

// open says that anybody may call from an address.
func (a *Agent) open(addr netip.Addr) bool {
	return slices.ContainsFunc(a.o.Open, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// owners are the organisations of trunks, each once.
func owners(trunks []*Trunk) (orgs []string) {
	for _, t := range trunks {
		if !slices.Contains(orgs, t.Org) {
			orgs = append(orgs, t.Org)
		}
	}
	return orgs
}
