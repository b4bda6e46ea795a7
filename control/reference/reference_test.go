package reference_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"parley/control/reference"
)

// A thing is what the little API of these tests serves.
type thing struct {
	ID    string   `json:"id" format:"uuid"`
	Name  string   `json:"name" doc:"What it is <called>." example:"O'Brien's"`
	Parts []part   `json:"parts"`
	Inner *thing   `json:"inner,omitempty" doc:"Another one in it."`
	State string   `json:"state" enum:"new,old"`
	Tags  []string `json:"tags,omitempty"`
}

type part struct {
	Weight float64 `json:"weight" minimum:"0.5"`
	At     string  `json:"at" format:"date-time"`
}

// little is an API of two operations.
func little(server string) *huma.OpenAPI {
	r := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	ref := r.Schema(reflect.TypeFor[thing](), true, "")
	api := &huma.OpenAPI{
		OpenAPI: "3.1.0", Info: &huma.Info{Title: "Little", Version: "7", Description: "Of **things** <script>alert(1)</script>.\n\n| a | b |\n|---|---|\n| 1 | 2 |"},
		Servers: []*huma.Server{{URL: server}}, Components: &huma.Components{Schemas: r},
		Tags: []*huma.Tag{{Name: "Big things", Description: "All of them."}, {Name: "None"}},
	}
	answer := map[string]*huma.Response{
		"200": {Description: "It", Content: map[string]*huma.MediaType{"application/json": {Schema: ref, Example: reference.Example(r, ref)}}},
		"404": {Description: "There is none"},
	}
	api.AddOperation(&huma.Operation{
		Method: "GET", Path: "/things/{id}", OperationID: "get-thing", Tags: []string{"Big things"}, Summary: "Get a thing",
		Security: []map[string][]string{{"key": {"things:read"}}}, Responses: answer,
		Parameters: []*huma.Param{
			{Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: "string"}},
			{Name: "full", In: "query", Description: "With all its parts.", Schema: &huma.Schema{Type: "boolean"}},
			{Name: "If-Match", In: "header", Schema: &huma.Schema{Type: "string"}},
		},
	})
	api.AddOperation(&huma.Operation{
		Method: "POST", Path: "/things", OperationID: "make-thing", Tags: []string{"Big things"}, Summary: "Make a thing",
		Security: []map[string][]string{{"session": {}}}, Responses: answer,
		RequestBody: &huma.RequestBody{Content: map[string]*huma.MediaType{
			"application/json": {Schema: ref, Example: json.RawMessage(`{"name": "O'Brien's", "state": "new"}`)},
		}},
	})
	return api
}

// serve serves the reference of the little API.
func serve(t *testing.T, server string) func(path string) (*http.Response, string) {
	t.Helper()
	r := reference.New(little(server), slog.New(slog.DiscardHandler))
	mux := http.NewServeMux()
	r.Mount(mux)
	return func(path string) (*http.Response, string) {
		t.Helper()
		rec := httptest.NewRecorder()
		mux.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		resp := rec.Result()
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d, %v", path, resp.StatusCode, err)
		}
		return resp, string(text)
	}
}

// TestPage: what a person needs is on the page, the page loads nothing but its own files, and no text of the description becomes code.
func TestPage(t *testing.T) {
	t.Parallel()
	get := serve(t, "https://voice.example.com")
	resp, html := get("/docs")
	for _, want := range []string{
		`<article id="get-thing">`, `<article id="make-thing">`, "<strong>things</strong>", "<td>1</td>", "parts[].weight", "inner.name",
		"string: new, old", "an API key with the scope things:read", "a session&#39;s cookie", `id="search"`,
		"curl &#34;$PARLEY_URL/things/$ID&#34;", "-H &#34;Authorization: Bearer $PARLEY_API_KEY&#34;", `O&#39;\&#39;&#39;Brien&#39;\&#39;&#39;s`, "-b cookies.txt",
		"What it is &lt;called&gt;.", "/ws/calls/{id}", "transcript_update", "call_completed", "With all its parts.",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(html, "alert(1)</script>") || strings.Contains(html, " style=") || regexp.MustCompile(`\son\w+=`).MatchString(html) {
		t.Error("the page has code or style of its own, which its policy forbids")
	}
	for _, m := range regexp.MustCompile(`(?:src|rel="stylesheet" href)="([^"]*)"`).FindAllStringSubmatch(html, -1) {
		get(m[1])
	}
	if external := regexp.MustCompile(`(?:src|href)="(?:https?:)?//[^"]*"`).FindString(html); external != "" {
		t.Errorf("the page leads away: %s", external)
	}
	csp := resp.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "style-src 'self'", "script-src 'self'", "frame-ancestors 'none'"} {
		if !strings.Contains(csp, want) || strings.Contains(csp, "unsafe") {
			t.Errorf("the policy is %q", csp)
		}
	}
	_, css := get("/docs/page.css")
	if !strings.Contains(css, "prefers-color-scheme: dark") || strings.Contains(css, "url(") {
		t.Error("the style has no dark side, or loads something")
	}
	if strings.Contains(css+html, "<no value>") {
		t.Error("the page has holes")
	}
}

// TestPagesAreCached: a browser that has a page asks only whether it is still the same.
func TestPagesAreCached(t *testing.T) {
	t.Parallel()
	r := reference.New(little("/"), slog.New(slog.DiscardHandler))
	mux := http.NewServeMux()
	r.Mount(mux)
	for _, path := range r.Paths() {
		first := httptest.NewRecorder()
		mux.ServeHTTP(first, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		again := httptest.NewRecorder()
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		req.Header.Set("If-None-Match", first.Header().Get("ETag"))
		mux.ServeHTTP(again, req)
		if first.Code != http.StatusOK || again.Code != http.StatusNotModified || first.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d, then %d", path, first.Code, again.Code)
		}
	}
}

// TestAsyncAPI holds asyncapi.json against AsyncAPI's own schema, its examples against its payloads, and its references against what
// there is.
func TestAsyncAPI(t *testing.T) {
	t.Parallel()
	for server, want := range map[string]string{
		"https://voice.example.com": `{"host":"voice.example.com","protocol":"wss"}`, "http://10.0.0.1:80": `{"host":"10.0.0.1:80","protocol":"ws"}`,
		"/": `{"host":"localhost:8080","protocol":"ws"}`,
	} {
		_, text := serve(t, server)("/asyncapi.json")
		if !strings.Contains(text, want) || !strings.Contains(text, `"version":"7"`) {
			t.Errorf("%s: the server is not %s", server, want)
		}
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		published, err := os.ReadFile("testdata/asyncapi-3.0.0.schema.json")
		if err != nil {
			t.Fatal(err)
		}
		schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(published))
		if err != nil {
			t.Fatal(err)
		}
		c := jsonschema.NewCompiler()
		for name, resource := range map[string]any{"published.json": schema, "asyncapi.json": doc} {
			if err := c.AddResource(name, resource); err != nil {
				t.Fatal(err)
			}
		}
		whole, err := c.Compile("published.json")
		if err != nil {
			t.Fatal(err)
		}
		if err := whole.Validate(doc); err != nil {
			t.Error(err)
		}
		for _, m := range regexp.MustCompile(`"\$ref":"#([^"]*)"`).FindAllStringSubmatch(text, -1) {
			if at(doc, m[1]) == nil {
				t.Errorf("nothing is at %s", m[1])
			}
		}
		checkExamples(t, c, doc)
	}
}

// checkExamples holds each message's examples against its payload.
func checkExamples(t *testing.T, c *jsonschema.Compiler, doc any) {
	t.Helper()
	messages, _ := at(doc, "/components/messages").(map[string]any)
	if len(messages) != 13 {
		t.Errorf("%d messages", len(messages))
	}
	for name := range messages {
		payload, err := c.Compile("asyncapi.json#/components/messages/" + name + "/payload")
		if err != nil {
			t.Fatal(err)
		}
		examples, _ := at(doc, "/components/messages/"+name+"/examples").([]any)
		if len(examples) == 0 {
			t.Errorf("%s has no example", name)
		}
		for _, e := range examples {
			if err := payload.Validate(at(e, "/payload")); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// at follows a JSON pointer through objects.
func at(v any, pointer string) any {
	for _, name := range strings.Split(pointer, "/")[1:] {
		object, _ := v.(map[string]any)
		v = object[name]
	}
	return v
}

// TestPostman: the collection has each operation once, with what it needs to be sent.
func TestPostman(t *testing.T) {
	t.Parallel()
	_, text := serve(t, "https://voice.example.com/")("/postman.json")
	var got map[string]any
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"schema":"https://schema.getpostman.com/json/collection/v2.1.0/collection.json"`, `"key":"token","value":"{{api_key}}"`,
		`{"key":"base_url","value":"https://voice.example.com","type":"string"}`, `{"key":"api_key","value":"","type":"string"}`,
		`"raw":"{{base_url}}/things/:id","host":["{{base_url}}"],"path":["things",":id"]`, `{"key":"full","value":"true","description":"With all its parts.","disabled":true}`,
		`"auth":{"type":"noauth"}`, `{"key":"Content-Type","value":"application/json"}`, `"raw":"{\n  \"name\": \"O'Brien's\",\n  \"state\": \"new\"\n}"`,
		`"variable":[{"key":"id","value":""}]`, `"key":"If-Match"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the collection lacks %s", want)
		}
	}
	if n := strings.Count(text, `"request":`); n != 2 || strings.Contains(text, `"None"`) {
		t.Errorf("%d requests, or an empty folder: %s", n, text)
	}
}
