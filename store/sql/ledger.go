package sql

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"parley/store"
)

// A ledger is what a run of entries comes to: for each call that they speak of, how it stood and how it will stand. It decides; writing
// it down is a matter of few statements, however many the entries.
type ledger struct {
	calls map[string]*account
	order []*account // as the entries first spoke of them
}

// An account is one call in a ledger.
type account struct {
	id     string
	known  bool         // the database has the call
	before store.Status // if known
	doubt  bool         // known as ended by another node, which had not heard of the call's own: what that says counts more
	again  bool         // it was so, and an entry says otherwise
	call   store.Call   // Org, Agent, Task and Status at least; whole if the call is new
	begun  bool         // known, or begun by one of the entries
	picked bool         // known as initiated, and in progress by one of the entries
	turns  map[int]bool // N of turned
	turned []*store.Turned
	ended  *ended
}

// An ended is a call's end. Of a crashed call the messages stay as they are.
type ended struct {
	*store.Ended
	crashed bool
	hearsay bool      // by somebody who does not have the call, nor its records
	again   time.Time // when the task that it carried out is due once more; zero: the task ends with it
}

// account is a call's, which is opened if need be.
func (l *ledger) account(id string) *account {
	id = clean(id)
	a := l.calls[id]
	if a == nil {
		a = &account{id: id, turns: map[int]bool{}}
		l.calls[id] = a
		l.order = append(l.order, a)
	}
	return a
}

// newLedger opens the accounts of the calls that entries speak of.
func newLedger(entries []store.Entry) (*ledger, error) {
	l := &ledger{calls: make(map[string]*account, len(entries))}
	for _, e := range entries {
		switch {
		case e.Began != nil && e.Turned == nil && e.Ended == nil && e.Crashed == nil:
			l.account(e.Began.ID)
		case e.Turned != nil && e.Began == nil && e.Ended == nil && e.Crashed == nil:
			l.account(e.Turned.Turn.Call)
		case e.Ended != nil && e.Began == nil && e.Turned == nil && e.Crashed == nil:
			l.account(e.Ended.Call)
		default:
			return nil, fmt.Errorf("%w: an entry has exactly one field", store.ErrRefused)
		}
	}
	return l, nil
}

// ids are the calls' in order, by which they are locked.
func (l *ledger) ids() []string { return slices.Sorted(maps.Keys(l.calls)) }

// add takes entries in; the accounts are open, and say what the database has.
func (l *ledger) add(entries []store.Entry) error {
	for _, e := range entries {
		var err error
		switch {
		case e.Began != nil:
			err = l.account(e.Began.ID).begin(*e.Began)
		case e.Turned != nil:
			err = l.account(e.Turned.Turn.Call).turn(e.Turned)
		default:
			err = l.account(e.Ended.Call).end(&ended{Ended: e.Ended})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *account) begin(c store.Call) error {
	switch {
	case a.id == "" || c.Org == "":
		return fmt.Errorf("%w: a call has an id and an organisation", store.ErrRefused)
	case c.Status != store.Initiated && c.Status != store.InProgress && !c.Status.Final():
		return fmt.Errorf("%w: call %s begins with status %q", store.ErrRefused, a.id, c.Status)
	case a.begun:
		a.pickUp(c)
		return nil
	}
	c.ID, c.Org, c.Agent, c.Task, c.Bot = a.id, clean(c.Org), clean(c.Agent), clean(c.Task), clean(c.Bot)
	a.call, a.begun = c, true
	return nil
}

// pickUp takes from a Began that comes after another that an initiated call is in progress, and where; or that one goes on which another
// node has ended.
func (a *account) pickUp(c store.Call) {
	if a.call.Status != store.Initiated && !a.doubt || c.Status != store.InProgress {
		return
	}
	a.reopen()
	to := &a.call
	to.Status, to.AgentVersion, to.Leg, to.CarrierID, to.From, to.To = c.Status, c.AgentVersion, c.Leg, c.CarrierID, c.From, c.To
	to.Node, to.Boot, to.Answered = c.Node, c.Boot, c.Answered
	a.picked = a.known
}

func (a *account) turn(t *store.Turned) error {
	switch {
	case !a.begun:
		return fmt.Errorf("%w: turn %d is of call %s, which never began", store.ErrRefused, t.Turn.N, a.id)
	case a.call.Status.Final() && !a.doubt || a.turns[t.Turn.N]:
		return nil
	}
	a.reopen()
	a.turns[t.Turn.N] = true
	a.turned = append(a.turned, t)
	return nil
}

func (a *account) end(e *ended) error {
	switch {
	case !a.begun:
		return fmt.Errorf("%w: call %s ends, which never began", store.ErrRefused, a.id)
	case !e.Status.Final():
		return fmt.Errorf("%w: call %s ends with status %q", store.ErrRefused, a.id, e.Status)
	case a.call.Status.Final() && (!a.doubt || e.hearsay):
		return nil
	}
	a.reopen()
	a.ended, a.call.Status = e, e.Status
	if !a.known {
		a.call.End = e.End
	}
	return nil
}

// reopen takes back what another node has presumed.
func (a *account) reopen() {
	if a.doubt {
		a.doubt, a.again, a.call.Status = false, true, store.InProgress
	}
}

// A tally is a counter's key: of an organisation's calls or tasks, of a task's calls, or of a campaign's tasks.
type tally struct{ org, task, agent, status, campaign, outcome string }

// compare orders tallies as counters are written: all writers in the same order, so that none waits for another that waits for it.
func (t tally) compare(o tally) int {
	return cmp.Or(cmp.Compare(t.org, o.org), cmp.Compare(t.task, o.task), cmp.Compare(t.agent, o.agent), cmp.Compare(t.status, o.status),
		cmp.Compare(t.campaign, o.campaign), cmp.Compare(t.outcome, o.outcome))
}

// counts are the steps that the counters of organisations take, and those of tasks; those that take none are left out.
func (l *ledger) counts() (orgs, tasks map[tally]int64) {
	orgs, tasks = map[tally]int64{}, map[tally]int64{}
	step := func(c store.Call, status store.Status, by int64) {
		t := tally{org: c.Org, agent: c.Agent, status: string(status)}
		orgs[t] += by
		if t.task = c.Task; c.Task != "" {
			tasks[t] += by
		}
	}
	for _, a := range l.order {
		if a.known {
			step(a.call, a.before, -1)
		}
		step(a.call, a.call.Status, 1)
	}
	none := func(_ tally, n int64) bool { return n == 0 }
	maps.DeleteFunc(orgs, none)
	maps.DeleteFunc(tasks, none)
	return orgs, tasks
}
