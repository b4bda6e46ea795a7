package sql

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"parley/store"
	"parley/store/sql/db"
)

// CreateTrunk implements store.Trunks: ErrNotFound if there is no such organisation.
func (s *Store) CreateTrunk(ctx context.Context, t store.Trunk) (made store.Trunk, err error) {
	err = s.configure(ctx, "create trunk", func(ctx context.Context, u unit) error {
		if _, err := u.Organisation(ctx, t.Org); err != nil {
			return err
		}
		row, err := u.InsertTrunk(ctx, db.InsertTrunkParams{
			ID: t.ID, Org: t.Org, Name: t.Name, Host: t.Host, Port: int64(t.Port), Transport: string(t.Transport), Username: t.Username,
			Sealed: t.Sealed.Text, KeyID: t.Sealed.Key, Realm: t.Realm, Allowed: t.Allowed, Codecs: t.Codecs, CallerID: t.CallerID,
			Outbound: t.Outbound, Registers: t.Registers, Created: db.Time(t.Created), Updated: db.Time(t.Created),
		})
		made = trunk(row)
		return err
	})
	if err != nil {
		return store.Trunk{}, err
	}
	return made, nil
}

// Trunk implements store.Trunks.
func (s *Store) Trunk(ctx context.Context, org, id string) (t store.Trunk, err error) {
	err = s.read(ctx, "read trunk", func(ctx context.Context, u unit) error {
		row, err := u.Trunk(ctx, db.TrunkParams{Org: org, ID: id})
		t = trunk(row)
		return err
	})
	return t, err
}

// Trunks implements store.Trunks.
func (s *Store) Trunks(ctx context.Context, org string, p store.Page) (all []store.Trunk, total int64, err error) {
	err = s.read(ctx, "list trunks", func(ctx context.Context, u unit) error {
		limit, offset := bounds(p)
		found, err := u.Trunks(ctx, db.TrunksParams{Org: org, HowMany: limit, After: offset})
		if err != nil {
			return err
		}
		all = each(found, trunk)
		total, err = u.CountTrunks(ctx, org)
		return err
	})
	return all, total, err
}

// UpdateTrunk implements store.Trunks.
func (s *Store) UpdateTrunk(ctx context.Context, org, id string, at time.Time, change func(*store.Trunk) error) (t store.Trunk, err error) {
	var refusal error
	err = s.configure(ctx, "update trunk", func(ctx context.Context, u unit) error {
		row, err := u.Trunk(ctx, db.TrunkParams{Org: org, ID: id})
		if err != nil {
			return err
		}
		t = trunk(row)
		next := t
		if refusal = change(&next); refusal != nil {
			return errUnchanged
		}
		if reflect.DeepEqual(next, t) {
			return errUnchanged
		}
		row, err = u.UpdateTrunk(ctx, db.UpdateTrunkParams{
			ID: t.ID, Name: next.Name, Host: next.Host, Port: int64(next.Port), Transport: string(next.Transport), Username: next.Username,
			Sealed: next.Sealed.Text, KeyID: next.Sealed.Key, Realm: next.Realm, Allowed: next.Allowed, Codecs: next.Codecs,
			CallerID: next.CallerID, Outbound: next.Outbound, Registers: next.Registers, Updated: db.Time(at),
		})
		t = trunk(row)
		return err
	})
	if refusal != nil || err != nil {
		return store.Trunk{}, or(refusal, err)
	}
	return t, nil
}

// DeleteTrunk implements store.Trunks.
func (s *Store) DeleteTrunk(ctx context.Context, org, id string) error {
	return s.configure(ctx, "delete trunk", func(ctx context.Context, u unit) error {
		row, err := u.Trunk(ctx, db.TrunkParams{Org: org, ID: id})
		if err != nil {
			return err
		}
		numbers, err := u.NumbersOfTrunk(ctx, db.NumbersOfTrunkParams{Org: row.Org, Trunk: row.ID})
		if err != nil {
			return err
		}
		if len(numbers) > 0 {
			return fmt.Errorf("%w: number %s is reached by it", store.ErrConflict, numbers[0])
		}
		return u.DeleteTrunk(ctx, row.ID)
	})
}

func trunk(r db.Trunk) store.Trunk {
	return store.Trunk{
		ID: r.ID, Number: r.Number, Org: r.Org, Name: r.Name, Host: r.Host, Port: int(r.Port), Transport: store.Transport(r.Transport),
		Username: r.Username, Sealed: store.Sealed{Text: r.Sealed, Key: r.KeyID}, Realm: r.Realm, Allowed: r.Allowed, Codecs: r.Codecs,
		CallerID: r.CallerID, Outbound: r.Outbound, Registers: r.Registers, Created: time.Time(r.Created), Updated: time.Time(r.Updated),
	}
}
