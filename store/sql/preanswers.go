package sql

import (
	"context"
	"time"

	"parley/store"
	"parley/store/sql/db"
)

// SetPreAnswer implements store.Organisations.
func (s *Store) SetPreAnswer(ctx context.Context, org, rule string) error {
	return s.configure(ctx, "set pre-answer", func(ctx context.Context, u unit) error {
		n, err := u.SetPreAnswer(ctx, db.SetPreAnswerParams{ID: org, Preanswer: rule})
		if err == nil && n == 0 {
			err = store.ErrNotFound
		}
		return err
	})
}

// KeepPreAnswer implements store.PreAnswers.
func (s *Store) KeepPreAnswer(ctx context.Context, p store.KeptPreAnswer, now time.Time) error {
	return s.write(ctx, "keep pre-answer", func(ctx context.Context, u unit) error {
		if _, err := u.SweepPreAnswers(ctx, db.Time(now)); err != nil {
			return err
		}
		return u.KeepPreAnswer(ctx, db.KeepPreAnswerParams{
			Leg: p.Leg, Carrier: p.CarrierID, Call: p.Call, Org: p.Org, Answer: db.PreAnswer{PreAnswer: &p.Answer}, Expires: db.Time(p.Expires),
		})
	})
}

// PreAnswer implements store.PreAnswers.
func (s *Store) PreAnswer(ctx context.Context, leg, carrierID string, now time.Time) (p store.KeptPreAnswer, err error) {
	err = s.read(ctx, "read pre-answer", func(ctx context.Context, u unit) error {
		row, err := u.PreAnswer(ctx, db.PreAnswerParams{Leg: leg, Carrier: carrierID, Now: db.Time(now)})
		if err != nil {
			return err
		}
		p = store.KeptPreAnswer{Leg: row.Leg, CarrierID: row.Carrier, Call: row.Call, Org: row.Org, Expires: time.Time(row.Expires)}
		if row.Answer.PreAnswer != nil {
			p.Answer = *row.Answer.PreAnswer
		}
		return nil
	})
	return p, err
}
