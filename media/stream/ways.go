package stream

import (
	"crypto/rand"
	"time"
)

// This file is for those who want to know whether a carrier's calls would come in at all: the ways to sockets whose calls nobody has heard of. They
// are good for the upgrade, and for as long as any.

// unheard is a ticket, sealed by key, of a call that nobody has heard of.
func (h *Host) unheard(key, call string, now time.Time) string {
	return seal(key, call, rand.Text(), false, now.Add(h.Limits.orDefaults().Token))
}

// Way is where a stream would come in whose call nobody has heard of.
func (t *Telnyx) Way(call string, now time.Time) string {
	return telnyxWay(nil, nil, call, t.unheard(sealKey(t.Secret, nil, nil), call, now))
}
