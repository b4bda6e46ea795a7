package main

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"parley/control/access"
	"parley/control/vault"
	"parley/store"
	"parley/store/sql"
)

// A bureau is a database of one organisation, and the command line beside it.
type bureau struct {
	t   *testing.T
	db  *sql.Store
	org string
	env map[string]string
}

func newBureau(t *testing.T) *bureau {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	db, err := sql.Open(ctx, sql.Options{URL: "sqlite:" + filepath.Join(dir, "parley.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, _, err := db.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := access.Found(ctx, db, access.Founding{Agent: store.Agent{Name: "Ada", Enabled: true}}); err != nil {
		t.Fatal(err)
	}
	orgs, err := db.Organisations(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return &bureau{t, db, orgs[0].ID, map[string]string{"PARLEY_DATA_DIR": dir, "PARLEY_SECRET": strings.Repeat("s", 32)}}
}

// run is parley with these arguments, environment (name, value) besides, and input. Both outputs are returned together.
func (b *bureau) run(in string, env []string, args ...string) (string, error) {
	b.t.Helper()
	all := maps.Clone(b.env)
	for i := 0; i+1 < len(env); i += 2 {
		all[env[i]] = env[i+1]
	}
	var out bytes.Buffer
	err := run(context.WithoutCancel(b.t.Context()), args, func(name string) string { return all[name] }, strings.NewReader(in), &out, &out)
	return out.String(), err
}

// ok is run of what must work.
func (b *bureau) ok(in string, env []string, args ...string) string {
	b.t.Helper()
	out, err := b.run(in, env, args...)
	if err != nil {
		b.t.Fatalf("%v: %v %s", args, err, out)
	}
	return out
}

// fails checks that an error names all of some words.
func (b *bureau) fails(want []string, in string, env []string, args ...string) {
	b.t.Helper()
	out, err := b.run(in, env, args...)
	if err == nil {
		b.t.Fatalf("%v is accepted: %s", args, out)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			b.t.Errorf("%v: %q does not say %q", args, err, w)
		}
	}
}

// TestCredentialsCommand: credentials are made, changed, verified, sealed anew and removed, and their secrets are not shown.
func TestCredentialsCommand(t *testing.T) {
	t.Parallel()
	b := newBureau(t)
	const sid, token, other = "AC00000000000000000000000000000001", "8f0c2b7d41e94f0ab0c1d2e3f4a5b6c7", "another-token-of-theirs"
	asked := ""
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, secret, _ := r.BasicAuth()
		if asked = r.URL.Path; user != sid || secret != other {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer api.Close()
	twilio := []string{"TWILIO_BASE_URL", api.URL}

	out := b.ok(token+"\n", nil, "credentials", "set", "Main", "--vendor=twilio", "--account-id="+sid)
	out += b.ok("", []string{"PARLEY_CREDENTIAL", "sk-proj-0123456789"}, "credentials", "set", "Brain", "--vendor=openai")
	b.fails([]string{"twilio refuses Main"}, "", twilio, "credentials", "verify", "Main")
	b.ok(other+"\n", nil, "credentials", "set", "Main")
	out += b.ok("", twilio, "credentials", "verify", "Main")
	if asked != "/2010-04-01/Accounts/"+sid+".json" {
		t.Errorf("asked %s", asked)
	}
	list := b.ok("", nil, "credentials")
	for _, want := range []string{"Main", "twilio", sid, "...eirs", "works", "Brain", "...6789", "default"} {
		if !strings.Contains(list, want) {
			t.Errorf("the list has no %q:\n%s", want, list)
		}
	}
	list += b.ok("", nil, "credentials", "list", "--json")
	for _, secret := range []string{token, other, "sk-proj-0123456789"} {
		if strings.Contains(out+list, secret) {
			t.Errorf("a secret is shown:\n%s", out+list)
		}
	}

	b.fails([]string{"--vendor", "twilio"}, token+"\n", nil, "credentials", "set", "X", "--vendor=acme")
	b.fails([]string{"--account-id"}, token+"\n", nil, "credentials", "set", "X", "--vendor=twilio", "--account-id=AC1")
	b.fails([]string{"--base-url", "private"}, token+"\n", nil, "credentials", "set", "X", "--vendor=openai", "--base-url=https://10.0.0.1")
	b.fails([]string{"the secret", "8"}, "short\n", nil, "credentials", "set", "X", "--vendor=openai")
	b.fails([]string{"no secret"}, "", nil, "credentials", "set", "X", "--vendor=openai")
	b.fails([]string{"cannot be changed"}, token+"\n", nil, "credentials", "set", "Main", "--vendor=openai")
	b.fails([]string{"no such credential"}, "", nil, "credentials", "set", "X", "--vendor=openai", "--keep-secret")
	b.fails([]string{"PARLEY_SECRET"}, "", []string{"PARLEY_SECRET", ""}, "credentials", "rotate")
	b.fails([]string{"vault-key", "32"}, "", []string{"PARLEY_VAULT_KEY", "short"}, "credentials", "rotate")
	b.ok("", nil, "credentials", "set", "Brain", "--keep-secret", "--no-default")

	key := strings.Repeat("k", 32)
	b.fails([]string{"left as they are"}, "", []string{"PARLEY_SECRET", strings.Repeat("x", 32)}, "credentials", "rotate")
	if out := b.ok("", []string{"PARLEY_VAULT_KEY", key}, "credentials", "rotate"); !strings.Contains(out, "2 secrets") {
		t.Errorf("rotated: %s", out)
	}
	v, err := vault.New([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	all, _, err := b.db.Credentials(t.Context(), b.org, "twilio", store.Page{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := v.Open(all[0].Sealed, vault.PlaceOf(store.CredentialSecret, b.org, all[0].ID)); err != nil || got != other {
		t.Errorf("opened %q, %v", got, err)
	}
	b.ok("", nil, "credentials", "remove", "Brain")
	b.fails([]string{"not found"}, "", nil, "credentials", "remove", "Brain")
}

// TestTrunksAndNumbersCommands: trunks are made and changed, and numbers name them.
func TestTrunksAndNumbersCommands(t *testing.T) {
	t.Parallel()
	b := newBureau(t)
	const password = "correct horse battery"
	b.ok(password+"\n", nil, "trunks", "set", "Carrier", "--host=sip.example.com", "--transport=tls", "--username=acme", "--read-password", "--register",
		"--allowed-networks=192.0.2.1/24,198.51.100.7", "--codecs=PCMA,PCMU")
	b.ok("", nil, "trunks", "set", "Carrier", "--port=5080", "--no-outbound")
	if out := b.ok("", nil, "trunks", "list", "--json"); strings.Contains(out, password) || !strings.Contains(out, `"port": 5080`) || !strings.Contains(out, "198.51.100.7/32") ||
		!strings.Contains(out, `"password_set": true`) || !strings.Contains(out, `"outbound": false`) {
		t.Errorf("listed: %s", out)
	}
	b.fails([]string{"--host"}, "", nil, "trunks", "set", "Other")
	b.fails([]string{"--host", "--codecs[0]", "--port", "--caller-id", "--password", "--username"}, "", nil,
		"trunks", "set", "Other", "--host=a b", "--codecs=G729", "--port=70000", "--caller-id=1", "--register")

	b.ok(strings.Repeat("t", 32)+"\n", nil, "credentials", "set", "Main", "--vendor=twilio", "--account-id=AC00000000000000000000000000000001")
	b.ok(strings.Repeat("t", 32)+"\n", nil, "credentials", "set", "Brain", "--vendor=openai")
	b.ok("", nil, "numbers", "set", "+15005550001", "Ada", "--label=Front desk", "--credential=Main")
	b.fails([]string{"one way"}, "", nil, "numbers", "set", "+15005550001", "--trunk=Carrier")
	b.fails([]string{"openai"}, "", nil, "numbers", "set", "+15005550001", "--credential=Brain")
	b.fails([]string{"+15005550001"}, "", nil, "credentials", "remove", "Main")
	if out := b.ok("", nil, "numbers", "set", "+15005550001", "--credential=", "--trunk=Carrier"); !strings.Contains(out, "answered by Ada") {
		t.Errorf("the agent was lost: %s", out)
	}
	n, err := b.db.Number(t.Context(), b.org, "+15005550001")
	if err != nil || n.Trunk == "" || n.Credential != "" || n.Label != "Front desk" || n.Agent == "" {
		t.Errorf("number %+v, %v", n, err)
	}
	if out := b.ok("", nil, "numbers", "set", "+15005550001"); !strings.Contains(out, "default agent") {
		t.Errorf("led to %s", out)
	}
	b.fails([]string{"+15005550001"}, "", nil, "trunks", "remove", "Carrier")
	b.ok("", nil, "numbers", "delete", "+15005550001")
	b.ok("", nil, "trunks", "remove", "Carrier")
}
