package main

import (
	"errors"
	"log/slog"
	"maps"
	"sync"
	"time"
)

// players are who hears, thinks and speaks on calls: the server's vendors, or an organisation's own where it has credentials. Vendors live as
// long as calls hold them: those that were replaced are closed with their last call. All methods may be called by any goroutine.
type players struct {
	base *vendors
	own  func(org string) own        // from memory
	make func(own) (*vendors, error) // opens nothing
	log  *slog.Logger

	mu    sync.Mutex
	orgs  map[string]*player // those of now, by organisation
	calls map[string]*player // by call
	gone  []*player          // to be closed
	swept time.Time
}

// A player is an organisation's vendors.
type player struct {
	*vendors
	org   string
	own   own
	calls int
	used  time.Time // when a call last let go
}

// idle is how long vendors are kept that no call holds, with what they have said before: one socket of theirs may stay open.
const idle = 12 * time.Hour

// hold finds the vendors for a call of an organisation, and keeps them until release. What an organisation has of its own but cannot be
// used is as none.
func (p *players) hold(call, org string) *vendors {
	o := p.own(org)
	defer p.shut()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sweep(time.Now())
	if len(o) == 0 {
		p.dismiss(org)
		return p.base
	}
	now := p.orgs[org]
	if now == nil || !maps.Equal(now.own, o) {
		v, err := p.make(o)
		if err != nil {
			p.log.Warn("calls are held with the server's own account: the organisation's cannot be used", "org", org, "error", err)
			return p.base
		}
		p.dismiss(org)
		now = &player{vendors: v, org: org, own: o}
		if p.orgs == nil {
			p.orgs, p.calls = map[string]*player{}, map[string]*player{}
		}
		p.orgs[org] = now
	}
	now.calls++
	p.drop(call)
	p.calls[call] = now
	return now.vendors
}

// held are the vendors of a call; the server's if it holds no others.
func (p *players) held(call string) *vendors {
	p.mu.Lock()
	defer p.mu.Unlock()
	if held := p.calls[call]; held != nil {
		return held.vendors
	}
	return p.base
}

// release lets go of a call's vendors.
func (p *players) release(call string) {
	defer p.shut()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop(call)
}

// drop lets go of what a call holds. Vendors that were replaced, and that it was the last to hold, are gone.
func (p *players) drop(call string) {
	held := p.calls[call]
	if held == nil {
		return
	}
	delete(p.calls, call)
	held.calls--
	held.used = time.Now()
	if held.calls == 0 && p.orgs[held.org] != held {
		p.gone = append(p.gone, held)
	}
}

// dismiss lets an organisation's vendors go, as soon as no call holds them.
func (p *players) dismiss(org string) {
	now := p.orgs[org]
	delete(p.orgs, org)
	if now != nil && now.calls == 0 {
		p.gone = append(p.gone, now)
	}
}

// sweep dismisses, once a minute, those that nobody has used for long.
func (p *players) sweep(now time.Time) {
	if now.Sub(p.swept) < time.Minute {
		return
	}
	p.swept = now
	for org, held := range p.orgs {
		if held.calls == 0 && now.Sub(held.used) > idle {
			p.dismiss(org)
		}
	}
}

// shut closes those that are gone, while nobody waits for it.
func (p *players) shut() {
	p.mu.Lock()
	gone := p.gone
	p.gone = nil
	p.mu.Unlock()
	for _, held := range gone {
		if err := held.close(); err != nil {
			p.log.Warn("vendors not closed", "org", held.org, "error", err)
		}
	}
}

// close closes all, also those that calls still hold.
func (p *players) close() error {
	p.mu.Lock()
	all := map[*player]bool{}
	for _, held := range p.orgs {
		all[held] = true
	}
	for _, held := range p.calls {
		all[held] = true
	}
	p.orgs, p.calls = nil, nil
	p.mu.Unlock()
	var errs []error
	for held := range all {
		errs = append(errs, held.close())
	}
	return errors.Join(errs...)
}
