package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestEveryRouteIsDescribed: whatever the server's muxes serve stands in openapi.json, or as a channel in asyncapi.json; and what stands
// there of the server itself is served.
func TestEveryRouteIsDescribed(t *testing.T) {
	t.Parallel()
	cfg, err := parseServe(t, nil, "--data-dir", t.TempDir(), "--webrtc-udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := newServer(t.Context(), &cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.company.tools.close()
		if err := errors.Join(s.closeBrowsers(context.WithoutCancel(t.Context())), s.office.close()); err != nil {
			t.Error(err)
		}
	})
	mux, ok := s.routes().(*http.ServeMux)
	if !ok {
		t.Fatal("the routes are no mux")
	}
	described := describedRoutes(t, mux)
	served := append(patterns(reflect.ValueOf(mux)), patterns(reflect.ValueOf(s.office.api).Elem().FieldByName("mux"))...)
	if len(served) < 50 {
		t.Fatalf("%d patterns are served: the test looks at the wrong place", len(served))
	}
	for _, pattern := range served {
		method, path, ok := strings.Cut(pattern, " ")
		if !ok {
			method, path = "", pattern
		}
		path = strings.TrimSuffix(path, "{$}")
		switch {
		case method == "" && (strings.HasSuffix(path, "/") || described["GET "+path]): // it leads to the API's own mux, which decides
		case !described[method+" "+path]:
			t.Errorf("%s is served and not described", pattern)
		}
	}
	for route := range described {
		method, path, _ := strings.Cut(route, " ")
		if path == "/" {
			path = "/{$}"
		}
		if !slices.Contains(served, method+" "+path) && !strings.HasPrefix(path, "/ws/") {
			t.Errorf("%s is described and not served", route)
		}
	}
}

// describedRoutes are the methods and paths of openapi.json, and the addresses of asyncapi.json.
func describedRoutes(t *testing.T, mux *http.ServeMux) map[string]bool {
	t.Helper()
	get := func(path string, to any) {
		rec := httptest.NewRecorder()
		mux.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if err := json.Unmarshal(rec.Body.Bytes(), to); err != nil {
			t.Fatalf("%s: %d: %v", path, rec.Code, err)
		}
	}
	var openapi struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	get("/openapi.json", &openapi)
	var asyncapi struct {
		Channels map[string]struct {
			Address *string `json:"address"`
		} `json:"channels"`
	}
	get("/asyncapi.json", &asyncapi)
	all := map[string]bool{}
	for path, methods := range openapi.Paths {
		for method := range methods {
			all[strings.ToUpper(method)+" "+path] = true
		}
	}
	for _, c := range asyncapi.Channels {
		if c.Address != nil {
			all["GET "+*c.Address] = true
		}
	}
	return all
}

// patterns are all that a mux was given. net/http does not list them, so they are looked for in what it keeps: whatever it is that holds
// its patterns, they are of the type pattern and keep their text as str.
func patterns(mux reflect.Value) (all []string) {
	seen := map[any]bool{}
	var look func(v reflect.Value)
	look = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Pointer:
			if v.IsNil() || seen[v.Pointer()] {
				return
			}
			seen[v.Pointer()] = true
			look(v.Elem())
		case reflect.Struct:
			if v.Type().PkgPath() != "net/http" {
				return
			}
			if v.Type().Name() == "pattern" {
				all = append(all, v.FieldByName("str").String())
				return
			}
			for i := range v.NumField() {
				look(v.Field(i))
			}
		case reflect.Slice:
			for i := range v.Len() {
				look(v.Index(i))
			}
		case reflect.Map:
			for _, key := range v.MapKeys() {
				look(v.MapIndex(key))
			}
		}
	}
	look(mux)
	slices.Sort(all)
	return slices.Compact(all)
}
