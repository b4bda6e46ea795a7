// Package httptool makes tools of HTTP requests: what a model may ask of an operator's own servers, written down as data.
//
//	arguments ──Schema.Read──▶ template.fill ──▶ request ──▶ guard (no private addresses, at dial time) ──▶ server
//	                            escaped for where it stands        │                                          │
//	model ◀── a sentence that says what went wrong ◀───────────────┴── fields, cut, without secrets ◀─────────┘
//
// A Client is shared by all calls; a Tool is compiled once, at start, and made into a pipeline.Tool for each call. The arguments come from a
// model that a stranger talks to: they can change neither scheme, host, port nor the shape of path and body, and are never pasted into
// anything unescaped. Secrets are put in when a tool is compiled; they are neither logged nor told, also where a server sends them back.
// The package starts no goroutines but those of net/http, and heeds the context.
package httptool

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"parley/pipeline/tool"
)

// A Definition is one HTTP tool. In URL, Headers, Query, Body and Form, {{name}} stands for an argument, {{name|otherwise}} for it or else for
// these words, {{call.from}}, {{call.to}} and {{call.id}} for what is known of the call, and ${secret:NAME} for a secret. A value that is
// nothing but the place of an argument that is missing is left out.
type Definition struct {
	Name        string // small letters, digits and _
	Description string // for the model: what it does, and when to use it
	Parameters  json.RawMessage
	Method      string            // GET, POST, PUT, PATCH, DELETE; empty: GET, or with Body or Form POST
	URL         string            // https://api.example.com/orders/{{order}}; scheme, host and port are fixed
	Headers     map[string]string // besides those of Auth
	Query       map[string]string
	Body        json.RawMessage   // JSON whose texts have places; a text that is nothing but a place keeps its argument's type
	Form        map[string]string // instead of Body, sent as HTML forms are
	Auth        Auth

	Timeout time.Duration // for all of it; 0: 10 s; 100 ms to 60 s
	Limit   int           // how much of the answer the model is given, in bytes; 0: 64 KiB; 1 KiB to 256 KiB
	Fields  []string      // of a JSON answer, what the model is given: name, items[0].price, items[].name; none: all of it

	Cancellable bool   // a caller who interrupts ends it; else it goes on (pipeline.Tool.Firm)
	Filler      string // what is said while it takes long
}

// Auth says who is asking. At most one of its ways is used; values have places for secrets.
type Auth struct {
	Bearer         string
	User, Password string // HTTP Basic
	Header, Value  string
}

const (
	defaultTimeout = 10 * time.Second
	defaultLimit   = 64 << 10
)

var (
	toolName   = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
	// kept are headers that are net/http's business.
	kept = []string{"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect", "keep-alive", "proxy-authorization", "accept-encoding"}
)

// A Tool is a Definition made ready.
type Tool struct {
	Definition
	client *Client
	schema *tool.Schema

	origin  string // scheme, host and port
	path    []template
	query   map[string]template
	headers map[string]template
	body    any // of JSON, with templates for texts
	form    map[string]template
	secrets []string // that the tool knows, longest first
}

// ErrNoSecret says that there is no secret of a name.
var ErrNoSecret = errors.New("is not configured")

// Secrets resolves the name of a secret, for a tool that asks one server alone: origin is its scheme, host and port, as https://host:8443;
// empty: the tool's URL is wrong, and nothing will be asked. An error ends the sentence "secret NAME ...": ErrNoSecret, or why not.
type Secrets func(origin, name string) (value string, err error)

// Compile checks a definition and makes it ready. The error names all that is wrong; of secrets it names those that are missing.
func (c *Client) Compile(d Definition, secrets Secrets) (*Tool, error) {
	t := &Tool{Definition: d, client: c}
	p := &parser{secrets: secrets, args: map[string]bool{}}
	err := errors.Join(t.compileArgs(p), t.compileURL(p), t.compileHeaders(p), t.compileBody(p), t.bounds(), errors.Join(p.wrong...))
	if err != nil {
		return nil, err
	}
	t.secrets = slices.SortedFunc(maps.Keys(p.known), func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	return t, nil
}

func (t *Tool) bounds() error {
	var bad []error
	if !toolName.MatchString(t.Name) {
		bad = append(bad, fmt.Errorf("name is %q: want small letters, digits and _", t.Name))
	}
	if strings.TrimSpace(t.Description) == "" {
		bad = append(bad, errors.New("description is missing: the model has to know what the tool is for"))
	}
	if t.Timeout == 0 {
		t.Timeout = defaultTimeout
	}
	if t.Timeout < 100*time.Millisecond || t.Timeout > time.Minute {
		bad = append(bad, fmt.Errorf("timeout is %v: want 100ms to 1m", t.Timeout))
	}
	if t.Limit == 0 {
		t.Limit = defaultLimit
	}
	if t.Limit < 1<<10 || t.Limit > 256<<10 {
		bad = append(bad, fmt.Errorf("limit is %d: want %d to %d bytes", t.Limit, 1<<10, 256<<10))
	}
	for _, f := range t.Fields {
		if _, err := parsePath(f); err != nil {
			bad = append(bad, fmt.Errorf("fields: %w", err))
		}
	}
	return errors.Join(bad...)
}

func (t *Tool) compileArgs(p *parser) error {
	if len(t.Parameters) == 0 {
		t.Parameters = json.RawMessage(`{"type":"object","properties":{},"additionalProperties":false}`)
	}
	s, err := tool.ParseSchema(t.Parameters)
	if err != nil {
		return fmt.Errorf("parameters: %w", err)
	}
	t.schema = s
	for name := range s.Properties {
		if strings.HasPrefix(name, "call.") || strings.ContainsAny(name, "{}|") {
			return fmt.Errorf("parameters: %q cannot be the name of one", name)
		}
		p.args[name] = true
	}
	return nil
}

func (t *Tool) compileURL(p *parser) error {
	scheme, rest, _ := strings.Cut(t.URL, "://")
	end := strings.IndexAny(rest, "/?#")
	host, rest := rest, ""
	if end >= 0 {
		rest = t.URL[len(scheme)+3+end:]
		host = host[:end]
	}
	u, err := url.Parse(scheme + "://" + host)
	switch {
	case strings.ContainsAny(scheme+host, "{}$@"):
		return errors.New("url: scheme, host and port are fixed: want no {{place}}, secret or user in them")
	case err != nil || scheme != "http" && scheme != "https" || u.Hostname() == "":
		return errors.New("url: want https://host/path")
	case strings.Contains(rest, "#"):
		return errors.New("url: want no fragment (#)")
	}
	t.origin = u.Scheme + "://" + u.Host
	p.origin = t.origin
	path, query, _ := strings.Cut(rest, "?")
	for segment := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		plain, err := url.PathUnescape(segment)
		if err != nil {
			return fmt.Errorf("url: %q: %w", segment, err)
		}
		t.path = append(t.path, p.parse("url", plain))
	}
	t.query = make(map[string]template)
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		plain, bad := url.QueryUnescape(value)
		if err != nil || bad != nil {
			return errors.New("url: the query is not escaped as it should be")
		}
		if name != "" {
			t.query[name] = p.parse("url", plain)
		}
	}
	for name, value := range t.Query {
		if _, twice := t.query[name]; twice {
			return fmt.Errorf("query: %s is in the url, too", name)
		}
		t.query[name] = p.parse("query."+name, value)
	}
	return nil
}

func (t *Tool) compileHeaders(p *parser) error {
	t.headers = make(map[string]template)
	set := func(where, name, value string) error {
		if !headerName.MatchString(name) || slices.Contains(kept, strings.ToLower(name)) {
			return fmt.Errorf("%s: %q cannot be set", where, name)
		}
		if name = http.CanonicalHeaderKey(name); t.headers[name] != nil {
			return fmt.Errorf("%s: %s is set twice", where, name)
		}
		t.headers[name] = append(template{}, p.parse(where, value)...) // not nil, also of no value
		return nil
	}
	var bad []error
	for _, name := range slices.Sorted(maps.Keys(t.Headers)) {
		bad = append(bad, set("headers", name, t.Headers[name]))
	}
	ways := 0
	if t.Auth.Bearer != "" {
		ways++
		bad = append(bad, set("auth", "Authorization", "Bearer "+t.Auth.Bearer))
	}
	if t.Auth.Header != "" || t.Auth.Value != "" {
		ways++
		bad = append(bad, set("auth", t.Auth.Header, t.Auth.Value))
	}
	if t.Auth.User != "" || t.Auth.Password != "" {
		ways++
		bad = append(bad, set("auth", "Authorization", ""))
		t.headers["Authorization"] = p.basic(t.Auth.User, t.Auth.Password)
	}
	if ways > 1 {
		bad = []error{errors.New("auth: want one of bearer, basic and header")}
	}
	return errors.Join(bad...)
}

func (t *Tool) compileBody(p *parser) error {
	if len(t.Body) > 0 && len(t.Form) > 0 {
		return errors.New("body and form are set: want one of them")
	}
	if t.Method == "" {
		t.Method = http.MethodGet
		if len(t.Body) > 0 || len(t.Form) > 0 {
			t.Method = http.MethodPost
		}
	}
	switch t.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
	case http.MethodGet, http.MethodDelete:
		if len(t.Body) > 0 || len(t.Form) > 0 {
			return fmt.Errorf("method is %s: want no body", t.Method)
		}
	default:
		return fmt.Errorf("method is %q: want GET, POST, PUT, PATCH or DELETE", t.Method)
	}
	if len(t.Form) > 0 {
		t.form = make(map[string]template)
		for name, value := range t.Form {
			t.form[name] = p.parse("form."+name, value)
		}
	}
	if len(t.Body) == 0 {
		return nil
	}
	var body any
	dec := json.NewDecoder(bytes.NewReader(t.Body))
	dec.UseNumber()
	if err := dec.Decode(&body); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	t.body = p.json("body", body)
	return nil
}
