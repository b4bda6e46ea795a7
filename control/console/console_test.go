package console_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/control/console"
)

// limit is how large all that a browser loads may be, packed.
const limit = 350_000

func mount(t *testing.T) http.Handler {
	t.Helper()
	mux := http.NewServeMux()
	c, err := console.New()
	if err != nil {
		t.Fatal(err)
	}
	c.Mount(mux)
	return mux
}

func get(h http.Handler, path string, headers ...string) *http.Response {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestFresh holds what was built against what it was built of: `make console` writes dist/sources.
func TestFresh(t *testing.T) {
	t.Parallel()
	var names []string
	for _, top := range []string{"index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts", "src"} {
		err := filepath.WalkDir(top, func(path string, e fs.DirEntry, err error) error {
			if err == nil && !e.IsDir() && !strings.HasSuffix(path, ".test.ts") {
				names = append(names, filepath.ToSlash(path))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var want strings.Builder
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(text)
		fmt.Fprintf(&want, "%s  %s\n", hex.EncodeToString(sum[:]), name)
	}
	got, err := os.ReadFile("dist/sources")
	if err != nil {
		t.Fatalf("%v: build the console with `make console`", err)
	}
	if diff := cmp.Diff(strings.Split(want.String(), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("dist is not built of these sources (- what is there, + what it was built of): `make console`\n%s", diff)
	}
}

// TestServes: the page is at its root and at every place within, its parts keep for ever, and nothing else is there.
func TestServes(t *testing.T) {
	t.Parallel()
	h := mount(t)
	page := get(h, "/console/")
	html := body(t, page)
	if page.StatusCode != http.StatusOK || page.Header.Get("Content-Type") != "text/html; charset=utf-8" || page.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("the page: %d %v", page.StatusCode, page.Header)
	}
	for _, word := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"} {
		if !strings.Contains(page.Header.Get("Content-Security-Policy"), word) {
			t.Errorf("the policy lacks %s", word)
		}
	}
	if regexp.MustCompile(`<style|<script[^>]*>[^<]|\son\w+=|style=|https?://`).MatchString(html) {
		t.Errorf("the page has something inline, or of another server:\n%s", html)
	}
	if within := body(t, get(h, "/console/calls/01a20506-c675-748e-b096-350f4a6451c2")); within != html {
		t.Error("a place within the page is not the page")
	}
	if again := get(h, "/console/", "If-None-Match", page.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
		t.Errorf("the same page again: %d", again.StatusCode)
	}
	for _, path := range []string{"/console/assets/none.js", "/console/none.png", "/console/dist/index.html.map"} {
		if r := get(h, path); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
	if r := get(h, "/console"); r.StatusCode/100 != 3 || r.Header.Get("Location") != "/console/" {
		t.Errorf("/console: %d %v", r.StatusCode, r.Header)
	}
}

// TestSize: whatever the page loads is small, and comes as it is and packed.
func TestSize(t *testing.T) {
	t.Parallel()
	h := mount(t)
	parts := regexp.MustCompile(`(?:src|href)="(/console/assets/[^"]+)"`).FindAllStringSubmatch(body(t, get(h, "/console/")), -1)
	if len(parts) < 2 {
		t.Fatalf("the page names %d parts", len(parts))
	}
	size := 0
	for _, part := range parts {
		plain, packed := get(h, part[1]), get(h, part[1], "Accept-Encoding", "gzip, br")
		if plain.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" || packed.Header.Get("Content-Encoding") != "gzip" ||
			plain.Header.Get("ETag") == packed.Header.Get("ETag") {
			t.Errorf("%s: %v, packed %v", part[1], plain.Header, packed.Header)
		}
		small := body(t, packed)
		size += len(small)
		r, err := gzip.NewReader(bytes.NewReader([]byte(small)))
		if err != nil {
			t.Fatal(err)
		}
		whole, err := io.ReadAll(r)
		if err != nil || string(whole) != body(t, plain) {
			t.Errorf("%s is another when it is packed: %v", part[1], err)
		}
	}
	t.Logf("%d KiB packed", size>>10)
	if size > limit {
		t.Errorf("the page loads %d bytes, more than %d", size, limit)
	}
}

// TestWidget: the script for other pages is there for all origins, in one file that asks for no other, and is no part of the page.
func TestWidget(t *testing.T) {
	t.Parallel()
	h := mount(t)
	a := get(h, "/widget.js")
	text := body(t, a)
	if a.StatusCode != http.StatusOK || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/javascript") || a.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("the widget: %d %v", a.StatusCode, a.Header)
	}
	if a.Header.Get("Access-Control-Allow-Origin") != "*" || a.Header.Get("Cross-Origin-Resource-Policy") != "cross-origin" || a.Header.Get("Content-Security-Policy") != "" {
		t.Errorf("other pages cannot use it: %v", a.Header)
	}
	if found := regexp.MustCompile(`https?://|innerHTML|document\.write|eval\(|import\(|localStorage|document\.cookie`).FindString(text); found != "" {
		t.Errorf("the widget has %s", found)
	}
	if len(text) > 20_000 {
		t.Errorf("the widget is %d bytes long", len(text))
	}
	if again := get(h, "/widget.js", "If-None-Match", a.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
		t.Errorf("the same again: %d", again.StatusCode)
	}
	if inner := get(h, "/console/widget.js"); inner.StatusCode != http.StatusNotFound {
		t.Errorf("below the page: %d", inner.StatusCode)
	}
}
