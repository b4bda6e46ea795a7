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

// MigrateTo migrates as an older program did, which knew the schema of that version.
func (s *Store) MigrateTo(ctx context.Context, version int64) (from, to int64, err error) {
	return s.migrateTo(ctx, version)
}

// PlanDeliveries tells how the database would find a page of deliveries, as Plan does of calls.
func (s *Store) PlanDeliveries(ctx context.Context, org string, f store.DeliveryFilter, p store.Page) (lines []string, err error) {
	return s.explain(ctx, listDeliveries(org, f), p)
}

// PlanDueHosts tells how the database would find hosts to which deliveries are due.
func (s *Store) PlanDueHosts(ctx context.Context, now time.Time) (lines []string, err error) {
	return s.plan(ctx, dueHosts, []any{db.Time(now)})
}

// PlanRemember tells how the database would find the conversations and the threads with somebody.
func (s *Store) PlanRemember(ctx context.Context, org, name string) (plans []string, err error) {
	var asked query
	since := db.Time(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
	q := db.New(&asked)
	for _, ask := range []func() error{
		func() error {
			_, err := q.ConversationsWith(ctx, db.ConversationsWithParams{Org: org, External: name, Since: since, HowMany: 6})
			return err
		},
		func() error {
			_, err := q.ThreadsWith(ctx, db.ThreadsWithParams{Org: org, Peer: name, Since: since, HowMany: 6})
			return err
		},
	} {
		if err := ask(); !errors.Is(err, errNoted) {
			return nil, err
		}
		_, text, _ := strings.Cut(asked.text, "\n") // without its name
		lines, err := s.plan(ctx, text, asked.args)
		if err != nil {
			return nil, err
		}
		plans = append(plans, strings.Join(lines, "\n"))
	}
	return plans, nil
}

// A query notes what is asked, and answers nothing.
type query struct {
	db.DBTX
	text string
	args []any
}

var errNoted = errors.New("noted")

func (q *query) QueryContext(_ context.Context, text string, args ...any) (*sql.Rows, error) {
	q.text, q.args = text, args
	return nil, errNoted
}

// Bare is the database itself.
func (s *Store) Bare() *sql.DB { return s.writer }

// Prepared is how many statements the readers and the writer keep compiled.
func (s *Store) Prepared() (readers, writer int) {
	count := func(p *prepared) int {
		if p == nil {
			return 0
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.known)
	}
	return count(s.kept[s.reader]), count(s.kept[s.writer])
}

// Prepare compiles a statement of the readers'.
func (s *Store) Prepare(ctx context.Context, query string) { s.kept[s.reader].prepare(ctx, query) }

// MostPrepared is how many that may be.
const MostPrepared = mostPrepared
