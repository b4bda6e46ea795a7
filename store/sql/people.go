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

// User implements store.People.
func (s *Store) User(ctx context.Context, org, id string) (w store.User, err error) {
	err = s.read(ctx, "read user", func(ctx context.Context, u unit) error {
		row, err := u.User(ctx, db.UserParams{Org: org, ID: id})
		w = user(row)
		return err
	})
	return w, err
}

// UserByEmail implements store.People.
func (s *Store) UserByEmail(ctx context.Context, email string) (w store.User, err error) {
	err = s.read(ctx, "find user", func(ctx context.Context, u unit) error {
		row, err := u.UserByEmail(ctx, email)
		w = user(db.UserRow(row))
		return err
	})
	return w, err
}

// Users implements store.People.
func (s *Store) Users(ctx context.Context, org string, p store.Page) (users []store.User, total int64, err error) {
	err = s.read(ctx, "list users", func(ctx context.Context, u unit) error {
		limit, offset := bounds(p)
		found, err := u.Users(ctx, db.UsersParams{Org: org, HowMany: limit, After: offset})
		if err != nil {
			return err
		}
		users = each(found, func(r db.UsersRow) store.User { return user(db.UserRow(r)) })
		total, err = u.CountMembers(ctx, org)
		return err
	})
	return users, total, err
}

// SetRole implements store.People. It makes a new revision, so that every node asks for its keys anew.
func (s *Store) SetRole(ctx context.Context, org, id string, r store.Role) (w store.User, err error) {
	err = s.configure(ctx, "set role", func(ctx context.Context, u unit) error {
		row, err := u.User(ctx, db.UserParams{Org: org, ID: id})
		if err != nil {
			return err
		}
		if w = user(row); w.Role == r {
			return errUnchanged
		}
		if err := u.SetRole(ctx, db.SetRoleParams{Org: org, Person: w.ID, Role: string(r)}); err != nil {
			return err
		}
		w.Role = r
		if err := u.owned(ctx, org); err != nil {
			return err
		}
		return u.SetRoleOfKeys(ctx, db.SetRoleOfKeysParams{Org: org, Maker: w.ID, Role: string(r)})
	})
	if err != nil {
		return store.User{}, err
	}
	return w, nil
}

// owned refuses what has left an organisation without an owner. Those who change people wait for one another (configure).
func (u unit) owned(ctx context.Context, org string) error {
	n, err := u.CountOwners(ctx, org)
	if err == nil && n == 0 {
		err = fmt.Errorf("%w: the organisation would have no owner", store.ErrConflict)
	}
	return err
}

// RemoveUser implements store.People. It makes a new revision, so that every node asks for its keys anew.
func (s *Store) RemoveUser(ctx context.Context, org, id string, at time.Time) (keys int64, err error) {
	err = s.configure(ctx, "remove user", func(ctx context.Context, u unit) error {
		row, err := u.User(ctx, db.UserParams{Org: org, ID: id})
		if err != nil {
			return err
		}
		for _, step := range []func() error{
			func() error { return u.DeleteMember(ctx, db.DeleteMemberParams{Org: org, Person: row.ID}) },
			func() error { return u.owned(ctx, org) },
			func() error { return u.DeleteSessionsIn(ctx, db.DeleteSessionsInParams{Org: org, Person: row.ID}) },
			func() error { return u.DeleteInvitesBy(ctx, db.DeleteInvitesByParams{Org: org, Maker: row.ID}) },
		} {
			if err := step(); err != nil {
				return err
			}
		}
		keys, err = u.RevokeKeysOf(ctx, db.RevokeKeysOfParams{Org: org, Maker: row.ID, Revoked: db.Time(at)})
		if err != nil {
			return err
		}
		return u.leave(ctx, row.ID)
	})
	return keys, err
}

// leave makes a person's home one of the organisations that they are still in, or forgets them.
func (u unit) leave(ctx context.Context, id string) error {
	left, err := u.OrganisationsOf(ctx, id)
	switch {
	case err != nil:
		return err
	case len(left) == 0:
		if err := u.DeleteSessionsBut(ctx, db.DeleteSessionsButParams{Person: id}); err != nil {
			return err
		}
		return u.DeleteUser(ctx, id)
	default:
		return u.SetUserOrg(ctx, db.SetUserOrgParams{ID: id, Org: left[0]})
	}
}

// SetPassword implements store.People.
func (s *Store) SetPassword(ctx context.Context, id, hash, keep string) error {
	return s.write(ctx, "set password", func(ctx context.Context, u unit) error {
		n, err := u.SetPassword(ctx, db.SetPasswordParams{ID: id, Password: hash})
		if err != nil {
			return err
		}
		if n == 0 {
			return store.ErrNotFound
		}
		return u.DeleteSessionsBut(ctx, db.DeleteSessionsButParams{Person: id, Keep: keep})
	})
}

// insertUser adds a person with their membership in w.Org.
func (u unit) insertUser(ctx context.Context, w store.User) error {
	if err := u.InsertUser(ctx, db.InsertUserParams{ID: w.ID, Org: w.Org, Email: w.Email, Name: w.Name, Password: w.Password,
		Created: db.Time(w.Created)}); err != nil {
		return err
	}
	return u.InsertMember(ctx, db.InsertMemberParams{Org: w.Org, Person: w.ID, Role: string(w.Role), Created: db.Time(w.Created)})
}

// CreateInvite implements store.Invites: ErrNotFound if there is no such organisation.
func (s *Store) CreateInvite(ctx context.Context, i store.Invite) error {
	return s.configure(ctx, "create invite", func(ctx context.Context, u unit) error {
		if _, err := u.Organisation(ctx, i.Org); err != nil {
			return err
		}
		id, err := u.PersonByEmail(ctx, i.Email)
		if err == nil {
			_, err = u.User(ctx, db.UserParams{Org: i.Org, ID: id})
		}
		if err == nil {
			return fmt.Errorf("%w: the address is a member's", store.ErrConflict)
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err := u.DeleteInviteFor(ctx, db.DeleteInviteForParams{Org: i.Org, Email: i.Email}); err != nil {
			return err
		}
		return u.InsertInvite(ctx, db.InsertInviteParams{ID: i.ID, Org: i.Org, Email: i.Email, Role: string(i.Role), Maker: i.User,
			Hash: i.Hash, Created: db.Time(i.Created), Expires: db.Time(i.Expires)})
	})
}

// Invite implements store.Invites.
func (s *Store) Invite(ctx context.Context, hash string, now time.Time) (i store.Invite, err error) {
	err = s.read(ctx, "find invite", func(ctx context.Context, u unit) error {
		row, err := u.Invite(ctx, db.InviteParams{Hash: hash, Now: db.Time(now)})
		i = store.Invite{ID: row.ID, Org: row.Org, Email: row.Email, Role: store.Role(row.Role), User: row.Maker, Hash: row.Hash,
			Created: time.Time(row.Created), Expires: time.Time(row.Expires)}
		return err
	})
	return i, err
}

// AcceptInvite implements store.Invites.
func (s *Store) AcceptInvite(ctx context.Context, hash string, w store.User) (joined store.User, err error) {
	err = s.configure(ctx, "accept invite", func(ctx context.Context, u unit) error {
		i, err := u.UseInvite(ctx, db.UseInviteParams{Hash: hash, Now: db.Time(w.Created)})
		if err != nil {
			return err
		}
		id, err := u.PersonByEmail(ctx, i.Email)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			id = w.ID
			w.Org, w.Email, w.Role = i.Org, i.Email, store.Role(i.Role)
			err = u.insertUser(ctx, w)
		case err == nil:
			err = u.InsertMember(ctx, db.InsertMemberParams{Org: i.Org, Person: id, Role: i.Role, Created: db.Time(w.Created)})
		}
		if err != nil {
			return err
		}
		row, err := u.User(ctx, db.UserParams{Org: i.Org, ID: id})
		joined = user(row)
		return err
	})
	return joined, err
}

func user(r db.UserRow) store.User {
	return store.User{ID: r.ID, Number: r.Number, Org: r.Org, Email: r.Email, Name: r.Name, Password: r.Password,
		Role: store.Role(r.Role), Created: time.Time(r.Created)}
}
