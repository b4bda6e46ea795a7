// Package rtptest is a bad network: it loses, delays, reorders and doubles packets, the same way whenever its seed is the same.
//
//	packet, and when it was sent ──▶ Line.Fate ──▶ how much later each of its copies arrives
//	socket ──▶ Proxy: a Line each way, on a port of its own ──▶ socket
//
// A Line is arithmetic alone, for tests in virtual time; a Proxy puts one between two programs.
package rtptest

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Impairment says how bad a network is. The zero value is perfect.
type Impairment struct {
	Seed       uint64
	Loss       float64       // share of packets that do not arrive
	Delay      time.Duration // of each packet
	Jitter     time.Duration // up to which a packet is late besides, evenly spread: more than the time between packets changes their order
	Reorder    float64       // share of packets that arrive after the next ones, late by Displaced
	Displaced  time.Duration // zero: 50 ms
	Duplicates float64       // share of packets that arrive twice
	Outages    []Outage
}

// An Outage is a time in which nothing arrives.
type Outage struct{ From, For time.Duration }

// check says what is wrong.
func (i Impairment) check() error {
	for _, share := range [...]struct {
		name string
		of   float64
	}{{"loss", i.Loss}, {"reorder", i.Reorder}, {"duplicates", i.Duplicates}} {
		if !(share.of >= 0 && share.of <= 1) {
			return fmt.Errorf("%s of %v: want a share, from 0 to 1", share.name, share.of)
		}
	}
	if i.Delay < 0 || i.Jitter < 0 || i.Displaced < 0 {
		return fmt.Errorf("delay %v, jitter %v, displaced %v: want none negative", i.Delay, i.Jitter, i.Displaced)
	}
	return nil
}

// A Line is one direction of a bad network. It is for one goroutine at a time.
type Line struct {
	how    Impairment
	random *rand.Rand
	fate   [2]time.Duration
}

// NewLine checks the impairment.
func NewLine(how Impairment) (*Line, error) {
	if err := how.check(); err != nil {
		return nil, fmt.Errorf("impair a line: %w", err)
	}
	if how.Displaced == 0 {
		how.Displaced = 50 * time.Millisecond
	}
	return &Line{how: how, random: rand.New(rand.NewPCG(how.Seed, 0x9E3779B97F4A7C15))}, nil
}

// Fate is what becomes of the next packet, which is sent at a time since the line began: how much later each of its copies arrives, of which
// there are none, one or two. It is good until the next call. Packets of one seed have the same fates in the same order.
func (l *Line) Fate(at time.Duration) []time.Duration {
	// All is drawn for each packet, so that one impairment does not change what another does.
	lost, late, displaced, twice, later := l.random.Float64() < l.how.Loss, l.random.Float64(), l.random.Float64() < l.how.Reorder,
		l.random.Float64() < l.how.Duplicates, l.random.Float64()
	for _, o := range l.how.Outages {
		lost = lost || at >= o.From && at < o.From+o.For
	}
	if lost {
		return nil
	}
	l.fate[0] = l.how.Delay + time.Duration(late*float64(l.how.Jitter))
	if displaced {
		l.fate[0] += l.how.Displaced
	}
	if !twice {
		return l.fate[:1]
	}
	l.fate[1] = l.how.Delay + time.Duration(later*float64(l.how.Jitter))
	return l.fate[:2]
}
