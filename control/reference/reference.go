// Package reference shows the API to those who write clients of it: one description, told in four ways.
//
//	operations, with their types ──▶ huma.OpenAPI ──┬─▶ /openapi.json   OpenAPI 3.1, for generators
//	                                                ├─▶ /docs           one page for people
//	                                                └─▶ /postman.json   a collection for Postman 2.1
//	asyncapi.json ──▶ /asyncapi.json, /docs             AsyncAPI 3.0: sockets and webhooks, which OpenAPI cannot tell of
//
// All of it is made once, when the server starts, and needs no network: the page's style and script are files of ours beside it, and its
// Content-Security-Policy allows nothing else.
package reference

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed asyncapi.json page.html page.css page.js
var files embed.FS

// policy lets the page have its own style and script, and nothing else.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// A Reference is what there is to read about an API. It is safe for any number of goroutines.
type Reference struct{ pages []page }

// A page is one thing that is served.
type page struct {
	path, kind string
	text       []byte
	etag       string
}

// New writes the reference of an API, whose operations must all be there by now. Its first server is where clients reach it.
func New(api *huma.OpenAPI) (*Reference, error) {
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
	r := &Reference{}
	r.add("/openapi.json", "application/json", openapi)
	r.add("/asyncapi.json", "application/json", events.text)
	r.add("/postman.json", "application/json", postman)
	r.add("/docs", "text/html; charset=utf-8", docs)
	for path, file := range map[string]string{"/docs/page.css": "page.css", "/docs/page.js": "page.js"} {
		text, err := files.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		kind := "text/css; charset=utf-8"
		if file == "page.js" {
			kind = "text/javascript; charset=utf-8"
		}
		r.add(path, kind, text)
	}
	return r, nil
}

func (r *Reference) add(path, kind string, text []byte) {
	sum := sha256.Sum256(text)
	r.pages = append(r.pages, page{path, kind, text, `"` + hex.EncodeToString(sum[:8]) + `"`})
}

// Paths are where the reference is.
func (r *Reference) Paths() []string {
	var all []string
	for _, p := range r.pages {
		all = append(all, p.path)
	}
	return all
}

// Mount serves the reference, to anybody.
func (r *Reference) Mount(mux *http.ServeMux) {
	for _, p := range r.pages {
		mux.Handle("GET "+p.path, p)
	}
}

// ServeHTTP implements http.Handler.
func (p page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", p.kind)
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", p.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(p.text))
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
