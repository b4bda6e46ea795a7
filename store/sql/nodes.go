package sql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley/store"
	"parley/store/sql/db"
)

const (
	remembered = 24 * time.Hour // how long nodes that are gone are shown
	errandLife = time.Minute
)

// clock is the database's.
func (u unit) clock(ctx context.Context) (time.Time, error) {
	var us int64
	err := u.QueryRowContext(ctx, u.now).Scan(&us)
	return time.UnixMicro(us).UTC(), err
}

// Installation implements store.Nodes.
func (s *Store) Installation(ctx context.Context) (id string, err error) {
	err = s.read(ctx, "read installation", func(ctx context.Context, u unit) error {
		id, err = u.Installation(ctx)
		return err
	})
	return id, err
}

// Beat implements store.Nodes.
func (s *Store) Beat(ctx context.Context, n store.Node, v store.Vigil) (reopened int, err error) {
	err = s.write(ctx, "beat", func(ctx context.Context, u unit) error {
		reopened = 0
		was, err := u.HoldNode(ctx, n.Boot)
		isNew := errors.Is(err, sql.ErrNoRows)
		if err != nil && !isNew {
			return err
		}
		now, err := u.clock(ctx) // after who buries it
		if err != nil {
			return err
		}
		if isNew {
			if err := u.ForgetNodes(ctx, db.Time(now.Add(-remembered))); err != nil {
				return err
			}
			return u.InsertNode(ctx, db.InsertNodeParams{
				Boot: n.Boot, Node: n.Node, Version: n.Version, Started: db.Time(now), Beat: db.Time(now), Steady: db.Time(now),
				Calls: int64(n.Calls), Draining: n.Draining,
			})
		}
		steady := was.Steady
		if now.Sub(time.Time(was.Beat)) > v.Gap {
			steady = db.Time(now)
		}
		if err := u.BeatNode(ctx, db.BeatNodeParams{Boot: n.Boot, Beat: db.Time(now), Steady: steady, Calls: int64(n.Calls), Draining: n.Draining}); err != nil {
			return err
		}
		if time.Time(was.Gone).IsZero() {
			return nil
		}
		reopened, err = s.goOn(ctx, u, was)
		return err
	})
	return reopened, err
}

// goOn takes back what was presumed of the calls of a node.
func (s *Store) goOn(ctx context.Context, u unit, n db.Node) (reopened int, err error) {
	calls, err := u.PresumedOf(ctx, db.PresumedOfParams{Node: n.Node, Boot: n.Boot})
	if err != nil || len(calls) == 0 {
		return 0, err
	}
	l := &ledger{calls: make(map[string]*account, len(calls))}
	for _, id := range calls {
		l.account(id)
	}
	if err := s.lock(ctx, u, l); err != nil {
		return 0, err
	}
	for _, a := range l.order {
		if a.reopen(); a.again {
			reopened++
		}
	}
	return reopened, u.keep(ctx, l)
}

// Bury implements store.Nodes.
func (s *Store) Bury(ctx context.Context, by string, v store.Vigil) (b store.Burial, done bool, err error) {
	err = s.write(ctx, "bury node", func(ctx context.Context, u unit) error {
		b, done = store.Burial{}, false
		now, err := u.clock(ctx)
		if err != nil {
			return err
		}
		us, err := u.Node(ctx, by)
		if errors.Is(err, sql.ErrNoRows) {
			return errUnchanged
		}
		if err != nil {
			return err
		}
		steady := now.Sub(time.Time(us.Steady)) >= v.Silent && now.Sub(time.Time(us.Beat)) <= v.Gap && time.Time(us.Gone).IsZero()
		if !steady {
			return errUnchanged
		}
		before := db.Time(now.Add(-v.Silent))
		boot, err := u.SilentNode(ctx, db.SilentNodeParams{Besides: by, Before: before})
		if errors.Is(err, sql.ErrNoRows) {
			return errUnchanged
		}
		if err != nil {
			return err
		}
		row, err := u.BuryNode(ctx, db.BuryNodeParams{Boot: boot, Gone: db.Time(now), Before: before})
		if errors.Is(err, sql.ErrNoRows) {
			return errUnchanged // it has just been heard of
		}
		if err != nil {
			return err
		}
		b.Node, done = node(row), true
		return s.bury(ctx, u, row, &b)
	})
	if err != nil {
		return store.Burial{}, false, err
	}
	return b, done, nil
}

// bury ends what a node has left open. Its row is held.
func (s *Store) bury(ctx context.Context, u unit, n db.Node, b *store.Burial) error {
	dials, err := u.LookAtDials(ctx, n.Boot)
	if err != nil {
		return fmt.Errorf("dials: %w", err)
	}
	b.Dials = int(dials)
	left, err := u.Left(ctx, db.LeftParams{Node: n.Node, Boot: n.Boot})
	if err != nil || len(left) == 0 {
		return err
	}
	l := &ledger{calls: make(map[string]*account, len(left))}
	for _, c := range left {
		l.account(c.ID)
	}
	if err := s.lock(ctx, u, l); err != nil {
		return err
	}
	for _, c := range left {
		a := l.account(c.ID)
		e := abandoned(db.AbandonedRow(c), nil)
		e.hearsay = true
		if err := a.end(e); err != nil {
			return err
		}
		if a.ended != nil {
			b.Calls = append(b.Calls, a.id)
		}
	}
	return u.keep(ctx, l)
}

// presume notes which ends of calls are not the word of the node that has the call, though it may have one.
func (u unit) presume(ctx context.Context, l *ledger) error {
	var calls []string
	for _, a := range l.order {
		if a.ended != nil && a.ended.hearsay {
			calls = append(calls, a.id)
		}
	}
	return u.among(ctx, "INSERT INTO presumed (call, node, boot) SELECT c.id, c.node, c.boot FROM calls c WHERE c.id IN ($KEYS) AND "+
		"(c.cause = 'crash' OR c.cause = 'carrier' AND EXISTS (SELECT 1 FROM dials d WHERE d.call = c.id AND d.gone <> '')) "+
		"ON CONFLICT (call) DO NOTHING", calls, nil)
}

// reopen writes down that calls go on which another node had thought to be over, and with them their tasks. It returns the steps that the
// tasks' counters take.
func (u unit) reopen(ctx context.Context, l *ledger) (steps map[tally]int64, err error) {
	steps = map[tally]int64{}
	var calls, open []string
	const text = "TEXT"
	r := rows{
		before: "UPDATE tasks SET status = 'in_progress', error = '' FROM (VALUES ",
		after: ") AS v WHERE tasks.id = v.column1 AND tasks.call = v.column2 AND tasks.status = 'failed' " +
			"RETURNING tasks.org, tasks.agent",
		casts: []string{text, text},
	}
	for _, a := range slices.SortedFunc(slices.Values(l.order), func(a, b *account) int { return strings.Compare(a.call.Task, b.call.Task) }) {
		if !a.again {
			continue
		}
		calls = append(calls, a.id)
		if a.ended == nil {
			open = append(open, a.id)
		}
		if a.call.Task != "" {
			r.add(a.call.Task, a.id)
		}
	}
	if len(calls) == 0 {
		return steps, nil
	}
	if err := u.among(ctx, "DELETE FROM presumed WHERE call IN ($KEYS)", calls, nil); err != nil {
		return nil, err
	}
	const again = "UPDATE calls SET status = 'in_progress', ended = '', length = 0, cause = '', error = '', turns = 0 WHERE id IN ($KEYS)"
	if err := u.among(ctx, again, open, nil); err != nil {
		return nil, err
	}
	err = r.write(ctx, u, func(scan func(...any) error) error {
		t := tally{status: string(store.InProgress)}
		if err := scan(&t.org, &t.agent); err != nil {
			return err
		}
		steps[t]++
		t.status = string(store.Failed)
		steps[t]--
		return nil
	})
	if err != nil {
		return nil, err
	}
	// Somebody may have planned the task's next call since: this one is its task's no more, and nobody asks for it.
	return steps, u.among(ctx, "UPDATE dials SET state = 'placed', look = created WHERE call IN ($KEYS) AND state = 'over' AND carrier_id <> '' "+
		"AND EXISTS (SELECT 1 FROM tasks t WHERE t.id = dials.task AND t.call = dials.call)", open, nil)
}

// Leave implements store.Nodes.
func (s *Store) Leave(ctx context.Context, boot string) error {
	return s.write(ctx, "leave", func(ctx context.Context, u unit) error { return u.LeaveNodes(ctx, boot) })
}

// Nodes implements store.Nodes.
func (s *Store) Nodes(ctx context.Context, p store.Page) (nodes []store.Node, total int64, err error) {
	err = s.read(ctx, "list nodes", func(ctx context.Context, u unit) error {
		limit, offset := bounds(p)
		found, err := u.Nodes(ctx, db.NodesParams{HowMany: limit, After: offset})
		if err != nil {
			return err
		}
		nodes = each(found, node)
		total, err = u.CountNodes(ctx)
		return err
	})
	return nodes, total, err
}

// SendErrand implements store.Errands.
func (s *Store) SendErrand(ctx context.Context, e store.Errand) error {
	return s.write(ctx, "send errand", func(ctx context.Context, u unit) error {
		now, err := u.clock(ctx)
		if err != nil {
			return err
		}
		if err := u.ForgetErrands(ctx, db.Time(now.Add(-errandLife))); err != nil {
			return err
		}
		return u.InsertErrand(ctx, db.InsertErrandParams{ID: e.ID, Boot: e.Boot, Task: e.Task, Created: db.Time(now)})
	})
}

// Errands implements store.Errands.
func (s *Store) Errands(ctx context.Context, boot string, limit int) (errands []store.Errand, err error) {
	most, _ := bounds(store.Page{Limit: limit})
	err = s.read(ctx, "list errands", func(ctx context.Context, u unit) error {
		now, err := u.clock(ctx)
		if err != nil {
			return err
		}
		found, err := u.Errands(ctx, db.ErrandsParams{Boot: boot, Since: db.Time(now.Add(-errandLife)), HowMany: most})
		errands = each(found, func(r db.ErrandsRow) store.Errand { return store.Errand{ID: r.ID, Boot: boot, Task: r.Task} })
		return err
	})
	return errands, err
}

// AnswerErrand implements store.Errands.
func (s *Store) AnswerErrand(ctx context.Context, id, answer string) error {
	return s.write(ctx, "answer errand", func(ctx context.Context, u unit) error {
		return u.AnswerErrand(ctx, db.AnswerErrandParams{ID: id, Answer: answer})
	})
}

// ErrandAnswer implements store.Errands.
func (s *Store) ErrandAnswer(ctx context.Context, id string) (answer string, err error) {
	err = s.read(ctx, "read answer", func(ctx context.Context, u unit) error {
		answer, err = u.ErrandAnswer(ctx, id)
		return err
	})
	return answer, err
}

// DropErrand implements store.Errands.
func (s *Store) DropErrand(ctx context.Context, id string) error {
	return s.write(ctx, "drop errand", func(ctx context.Context, u unit) error { return u.DropErrand(ctx, id) })
}

func node(r db.Node) store.Node {
	return store.Node{
		Boot: r.Boot, Node: r.Node, Version: r.Version, Started: time.Time(r.Started), Beat: time.Time(r.Beat),
		Calls: int(r.Calls), Draining: r.Draining, Gone: time.Time(r.Gone),
	}
}
