package sql

import (
	"context"
	"maps"
	"slices"
	"time"

	"parley/store"
	"parley/store/sql/db"
)

// CreateKey implements store.Keys: ErrNotFound if there is no such organisation.
func (s *Store) CreateKey(ctx context.Context, k store.Key) (made store.Key, err error) {
	err = s.write(ctx, "create key", func(ctx context.Context, u unit) error {
		if _, err := u.Organisation(ctx, k.Org); err != nil {
			return err
		}
		row, err := u.insertKey(ctx, k)
		made = key(row)
		return err
	})
	return made, err
}

func (u unit) insertKey(ctx context.Context, k store.Key) (db.Key, error) {
	return u.InsertKey(ctx, db.InsertKeyParams{
		ID: k.ID, Org: k.Org, Maker: k.User, Role: string(k.Role), Name: k.Name, Prefix: k.Prefix, Hash: k.Hash,
		Scopes: k.Scopes, Created: db.Time(k.Created), Expires: db.Time(k.Expires), LastUsed: db.Time(k.LastUsed), Revoked: db.Time(k.Revoked),
	})
}

// KeyByHash implements store.Keys.
func (s *Store) KeyByHash(ctx context.Context, hash string) (k store.Key, err error) {
	err = s.read(ctx, "find key", func(ctx context.Context, u unit) error {
		row, err := u.KeyByHash(ctx, hash)
		k = key(row)
		return err
	})
	return k, err
}

// Keys implements store.Keys.
func (s *Store) Keys(ctx context.Context, org string, p store.Page) (keys []store.Key, total int64, err error) {
	err = s.read(ctx, "list keys", func(ctx context.Context, u unit) error {
		limit, offset := bounds(p)
		found, err := u.Keys(ctx, db.KeysParams{Org: org, HowMany: limit, After: offset})
		if err != nil {
			return err
		}
		keys = each(found, key)
		total, err = u.CountKeys(ctx, org)
		return err
	})
	return keys, total, err
}

// RevokeKey implements store.Keys.
func (s *Store) RevokeKey(ctx context.Context, org, id string, at time.Time) error {
	return s.write(ctx, "revoke key", func(ctx context.Context, u unit) error {
		n, err := u.HasKey(ctx, db.HasKeyParams{Org: org, ID: id})
		if err != nil {
			return err
		}
		if n == 0 {
			return store.ErrNotFound
		}
		return u.RevokeKey(ctx, db.RevokeKeyParams{Org: org, ID: id, Revoked: db.Time(at)})
	})
}

// TouchKeys implements store.Keys.
func (s *Store) TouchKeys(ctx context.Context, used map[string]time.Time) error {
	if len(used) == 0 {
		return nil
	}
	return s.write(ctx, "touch keys", func(ctx context.Context, u unit) error {
		for _, id := range slices.Sorted(maps.Keys(used)) { // in order: two nodes must not wait for one another
			if err := u.TouchKey(ctx, db.TouchKeyParams{ID: id, LastUsed: db.Time(used[id])}); err != nil {
				return err
			}
		}
		return nil
	})
}

func key(r db.Key) store.Key {
	return store.Key{ID: r.ID, Number: r.Number, Org: r.Org, User: r.Maker, Role: store.Role(r.Role), Name: r.Name, Prefix: r.Prefix,
		Hash: r.Hash, Scopes: r.Scopes, Created: time.Time(r.Created), Expires: time.Time(r.Expires), LastUsed: time.Time(r.LastUsed),
		Revoked: time.Time(r.Revoked)}
}
