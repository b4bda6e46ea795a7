package access

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"strings"
	"time"
	"unicode/utf8"

	"parley/store"
)

// A Founding is what an empty database begins with. Besides the agent, whatever is not given is made.
type Founding struct {
	APIKey        Secret      // PARLEY_API_KEY, taken verbatim
	OwnerEmail    string      // PARLEY_OWNER_EMAIL; empty: owner@localhost
	OwnerPassword Secret      // PARLEY_OWNER_PASSWORD
	Organisation  string      // its name; empty: Parley
	Agent         store.Agent // the default agent: its name and what it says. Ids, times, version and organisation are filled in, and it is enabled
	Log           *slog.Logger
}

// A Founded is what came of it. The secrets are there if they were made here, and then only now: print them. One that was given is not
// repeated.
type Founded struct {
	New           bool               // the database was empty; false: nothing was made, and nothing is to be printed
	Organisation  store.Organisation // the new one, or the oldest
	OwnerEmail    string             // of the new owner
	OwnerPassword Secret             // if it was made
	APIKey        Secret             // if it was made
}

// A Database is where Found looks and writes.
type Database interface {
	store.Founder
	store.Keys
}

// Found fills an empty database: an organisation, its owner, a default agent, and a key with all scopes, in one transaction. It may be called at
// every start, and by several nodes at once: one of them founds.
//
// A database with an organisation stays as it is, whatever the owner's settings say by now. Only an API key that is given and not known is added
// to the oldest organisation, so that changing PARLEY_API_KEY works. The former one works on until it is revoked. A given key that was
// revoked, or has expired, is not brought back: that is logged as a warning, and calls and other keys do not suffer.
//
// Errors name the setting that is wrong; store.ErrUnavailable passes through.
func Found(ctx context.Context, db Database, f Founding) (Founded, error) {
	if f.Log == nil {
		f.Log = slog.New(slog.DiscardHandler)
	}
	var given Key
	if f.APIKey != "" {
		var err error
		if given, err = Verbatim(f.APIKey); err != nil {
			return Founded{}, err
		}
	}
	orgs, err := db.Organisations(ctx)
	if err != nil {
		return Founded{}, err
	}
	if len(orgs) == 0 {
		founded, err := f.begin(ctx, db, given)
		if !errors.Is(err, store.ErrConflict) {
			return founded, err
		}
		// Another node was first: its organisation is as good.
		if orgs, err = db.Organisations(ctx); err != nil {
			return Founded{}, err
		}
		if len(orgs) == 0 {
			return Founded{}, errors.New("found organisation: the database says that there is one, and has none")
		}
	}
	if f.APIKey != "" {
		if err := f.admit(ctx, db, orgs[0].ID, given); err != nil {
			return Founded{}, err
		}
	}
	return Founded{Organisation: orgs[0]}, nil
}

// begin founds the first organisation, with the given key if there is one.
func (f Founding) begin(ctx context.Context, db store.Founder, given Key) (Founded, error) {
	setup, founded, err := f.setup(given)
	if err != nil {
		return Founded{}, err
	}
	if err := db.Found(ctx, setup); err != nil {
		return Founded{}, err // the store says what failed
	}
	f.Log.Info("organisation founded", "org", setup.Organisation.ID, "name", setup.Organisation.Name, "owner", setup.Owner.Email,
		"agent", setup.Agent.ID, "key", setup.Key.ID)
	return founded, nil
}

// setup is the first rows, and what there is to tell of them.
func (f Founding) setup(key Key) (store.Setup, Founded, error) {
	email, ok := Email(cmp.Or(f.OwnerEmail, "owner@localhost"))
	if !ok {
		return store.Setup{}, Founded{}, fmt.Errorf("PARLEY_OWNER_EMAIL %q is not an email address", f.OwnerEmail)
	}
	name := cmp.Or(strings.TrimSpace(f.Organisation), "Parley")
	if n := utf8.RuneCountInString(name); n > 200 {
		return store.Setup{}, Founded{}, fmt.Errorf("the organisation's name must have at most 200 characters, and has %d", n)
	}
	if f.Agent.Name == "" {
		return store.Setup{}, Founded{}, errors.New("the first agent has no name")
	}

	now := time.Now().UTC().Truncate(time.Microsecond)
	founded := Founded{New: true, OwnerEmail: email}
	password, keyName := f.OwnerPassword, givenKeyName
	if password == "" {
		password = Secret(rand.Text())
		founded.OwnerPassword = password
	} else if err := CheckPassword(password, email); err != nil {
		return store.Setup{}, Founded{}, fmt.Errorf("PARLEY_OWNER_PASSWORD: %w", err)
	}
	hash, err := HashPassword(password)
	if err != nil {
		return store.Setup{}, Founded{}, fmt.Errorf("PARLEY_OWNER_PASSWORD: %w", err)
	}
	if key.Secret == "" {
		if key, err = NewKey(VoicePrefix); err != nil {
			return store.Setup{}, Founded{}, err
		}
		keyName = "first key"
		founded.APIKey = key.Secret
	}

	org := store.Organisation{ID: store.NewID(), Name: name, Created: now}
	owner := store.User{ID: store.NewID(), Org: org.ID, Email: email, Password: hash, Role: store.Owner, Created: now}
	agent := f.Agent
	agent.ID, agent.Org, agent.Version, agent.Enabled, agent.Created, agent.Updated = store.NewID(), org.ID, 1, true, now, now
	org.DefaultAgent = agent.ID
	founded.Organisation = org
	return store.Setup{
		Organisation: org,
		Owner:        owner,
		Key:          allowAll(key, org.ID, owner.ID, keyName, now),
		Agent:        agent,
	}, founded, nil
}

// admit adds a given key to an organisation, unless it is known already.
func (f Founding) admit(ctx context.Context, db store.Keys, org string, given Key) error {
	now := time.Now().UTC().Truncate(time.Microsecond)
	row, err := db.KeyByHash(ctx, given.Hash)
	if errors.Is(err, store.ErrNotFound) {
		row, err = db.CreateKey(ctx, allowAll(given, org, "", givenKeyName, now))
		if err == nil {
			f.Log.Info("key of PARLEY_API_KEY added", "org", org, "key", row.ID, "prefix", row.Prefix)
			return nil
		}
		if errors.Is(err, store.ErrConflict) { // another node has just done so
			row, err = db.KeyByHash(ctx, given.Hash)
		}
	}
	if err != nil {
		return fmt.Errorf("add the key of PARLEY_API_KEY: %w", err)
	}
	if reason := ended(row, now); reason != "" {
		f.Log.Warn("key of PARLEY_API_KEY is not brought back: set another one, or none", "reason", reason, "key", row.ID, "prefix", row.Prefix)
	}
	return nil
}

const givenKeyName = "PARLEY_API_KEY"

// allowAll is a key of the owner's role that may do everything.
func allowAll(k Key, org, user, name string, at time.Time) store.Key {
	return store.Key{
		ID: store.NewID(), Org: org, User: user, Role: store.Owner, Name: name,
		Prefix: k.Prefix, Hash: k.Hash, Scopes: []string{All}, Created: at,
	}
}

// Email is a bare address, in lower case; false if the text is none.
func Email(text string) (string, bool) {
	address, err := mail.ParseAddress(text)
	if err != nil || address.Address != text || len(text) > 254 {
		return "", false
	}
	return strings.ToLower(text), true
}
