package vault_test

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"parley/control/seal"
	"parley/control/vault"
	"parley/store"
)

const first, second = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"

func made(t *testing.T, secrets ...string) *vault.Vault {
	t.Helper()
	var all [][]byte
	for _, s := range secrets {
		all = append(all, []byte(s))
	}
	v, err := vault.New(all...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSealedOpensInItsPlaceAlone(t *testing.T) {
	t.Parallel()
	v, at := made(t, first), vault.PlaceOf(store.CredentialSecret, "org", "row")
	s := v.Seal("token", at)
	if got, err := v.Open(s, at); err != nil || got != "token" {
		t.Fatalf("opened %q, %v", got, err)
	}
	if strings.Contains(s.Text, "token") || s.Key != v.Key() || s.Key == "" || strings.Contains(first, s.Key) {
		t.Errorf("sealed as %+v", s)
	}
	if again := v.Seal("token", at); again.Text == s.Text {
		t.Error("sealed twice to the same: the nonce is not random")
	}
	for what, place := range map[string]vault.Place{
		"another organisation": {Org: "other", Row: "row", Field: "credential"}, "another row": {Org: "org", Row: "other", Field: "credential"},
		"another field": vault.PlaceOf(store.TrunkSecret, "org", "row"), "a shifted border": {Org: "orgr", Row: "ow", Field: "credential"},
		"quotes": {Org: `org" "row`, Row: "", Field: "credential"}, "nowhere": {},
	} {
		if got, err := v.Open(s, place); !errors.Is(err, vault.ErrClosed) || got != "" {
			t.Errorf("%s: opened %q, %v", what, got, err)
		}
	}
}

// sealedBefore is a webhooks' secret as parley sealed it when vaults had none of them.
func sealedBefore(t *testing.T, key, org, secret string) store.Sealed {
	t.Helper()
	s, err := seal.New("webhook secrets", []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	return store.Sealed{Text: hex.EncodeToString(s.Close([]byte(secret), "webhook secret\n"+org))}
}

func TestSealedBeforeOpens(t *testing.T) {
	t.Parallel()
	at, s := vault.PlaceOf(store.WebhookSecret, "org", "org"), sealedBefore(t, first, "org", "whsec_a")
	if got, err := made(t, second, first).Open(s, at); err != nil || got != "whsec_a" {
		t.Errorf("opened %q, %v", got, err)
	}
	if former := vault.PlaceOf(store.FormerWebhookSecret, "org", "org"); former != at {
		t.Errorf("the secret of before belongs to %+v", former)
	}
	for what, tt := range map[string]struct {
		key string
		at  vault.Place
		s   store.Sealed
	}{
		"another key":          {second, at, s},
		"another organisation": {first, vault.PlaceOf(store.WebhookSecret, "other", "org"), s},
		"a credential":         {first, vault.PlaceOf(store.CredentialSecret, "org", "org"), s},
		"sealed by a key":      {first, at, store.Sealed{Text: s.Text, Key: made(t, first).Key()}},
		"cut":                  {first, at, store.Sealed{Text: s.Text[:20]}},
	} {
		if got, err := made(t, tt.key).Open(tt.s, tt.at); !errors.Is(err, vault.ErrClosed) || got != "" {
			t.Errorf("%s: opened %q, %v", what, got, err)
		}
	}
}

func TestAlteredStaysClosed(t *testing.T) {
	t.Parallel()
	v, at := made(t, first), vault.Place{Org: "org", Row: "row", Field: "f"}
	s := v.Seal("token", at)
	raw, err := base64.RawStdEncoding.DecodeString(s.Text)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		raw[i] ^= 1
		if got, err := v.Open(store.Sealed{Text: base64.RawStdEncoding.EncodeToString(raw), Key: s.Key}, at); !errors.Is(err, vault.ErrClosed) {
			t.Errorf("byte %d altered: opened %q, %v", i, got, err)
		}
		raw[i] ^= 1
	}
	for _, text := range []string{"x", "!", s.Text[:10], s.Text + "AAAA", strings.Repeat("A", 10)} {
		if _, err := v.Open(store.Sealed{Text: text, Key: s.Key}, at); !errors.Is(err, vault.ErrClosed) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := v.Open(store.Sealed{Text: s.Text, Key: "another"}, at); !errors.Is(err, vault.ErrClosed) {
		t.Errorf("with another key's id: %v", err)
	}
}

func TestFormerKeysOpen(t *testing.T) {
	t.Parallel()
	at := vault.Place{Org: "org", Row: "row", Field: "f"}
	old := made(t, first)
	s := old.Seal("token", at)
	both := made(t, second, "", first)
	if got, err := both.Open(s, at); err != nil || got != "token" {
		t.Errorf("a former key opens %q, %v", got, err)
	}
	anew := both.Seal("token", at)
	if anew.Key == s.Key || anew.Key != both.Key() {
		t.Errorf("sealed by %s, the first is %s", anew.Key, both.Key())
	}
	if _, err := old.Open(anew, at); !errors.Is(err, vault.ErrClosed) {
		t.Errorf("the former key opens what the next has sealed: %v", err)
	}
	if _, err := made(t, second).Open(s, at); !errors.Is(err, vault.ErrClosed) {
		t.Errorf("without the former key: %v", err)
	}
	if none := both.Seal("", at); none != (store.Sealed{}) {
		t.Errorf("nothing is sealed as %+v", none)
	}
	if got, err := both.Open(store.Sealed{}, at); got != "" || err != nil {
		t.Errorf("nothing opens as %q, %v", got, err)
	}
	if _, err := vault.New(nil); err == nil {
		t.Error("a vault without a secret")
	}
}

func FuzzOpen(f *testing.F) {
	v, err := vault.New([]byte(first))
	if err != nil {
		f.Fatal(err)
	}
	at := vault.Place{Org: "org", Row: "row", Field: "f"}
	f.Add(v.Seal("token", at).Text)
	f.Add("")
	f.Add("AAAA")
	good := v.Seal("token", at).Text
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := v.Open(store.Sealed{Text: text, Key: v.Key()}, at); err == nil && got != "" && got != "token" && text != good {
			t.Errorf("%q opens as %q", text, got)
		}
	})
}
