package reference

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
)

// A sheet is what page.html shows.
type sheet struct {
	Title, Version string
	About          template.HTML
	Groups         []sheetGroup
	Channels       []sheetChannel
}

type sheetGroup struct {
	Name, ID   string
	About      template.HTML
	Operations []sheetOperation
}

type sheetOperation struct {
	ID, Method, Path, Summary string
	About                     template.HTML
	Ways                      []string
	Parameters                []parameter
	Fields                    []field
	Body, Curl                string
	Responses                 []response
}

type parameter struct {
	Name, In, Kind, About string
	Required              bool
}

type response struct {
	Status, Example string
	Good            bool
	About           template.HTML
	Headers         []string
	Fields          []field
}

type sheetChannel struct {
	ID, Title, Address, Summary string
	Messages                    []sheetMessage
}

type sheetMessage struct{ Title, Summary, Example string }

// A writer makes the sheet.
type writer struct {
	api      *huma.OpenAPI
	markdown goldmark.Markdown
	err      error // the first
}

// render writes the page.
func render(api *huma.OpenAPI, e events) ([]byte, error) {
	page, err := template.ParseFS(files, "page.html")
	if err != nil {
		return nil, fmt.Errorf("read page.html: %w", err)
	}
	w := &writer{api: api, markdown: goldmark.New(goldmark.WithExtensions(extension.Table))}
	s := sheet{Title: api.Info.Title, Version: api.Info.Version, About: w.html(api.Info.Description)}
	for _, g := range groups(api) {
		group := sheetGroup{Name: g.tag.Name, ID: strings.ToLower(strings.ReplaceAll(g.tag.Name, " ", "-")), About: w.html(g.tag.Description)}
		for _, o := range g.operations {
			group.Operations = append(group.Operations, w.operation(o))
		}
		s.Groups = append(s.Groups, group)
	}
	for _, name := range slices.Sorted(maps.Keys(e.read.Channels)) {
		s.Channels = append(s.Channels, channel(name, e))
	}
	var out bytes.Buffer
	if err := page.Execute(&out, s); err != nil || w.err != nil {
		return nil, fmt.Errorf("write the page: %w", errors.Join(err, w.err))
	}
	return out.Bytes(), nil
}

// html renders Markdown; HTML in it is left out.
func (w *writer) html(markdown string) template.HTML {
	var b bytes.Buffer
	if err := w.markdown.Convert([]byte(markdown), &b); err != nil && w.err == nil {
		w.err = err
	}
	return template.HTML(b.String()) //nolint:gosec // goldmark escapes, and the text is ours
}

func (w *writer) operation(o operation) sheetOperation {
	r := w.api.Components.Schemas
	s := sheetOperation{
		ID: o.OperationID, Method: o.Method, Path: o.Path, Summary: o.Summary, About: w.html(o.Description), Ways: w.ways(o), Curl: curl(w.api, o),
	}
	for _, p := range o.Parameters {
		s.Parameters = append(s.Parameters, parameter{Name: p.Name, In: p.In, Kind: kind(r, p.Schema), About: p.Description, Required: p.Required})
	}
	if o.RequestBody != nil && o.RequestBody.Content["application/json"] != nil {
		s.Fields = fields(r, o.RequestBody.Content["application/json"].Schema)
		s.Body = indent(o.body(w.api))
	}
	for _, status := range slices.Sorted(maps.Keys(o.Responses)) {
		s.Responses = append(s.Responses, w.response(status, o.Responses[status]))
	}
	return s
}

func (w *writer) response(status string, r *huma.Response) response {
	out := response{
		Status: status, Good: status < "4", About: w.html(r.Description), Headers: slices.Sorted(maps.Keys(r.Headers)),
	}
	if c := r.Content["application/json"]; c != nil {
		if out.Example = indent(c.Example); out.Good {
			out.Fields = fields(w.api.Components.Schemas, c.Schema)
		}
	}
	return out
}

// ways are how an operation is reached, in words.
func (w *writer) ways(o operation) (all []string) {
	for _, way := range o.Security {
		for _, name := range slices.Sorted(maps.Keys(way)) {
			text := map[string]string{
				"key": "an API key", "jwt": "a JWT of a session", "session": "a session's cookie", "ticket": "a signed link",
			}[name]
			if len(way[name]) > 0 {
				text += " with the scope " + strings.Join(way[name], ", ")
			}
			all = append(all, text)
		}
	}
	return all
}

// curl is an operation's request as one types it, with the variables that the command line knows too.
func curl(api *huma.OpenAPI, o operation) string {
	var b strings.Builder
	b.WriteString("curl")
	if o.Method != "GET" {
		b.WriteString(" -X " + o.Method)
	}
	path := strings.NewReplacer("{", "$", "}", "").Replace(o.Path)
	b.WriteString(` "$PARLEY_URL` + strings.ReplaceAll(path, "$id", "$ID") + `"`)
	switch {
	case takesKey(o):
		b.WriteString(" \\\n  -H \"Authorization: Bearer $PARLEY_API_KEY\"")
	case o.OperationID == "login" || o.OperationID == "accept-invite":
		b.WriteString(" \\\n  -c cookies.txt")
	case len(o.Security) > 0:
		b.WriteString(" \\\n  -b cookies.txt")
	}
	if body := o.body(api); body != nil {
		b.WriteString(" \\\n  -H \"Content-Type: application/json\" \\\n  -d '" + strings.ReplaceAll(indent(body), "'", `'\''`) + "'")
	}
	return b.String()
}

// channel shows a channel of asyncapi.json.
func channel(name string, e events) sheetChannel {
	c := e.read.Channels[name]
	s := sheetChannel{ID: "channel-" + name, Title: c.Title, Summary: c.Summary, Address: "the task's webhook_url"}
	if c.Address != nil {
		s.Address = *c.Address
	}
	for _, id := range slices.Sorted(maps.Keys(c.Messages)) {
		m := e.read.Components.Messages[id]
		shown := sheetMessage{Title: m.Title, Summary: m.Summary}
		if len(m.Examples) > 0 {
			shown.Example = indent(m.Examples[0].Payload)
		}
		s.Messages = append(s.Messages, shown)
	}
	return s
}
