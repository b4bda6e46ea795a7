package main

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync"

	"parley/control/price"
	"parley/control/suppliers"
	"parley/providers"
	"parley/store"
)

// bills are what the calls of now have cost so far.
//
//	answer: a bill in the call's context ──▶ every Meter adds to it ──▶ the call's end: its record has the total
type bills struct {
	prices *price.List

	mu   sync.Mutex
	open map[string]*price.Bill // by call
}

// billKey is of a call's context.
type billKey struct{}

// begin is a call's context: what its providers are used for stands on a bill.
func (b *bills) begin(ctx context.Context) context.Context {
	return b.on(ctx, &price.Bill{})
}

// resume is begin of a call that goes on: what it was used for here before stands on the same bill.
func (b *bills) resume(ctx context.Context, call string) context.Context {
	b.mu.Lock()
	bill := b.open[call]
	b.mu.Unlock()
	if bill == nil {
		bill = &price.Bill{}
	}
	return b.on(ctx, bill)
}

func (b *bills) on(ctx context.Context, bill *price.Bill) context.Context {
	return providers.Told(context.WithValue(ctx, billKey{}, bill), func(u providers.Use) { bill.Add(price.Use(u)) })
}

// name gives the bill of a context to a call.
func (b *bills) name(ctx context.Context, call string) {
	bill, ok := ctx.Value(billKey{}).(*price.Bill)
	if !ok {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == nil {
		b.open = map[string]*price.Bill{}
	}
	b.open[call] = bill
}

// settle is what a call has cost, once; nil: nothing was used.
func (b *bills) settle(call string) *store.Cost {
	b.mu.Lock()
	bill := b.open[call]
	delete(b.open, call)
	b.mu.Unlock()
	if bill == nil {
		return nil
	}
	return b.prices.Total(bill)
}

// elsewhere is the host of a server that is another than a vendor's own, whose prices are its own, too: "localhost" is this machine, and
// empty the vendor's. Who has no server of its own, being run by whoever likes to, is never elsewhere.
func elsewhere(vendor, base string) string {
	s, ok := suppliers.Of(vendor)
	if !ok || s.Probe == nil || s.Probe.Base == "" || base == "" {
		return ""
	}
	own, err := url.Parse(s.Probe.Base)
	at, bad := url.Parse(base)
	if err != nil || bad != nil || at.Hostname() == "" || domain(own.Hostname()) == domain(at.Hostname()) {
		return ""
	}
	if ip, err := netip.ParseAddr(at.Hostname()); at.Hostname() == "localhost" || err == nil && ip.IsLoopback() {
		return "localhost"
	}
	return strings.ToLower(at.Hostname())
}

// domain is the last two names of a host: those of a vendor's regions share it.
func domain(host string) string {
	if net.ParseIP(host) != nil {
		return host
	}
	names := strings.Split(strings.ToLower(host), ".")
	return strings.Join(names[max(0, len(names)-2):], ".")
}
