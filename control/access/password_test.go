package access

import (
	"strings"
	"testing"

	"github.com/alexedwards/argon2id"
	"github.com/google/go-cmp/cmp"
)

func TestPassword(t *testing.T) {
	t.Parallel()
	const password = "correct horse battery é" // é as one character
	hash, err := HashPassword(password)
	if err != nil {
		t.Fatal(err)
	}
	again, err := HashPassword(password)
	if err != nil {
		t.Fatal(err)
	}
	if hash == again || !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") || strings.Contains(hash, "horse") {
		t.Errorf("hashes %s and %s, want two different ones of OWASP's parameters", hash, again)
	}
	for _, tt := range []struct {
		name     string
		password Secret
		hash     string
		want     bool
	}{
		{"right", password, hash, true},
		{"right, other salt", password, again, true},
		{"right, é as two characters", "correct horse battery e\u0301", hash, true},
		{"wrong", "correct horse battery e", hash, false},
		{"empty", "", hash, false},
		{"longer than any", Secret(strings.Repeat("a", 513)), hash, false},
		{"nobody", password, "", false},
		{"nobody, empty", "", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got, err := VerifyPassword(tt.password, tt.hash); got != tt.want || err != nil {
				t.Errorf("got %v, %v; want %v", got, err, tt.want)
			}
		})
	}
}

func TestPasswordRefused(t *testing.T) {
	t.Parallel()
	for password, want := range map[Secret]string{
		"":                               "has 0",
		"1234567":                        "at least 12 characters, and has 7",
		"éééé":                           "has 4",
		Secret(strings.Repeat("a", 513)): "at most 512 bytes, and has 513",
		"123456789012\xff":               "UTF-8",
		Secret(strings.Repeat("é", 257)): "has 514",
	} {
		if hash, err := HashPassword(password); err == nil || !strings.Contains(err.Error(), want) || hash != "" {
			t.Errorf("%d bytes: got %q, %v; want an error with %q", len(password), hash, err, want)
		}
	}
}

// A hash out of a damaged database is an error, not a panic, and not a gigabyte.
func TestPasswordDamagedHash(t *testing.T) {
	t.Parallel()
	const tail = "$c29tZSBzYWx0IG9mIG91cg$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	for _, hash := range []string{
		"x", "$$$$$", "$2a$10$abcdefghijklmnopqrstuv", "$argon2i$v=19$m=19456,t=2,p=1" + tail,
		"$argon2id$v=19$m=19456,t=0,p=1" + tail, "$argon2id$v=19$m=19456,t=2,p=0" + tail,
		"$argon2id$v=19$m=4294967295,t=2,p=1" + tail, "$argon2id$v=19$m=19456,t=4294967295,p=1" + tail,
		"$argon2id$v=18$m=19456,t=2,p=1" + tail, "$argon2id$v=19$m=19456,t=2,p=1$%$%",
	} {
		if ok, err := VerifyPassword("12345678", hash); ok || err == nil {
			t.Errorf("%s: got %v, %v; want an error", hash, ok, err)
		}
	}
}

// Nobody's hash takes as long as somebody's only while their parameters are the same.
func TestNobodyHasOurParameters(t *testing.T) {
	t.Parallel()
	got, _, _, err := argon2id.DecodeHash(nobody)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(params(), got); diff != "" {
		t.Errorf("difference (-want +got):\n%s", diff)
	}
}

func BenchmarkHashPassword(b *testing.B) {
	for b.Loop() {
		if _, err := HashPassword("correct horse battery"); err != nil {
			b.Fatal(err)
		}
	}
}
