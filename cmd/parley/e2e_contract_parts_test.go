//go:build e2e

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/bench/carrier"
	"parley/control/voice/voicetest"
)

// Numbers, by how whoever has them behaves.
const (
	talks = "+1234567890"  // the page's own: hears the agent out and hangs up
	stays = "+155501002"   // and two digits: a number that is on the line is not called again
	rings = "+15550100102" // and does not answer
	busy  = "+15550100103"
)

const (
	contractOwner    = "owner@example.com"
	contractPassword = "correct horse battery staple"
	contractPublic   = "https://parley.test"
)

// newContractRun starts the real server, with a fake carrier that calls its tasks' numbers, and a receiver of webhooks that it trusts.
func newContractRun(t *testing.T, env []string) *contractRun {
	t.Helper()
	r := &contractRun{t: t, c: voicetest.Load(), open: map[string]bool{}, filters: map[string]string{}}
	for _, item := range r.c.Items() {
		r.open[item] = true
	}
	script := func(lines string) []carrier.Step {
		steps, err := carrier.ParseScript("callee", lines)
		if err != nil {
			t.Fatal(err)
		}
		return steps
	}
	const sid = "AC00000000000000000000000000000002"
	exchange := &carrier.Exchange{
		AccountSID: sid, AuthToken: testToken,
		Callee: func(to string) carrier.Callee {
			if strings.HasPrefix(to, stays) {
				return carrier.Callee{Script: script("hear\nsilent 5m")}
			}
			return map[string]carrier.Callee{
				talks: {Script: script("hear\npress 1\nhear\nhangup")}, rings: {Rings: time.Minute}, busy: {Outcome: "busy"},
			}[to]
		},
	}
	api := httptest.NewServer(exchange)
	t.Cleanup(api.Close)
	r.n = serve(t, append(slices.Concat(env, mockVendors(t)), "TWILIO_ACCOUNT_SID="+sid, "TWILIO_BASE_URL="+api.URL, "PARLEY_PUBLIC_URL="+contractPublic, "PARLEY_CALLER_ID=+15550100002",
		"PARLEY_DIAL_RATE=50", "PARLEY_OWNER_EMAIL="+contractOwner, "PARLEY_OWNER_PASSWORD="+contractPassword, "PARLEY_SILENCE=2m",
		"PARLEY_WEBHOOK_ALLOW=127.0.0.0/8", "SSL_CERT_FILE="+r.receiver())...)
	exchange.Connect = strings.TrimPrefix(r.n.url, "http://")
	t.Cleanup(exchange.Close) // before the server ends, which waits for calls
	return r
}

// agents are made by the page's own example, changed field by field, and read.
func (r *contractRun) agents() {
	create := r.op("POST /agents")
	made := r.example("POST /agents", http.StatusCreated)
	r.keys(create, made.data)
	r.echo(create, "sample", string(create.Sample), made.data)
	r.agent, _ = made.data["id"].(string)
	whole := `{"name": "Night desk", "system_prompt": "Be brief.", "description": "At night", "starting_message": "Good night.", "enabled": false,
		"voice_settings": {"stability": 0.4}, "dtmf_rules": {"1": "sales"}}`
	off := r.good("POST", r.c.Base+"/agents", whole)
	r.echo(create, "body", whole, off.data)
	least := r.good("POST", r.c.Base+"/agents", `{"name": "Least", "system_prompt": "Help."}`)
	if least.data["enabled"] != true {
		r.t.Errorf("an agent is enabled %v by default", least.data["enabled"])
	}
	for _, f := range create.Body {
		if !f.Required {
			continue
		}
		r.bad(http.StatusBadRequest, "POST", r.c.Base+"/agents", `{"colour": "red"}`, f.Name, "colour")
		r.saw(create.Name() + " body " + f.Name + " required")
	}
	id, _ := least.data["id"].(string)
	change := r.op("PATCH /agents/:id")
	changes := strings.Replace(whole, "Night desk", "Day desk", 1)
	changed := r.good("PATCH", r.c.Base+"/agents/"+id, changes)
	r.keys(change, changed.data)
	r.echo(change, "body", changes, changed.data)
	if again := r.good("PATCH", r.c.Base+"/agents/"+id, `{"enabled": true}`); again.data["name"] != "Day desk" {
		r.t.Errorf("a partial update has changed the name to %v", again.data["name"])
	}
	get := r.op("GET /agents/:id")
	r.keys(get, r.good("GET", r.c.Base+"/agents/"+id, "").data)

	listed := r.example("GET /agents", http.StatusOK)
	for _, row := range listed.rows {
		if row["enabled"] != true {
			r.t.Errorf("enabled=true lists %v", row["name"])
		}
	}
	r.list("GET /agents")
	r.keys(r.op("GET /agents"), r.curl(r.c.Again).rows[0])
	r.saw("curl again")
}

// tasks are made by the page's own example, changed field by field, read, carried out and reset.
func (r *contractRun) tasks() {
	create := r.op("POST /tasks")
	made := r.example("POST /tasks", http.StatusCreated)
	r.keys(create, made.data)
	r.echo(create, "sample", strings.ReplaceAll(string(create.Sample), "uuid-here", r.agent), made.data)
	r.task, _ = made.data["id"].(string)
	path := r.c.Base + "/tasks/" + r.task
	r.status(path, "pending")

	change := r.op("PATCH /tasks/:id")
	changes := `{"name": "Call again", "description": "Second call", "to_number": "+442071234567", "starting_message": "Good morning", "context_data": {"a": "b"},
		"priority": 3, "scheduled_at": "2099-01-01T09:00:00.000Z", "webhook_url": "https://your-app.com/other", "webhook_events": ["call_failed"]}`
	changed := r.good("PATCH", path, changes)
	r.keys(change, changed.data)
	r.echo(change, "body", changes, changed.data)
	r.bad(http.StatusBadRequest, "PATCH", path, `{"to_number": "5550100", "webhook_url": "http://your-app.com"}`, "to_number", "webhook_url")
	one := r.good("GET", path, "")
	r.keys(r.op("GET /tasks/:id"), one.data)
	if agent, _ := one.data["agent"].(map[string]any); agent["id"] != r.agent {
		r.t.Errorf("GET /tasks/:id has the agent %v", one.data["agent"])
	}
	r.good("PATCH", path, `{"to_number": "`+talks+`", "scheduled_at": null, "starting_message": "Hello {{customer_name}}", "context_data": {"customer_name": "John Doe"},
		"webhook_url": "`+r.hook("/good")+`", "webhook_events": ["call_started", "call_completed", "call_failed"]}`)

	// One task of each fate: each status that tasks and calls may have is seen.
	execute := r.op("POST /tasks/:id/execute")
	started := r.good("POST", path+"/execute", "")
	r.keys(execute, started.data)
	var sample map[string]any
	if err := json.Unmarshal(execute.Answer, &sample); err != nil {
		r.t.Fatal(err)
	}
	for _, key := range voicetest.Paths(sample) {
		want, _ := voicetest.At(sample, key)
		got, ok := voicetest.At(started.whole, key)
		if !ok || fmt.Sprint(got) != fmt.Sprint(want) && key != "data" && key != "data.call_id" {
			r.t.Errorf("execute answers %s %v, want %v", key, got, want)
		}
		r.saw(execute.Name() + " answer " + key)
	}
	r.call, _ = started.data["call_id"].(string)
	r.status(path, "completed")
	r.status(r.c.Base+"/calls/"+r.call, "completed")
	r.bad(http.StatusBadRequest, "PATCH", path, `{"name": "Too late"}`)

	ringing := r.carryOut(rings)
	r.status(r.c.Base+"/calls/"+ringing.call, "initiated")
	r.status(ringing.path, "in_progress")
	reset := r.op("POST /tasks/:id/reset")
	r.keys(reset, r.good("POST", ringing.path+"/reset", "").data)
	r.status(ringing.path, "pending")
	r.status(r.c.Base+"/calls/"+ringing.call, "failed")
	r.bad(http.StatusBadRequest, "POST", ringing.path+"/reset", "")

	engaged := r.carryOut(busy)
	r.status(engaged.path, "failed")
	r.carryOut(stays + "01") // so that the list has one in progress
	r.filters["agent_id"], r.filters["task_id"] = r.agent, r.task
	r.list("GET /tasks")
}

// An errand is a task that was executed.
type errand struct{ task, call, path string }

// carryOut makes a task that calls a number, and executes it.
func (r *contractRun) carryOut(to string) errand {
	r.t.Helper()
	body := fmt.Sprintf(`{"agent_id": %q, "name": "To %s", "to_number": %q, "webhook_url": %q, "webhook_events": ["call_failed"]}`, r.agent, to, to, r.hook("/slow"))
	e := errand{}
	e.task, _ = r.good("POST", r.c.Base+"/tasks", body).data["id"].(string)
	e.path = r.c.Base + "/tasks/" + e.task
	e.call, _ = r.good("POST", e.path+"/execute", "").data["call_id"].(string)
	return e
}

// calls are listed and read, heard, ended and cancelled.
func (r *contractRun) calls() {
	path := r.c.Base + "/calls/" + r.call
	live := r.carryOut(stays + "02")
	at := r.c.Base + "/calls/" + live.call
	r.status(at, "in_progress")
	initiated := r.carryOut(rings)
	r.list("GET /calls")

	one := r.good("GET", path, "")
	r.keys(r.op("GET /calls/:id"), one.data)
	if words, _ := one.data["transcript"].([]any); len(words) < 2 {
		r.t.Errorf("GET /calls/:id has the transcript %v", one.data["transcript"])
	}
	text := r.good("GET", path+"/transcript", "")
	r.keys(r.op("GET /calls/:id/transcript"), text.data)
	if !strings.Contains(string(text.body), "Hello John Doe") {
		r.t.Errorf("the transcript does not have what the agent said: %s", text.body)
	}
	r.recording(path, at)
	r.keys(r.op("GET /calls/:id/report"), r.good("GET", path+"/report", "").data)
	r.keys(r.op("POST /calls/:id/transcript"), r.good("POST", path+"/transcript", "").data)
	watched := r.carryOut(stays + "04")
	r.status(r.c.Base+"/calls/"+watched.call, "in_progress")
	r.live(watched.call)

	r.call = live.call
	r.keys(r.op("POST /calls/:id/end"), r.example("POST /calls/:id/end", http.StatusOK).data)
	r.status(at, "completed")
	r.bad(http.StatusBadRequest, "POST", at+"/end", "")
	other := r.carryOut(stays + "03")
	r.status(r.c.Base+"/calls/"+other.call, "in_progress")
	r.keys(r.op("POST /calls/:id/cancel"), r.good("POST", r.c.Base+"/calls/"+other.call+"/cancel", "").data)
	r.status(r.c.Base+"/calls/"+other.call, "failed")
	r.status(other.path, "failed")
	r.good("POST", initiated.path+"/reset", "")
	r.webhooks()
}

// recording is a link that plays without a key, and not before the call is over.
func (r *contractRun) recording(path, going string) {
	r.bad(http.StatusNotFound, "GET", going+"/recording", "")
	link := r.example("GET /calls/:id/recording", http.StatusOK)
	r.keys(r.op("GET /calls/:id/recording"), link.data)
	where, _ := link.data["recording_url"].(string)
	local := strings.Replace(where, contractPublic, r.n.url, 1)
	if local == where || !strings.Contains(where, path) {
		r.t.Errorf("the recording is at %q", where)
	}
	r.op("GET /calls/:id/recording/stream")
	for _, from := range []struct{ url, key string }{{local, ""}, {r.n.url + path + "/recording/stream", testKey}} {
		req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, from.url, nil)
		if err != nil {
			r.t.Fatal(err)
		}
		if from.key != "" {
			req.Header.Set("Authorization", "Bearer "+from.key)
		}
		req.Header.Set("Range", "bytes=0-3")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			r.t.Fatal(err)
		}
		if a := r.read("stream", resp); a.status != http.StatusPartialContent || string(a.body) != "RIFF" {
			r.t.Errorf("the stream is %d %q", a.status, a.body)
		}
	}
}

// live watches a call over its socket: with the session token first, then with the key.
func (r *contractRun) live(call string) {
	op := r.op("GET /calls/:id/live")
	info := r.good("GET", r.c.Base+"/calls/"+call+"/live", "")
	r.keys(op, info.data)
	var sample map[string]any
	if err := json.Unmarshal(op.Answer, &sample); err != nil {
		r.t.Fatal(err)
	}
	socket := strings.Replace(contractPublic, "https", "wss", 1) + "/ws/calls/"
	text := func(v any) string {
		s, _ := v.(string)
		return strings.NewReplacer("ws://localhost:3008/ws/calls/", socket, "{call_id}", call).Replace(s)
	}
	token, _ := info.data["temp_token"].(string)
	for _, key := range voicetest.Paths(sample) {
		want, _ := voicetest.At(sample, key)
		got, ok := voicetest.At(info.whole, key)
		switch want.(type) {
		case string:
			example := strings.Replace(text(want), "TEMP_TOKEN", token, 1)
			ok = ok && (got == text(want) || got == example || key == "data.temp_token" && token != "")
		default:
			ok = ok && (fmt.Sprint(got) == fmt.Sprint(want) || strings.HasPrefix(key, "data"))
		}
		if !ok {
			r.t.Errorf("live answers %s %v, want %v", key, got, text(want))
		}
		r.saw(op.Name() + " answer " + key)
	}
	at := strings.Replace(r.n.url, "http", "ws", 1) + "/ws/calls/" + call
	first := r.watch(at + "?session_token=" + url.QueryEscape(token))
	r.saw("socket ?session_token")
	second := r.watch(at + "?api_key=" + url.QueryEscape(testKey))
	r.saw("socket ?api_key")
	ping, err := json.Marshal(r.c.Socket.Client)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, send := range []string{string(ping), `{"type":"nonsense"}`} {
		if err := first.WriteMessage(websocket.TextMessage, []byte(send)); err != nil {
			r.t.Fatal(err)
		}
	}
	r.until(first, "pong", func(map[string]any) bool { return true })
	r.saw("socket ping")
	r.until(first, "error", func(m map[string]any) bool { s, _ := m["error"].(string); return s != "" })
	r.good("POST", r.c.Base+"/calls/"+call+"/end", "")
	for _, ws := range []*websocket.Conn{first, second} {
		r.until(ws, "call_status_update", func(m map[string]any) bool { s, _ := voicetest.At(m, "data.status"); return s == "completed" })
	}
	if _, resp, err := websocket.DefaultDialer.DialContext(r.t.Context(), at+"?session_token=nonsense", nil); err == nil || resp == nil || resp.StatusCode != http.StatusUnauthorized {
		r.t.Errorf("a wrong token: %v", err)
	}
}

// watch opens a socket and reads what comes first.
func (r *contractRun) watch(at string) *websocket.Conn {
	r.t.Helper()
	ws, _, err := websocket.DefaultDialer.DialContext(r.t.Context(), at, nil)
	if err != nil {
		r.t.Fatalf("%s: %v", strings.Split(at, "?")[0], err)
	}
	r.t.Cleanup(func() { _ = ws.Close() })
	r.until(ws, "connected", func(map[string]any) bool { return true })
	return ws
}

// until reads messages until one of a kind is as it should be. Every message is one that the page has.
func (r *contractRun) until(ws *websocket.Conn, kind string, fits func(map[string]any) bool) {
	r.t.Helper()
	if err := ws.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		r.t.Fatal(err)
	}
	for {
		var m map[string]any
		if err := ws.ReadJSON(&m); err != nil {
			r.t.Fatalf("waiting for %s: %v", kind, err)
		}
		got, _ := m["type"].(string)
		if got != "pong" {
			r.saw("message_types " + got)
		}
		if _, ok := voicetest.At(m, "data.transcript"); got == "transcript_update" && !ok {
			r.t.Errorf("transcript_update without data.transcript: %v", m)
		}
		if got == kind && fits(m) {
			return
		}
	}
}
