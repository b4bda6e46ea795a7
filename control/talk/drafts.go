package talk

import (
	"slices"
	"sync"
	"time"

	"parley/store"
)

// DraftLife is how long an agent that is not saved can be called: the life of its token.
const DraftLife = 5 * time.Minute

// How many drafts a node keeps: of all organisations, and of one, so that none of them has the place of all others. The oldest goes first.
const (
	mostDrafts = 1000
	mostOfOrg  = 50
)

// Drafts are agents as somebody is writing them, for the one call that tries each. They live in the memory of the node that was given them,
// Boot, and nowhere else. Safe for any number of goroutines.
type Drafts struct {
	Boot string

	mu  sync.Mutex
	all []draft // oldest first
}

type draft struct {
	id      string
	agent   store.Agent
	expires time.Time
}

// Keep keeps an agent for its call, and names it. Its version becomes 0, which no saved one has.
func (d *Drafts) Keep(a store.Agent, now time.Time) (id string) {
	a.Version = 0
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = slices.DeleteFunc(d.all, func(one draft) bool { return !now.Before(one.expires) })
	d.makeRoom(mostOfOrg, func(one draft) bool { return one.agent.Org == a.Org })
	d.makeRoom(mostDrafts, func(draft) bool { return true })
	fresh := draft{store.NewID(), a, now.Add(DraftLife + time.Minute)} // a call may begin when the token's time is nearly over
	d.all = append(d.all, fresh)
	return fresh.id
}

// makeRoom lets the oldest of some go if there are so many of them.
func (d *Drafts) makeRoom(most int, of func(draft) bool) {
	oldest, n := 0, 0
	for i, one := range slices.Backward(d.all) {
		if of(one) {
			oldest, n = i, n+1
		}
	}
	if n >= most {
		d.all = slices.Delete(d.all, oldest, oldest+1)
	}
}

// Draft is an agent that an organisation has here; false: it is forgotten.
func (d *Drafts) Draft(org, id string, now time.Time) (store.Agent, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, one := range d.all {
		if one.id == id && one.agent.Org == org && now.Before(one.expires) {
			return one.agent, true
		}
	}
	return store.Agent{}, false
}

// Forget lets go of an agent whose call is over.
func (d *Drafts) Forget(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, one := range d.all {
		if one.id == id {
			d.all = append(d.all[:i], d.all[i+1:]...)
			return
		}
	}
}
