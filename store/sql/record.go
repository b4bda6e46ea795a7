package sql

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"parley/store"
	"parley/store/sql/db"
)

// Record implements store.Recorder.
func (s *Store) Record(ctx context.Context, entries []store.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	return s.write(ctx, "record", func(ctx context.Context, u unit) error {
		for rest := entries; len(rest) > 0; {
			n := slices.IndexFunc(rest, func(e store.Entry) bool { return e.Crashed != nil })
			if n == 0 {
				if err := s.crashed(ctx, u, rest[0]); err != nil {
					return err
				}
				rest = rest[1:]
				continue
			}
			if n < 0 {
				n = len(rest)
			}
			if err := s.record(ctx, u, rest[:n]); err != nil {
				return err
			}
			rest = rest[n:]
		}
		return nil
	})
}

// record writes entries none of which is Crashed.
func (s *Store) record(ctx context.Context, u unit, entries []store.Entry) error {
	l, err := newLedger(entries)
	if err != nil {
		return err
	}
	if err := s.lock(ctx, u, l); err != nil {
		return err
	}
	if err := l.add(entries); err != nil {
		return err
	}
	return u.keep(ctx, l)
}

// crashed ends the calls of a node's earlier boots; once, for each boot.
func (s *Store) crashed(ctx context.Context, u unit, e store.Entry) error {
	c := e.Crashed
	if e.Began != nil || e.Turned != nil || e.Ended != nil {
		return fmt.Errorf("%w: an entry has exactly one field", store.ErrRefused)
	}
	if n, err := u.InsertBoot(ctx, db.InsertBootParams{Node: c.Node, Boot: c.Boot}); err != nil || n == 0 {
		return err
	}
	open, err := u.Abandoned(ctx, db.AbandonedParams{Node: c.Node, Boot: c.Boot})
	if err != nil || len(open) == 0 {
		return err
	}
	l := &ledger{calls: make(map[string]*account, len(open))}
	for _, o := range open {
		l.account(o.ID)
	}
	if err := s.lock(ctx, u, l); err != nil {
		return err
	}
	for _, o := range open {
		if err := l.account(o.ID).end(abandoned(o, c.Recordings)); err != nil {
			return err
		}
	}
	return u.keep(ctx, l)
}

// abandoned is the end of a call that crashed.
func abandoned(o db.AbandonedRow, recordings map[string]store.Recording) *ended {
	heard := time.Duration(max(o.LastTurn, o.LastMessage))
	e := store.Ended{Call: o.ID, Status: store.Failed, End: store.End{Cause: store.CauseCrash, Turns: int(o.Turns)}}
	if answered := time.Time(o.Answered); answered.IsZero() {
		e.End.Ended = time.Time(o.Created).Add(heard)
	} else {
		e.End.Ended, e.End.Length = answered.Add(heard), heard
	}
	if r, ok := recordings[o.ID]; ok {
		e.Recording = &r
	}
	return &ended{Ended: &e, crashed: true}
}

// causeCarrier is media.CauseCarrier. With store.CauseCrash it is what others may presume of a call.
const causeCarrier = "carrier"

// lock reads how the calls of a ledger stand, in the order of their ids, and keeps others from changing them.
func (s *Store) lock(ctx context.Context, u unit, l *ledger) error {
	const query = "SELECT id, org, agent, task, bot, status, cause FROM calls WHERE id IN ($KEYS) ORDER BY id"
	var doubtful []string
	err := u.among(ctx, query+s.forUpdate, l.ids(), func(scan func(...any) error) error {
		var id, org, agent, task, bot, status, cause string
		if err := scan(&id, &org, &agent, &task, &bot, &status, &cause); err != nil {
			return err
		}
		a := l.account(id)
		a.known, a.begun, a.before = true, true, store.Status(status)
		a.call = store.Call{ID: id, Org: org, Agent: agent, Task: task, Bot: bot, Status: a.before}
		if a.before == store.Failed && (cause == store.CauseCrash || cause == causeCarrier) {
			doubtful = append(doubtful, id)
		}
		return nil
	})
	if err != nil || len(doubtful) == 0 {
		return err
	}
	return u.among(ctx, "SELECT call FROM presumed WHERE call IN ($KEYS)", doubtful, func(scan func(...any) error) error {
		var id string
		err := scan(&id)
		l.account(id).doubt = true
		return err
	})
}

// keep writes a ledger down: calls before what belongs to them, counters last, since others wait for those.
func (u unit) keep(ctx context.Context, l *ledger) error {
	if err := u.insertCalls(ctx, l); err != nil {
		return fmt.Errorf("calls: %w", err)
	}
	if err := u.pickUpCalls(ctx, l); err != nil {
		return fmt.Errorf("answers of calls: %w", err)
	}
	steps, err := u.reopen(ctx, l)
	if err != nil {
		return fmt.Errorf("calls that go on: %w", err)
	}
	fresh, err := u.insertTurns(ctx, l)
	if err != nil {
		return fmt.Errorf("turns: %w", err)
	}
	if err := u.collect(ctx, l, fresh); err != nil {
		return fmt.Errorf("collected: %w", err)
	}
	if err := u.putMessages(ctx, l, fresh); err != nil {
		return fmt.Errorf("messages: %w", err)
	}
	if err := u.insertRecordings(ctx, l); err != nil {
		return fmt.Errorf("recordings: %w", err)
	}
	if err := u.endCalls(ctx, l); err != nil {
		return fmt.Errorf("ends of calls: %w", err)
	}
	if err := u.presume(ctx, l); err != nil {
		return fmt.Errorf("presumed ends: %w", err)
	}
	if err := u.converse(ctx, l); err != nil {
		return fmt.Errorf("conversations: %w", err)
	}
	if err := u.endTasks(ctx, l, steps); err != nil {
		return fmt.Errorf("tasks: %w", err)
	}
	if err := u.count(ctx, l); err != nil {
		return fmt.Errorf("counters: %w", err)
	}
	if err := u.countTasks(ctx, steps); err != nil {
		return fmt.Errorf("counters of tasks: %w", err)
	}
	return nil
}

func (u unit) insertCalls(ctx context.Context, l *ledger) error {
	const columns = "id, org, agent, agent_version, task, direction, status, leg, carrier_id, caller, callee, node, boot, " +
		"created, answered, ended, length, cause, error, turns, drops, latency, collected, answered_by, quality, cost, bot, preanswer"
	r := rows{before: "INSERT INTO calls (" + columns + ") VALUES ", after: " ON CONFLICT (id) DO NOTHING RETURNING id", casts: make([]string, 28)}
	fresh := slices.DeleteFunc(slices.Clone(l.order), func(a *account) bool { return a.known })
	slices.SortFunc(fresh, func(a, b *account) int { return cmp.Compare(a.id, b.id) })
	for _, a := range fresh {
		c := a.call
		r.add(c.ID, c.Org, c.Agent, int64(c.AgentVersion), c.Task, string(c.Direction), string(c.Status), c.Leg, c.CarrierID,
			c.From, c.To, c.Node, c.Boot, db.Time(c.Created), db.Time(c.Answered), db.Time(c.Ended), int64(c.Length), c.Cause, c.Error,
			int64(c.Turns), int64(c.Drops), db.Figures(c.Latency), db.Slots(c.Collected), c.AnsweredBy, db.Quality{Quality: c.Quality}, db.Cost{Cost: c.Cost}, c.Bot,
			db.PreAnswer{PreAnswer: c.PreAnswer})
	}
	written := 0
	err := r.write(ctx, u, func(scan func(...any) error) error {
		written++
		var id string
		return scan(&id)
	})
	if err == nil && written < len(fresh) {
		return errAgain // another process has just written one of them: it is to be read before anything is decided
	}
	return err
}

// pickUpCalls writes where initiated calls that the database knew have been answered.
func (u unit) pickUpCalls(ctx context.Context, l *ledger) error {
	const text, number = "TEXT", "BIGINT"
	r := rows{
		before: "UPDATE calls SET status = 'in_progress', agent_version = v.column2, leg = v.column3, carrier_id = v.column4, caller = v.column5, " +
			"callee = v.column6, node = v.column7, boot = v.column8, answered = v.column9 FROM (VALUES ",
		after: ") AS v WHERE calls.id = v.column1",
		casts: []string{text, number, text, text, text, text, text, text, text},
	}
	for _, a := range l.order {
		if c := a.call; a.picked {
			r.add(a.id, int64(c.AgentVersion), c.Leg, c.CarrierID, c.From, c.To, c.Node, c.Boot, db.Time(c.Answered))
		}
	}
	return r.write(ctx, u, nil)
}

// A turnKey names a turn.
type turnKey struct {
	call string
	n    int64
}

// insertTurns returns those turns that the database had not.
func (u unit) insertTurns(ctx context.Context, l *ledger) (map[turnKey]bool, error) {
	r := rows{before: "INSERT INTO turns (call, n, why, said, text, heard, cut, at, sounded, latency, error, counts, lookup, remembered) VALUES ",
		after: " ON CONFLICT (call, n) DO NOTHING RETURNING call, n", casts: make([]string, 14)}
	for _, a := range l.order {
		for _, turned := range a.turned {
			t := turned.Turn
			r.add(a.id, int64(t.N), t.Why, t.Said, t.Text, t.Heard, t.Cut, int64(t.At), int64(t.Sounded), db.Figures(t.Latency), t.Error, db.Figures(t.Counts),
				db.Lookup{Lookup: t.Lookup}, db.Scopes(t.Remembered))
		}
	}
	fresh := map[turnKey]bool{}
	err := r.write(ctx, u, func(scan func(...any) error) error {
		var k turnKey
		err := scan(&k.call, &k.n)
		fresh[k] = true
		return err
	})
	return fresh, err
}

// collect writes what was collected, as the end says it or else the last of the fresh turns.
func (u unit) collect(ctx context.Context, l *ledger, fresh map[turnKey]bool) error {
	r := rows{before: "UPDATE calls SET collected = v.column2 FROM (VALUES ", after: ") AS v WHERE calls.id = v.column1", casts: []string{"TEXT", "TEXT"}}
	for _, a := range l.order {
		if a.ended != nil && a.ended.Collected != nil {
			r.add(a.id, db.Slots(a.ended.Collected))
			continue
		}
		for _, t := range slices.Backward(a.turned) {
			if t.Collected != nil && fresh[turnKey{a.id, int64(t.Turn.N)}] {
				r.add(a.id, db.Slots(t.Collected))
				break
			}
		}
	}
	return r.write(ctx, u, nil)
}

func (u unit) insertRecordings(ctx context.Context, l *ledger) error {
	r := rows{before: "INSERT INTO recordings (call, path, rate, channels, bytes, length) VALUES ",
		after: " ON CONFLICT (call) DO NOTHING", casts: make([]string, 6)}
	for _, a := range l.order {
		if a.ended != nil && a.ended.Recording != nil {
			f := a.ended.Recording
			r.add(a.id, f.Path, int64(f.Rate), int64(f.Channels), f.Bytes, int64(f.Length))
		}
	}
	return r.write(ctx, u, nil)
}

// endCalls writes the ends of calls that the database knew; of the others, the row has it.
func (u unit) endCalls(ctx context.Context, l *ledger) error {
	const text, number = "TEXT", "BIGINT"
	r := rows{
		before: "UPDATE calls SET status = v.column2, ended = v.column3, length = v.column4, cause = v.column5, error = v.column6, " +
			"turns = v.column7, drops = v.column8, latency = v.column9, answered_by = v.column10, quality = v.column11, cost = v.column12 FROM (VALUES ",
		after: ") AS v WHERE calls.id = v.column1",
		casts: []string{text, text, text, number, text, text, number, number, text, text, text, text},
	}
	for _, a := range l.order {
		if a.ended != nil && a.known {
			e := a.ended.End
			r.add(a.id, string(a.ended.Status), db.Time(e.Ended), int64(e.Length), e.Cause, e.Error, int64(e.Turns), int64(e.Drops), db.Figures(e.Latency), e.AnsweredBy,
				db.Quality{Quality: e.Quality}, db.Cost{Cost: e.Cost})
		}
	}
	return r.write(ctx, u, nil)
}

func (u unit) count(ctx context.Context, l *ledger) error {
	orgs, tasks := l.counts()
	ofOrgs := rows{before: "INSERT INTO call_counts (org, agent, status, n) VALUES ",
		after: " ON CONFLICT (org, agent, status) DO UPDATE SET n = call_counts.n + excluded.n", casts: make([]string, 4)}
	for _, t := range slices.SortedFunc(maps.Keys(orgs), tally.compare) {
		ofOrgs.add(t.org, t.agent, t.status, orgs[t])
	}
	ofTasks := rows{before: "INSERT INTO task_counts (org, task, agent, status, n) VALUES ",
		after: " ON CONFLICT (org, task, agent, status) DO UPDATE SET n = task_counts.n + excluded.n", casts: make([]string, 5)}
	for _, t := range slices.SortedFunc(maps.Keys(tasks), tally.compare) {
		ofTasks.add(t.org, t.task, t.agent, t.status, tasks[t])
	}
	if err := ofTasks.write(ctx, u, nil); err != nil {
		return err
	}
	return ofOrgs.write(ctx, u, nil)
}
