package httptool

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// FuzzRequest fills whatever a model may send into a path, a query, a body and a form: the request keeps its host and its shape.
func FuzzRequest(f *testing.F) {
	c, err := New(Options{})
	if err != nil {
		f.Fatal(err)
	}
	d := Definition{
		Name: "t", Description: "t", Method: "POST", URL: "https://example.com/a/{{x}}/b-{{y}}?q={{x}}&z=1", Body: json.RawMessage(`{"x":"{{x}}","list":["by {{y}}"]}`),
		Parameters: json.RawMessage(`{"type":"object","properties":{"x":{"type":"string"},"y":{"type":"string"}}}`),
	}
	t1, err := c.Compile(d, nil)
	if err != nil {
		f.Fatal(err)
	}
	d.Body, d.Form = nil, map[string]string{"x": "{{x}}", "y": "by {{y}}"}
	t2, err := c.Compile(d, nil)
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{"", "a", "..", "/../", "%2e%2e", "a?b#c", "\"},{\"", "\r\nHost: x", "\x00", "é\xff", "@evil.com", "{{y}}", "${secret:X}"} {
		f.Add(s, "1")
	}
	f.Fuzz(func(t *testing.T, x, y string) {
		v := values{"x": x, "y": y}
		if x == "" {
			delete(v, "x")
		}
		body, _ := t1.content(v)
		var read struct {
			X    *string
			List []string
		}
		dec := json.NewDecoder(strings.NewReader(string(body)))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&read); err != nil || (read.X == nil) != (x == "") || len(read.List) != 1 {
			t.Errorf("the body is %s: %v", body, err)
		}
		form, _ := t2.content(v)
		if q, err := url.ParseQuery(string(form)); err != nil || q.Get("x") != x || q.Get("y") != "by "+y || len(q) > 2 {
			t.Errorf("the form is %s: %v", form, err)
		}
		target, err := t1.target(v)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "wrong arguments") {
				t.Error(err)
			}
			return
		}
		u, err := url.Parse(target)
		if err != nil {
			t.Fatalf("%q: %v", target, err)
		}
		segments := strings.Split(u.EscapedPath(), "/")
		if u.Host != "example.com" || u.Scheme != "https" || u.User != nil || u.Fragment != "" || len(segments) != 4 || segments[1] != "a" || !strings.HasPrefix(segments[3], "b-") || slices.Contains(segments, "..") {
			t.Errorf("the request goes to %q", target)
		}
		if q := u.Query(); q.Get("z") != "1" || q.Get("q") != x || len(q) > 2 {
			t.Errorf("the query is %q", u.RawQuery)
		}
	})
}
