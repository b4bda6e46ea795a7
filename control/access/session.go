package access

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"parley/store"
)

// How long sessions last.
const (
	SessionIdle = 12 * time.Hour      // without being used
	SessionLife = 14 * 24 * time.Hour // at the most
	InviteLife  = 7 * 24 * time.Hour

	seenEvery = time.Minute // how often it is written down that a session is used
	hashers   = 1           // passwords that are checked at a time: each takes 19 MiB and a core for some 30 ms, which calls need more
)

var (
	// ErrCredentials is told to whoever tries to log in with the wrong password, or an address that nobody has. Its text may be shown.
	ErrCredentials = errors.New("wrong email or password")
	// ErrInvite is told to whoever brings an invite that there is not, not any more, or not for them. Its text may be shown.
	ErrInvite = errors.New("the invite is not valid: it has been used, replaced or withdrawn, or has expired")
)

// Locked is the error of who has to wait before they may try again: after too many wrong passwords.
type Locked struct{ Wait time.Duration }

func (l Locked) Error() string {
	return fmt.Sprintf("too many failed attempts: try again in %v", l.Wait.Round(time.Second))
}

// A Visitor is where a request comes from.
type Visitor struct {
	Address netip.Addr
	Client  string // its User-Agent
}

// A Lobby is where people's rows are.
type Lobby interface {
	store.Sessions
	store.People
	store.Invites
	store.Attempts
}

// Sessions let people in and know them again. Methods may be called by any goroutine. A session is looked up in the database whenever it
// is used, so that one which was ended is over on every node at once.
type Sessions struct {
	store  Lobby
	tokens *Tokens
	log    *slog.Logger
	slots  chan struct{}
}

// NewSessions makes them; log may be nil.
func NewSessions(s Lobby, t *Tokens, log *slog.Logger) *Sessions {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Sessions{store: s, tokens: t, log: log, slots: make(chan struct{}, hashers)}
}

// Tokens issue the sessions' JWTs.
func (s *Sessions) Tokens() *Tokens { return s.tokens }

// Login begins a session for whoever knows an address and its password. Its errors are ErrCredentials, Locked, store.ErrUnavailable, the
// context's, and faults of the database. How long it takes and what it says do not tell whether the address is somebody's.
func (s *Sessions) Login(ctx context.Context, email string, password Secret, from Visitor) (Secret, store.Session, error) {
	email = strings.ToLower(strings.TrimSpace(email))
	u, err := s.verify(ctx, email, password, from)
	if err != nil {
		return "", store.Session{}, err
	}
	return s.begin(ctx, u, from)
}

// verify finds the person with an address and a password, and counts the try.
func (s *Sessions) verify(ctx context.Context, email string, password Secret, from Visitor) (store.User, error) {
	if err := s.attempt(ctx, email, from); err != nil {
		return store.User{}, err
	}
	u, err := s.store.UserByEmail(ctx, email)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return store.User{}, fmt.Errorf("find user: %w", err)
	}
	var right bool
	err = s.hash(ctx, func() (err error) {
		right, err = VerifyPassword(password, u.Password)
		return err
	})
	last, all := triers(email, from)
	switch {
	case err != nil: // nothing was tried
		return store.User{}, errors.Join(err, s.store.Forgive(ctx, []string{last, all}, nil))
	case !right:
		s.log.Info("login refused", "user", u.ID, "address", from.Address)
		return store.User{}, ErrCredentials
	}
	if err := s.store.Forgive(ctx, []string{last}, []string{all}); err != nil {
		return store.User{}, fmt.Errorf("forgive attempts: %w", err)
	}
	return u, nil
}

// hash runs f, which takes memory and a core, when fewer than hashers do.
func (s *Sessions) hash(ctx context.Context, f func() error) error {
	wait, cancel := context.WithTimeoutCause(ctx, patience, store.ErrUnavailable)
	defer cancel()
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
		return f()
	case <-wait.Done():
		return fmt.Errorf("check password: %w", context.Cause(wait))
	}
}

// begin makes a session for a person, in u.Org.
func (s *Sessions) begin(ctx context.Context, u store.User, from Visitor) (Secret, store.Session, error) {
	secret, now := newSecret(), time.Now().UTC().Truncate(time.Microsecond)
	n := store.Session{
		ID: store.NewID(), Org: u.Org, User: u.ID, Role: u.Role, Hash: Hash(string(secret)), Address: from.Address.String(),
		Client: clip(from.Client, 200), Created: now, Seen: now, Expires: now.Add(SessionIdle),
	}
	if err := s.store.CreateSession(ctx, n); err != nil {
		return "", store.Session{}, fmt.Errorf("create session: %w", err)
	}
	s.log.Info("session begun", "org", n.Org, "user", n.User, "session", n.ID, "address", from.Address)
	return secret, n, nil
}

// newSecret is 256 random bits, safe in cookies and URLs.
func newSecret() Secret {
	random := make([]byte, randomBytes)
	_, _ = rand.Read(random) // it never fails: see its documentation
	return Secret(base64.RawURLEncoding.EncodeToString(random))
}

func clip(text string, bytes int) string {
	if len(text) > bytes {
		text = strings.ToValidUTF8(text[:bytes], "")
	}
	return text
}

// Open tells who has a session, by the secret of their cookie, and that session: ErrUnauthenticated if nobody has it. That it is used
// makes it last longer.
func (s *Sessions) Open(ctx context.Context, secret string) (Identity, store.Session, error) {
	if len(secret) != base64.RawURLEncoding.EncodedLen(randomBytes) {
		return Identity{}, store.Session{}, ErrUnauthenticated
	}
	n, err := s.store.SessionByHash(ctx, Hash(secret), time.Now())
	i, err := s.known(ctx, n, err)
	return i, n, err
}

// OpenToken tells who has a token, as Open does. If it is no token of ours, ok is false.
func (s *Sessions) OpenToken(ctx context.Context, token string) (i Identity, ok bool, err error) {
	id, org, err := s.tokens.Read(token, time.Now())
	if err != nil {
		return Identity{}, false, ErrUnauthenticated
	}
	n, err := s.store.Session(ctx, id, time.Now())
	if err == nil && n.Org != org { // it has moved: tokens of before are of another organisation
		err = store.ErrNotFound
	}
	i, err = s.known(ctx, n, err)
	i.Token = true
	return i, true, err
}

// known is the identity of a session that was looked up.
func (s *Sessions) known(ctx context.Context, n store.Session, err error) (Identity, error) {
	if errors.Is(err, store.ErrNotFound) {
		return Identity{}, ErrUnauthenticated
	}
	if err != nil {
		return Identity{}, fmt.Errorf("find session: %w", err)
	}
	if now := time.Now(); now.Sub(n.Seen) >= seenEvery {
		expires := now.Add(SessionIdle)
		if end := n.Created.Add(SessionLife); end.Before(expires) {
			expires = end
		}
		if err := s.store.TouchSession(ctx, n.ID, now.UTC().Truncate(time.Microsecond), expires.UTC().Truncate(time.Microsecond)); err != nil {
			s.log.Warn("use of a session not written", "session", n.ID, "error", err)
		}
	}
	return Identity{Org: n.Org, User: n.User, Role: n.Role, Scopes: []string{All}, Session: n.ID}, nil
}

// ChangePassword gives a person another password, if they know the one they have, and ends all their sessions but the one they do it in.
// Errors are as Login's, and CheckPassword's wrapped in ErrPassword.
func (s *Sessions) ChangePassword(ctx context.Context, who Identity, current, next Secret, from Visitor) error {
	u, err := s.store.User(ctx, who.Org, who.User)
	if err != nil {
		return fmt.Errorf("read user: %w", err)
	}
	if _, err := s.verify(ctx, u.Email, current, from); err != nil {
		return err
	}
	hash, err := s.newHash(ctx, next, u.Email, u.Name)
	if err != nil {
		return err
	}
	if err := s.store.SetPassword(ctx, u.ID, hash, who.Session); err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	s.log.Info("password changed", "user", u.ID)
	return nil
}

// ErrPassword wraps what CheckPassword says of a new password. The text may be shown.
var ErrPassword = errors.New("password refused")

// newHash checks and hashes a new password.
func (s *Sessions) newHash(ctx context.Context, password Secret, about ...string) (hash string, err error) {
	if err := CheckPassword(password, about...); err != nil {
		return "", fmt.Errorf("%w: %w", ErrPassword, err)
	}
	err = s.hash(ctx, func() (err error) {
		hash, err = HashPassword(password)
		return err
	})
	return hash, err
}

// Invite makes an invite into who's organisation, and its secret: it works once, within InviteLife. store.ErrConflict if the address is a
// member's.
func (s *Sessions) Invite(ctx context.Context, who Identity, email string, r store.Role) (Secret, store.Invite, error) {
	secret, now := newSecret(), time.Now().UTC().Truncate(time.Microsecond)
	i := store.Invite{
		ID: store.NewID(), Org: who.Org, Email: strings.ToLower(email), Role: r, User: who.User, Hash: Hash(string(secret)),
		Created: now, Expires: now.Add(InviteLife),
	}
	if err := s.store.CreateInvite(ctx, i); err != nil {
		return "", store.Invite{}, fmt.Errorf("create invite: %w", err)
	}
	s.log.Info("user invited", "org", i.Org, "by", who.User, "role", r, "invite", i.ID)
	return secret, i, nil
}

// Accept uses up an invite and begins a session. Whoever's address is known already joins with the password that they have; anyone else
// becomes a user with that name and password. Errors are ErrInvite, ErrPassword, and as Login's.
func (s *Sessions) Accept(ctx context.Context, secret, name string, password Secret, from Visitor) (Secret, store.Session, error) {
	hash, now := Hash(secret), time.Now().UTC().Truncate(time.Microsecond)
	i, err := s.store.Invite(ctx, hash, now)
	if err != nil {
		return "", store.Session{}, noInvite(err)
	}
	joins := store.User{ID: store.NewID(), Name: name, Created: now}
	_, err = s.store.UserByEmail(ctx, i.Email)
	switch {
	case err == nil:
		_, err = s.verify(ctx, i.Email, password, from)
	case errors.Is(err, store.ErrNotFound):
		joins.Password, err = s.newHash(ctx, password, i.Email, name)
	}
	if err != nil {
		return "", store.Session{}, err
	}
	u, err := s.store.AcceptInvite(ctx, hash, joins)
	if err != nil {
		return "", store.Session{}, noInvite(err)
	}
	s.log.Info("invite accepted", "org", u.Org, "user", u.ID, "role", u.Role, "invite", i.ID)
	return s.begin(ctx, u, from)
}

// noInvite is what is wrong with an invite.
func noInvite(err error) error {
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrConflict) {
		return ErrInvite
	}
	return fmt.Errorf("accept invite: %w", err)
}
