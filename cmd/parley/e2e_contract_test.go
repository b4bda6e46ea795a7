//go:build e2e

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/control/voice/voicetest"
)

// A contractRun holds one server against the contract, and keeps account of what of it was seen.
type contractRun struct {
	t *testing.T
	n *node
	c voicetest.Contract

	hooks *hooks

	mu   sync.Mutex
	open map[string]bool // items not seen yet

	agent, task, call string            // what curl examples name
	filters           map[string]string // values for query parameters that the page lists none of
}

// saw ticks an item off.
func (r *contractRun) saw(item string) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.open[item]; !known {
		r.t.Errorf("the test has seen %q, which the contract does not promise", item)
	}
	r.open[item] = false
}

// A reply is what the server answered.
type reply struct {
	status int
	head   http.Header
	body   []byte
	whole  map[string]any
	data   map[string]any   // of one thing
	rows   []map[string]any // of a list
}

// ask sends a request with the key, or with the headers given, and holds the answer against the envelope.
func (r *contractRun) ask(method, path, body string, head ...string) reply {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.n.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if len(head) == 0 {
		head = []string{"Authorization", "Bearer " + testKey}
	}
	for i := 0; i+1 < len(head); i += 2 {
		req.Header.Set(head[i], head[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	return r.read(method+" "+path, resp)
}

// read reads an answer and checks what all answers have.
func (r *contractRun) read(what string, resp *http.Response) reply {
	r.t.Helper()
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatalf("%s: %v", what, err)
	}
	a := reply{status: resp.StatusCode, head: resp.Header, body: text}
	for _, name := range r.c.RateLimit.Headers {
		if _, err := strconv.Atoi(a.head.Get(name)); err != nil {
			r.t.Errorf("%s: the header %s is %q", what, name, a.head.Get(name))
			continue
		}
		r.saw("header " + name)
	}
	if a.head.Get(r.c.RateLimit.Headers[0]) == strconv.Itoa(r.c.RateLimit.PerMinute) {
		r.saw("header limit " + strconv.Itoa(r.c.RateLimit.PerMinute))
	}
	if slices.Contains(r.c.Statuses, a.status) {
		r.saw("status " + strconv.Itoa(a.status))
	}
	if !strings.HasPrefix(a.head.Get("Content-Type"), "application/json") {
		return a
	}
	if err := json.Unmarshal(text, &a.whole); err != nil {
		r.t.Fatalf("%s: %v: %s", what, err, text)
	}
	kind, envelope := "success", r.c.Success
	if a.status >= 400 {
		kind, envelope = "error", r.c.Error
	}
	for _, path := range voicetest.Paths(envelope) {
		if v, ok := voicetest.At(a.whole, path); ok && v != "" {
			r.saw(kind + " " + path)
		} else if path != "details" { // of errors that are of fields
			r.t.Errorf("%s: %d without %s: %s", what, a.status, path, text)
		}
	}
	if a.whole["success"] != (a.status < 400) {
		r.t.Errorf("%s: %d with success %v", what, a.status, a.whole["success"])
	}
	a.data, _ = a.whole["data"].(map[string]any)
	if rows, ok := a.whole["data"].([]any); ok {
		for _, row := range rows {
			one, _ := row.(map[string]any)
			a.rows = append(a.rows, one)
		}
	}
	return a
}

// good asks for something that must succeed.
func (r *contractRun) good(method, path, body string, head ...string) reply {
	r.t.Helper()
	a := r.ask(method, path, body, head...)
	if a.status >= 300 {
		r.t.Fatalf("%s %s: %d %s", method, path, a.status, a.body)
	}
	return a
}

// bad asks for something that must fail, and names the fields that must be named.
func (r *contractRun) bad(status int, method, path, body string, fields ...string) {
	r.t.Helper()
	a := r.ask(method, path, body)
	if a.status != status {
		r.t.Errorf("%s %s %s: %d, want %d: %s", method, path, body, a.status, status, a.body)
	}
	details, _ := a.whole["details"].(map[string]any)
	for _, f := range fields {
		if details[f] == nil {
			r.t.Errorf("%s %s %s does not name %s: %s", method, path, body, f, a.body)
		}
	}
}

// op is the contract's operation of that name, and notes that it was touched.
func (r *contractRun) op(name string) voicetest.Operation {
	r.t.Helper()
	for _, op := range r.c.Operations {
		if op.Name() == name {
			r.saw(name)
			return op
		}
	}
	r.t.Fatalf("the contract has no %s", name)
	return voicetest.Operation{}
}

// keys holds an answer's data against the keys that the page documents.
func (r *contractRun) keys(op voicetest.Operation, data map[string]any) {
	r.t.Helper()
	for _, key := range op.Keys {
		if _, ok := data[key]; !ok {
			r.t.Errorf("%s: no data.%s in %v", op.Name(), key, data)
			continue
		}
		r.saw(op.Name() + " data." + key)
	}
}

// echo checks that what was sent came back.
func (r *contractRun) echo(op voicetest.Operation, what, sent string, data map[string]any) {
	r.t.Helper()
	var fields map[string]any
	if err := json.Unmarshal([]byte(sent), &fields); err != nil {
		r.t.Fatal(err)
	}
	for name, want := range fields {
		if diff := cmp.Diff(want, data[name]); diff != "" {
			r.t.Errorf("%s: %s came back otherwise: -sent +got:\n%s", op.Name(), name, diff)
			continue
		}
		if item := op.Name() + " " + what + " " + name; what != "" {
			r.saw(item)
		}
	}
}

// replacer puts this server and its things in the places of the page's.
func (r *contractRun) replacer() *strings.Replacer {
	return strings.NewReplacer("https://your-domain.com", r.n.url, "va_your_api_key_here", testKey, "va_your_api_key", testKey, "uuid-here", r.agent, "{call_id}", r.call)
}

// curl runs a command of the page, as it stands there but for those places, in a shell.
func (r *contractRun) curl(command string) reply {
	r.t.Helper()
	home := r.t.TempDir()
	if err := os.WriteFile(filepath.Join(home, ".curlrc"), []byte("silent\nshow-error\ninclude\nnoproxy = *\n"), 0o600); err != nil {
		r.t.Fatal(err)
	}
	cmd := exec.CommandContext(r.t.Context(), "sh", "-c", r.replacer().Replace(command))
	cmd.Env = append(os.Environ(), "CURL_HOME="+home)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		r.t.Fatalf("%s\n%v: %s (curl is of the Debian package curl: make setup)", command, err, errs.String())
	}
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(out)), nil)
	if err != nil {
		r.t.Fatalf("%s\nanswered %q: %v", command, out, err)
	}
	return r.read(command, resp)
}

// example runs an operation's curl example.
func (r *contractRun) example(name string, status int) reply {
	r.t.Helper()
	op := r.op(name)
	a := r.curl(op.Command)
	if a.status != status {
		r.t.Fatalf("%s: %d, want %d: %s", op.Command, a.status, status, a.body)
	}
	r.saw(name + " curl")
	return a
}

// list holds a list against its page: rows, meta, and every parameter.
func (r *contractRun) list(name string) {
	r.t.Helper()
	op := r.op(name)
	path := r.c.Base + op.Path
	a := r.good(op.Method, path, "")
	for _, key := range r.c.ListMeta {
		if _, ok := voicetest.At(a.whole, "meta."+key); !ok {
			r.t.Errorf("%s: no meta.%s", name, key)
			continue
		}
		r.saw("list meta." + key)
	}
	if len(a.rows) == 0 {
		r.t.Fatalf("%s: no rows", name)
	}
	r.keys(op, a.rows[0])
	for _, q := range op.Query {
		r.parameter(op, path, q, a)
	}
	r.bad(http.StatusBadRequest, op.Method, path+"?nonsense=1&limit=x", "", "nonsense", "limit")
}

// parameter tries one parameter: each value, the default, the bound, and nonsense.
func (r *contractRun) parameter(op voicetest.Operation, path string, q voicetest.Parameter, plain reply) {
	r.t.Helper()
	item := op.Name() + " ?" + q.Name
	values := q.Values
	if v, ok := r.filters[q.Name]; ok {
		values = []string{v}
	}
	for _, value := range values {
		a := r.good(op.Method, path+"?"+q.Name+"="+url.QueryEscape(value), "")
		if len(a.rows) == 0 && value != "false" {
			r.t.Errorf("%s=%s finds nothing", item, value)
		}
		for _, row := range a.rows {
			if got := fmt.Sprint(row[q.Name]); got != value {
				r.t.Errorf("%s=%s finds one whose %s is %s", item, value, q.Name, got)
			}
		}
		if slices.Contains(q.Values, value) {
			r.saw(item + "=" + value)
		}
	}
	if len(values) > 0 {
		r.bad(http.StatusBadRequest, op.Method, path+"?"+q.Name+"=nonsense", "", q.Name)
	}
	if q.Default != nil {
		if got, _ := voicetest.At(plain.whole, "meta."+q.Name); got != float64(*q.Default) {
			r.t.Errorf("%s is %v by default, want %d", item, got, *q.Default)
		}
		a := r.good(op.Method, path+"?"+q.Name+"=1", "")
		if got, _ := voicetest.At(a.whole, "meta."+q.Name); got != 1.0 || q.Name == "limit" && len(a.rows) != 1 {
			r.t.Errorf("%s=1 gives %d rows, meta %v", item, len(a.rows), got)
		}
		r.saw(item + " default")
	}
	if q.Max != nil {
		r.good(op.Method, fmt.Sprintf("%s?%s=%d", path, q.Name, *q.Max), "")
		r.bad(http.StatusBadRequest, op.Method, fmt.Sprintf("%s?%s=%d", path, q.Name, *q.Max+1), "", q.Name)
		r.saw(item + " max")
	}
	r.saw(item)
}

// status waits until something at a path has a status.
func (r *contractRun) status(path, want string) reply {
	r.t.Helper()
	var a reply
	looks := 0
	until(r.t, time.Minute, path+" is "+want, func() bool {
		if looks++; looks%10 != 1 { // a key has 1,000 requests a minute
			return false
		}
		a = r.good(http.MethodGet, path, "")
		return a.data["status"] == want
	})
	kind := "task_status "
	if strings.Contains(path, "/calls/") {
		kind = "call_status "
	}
	r.saw(kind + want)
	return a
}

// TestContract holds the real server against the page, to the letter: every operation is touched, every example runs as it is printed,
// every key, word, status, header and message is seen.
func TestContract(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, env []string) {
		r := newContractRun(t, env)
		r.agents()
		r.tasks()
		r.calls()
		r.sessions()
		r.errors()
		r.deletes()

		var left []string
		for item, open := range r.open {
			if open {
				left = append(left, item)
			}
		}
		slices.Sort(left)
		t.Logf("%d of %d items of the contract were seen", len(r.open)-len(left), len(r.open))
		for _, item := range left {
			t.Errorf("not seen: %s", item)
		}
	})
}
