package access

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"parley/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// withHeader is a request with Authorization headers.
func withHeader(values ...string) *http.Request {
	return &http.Request{Header: http.Header{"Authorization": values}}
}

func TestBearer(t *testing.T) {
	t.Parallel()
	const key = "va_your_api_key_here"
	for _, tt := range []struct {
		name    string
		headers []string
		want    string // empty: refused
	}{
		{"as documented", []string{"Bearer " + key}, key},
		{"lower case", []string{"bearer " + key}, key},
		{"upper case", []string{"BEARER " + key}, key},
		{"spaces around", []string{"Bearer   " + key + " \t"}, key},
		{"longest", []string{"Bearer " + strings.Repeat("a", 512)}, strings.Repeat("a", 512)},
		{"none", nil, ""},
		{"empty", []string{""}, ""},
		{"two", []string{"Bearer " + key, "Bearer " + key}, ""},
		{"no scheme", []string{key}, ""},
		{"no secret", []string{"Bearer"}, ""},
		{"no secret after a space", []string{"Bearer "}, ""},
		{"run together", []string{"Bearer" + key}, ""},
		{"basic", []string{"Basic dmFfeW91cl9hcGlfa2V5X2hlcmU6"}, ""},
		{"a space before", []string{" Bearer " + key}, ""},
		{"two secrets", []string{"Bearer " + key + " " + key}, ""},
		{"tab between", []string{"Bearer\t" + key}, ""},
		{"too long", []string{"Bearer " + strings.Repeat("a", 513)}, ""},
		{"not ASCII", []string{"Bearer " + key + "é"}, ""},
		{"NUL", []string{"Bearer " + key + "\x00"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, ok := Bearer(withHeader(tt.headers...))
			if got != tt.want || ok != (tt.want != "") {
				t.Errorf("got %q, %v; want %q", got, ok, tt.want)
			}
		})
	}
}

// FuzzBearer: whatever is brought, what comes out is a secret of the shape that keys have, out of one header with the scheme before it.
func FuzzBearer(f *testing.F) {
	for _, s := range []string{"", "Bearer", "Bearer va_your_api_key_here", "bearer \t va_your_api_key_here\x00", "Basic dmFfeW91cl9hcGlfa2V5X2hlcmU6",
		"Bearer  va_your_api_key_here  ", "\xff\xfe Bearer", "beARER " + strings.Repeat("z", 600)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		secret, ok := Bearer(withHeader(header))
		if !ok {
			if secret != "" {
				t.Errorf("refused, and brought %q", secret)
			}
			return
		}
		if checkShape(secret) != nil || len(secret) > 512 || strings.ContainsAny(secret, " \t\r\n") {
			t.Errorf("%q brought %q, which no key can be", header, secret)
		}
		if !strings.EqualFold(header[:7], "Bearer ") || strings.Trim(header[7:], " \t") != secret {
			t.Errorf("%q brought %q", header, secret)
		}
	})
}

func TestContext(t *testing.T) {
	t.Parallel()
	if i, ok := From(t.Context()); ok {
		t.Errorf("a bare context has %v", i)
	}
	want := Identity{Org: "o", Key: "k", User: "u", Role: store.Admin, Scopes: []string{All}}
	ctx, cancel := context.WithCancel(With(t.Context(), want))
	defer cancel()
	got, ok := From(ctx)
	if diff := cmp.Diff(want, got); !ok || diff != "" {
		t.Errorf("ok %v, difference (-want +got):\n%s", ok, diff)
	}
}
