package sql

import (
	"context"
	"fmt"

	"parley/store"
	"parley/store/sql/db"
)

// CallByCarrier implements store.Resumptions.
func (s *Store) CallByCarrier(ctx context.Context, leg, carrierID string) (c store.Call, err error) {
	err = s.read(ctx, "find call", func(ctx context.Context, u unit) error {
		row, err := u.CallByCarrier(ctx, db.CallByCarrierParams{Leg: leg, CarrierID: carrierID})
		c = call(row)
		return err
	})
	return c, err
}

// TakeCall implements store.Resumptions.
func (s *Store) TakeCall(ctx context.Context, t store.Takeover) (c store.Call, err error) {
	err = s.write(ctx, "take call", func(ctx context.Context, u unit) error {
		row, err := u.HoldCall(ctx, t.Call)
		if err != nil {
			return err
		}
		c = call(row)
		if crashed := c.Status == store.Failed && c.Cause == store.CauseCrash; c.Boot != t.From || c.Status != store.InProgress && !crashed {
			return fmt.Errorf("%w: it is %s by %q, on %s", store.ErrConflict, c.Status, c.Cause, c.Boot)
		}
		if c.Status.Final() {
			if err := s.revive(ctx, u, c.ID); err != nil {
				return err
			}
			c.Status, c.End = store.InProgress, store.End{}
		}
		times, err := u.Resumed(ctx, c.ID)
		if err != nil {
			return err
		}
		if times > int64(t.Most) {
			return fmt.Errorf("%w: it has gone on %d times", store.ErrConflict, times-1)
		}
		c.Node, c.Boot = t.Node, t.Boot
		return u.MoveCall(ctx, db.MoveCallParams{ID: c.ID, Node: t.Node, Boot: t.Boot})
	})
	if err != nil {
		return store.Call{}, err
	}
	return c, nil
}

// revive takes back that a call has crashed.
func (s *Store) revive(ctx context.Context, u unit, id string) error {
	l := &ledger{calls: map[string]*account{}}
	a := l.account(id)
	if err := s.lock(ctx, u, l); err != nil {
		return err
	}
	a.doubt = true
	a.reopen()
	if err := u.keep(ctx, l); err != nil {
		return err
	}
	return u.DropRecording(ctx, id)
}
