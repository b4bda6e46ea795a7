package sip

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	gosip "github.com/emiago/sipgo/sip"
)

// A Line is an account that softphones register with, and call by. Several of them may have one.
type Line struct {
	ID, Org  string
	Password string
}

// A binding is where one softphone of a line is (RFC 3261, section 10). It is not changed any more.
type binding struct {
	line, org, user string

	id        string         // what a later REGISTER replaces it by: its instance, or its Contact
	contact   gosip.Uri      // of its requests
	routes    []gosip.Uri    // Path (RFC 3327)
	transport string         // UDP, TCP or TLS
	source    netip.AddrPort // where it registers from: what it says of itself may be an address behind a translation
	call      string         // Call-ID of its REGISTER
	seq       uint32         // and the number
	until     time.Time
}

// Bounds of what is kept in memory.
const (
	mostPhones = 1 << 16 // in all
	mostOfLine = 10      // of one line; the one that would end first gives way
)

// phones are the softphones that are registered here. Its methods may be called by any goroutine.
type phones struct {
	mu    sync.Mutex
	lines map[string][]*binding // by the line's id
	seats map[seat]int          // how many have one
	count int
}

// A seat is who is where.
type seat struct {
	user   string
	source netip.AddrPort
}

func newPhones() *phones {
	return &phones{lines: map[string][]*binding{}, seats: map[seat]int{}}
}

// of are a line's, those that end last first.
func (p *phones) of(line string, now time.Time) (all []*binding) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.lines[line] {
		if b.until.After(now) {
			all = append(all, b)
		}
	}
	slices.SortStableFunc(all, func(a, b *binding) int { return b.until.Compare(a.until) })
	return all
}

// at says whether a softphone is registered by a name, and from there.
func (p *phones) at(user string, source netip.AddrPort) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seats[seat{user, source}] > 0
}

// A standing says what came of a registration.
type standing int

const (
	kept  standing = iota
	older          // than what was registered meanwhile: nothing is changed
	full
)

// keep changes what is registered with a line: bindings that are over when they come end, all others are new or go on. All of them are
// taken, or none (RFC 3261, section 10.3).
func (p *phones) keep(line string, now time.Time, changes []*binding) standing {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range changes {
		if was := p.find(line, b.id); was != nil && was.until.After(now) && was.call == b.call && was.seq >= b.seq {
			return older
		}
	}
	if p.count+len(changes) > mostPhones {
		p.clean(now)
		if p.count+len(changes) > mostPhones {
			return full
		}
	}
	for _, b := range changes {
		if was := p.find(line, b.id); was != nil {
			p.remove(was)
		}
		if b.until.After(now) {
			p.add(b)
		}
	}
	return kept
}

// find is a line's binding by its id; nil: there is none. The lock is held, as it is for all below.
func (p *phones) find(line, id string) *binding {
	for _, b := range p.lines[line] {
		if b.id == id {
			return b
		}
	}
	return nil
}

func (p *phones) add(b *binding) {
	if all := p.lines[b.line]; len(all) >= mostOfLine {
		p.remove(slices.MinFunc(all, func(a, b *binding) int { return a.until.Compare(b.until) }))
	}
	p.lines[b.line] = append(p.lines[b.line], b)
	p.seats[seat{b.user, b.source}]++
	p.count++
}

func (p *phones) remove(b *binding) {
	left := slices.DeleteFunc(p.lines[b.line], func(one *binding) bool { return one == b })
	if p.lines[b.line] = left; len(left) == 0 {
		delete(p.lines, b.line)
	}
	at := seat{b.user, b.source}
	if p.seats[at]--; p.seats[at] <= 0 {
		delete(p.seats, at)
	}
	p.count--
}

func (p *phones) clean(now time.Time) {
	for _, all := range p.lines {
		for _, b := range slices.Clone(all) {
			if !b.until.After(now) {
				p.remove(b)
			}
		}
	}
}

// sweep forgets those that have not come again, and says how many are left.
func (p *phones) sweep(now time.Time) (left int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clean(now)
	return p.count
}
