package hostile_test

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"parley/control"
	"parley/control/access"
	"parley/control/library"
	"parley/control/talk"
	"parley/control/webhook"
)

// nobody is whom keys belong to.
type nobody struct{}

func (nobody) Authenticate(context.Context, string) (access.Identity, error) {
	return access.Identity{}, access.ErrUnauthenticated
}

// addressing are the names of fields that may say where this server goes.
var addressing = regexp.MustCompile(`(?i)(url|uri|link|href|host|hostname|server|endpoint|address|domain|origins?|webhook|callback|media|proxy|tools)s?$`)

// places are the fields of requests that may, by operation, and the way by which this server goes there. What begins with a dash is no way.
var places = map[string]string{
	"create-agent settings.tools": "tools, MCP servers", "update-agent settings.tools": "tools, MCP servers", "try-agent settings.tools": "tools, MCP servers",
	"create-agent settings.relay.url": ofApps, "update-agent settings.relay.url": ofApps, "try-agent settings.relay.url": ofApps,
	"create-credential base_url": asVendors, "update-credential base_url": asVendors,
	"create-campaign webhook_url": "webhooks", "create-task webhook_url": "webhooks", "update-task webhook_url": "webhooks", "test-webhook url": "webhooks",
	"load-recording url":           "recordings",
	"create-number pre_answer.url": "pre-answers", "update-number pre_answer.url": "pre-answers", "update-organization pre_answer.url": "pre-answers",

	"create-agent settings.widget.origins": ofPages, "update-agent settings.widget.origins": ofPages, "try-agent settings.widget.origins": ofPages,
	"create-contact addresses.address": "-a telephone number, or an email", "update-contact addresses.address": "-a telephone number, or an email",
	"write-message location.address": "-a street", "write-message media": "-an id, or a url", "write-message media.url": ofMedia,
	"create-trunk host": ofTrunks, "update-trunk host": ofTrunks, "put-webhook-settings enable_endpoints": "-names of hosts, which are let be told again",
}

const (
	asVendors = "credentials verified, vendors' requests, vendors' sockets" // WhatsApp's media come by the same requests
	ofApps    = "apps' sockets, apps' sounds"                               // which the app names
	ofPages   = "-pages that may ask us"
	ofMedia   = "-where the channel fetches the file, which this server never does"
	ofTrunks  = "-SIP, to telephone exchanges, which stand in private networks: docs/sip.md"
)

// TestEveryPlaceIsKnown: each field of each request that may hold an address, as the API's own description has them, is either used by a way
// that TestNothingGetsIn tries, or known to lead nowhere. A new field fails here until somebody has said which.
func TestEveryPlaceIsKnown(t *testing.T) {
	t.Parallel()
	db, _ := database(t)
	secret := []byte("0123456789abcdef0123456789abcdef")
	tokens, err := talk.NewTokens(db, nil, secret)
	must(t, err)
	c, err := control.New(control.Options{
		Agents: db, Calls: db, Tasks: db, Campaigns: db, Contacts: db, DoNotCall: db, Lines: db, Bots: db, People: db, Webhooks: db, Hooks: &webhook.Secrets{},
		Dialer: struct{ control.Dialer }{}, Auth: nobody{}, Secret: secret, Library: &library.Library{Store: db}, Talk: tokens, Fetch: func() {},
	})
	must(t, err)
	defer c.Close()
	mux := http.NewServeMux()
	c.Mount(mux)
	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/openapi.json", nil))
	var described struct {
		Paths map[string]map[string]struct {
			OperationID string `json:"operationId"`
			RequestBody struct {
				Content map[string]struct {
					Schema any `json:"schema"`
				} `json:"content"`
			} `json:"requestBody"`
		} `json:"paths"`
		Components struct {
			Schemas map[string]any `json:"schemas"`
		} `json:"components"`
	}
	must(t, json.Unmarshal(answer.Body.Bytes(), &described))
	found := map[string]bool{}
	operations := 0
	for path, methods := range described.Paths {
		if !strings.HasPrefix(path, "/api/") && !strings.HasPrefix(path, "/crm/") {
			continue // what carriers and channels tell
		}
		for _, op := range methods {
			operations++
			for _, body := range op.RequestBody.Content {
				walk(described.Components.Schemas, body.Schema, nil, func(field string) {
					if addressing.MatchString(field[strings.LastIndexByte(field, '.')+1:]) {
						found[op.OperationID+" "+field] = true
					}
				})
			}
		}
	}
	if operations < 100 {
		t.Fatalf("the description has %d operations: the test looks at the wrong place", operations)
	}
	known := map[string]bool{}
	for _, w := range ways() {
		known[w.name] = true
	}
	for place, way := range places {
		if !found[place] {
			t.Errorf("%s is no field of the API's any more", place)
		}
		for _, name := range strings.Split(way, ", ") {
			if !known[name] && !strings.HasPrefix(way, "-") {
				t.Errorf("%s: %s is no way that is tried", place, name)
			}
		}
	}
	for _, place := range slices.Sorted(maps.Keys(found)) {
		if places[place] == "" {
			t.Errorf("%s may hold an address: it is not known where it leads", place)
		}
	}
}

// walk tells of every field of a schema, by its path.
func walk(schemas map[string]any, schema any, above []string, tell func(field string)) {
	s, ok := schema.(map[string]any)
	if !ok || len(above) > 12 {
		return
	}
	if ref, ok := s["$ref"].(string); ok {
		walk(schemas, schemas[ref[strings.LastIndexByte(ref, '/')+1:]], above, tell)
	}
	for name, of := range or(s["properties"]) {
		at := append(slices.Clone(above), name)
		tell(strings.Join(at, "."))
		walk(schemas, of, at, tell)
	}
	for _, inner := range []string{"items", "additionalProperties"} {
		walk(schemas, s[inner], above, tell)
	}
	for _, several := range []string{"anyOf", "oneOf", "allOf"} {
		list, _ := s[several].([]any)
		for _, one := range list {
			walk(schemas, one, above, tell)
		}
	}
}

// or is an object of JSON, or an empty one.
func or(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}
