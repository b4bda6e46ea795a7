package control_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"parley/control"
	"parley/control/envelope"
)

// TestDescriptionIsValid has a validator of OpenAPI 3.1 look at the description, and one of JSON Schema at its examples.
func TestDescriptionIsValid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(w.ask("", "GET", "/openapi.json", "").body)
	must(t, err)
	must(t, doc.Validate(loader.Context, openapi3.IsOpenAPI31OrLater(), openapi3.DisableExamplesValidation(),
		openapi3.AllowExtraSiblingFields("patternDescription"))) // huma's; JSON Schema allows what it does not know
	if !strings.HasPrefix(doc.OpenAPI, "3.1.") {
		t.Errorf("the description is of OpenAPI %s", doc.OpenAPI)
	}
	examples := 0
	for path, item := range doc.Paths.Map() {
		if !strings.HasPrefix(path, "/api/") && !envelope.InCRM(path) {
			continue
		}
		for method, op := range item.Operations() {
			for status, r := range op.Responses.Map() {
				if c := r.Value.Content["application/json"]; c != nil {
					examples++
					if err := w.schemas.validate(method, path, "responses/"+status, c.Example); err != nil {
						t.Errorf("%s %s: the example of %s: %v", method, path, status, err)
					}
				}
			}
			if op.RequestBody != nil {
				if c := op.RequestBody.Value.Content["application/json"]; c != nil {
					if err := w.schemas.validate(method, path, "requestBody", c.Example); err != nil {
						t.Errorf("%s %s: the example of its body: %v", method, path, err)
					}
				}
			}
		}
	}
	if examples < 300 {
		t.Errorf("%d examples: the test looks at the wrong place", examples)
	}
}

// TestDescriptionIsWhole: every parameter has its words, every answer its example and the headers that all answers have.
func TestDescriptionIsWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	doc, err := openapi3.NewLoader().LoadFromData(w.ask("", "GET", "/openapi.json", "").body)
	must(t, err)
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			at := method + " " + path
			if len(op.Tags) != 1 || doc.Tags.Get(op.Tags[0]) == nil {
				t.Errorf("%s has the tags %v, of which the description must tell", at, op.Tags)
			}
			if !strings.HasPrefix(path, "/api/") && !envelope.InCRM(path) {
				continue
			}
			for _, p := range op.Parameters {
				if p.Value.Description == "" && p.Value.In != "path" {
					t.Errorf("%s: the parameter %s has no description", at, p.Value.Name)
				}
			}
			if op.RequestBody != nil {
				for kind, body := range op.RequestBody.Value.Content {
					if body.Example == nil && kind != "multipart/form-data" {
						t.Errorf("%s has no example of its body as %s", at, kind)
					}
				}
			}
			for status, r := range op.Responses.Map() {
				wholeAnswer(t, at+" "+status, status, r.Value)
			}
			for _, status := range []string{"400", "401", "403", "405", "429", "500", "503"} {
				if op.Responses.Value(status) == nil {
					t.Errorf("%s does not describe %s", at, status)
				}
			}
		}
	}
}

func wholeAnswer(t *testing.T, at, status string, r *openapi3.Response) {
	t.Helper()
	wanted := []string{"X-Request-Id", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"}
	switch status {
	case "429", "503":
		wanted = append(wanted, "Retry-After")
	case "401":
		wanted = append(wanted, "WWW-Authenticate")
	case "405":
		wanted = append(wanted, "Allow")
	}
	for _, name := range wanted {
		if r.Headers[name] == nil || r.Headers[name].Value == nil || r.Headers[name].Value.Description == "" {
			t.Errorf("%s does not describe the header %s", at, name)
		}
	}
	if c := r.Content["application/json"]; c != nil && c.Example == nil {
		t.Errorf("%s has no example", at)
	}
	if r.Description == nil || *r.Description == "" {
		t.Errorf("%s has no description", at)
	}
}

// schemas are the described answers, as a validator of JSON Schema takes them.
type schemas struct {
	mu       sync.Mutex
	answers  map[string]map[string]bool // by pattern: the statuses that are described
	routes   *http.ServeMux             // which only tells patterns
	compiler *jsonschema.Compiler
	compiled map[string]*jsonschema.Schema
}

// described are the schemas of each API that a test has made, by its paths: most have the same, and reading them takes longer than many a test.
var described sync.Map

// answersDescribed are the schemas of an API's descriptions.
func (w *world) answersDescribed(c *control.Control) *schemas {
	w.t.Helper()
	if s, ok := described.Load(c.Paths()); ok {
		return s.(*schemas)
	}
	s, _ := described.LoadOrStore(c.Paths(), w.readDescribed())
	return s.(*schemas)
}

// readDescribed reads the descriptions.
func (w *world) readDescribed() *schemas {
	w.t.Helper()
	read := func(path string) (text []byte, doc any) {
		rec := httptest.NewRecorder()
		w.mux.ServeHTTP(rec, httptest.NewRequestWithContext(w.t.Context(), "GET", path, nil))
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(rec.Body.Bytes()))
		must(w.t, err)
		return rec.Body.Bytes(), doc
	}
	text, doc := read("/openapi.json")
	_, spoken := read("/asyncapi.json")
	var d description
	must(w.t, json.Unmarshal(text, &d))
	s := &schemas{answers: map[string]map[string]bool{}, routes: http.NewServeMux(), compiler: jsonschema.NewCompiler(), compiled: map[string]*jsonschema.Schema{}}
	s.compiler.DefaultDraft(jsonschema.Draft2020)
	s.compiler.AssertFormat()
	must(w.t, s.compiler.AddResource("openapi.json", doc))
	must(w.t, s.compiler.AddResource("asyncapi.json", spoken))
	for path, methods := range d.Paths {
		if !strings.HasPrefix(path, "/api/") && !envelope.InCRM(path) {
			continue
		}
		for method, op := range methods {
			pattern := strings.ToUpper(method) + " " + path
			s.routes.Handle(pattern, http.NotFoundHandler())
			s.answers[pattern] = map[string]bool{}
			for status, r := range op.Responses {
				s.answers[pattern][status] = r.Content["application/json"].Schema != nil
			}
		}
	}
	return s
}

// conform holds an answer against the description: that status, and that body, to the last field.
func (w *world) conform(r *http.Request, a *answer) {
	w.t.Helper()
	_, pattern := w.schemas.routes.Handler(r)
	method, path, ok := strings.Cut(pattern, " ")
	if !ok || r.Method != method {
		return // no operation, or HEAD
	}
	status := strconv.Itoa(a.status)
	typed, ok := w.schemas.answers[pattern][status]
	if !ok {
		w.t.Errorf("%s answered %s, which is not described: %.300s", pattern, status, a.body)
		return
	}
	if !typed {
		return
	}
	body, err := jsonschema.UnmarshalJSON(bytes.NewReader(a.body))
	must(w.t, err)
	if err := w.schemas.validate(method, path, "responses/"+status, body); err != nil {
		w.t.Errorf("%s answered %s, not as described: %v: %.600s", pattern, status, err, a.body)
	}
}

// validate holds JSON against what the description has at a place of an operation: responses/200, requestBody.
func (s *schemas) validate(method, path, place string, body any) error {
	return s.at("openapi.json#/paths/"+strings.NewReplacer("/", "~1", "{", "%7B", "}", "%7D").Replace(path)+"/"+strings.ToLower(method)+"/"+
		place+"/content/application~1json/schema", body)
}

// said holds a message of a socket against its description.
func (s *schemas) said(kind string, text []byte) error {
	message, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return s.at("asyncapi.json#/components/messages/"+kind+"/payload", message)
}

// at holds JSON against the schema at a place.
func (s *schemas) at(at string, body any) error {
	schema, err := s.schema(at)
	if err != nil {
		return err
	}
	return schema.Validate(body)
}

// schema is the one at a place.
func (s *schemas) schema(at string) (*jsonschema.Schema, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	schema := s.compiled[at]
	if schema == nil {
		var err error
		if schema, err = s.compiler.Compile(at); err != nil {
			return nil, err
		}
		s.compiled[at] = schema
	}
	return schema, nil
}
