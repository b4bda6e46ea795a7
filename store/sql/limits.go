package sql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"parley/store"
	"parley/store/sql/db"
)

// Attempt implements store.Attempts. The rows stay locked while it decides, so that tries that come together are counted one by one.
func (s *Store) Attempt(ctx context.Context, who []string, now, fresh time.Time, until func(string, int) time.Time) (wait time.Duration, err error) {
	who = slices.Sorted(slices.Values(who)) // in order: two nodes must not wait for one another
	err = s.write(ctx, "count attempt", func(ctx context.Context, u unit) error {
		wait = 0
		rows := make([]db.Attempt, len(who))
		for i, name := range who {
			if err := u.StartAttempts(ctx, name); err != nil {
				return err
			}
			if rows[i], err = u.LockAttempts(ctx, name); err != nil {
				return err
			}
			wait = max(wait, time.Time(rows[i].Blocked).Sub(now))
		}
		if wait > 0 {
			return errUnchanged
		}
		for _, r := range rows {
			tries := r.Tries + 1
			if time.Time(r.Tried).Before(fresh) {
				tries = 1
			}
			if err := u.CountAttempt(ctx, db.CountAttemptParams{Who: r.Who, Tries: tries, Tried: db.Time(now),
				Blocked: db.Time(until(r.Who, int(tries)))}); err != nil {
				return err
			}
		}
		return nil
	})
	return wait, err
}

// Forgive implements store.Attempts.
func (s *Store) Forgive(ctx context.Context, last, all []string) error {
	return s.write(ctx, "forgive attempts", func(ctx context.Context, u unit) error {
		for _, who := range slices.Sorted(slices.Values(slices.Concat(last, all))) {
			forgive := u.ForgiveLast
			if slices.Contains(all, who) {
				forgive = u.ForgiveAll
			}
			if err := forgive(ctx, who); err != nil {
				return err
			}
		}
		return nil
	})
}

// Use implements store.Rates.
func (s *Store) Use(ctx context.Context, who string, minute, n int64) (used int64, err error) {
	err = s.write(ctx, "count requests", func(ctx context.Context, u unit) error {
		used, err = u.Use(ctx, db.UseParams{Who: who, Minute: minute, Used: n})
		if errors.Is(err, sql.ErrNoRows) {
			used, err = n, nil
		}
		return err
	})
	return used, err
}

// ClaimAnswer implements store.Answers.
func (s *Store) ClaimAnswer(ctx context.Context, a store.Answer, now time.Time) (first store.Answer, claimed bool, err error) {
	err = s.write(ctx, "claim answer", func(ctx context.Context, u unit) error {
		for {
			n, err := u.ClaimAnswer(ctx, db.ClaimAnswerParams{Org: a.Org, Route: a.Route, Hash: a.Hash, Fingerprint: a.Fingerprint,
				Holder: a.Holder, Body: []byte{}, Expires: db.Time(a.Expires), Now: db.Time(now)})
			if claimed = n > 0; err != nil || claimed {
				return err
			}
			row, err := u.Answer(ctx, db.AnswerParams{Org: a.Org, Route: a.Route, Hash: a.Hash})
			if errors.Is(err, sql.ErrNoRows) {
				continue // it was dropped between the two
			}
			first = store.Answer{Org: row.Org, Route: row.Route, Hash: row.Hash, Fingerprint: row.Fingerprint, Holder: row.Holder,
				Status: int(row.Status), Body: append([]byte(nil), row.Body...), Expires: time.Time(row.Expires)}
			return err
		}
	})
	return first, claimed, err
}

// HoldAnswer implements store.Answers.
func (s *Store) HoldAnswer(ctx context.Context, a store.Answer) error {
	return s.write(ctx, "hold answer", func(ctx context.Context, u unit) error {
		return held(u.HoldAnswer(ctx, db.HoldAnswerParams{Org: a.Org, Route: a.Route, Hash: a.Hash, Holder: a.Holder, Expires: db.Time(a.Expires)}))
	})
}

// KeepAnswer implements store.Answers.
func (s *Store) KeepAnswer(ctx context.Context, a store.Answer) error {
	return s.write(ctx, "keep answer", func(ctx context.Context, u unit) error {
		return held(u.KeepAnswer(ctx, db.KeepAnswerParams{Org: a.Org, Route: a.Route, Hash: a.Hash, Holder: a.Holder,
			Status: int64(a.Status), Body: append([]byte{}, a.Body...), Expires: db.Time(a.Expires)}))
	})
}

// held is the error of a claim that is somebody else's by now.
func held(n int64, err error) error {
	if err == nil && n == 0 {
		err = fmt.Errorf("%w: the claim is over", store.ErrConflict)
	}
	return err
}

// DropAnswer implements store.Answers.
func (s *Store) DropAnswer(ctx context.Context, a store.Answer) error {
	return s.write(ctx, "drop answer", func(ctx context.Context, u unit) error {
		return u.DropAnswer(ctx, db.DropAnswerParams{Org: a.Org, Route: a.Route, Hash: a.Hash, Holder: a.Holder})
	})
}

// Sweep implements store.Sweeper. Each table is swept by itself.
func (s *Store) Sweep(ctx context.Context, now time.Time) (rows int64, err error) {
	for _, sweep := range []func(context.Context, unit) (int64, error){
		func(ctx context.Context, u unit) (int64, error) { return u.SweepSessions(ctx, db.Time(now)) },
		func(ctx context.Context, u unit) (int64, error) { return u.SweepInvites(ctx, db.Time(now)) },
		func(ctx context.Context, u unit) (int64, error) { return u.SweepAnswers(ctx, db.Time(now)) },
		func(ctx context.Context, u unit) (int64, error) {
			return u.SweepAttempts(ctx, db.Time(now.AddDate(0, 0, -1)))
		},
		func(ctx context.Context, u unit) (int64, error) {
			return u.SweepRates(ctx, now.Add(-time.Hour).Unix()/60)
		},
	} {
		err := s.write(ctx, "sweep", func(ctx context.Context, u unit) error {
			n, err := sweep(ctx, u)
			rows += n
			return err
		})
		if err != nil {
			return rows, err
		}
	}
	return rows, nil
}
