package sql

import (
	"context"
	"fmt"
	"time"

	"parley/store"
	"parley/store/sql/db"
)

// CreateExtension implements store.Extensions: ErrNotFound also if there is no such organisation.
func (s *Store) CreateExtension(ctx context.Context, e store.Extension) (made store.Extension, err error) {
	err = s.configure(ctx, "create extension", func(ctx context.Context, u unit) error {
		if _, err := u.Organisation(ctx, e.Org); err != nil {
			return err
		}
		if err := u.answers(ctx, e); err != nil {
			return err
		}
		row, err := u.InsertExtension(ctx, db.InsertExtensionParams{
			ID: e.ID, Org: e.Org, Username: e.Username, Name: e.Name, Agent: e.Agent, Sealed: e.Sealed.Text, KeyID: e.Sealed.Key,
			Created: db.Time(e.Created), Updated: db.Time(e.Created),
		})
		made = extension(row)
		return err
	})
	if err != nil {
		return store.Extension{}, err
	}
	return made, nil
}

// answers refuses an extension whose agent its organisation has not.
func (u unit) answers(ctx context.Context, e store.Extension) error {
	if e.Agent == "" {
		return nil
	}
	if _, err := u.Agent(ctx, db.AgentParams{Org: e.Org, ID: e.Agent}); err != nil {
		return fmt.Errorf("find agent: %w", err)
	}
	return nil
}

// Extension implements store.Extensions.
func (s *Store) Extension(ctx context.Context, org, id string) (e store.Extension, err error) {
	err = s.read(ctx, "read extension", func(ctx context.Context, u unit) error {
		row, err := u.Extension(ctx, db.ExtensionParams{Org: org, ID: id})
		e = extension(row)
		return err
	})
	return e, err
}

// Extensions implements store.Extensions.
func (s *Store) Extensions(ctx context.Context, org string, p store.Page) (all []store.Extension, total int64, err error) {
	err = s.read(ctx, "list extensions", func(ctx context.Context, u unit) error {
		limit, offset := bounds(p)
		found, err := u.Extensions(ctx, db.ExtensionsParams{Org: org, HowMany: limit, After: offset})
		if err != nil {
			return err
		}
		all = each(found, extension)
		total, err = u.CountExtensions(ctx, org)
		return err
	})
	return all, total, err
}

// UpdateExtension implements store.Extensions.
func (s *Store) UpdateExtension(ctx context.Context, org, id string, at time.Time, change func(*store.Extension) error) (e store.Extension, err error) {
	var refusal error
	err = s.configure(ctx, "update extension", func(ctx context.Context, u unit) error {
		row, err := u.Extension(ctx, db.ExtensionParams{Org: org, ID: id})
		if err != nil {
			return err
		}
		e = extension(row)
		next := e
		if refusal = change(&next); refusal != nil || next == e {
			return errUnchanged
		}
		next.Org = e.Org
		if next.Agent != e.Agent { // the one that it has may be gone
			if err := u.answers(ctx, next); err != nil {
				return err
			}
		}
		row, err = u.UpdateExtension(ctx, db.UpdateExtensionParams{
			ID: e.ID, Name: next.Name, Agent: next.Agent, Sealed: next.Sealed.Text, KeyID: next.Sealed.Key, Updated: db.Time(at),
		})
		e = extension(row)
		return err
	})
	if refusal != nil || err != nil {
		return store.Extension{}, or(refusal, err)
	}
	return e, nil
}

// DeleteExtension implements store.Extensions.
func (s *Store) DeleteExtension(ctx context.Context, org, id string) error {
	return s.configure(ctx, "delete extension", func(ctx context.Context, u unit) error {
		n, err := u.DeleteExtension(ctx, db.DeleteExtensionParams{Org: org, ID: id})
		if err == nil && n == 0 {
			return store.ErrNotFound
		}
		return err
	})
}

func extension(r db.Extension) store.Extension {
	return store.Extension{
		ID: r.ID, Number: r.Number, Org: r.Org, Username: r.Username, Name: r.Name, Agent: r.Agent, Sealed: store.Sealed{Text: r.Sealed, Key: r.KeyID},
		Created: time.Time(r.Created), Updated: time.Time(r.Updated),
	}
}
