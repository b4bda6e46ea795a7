package httptool_test

import (
	"bytes"
	"compress/gzip"
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
	"sync/atomic"
	"testing"
	"time"

	"parley/pipeline"
	. "parley/providers/httptool"
)

// secrets are what the tests' operator has.
func secrets(origin, name string) (string, error) {
	if name == "THEIRS" && origin != "https://theirs.example.com:8443" {
		return "", fmt.Errorf("is not for %q", origin)
	}
	s, ok := map[string]string{"KEY": "k-7&2/9", "USER": "operator", "PASSWORD": "open sesame", "THEIRS": "k-7"}[name]
	if !ok {
		return "", ErrNoSecret
	}
	return s, nil
}

// client may ask this machine, if it is allowed to.
func client(t *testing.T, log io.Writer, allow ...string) *Client {
	t.Helper()
	c, err := New(Options{Allow: allow, Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func compile(t *testing.T, c *Client, d Definition) pipeline.Tool {
	t.Helper()
	if d.Name == "" {
		d.Name, d.Description = "orders", "Looks up orders."
	}
	made, err := c.Compile(d, secrets)
	if err != nil {
		t.Fatal(err)
	}
	return made.For(map[string]string{"from": "+442071234567", "id": "CA1"})
}

const parameters = `{"type":"object","properties":{"order":{"type":"string"},"n":{"type":"integer"},"note":{"type":"string"},"tags":{"type":"array","items":{"type":"string"}}}}`

// What arrives at the server, whatever a model puts into the places.
func TestRequest(t *testing.T) {
	t.Parallel()
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = r.Method + " " + r.RequestURI + " " + string(body)
		for _, h := range []string{"Authorization", "X-Key", "X-Note", "X-Caller", "Content-Type"} {
			if v := r.Header.Get(h); v != "" {
				got += " " + h + ": " + v
			}
		}
		fmt.Fprint(w, "ok")
	}))
	defer server.Close()
	c := client(t, io.Discard, "127.0.0.1")
	for name, tt := range map[string]struct {
		d    Definition
		args string
		want string // or after ! in the error, and nothing arrives
	}{
		"plain":                      {Definition{URL: "/orders"}, ``, "GET /orders "},
		"without a path":             {Definition{}, ``, "GET / "},
		"path":                       {Definition{URL: "/orders/{{order}}/items"}, `{"order":"a b"}`, "GET /orders/a%20b/items "},
		"path that climbs":           {Definition{URL: "/orders/{{order}}"}, `{"order":"../admin?x=1#y"}`, "GET /orders/..%2Fadmin%3Fx=1%23y "},
		"path that only climbs":      {Definition{URL: "/orders/{{order}}/items"}, `{"order":".."}`, `!".." cannot be part of the address`},
		"path that is half a climb":  {Definition{URL: "/orders/.{{order}}/items"}, `{"order":"."}`, `!".." cannot be part`},
		"path that is missing":       {Definition{URL: "/orders/{{order}}"}, `{}`, "!one that is part of the address is missing"},
		"path with a default":        {Definition{URL: "/orders/{{order|latest}}"}, `{}`, "GET /orders/latest "},
		"path with an escape":        {Definition{URL: "/a%2Fb/{{order}}"}, `{"order":"1"}`, "GET /a%2Fb/1 "},
		"query":                      {Definition{URL: "/find?q={{note}}&all=true"}, `{"note":"a&b=c#d é"}`, "GET /find?all=true&q=a%26b%3Dc%23d+%C3%A9 "},
		"query that is missing":      {Definition{URL: "/find?q={{note}}"}, `{}`, "GET /find "},
		"query besides":              {Definition{URL: "/find", Query: map[string]string{"q": "{{n}} of {{tags}}"}}, `{"n":"3","tags":["a","b"]}`, "GET /find?q=3+of+a%2Cb "},
		"secret in a query":          {Definition{URL: "/find?key=${secret:KEY}"}, ``, "GET /find?key=k-7%262%2F9 "},
		"header":                     {Definition{Headers: map[string]string{"x-note": "{{note}}"}}, `{"note":"a\r\nX-Key: b"}`, "GET /  X-Note: a  X-Key: b"},
		"caller":                     {Definition{Headers: map[string]string{"X-Caller": "{{call.from}} {{call.to|nobody}}"}}, `{}`, "GET /  X-Caller: +442071234567 nobody"},
		"caller by a model":          {Definition{Headers: map[string]string{"X-Caller": "{{call.from}} {{call.to|nobody}}"}}, `{"call.from":"me","call.to":"you"}`, "GET /  X-Caller: +442071234567 nobody"},
		"bearer":                     {Definition{Auth: Auth{Bearer: "${secret:KEY}"}}, ``, "GET /  Authorization: Bearer k-7&2/9"},
		"basic":                      {Definition{Auth: Auth{User: "${secret:USER}", Password: "${secret:PASSWORD}"}}, ``, "GET /  Authorization: Basic b3BlcmF0b3I6b3BlbiBzZXNhbWU="},
		"header of one's own":        {Definition{Auth: Auth{Header: "X-Key", Value: "${secret:KEY}"}}, ``, "GET /  X-Key: k-7&2/9"},
		"secret wished for":          {Definition{URL: "/find?q={{note}}"}, `{"note":"${secret:KEY}"}`, "GET /find?q=%24%7Bsecret%3AKEY%7D "},
		"place wished for":           {Definition{URL: "/find?q={{note}}"}, `{"note":"{{order}}","order":"1"}`, "GET /find?q=%7B%7Border%7D%7D "},
		"body":                       {Definition{Body: json.RawMessage(`{"order":"{{order}}","n":"{{n}}","tags":"{{tags}}","by":"call {{call.id}}","fixed":[1.50,null,true]}`)}, `{"order":"a\"},{<b>","n":7,"tags":["x"]}`, `POST / {"by":"call CA1","fixed":[1.50,null,true],"n":7,"order":"a\"},{<b>","tags":["x"]} Content-Type: application/json`},
		"body with gaps":             {Definition{Method: "PUT", Body: json.RawMessage(`{"order":"{{order}}","note":"n: {{note}}","list":["{{n}}",{"n":"{{n}}"}]}`)}, `{}`, `PUT / {"list":[{}],"note":"n: "} Content-Type: application/json`},
		"form":                       {Definition{Form: map[string]string{"a": "{{note}}", "b": "{{order}}"}}, `{"note":"x&y=z"}`, "POST / a=x%26y%3Dz Content-Type: application/x-www-form-urlencoded"},
		"wrong arguments":            {Definition{URL: "/find?q={{n}}"}, `{"n":"many"}`, "!n: want a whole number, got \"many\""},
		"arguments that are no JSON": {Definition{}, `{`, "!no JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			d := tt.d
			d.URL, d.Parameters, got = server.URL+d.URL, json.RawMessage(parameters), ""
			result, _, err := compile(t, c, d).Run(t.Context(), json.RawMessage(tt.args))
			if fault, bad := strings.CutPrefix(tt.want, "!"); bad {
				if err == nil || !strings.Contains(err.Error(), fault) || got != "" {
					t.Errorf("%q %v, and there arrived %q: want %q", result, err, got, tt.want)
				}
			} else if err != nil || result != "ok" || got != tt.want {
				t.Errorf("%q %v\ngot  %s\nwant %s", result, err, got, tt.want)
			}
		})
	}
}

// A server that does what servers do: what the model is told.
func TestAnswers(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	says := func(path, kind, body string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			fmt.Fprint(w, body)
		})
	}
	goes := func(path, to string, code int) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, code) })
	}
	fails := func(path string, code int, body string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code); fmt.Fprint(w, body) })
	}
	says("/json", "application/json", "{\n \"name\": \"Ana\", \"items\": [ {\"price\": 1.50, \"name\": \"a\"}, {\"name\": \"b\"} ], \"n\": 12345678901234567890 }")
	says("/text", "text/plain; charset=utf-8", " Two\ttables\nare \x1b[31mfree. ")
	says("/html", "text/html", "<p>Hello</p>")
	says("/empty", "application/json", "")
	says("/binary", "application/octet-stream", "\x00\x01\x02")
	says("/latin", "text/plain", "caf\xe9")
	says("/huge", "text/plain", strings.Repeat("é", 5000))
	says("/hugejson", "application/json", `{"name":"`+strings.Repeat("a", 2<<20)+`"}`)
	says("/json-by-html", "text/html; charset=utf-8", "\uFEFF{\"name\": 1}")
	says("/html-by-json", "application/json", "<!doctype html><p>Sign in</p>")
	says("/echo-cut", "text/plain", strings.Repeat("a", 1020)+"k-7&2/9 and more")
	says("/echo-json", "application/json", `{"key":"k-7\u00262/9","again":"k-7&2\/9","auth":"Bearer k-7&2/9"}`)
	says("/echo", "text/plain", "You sent k-7&2/9, or k-7%262%2F9, as Bearer k-7&2/9.")
	fails("/500", 500, "database down")
	fails("/404", 404, `{"error": "no such order"}`)
	fails("/503", 503, strings.Repeat("a", 9000))
	fails("/204", 204, "")
	fails("/echo500", 500, "key k-7&2/9 is not valid")
	goes("/here", "/text", 302)
	goes("/round", "/round", 302)
	goes("/metadata", "http://169.254.169.254/latest/meta-data", 302)
	goes("/elsewhere", "https://example.com/", 307)
	mux.HandleFunc("/gzip", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		for range 4 << 10 {
			_, _ = z.Write(bytes.Repeat([]byte("0"), 4<<10)) // 16 MiB of it
		}
		_ = z.Close()
	})
	mux.HandleFunc("/breaks", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, "half")
	})
	mux.HandleFunc("/garbage", func(w http.ResponseWriter, _ *http.Request) {
		conn, _, _ := http.NewResponseController(w).Hijack()
		fmt.Fprint(conn, "\x16\x03\x01 what is this\r\n\r\n")
		_ = conn.Close()
	})
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/drips", func(w http.ResponseWriter, r *http.Request) {
		for drip := time.NewTicker(5 * time.Millisecond); ; {
			fmt.Fprint(w, ".")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-drip.C:
			case <-r.Context().Done():
				drip.Stop()
				return
			}
		}
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	var log bytes.Buffer
	c := client(t, &log, "127.0.0.0/8")
	fields := func(f ...string) Definition { return Definition{Fields: f} }
	quick := Definition{Timeout: 150 * time.Millisecond}
	for path, tt := range map[string]struct {
		d    Definition
		want string // or after ! in the error
	}{
		"/json":                  {Definition{}, `{"name":"Ana","items":[{"price":1.50,"name":"a"},{"name":"b"}],"n":12345678901234567890}`},
		"/json?fields":           {fields("name", "items[0].price", "items[].name", "items[9].name", "n", "name.x"), `{"items[0].price":1.50,"items[].name":["a","b"],"n":12345678901234567890,"name":"Ana"}`},
		"/json?none":             {fields("address"), "!has none of: address"},
		"/text":                  {Definition{}, "Two\ttables\nare [31mfree."},
		"/text?fields":           {fields("name"), "!is no JSON"},
		"/html":                  {Definition{}, "!a web page instead of data"},
		"/json-by-html":          {Definition{}, `{"name":1}`},
		"/html-by-json":          {Definition{}, "!a web page instead of data"},
		"/echo-cut":              {Definition{Limit: 1024, Auth: Auth{Bearer: "${secret:KEY}"}}, strings.Repeat("a", 1020) + " [cut off here: the answer is longer than 1024 bytes]"},
		"/echo-json":             {Definition{Auth: Auth{Bearer: "${secret:KEY}"}}, `{"key":"[secret]","again":"[secret]","auth":"Bearer [secret]"}`},
		"/echo-json?fields":      {Definition{Fields: []string{"key", "again"}, Auth: Auth{Bearer: "${secret:KEY}"}}, `{"again":"[secret]","key":"[secret]"}`},
		"/empty":                 {Definition{}, "Done. The server answered 200 OK, and nothing else."},
		"/204":                   {Definition{}, "Done. The server answered 204 No Content, and nothing else."},
		"/binary":                {Definition{}, "!something that is no text"},
		"/latin":                 {Definition{}, "!something that is no text"},
		"/huge":                  {Definition{Limit: 1025}, strings.Repeat("é", 512) + " [cut off here: the answer is longer than 1025 bytes]"},
		"/hugejson":              {fields("name"), "!too long to find anything in it"},
		"/gzip":                  {Definition{Limit: 1024}, strings.Repeat("0", 1024) + " [cut off here: the answer is longer than 1024 bytes]"},
		"/echo":                  {Definition{Auth: Auth{Bearer: "${secret:KEY}"}}, "You sent [secret], or [secret], as Bearer [secret]."},
		"/echo500":               {Definition{Auth: Auth{Bearer: "${secret:KEY}"}}, "!the server answered 500 Internal Server Error: key [secret] is not valid"},
		"/500":                   {Definition{}, "!the server answered 500 Internal Server Error: database down"},
		"/404":                   {Definition{}, `!the server answered 404 Not Found: {"error":"no such order"}`},
		"/503":                   {Definition{}, "!the server answered 503 Service Unavailable: aaa"},
		"/here":                  {Definition{}, "Two\ttables\nare [31mfree."},
		"/round":                 {Definition{}, "!sent us to another place"},
		"/metadata":              {Definition{}, "!sent us to another place, which is not followed"},
		"/elsewhere":             {Definition{Body: json.RawMessage(`{}`)}, "!sent us to another place, which is not followed"},
		"/breaks":                {Definition{}, "!the connection to the server broke"},
		"/garbage?${secret:KEY}": {Definition{Auth: Auth{Bearer: "${secret:KEY}"}}, "!the connection to the server broke"},
		"/slow":                  {quick, "!the server did not answer within 150ms"},
		"/drips":                 {quick, "!the server did not answer within 150ms"},
	} {
		d := tt.d
		d.URL = server.URL + path
		result, do, err := compile(t, c, d).Run(t.Context(), nil)
		if fault, bad := strings.CutPrefix(tt.want, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), fault) || len(err.Error()) > 1200 {
				t.Errorf("%s: %q %v: want %q", path, result, err, tt.want)
			}
		} else if err != nil || do != nil || result != tt.want {
			t.Errorf("%s: %.200q %v: want %.200q", path, result, err, tt.want)
		}
	}
	if s := log.String(); strings.Contains(s, "k-7") || strings.Contains(s, "sesame") || !strings.Contains(s, "tool request failed") {
		t.Errorf("the log says:\n%s", s)
	}
}

// Cancelling ends a request at once.
func TestCancelled(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { close(asked); <-r.Context().Done() }))
	defer server.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() { <-asked; cancel(pipeline.ErrBargeIn) }()
	tool := compile(t, client(t, io.Discard, "127.0.0.1"), Definition{URL: server.URL, Cancellable: true})
	if _, _, err := tool.Run(ctx, nil); err == nil || err.Error() != pipeline.ErrBargeIn.Error() || tool.Firm {
		t.Errorf("%v, firm %v", err, tool.Firm)
	}
}

// A request that does no harm is made once more when the connection broke; no other is.
func TestRetry(t *testing.T) {
	t.Parallel()
	for method, want := range map[string]int32{"GET": 2, "PUT": 2, "DELETE": 2, "POST": 1, "PATCH": 1} {
		var asked atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if asked.Add(1) == 1 {
				conn, _, _ := http.NewResponseController(w).Hijack()
				_ = conn.Close()
				return
			}
			fmt.Fprint(w, "ok")
		}))
		result, _, err := compile(t, client(t, io.Discard, "127.0.0.1"), Definition{URL: server.URL, Method: method}).Run(t.Context(), nil)
		if asked.Load() != want || (want == 2) != (err == nil && result == "ok") {
			t.Errorf("%s: asked %d times, %q %v: want %d times", method, asked.Load(), result, err, want)
		}
		server.Close()
	}
}

// Nobody but the public is asked, by whatever name, unless the operator allows it.
func TestPrivate(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }))
	defer server.Close()
	port := server.URL[strings.LastIndexByte(server.URL, ':'):]
	for _, tt := range []struct {
		url   string
		allow string
		want  bool
	}{
		{"http://127.0.0.1" + port, "", false},
		{"http://localhost" + port, "", false},
		{"http://127.1.2.3" + port, "", false},
		{"http://[::ffff:127.0.0.1]" + port, "", false},
		{"http://0.0.0.0" + port, "", false},
		{"http://10.0.0.1", "", false},
		{"http://169.254.169.254/latest/meta-data", "", false},
		{"http://[fd00:ec2::254]/", "", false},
		{"http://127.0.0.1" + port, "127.0.0.1", true},
		{"http://127.0.0.1" + port, "127.0.0.0/8", true},
		{"http://[::ffff:127.0.0.1]" + port, "127.0.0.1", true},
		{"http://localhost" + port, "LOCALHOST", true},
		{"http://localhost" + port, "localhost" + port, true},
		{"http://localhost" + port, "localhost:1", false},
		{"http://127.0.0.1" + port, "10.0.0.0/8", false},
	} {
		var allow []string
		if tt.allow != "" {
			allow = []string{tt.allow}
		}
		result, _, err := compile(t, client(t, io.Discard, allow...), Definition{URL: tt.url}).Run(t.Context(), nil)
		if got := err == nil && result == "ok"; got != tt.want || !got && !strings.Contains(err.Error(), "private address") {
			t.Errorf("%s, allowed %q: %q %v: want %v", tt.url, tt.allow, result, err, tt.want)
		}
	}
}

func TestAllowRefused(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "10.0.0.0/99", "*.example.com", "http://x", "a b"} {
		if _, err := New(Options{Allow: []string{bad}}); err == nil || !strings.Contains(err.Error(), "allow") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestNobodyThere(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + ln.Addr().String()
	_ = ln.Close()
	c := client(t, io.Discard, "127.0.0.1")
	if _, _, err := compile(t, c, Definition{URL: url}).Run(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "it is down") {
		t.Errorf("nobody listens: %v", err)
	}
	server := httptest.NewTLSServer(http.NotFoundHandler())
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	defer server.Close()
	if _, _, err := compile(t, c, Definition{URL: server.URL}).Run(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("nobody vouches for it: %v", err)
	}
}

func TestDefinitionRefused(t *testing.T) {
	t.Parallel()
	good := Definition{Name: "orders", Description: "Looks up orders.", URL: "https://example.com", Parameters: json.RawMessage(parameters)}
	with := func(change func(*Definition)) Definition { d := good; change(&d); return d }
	for want, d := range map[string]Definition{
		"":                            good,
		`name is "Look up"`:           with(func(d *Definition) { d.Name = "Look up" }),
		"description is missing":      with(func(d *Definition) { d.Description = " " }),
		"timeout is 2m0s":             with(func(d *Definition) { d.Timeout = 2 * time.Minute }),
		"timeout is 1ms":              with(func(d *Definition) { d.Timeout = time.Millisecond }),
		"limit is 12":                 with(func(d *Definition) { d.Limit = 12 }),
		`fields: "a..b" is no path`:   with(func(d *Definition) { d.Fields = []string{"a..b"} }),
		`method is "FETCH"`:           with(func(d *Definition) { d.Method = "FETCH" }),
		"method is GET: want no body": with(func(d *Definition) { d.Method, d.Body = "GET", json.RawMessage(`{}`) }),
		"body and form":               with(func(d *Definition) { d.Body, d.Form = json.RawMessage(`{}`), map[string]string{"a": "b"} }),
		"body: ":                      with(func(d *Definition) { d.Body = json.RawMessage(`{`) }),
		"no places in names":          with(func(d *Definition) { d.Body = json.RawMessage(`{"{{order}}":1}`) }),
		"url: want https://host/path": with(func(d *Definition) { d.URL = "ftp://example.com" }),
		"url: scheme, host":           with(func(d *Definition) { d.URL = "https://{{order}}.example.com/" }),
		"url: scheme, host and port":  with(func(d *Definition) { d.URL = "https://me@example.com/" }),
		"url: want no fragment":       with(func(d *Definition) { d.URL = "https://example.com/#{{order}}" }),
		"url: \"%zz\"":                with(func(d *Definition) { d.URL = "https://example.com/%zz" }),
		"url: {{who}}: parameters has no such property":       with(func(d *Definition) { d.URL = "https://example.com/{{who}}" }),
		"query: q is in the url":                              with(func(d *Definition) { d.URL, d.Query = "https://example.com/?q=1", map[string]string{"q": "2"} }),
		"secret NOPE is not configured":                       with(func(d *Definition) { d.Auth.Bearer = "${secret:NOPE}" }),
		`url: secret THEIRS is not for "https://example.com"`: with(func(d *Definition) { d.URL = "https://example.com/${secret:THEIRS}" }),
		`secret THEIRS is not for "https://theirs.example.com"`: with(func(d *Definition) {
			d.URL, d.Body = "https://theirs.example.com/", json.RawMessage(`{"a":["${secret:THEIRS}"]}`)
		}),
		`auth: secret THEIRS is not for "http://theirs.example.com:8443"`: with(func(d *Definition) { d.URL, d.Auth.Bearer = "http://theirs.example.com:8443/", "${secret:THEIRS}" }),
		`headers: secret THEIRS is not for ""`: with(func(d *Definition) {
			d.URL, d.Headers = "https://me@theirs.example.com:8443/", map[string]string{"X-Key": "${secret:THEIRS}"}
		}),
		"a place that is not closed":       with(func(d *Definition) { d.URL = "https://example.com/{{order" }),
		"auth: want one of":                with(func(d *Definition) { d.Auth = Auth{Bearer: "a", User: "b"} }),
		"auth: want no argument":           with(func(d *Definition) { d.Auth = Auth{User: "{{order}}"} }),
		`headers: "Host" cannot be set`:    with(func(d *Definition) { d.Headers = map[string]string{"Host": "internal"} }),
		"auth: Authorization is set twice": with(func(d *Definition) { d.Headers, d.Auth.Bearer = map[string]string{"authorization": "x"}, "y" }),
		`auth: "" cannot be set`:           with(func(d *Definition) { d.Auth.Value = "x" }),
		`headers: "a b" cannot be set`:     with(func(d *Definition) { d.Headers = map[string]string{"a b": "c"} }),
		"parameters: schema":               with(func(d *Definition) { d.Parameters = json.RawMessage(`{"type":"object","oneOf":[]}`) }),
		`parameters: "call.from"`: with(func(d *Definition) {
			d.Parameters = json.RawMessage(`{"type":"object","properties":{"call.from":{"type":"string"}}}`)
		}),
	} {
		_, err := client(t, io.Discard).Compile(d, secrets)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v: want %q", err, want)
		}
		if err != nil && strings.Contains(err.Error(), "k-7") {
			t.Errorf("a secret is told: %v", err)
		}
	}
	if _, err := client(t, io.Discard).Compile(with(func(d *Definition) { d.Auth.Bearer = "${secret:KEY}" }), nil); err == nil || errors.Is(err, context.Canceled) {
		t.Error("a secret came from nowhere")
	}
}
