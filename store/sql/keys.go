package sql

import (
	"context"
	"fmt"
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

// Key implements store.KeyRing.
func (s *Store) Key(ctx context.Context, org, id string) (k store.Key, err error) {
	err = s.read(ctx, "read key", func(ctx context.Context, u unit) error {
		row, err := u.Key(ctx, db.KeyParams{Org: org, ID: id})
		k = key(row)
		return err
	})
	return k, err
}

// KeysBy implements store.KeyRing.
func (s *Store) KeysBy(ctx context.Context, org, user string, p store.Page) (keys []store.Key, total int64, err error) {
	err = s.read(ctx, "list keys", func(ctx context.Context, u unit) error {
		limit, offset := bounds(p)
		found, err := u.KeysBy(ctx, db.KeysByParams{Org: org, Maker: user, HowMany: limit, After: offset})
		if err != nil {
			return err
		}
		keys = each(found, key)
		total, err = u.CountKeysBy(ctx, db.CountKeysByParams{Org: org, Maker: user})
		return err
	})
	return keys, total, err
}

// ReplaceKey implements store.KeyRing. It makes a new revision, so that every node asks for its keys anew.
func (s *Store) ReplaceKey(ctx context.Context, org, id, prefix, hash string, at time.Time) (k store.Key, err error) {
	err = s.configure(ctx, "replace key", func(ctx context.Context, u unit) error {
		old, err := u.Key(ctx, db.KeyParams{Org: org, ID: id})
		if err != nil {
			return err
		}
		if !time.Time(old.Revoked).IsZero() {
			return fmt.Errorf("%w: the key is revoked", store.ErrConflict)
		}
		row, err := u.ReplaceKey(ctx, db.ReplaceKeyParams{Org: org, ID: id, Prefix: prefix, Hash: hash})
		if err != nil {
			return err
		}
		k = key(row)
		dead := key(old)
		dead.ID, dead.Revoked = store.NewID(), at
		_, err = u.insertKey(ctx, dead)
		return err
	})
	return k, err
}

// RevokeKey implements store.Keys. It makes a new revision, so that every node asks for its keys anew.
func (s *Store) RevokeKey(ctx context.Context, org, id string, at time.Time) error {
	return s.configure(ctx, "revoke key", func(ctx context.Context, u unit) error {
		if _, err := u.Key(ctx, db.KeyParams{Org: org, ID: id}); err != nil {
			return err
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
