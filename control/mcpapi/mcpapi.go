// Package mcpapi is the API as tools of an MCP server (https://modelcontextprotocol.io): what a key may do, a model that has it can.
//
//	POST /mcp, Authorization: Bearer ──▶ Handler ──▶ tools/list: operations that the key has scopes for, made of the API's description
//	                                        └──▶ tools/call ──▶ a request to the API itself, with the same key ──▶ its answer, as text
//
// It is stateless: every request stands alone, so that any node may answer it. It knows no more than the description says, and may no more
// than the key, since the API looks at each request as at any other.
package mcpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

const (
	mostAnswer  = 1 << 20 // bytes of an answer that a model is given
	mostServers = 64      // that are kept: one for each set of tools
)

// What the requests of tools have for headers that no client can set: where the request came by, and from whom.
const (
	hostHeader = "X-Parley-Mcp-Host"
	fromHeader = "X-Parley-Mcp-From"
)

// Options are what a Handler is made of. API and Next are needed.
type Options struct {
	API     *huma.OpenAPI
	Next    http.Handler // the API
	Key     string       // the security scheme whose scopes tools need
	Version string
	Log     *slog.Logger // nil: none
}

// A Handler serves MCP. It is safe for any number of goroutines.
type Handler struct {
	o     Options
	tools []*operation // by name

	mu      sync.Mutex
	servers map[string]*mcp.Server // by the names of their tools
}

// operation is one of the API's as a tool.
type operation struct {
	tool         mcp.Tool
	method, path string
	tags, scopes []string
	inPath       []string
	inQuery      []string
}

// New makes a Handler of what the API's description has: operations that take a key, and take and give JSON.
func New(o Options) (*Handler, error) {
	h := &Handler{o: o, servers: make(map[string]*mcp.Server)}
	for path, item := range o.API.Paths {
		for method, op := range map[string]*huma.Operation{
			http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodPatch: item.Patch, http.MethodDelete: item.Delete,
		} {
			if op == nil || !speaksJSON(op) {
				continue
			}
			scopes, ok := scopesOf(op, o.Key)
			if !ok {
				continue
			}
			made, err := h.operation(method, path, op)
			if err != nil {
				return nil, fmt.Errorf("make a tool of %s: %w", op.OperationID, err)
			}
			made.scopes = scopes
			h.tools = append(h.tools, made)
		}
	}
	slices.SortFunc(h.tools, func(a, b *operation) int { return strings.Compare(a.tool.Name, b.tool.Name) })
	return h, nil
}

// scopesOf are what an operation asks of a key; false: it takes none.
func scopesOf(op *huma.Operation, key string) ([]string, bool) {
	for _, way := range op.Security {
		if scopes, ok := way[key]; ok {
			return scopes, true
		}
	}
	return nil, false
}

// speaksJSON says whether all that an operation takes and gives is JSON.
func speaksJSON(op *huma.Operation) bool {
	all := func(content map[string]*huma.MediaType) bool {
		for kind := range content {
			if kind != "application/json" {
				return false
			}
		}
		return true
	}
	if op.RequestBody != nil && !all(op.RequestBody.Content) {
		return false
	}
	for status, r := range op.Responses {
		if strings.HasPrefix(status, "2") && !all(r.Content) {
			return false
		}
	}
	return true
}

// operation makes a tool of an operation.
func (h *Handler) operation(method, path string, op *huma.Operation) (*operation, error) {
	o := &operation{method: method, path: path, tags: op.Tags}
	properties, required := map[string]any{}, []string{}
	for _, p := range op.Parameters {
		switch p.In {
		case "path":
			o.inPath = append(o.inPath, p.Name)
		case "query":
			o.inQuery = append(o.inQuery, p.Name)
		default:
			continue
		}
		schema, err := remade(p.Schema)
		if err != nil {
			return nil, err
		}
		if p.Description != "" {
			schema["description"] = p.Description
		}
		properties[p.Name] = schema
		if p.Required || p.In == "path" {
			required = append(required, p.Name)
		}
	}
	if b := op.RequestBody; b != nil {
		schema, err := remade(b.Content["application/json"].Schema)
		if err != nil {
			return nil, err
		}
		properties["body"] = schema
		if b.Required {
			required = append(required, "body")
		}
	}
	input := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		input["required"] = required
	}
	defs := map[string]any{}
	if err := h.define(properties, defs); err != nil {
		return nil, err
	}
	if len(defs) > 0 {
		input["$defs"] = defs
	}
	text, err := json.Marshal(input)
	if err != nil {
		return nil, fmt.Errorf("write schema: %w", err)
	}
	o.tool = mcp.Tool{
		Name: strings.ReplaceAll(op.OperationID, "-", "_"), Title: op.Summary, Description: strings.TrimSpace(op.Summary + ".\n" + op.Description),
		InputSchema: json.RawMessage(strings.ReplaceAll(string(text), `"#/components/schemas/`, `"#/$defs/`)),
		Annotations: &mcp.ToolAnnotations{
			ReadOnlyHint: method == http.MethodGet, DestructiveHint: new(method == http.MethodDelete), IdempotentHint: method != http.MethodPost, OpenWorldHint: new(false),
		},
	}
	return o, nil
}

// define puts the schemas that v refers to into defs, and those that they refer to.
func (h *Handler) define(v any, defs map[string]any) error {
	switch v := v.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok {
			name := ref[strings.LastIndexByte(ref, '/')+1:]
			if defs[name] != nil {
				return nil
			}
			schema, err := remade(h.o.API.Components.Schemas.SchemaFromRef(ref))
			if err != nil {
				return err
			}
			defs[name] = schema
			return h.define(schema, defs)
		}
		for _, inner := range v {
			if err := h.define(inner, defs); err != nil {
				return err
			}
		}
	case []any:
		for _, inner := range v {
			if err := h.define(inner, defs); err != nil {
				return err
			}
		}
	}
	return nil
}

// remade is a schema as JSON has it.
func remade(s *huma.Schema) (out map[string]any, err error) {
	text, err := json.Marshal(s)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		return nil, fmt.Errorf("write schema: %w", err)
	}
	return out, nil
}

// Serve answers a request of somebody who may use these scopes. Of their tools those of some tags are there, where the request's ?tags= names any.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request, may func(scope string) bool) {
	var tags []string
	if text := r.URL.Query().Get("tags"); text != "" {
		tags = strings.Split(strings.ToLower(text), ",")
	}
	var tools []*operation
	var key strings.Builder
	for _, t := range h.tools {
		wanted := len(tags) == 0 || slices.ContainsFunc(t.tags, func(tag string) bool { return slices.Contains(tags, strings.ToLower(tag)) })
		if wanted && !slices.ContainsFunc(t.scopes, func(scope string) bool { return !may(scope) }) {
			tools = append(tools, t)
			key.WriteString(t.tool.Name + " ")
		}
	}
	server := h.server(key.String(), tools)
	asked := r.Clone(r.Context())
	asked.Header.Set(hostHeader, r.Host)
	asked.Header.Set(fromHeader, r.RemoteAddr)
	mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{
		Stateless: true, JSONResponse: true, Logger: h.o.Log, PropagateRequestCancellation: true,
		DisableLocalhostProtection: true, // a page of another site cannot have the key
	}).ServeHTTP(w, asked)
}

// server has some tools. It is shared by all who may use just these.
func (h *Handler) server(key string, tools []*operation) *mcp.Server {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s := h.servers[key]; s != nil {
		return s
	}
	if len(h.servers) >= mostServers {
		clear(h.servers)
	}
	s := mcp.NewServer(&mcp.Implementation{Name: "parley", Title: "Parley", Version: h.o.Version}, &mcp.ServerOptions{
		Capabilities: &mcp.ServerCapabilities{Tools: &mcp.ToolCapabilities{}}, Logger: h.o.Log,
		Instructions: "The API of a voice media gateway: agents that hold telephone calls, the calls, tasks that place calls, campaigns, contacts. Answers are JSON; in most of them data has what was asked for.",
	})
	for _, t := range tools {
		s.AddTool(&t.tool, func(ctx context.Context, r *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return h.call(ctx, t, r)
		})
	}
	h.servers[key] = s
	return s
}

// call asks the API.
func (h *Handler) call(ctx context.Context, o *operation, r *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	args := map[string]json.RawMessage{}
	if object := len(r.Params.Arguments) == 0 || json.Unmarshal(r.Params.Arguments, &args) == nil; !object {
		return wrong("want the arguments as an object"), nil
	}
	req, why := o.request(ctx, args)
	if why != "" {
		return wrong(why), nil
	}
	for _, name := range []string{"Authorization", "User-Agent", "X-Forwarded-For", "Traceparent"} {
		if v := r.Extra.Header.Get(name); v != "" {
			req.Header.Set(name, v)
		}
	}
	req.Host, req.RemoteAddr = r.Extra.Header.Get(hostHeader), r.Extra.Header.Get(fromHeader)
	var a answer
	h.o.Next.ServeHTTP(&a, req)
	if a.cut {
		return wrong(fmt.Sprintf("the answer is larger than %d KiB: ask for less, such as by limit", mostAnswer>>10)), nil
	}
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: a.text.String()}}, IsError: a.status >= http.StatusBadRequest}, nil
}

// wrong is what a model is told that asked wrongly.
func wrong(why string) *mcp.CallToolResult {
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: why}}, IsError: true}
}

// request is the API's request for a use of the tool; why not, if its arguments make none.
func (o *operation) request(ctx context.Context, args map[string]json.RawMessage) (req *http.Request, why string) {
	path, query := o.path, url.Values{}
	for _, name := range o.inPath {
		text := plain(args[name])
		if text == "" {
			return nil, name + " is missing"
		}
		path = strings.Replace(path, "{"+name+"}", url.PathEscape(text), 1)
	}
	for _, name := range o.inQuery {
		if text := listed(args[name]); text != "" {
			query.Set(name, text)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(args)) {
		if name != "body" && !slices.Contains(o.inPath, name) && !slices.Contains(o.inQuery, name) {
			return nil, "there is no argument " + name
		}
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, o.method, path, bytes.NewReader(args["body"]))
	if err != nil {
		return nil, "the arguments make no request"
	}
	if len(args["body"]) > 0 {
		req.Header.Set("Content-Type", "application/json")
	} else {
		req.Body, req.ContentLength = http.NoBody, 0
	}
	return req, ""
}

// plain is an argument as a path and a query have it: a text without its quotes.
func plain(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}

// listed is an argument as a query has it: of several, one after the other with commas between them.
func listed(value json.RawMessage) string {
	var all []json.RawMessage
	if json.Unmarshal(value, &all) != nil || all == nil {
		return plain(value)
	}
	texts := make([]string, 0, len(all))
	for _, one := range all {
		texts = append(texts, plain(one))
	}
	return strings.Join(texts, ",")
}

// answer takes the API's answer.
type answer struct {
	header http.Header
	status int
	text   bytes.Buffer
	cut    bool // there was more than a model is given
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header {
	if a.header == nil {
		a.header = make(http.Header)
	}
	return a.header
}

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// Write implements http.ResponseWriter.
func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	if a.cut = a.cut || a.text.Len()+len(b) > mostAnswer; !a.cut {
		a.text.Write(b)
	}
	return len(b), nil
}
