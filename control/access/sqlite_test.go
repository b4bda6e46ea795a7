package access_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/control/access"
	"parley/store"
	"parley/store/sql"
	"parley/store/storetest/litetest"
)

// TestSQLite goes the whole way on the real store: first start, authentication, last use, revocation, a changed PARLEY_API_KEY.
func TestSQLite(t *testing.T) {
	t.Parallel()
	db, err := sql.Open(t.Context(), sql.Options{URL: litetest.New(t, "")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	founding := access.Founding{Agent: store.Agent{Name: "Parley", SystemPrompt: "Be helpful."}}
	founded, err := access.Found(t.Context(), db, founding)
	if err != nil || !founded.New {
		t.Fatalf("got %+v, %v; want a new organisation", founded, err)
	}
	org := founded.Organisation
	agent, err := db.Agent(t.Context(), org.ID, org.DefaultAgent)
	if err != nil || agent.Name != "Parley" || agent.Version != 1 || !agent.Enabled {
		t.Errorf("the default agent is %+v, %v", agent, err)
	}

	// The made key opens, and its use is written down at the end.
	a := &access.Authenticator{Keys: db}
	began := time.Now().UTC().Truncate(time.Microsecond)
	who, err := a.Authenticate(t.Context(), string(founded.APIKey))
	if err != nil || who.Org != org.ID || who.Role != store.Owner || !who.Allows(access.CallsWrite) {
		t.Fatalf("the made key opens as %+v, %v", who, err)
	}
	over, stop := context.WithCancel(t.Context())
	stop()
	if err := a.Run(over); err != nil {
		t.Fatal(err)
	}
	key, err := db.KeyByHash(t.Context(), access.Hash(string(founded.APIKey)))
	if err != nil || key.LastUsed.Before(began) || key.LastUsed.After(time.Now()) {
		t.Errorf("last used %v, %v; want since %v", key.LastUsed, err, began)
	}

	// A second start with PARLEY_API_KEY adds that key; a third one adds nothing; once revoked, none brings it back.
	founding.APIKey = "a-key-of-ones-own"
	for range 2 {
		again, err := access.Found(t.Context(), db, founding)
		if err != nil || again.New || again.Organisation.ID != org.ID {
			t.Fatalf("got %+v, %v; want the organisation there is", again, err)
		}
	}
	given, err := db.KeyByHash(t.Context(), access.Hash("a-key-of-ones-own"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{access.All}, given.Scopes); diff != "" || given.Prefix != "a-ke" || given.Role != store.Owner {
		t.Errorf("the added key is %+v", given)
	}
	if who, err := a.Authenticate(t.Context(), "a-key-of-ones-own"); err != nil || who.Key != given.ID {
		t.Errorf("the added key opens as %+v, %v", who, err)
	}
	if err := db.RevokeKey(t.Context(), org.ID, given.ID, time.Now()); err != nil {
		t.Fatal(err)
	}
	a.Forget(given.Hash)
	if _, err := access.Found(t.Context(), db, founding); err != nil {
		t.Fatal(err)
	}
	if who, err := a.Authenticate(t.Context(), "a-key-of-ones-own"); err != access.ErrUnauthenticated {
		t.Errorf("the revoked key opens as %+v, %v", who, err)
	}
	if _, total, err := db.Keys(t.Context(), org.ID, store.Page{Limit: 10}); err != nil || total != 2 {
		t.Errorf("%d keys, %v; want 2", total, err)
	}
}
