package control

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/envelope"
)

// describe is the head of the OpenAPI description.
func describe(o Options) *huma.OpenAPI {
	server := o.PublicURL
	if server == "" {
		server = "/"
	}
	version := o.Version
	if version == "" {
		version = "0"
	}
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "Parley", Version: version,
			Description: "Agents that answer the telephone, and the calls they had.\n\n" +
				"Every answer is an envelope: `success`, `data` and `meta` (`timestamp`, `request_id`; of lists also `total`, `limit`, `offset`); " +
				"every error has `error` and, where fields are at fault, `details`, which names all of them at once. Fields and query " +
				"parameters that are not described here are refused. Ids of other organisations do not exist: 404. Times are UTC. " +
				"What goes beyond the voice-agents contract is marked as an extension.",
		},
		Servers: []*huma.Server{{URL: server}},
		Tags: []*huma.Tag{
			{Name: "Agents", Description: "Personas that hold calls."},
			{Name: "Tasks", Description: "Calls that are planned, and placed by the house."},
			{Name: "Calls", Description: "Phone calls, live and past."},
			{Name: "Dialing", Description: "How the organisation may dial. Extension."},
		},
		Components: &huma.Components{
			Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
			SecuritySchemes: map[string]*huma.SecurityScheme{
				byKey: {
					Type: "http", Scheme: "bearer",
					Description: "An API key: `Authorization: Bearer va_...`. The scopes that an operation needs are listed with it.",
				},
				byTicket: {
					Type: "apiKey", In: "query", Name: "token",
					Description: "The signed token of a `recording_url`: one call, five minutes. Extension.",
				},
			},
		},
	}
}

// operation is one operation as the description has it; pages has its words.
func (c *Control) operation(method, path, id, scope string) huma.Operation {
	p, ok := pages[id]
	if !ok {
		panic("control: no page for the operation " + id)
	}
	op := huma.Operation{
		Method: method, Path: path, OperationID: id, Summary: p.summary, Description: p.text, Tags: []string{p.tag},
		Security: []map[string][]string{{byKey: {scope}}}, DefaultStatus: p.status, BodyReadTimeout: 30 * time.Second,
		MaxBodyBytes: envelope.MaxBody,
	}
	if p.ticket {
		op.Security = append(op.Security, map[string][]string{byTicket: {}})
	}
	op.Responses = c.failures(method, strings.Contains(path, "{"), p)
	if p.request != "" {
		op.RequestBody = &huma.RequestBody{
			Content: map[string]*huma.MediaType{"application/json": {Example: json.RawMessage(p.request)}},
		}
	}
	if p.media != "" {
		sound := func(text string) *huma.Response {
			return &huma.Response{Description: text, Content: map[string]*huma.MediaType{
				p.media: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
			}}
		}
		op.Responses["200"], op.Responses["206"] = sound("The whole file"), sound("The range asked for")
	}
	return op
}

// failures are the errors that an operation may answer with.
func (c *Control) failures(method string, named bool, p page) map[string]*huma.Response {
	schema := c.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[envelope.Failure](), true, "")
	codes := map[int]string{
		http.StatusBadRequest:          "A validation error: details names every bad field. " + p.bad,
		http.StatusUnauthorized:        "No key, or not a valid one",
		http.StatusForbidden:           "The key lacks a scope: details names it",
		http.StatusInternalServerError: "Internal error: the log has it under the request_id",
		http.StatusServiceUnavailable:  "The database, or what else is needed, cannot be reached now. " + p.busy,
	}
	if named {
		codes[http.StatusNotFound] = "There is no such thing in the key's organisation. " + p.missing
	}
	if method == http.MethodPost && p.request != "" || method == http.MethodPatch || method == http.MethodPut {
		codes[http.StatusRequestTimeout] = "The body did not arrive within 30 s"
		codes[http.StatusRequestEntityTooLarge] = "The body has more than 1 MiB"
		codes[http.StatusUnsupportedMediaType] = "The body is not application/json"
	}
	if p.media != "" {
		codes[http.StatusRequestedRangeNotSatisfiable] = "The file has no such range"
	}
	out := make(map[string]*huma.Response, len(codes))
	for code, text := range codes {
		r := &huma.Response{
			Description: strings.TrimSpace(text),
			Content:     map[string]*huma.MediaType{"application/json": {Schema: schema}},
		}
		header := func(name, text string) {
			r.Headers = map[string]*huma.Param{name: {Description: text, Schema: &huma.Schema{Type: huma.TypeString}}}
		}
		switch code {
		case http.StatusUnauthorized:
			header("WWW-Authenticate", "Bearer")
		case http.StatusServiceUnavailable:
			header("Retry-After", "Seconds until it is worth another try")
		}
		out[strconv.Itoa(code)] = r
	}
	return out
}

// serveDescription serves /openapi.json, without a key.
func (c *Control) serveDescription(mux *http.ServeMux) error {
	text, err := json.Marshal(c.api.OpenAPI())
	if err != nil {
		return fmt.Errorf("describe the API: %w", err)
	}
	sum := sha256.Sum256(text)
	etag := `"` + hex.EncodeToString(sum[:8]) + `"`
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("ETag", etag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(text))
	})
	return nil
}
