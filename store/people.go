package store

import (
	"context"
	"time"
)

// A Session is a person at work, in one of their organisations. Its secret is not kept: Hash is the SHA-256 of it.
type Session struct {
	ID      string
	Org     string // where they work now
	User    string
	Role    Role // in Org, as it is now; of the membership, not of the session
	Hash    string
	Address string // that the login came from
	Client  string // the program that it came from: its User-Agent
	Created time.Time
	Seen    time.Time // to the minute or so
	Expires time.Time // unless it is used before
}

// An Invite lets one person join an organisation, once. Its secret is not kept: Hash is the SHA-256 of it.
type Invite struct {
	ID      string
	Org     string
	Email   string // in lower case
	Role    Role
	User    string // who invites
	Hash    string
	Created time.Time
	Expires time.Time
}

// A Membership is an organisation as one of its people sees it.
type Membership struct {
	Organisation
	Role Role
}

// People are the persons of organisations. One may be in several, in each with a role of its own; Org and Role of a User are of the
// organisation that was asked about.
type People interface {
	User(ctx context.Context, org, id string) (User, error)
	Users(ctx context.Context, org string, p Page) (users []User, total int64, err error) // newest first
	// UserByEmail finds a person by their address in lower case, with the organisation in which they worked last.
	UserByEmail(ctx context.Context, email string) (User, error)
	// SetRole gives a person another role in an organisation, and the keys that they made there. ErrConflict if it has no owner then.
	SetRole(ctx context.Context, org, id string, r Role) (User, error)
	// RemoveUser takes a person out of an organisation: their sessions there end, the invites that they made are void, and the keys that they
	// made are revoked. Who is in no organisation any more is forgotten. ErrConflict if the organisation has no owner then.
	RemoveUser(ctx context.Context, org, id string, at time.Time) (keys int64, err error)
	// SetPassword changes a person's password, and ends all their sessions but one (by id; empty: all).
	SetPassword(ctx context.Context, id, hash, keep string) error
}

// Organisations are the tenants, as their people see them.
type Organisations interface {
	// OpenOrganisation makes an organisation whose owner is a person that there is.
	OpenOrganisation(ctx context.Context, o Organisation, owner string) (Membership, error)
	// Membership is an organisation that a person is in.
	Membership(ctx context.Context, user, org string) (Membership, error)
	Memberships(ctx context.Context, user string, p Page) (orgs []Membership, total int64, err error) // oldest first
	RenameOrganisation(ctx context.Context, org, name string) error
	// SetMemory says what an organisation's agents may remember: a JSON object, or nothing.
	SetMemory(ctx context.Context, org, memory string) error
	// SetPreAnswer says who is asked about an organisation's calls before they are answered: a JSON object, or nothing.
	SetPreAnswer(ctx context.Context, org, rule string) error
}

// Sessions are the logins of people. One that has expired, or whose person has left the organisation, is not found.
type Sessions interface {
	// CreateSession keeps a new session; its organisation becomes the one that the person worked in last. ErrNotFound if they are not in it.
	CreateSession(ctx context.Context, s Session) error
	SessionByHash(ctx context.Context, hash string, now time.Time) (Session, error)
	Session(ctx context.Context, id string, now time.Time) (Session, error)
	Sessions(ctx context.Context, user string, now time.Time, p Page) (sessions []Session, total int64, err error) // newest first
	// TouchSession notes that a session was used, and when it expires now; the times never go back.
	TouchSession(ctx context.Context, id string, at, expires time.Time) error
	// MoveSession takes a session to another organisation, which becomes the one that the person worked in last: ErrNotFound if they are
	// not in it.
	MoveSession(ctx context.Context, id, org string) error
	// EndSession ends a person's session; one that is not there is ErrNotFound.
	EndSession(ctx context.Context, user, id string) error
}

// Invites are the ways into organisations that have not been used yet.
type Invites interface {
	// CreateInvite keeps an invite, in place of an earlier one for the same address. ErrConflict if the address is a member's.
	CreateInvite(ctx context.Context, i Invite) error
	// Invite finds one that has not expired.
	Invite(ctx context.Context, hash string, now time.Time) (Invite, error)
	// AcceptInvite makes a person a member, and uses up the invite: ErrNotFound if that has happened already, or it has expired. Of a person
	// whose address is not known yet, the row is made of u (ID, Name, Password, Created); of any other it stays as it is.
	AcceptInvite(ctx context.Context, hash string, u User) (User, error)
}

// Attempts count what was tried in vain, by whom (any text): for locking out those who guess.
type Attempts interface {
	// Attempt counts one more try of each, unless one of them has to wait yet: then nothing is counted, and wait is how long. until says when
	// the next try is due after that many in a row; it may be called more than once. Tries before fresh do not count any more.
	Attempt(ctx context.Context, who []string, now, fresh time.Time, until func(who string, tries int) time.Time) (wait time.Duration, err error)
	// Forgive takes back the last try of some, and forgets all tries of others.
	Forgive(ctx context.Context, last, all []string) error
}
