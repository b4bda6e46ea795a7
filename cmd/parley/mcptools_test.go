package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"parley/media"
	"parley/pipeline"
	"parley/pipeline/tool"
	"parley/store"
)

// mcpShop is an MCP server on this machine that takes one token.
func mcpShop(t *testing.T, token string) (url string) {
	t.Helper()
	server := mcp.NewServer(&mcp.Implementation{Name: "shop"}, nil)
	type order struct {
		Order string `json:"order"`
	}
	mcp.AddTool(server, &mcp.Tool{Name: "find-order", Description: "Finds an order."}, func(_ context.Context, r *mcp.CallToolRequest, in order) (*mcp.CallToolResult, any, error) {
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: in.Order + " for " + r.Extra.Header.Get("Authorization")}}}, nil, nil
	})
	handler := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{Stateless: true, JSONResponse: true})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestMCPTools: a file's MCP servers are asked with their secrets, by the guard of HTTP tools, and a model that uses them is told no secret.
func TestMCPTools(t *testing.T) {
	t.Parallel()
	const token = "shop-token-93d1"
	url := mcpShop(t, token)
	entry := "mcp:\n  - name: shop\n    url: " + url + "\n    auth: {bearer: \"${secret:SHOP}\"}\n    tools: [find-order]\n    timeout: 5s\n"
	offers := func(allow string) (*toolbox, []string) {
		t.Helper()
		b, err := withTools(t, allow+entry, map[string]string{"PARLEY_SECRET_SHOP": token})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.close)
		b.forCall("CA1", media.Info{}, tool.Ways{}, nil)
		b.mcp[0].Ready(t.Context())
		var names []string
		for _, one := range b.forCall("CA1", media.Info{}, tool.Ways{}, nil) {
			names = append(names, one.Name)
		}
		return b, names
	}
	if _, names := offers(""); slices.Contains(names, "shop_find_order") {
		t.Error("a server at a private address was asked")
	}
	b, names := offers("allow: [127.0.0.1]\n")
	if !slices.Contains(names, "shop_find_order") {
		t.Fatalf("offered are %v", names)
	}
	next, err := withTools(t, entry, map[string]string{"PARLEY_SECRET_SHOP": token})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(next.close)
	next.adopt(b)
	if offered := next.forCall("CA2", media.Info{}, tool.Ways{}, nil); !slices.ContainsFunc(offered, func(p pipeline.Tool) bool { return p.Name == "shop_find_order" }) {
		t.Error("the agent's next version does not know what the one before did")
	}
	for _, one := range b.forCall("CA1", media.Info{}, tool.Ways{}, nil) {
		if one.Name != "shop_find_order" {
			continue
		}
		text, _, err := one.Run(t.Context(), json.RawMessage(`{"order":"4711"}`))
		if err != nil || text != "4711 for Bearer [secret]" || !one.Firm || one.Limit != 7*time.Second {
			t.Errorf("%q, %v, %+v", text, err, one)
		}
	}
}

func TestMCPToolsRefused(t *testing.T) {
	t.Parallel()
	for want, text := range map[string]string{
		"line 2: mcp.0: tools is missing":                 "mcp:\n  - {name: a, url: https://example.com/mcp}",
		"line 3: mcp.0: name is":                          "mcp:\n  - url: https://example.com/mcp\n    name: A B\n    tools: [x]",
		"url: want https://host/path":                     "mcp:\n  - {name: a, url: /mcp, tools: [x]}",
		"secret NONE is not configured":                   "mcp:\n  - {name: a, url: https://example.com, tools: [x], auth: {bearer: \"${secret:NONE}\"}}",
		"there are two tools":                             "mcp:\n  - {name: a, url: https://example.com, tools: [x]}\n  - {name: a, url: https://example.com, tools: [y]}",
		"unknown setting":                                 "mcp:\n  - {name: a, url: https://example.com, tools: [x], command: npx}",
		"url: {{order}}: parameters has no such property": "mcp:\n  - {name: a, url: \"https://example.com/{{order}}\", tools: [x]}",
		"headers: \"Host\" cannot be set":                 "mcp:\n  - {name: a, url: https://example.com, tools: [x], headers: {Host: b}}",
	} {
		if _, err := withTools(t, text, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	sheet := `{"tools":{"mcp":[{"name":"a","url":"https://example.com/mcp","tools":["x"],"auth":{"bearer":"in clear"}}]}}`
	c, _ := companyOf(t, nil)
	found := c.Check(store.Agent{ID: "a", Settings: sheet})
	if len(found) != 1 || found[0].Path != "settings.tools.mcp[0].auth.bearer" || !strings.Contains(found[0].Reason, "name a secret") {
		t.Errorf("a secret in an agent's settings: %v", found)
	}
}
