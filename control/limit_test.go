package control_test

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"parley/control"
	"parley/control/access"
)

// inOneMinute lets f look until all that it did was in one minute of the clock, and tells what it found then.
func inOneMinute(t *testing.T, f func() (found []string)) {
	t.Helper()
	for {
		minute := time.Now().Unix() / 60
		found := f()
		if time.Now().Unix()/60 != minute {
			continue
		}
		for _, what := range found {
			t.Error(what)
		}
		return
	}
}

// TestRateLimitHeaders: every answer below /api/ has them, whatever it is and whoever asks; the count is the key's own.
func TestRateLimitHeaders(t *testing.T) {
	t.Parallel()
	inOneMinute(t, func() []string { return rateLimitHeaders(t) })
}

func rateLimitHeaders(t *testing.T) (found []string) {
	w := newWorld(t, func(o *control.Options) { o.Limiter = &access.Limiter{Limit: 8} })
	want := func(what string, a *answer, status, remaining int) {
		limit, reset := a.head.Get("X-RateLimit-Limit"), a.head.Get("X-RateLimit-Reset")
		at, err := strconv.ParseInt(reset, 10, 64)
		if left := time.Until(time.Unix(at, 0)); limit != "8" || err != nil || at%60 != 0 || left > time.Minute || left < 0 {
			found = append(found, fmt.Sprintf("%s: limit %q, reset %q", what, limit, reset))
		}
		if got := a.head.Get("X-RateLimit-Remaining"); got != strconv.Itoa(remaining) || a.status != status {
			found = append(found, fmt.Sprintf("%s: %d with %s remaining, want %d with %d", what, a.status, got, status, remaining))
		}
	}
	for i, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", agents, "", 200}, {"GET", agents + "/nonsense", "", 404}, {"GET", "/api/nonsense", "", 404}, {"PUT", agents, "{}", 405},
		{"POST", agents, "{", 400}, {"GET", "/api/v1/users", "", 403}, {"GET", agents + "?limit=x", "", 400}, {"GET", calls, "", 200},
	} {
		want(c.method+" "+c.path, w.ask(w.ours.key, c.method, c.path, c.body), c.status, 7-i)
	}
	a := w.ask(w.ours.key, "GET", agents, "")
	want("the ninth", a, http.StatusTooManyRequests, 0)
	if seconds, err := strconv.Atoi(a.head.Get("Retry-After")); err != nil || seconds < 1 || seconds > 60 {
		found = append(found, "429 with Retry-After "+a.head.Get("Retry-After"))
	}

	for i := range 1000 { // whatever else the request is
		method := []string{"GET", "POST", "DELETE", "PATCH", "BREW"}[i%5]
		path := []string{agents, calls, "/api/v1/auth/login", "/api/nonsense", agents + "/x?limit=1", "/api/v1/users"}[i%6]
		address := fmt.Sprintf("192.0.%d.%d", i%200, i%250)
		a := w.ask(w.ours.key, method, path, "", "X-Forwarded-For", address, "Forwarded", "for="+address, "X-Real-Ip", address, "Cookie", fmt.Sprint("parley_session=", i),
			"X-Request-Id", fmt.Sprint(i), "Idempotency-Key", fmt.Sprint(i), "User-Agent", fmt.Sprint(i))
		want("a way around", a, http.StatusTooManyRequests, 0)
	}

	// Others have their own minute: another key, a person with all their sessions, an address.
	want("another key", w.ask(w.theirs.key, "GET", agents, ""), 200, 7)
	for i := range 2 {
		cookie, _ := w.begin(w.ours.org, w.ours.owner)
		want("a person", w.ask("", "GET", agents, "", "Cookie", cookie), 200, 7-i)
	}
	for i := range 8 {
		want("a wrong key", w.ask("va_wrong-wrong-wrong-wrong", "GET", agents, ""), http.StatusUnauthorized, 7-i)
	}
	want("another wrong key", w.ask("va_another-wrong-wrong-one", "GET", agents, ""), http.StatusTooManyRequests, 0)
	want("a key from the same address", w.ask(w.theirs.key, "GET", agents, ""), 200, 6)
	if h := w.ask("", "GET", "/openapi.json", "").head; h.Get("X-RateLimit-Limit") != "" {
		found = append(found, "the description is counted")
	}
	return found
}
