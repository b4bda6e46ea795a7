// Package console is the page that people work with: what calls say and cost, agents, tasks, and the organisation's things.
//
//	src/*.tsx ──vite──► dist/ ──go:embed──► GET /console/ ──► a browser ──► /api/v1 (the session's cookie), /ws
//	src/widget ─vite──► dist/widget.js ───► GET /widget.js ──► anybody's page: a talk button (docs/webrtc.md)
//
// It is React and TypeScript, built by `make console` and committed, so that the program needs no Node; a test holds dist against the
// sources. The page asks nothing of any other server, keeps no secret, and puts none into a URL.
package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

//go:embed dist/index.html dist/assets dist/widget.js
var dist embed.FS

// Root is where the console is. What stands below it is the page's own to read: /console/calls/{id} is index.html as well.
const Root = "/console/"

// WidgetPath is where the script for other pages is, and widget its file.
const (
	WidgetPath = "/" + widget
	widget     = "widget.js"
)

// policy lets the page load from its own server alone, and run nothing that stands in a page.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; " +
	"form-action 'none'; frame-ancestors 'none'; base-uri 'none'"

// A file is one of the built ones. It is packed when somebody first asks for it.
type file struct {
	kind, etag string
	plain      []byte
	packed     func() []byte
	forever    bool // its name changes with what is in it
}

// Console is the built page. It is safe for any number of goroutines, and owns none.
type Console struct {
	files map[string]file // by their paths below Root
}

// New reads the built files. It fails if they are not whole.
func New() (*Console, error) {
	c := &Console{files: map[string]file{}}
	if err := c.load(); err != nil {
		return nil, fmt.Errorf("read the console: %w", err)
	}
	return c, nil
}

// Mount serves the console, to anybody: the page itself is no secret, and what it shows is the API's to give.
// The mux leads /console to it.
func (c *Console) Mount(mux *http.ServeMux) {
	mux.Handle("GET "+Root, c)
	mux.HandleFunc("GET "+WidgetPath, c.serveWidget)
}

// serveWidget serves the script for other pages, to pages of all origins, also such as hold it against a hash (integrity).
func (c *Console) serveWidget(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	c.files[widget].send(w, r)
}

// ServeHTTP implements http.Handler.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, Root)
	f, ok := c.files[name]
	ok = ok && name != widget
	if !ok && path.Ext(name) != "" {
		http.NotFound(w, r)
		return
	}
	if !ok {
		f = c.files["index.html"]
	}
	f.serve(w, r)
}

func (c *Console) load() error {
	return fs.WalkDir(dist, "dist", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := dist.ReadFile(name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(text)
		short := strings.TrimPrefix(name, "dist/")
		c.files[short] = file{
			kind: mime.TypeByExtension(path.Ext(name)), etag: `"` + hex.EncodeToString(sum[:8]) + `"`, plain: text,
			packed: sync.OnceValue(func() []byte { return pack(text) }), forever: strings.HasPrefix(short, "assets/"),
		}
		return nil
	})
}

// pack is text in gzip.
func pack(text []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out) // writing to memory does not fail
	_, _ = w.Write(text)
	_ = w.Close()
	return out.Bytes()
}

// serve sends a file of the page, with what the page may do.
func (f file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(self)")
	f.send(w, r)
}

// send sends a file, packed if that is welcome.
func (f file) send(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache")
	if f.forever {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	text, etag := f.plain, f.etag
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		text, etag = f.packed(), strings.TrimSuffix(f.etag, `"`)+`-gz"`
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("ETag", etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(text))
}
