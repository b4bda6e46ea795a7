package sql

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"parley/store"
	"parley/store/sql/db"
)

// DialRules implements store.DialRules.
func (s *Store) DialRules(ctx context.Context, org string) (rules string, err error) {
	err = s.read(ctx, "read dial rules", func(ctx context.Context, u unit) error {
		rules, err = u.DialRules(ctx, org)
		if errors.Is(err, sql.ErrNoRows) {
			rules, err = "", nil
		}
		return err
	})
	return rules, err
}

// UpdateDialRules implements store.DialRules.
func (s *Store) UpdateDialRules(ctx context.Context, org string, change func(rules string) (string, error)) (rules string, err error) {
	var refusal error
	err = s.write(ctx, "update dial rules", func(ctx context.Context, u unit) error {
		refusal = nil
		if _, err := u.Organisation(ctx, org); err != nil {
			return err
		}
		if err := u.MakeDialRules(ctx, org); err != nil {
			return err
		}
		held, err := u.HoldDialRules(ctx, org)
		if err != nil {
			return err
		}
		if rules, refusal = change(held); refusal != nil {
			return errUnchanged
		}
		return u.SetDialRules(ctx, db.SetDialRulesParams{Org: org, Rules: rules})
	})
	if refusal != nil {
		return "", refusal
	}
	return rules, err
}

// Bar implements store.DoNotCall.
func (s *Store) Bar(ctx context.Context, b store.Barred) (made store.Barred, err error) {
	err = s.write(ctx, "bar number", func(ctx context.Context, u unit) error {
		if _, err := u.Organisation(ctx, b.Org); err != nil {
			return err
		}
		if _, err := u.Bar(ctx, db.BarParams{ID: b.ID, Org: b.Org, E164: b.E164, Reason: b.Reason, Created: db.Time(b.Created)}); err != nil {
			return err
		}
		row, err := u.BarredNumber(ctx, db.BarredNumberParams{Org: b.Org, E164: b.E164})
		made = barred(row)
		return err
	})
	return made, err
}

// IsBarred implements store.DoNotCall.
func (s *Store) IsBarred(ctx context.Context, org, e164 string) (is bool, err error) {
	err = s.read(ctx, "look up barred number", func(ctx context.Context, u unit) error {
		n, err := u.IsBarred(ctx, db.IsBarredParams{Org: org, E164: e164})
		is = n > 0
		return err
	})
	return is, err
}

// BarredAmong implements store.DoNotCall.
func (s *Store) BarredAmong(ctx context.Context, org string, e164 []string) (barred []string, err error) {
	err = s.read(ctx, "look up barred numbers", func(ctx context.Context, u unit) error {
		barred = nil
		for some := range slices.Chunk(e164, most) {
			args, in := []any{org}, make([]string, len(some))
			for i, number := range some {
				args, in[i] = append(args, number), u.param(i+2)
			}
			query := "SELECT e164 FROM do_not_call WHERE org = " + u.param(1) + " AND e164 IN (" + strings.Join(in, ", ") + ")"
			err := u.query(ctx, query, args, func(scan func(...any) error) error {
				var number string
				err := scan(&number)
				barred = append(barred, number)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return barred, err
}

// Barred implements store.DoNotCall.
func (s *Store) Barred(ctx context.Context, org string, p store.Page) (all []store.Barred, total int64, err error) {
	err = s.read(ctx, "list barred numbers", func(ctx context.Context, u unit) error {
		limit, offset := bounds(p)
		found, err := u.Barred(ctx, db.BarredParams{Org: org, HowMany: limit, After: offset})
		if err != nil {
			return err
		}
		all = each(found, barred)
		total, err = u.CountBarred(ctx, org)
		return err
	})
	return all, total, err
}

// Unbar implements store.DoNotCall.
func (s *Store) Unbar(ctx context.Context, org, id string) error {
	return s.write(ctx, "unbar number", func(ctx context.Context, u unit) error {
		n, err := u.Unbar(ctx, db.UnbarParams{Org: org, ID: id})
		if err == nil && n == 0 {
			err = store.ErrNotFound
		}
		return err
	})
}

func barred(r db.DoNotCall) store.Barred {
	return store.Barred{ID: r.ID, Number: r.Number, Org: r.Org, E164: r.E164, Reason: r.Reason, Created: time.Time(r.Created)}
}
