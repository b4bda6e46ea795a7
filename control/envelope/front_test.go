package envelope_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/google/go-cmp/cmp"

	"parley/control/envelope"
	"parley/store"
)

// behind puts a Front before a mux, and tells what it logged.
func behind(mux http.Handler) (front *envelope.Front, log *bytes.Buffer) {
	log = &bytes.Buffer{}
	return &envelope.Front{Next: mux, Log: slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))}, log
}

// a thing to be written.
type thing struct {
	Name string `json:"name" maxLength:"3"`
}

// api is a huma API whose one operation does what h does.
func api(h func(ctx context.Context, in *struct {
	envelope.Strict

	Body thing
}) (*envelope.One[thing], error)) *http.ServeMux {
	envelope.Install()
	mux := http.NewServeMux()
	a := humago.New(mux, huma.Config{
		OpenAPI: &huma.OpenAPI{Info: &huma.Info{Title: "t", Version: "1"}}, Formats: envelope.Formats, DefaultFormat: "application/json",
	})
	huma.Register(a, huma.Operation{OperationID: "put", Method: http.MethodPut, Path: "/api/v1/things/{id}"}, h)
	return mux
}

type failure struct {
	Success bool              `json:"success"`
	Error   string            `json:"error"`
	Details map[string]string `json:"details"`
	Meta    struct {
		RequestID string `json:"request_id"`
	} `json:"meta"`
}

func TestErrorsHaveTheirStatus(t *testing.T) {
	t.Parallel()
	inner := errors.New("pq: secret internals")
	for name, tc := range map[string]struct {
		err    error
		status int
		text   string
		head   map[string]string
		level  string // of its log line
	}{
		"not found":    {fmt.Errorf("read: %w", store.ErrNotFound), 404, "not found", nil, "DEBUG"},
		"conflict":     {fmt.Errorf("%w: %w", store.ErrConflict, inner), 400, "not possible as things stand", nil, "DEBUG"},
		"unavailable":  {fmt.Errorf("%w: %w", store.ErrUnavailable, inner), 503, "the database is not available, try again later", map[string]string{"Retry-After": "5"}, "WARN"},
		"late":         {context.DeadlineExceeded, 503, "the answer took too long, try again later", map[string]string{"Retry-After": "5"}, "WARN"},
		"unknown":      {inner, 500, "internal error", nil, "ERROR"},
		"refused":      {envelope.Bad("no"), 400, "no", nil, "DEBUG"},
		"wrapped":      {fmt.Errorf("end call: %w", envelope.Missing("no such call")), 404, "no such call", nil, "DEBUG"},
		"unauthorised": {envelope.Unauthorised("who?"), 401, "who?", map[string]string{"WWW-Authenticate": `Bearer realm="parley"`}, "DEBUG"},
		"forbidden":    {envelope.Forbidden("a:b"), 403, "the key lacks the scope a:b", nil, "DEBUG"},
	} {
		front, log := behind(api(func(context.Context, *struct {
			envelope.Strict

			Body thing
		}) (*envelope.One[thing], error) {
			return nil, tc.err
		}))
		rec := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), "PUT", "/api/v1/things/1", strings.NewReader(`{"name":"a"}`))
		r.Header.Set("X-Request-Id", "mine")
		front.ServeHTTP(rec, r)
		var f failure
		if err := json.Unmarshal(rec.Body.Bytes(), &f); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if rec.Code != tc.status || f.Error != tc.text || f.Success || f.Meta.RequestID != "mine" {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
		for h, want := range tc.head {
			if got := rec.Header().Get(h); got != want {
				t.Errorf("%s: %s is %q, want %q", name, h, got, want)
			}
		}
		if strings.Contains(rec.Body.String(), "internals") {
			t.Errorf("%s: internals leave: %s", name, rec.Body)
		}
		var line struct {
			Level     string
			Err       string
			RequestID string `json:"request_id"`
			Route     string
		}
		if err := json.Unmarshal(log.Bytes(), &line); err != nil { // one line, no more
			t.Fatalf("%s: %v: %s", name, err, log)
		}
		if line.Level != tc.level || line.RequestID != "mine" || line.Route != "/api/v1/things/{id}" || (tc.level == "ERROR") != strings.Contains(line.Err, "secret internals") && tc.level != "WARN" {
			t.Errorf("%s: logged %s", name, log)
		}
	}
}

// aborted says whether a handler asked for its connection to be cut.
func aborted(handle func()) (cut bool) {
	defer func() { cut = recover() == http.ErrAbortHandler }() //nolint:errorlint // recover gives the very value
	handle()
	return false
}

func TestPanics(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /early", func(http.ResponseWriter, *http.Request) { panic("secret internals") })
	mux.HandleFunc("GET /late", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		panic("secret internals")
	})
	mux.HandleFunc("GET /plain", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "secret internals", http.StatusTeapot)
		panic("secret internals")
	})
	mux.HandleFunc("GET /abort", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	for path, want := range map[string]struct {
		status int
		body   string
		logged bool
		cut    bool
	}{
		"/early": {500, `"error":"internal error"`, true, false},
		"/late":  {200, "half", true, true},
		"/plain": {500, `"error":"internal error"`, true, false},
		"/abort": {200, "", false, true},
	} {
		front, log := behind(mux)
		rec := httptest.NewRecorder()
		cut := aborted(func() { front.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "GET", path, nil)) })
		if cut != want.cut {
			t.Errorf("%s: the connection is cut: %v, want %v", path, cut, want.cut)
		}
		if rec.Code != want.status || !strings.Contains(rec.Body.String(), want.body) || strings.Contains(rec.Body.String(), "secret") {
			t.Errorf("%s: %d %q", path, rec.Code, rec.Body)
		}
		if got := strings.Contains(log.String(), "secret internals"); got != want.logged {
			t.Errorf("%s: logged %s", path, log)
		}
		if strings.Count(log.String(), "\n") != 1 {
			t.Errorf("%s: not one line is logged: %s", path, log)
		}
	}
}

// TestLostBody breaks off in the middle of a body: that is the client's doing, and no internal error.
func TestLostBody(t *testing.T) {
	t.Parallel()
	front, log := behind(api(func(context.Context, *struct {
		envelope.Strict

		Body thing
	}) (*envelope.One[thing], error) {
		t.Error("half a body came through")
		return nil, errors.New("half a body")
	}))
	done := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(done)
		front.ServeHTTP(w, r)
	}))
	defer srv.Close()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "PUT /api/v1/things/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{\"name\":")
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	<-done
	if strings.Contains(log.String(), "ERROR") || !strings.Contains(log.String(), `"status":400`) {
		t.Errorf("logged: %s", log)
	}
}

func TestDetails(t *testing.T) {
	t.Parallel()
	front, _ := behind(api(func(ctx context.Context, in *struct {
		envelope.Strict

		Body thing
	}) (*envelope.One[thing], error) {
		return envelope.Give(ctx, in.Body), nil
	}))
	for body, want := range map[string]map[string]string{
		`{"name":"a"}`:                           nil,
		`{}`:                                     {"name": "is required"},
		`{"name":"abcd"}`:                        {"name": "expected length <= 3"},
		`{"name":1,"a.b":1,"c":1}`:               {"name": "expected string", "a.b": "unknown field", "c": "unknown field"},
		`{"name":"a","name":"b"}`:                {"body": `the field "name" is given twice`},
		`{"name":"a","x":{"y":[{"z":1,"z":2}]}}`: {"body": `the field "z" is given twice`},
		`{"name":`:                               {"body": "malformed JSON at byte 8: unexpected end of JSON input"},
		`{"name":"a"}}`:                          {"body": "malformed JSON at byte 13: invalid character '}' after top-level value"},
		`{"name":1e999}`:                         {"body": "a number 1e999 at byte 14 does not fit"},
		`[1]`:                                    {"body": "expected object"},
		`{"name":"a","x":[{"name":1},{"name":2}],"y":{"name":3}}`: {"x": "unknown field", "y": "unknown field"},
	} {
		rec := httptest.NewRecorder()
		front.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "PUT", "/api/v1/things/1", strings.NewReader(body)))
		var f failure
		if err := json.Unmarshal(rec.Body.Bytes(), &f); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, f.Details); diff != "" || (rec.Code == 400) != (want != nil) {
			t.Errorf("%s: %d; want - got +:\n%s", body, rec.Code, diff)
		}
	}
}

func TestTime(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", 3600)
	for at, want := range map[time.Time]string{
		{}: "null",
		time.Date(2024, 1, 1, 1, 0, 0, 999_999, zone):       `"2024-01-01T00:00:00.000Z"`,
		time.Date(2024, 1, 1, 0, 0, 0, 1_999_999, time.UTC): `"2024-01-01T00:00:00.001Z"`,
	} {
		got, err := json.Marshal(envelope.Time(at))
		if err != nil || string(got) != want {
			t.Errorf("%v is %s, %v; want %s", at, got, err, want)
		}
	}
}

func TestNoRequest(t *testing.T) {
	t.Parallel()
	if got := envelope.RequestID(t.Context()); got != "" {
		t.Errorf("outside of a request its id is %q", got)
	}
}

// TestAnswered: whoever wants to know what came of a request is told with its context, once, by its route.
func TestAnswered(t *testing.T) {
	t.Parallel()
	type key struct{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/things/{id}", func(http.ResponseWriter, *http.Request) {})
	front, _ := behind(mux)
	var told []string
	front.Answered = func(ctx context.Context, route, method string, status int) {
		told = append(told, fmt.Sprintf("%v %s %s %d", ctx.Value(key{}), method, route, status))
	}
	for i, r := range []*http.Request{
		httptest.NewRequest(http.MethodGet, "/api/v1/things/1", nil), httptest.NewRequest(http.MethodGet, "/api/v1/nothing", nil), httptest.NewRequest("BREW", "/api/v1/things/1", nil),
	} {
		front.ServeHTTP(httptest.NewRecorder(), r.WithContext(context.WithValue(t.Context(), key{}, i)))
	}
	if diff := cmp.Diff([]string{"0 GET /api/v1/things/{id} 200", "1 GET none 404", "2 other none 405"}, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}
