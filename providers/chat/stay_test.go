package chat_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"parley/providers/chat"
)

// TestStay: a redirect to another host is not followed, so that a key in a header of its own stays; one on the same host is.
func TestStay(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("another host is told the key %q", r.Header.Get("X-Api-Key"))
	}))
	defer elsewhere.Close()
	home := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		case "/moved":
			http.Redirect(w, r, "/here", http.StatusTemporaryRedirect)
		}
	}))
	defer home.Close()
	var own chat.Own
	for path, want := range map[string]int{"/away": http.StatusTemporaryRedirect, "/moved": http.StatusOK} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, home.URL+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Api-Key", "secret")
		a, err := own.Or(nil).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = a.Body.Close()
		if a.StatusCode != want {
			t.Errorf("%s: HTTP %d, want %d", path, a.StatusCode, want)
		}
	}
}
