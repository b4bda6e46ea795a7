package reference

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// A collection is what Postman imports: its format 2.1.0 (https://schema.postman.com/collection/json/v2.1.0/draft-07/docs/index.html), as
// far as requests need it. The variables base_url and api_key are for its user to set.
type collection struct {
	Info struct {
		Name        string `json:"name"`
		Description string `json:"description"`
		Schema      string `json:"schema"`
	} `json:"info"`
	Auth     postmanAuth   `json:"auth"`
	Variable []postmanPair `json:"variable"`
	Item     []folder      `json:"item"`
}

type folder struct {
	Name        string        `json:"name"`
	Description string        `json:"description,omitempty"`
	Item        []postmanItem `json:"item"`
}

type postmanItem struct {
	Name    string         `json:"name"`
	Request postmanRequest `json:"request"`
}

type postmanRequest struct {
	Method      string        `json:"method"`
	Description string        `json:"description,omitempty"`
	Auth        *postmanAuth  `json:"auth,omitempty"` // nil: the collection's
	Header      []postmanPair `json:"header"`
	URL         postmanURL    `json:"url"`
	Body        *postmanBody  `json:"body,omitempty"`
}

type postmanAuth struct {
	Type   string        `json:"type"`
	Bearer []postmanPair `json:"bearer,omitempty"`
}

type postmanURL struct {
	Raw      string        `json:"raw"`
	Host     []string      `json:"host"`
	Path     []string      `json:"path"`
	Query    []postmanPair `json:"query,omitempty"`
	Variable []postmanPair `json:"variable,omitempty"`
}

type postmanPair struct {
	Key         string `json:"key"`
	Value       string `json:"value"`
	Type        string `json:"type,omitempty"`
	Description string `json:"description,omitempty"`
	Disabled    bool   `json:"disabled,omitempty"`
}

type postmanBody struct {
	Mode    string `json:"mode"`
	Raw     string `json:"raw"`
	Options struct {
		Raw struct {
			Language string `json:"language"`
		} `json:"raw"`
	} `json:"options"`
}

// newCollection makes a collection of the operations, a folder a tag.
func newCollection(api *huma.OpenAPI) collection {
	var c collection
	c.Info.Name, c.Info.Description = api.Info.Title, api.Info.Description
	c.Info.Schema = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
	c.Auth = postmanAuth{Type: "bearer", Bearer: []postmanPair{{Key: "token", Value: "{{api_key}}", Type: "string"}}}
	base := "http://localhost:8080"
	if len(api.Servers) > 0 && strings.Contains(api.Servers[0].URL, "://") {
		base = strings.TrimSuffix(api.Servers[0].URL, "/")
	}
	c.Variable = []postmanPair{{Key: "base_url", Value: base, Type: "string"}, {Key: "api_key", Type: "string"}}
	for _, g := range groups(api) {
		f := folder{Name: g.tag.Name, Description: g.tag.Description}
		for _, o := range g.operations {
			f.Item = append(f.Item, postmanItem{Name: o.Summary, Request: newRequest(api, o)})
		}
		c.Item = append(c.Item, f)
	}
	return c
}

func newRequest(api *huma.OpenAPI, o operation) postmanRequest {
	path := strings.NewReplacer("{", ":", "}", "").Replace(o.Path)
	r := postmanRequest{
		Method: o.Method, Description: o.Description, Header: []postmanPair{},
		URL: postmanURL{Raw: "{{base_url}}" + path, Host: []string{"{{base_url}}"}, Path: strings.Split(strings.TrimPrefix(path, "/"), "/")},
	}
	if !takesKey(o) {
		r.Auth = &postmanAuth{Type: "noauth"} // Postman keeps the cookie that a login sets
	}
	for _, p := range o.Parameters {
		pair := postmanPair{Key: p.Name, Value: written(Example(api.Components.Schemas, p.Schema)), Description: p.Description}
		switch p.In {
		case "path":
			pair.Value = ""
			r.URL.Variable = append(r.URL.Variable, pair)
		case "query":
			pair.Disabled = true
			r.URL.Query = append(r.URL.Query, pair)
		case "header":
			pair.Disabled = true
			r.Header = append(r.Header, pair)
		}
	}
	if body := o.body(api); body != nil {
		r.Header = append(r.Header, postmanPair{Key: "Content-Type", Value: "application/json"})
		r.Body = &postmanBody{Mode: "raw", Raw: indent(body)}
		r.Body.Options.Raw.Language = "json"
	}
	return r
}

// takesKey says whether an API key opens an operation.
func takesKey(o operation) bool {
	for _, way := range o.Security {
		if _, ok := way["key"]; ok {
			return true
		}
	}
	return false
}

// written is a value as a query has it.
func written(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	text, _ := json.Marshal(v) //nolint:errchkjson // it came from JSON
	return string(text)
}

// indent writes JSON for people.
func indent(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v) // what it is made of was JSON before
	return strings.TrimSuffix(b.String(), "\n")
}
