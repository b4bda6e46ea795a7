package crm_test

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/control"
	"parley/control/crm/crmtest"
	"parley/control/dialer"
	"parley/control/report"
	"parley/control/traits"
	"parley/control/voice"
	"parley/control/webhook"
	"parley/pipeline"
	"parley/store"
	"parley/store/sql"
)

// A carrier is there, and never asked: nobody runs the dialer.
type carrier struct{ pipeline.Carrier }

// A house has a key of no vendor but openai.
type house struct{ voice.House }

func (house) Check(a store.Agent) (all []traits.Finding) {
	for _, vendor := range []string{"deepgram", "elevenlabs"} {
		if strings.Contains(a.Settings, `"vendor":"`+vendor+`"`) {
			part := map[string]string{"deepgram": "stt", "elevenlabs": "tts"}[vendor]
			all = append(all, traits.Finding{Path: "settings.providers." + part + ".vendor", Reason: "this server has no key of " + vendor})
		}
	}
	return all
}

func (house) Problems(store.Agent) []traits.Finding { return nil }

// A gate lets nothing through but https to names.
type gate struct{}

func (gate) Check(target string) error {
	if !strings.HasPrefix(target, "https://pbx.example.com/") {
		return errors.New("may not be asked")
	}
	return nil
}

// calls is an api that can call, and its database.
type calls struct {
	*api
	db *sql.Store
	o  control.Options

	mu    sync.Mutex
	wakes int
}

// withCalls runs a test of calls on either database. change, if there is one, has a last say in the options.
func withCalls(t *testing.T, change func(*control.Options), run func(t *testing.T, c *calls)) {
	both(t, func(t *testing.T, a *api) {
		c := &calls{api: a, db: a.db}
		c.o = control.Options{
			Agents: c.db, Calls: c.db, Tasks: c.db, Campaigns: c.db, Contacts: c.db, DoNotCall: c.db, Lines: c.db, Bots: c.db, People: c.db, Webhooks: c.db,
			Hooks: &webhook.Secrets{}, Auth: a, Secret: []byte("0123456789abcdef0123456789abcdef"), Undocumented: true, Gate: gate{},
			Dialer:  dialer.New(dialer.Options{Store: c.db, Node: "node", Leg: "twilio", Carrier: carrier{}, Caller: func(string, string) string { return "+15005550006" }}),
			Reports: &report.Desk{Calls: c.db, Agents: c.db, Reports: c.db, Log: slog.New(slog.DiscardHandler)},
			Fetch:   func() { c.mu.Lock(); c.wakes++; c.mu.Unlock() },
		}
		if change != nil {
			change(&c.o)
		}
		served, err := control.New(c.o)
		must(t, err)
		t.Cleanup(served.Close)
		mux := http.NewServeMux()
		served.Mount(mux)
		s := httptest.NewServer(mux)
		t.Cleanup(s.Close)
		a.url = s.URL + "/crm/api/v1"
		run(t, c)
	})
}

// real is a call that was held here: with a transcript, a recording and a report on it.
func (c *calls) real() store.Call {
	c.t.Helper()
	began := now()
	call := store.Call{ID: store.NewID(), Org: c.org, Direction: store.Inbound, Status: store.InProgress, Leg: "twilio", CarrierID: "CA1",
		From: "+56912345678", To: "+15005550006", Node: "node", Boot: "boot", Created: began, Answered: began}
	must(c.t, c.db.Record(c.t.Context(), []store.Entry{{Began: &call}, {Ended: &store.Ended{
		Call: call.ID, Status: store.Completed, End: store.End{Ended: began.Add(time.Minute), Length: time.Minute, Cause: "caller", Turns: 1},
		Messages:  []store.Message{{Call: call.ID, Role: "assistant", Text: "Hello!"}, {Call: call.ID, Seq: 1, Role: "caller", Text: "Hi."}},
		Recording: &store.Recording{Call: call.ID, Path: "recordings/x.wav", Rate: 8000, Channels: 2, Bytes: 44, Length: time.Minute},
	}}}))
	_, err := c.db.PutReport(c.t.Context(), c.org, store.Report{Call: call.ID, JSON: `{"summary":"They talked.","outcome":"achieved"}`, Made: now()})
	must(c.t, err)
	call, err = c.db.Call(c.t.Context(), c.org, call.ID)
	must(c.t, err)
	return call
}

func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// agent is one that may call.
func (c *calls) agent(prompt string) store.Agent {
	c.t.Helper()
	a, err := c.db.CreateAgent(c.t.Context(), store.Agent{ID: store.NewID(), Org: c.org, Name: "Ada", SystemPrompt: prompt, Enabled: true, Created: now(), Updated: now()})
	must(c.t, err)
	return a
}

// printed is the page's own request; a placeholder that stands for a number, a URL or a moment is one.
func (c *calls) printed(op crmtest.Operation, agent int64) map[string]any {
	s := maps.Clone(op.Sample)
	for _, field := range []string{"to", "from", "toPhoneNumber", "fromPhoneNumber"} {
		if s[field] == "string" && op.Name == "StartAgentCall" {
			s[field] = map[bool]string{true: "+15005550006", false: "+56912345678"}[field == "fromPhoneNumber"]
		}
	}
	if op.Name == "StartBridgeCall" { // the page's sample leaves it out, and users have no telephone here
		s["from"] = "+15550100001"
	}
	if s["voiceAgentId"] != nil {
		s["voiceAgentId"] = agent
	}
	if op.Name == "LoadRecording" {
		s["url"], s["callStartTime"] = "https://pbx.example.com/1.wav", "2026-11-23T09:00:00Z"
	}
	return s
}

// TestCallContract: every operation answers the page's own sample with every field that the page shows, of the type that it shows, and each
// field has a value in some answer of the operation; what a call that has just been begun cannot have yet is known.
func TestCallContract(t *testing.T) {
	t.Parallel()
	withCalls(t, nil, func(t *testing.T, c *calls) {
		_, err := c.db.CreateNumber(t.Context(), store.Number{ID: store.NewID(), Org: c.org, E164: "+15005550006", Created: now(), Updated: now()})
		must(t, err)
		agent := c.agent("Hello {{customerFirstName}} {{customerLastName}}.")
		call := c.real()
		c.do("POST", "/contacts", map[string]any{"phone": "+56912345678"})
		c.do("POST", "/contacts", map[string]any{"phone": "+1234567890"})
		card := store.Card{Call: call.ID, Conversation: "1", Session: "2", User: "3", Opportunity: "4", Analysis: "5", Team: "6", Redirected: "+56912345678", Metadata: "{}", Custom: "1"}
		_, err = c.db.PutCard(t.Context(), c.org, card, now())
		must(t, err)
		young := []string{"providerId", "funnelConversationId", "sessionId", "opportunityId", "analysisConfigId", "teamId", "redirectedTo", "duration", "metadata", "agentScore", "category"}
		lacks := map[string][]string{ // what an operation's answers cannot have yet
			"POST /agent-calls": young, "POST /calls/agent": append([]string{"userId"}, young...), "POST /calls/bridge": append([]string{"userId"}, young...),
			"POST /calls": {"opportunityId", "analysisConfigId", "agentScore", "category"}, "POST /recordings/load": {"url", "duration", "dualChannel"},
		}
		number := fmt.Sprint(call.Number)
		for _, op := range crmtest.Calls() {
			path := strings.NewReplacer("{callId}", number, "{id}", number).Replace(op.Path)
			valued := map[string]bool{}
			answers := []map[string]any{}
			if op.Sample == nil {
				answers = append(answers, c.do(op.Method, path, nil))
			} else {
				answers = append(answers, c.do(op.Method, path, c.printed(op, agent.Number)))
			}
			if op.Name == "CreateCall" {
				answers = append(answers, c.do(op.Method, path, map[string]any{"status": "busy", "userId": nil, "metadata": map[string]any{"a": 1}, "customData": []int{1},
					"from": "+56912345678", "to": "x", "duration": nil, "direction": "incoming", "startTime": "2024-01-01T00:00:00Z"}))
			}
			for _, answer := range answers {
				shaped(t, op.Name, "", op.Answer, answer, valued)
			}
			for _, at := range leaves("", op.Answer) {
				if !valued[at] && !slices.Contains(lacks[op.Method+" "+op.Path], at[1:]) {
					t.Errorf("%s %s: %s never has a value", op.Name, op.Path, at)
				}
			}
		}
		if c.mu.Lock(); c.wakes != 1 {
			t.Errorf("woken %d times", c.wakes)
		}
		c.mu.Unlock()
	})
}

// TestCallStatuses: without a key 401, without the scope 403, another organisation's 404, and what is malformed 400.
func TestCallStatuses(t *testing.T) {
	t.Parallel()
	withCalls(t, nil, func(t *testing.T, c *calls) {
		call, agent := c.real(), c.agent("Hello.")
		number := fmt.Sprint(call.Number)
		for _, op := range crmtest.Calls() {
			path := strings.NewReplacer("{callId}", number, "{id}", number).Replace(op.Path)
			var sent any
			if op.Sample != nil {
				sent = c.printed(op, agent.Number)
			}
			c.ask("va_nobody", op.Method, path, sent, http.StatusUnauthorized)
			c.ask("va_reads", op.Method, path, sent, http.StatusForbidden)
			c.ask("va_ours", op.Method, path+"?tenantId="+store.NewID(), sent, http.StatusNotFound)
			c.ask("va_ours", op.Method, path+"?nonsense=1", sent, http.StatusBadRequest)
			if path != op.Path {
				c.ask("va_theirs", op.Method, path, sent, http.StatusNotFound)
			}
		}
		theirs := map[string]any{"voiceAgentId": agent.Number, "to": "+1234567890", "contextVariables": map[string]any{}}
		c.ask("va_theirs", "POST", "/calls/agent", theirs, http.StatusBadRequest)
		c.refuses("POST", "/calls/agent", map[string]any{"voiceAgentId": 0.5, "to": "+1234567890", "contextVariables": map[string]any{}}, "voiceAgentId")
		c.refuses("POST", "/agent-calls", map[string]any{"toPhoneNumber": "12", "objectives": []string{" "}}, "toPhoneNumber")
		c.refuses("POST", "/agent-calls", map[string]any{"toPhoneNumber": "+1234567890", "objectives": []string{"x"}, "fromPhoneNumber": "+15005550009"}, "fromPhoneNumber")
		c.refuses("POST", "/agent-calls", map[string]any{"toPhoneNumber": "+1234567890", "objectives": []string{"x"}, "provider": "other"}, "provider")
		c.refuses("POST", "/calls", map[string]any{"status": "x"}, "startTime")
		c.refuses("POST", "/calls", map[string]any{"status": "x", "userId": 7, "metadata": nil, "from": "a", "to": "b", "duration": 3600, "direction": "incoming",
			"startTime": "9999-12-31T23:59:59Z"}, "startTime")
		c.refuses("POST", "/calls/bridge", map[string]any{"to": "+1234567890"}, "from")
		c.refuses("POST", "/calls/bridge", map[string]any{"from": "+1234567890", "to": "+881612345678"}, "to")
	})
}

// TestMadeElsewhere: what is said of a call that was made elsewhere is kept, and the voice contract shows it among the others.
func TestMadeElsewhere(t *testing.T) {
	t.Parallel()
	withCalls(t, nil, func(t *testing.T, c *calls) {
		made := c.do("POST", "/calls", map[string]any{"status": "No-Answer", "userId": 7, "metadata": map[string]any{"z": 1, "a": "<b>"}, "from": "+15550100001",
			"to": "+15550100002", "duration": 0, "direction": "inbound", "startTime": "2026-11-23T06:00:00-03:00", "providerName": "PBX", "providerId": "77"})
		got := c.do("GET", "/calls/"+id(made), nil)
		for field, want := range map[string]any{"status": "No-Answer", "direction": "inbound", "userId": 7.0, "startTime": "2026-11-23T09:00:00.000Z", "providerName": "PBX",
			"providerId": "77", "duration": 0.0, "category": nil, "lastUpdateSequence": 3.0} {
			if got[field] != want {
				t.Errorf("%s is %v, want %v", field, got[field], want)
			}
		}
		rows, total, err := c.db.Calls(t.Context(), c.org, store.CallFilter{Status: store.Failed}, store.Page{Limit: 10})
		must(t, err)
		if total != 1 || rows[0].Cause != store.CauseNoAnswer || rows[0].Direction != store.Inbound || rows[0].Leg != store.LegElsewhere {
			t.Errorf("%d failed calls: %+v", total, rows)
		}
		c.ask("va_ours", "GET", "/calls/"+id(made)+"/recording", nil, http.StatusNotFound)
		c.ask("va_ours", "GET", "/calls/"+id(made)+"/transcription", nil, http.StatusNotFound)
	})
}

// TestHeldHere: a call of the voice contract has its transcript, recording, score and contact in this one.
func TestHeldHere(t *testing.T) {
	t.Parallel()
	withCalls(t, nil, func(t *testing.T, c *calls) {
		call := c.real()
		contact := c.do("POST", "/contacts", map[string]any{"phone": "+56912345678"})
		got := c.do("GET", fmt.Sprint("/calls/", call.Number), nil)
		if got["contactId"] != contact["id"] || got["agentScore"] != 100.0 || got["category"] != "achieved" || got["direction"] != "incoming" || got["duration"] != 60.0 {
			t.Errorf("it is %v", got)
		}
		if said := c.do("GET", fmt.Sprint("/calls/", call.Number, "/transcription"), nil); said["text"] != "agent: Hello!\nuser: Hi." || said["recordingId"] != got["id"] {
			t.Errorf("said was %v", said)
		}
		sound := c.do("GET", fmt.Sprint("/recordings/", call.Number), nil)
		if link := fmt.Sprint(sound["url"]); sound["dualChannel"] != true || !strings.Contains(link, call.ID+"/recording/stream?token=") {
			t.Errorf("the recording is %v", sound)
		}
	})
}

// TestAgentCall: what a call asks for is what its agent is made of; calls that ask for the same share it, whoever they are to.
func TestAgentCall(t *testing.T) {
	t.Parallel()
	withCalls(t, nil, func(t *testing.T, c *calls) {
		type body = map[string]any
		ask := func(name string) body {
			return body{
				"toPhoneNumber": "+56912345678", "objectives": []string{"Confirm the visit {{at}} ten"}, "personality": body{"name": "Camila", "communicationStyle": "warm", "customTraits": "patient"},
				"localization": "CL", "constraints": []string{"Promise nothing"}, "contactInfo": body{"firstName": name, "additionalInfo": body{"Plan": "gold"}},
				"knowledgeBase": "We close at six.", "taskSteps": []string{"Greet", "Ask"}, "maxDurationSeconds": 300, "silenceTimeoutSeconds": 20, "provider": "vapi",
				"customData": body{"visit": 71}, "userId": 5,
				"providerConfig": body{"transcriber": body{"keywords": []string{"Ñuñoa"}, "confidenceThreshold": 0.4, "localization": "MX"}, "voice": body{"speed": 1.1}},
			}
		}
		made := c.do("POST", "/agent-calls", ask("Pedro"))
		if data, _ := made["customData"].(body); data["visit"] != 71.0 || made["userId"] != 5.0 || made["status"] != "initiated" || made["direction"] != "outgoing" || made["from"] != "+15005550006" {
			t.Errorf("it is %v", made)
		}
		second := c.do("POST", "/agent-calls", ask("Ana"))
		task := func(made body) (store.Task, store.Call) {
			rows, _, err := c.db.Calls(t.Context(), c.org, store.CallFilter{}, store.Page{Limit: 10})
			must(t, err)
			i := slices.IndexFunc(rows, func(r store.Call) bool { return fmt.Sprint(r.Number) == id(made) })
			row, err := c.db.Task(t.Context(), c.org, rows[i].Task)
			must(t, err)
			return row, rows[i]
		}
		first, call := task(made)
		other, _ := task(second)
		if first.Agent != other.Agent || !strings.Contains(first.Context, "Pedro") || !strings.Contains(other.Context, "Ana") {
			t.Errorf("the tasks are %+v and %+v", first, other)
		}
		agent, err := c.db.Agent(t.Context(), c.org, call.Agent)
		must(t, err)
		prompt, missing := pipeline.Fill(agent.SystemPrompt, dialer.Slots(first, call.From))
		for _, want := range []string{"You are Camila", "warm", "patient", "the Spanish of Chile", "1.234,5", "23-11-2026", "Confirm the visit {{at}} ten", "1. Greet\n2. Ask",
			"Promise nothing", "We close at six.", "First name: Pedro", "Plan: gold"} {
			if !strings.Contains(prompt, want) {
				t.Errorf("the prompt lacks %q:\n%s", want, prompt)
			}
		}
		const settings = `{"providers":{"stt":{"vendor":"auto","keywords":["Ñuñoa"],"confidence":0.4}},"languages":{"listening":"es-MX","speaking":"es-CL"},` +
			`"manners":{"max_length":"5m0s","reprompts":"never","silence":"20s"}}`
		if len(missing) > 0 || agent.Settings != settings || agent.VoiceSettings != `{"speed":1.1}` {
			t.Errorf("the agent lacks %v, and sets %s, %s", missing, agent.Settings, agent.VoiceSettings)
		}

		// Somebody has rewritten the agent: the next call gets one of its own.
		_, err = c.db.UpdateAgent(t.Context(), c.org, agent.ID, now(), func(a *store.Agent) error { a.SystemPrompt = "Be rude."; return nil })
		must(t, err)
		third, _ := task(c.do("POST", "/agent-calls", ask("Eva")))
		if third.Agent == agent.ID {
			t.Error("a call is held by an agent that says something else")
		}
		without := c.do("POST", "/agent-calls", body{"toPhoneNumber": "+56912345678", "objectives": []string{"Confirm the visit"}, "localization": "US"})
		if row, _ := task(without); !strings.Contains(row.Context, "Nothing is known") {
			t.Errorf("the context is %s", row.Context)
		}
	})
}

// TestUnfitAgentCalls: what cannot be done is refused by the names of the request, and leaves nothing behind.
func TestUnfitAgentCalls(t *testing.T) {
	t.Parallel()
	withCalls(t, func(o *control.Options) { o.House = house{} }, func(t *testing.T, c *calls) {
		type body = map[string]any
		c.refuses("POST", "/agent-calls", body{"toPhoneNumber": "+56912345678", "objectives": []string{"x"}, "providerConfig": body{"transcriber": body{"provider": "deepgram"}}}, "providerConfig.transcriber.provider")
		c.refuses("POST", "/agent-calls", body{"toPhoneNumber": "+56912345678", "objectives": []string{"x"}, "providerConfig": body{"voice": body{"provider": "11labs"}}}, "providerConfig.voice.provider")
		c.refuses("POST", "/agent-calls", body{"toPhoneNumber": "+56912345678", "objectives": []string{"x"}, "providerConfig": body{"model": body{"model": body{"provider": "nobody"}}}}, "providerConfig.model.model.provider")
		c.refuses("POST", "/agent-calls", body{"toPhoneNumber": "+881612345678", "objectives": []string{"x"}}, "toPhoneNumber")
		agent := c.agent("Hello {{name}}.")
		c.refuses("POST", "/calls/agent", body{"voiceAgentId": agent.Number, "to": "+56912345678", "contextVariables": body{}}, "contextVariables.name")
		c.refuses("POST", "/calls/agent", body{"voiceAgentId": agent.Number, "to": "+56912345678", "contextVariables": body{"name": "Ana", "parley": body{"bridge_to": "+1900"}}}, "contextVariables.parley")
		rows, total, err := c.db.Tasks(t.Context(), c.org, store.TaskFilter{}, store.Page{Limit: 10})
		must(t, err)
		if total != 0 {
			t.Errorf("tasks are left: %+v", rows)
		}
	})
}

// TestLoadRecording: a URL that may not be asked is refused, another is kept with its call, and what became of it is told.
func TestLoadRecording(t *testing.T) {
	t.Parallel()
	withCalls(t, nil, func(t *testing.T, c *calls) {
		type body = map[string]any
		for _, target := range []string{"http://127.0.0.1/", "ftp://pbx.example.com/", "https://a:b@pbx.example.com/", "x", "https://10.0.0.1/"} {
			c.refuses("POST", "/recordings/load", body{"userId": 1, "url": target}, "url")
		}
		c.refuses("POST", "/recordings/load", body{"userId": 1, "url": "https://pbx.example.com/", "callStartTime": "soon"}, "callStartTime")
		for _, began := range []string{"0000-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "9999-12-31T23:59:59Z"} { // the last would end in a year of five digits
			c.refuses("POST", "/recordings/load", body{"userId": 1, "url": "https://pbx.example.com/", "callStartTime": began}, "callStartTime")
		}
		made := c.do("POST", "/recordings/load", body{"userId": 1, "url": "https://pbx.example.com/1.wav", "callTo": "+56912345678", "callDirection": "incoming"})
		if got := c.do("GET", "/recordings/"+id(made), nil); got["url"] != nil || got["callId"] != made["id"] {
			t.Errorf("before it is there it is %v", got)
		}
		take := store.LoadTaking{Node: "n", Now: now().Add(time.Second), Until: now().Add(time.Hour), Most: 1}
		taken, err := c.db.TakeLoads(t.Context(), take)
		must(t, err)
		if len(taken) != 1 || taken[0].URL != "https://pbx.example.com/1.wav" {
			t.Fatalf("taken: %+v", taken)
		}
		must(t, c.db.EndLoad(t.Context(), taken[0], "the server answers 404", now()))
		refusal := c.ask("va_ours", "GET", "/recordings/"+id(made), nil, http.StatusNotFound)
		if !strings.Contains(fmt.Sprint(refusal["message"]), "the server answers 404") {
			t.Errorf("why is not told: %v", refusal)
		}
	})
}
