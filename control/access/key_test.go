package access

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
)

func TestNewKey(t *testing.T) {
	t.Parallel()
	seen := make(map[Secret]bool)
	shape := regexp.MustCompile(`^(va|cm)_[0-9A-Za-z]{43}$`)
	for i := range 2000 {
		prefix := []string{VoicePrefix, CRMPrefix}[i%2]
		k, err := NewKey(prefix)
		if err != nil {
			t.Fatal(err)
		}
		secret := string(k.Secret)
		if !shape.MatchString(secret) || !strings.HasPrefix(secret, prefix) {
			t.Fatalf("secret %q has another shape", secret)
		}
		if k.Prefix != secret[:11] {
			t.Errorf("prefix %q of %q, want the first 11 characters", k.Prefix, secret)
		}
		if k.Hash != Hash(secret) {
			t.Errorf("hash %q, want %q", k.Hash, Hash(secret))
		}
		if checkShape(secret) != nil {
			t.Errorf("secret %q would be refused", secret)
		}
		if seen[k.Secret] {
			t.Fatalf("secret %q was made twice", secret)
		}
		seen[k.Secret] = true
	}
	for _, prefix := range []string{"", "va", "VA_", "sk_"} {
		if k, err := NewKey(prefix); err == nil || !strings.Contains(err.Error(), "va_") || k != (Key{}) {
			t.Errorf("NewKey(%q) = %+v, %v; want an error that names va_", prefix, k, err)
		}
	}
}

// The hash is in every database: it must never change. Its value here is sha256sum's.
func TestHash(t *testing.T) {
	t.Parallel()
	got, want := Hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestVerbatim(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, secret string
		prefix       string
		err          string // what it has to say beside PARLEY_API_KEY
	}{
		{"shortest", "0123456789abcdef", "0123", ""},
		{"as documented", "va_your_api_key_here", "va_yo", ""},
		{"made elsewhere", "sk-" + strings.Repeat("x", 41), "sk-xxxxxxxx", ""},
		{"signs", `!"#$%&'()*+,-./:;<=>?@[]^_{|}~`, `!"#$%&'`, ""},
		{"longest", strings.Repeat("a", 512), "aaaaaaaaaaa", ""},
		{"empty", "", "", "at least 16 characters, and has 0"},
		{"too short", "0123456789abcde", "", "at least 16 characters, and has 15"},
		{"too long", strings.Repeat("a", 513), "", "at most 512 characters, and has 513"},
		{"space", "0123456789 abcdef", "", "its byte 11"},
		{"line end", "0123456789abcdef\n", "", "its byte 17"},
		{"not ASCII", "0123456789abcdé", "", "its byte 15"},
		{"control character", "\x7f0123456789abcdef", "", "its byte 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k, err := Verbatim(Secret(tt.secret))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), "PARLEY_API_KEY") || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want one of PARLEY_API_KEY with %q", err, tt.err)
				}
				if tt.secret != "" && strings.Contains(err.Error(), tt.secret[:4]) {
					t.Errorf("the error shows the secret: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if k.Prefix != tt.prefix || k.Hash != Hash(tt.secret) || string(k.Secret) != tt.secret {
				t.Errorf("got prefix %q and hash %s, want %q and %s", k.Prefix, k.Hash, tt.prefix, Hash(tt.secret))
			}
		})
	}
}

// FuzzVerbatim holds what is shown of a given key to a quarter of it, and what is taken to what Bearer can bring.
func FuzzVerbatim(f *testing.F) {
	for _, s := range []string{"", "va_your_api_key_here", "0123456789abcdef", "0123456789abcdef\x00", "ключ-ключ-ключ", strings.Repeat("~", 512)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, secret string) {
		k, err := Verbatim(Secret(secret))
		if err != nil {
			if k != (Key{}) {
				t.Errorf("refused with %v, and made a key all the same", err)
			}
			return
		}
		if len(k.Prefix)*4 > len(secret) || len(k.Prefix) > 11 || !strings.HasPrefix(secret, k.Prefix) {
			t.Errorf("prefix %q of a key of %d characters shows too much", k.Prefix, len(secret))
		}
		if got, ok := Bearer(withHeader("Bearer " + secret)); !ok || got != secret {
			t.Errorf("Bearer brings %q, %v; want %q", got, ok, secret)
		}
	})
}

// A secret can be put into anything that prints: fmt, both of slog's handlers, JSON, and structs that have one.
func TestSecretPrintsAsSecret(t *testing.T) {
	t.Parallel()
	const canary = "va_canary0000000000000000"
	k, err := Verbatim(canary)
	if err != nil {
		t.Fatal(err)
	}
	things := []any{
		Secret(canary), k, &k,
		Founding{APIKey: canary, OwnerPassword: canary},
		Founded{APIKey: canary, OwnerPassword: canary},
		map[string]any{"key": k}, []Secret{canary}, fmt.Errorf("with %v", Secret(canary)),
	}
	var out bytes.Buffer
	for _, thing := range things {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t"} {
			fmt.Fprintf(&out, verb+"\n", thing)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("thing", "thing", thing)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("thing", "thing", thing)
		text, err := json.Marshal(thing)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(text)
	}
	out.WriteString(Secret(canary).String())
	if got := out.String(); strings.Contains(got, "canary") || strings.Contains(got, fmt.Sprintf("%x", "canary")) {
		t.Errorf("the secret was printed:\n%s", got)
	} else if !strings.Contains(got, redacted) {
		t.Errorf("nothing says %s:\n%s", redacted, got)
	}
	if string(k.Secret) != canary {
		t.Error("the secret cannot be shown to its owner")
	}
}

func TestCheckScopes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		scopes []string
		want   []string // in the error; none: there is no error
	}{
		{"one", []string{AgentsRead}, nil},
		{"all by name", []string{AgentsRead, AgentsWrite, CallsRead, CallsWrite}, nil},
		{"all", []string{All}, nil},
		{"none", nil, []string{"at least one"}},
		{"unknown", []string{"agents:read", "agents:*", "Calls:read", ""}, []string{`"agents:*", "Calls:read", "":`, "agents:write"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := CheckScopes(tt.scopes)
			if (err != nil) != (tt.want != nil) {
				t.Fatalf("error %v, want %q", err, tt.want)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
	for _, s := range Scopes() {
		if s.Allows == "" || CheckScopes([]string{s.Name}) != nil {
			t.Errorf("scope %q is not documented, or refused", s.Name)
		}
	}
}

func TestAllows(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		has   []string
		wants string
		want  bool
	}{
		{[]string{AgentsRead}, AgentsRead, true},
		{[]string{AgentsRead}, AgentsWrite, false},
		{[]string{AgentsWrite}, AgentsRead, false},
		{[]string{CallsRead, AgentsWrite}, AgentsWrite, true},
		{[]string{All}, CallsWrite, true},
		{[]string{All}, "bots:read", true},
		{[]string{"agents:*"}, AgentsRead, false},
		{[]string{AgentsRead}, All, false},
		{nil, AgentsRead, false},
		{nil, "", false},
	} {
		if got := (Identity{Scopes: tt.has}).Allows(tt.wants); got != tt.want {
			t.Errorf("%q allows %q: got %v, want %v", tt.has, tt.wants, got, tt.want)
		}
	}
}
