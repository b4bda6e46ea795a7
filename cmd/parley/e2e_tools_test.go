//go:build e2e

package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"parley/providers/providertest"
)

const toolsKey = "orders-key-58d1c2"

// orders is an operator's server, over HTTP.
type orders struct {
	mu    sync.Mutex
	asked []string
}

func (o *orders) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = append(o.asked, r.Method+" "+r.RequestURI+" "+r.Header.Get("Authorization"))
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"status": "waiting at the harbour", "internal": 17, "key": %q}`, r.Header.Get("Authorization"))
}

// clerk is a model that finds an order when the caller first speaks, takes a name when they speak again, and has it confirmed then.
func clerk(req providertest.OpenAIRequest) providertest.OpenAIAnswer {
	spoke, last := 0, req.Messages[len(req.Messages)-1]
	for _, m := range req.Messages {
		if m.Role == "user" && !strings.HasPrefix(*m.Content, "[") {
			spoke++
		}
	}
	calls := func(name string, args ...string) providertest.OpenAIAnswer {
		a := providertest.OpenAIAnswer{Steps: []providertest.OpenAIStep{providertest.OpenAIToolCall(0, fmt.Sprintf("call_%d", req.N), name, "")}}
		for _, piece := range args {
			a.Steps = append(a.Steps, providertest.OpenAIToolCall(0, "", "", piece))
		}
		a.Steps = append(a.Steps, providertest.OpenAIFinish("tool_calls"), providertest.OpenAIDone())
		return a
	}
	var result struct{ Status string }
	switch {
	case last.Role == "tool" && spoke == 1:
		if err := json.Unmarshal([]byte(*last.Content), &result); err != nil {
			return providertest.OpenAISay("It cannot be found: " + *last.Content)
		}
		return providertest.OpenAISay("Your order is " + result.Status + ".")
	case last.Role == "tool" && spoke == 2:
		return providertest.OpenAISay("Your name is Anna. Is that right?")
	case last.Role == "tool":
		return providertest.OpenAISay("Thank you, it is written down.")
	case spoke == 1:
		return calls("find_order", `{"ord`, `er":"47`, `11"}`)
	case spoke == 2:
		return calls("collect_caller", `{"name":`, `"Anna"}`)
	case spoke == 3:
		return calls("collect_caller", `{"confirmed":true}`)
	}
	return providertest.OpenAISay("Hello. What can I do for you?")
}

// TestEndToEndTools: a model asks for an operator's tool over HTTP, and fills a form. The caller hears what the server said, the record has
// the tools in their turns and the values of the form, and the secret is nowhere.
func TestEndToEndTools(t *testing.T) {
	t.Parallel()
	shop := &orders{}
	server := httptest.NewServer(shop)
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "tools.yaml")
	const tools = `
allow: [127.0.0.1]
built_in:
  collect:
    - name: caller
      fields: [{name: name}]
http:
  - name: find_order
    description: Finds an order by its number.
    parameters: {type: object, properties: {order: {type: string, pattern: "^[0-9]+$"}}, required: [order]}
    url: %s/orders/{{order}}?by={{call.from}}
    auth: {bearer: "${secret:ORDERS_KEY}"}
    fields: [status, key]
`
	if err := os.WriteFile(file, fmt.Appendf(nil, tools, server.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	model := &providertest.OpenAI{Answer: clerk}
	n := serve(t, "PARLEY_TOOLS="+file, "PARLEY_SECRET_ORDERS_KEY="+toolsKey, "OPENAI_BASE_URL="+providertest.StartOpenAI(t, model), "PARLEY_LOG_LEVEL=debug")
	out, code := command(t, []string{"TWILIO_AUTH_TOKEN=" + testToken}, "call", "--connect", strings.TrimPrefix(n.url, "http://"), "--wav", t.TempDir()+"/call.wav",
		"--do", "hear", "--do", "say agent-pass", "--do", "hear", "--do", "say agent-pass", "--do", "hear", "--do", "say agent-pass", "--do", "hear", "--do", "hangup")
	t.Logf("parley call printed:\n%s", out)
	if heard := strings.ToLower(out); code != 0 || !strings.Contains(heard, "harbor") && !strings.Contains(heard, "harbour") || !strings.Contains(heard, "written down") {
		t.Errorf("exit code %d; what the server said was not heard", code)
	}
	shop.mu.Lock()
	if want := "GET /orders/4711?by=%2B15550100001 Bearer " + toolsKey; len(shop.asked) != 1 || shop.asked[0] != want {
		t.Errorf("the server was asked %q, want %q", shop.asked, want)
	}
	shop.mu.Unlock()
	calls := n.calls()
	if len(calls) != 1 {
		t.Fatalf("%d calls", len(calls))
	}
	checkToolRecord(t, n, n.record(calls[0].CarrierID))
	n.stop()
	nowhere(t, n, toolsKey)
}

// checkToolRecord holds the record of the call to what was said and done on it.
func checkToolRecord(t *testing.T, n *node, call callRow) {
	t.Helper()
	var row struct {
		Collected map[string]string `json:"collected"`
		Turns     []struct {
			Said   string           `json:"said"`
			Heard  string           `json:"heard"`
			Counts map[string]int64 `json:"counts"`
		} `json:"turns"`
		Transcript []struct {
			Role string `json:"role"`
			Text string `json:"text"`
		} `json:"transcript"`
	}
	n.into(n.api(http.MethodGet, "/api/v1/calls/"+call.ID, nil), &row)
	if want := map[string]string{"caller.name": "Anna"}; !maps.Equal(row.Collected, want) {
		t.Errorf("collected %v, want %v", row.Collected, want)
	}
	want := []string{"Your order is waiting at the harbour.", "Your name is Anna. Is that right?", "Thank you, it is written down."}
	for _, turn := range row.Turns {
		if len(want) > 0 && turn.Heard == want[0] {
			want = want[1:]
			if turn.Said == "" || turn.Counts["tools"] != 1 || turn.Counts["tool_errors"] != 0 {
				t.Errorf("the turn of %q has %+v", turn.Heard, turn)
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("no turn in which was heard %q: %+v", want, row.Turns)
	}
	var told []string
	for _, m := range row.Transcript {
		if m.Role == "tool" {
			told = append(told, m.Text)
		}
	}
	if len(told) != 3 || told[0] != `find_order {"order":"4711"}: {"key":"Bearer [secret]","status":"waiting at the harbour"}` ||
		!strings.HasPrefix(told[1], `collect_caller {"name":"Anna"}: All is there.`) || !strings.HasPrefix(told[2], `collect_caller {"confirmed":true}: Recorded.`) {
		t.Errorf("the transcript's tools are %q", told)
	}
}

// nowhere looks for a secret in the node's log, its output and every file of its data directory.
func nowhere(t *testing.T, n *node, secret string) {
	t.Helper()
	if strings.Contains(n.log.String()+n.out.String(), secret) {
		t.Error("the log tells the secret")
	}
	err := filepath.WalkDir(n.data, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), secret) {
			t.Errorf("the secret is in %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
