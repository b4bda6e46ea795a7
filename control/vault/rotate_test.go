package vault_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley/control/vault"
	"parley/store"
	"parley/store/sql"
	"parley/store/storetest/litetest"
	"parley/store/storetest/pgtest"
)

// postgres is the server of these tests.
var postgres = pgtest.Shared{Fill: litetest.Migrate}

func TestMain(m *testing.M) {
	os.Exit(postgres.Main(m))
}

// each runs a test on both kinds of database. open opens the test's database as often as it is called, as nodes do.
func each(t *testing.T, run func(t *testing.T, open func() *sql.Store)) {
	t.Parallel()
	for name, url := range map[string]func(*testing.T) string{
		"SQLite":   func(t *testing.T) string { return litetest.New(t, "") },
		"Postgres": func(t *testing.T) string { return postgres.URL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := url(t)
			run(t, func() *sql.Store {
				s, err := sql.Open(t.Context(), sql.Options{URL: at})
				must(t, err)
				t.Cleanup(func() { must(t, s.Close()) })
				return s
			})
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fill seals n credentials and one trunk, each with a secret of its own, and returns their organisation.
func fill(t *testing.T, s *sql.Store, v *vault.Vault, n int) (org string) {
	t.Helper()
	ctx := t.Context()
	o, err := s.CreateOrganisation(ctx, store.Organisation{ID: store.NewID(), Name: "Org", Created: time.Now()})
	must(t, err)
	for i := range n {
		id := store.NewID()
		_, err := s.CreateCredential(ctx, store.Credential{ID: id, Org: o.ID, Vendor: "custom", Name: fmt.Sprint(i), Created: time.Now(),
			Sealed: v.Seal(fmt.Sprint("secret ", i), vault.PlaceOf(store.CredentialSecret, o.ID, id))})
		must(t, err)
	}
	id := store.NewID()
	_, err = s.CreateTrunk(ctx, store.Trunk{ID: id, Org: o.ID, Name: "trunk", Created: time.Now(),
		Sealed: v.Seal("password", vault.PlaceOf(store.TrunkSecret, o.ID, id))})
	must(t, err)
	return o.ID
}

// whole checks that a vault opens every secret, and says how many its first key has sealed.
func whole(t *testing.T, s *sql.Store, v *vault.Vault) (first int) {
	t.Helper()
	d, err := s.Directory(t.Context())
	must(t, err)
	for _, c := range d.Credentials {
		got, err := v.Open(c.Sealed, vault.PlaceOf(store.CredentialSecret, c.Org, c.ID))
		if err != nil || got != "secret "+c.Name {
			t.Fatalf("credential %s opens as %q, %v", c.Name, got, err)
		}
		if c.Sealed.Key == v.Key() {
			first++
		}
	}
	for _, k := range d.Trunks {
		got, err := v.Open(k.Sealed, vault.PlaceOf(store.TrunkSecret, k.Org, k.ID))
		if err != nil || got != "password" {
			t.Fatalf("trunk %s opens as %q, %v", k.Name, got, err)
		}
		if k.Sealed.Key == v.Key() {
			first++
		}
	}
	return first
}

// dying is a database whose node is killed after so many batches.
type dying struct {
	store.Secrets
	left int
}

var errKilled = errors.New("killed")

func (d *dying) Reseal(ctx context.Context, all []store.Reseal) (int64, error) {
	if d.left == 0 {
		return 0, errKilled
	}
	d.left--
	return d.Secrets.Reseal(ctx, all)
}

// TestRotateInterrupted: a rotation that dies between two batches leaves every secret readable, and the next one goes on where it ended.
func TestRotateInterrupted(t *testing.T) {
	each(t, func(t *testing.T, open func() *sql.Store) {
		const n = 250
		s := open()
		fill(t, s, made(t, first), n)
		next := made(t, second, first)
		done, err := vault.Rotate(t.Context(), next, &dying{s, 1}, nil)
		if !errors.Is(err, errKilled) || done.Resealed != 100 {
			t.Fatalf("rotated %+v, %v", done, err)
		}
		if got := whole(t, s, next); got != 100 {
			t.Errorf("%d are sealed by the next key, want 100", got)
		}
		done, err = vault.Rotate(t.Context(), next, open(), nil)
		if err != nil || done != (vault.Rotation{Resealed: n + 1 - 100}) {
			t.Errorf("rotated %+v, %v", done, err)
		}
		if got := whole(t, s, made(t, second)); got != n+1 {
			t.Errorf("%d are sealed by the next key, want %d", got, n+1)
		}
		if done, err = vault.Rotate(t.Context(), next, s, nil); err != nil || done != (vault.Rotation{}) {
			t.Errorf("rotated %+v when there was nothing to do, %v", done, err)
		}
	})
}

// TestRotateOnTwoNodes: two nodes rotate at once while secrets are changed, and no secret is lost.
func TestRotateOnTwoNodes(t *testing.T) {
	each(t, func(t *testing.T, open func() *sql.Store) {
		const n = 250
		old, next := made(t, first), made(t, second, first)
		one, two := open(), open()
		org := fill(t, one, old, n)
		list, _, err := one.Credentials(t.Context(), org, "", store.Page{Limit: n})
		must(t, err)
		var work sync.WaitGroup
		var total [2]vault.Rotation
		var failed [3]error
		for i, s := range []*sql.Store{one, two} {
			work.Go(func() { total[i], failed[i] = vault.Rotate(t.Context(), next, s, nil) })
		}
		work.Go(func() { // a node of before changes some meanwhile: its key is a former one
			for i := 0; i < n && failed[2] == nil; i += 25 {
				c := list[i]
				_, failed[2] = one.UpdateCredential(t.Context(), org, c.ID, time.Now(), func(row *store.Credential) error {
					row.Account, row.Sealed = "changed", old.Seal("secret "+c.Name, vault.PlaceOf(store.CredentialSecret, org, c.ID))
					return nil
				})
			}
		})
		work.Wait()
		must(t, errors.Join(failed[:]...))
		done, err := vault.Rotate(t.Context(), next, two, nil)
		must(t, err)
		if got := whole(t, one, made(t, second)); got != n+1 {
			t.Errorf("%d are sealed by the next key, want %d", got, n+1)
		}
		if sum := total[0].Resealed + total[1].Resealed + done.Resealed; sum < n+1 || sum > n+1+n/25 {
			t.Errorf("%d were sealed anew, of %d", sum, n+1)
		}
	})
}

// TestRotateWebhooks: the secrets that sign webhooks are sealed anew, also those that package seal has sealed, and those of before.
func TestRotateWebhooks(t *testing.T) {
	each(t, func(t *testing.T, open func() *sql.Store) {
		s := open()
		org := fill(t, s, made(t, second), 0)
		_, err := s.UpdateWebhookSettings(t.Context(), org, func(w *store.WebhookSettings) error {
			w.Secret, w.Former = made(t, first).Seal("whsec_b", vault.PlaceOf(store.WebhookSecret, org, org)), sealedBefore(t, first, org, "whsec_a")
			return nil
		})
		must(t, err)
		if done, err := vault.Rotate(t.Context(), made(t, second), s, nil); err != nil || done != (vault.Rotation{Closed: 2}) {
			t.Errorf("without the key: rotated %+v, %v", done, err)
		}
		if done, err := vault.Rotate(t.Context(), made(t, second, first), s, nil); err != nil || done != (vault.Rotation{Resealed: 2}) {
			t.Errorf("rotated %+v, %v", done, err)
		}
		w, err := s.WebhookSettings(t.Context(), org)
		must(t, err)
		for want, sealed := range map[string]store.Sealed{"whsec_a": w.Former, "whsec_b": w.Secret} {
			if got, err := made(t, second).Open(sealed, vault.PlaceOf(store.WebhookSecret, org, org)); err != nil || got != want {
				t.Errorf("%s opens as %q, %v", want, got, err)
			}
		}
	})
}

// TestRotateLeavesWhatItCannotOpen: a secret of a lost key is told of, and left as it is.
func TestRotateLeavesWhatItCannotOpen(t *testing.T) {
	each(t, func(t *testing.T, open func() *sql.Store) {
		s := open()
		lost := fill(t, s, made(t, "a key that nobody has any more ..."), 120)
		fill(t, s, made(t, first), 5)
		var told []store.Secret
		done, err := vault.Rotate(t.Context(), made(t, second, first), s, func(c store.Secret) { told = append(told, c) })
		if err != nil || done != (vault.Rotation{Resealed: 6, Closed: 121}) || len(told) != 121 {
			t.Errorf("rotated %+v, told of %d, %v", done, len(told), err)
		}
		for _, c := range told {
			if c.Org != lost {
				t.Errorf("told of %+v", c)
			}
		}
		if done, err = vault.Rotate(t.Context(), made(t, "a key that nobody has any more ..."), s, nil); err != nil || done.Closed != 6 {
			t.Errorf("what was lost is damaged: %+v, %v", done, err)
		}
	})
}

// away is a database that refuses some times before it answers.
type away struct {
	store.Secrets
	times int
	asked int
}

func (a *away) StaleSecrets(context.Context, store.SecretKind, string, string, int) ([]store.Secret, error) {
	if a.asked++; a.asked <= a.times {
		return nil, fmt.Errorf("list: %w", store.ErrUnavailable)
	}
	return nil, nil
}

func TestRotatorWaitsForTheDatabase(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rows := &away{times: 3}
		r := &vault.Rotator{Vault: made(t, first), Rows: rows, Log: slog.New(slog.DiscardHandler)}
		if err := r.Run(t.Context()); err != nil || rows.asked != 3+len(store.SecretKinds()) {
			t.Errorf("asked %d times, %v", rows.asked, err)
		}
		rows = &away{times: 1000}
		r.Rows = rows
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := r.Run(ctx); err != nil || rows.asked > 7 {
			t.Errorf("asked %d times in a minute, %v", rows.asked, err)
		}
	})
}
