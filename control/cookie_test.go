package control_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"parley/control/access"
)

// FuzzCookie: whatever a browser sends as its cookies, nobody comes in but with the one secret, and nothing breaks.
func FuzzCookie(f *testing.F) {
	w := newWorld(f)
	cookie, _ := w.begin(w.ours.org, w.ours.owner)
	secret := strings.TrimPrefix(cookie, "parley_session=")
	for _, seed := range []string{cookie, "", "parley_session", "parley_session=;", `parley_session="` + secret + `"`, "a=b; " + cookie, cookie + "; " + cookie, "parley_session=\x00\xff",
		"parley_session=" + strings.Repeat("a", 43), "Parley_Session=" + secret, strings.Repeat("a=b;", 2000), access.Hash(secret)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/api/v1/organizations", nil)
		r.Header["Cookie"] = []string{text}
		var brought []string
		for _, c := range r.CookiesNamed("parley_session") {
			brought = append(brought, c.Value)
		}
		rec := httptest.NewRecorder()
		w.mux.ServeHTTP(rec, r)
		want := http.StatusUnauthorized
		if len(brought) == 1 && brought[0] == secret {
			want = http.StatusOK
		}
		if rec.Code != want {
			t.Errorf("%q: %d, want %d", text, rec.Code, want)
		}
	})
}
