package main

import (
	"bytes"
	"context"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"parley/control/access"
	"parley/store"
	"parley/store/sql"
)

// TestUsers: an invite's link and a new password, made on the command line, let people in.
func TestUsers(t *testing.T) {
	t.Parallel()
	ctx, dir := t.Context(), t.TempDir()
	db, err := sql.Open(ctx, sql.Options{URL: "sqlite:" + filepath.Join(dir, "parley.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, _, err := db.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := access.Found(ctx, db, access.Founding{Agent: store.Agent{Name: "Ada"}}); err != nil {
		t.Fatal(err)
	}
	parley := func(in string, args ...string) (out string, err error) {
		var stdout, stderr bytes.Buffer
		getenv := func(name string) string {
			return map[string]string{"PARLEY_DATA_DIR": dir, "PARLEY_PUBLIC_URL": "https://voice.example.com/"}[name]
		}
		err = run(context.WithoutCancel(ctx), append([]string{"users"}, args...), getenv, strings.NewReader(in), &stdout, &stderr)
		return stdout.String(), err
	}
	tokens, err := access.NewTokens([]byte("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	sessions, from := access.NewSessions(db, tokens, nil), access.Visitor{Address: netip.MustParseAddr("192.0.2.1")}

	out, err := parley("", "password", "owner@localhost")
	if err != nil || len(strings.TrimSpace(out)) < 20 {
		t.Fatalf("%q, %v", out, err)
	}
	if _, _, err := sessions.Login(ctx, "owner@localhost", access.Secret(strings.TrimSpace(out)), from); err != nil {
		t.Errorf("the made password: %v", err)
	}
	if out, err = parley("correct horse battery staple\n", "password", "Owner@localhost", "--stdin"); err != nil || out != "" {
		t.Errorf("%q, %v", out, err)
	}
	if _, _, err := sessions.Login(ctx, "owner@localhost", "correct horse battery staple", from); err != nil {
		t.Errorf("the given password: %v", err)
	}

	out, err = parley("", "invite", "bo@example.com", "--role", "admin")
	link, secret, _ := strings.Cut(strings.TrimSpace(out), "#")
	if err != nil || link != "https://voice.example.com/invite" {
		t.Fatalf("%q, %v", out, err)
	}
	if _, n, err := sessions.Accept(ctx, secret, "Bo", "wrong zebra battery staple", from); err != nil || n.Role != store.Admin {
		t.Errorf("joined as %s, %v", n.Role, err)
	}
	if out, err = parley("", "list"); err != nil || !strings.Contains(out, "bo@example.com") || !strings.Contains(out, "owner@localhost") {
		t.Errorf("%q, %v", out, err)
	}

	for _, args := range [][]string{{"password", "nobody@example.com"}, {"invite", "nonsense"}, {"invite", "bo@example.com"}, {"password", "owner@localhost", "--stdin"}} {
		if _, err := parley("short\n", args...); exitCode(err, &bytes.Buffer{}) != 2 {
			t.Errorf("%v: %v", args, err)
		}
	}
}
