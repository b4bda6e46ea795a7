package sql

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"parley/store"
	"parley/store/sql/db"
)

// DialWork implements store.Dials.
func (s *Store) DialWork(ctx context.Context, now time.Time) (orgs []string, err error) {
	err = s.read(ctx, "look for calls to place", func(ctx context.Context, u unit) error {
		orgs, err = u.DialWork(ctx, db.Time(now))
		return err
	})
	return orgs, err
}

// DueTasks implements store.Dials.
func (s *Store) DueTasks(ctx context.Context, org string, now time.Time, limit int) (tasks []store.Task, err error) {
	err = s.read(ctx, "list due tasks", func(ctx context.Context, u unit) error {
		most, _ := bounds(store.Page{Limit: limit})
		found, err := u.DueTasks(ctx, db.DueTasksParams{Org: org, Now: db.Time(now), HowMany: most})
		tasks = each(found, task)
		return err
	})
	return tasks, err
}

// PutOffTask implements store.Dials.
func (s *Store) PutOffTask(ctx context.Context, org, id string, seen, due time.Time) error {
	return s.write(ctx, "put off task", func(ctx context.Context, u unit) error {
		return u.PutOffTask(ctx, db.PutOffTaskParams{Org: org, ID: id, Seen: db.Time(seen), Due: db.Time(due)})
	})
}

// DialRoom implements store.Dials.
func (s *Store) DialRoom(ctx context.Context, org string, limit int) (room int, err error) {
	err = s.read(ctx, "count dials", func(ctx context.Context, u unit) error {
		open, err := u.OpenDials(ctx, org)
		if err != nil {
			return err
		}
		waiting, err := u.WaitingDials(ctx, org)
		room = max(0, limit-int(open)-int(waiting))
		return err
	})
	return room, err
}

// TakeDials implements store.Dials.
func (s *Store) TakeDials(ctx context.Context, t store.Taking) (taken []store.Dial, err error) {
	err = s.write(ctx, "take dials", func(ctx context.Context, u unit) error {
		taken = nil
		if err := u.MakePace(ctx, t.Org); err != nil {
			return err
		}
		held, err := u.HoldPace(ctx, t.Org) // of nodes that take at once, one after the other
		if err != nil {
			return err
		}
		most := t.Most
		if t.Open > 0 {
			open, err := u.OpenDials(ctx, t.Org)
			if err != nil {
				return err
			}
			most = min(most, t.Open-int(open))
		}
		if most <= 0 {
			return errUnchanged
		}
		if err := s.holdBack(ctx, u, t.Org); err != nil {
			return err
		}
		limit, _ := bounds(store.Page{Limit: most})
		queued, err := u.QueuedDials(ctx, db.QueuedDialsParams{Org: t.Org, Now: db.Time(t.Now), HowMany: limit})
		if err != nil {
			return err
		}
		next := time.Time(held)
		if next.Before(t.Now) {
			next = t.Now
		}
		ringing, events := map[string]bool{}, newEventLog()
		for _, q := range queued {
			if ringing[q.Callee] || next.After(t.Now.Add(t.Ahead)) || others(q, t) {
				continue
			}
			ringing[q.Callee] = true
			row, err := u.AskDial(ctx, db.AskDialParams{Call: q.Call, Node: t.Node, Asked: db.Time(next), Look: db.Time(next.Add(t.Look))})
			if errors.Is(err, sql.ErrNoRows) {
				continue // it has just been cancelled
			}
			if err != nil {
				return err
			}
			d := dial(row)
			taken, next = append(taken, d), next.Add(t.Every)
			events.add(d.Org, d.Task, d.Call, store.CallStarted, db.Time(d.Asked))
		}
		if len(taken) == 0 {
			return errUnchanged
		}
		if err := u.SetPace(ctx, db.SetPaceParams{Org: t.Org, Next: db.Time(next)}); err != nil {
			return err
		}
		return events.write(ctx, u)
	})
	if err != nil {
		return nil, err
	}
	return taken, nil
}

// Dial implements store.Dials.
func (s *Store) Dial(ctx context.Context, call string) (d store.Dial, err error) {
	err = s.read(ctx, "read dial", func(ctx context.Context, u unit) error {
		row, err := u.Dial(ctx, call)
		d = dial(row)
		return err
	})
	return d, err
}

// PlaceDial implements store.Dials.
func (s *Store) PlaceDial(ctx context.Context, call, carrierID string, look time.Time) (d store.Dial, err error) {
	err = s.write(ctx, "place dial", func(ctx context.Context, u unit) error {
		if err := u.PlaceCall(ctx, db.PlaceCallParams{ID: call, CarrierID: carrierID}); err != nil {
			return err
		}
		if err := u.PlaceDial(ctx, db.PlaceDialParams{Call: call, CarrierID: carrierID, Look: db.Time(look)}); err != nil {
			return err
		}
		if err := u.KeepCarrierID(ctx, db.KeepCarrierIDParams{Call: call, CarrierID: carrierID}); err != nil {
			return err
		}
		row, err := u.Dial(ctx, call)
		d = dial(row)
		return err
	})
	return d, err
}

// UnaskDial implements store.Dials.
func (s *Store) UnaskDial(ctx context.Context, call, node string, due time.Time) error {
	return s.write(ctx, "queue dial again", func(ctx context.Context, u unit) error {
		return u.UnaskDial(ctx, db.UnaskDialParams{Call: call, Node: node, Due: db.Time(due)})
	})
}

// GoneDial implements store.Dials.
func (s *Store) GoneDial(ctx context.Context, call string, at, look time.Time) error {
	return s.write(ctx, "note end of dial", func(ctx context.Context, u unit) error {
		return u.GoneDial(ctx, db.GoneDialParams{Call: call, Gone: db.Time(at), Look: db.Time(look)})
	})
}

// OverdueDials implements store.Dials.
func (s *Store) OverdueDials(ctx context.Context, node string, now, next time.Time, limit int) (dials []store.Dial, err error) {
	most, _ := bounds(store.Page{Limit: limit})
	err = s.write(ctx, "claim overdue dials", func(ctx context.Context, u unit) error {
		found, err := u.OverdueDials(ctx, db.OverdueDialsParams{Node: node, Now: db.Time(now), Next: db.Time(next), HowMany: most})
		if dials = each(found, dial); err == nil && len(dials) == 0 {
			return errUnchanged
		}
		return err
	})
	return dials, err
}

// KnownCalls implements store.Dials.
func (s *Store) KnownCalls(ctx context.Context, carrierIDs []string) (calls map[string]string, err error) {
	err = s.read(ctx, "find dials of calls", func(ctx context.Context, u unit) error {
		calls = map[string]string{}
		return u.among(ctx, "SELECT carrier_id, call FROM dials WHERE carrier_id IN ($KEYS) AND carrier_id <> ''", carrierIDs, func(scan func(...any) error) error {
			var id, call string
			err := scan(&id, &call)
			calls[id] = call
			return err
		})
	})
	return calls, err
}

// SettleDial implements store.Dials.
func (s *Store) SettleDial(ctx context.Context, e store.Ended, again time.Time) (done bool, err error) {
	err = s.write(ctx, "settle dial", func(ctx context.Context, u unit) error {
		done, err = s.endCall(ctx, u, &ended{Ended: &e, crashed: true, hearsay: true, again: again})
		return err
	})
	return done && err == nil, err
}

// others says whether a dial is to be left to other nodes.
func others(q db.Dial, t store.Taking) bool {
	return strings.HasPrefix(q.Account, store.TrunkAccount) && t.Now.Sub(time.Time(q.Created)) < t.Others
}

// endCall ends one call, whose messages stay as they are; false if it had ended.
func (s *Store) endCall(ctx context.Context, u unit, e *ended) (bool, error) {
	l := &ledger{calls: map[string]*account{}}
	a := l.account(e.Call)
	if err := s.lock(ctx, u, l); err != nil {
		return false, err
	}
	if !a.known {
		return false, store.ErrNotFound
	}
	if err := a.end(e); err != nil {
		return false, err
	}
	if a.ended == nil {
		return false, nil
	}
	return true, u.keep(ctx, l)
}

// TaskEvents implements store.Dials.
func (s *Store) TaskEvents(ctx context.Context, after int64, limit int) (events []store.TaskEvent, err error) {
	most, _ := bounds(store.Page{Limit: limit})
	err = s.read(ctx, "list task events", func(ctx context.Context, u unit) error {
		found, err := u.TaskEvents(ctx, db.TaskEventsParams{After: after, HowMany: most})
		events = each(found, func(r db.TaskEvent) store.TaskEvent {
			return store.TaskEvent{Number: r.Number, Org: r.Org, Task: r.Task, Call: r.Call, Kind: r.Kind, Created: time.Time(r.Created)}
		})
		return err
	})
	return events, err
}

func dial(r db.Dial) store.Dial {
	return store.Dial{
		Call: r.Call, Org: r.Org, Task: r.Task, Execution: int(r.Execution), Priority: int(r.Priority), From: r.Caller, To: r.Callee,
		Account: r.Account, State: store.DialState(r.State), Due: time.Time(r.Due), Node: r.Node, CarrierID: r.CarrierID, Asked: time.Time(r.Asked),
		Look: time.Time(r.Look), Gone: time.Time(r.Gone), Created: time.Time(r.Created), Campaign: r.Campaign,
	}
}
