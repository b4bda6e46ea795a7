package sql

import (
	"context"
	"time"

	"parley/store"
	"parley/store/sql/db"
)

// CreateSession implements store.Sessions.
func (s *Store) CreateSession(ctx context.Context, n store.Session) error {
	return s.write(ctx, "create session", func(ctx context.Context, u unit) error {
		if _, err := u.User(ctx, db.UserParams{Org: n.Org, ID: n.User}); err != nil {
			return err
		}
		if err := u.InsertSession(ctx, db.InsertSessionParams{ID: n.ID, Org: n.Org, Person: n.User, Hash: n.Hash, Address: n.Address,
			Client: n.Client, Created: db.Time(n.Created), Seen: db.Time(n.Seen), Expires: db.Time(n.Expires)}); err != nil {
			return err
		}
		return u.SetUserOrg(ctx, db.SetUserOrgParams{ID: n.User, Org: n.Org})
	})
}

// SessionByHash implements store.Sessions.
func (s *Store) SessionByHash(ctx context.Context, hash string, now time.Time) (found store.Session, err error) {
	err = s.read(ctx, "find session", func(ctx context.Context, u unit) error {
		row, err := u.SessionByHash(ctx, db.SessionByHashParams{Hash: hash, Now: db.Time(now)})
		found = open(db.SessionRow(row))
		return err
	})
	return found, err
}

// Session implements store.Sessions.
func (s *Store) Session(ctx context.Context, id string, now time.Time) (found store.Session, err error) {
	err = s.read(ctx, "read session", func(ctx context.Context, u unit) error {
		row, err := u.Session(ctx, db.SessionParams{ID: id, Now: db.Time(now)})
		found = open(row)
		return err
	})
	return found, err
}

// Sessions implements store.Sessions.
func (s *Store) Sessions(ctx context.Context, user string, now time.Time, p store.Page) (sessions []store.Session, total int64, err error) {
	err = s.read(ctx, "list sessions", func(ctx context.Context, u unit) error {
		limit, offset := bounds(p)
		found, err := u.Sessions(ctx, db.SessionsParams{Person: user, Now: db.Time(now), HowMany: limit, After: offset})
		if err != nil {
			return err
		}
		sessions = each(found, func(r db.SessionsRow) store.Session { return open(db.SessionRow(r)) })
		total, err = u.CountSessions(ctx, db.CountSessionsParams{Person: user, Now: db.Time(now)})
		return err
	})
	return sessions, total, err
}

// TouchSession implements store.Sessions.
func (s *Store) TouchSession(ctx context.Context, id string, at, expires time.Time) error {
	return s.write(ctx, "touch session", func(ctx context.Context, u unit) error {
		return u.TouchSession(ctx, db.TouchSessionParams{ID: id, Seen: db.Time(at), Expires: db.Time(expires)})
	})
}

// MoveSession implements store.Sessions.
func (s *Store) MoveSession(ctx context.Context, id, org string) error {
	return s.write(ctx, "move session", func(ctx context.Context, u unit) error {
		person, err := u.SessionPerson(ctx, id)
		if err != nil {
			return err
		}
		if _, err := u.User(ctx, db.UserParams{Org: org, ID: person}); err != nil {
			return err
		}
		if _, err := u.MoveSession(ctx, db.MoveSessionParams{ID: id, Person: person, Org: org}); err != nil {
			return err
		}
		return u.SetUserOrg(ctx, db.SetUserOrgParams{ID: person, Org: org})
	})
}

// EndSession implements store.Sessions.
func (s *Store) EndSession(ctx context.Context, user, id string) error {
	return s.write(ctx, "end session", func(ctx context.Context, u unit) error {
		n, err := u.DeleteSession(ctx, db.DeleteSessionParams{Person: user, ID: id})
		if err == nil && n == 0 {
			err = store.ErrNotFound
		}
		return err
	})
}

func open(r db.SessionRow) store.Session {
	n := r.Session
	return store.Session{ID: n.ID, Org: n.Org, User: n.Person, Role: store.Role(r.Role), Hash: n.Hash, Address: n.Address, Client: n.Client,
		Created: time.Time(n.Created), Seen: time.Time(n.Seen), Expires: time.Time(n.Expires)}
}

// OpenOrganisation implements store.Organisations: ErrNotFound if there is no such person.
func (s *Store) OpenOrganisation(ctx context.Context, o store.Organisation, owner string) (m store.Membership, err error) {
	err = s.configure(ctx, "open organisation", func(ctx context.Context, u unit) error {
		if orgs, err := u.OrganisationsOf(ctx, owner); err != nil {
			return err
		} else if len(orgs) == 0 {
			return store.ErrNotFound
		}
		row, err := u.InsertOrganisation(ctx, db.InsertOrganisationParams{ID: o.ID, Name: o.Name, DefaultAgent: "", Created: db.Time(o.Created)})
		if err != nil {
			return err
		}
		m = store.Membership{Organisation: organisation(row), Role: store.Owner}
		return u.InsertMember(ctx, db.InsertMemberParams{Org: o.ID, Person: owner, Role: string(store.Owner), Created: db.Time(o.Created)})
	})
	return m, err
}

// Membership implements store.Organisations.
func (s *Store) Membership(ctx context.Context, user, org string) (m store.Membership, err error) {
	err = s.read(ctx, "read organisation", func(ctx context.Context, u unit) error {
		row, err := u.Membership(ctx, db.MembershipParams{Person: user, Org: org})
		m = membership(row)
		return err
	})
	return m, err
}

// Memberships implements store.Organisations.
func (s *Store) Memberships(ctx context.Context, user string, p store.Page) (orgs []store.Membership, total int64, err error) {
	err = s.read(ctx, "list organisations", func(ctx context.Context, u unit) error {
		limit, offset := bounds(p)
		found, err := u.Memberships(ctx, db.MembershipsParams{Person: user, HowMany: limit, After: offset})
		if err != nil {
			return err
		}
		orgs = each(found, func(r db.MembershipsRow) store.Membership { return membership(db.MembershipRow(r)) })
		total, err = u.CountMemberships(ctx, user)
		return err
	})
	return orgs, total, err
}

// RenameOrganisation implements store.Organisations.
func (s *Store) RenameOrganisation(ctx context.Context, org, name string) error {
	return s.configure(ctx, "rename organisation", func(ctx context.Context, u unit) error {
		n, err := u.RenameOrganisation(ctx, db.RenameOrganisationParams{ID: org, Name: name})
		if err == nil && n == 0 {
			err = store.ErrNotFound
		}
		return err
	})
}

func membership(r db.MembershipRow) store.Membership {
	return store.Membership{Organisation: organisation(r.Organisation), Role: store.Role(r.Role)}
}
