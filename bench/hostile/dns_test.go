package hostile_test

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// A zone answers for every name there is: with loopback, unless the name says otherwise.
type zone struct {
	mu    sync.Mutex
	asked map[string]int
}

// addresses are what a name has this time.
func (z *zone) addresses(name string) []netip.Addr {
	z.mu.Lock()
	z.asked[name]++
	n := z.asked[name]
	z.mu.Unlock()
	label, _, _ := strings.Cut(name, ".")
	own, v6 := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")
	switch kind, rest, _ := strings.Cut(label, "-"); kind {
	case "v4":
		if a, err := netip.ParseAddr(strings.ReplaceAll(rest, "-", ".")); err == nil {
			return []netip.Addr{a}
		}
	case "rebind":
		return []netip.Addr{[]netip.Addr{netip.MustParseAddr("10.0.0.1"), own, netip.MustParseAddr("127.0.0.2"), v6}[n%4]}
	case "both":
		return []netip.Addr{netip.MustParseAddr("192.168.0.1"), own, v6}
	}
	return []netip.Addr{own, v6}
}

// serve answers until the test ends, and makes Go's resolver ask here.
func (z *zone) serve(t *testing.T) {
	t.Helper()
	z.asked = map[string]int{}
	at, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := at.ReadFrom(buf)
			if err != nil {
				return
			}
			if answer := z.answer(buf[:n]); answer != nil {
				_, _ = at.WriteTo(answer, from)
			}
		}
	}()
	former := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", at.LocalAddr().String())
	}}
	t.Cleanup(func() { net.DefaultResolver = former; must(t, at.Close()); <-done })
}

func (z *zone) answer(question []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(question) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	m.Header = dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true, RecursionAvailable: true}
	m.Additionals = nil
	for _, a := range z.addresses(strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))) {
		head := dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 0}
		switch {
		case q.Type == dnsmessage.TypeA && a.Is4():
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: a.As4()}})
		case q.Type == dnsmessage.TypeAAAA && a.Is6():
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
		}
	}
	packed, err := m.Pack()
	if err != nil {
		return nil
	}
	return packed
}
