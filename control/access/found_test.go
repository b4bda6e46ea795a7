package access

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/store"
)

// first is an agent as the lead brings it.
func first() store.Agent {
	return store.Agent{Name: "Parley", SystemPrompt: "Be helpful.", StartingMessage: "Hello."}
}

func TestFoundOnEmptyDatabase(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		founding Founding
		org      string
		email    string
		keyName  string
		shown    string // the key's prefix; empty: as made
	}{
		{"nothing given", Founding{}, "Parley", "owner@localhost", "first key", ""},
		{"all given", Founding{
			APIKey: "va_your_api_key_here", OwnerEmail: "Ada@Example.COM", OwnerPassword: "correct horse", Organisation: "  Acme Ltd ",
		}, "Acme Ltd", "ada@example.com", "PARLEY_API_KEY", "va_yo"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := &memory{}
			f := tt.founding
			f.Agent = first()
			began := time.Now().UTC().Truncate(time.Microsecond)
			got, err := Found(t.Context(), db, f)
			if err != nil {
				t.Fatal(err)
			}
			if len(db.setups) != 1 {
				t.Fatalf("%d setups, want 1", len(db.setups))
			}
			s := db.setups[0]

			key, password := f.APIKey, f.OwnerPassword
			if key == "" {
				if key = got.APIKey; !strings.HasPrefix(string(key), "va_") || len(key) != 46 {
					t.Errorf("the made key is of another shape: %d characters", len(key))
				}
			} else if got.APIKey != "" {
				t.Error("the given key is repeated")
			}
			if password == "" {
				if password = got.OwnerPassword; len(password) < 20 {
					t.Errorf("the made password has %d characters", len(password))
				}
			} else if got.OwnerPassword != "" {
				t.Error("the given password is repeated")
			}
			if ok, err := VerifyPassword(password, s.Owner.Password); !ok || err != nil {
				t.Errorf("the owner cannot log in: %v, %v", ok, err)
			}
			if !got.New || got.OwnerEmail != tt.email || got.Organisation != s.Organisation {
				t.Errorf("told: %+v", got)
			}

			// One moment, one organisation, and ids that point at each other.
			now := s.Organisation.Created
			if now.Before(began) || now.After(time.Now()) || now.Location() != time.UTC || now != now.Truncate(time.Microsecond) {
				t.Errorf("made at %v", now)
			}
			want := store.Setup{
				Organisation: store.Organisation{ID: s.Organisation.ID, Name: tt.org, DefaultAgent: s.Agent.ID, Created: now},
				Owner:        store.User{ID: s.Owner.ID, Org: s.Organisation.ID, Email: tt.email, Password: s.Owner.Password, Role: store.Owner, Created: now},
				Key: store.Key{
					ID: s.Key.ID, Org: s.Organisation.ID, User: s.Owner.ID, Role: store.Owner, Name: tt.keyName,
					Prefix: tt.shown, Hash: Hash(string(key)), Scopes: []string{"*"}, Created: now,
				},
				Agent: store.Agent{
					ID: s.Agent.ID, Org: s.Organisation.ID, Version: 1, Name: "Parley", SystemPrompt: "Be helpful.", StartingMessage: "Hello.",
					Enabled: true, Created: now, Updated: now,
				},
			}
			if tt.shown == "" {
				want.Key.Prefix = string(key[:11])
			}
			if diff := cmp.Diff(want, s); diff != "" {
				t.Errorf("setup (-want +got):\n%s", diff)
			}
			ids := map[string]bool{s.Organisation.ID: true, s.Owner.ID: true, s.Key.ID: true, s.Agent.ID: true}
			if len(ids) != 4 || ids[""] {
				t.Errorf("ids %v, want four", ids)
			}

			i := must(t, &Authenticator{Keys: db}, string(key))
			if i.Org != s.Organisation.ID || i.Role != store.Owner || !i.Allows("anything:at all") {
				t.Errorf("the first key opens as %+v", i)
			}
		})
	}
}

func TestFoundNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*Founding)
		want   string
	}{
		{"key", func(f *Founding) { f.APIKey = "short" }, "PARLEY_API_KEY must have at least 16"},
		{"email", func(f *Founding) { f.OwnerEmail = "Ada <ada@example.com>" }, "PARLEY_OWNER_EMAIL"},
		{"email without host", func(f *Founding) { f.OwnerEmail = "ada" }, "PARLEY_OWNER_EMAIL"},
		{"email too long", func(f *Founding) { f.OwnerEmail = strings.Repeat("a", 250) + "@b.cd" }, "PARLEY_OWNER_EMAIL"},
		{"password", func(f *Founding) { f.OwnerPassword = "hunter2" }, "PARLEY_OWNER_PASSWORD: password must have at least 12"},
		{"organisation", func(f *Founding) { f.Organisation = strings.Repeat("é", 201) }, "organisation's name must have at most 200 characters, and has 201"},
		{"agent", func(f *Founding) { f.Agent.Name = "" }, "agent has no name"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db, f := &memory{}, Founding{Agent: first()}
			tt.change(&f)
			got, err := Found(t.Context(), db, f)
			if err == nil || !strings.Contains(err.Error(), tt.want) || got.New || len(db.setups) != 0 {
				t.Errorf("got %+v, %v; want an error with %q, and nothing made", got, err, tt.want)
			}
			if err != nil && (strings.Contains(err.Error(), "short") || strings.Contains(err.Error(), "hunter2")) {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

func TestFoundOnFoundedDatabase(t *testing.T) {
	t.Parallel()
	const given = Secret("a-key-of-ones-own")
	hash := Hash(string(given))
	now := time.Now()
	for _, tt := range []struct {
		name string
		key  Secret
		row  *store.Key // what is there of it already
		adds bool
		log  string
		open bool // the given key works afterwards
	}{
		{"nothing given", "", nil, false, "", false},
		{"new key", given, nil, true, "level=INFO msg=\"key of PARLEY_API_KEY added\"", true},
		{"known key", given, &store.Key{Org: "oldest", Hash: hash}, false, "", true},
		{"key of another organisation", given, &store.Key{Org: "younger", Hash: hash}, false, "", true},
		{"revoked", given, &store.Key{Org: "oldest", Hash: hash, Revoked: now.Add(-time.Hour)}, false, "level=WARN", false},
		{"expired", given, &store.Key{Org: "oldest", Hash: hash, Expires: now.Add(-time.Hour)}, false, "level=WARN", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := &memory{setups: []store.Setup{{Organisation: store.Organisation{ID: "oldest"}}, {Organisation: store.Organisation{ID: "younger"}}}}
			if tt.row != nil {
				tt.row.ID, tt.row.Scopes = store.NewID(), []string{CallsRead}
				db.rows = []store.Key{*tt.row}
			}
			before := slices.Clone(db.rows)
			for start := range 2 { // the second start changes nothing more
				var log bytes.Buffer
				got, err := Found(t.Context(), db, Founding{
					APIKey: tt.key, OwnerEmail: "not an address", OwnerPassword: "x", // too late to matter
					Log: slog.New(slog.NewTextHandler(&log, nil)),
				})
				if want := (Founded{Organisation: store.Organisation{ID: "oldest"}}); err != nil || got != want {
					t.Fatalf("got %+v, %v; want %+v", got, err, want)
				}
				wantLog := tt.log
				if tt.adds && start > 0 {
					wantLog = ""
				}
				if !strings.Contains(log.String(), wantLog) || (wantLog == "") != (log.Len() == 0) {
					t.Errorf("start %d: the log says %q, want %q", start, log.String(), wantLog)
				}
			}
			if len(db.setups) != 2 {
				t.Error("an organisation was founded")
			}
			want := slices.Clone(before)
			if tt.adds {
				added := db.rows[len(db.rows)-1]
				want = append(want, store.Key{
					ID: added.ID, Number: 1, Org: "oldest", Role: store.Owner, Name: "PARLEY_API_KEY", Prefix: "a-ke", Hash: hash,
					Scopes: []string{All}, Created: added.Created,
				})
			}
			if diff := cmp.Diff(want, db.rows); diff != "" {
				t.Errorf("keys (-want +got):\n%s", diff)
			}
			if tt.key == "" {
				return
			}
			if _, err := (&Authenticator{Keys: db}).Authenticate(t.Context(), string(tt.key)); (err == nil) != tt.open {
				t.Errorf("the given key: %v, want that it opens: %v", err, tt.open)
			}
		})
	}
}

// Two nodes start together on one empty database: one of them founds, and only its secrets are told.
func TestFoundTogether(t *testing.T) {
	t.Parallel()
	for _, key := range []Secret{"", "a-key-of-ones-own"} {
		db := &memory{}
		told := make([]Founded, 4)
		var nodes sync.WaitGroup
		for n := range told {
			nodes.Go(func() {
				var err error
				if told[n], err = Found(t.Context(), db, Founding{APIKey: key, Agent: first()}); err != nil {
					t.Error(err)
				}
			})
		}
		nodes.Wait()
		var founders int
		for _, f := range told {
			if f.New {
				founders++
			} else if f.APIKey != "" || f.OwnerPassword != "" {
				t.Error("a node that did not found tells secrets")
			}
			if f.Organisation.ID != db.setups[0].Organisation.ID {
				t.Errorf("organisation %q, want the one there is", f.Organisation.ID)
			}
		}
		if founders != 1 || len(db.setups) != 1 || len(db.rows) != 1 {
			t.Errorf("%d founders, %d organisations, %d keys; want one of each", founders, len(db.setups), len(db.rows))
		}
	}
}

// The other node is seen only when we write, which is what the empty list could not tell.
func TestFoundSecond(t *testing.T) {
	t.Parallel()
	db := &memory{}
	other := store.Setup{Organisation: store.Organisation{ID: "other's"}, Key: store.Key{ID: "its", Hash: "its"}}
	db.founding = func() []store.Setup { return []store.Setup{other} }
	got, err := Found(t.Context(), db, Founding{APIKey: "a-key-of-ones-own", Agent: first()})
	if want := (Founded{Organisation: other.Organisation}); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if i := must(t, &Authenticator{Keys: db}, "a-key-of-ones-own"); i.Org != "other's" {
		t.Errorf("the given key opens as %+v", i)
	}
}

// Two nodes add the same changed key: the second finds it there.
func TestAdmitTogether(t *testing.T) {
	t.Parallel()
	db := &memory{setups: []store.Setup{{Organisation: store.Organisation{ID: "oldest"}}}}
	var once sync.Once
	db.creating = func(k *store.Key) {
		once.Do(func() {
			row := *k
			row.ID = "the other node's"
			db.set(func() { db.rows = append(db.rows, row) })
		})
	}
	if _, err := Found(t.Context(), db, Founding{APIKey: "a-key-of-ones-own"}); err != nil {
		t.Fatal(err)
	}
	if len(db.rows) != 1 {
		t.Errorf("%d keys, want 1", len(db.rows))
	}
}

func TestFoundWithoutDatabase(t *testing.T) {
	t.Parallel()
	down := fmt.Errorf("dial: %w", store.ErrUnavailable)
	if _, err := Found(t.Context(), &memory{down: down}, Founding{Agent: first()}); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	gone := &memory{}
	gone.founding = func() []store.Setup { gone.down = down; return nil } // it went while we were making up the setup
	if got, err := Found(t.Context(), gone, Founding{Agent: first()}); !errors.Is(err, store.ErrUnavailable) || got != (Founded{}) {
		t.Errorf("got %+v, %v; want ErrUnavailable, and nothing told", got, err)
	}
	// A database that contradicts itself is an error, not a start without an organisation.
	if _, err := Found(t.Context(), contradicting{&memory{}}, Founding{Agent: first()}); err == nil {
		t.Error("no error")
	}
}

type contradicting struct{ *memory }

func (contradicting) Found(context.Context, store.Setup) error { return store.ErrConflict }

// No secret is in any log line or error of the package, whatever is done with it.
func TestCanary(t *testing.T) {
	t.Parallel()
	const canary, password = "va_canary-key-0123456789", "canary-password"
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	told := func(err error) {
		if err != nil {
			log.Error("told", "error", err)
		}
	}
	db := &memory{}
	found := func(f Founding) Founded {
		f.Log = log
		got, err := Found(t.Context(), db, f)
		told(err)
		log.Info("told", "founding", f, "founded", got)
		fmt.Fprintf(&out, "%v %+v %#v\n", f, got, got)
		return got
	}
	found(Founding{APIKey: "canary", Agent: first()})
	found(Founding{APIKey: canary + " ", Agent: first()})
	found(Founding{APIKey: canary, OwnerPassword: "canary", Agent: first()})
	made := found(Founding{OwnerPassword: password, Agent: first()})
	found(Founding{APIKey: canary})

	a := &Authenticator{Keys: db, Log: log}
	authenticate := func(secret string) {
		i, err := a.Authenticate(t.Context(), secret)
		told(err)
		log.Info("told", "identity", i)
	}
	authenticate(canary)
	authenticate(canary + "x")
	authenticate(canary + "\n")
	authenticate(string(made.APIKey))
	told(db.RevokeKey(t.Context(), db.rows[1].Org, db.rows[1].ID, time.Now()))
	a.Forget(db.rows[1].Hash)
	authenticate(canary)
	found(Founding{APIKey: canary})
	db.set(func() { db.down = store.ErrUnavailable })
	a.Forget(db.rows[1].Hash)
	authenticate(canary)
	a.writeUsed(t.Context())
	_, err := HashPassword("canary\xff")
	told(err)
	_, err = VerifyPassword(password, "x")
	told(err)

	for _, secret := range []string{"canary", string(made.APIKey), string(made.APIKey[11:]), Hash(canary), Hash(string(made.APIKey))} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q was printed:\n%s", secret, out.String())
		}
	}
	for _, want := range []string{"organisation founded", "is not brought back", `"reason":"revoked"`, `"reason":"unknown"`, `"reason":"malformed"`,
		"not available", "last use of keys not written"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the test did not bring out %q:\n%s", want, out.String())
		}
	}
}
