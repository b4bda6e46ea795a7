// Package reference shows the API to those who write clients of it: one description, told in four ways.
//
//	operations, with their types ──▶ huma.OpenAPI ──┬─▶ /openapi.json   OpenAPI 3.1, for generators
//	                                                ├─▶ /docs           one page for people
//	                                                └─▶ /postman.json   a collection for Postman 2.1
//	asyncapi.json ──▶ /asyncapi.json, /docs             AsyncAPI 3.0: sockets and webhooks, which OpenAPI cannot tell of
//
// All of it is made once, when somebody first asks for any of it, and needs no network: the page's style and script are files of ours beside it, and its
// Content-Security-Policy allows nothing else.
package reference

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed asyncapi.json page.html page.css page.js
var files embed.FS

// policy lets the page have its own style and script, and nothing else.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// A Reference is what there is to read about an API. It is safe for any number of goroutines.
type Reference struct {
	pages func() (map[string]page, error) // by path
	log   *slog.Logger
}

// A page is one thing that is served.
type page struct {
	kind string
	text []byte
	etag string
}

// New is the reference of an API, whose operations must all be there by now and stay as they are: it is written when it is first asked for.
// Its first server is where clients reach it.
func New(api *huma.OpenAPI, log *slog.Logger) *Reference {
	return &Reference{pages: sync.OnceValues(func() (map[string]page, error) { return write(api) }), log: log}
}

// write makes all pages.
func write(api *huma.OpenAPI) (map[string]page, error) {
	openapi, err := json.Marshal(api)
	if err != nil {
		return nil, fmt.Errorf("describe the API: %w", err)
	}
	events, err := readEvents(api)
	if err != nil {
		return nil, err
	}
	postman, err := json.Marshal(newCollection(api))
	if err != nil {
		return nil, fmt.Errorf("make the Postman collection: %w", err)
	}
	docs, err := render(api, events)
	if err != nil {
		return nil, err
	}
	style, err := files.ReadFile("page.css")
	if err != nil {
		return nil, fmt.Errorf("read page.css: %w", err)
	}
	script, err := files.ReadFile("page.js")
	if err != nil {
		return nil, fmt.Errorf("read page.js: %w", err)
	}
	return map[string]page{
		"/openapi.json":  newPage("application/json", openapi),
		"/asyncapi.json": newPage("application/json", events.text),
		"/postman.json":  newPage("application/json", postman),
		"/docs":          newPage("text/html; charset=utf-8", docs),
		"/docs/page.css": newPage("text/css; charset=utf-8", style),
		"/docs/page.js":  newPage("text/javascript; charset=utf-8", script),
	}, nil
}

func newPage(kind string, text []byte) page {
	sum := sha256.Sum256(text)
	return page{kind, bytes.Clone(text), `"` + hex.EncodeToString(sum[:8]) + `"`} // a clone has no room left over from writing it
}

// Paths are where the reference is.
func (r *Reference) Paths() []string {
	return []string{"/openapi.json", "/asyncapi.json", "/postman.json", "/docs", "/docs/page.css", "/docs/page.js"}
}

// Mount serves the reference, to anybody.
func (r *Reference) Mount(mux *http.ServeMux) {
	for _, path := range r.Paths() {
		mux.Handle("GET "+path, r)
	}
}

// ServeHTTP implements http.Handler.
func (r *Reference) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	pages, err := r.pages()
	p, ok := pages[req.URL.Path]
	switch {
	case err != nil:
		r.log.Error("reference not written", "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	case !ok:
		http.NotFound(w, req)
		return
	}
	h := w.Header()
	h.Set("Content-Type", p.kind)
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", p.etag)
	http.ServeContent(w, req, "", time.Time{}, bytes.NewReader(p.text))
}

// events are asyncapi.json, with where the server is.
type events struct {
	text []byte
	read struct {
		Components struct {
			Messages map[string]message `json:"messages"`
		} `json:"components"`
		Channels map[string]struct {
			Address  *string        `json:"address"`
			Title    string         `json:"title"`
			Summary  string         `json:"summary"`
			Messages map[string]any `json:"messages"`
		} `json:"channels"`
	}
}

type message struct {
	Title    string `json:"title"`
	Summary  string `json:"summary"`
	Examples []struct {
		Payload json.RawMessage `json:"payload"`
	} `json:"examples"`
}

func readEvents(api *huma.OpenAPI) (e events, err error) {
	text, err := files.ReadFile("asyncapi.json")
	if err != nil {
		return e, fmt.Errorf("read asyncapi.json: %w", err)
	}
	var whole map[string]any
	if err := json.Unmarshal(text, &whole); err != nil {
		return e, fmt.Errorf("read asyncapi.json: %w", err)
	}
	if info, ok := whole["info"].(map[string]any); ok {
		info["version"] = api.Info.Version
	}
	whole["servers"] = map[string]any{"parley": socketServer(api)}
	if e.text, err = json.Marshal(whole); err != nil {
		return e, fmt.Errorf("write asyncapi.json: %w", err)
	}
	if err := json.Unmarshal(text, &e.read); err != nil {
		return e, fmt.Errorf("read asyncapi.json: %w", err)
	}
	return e, nil
}

// socketServer is where sockets are, as AsyncAPI says it: beside the API.
func socketServer(api *huma.OpenAPI) map[string]any {
	host, protocol := "localhost:8080", "ws"
	if len(api.Servers) > 0 {
		if u, err := url.Parse(api.Servers[0].URL); err == nil && u.Host != "" {
			host = u.Host
			if u.Scheme == "https" {
				protocol = "wss"
			}
		}
	}
	return map[string]any{"host": host, "protocol": protocol}
}
