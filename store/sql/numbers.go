package sql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"parley/store"
	"parley/store/sql/db"
)

// CreateNumber implements store.Numbers: ErrNotFound also if there is no such organisation.
func (s *Store) CreateNumber(ctx context.Context, n store.Number) (made store.Number, err error) {
	err = s.configure(ctx, "create number", func(ctx context.Context, u unit) error {
		if err := u.reaches(ctx, n); err != nil {
			return err
		}
		row, err := u.insertNumber(ctx, n)
		made = number(row)
		return err
	})
	if err != nil {
		return store.Number{}, err
	}
	return made, nil
}

func (u unit) insertNumber(ctx context.Context, n store.Number) (db.Number, error) {
	return u.InsertNumber(ctx, db.InsertNumberParams{ID: n.ID, Org: n.Org, E164: n.E164, Agent: n.Agent, Label: n.Label,
		Credential: n.Credential, Trunk: n.Trunk, Preanswer: n.PreAnswer, Created: db.Time(n.Created), Updated: db.Time(n.Updated)})
}

// reaches refuses a number that names what its organisation has not.
func (u unit) reaches(ctx context.Context, n store.Number) error {
	if _, err := u.Organisation(ctx, n.Org); err != nil {
		return err
	}
	for _, c := range []struct {
		what, id string
		find     func() error
	}{
		{"agent", n.Agent, func() error { _, err := u.Agent(ctx, db.AgentParams{Org: n.Org, ID: n.Agent}); return err }},
		{"credential", n.Credential, func() error {
			_, err := u.Credential(ctx, db.CredentialParams{Org: n.Org, ID: n.Credential})
			return err
		}},
		{"trunk", n.Trunk, func() error { _, err := u.Trunk(ctx, db.TrunkParams{Org: n.Org, ID: n.Trunk}); return err }},
	} {
		if c.id == "" {
			continue
		}
		if err := c.find(); err != nil {
			return fmt.Errorf("find %s: %w", c.what, err)
		}
	}
	return nil
}

// Number implements store.Numbers.
func (s *Store) Number(ctx context.Context, org, id string) (n store.Number, err error) {
	err = s.read(ctx, "read number", func(ctx context.Context, u unit) error {
		row, err := u.numberOf(ctx, org, id)
		n = number(row)
		return err
	})
	return n, err
}

// numberOf finds a number by its id, or as it is written.
func (u unit) numberOf(ctx context.Context, org, id string) (db.Number, error) {
	if !strings.HasPrefix(id, "+") {
		return u.Number(ctx, db.NumberParams{Org: org, ID: id})
	}
	row, err := u.NumberByE164(ctx, id)
	if err == nil && row.Org != org {
		return db.Number{}, store.ErrNotFound
	}
	return row, err
}

// UpdateNumber implements store.Numbers.
func (s *Store) UpdateNumber(ctx context.Context, org, id string, at time.Time, change func(*store.Number) error) (n store.Number, err error) {
	var refusal error
	err = s.configure(ctx, "update number", func(ctx context.Context, u unit) error {
		row, err := u.numberOf(ctx, org, id)
		if err != nil {
			return err
		}
		n = number(row)
		next := n
		if refusal = change(&next); refusal != nil {
			return errUnchanged
		}
		next.ID, next.Org = n.ID, n.Org
		if next == n {
			return errUnchanged
		}
		if err := u.reaches(ctx, next); err != nil {
			return err
		}
		row, err = u.UpdateNumber(ctx, updated(next, at))
		n = number(row)
		return err
	})
	if refusal != nil || err != nil {
		return store.Number{}, or(refusal, err)
	}
	return n, nil
}

// updated is a number as it is to be from a moment on.
func updated(n store.Number, at time.Time) db.UpdateNumberParams {
	return db.UpdateNumberParams{ID: n.ID, Agent: n.Agent, Label: n.Label, Credential: n.Credential, Trunk: n.Trunk, Preanswer: n.PreAnswer, Updated: db.Time(at)}
}

// PutNumber implements store.Numbers.
func (s *Store) PutNumber(ctx context.Context, n store.Number) (put store.Number, err error) {
	err = s.configure(ctx, "put number", func(ctx context.Context, u unit) error {
		if err := u.reaches(ctx, n); err != nil {
			return err
		}
		row, err := u.NumberByE164(ctx, n.E164)
		put = number(row)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			row, err = u.insertNumber(ctx, n)
		case err != nil:
		case row.Org != n.Org:
			return fmt.Errorf("%w: it is another organisation's", store.ErrConflict)
		case row.Agent == n.Agent:
			return errUnchanged
		default:
			put.Agent = n.Agent
			row, err = u.UpdateNumber(ctx, updated(put, n.Updated))
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
	return store.Number{ID: r.ID, Number: r.Number, Org: r.Org, E164: r.E164, Agent: r.Agent, Label: r.Label, Credential: r.Credential,
		Trunk: r.Trunk, PreAnswer: r.Preanswer, Created: time.Time(r.Created), Updated: time.Time(r.Updated)}
}
