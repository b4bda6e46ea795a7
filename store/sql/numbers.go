package sql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"parley/store"
	"parley/store/sql/db"
)

// PutNumber implements store.Numbers.
func (s *Store) PutNumber(ctx context.Context, n store.Number) (put store.Number, err error) {
	err = s.configure(ctx, "put number", func(ctx context.Context, u unit) error {
		if n.Agent != "" {
			if _, err := u.Agent(ctx, db.AgentParams{Org: n.Org, ID: n.Agent}); err != nil {
				return err
			}
		} else if _, err := u.Organisation(ctx, n.Org); err != nil {
			return err
		}
		row, err := u.NumberByE164(ctx, n.E164)
		put = number(row)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			row, err = u.InsertNumber(ctx, db.InsertNumberParams{ID: n.ID, Org: n.Org, E164: n.E164, Agent: n.Agent,
				Created: db.Time(n.Created), Updated: db.Time(n.Updated)})
		case err != nil:
		case row.Org != n.Org:
			return fmt.Errorf("%w: it is another organisation's", store.ErrConflict)
		case row.Agent == n.Agent:
			return errUnchanged
		default:
			row, err = u.LeadNumber(ctx, db.LeadNumberParams{ID: row.ID, Agent: n.Agent, Updated: db.Time(n.Updated)})
		}
		put = number(row)
		return err
	})
	if err != nil {
		return store.Number{}, err
	}
	return put, nil
}

// Numbers implements store.Numbers.
func (s *Store) Numbers(ctx context.Context, org string, p store.Page) (numbers []store.Number, total int64, err error) {
	err = s.read(ctx, "list numbers", func(ctx context.Context, u unit) error {
		limit, offset := bounds(p)
		found, err := u.Numbers(ctx, db.NumbersParams{Org: org, HowMany: limit, After: offset})
		if err != nil {
			return err
		}
		numbers = each(found, number)
		total, err = u.CountNumbers(ctx, org)
		return err
	})
	return numbers, total, err
}

// DeleteNumber implements store.Numbers.
func (s *Store) DeleteNumber(ctx context.Context, org, e164 string) error {
	return s.configure(ctx, "delete number", func(ctx context.Context, u unit) error {
		n, err := u.DeleteNumber(ctx, db.DeleteNumberParams{Org: org, E164: e164})
		if err == nil && n == 0 {
			err = store.ErrNotFound
		}
		return err
	})
}

func number(r db.Number) store.Number {
	return store.Number{ID: r.ID, Number: r.Number, Org: r.Org, E164: r.E164, Agent: r.Agent,
		Created: time.Time(r.Created), Updated: time.Time(r.Updated)}
}
