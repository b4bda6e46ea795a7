package admission

import (
	"cmp"
	"time"
)

// calls are those that have a place: coming, by their keys, or live, by their carriers' ids. The zero value is ready.
type calls struct {
	waiting map[string]place
	begun   map[string]Request
	live    int
	orgs    map[string]int // of those that are live
	speech  int            // of those that are live: with local speech
}

// A place is kept for a call that comes.
type place struct {
	Request
	counts time.Time // until then, as if it had come
	keeps  time.Time // until then it may still come
}

// expects says whether a call has a place that it has not taken.
func (c *calls) expects(key string, now time.Time) bool {
	p, ok := c.waiting[key]
	return ok && now.Before(p.keeps)
}

// expect gives a call a place, or the one that it has for longer.
func (c *calls) expect(r Request, now time.Time) {
	if c.waiting == nil {
		c.waiting = map[string]place{}
	}
	wait := cmp.Or(r.Wait, comes)
	if old, ok := c.waiting[r.Key]; ok { // who asked first knew best
		r.Org, r.Speech = old.Org, old.Speech
	}
	c.waiting[r.Key] = place{r, now.Add(wait), now.Add(max(wait, keeps))}
}

// take uses up a call's place, and says as what it was given; false: it had none.
func (c *calls) take(key string, now time.Time) (Request, bool) {
	p, ok := c.waiting[key]
	delete(c.waiting, key)
	return p.Request, ok && now.Before(p.keeps)
}

func (c *calls) forget(key string) { delete(c.waiting, key) }

// begin makes a call live. An id that is live already stays what it is.
func (c *calls) begin(id string, r Request) {
	if _, ok := c.begun[id]; ok {
		return
	}
	if c.begun == nil {
		c.begun, c.orgs = map[string]Request{}, map[string]int{}
	}
	c.begun[id] = r
	c.live++
	c.orgs[r.Org]++
	if r.Speech {
		c.speech++
	}
}

// end lets go of a live call.
func (c *calls) end(id string) {
	r, ok := c.begun[id]
	if !ok {
		return
	}
	delete(c.begun, id)
	c.live--
	if c.orgs[r.Org]--; c.orgs[r.Org] == 0 {
		delete(c.orgs, r.Org)
	}
	if r.Speech {
		c.speech--
	}
}

// numbers are how many calls there are, coming and live.
type numbers struct {
	all, coming int
	org         int // of one organisation
	speech      int // that use local speech
}

// number counts, with those of org apart.
func (c *calls) number(org string, now time.Time) numbers {
	n := numbers{all: c.live, org: c.orgs[org], speech: c.speech}
	for _, p := range c.waiting {
		if !now.Before(p.counts) {
			continue
		}
		n.all++
		n.coming++
		if p.Org == org {
			n.org++
		}
		if p.Speech {
			n.speech++
		}
	}
	return n
}

// sweep forgets those that will not come.
func (c *calls) sweep(now time.Time) {
	for key, p := range c.waiting {
		if !now.Before(p.keeps) {
			delete(c.waiting, key)
		}
	}
}
