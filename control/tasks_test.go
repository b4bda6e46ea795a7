package control_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/control"
	"parley/control/dialer"
	"parley/store"
)

const tasks = "/api/v1/tasks"

// newTask makes a task by the API; more are members of its body besides.
func (w *world) newTask(more string) string {
	w.t.Helper()
	var made struct{ ID string }
	w.want(w.ask(w.ours.key, "POST", tasks, `{"agent_id":"`+w.ours.standard+`","name":"n","to_number":"+12125551234"`+more+`}`), http.StatusCreated).data(w.t, &made)
	return made.ID
}

// status makes a task be in a state.
func (w *world) inState(id string, status store.Status) {
	w.t.Helper()
	if status == store.Pending {
		return
	}
	d, err := w.db.ExecuteTask(w.t.Context(), store.Execution{Org: w.ours.org, Task: id, Call: store.Call{ID: store.NewID(), Created: time.Now()}})
	must(w.t, err)
	if status != store.InProgress {
		must(w.t, w.db.Record(w.t.Context(), []store.Entry{{Ended: &store.Ended{Call: d.Call, Status: status, End: store.End{Ended: time.Now()}}}}))
	}
}

func TestTaskLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.newTask(`,"description":null,"context_data":{"b":1.50,"a":["x"]},"scheduled_at":"2030-01-02T10:00:00+01:00","webhook_events":["call_failed","call_failed"]`)
	var got map[string]any
	w.want(w.ask(w.ours.key, "GET", tasks+"/"+strings.ToUpper(id), ""), http.StatusOK).data(t, &got)
	agent, _ := got["agent"].(map[string]any)
	if agent["id"] != w.ours.standard || agent["name"] != "Receptionist" || got["created_at"] != got["updated_at"] || got["number"].(float64) < 1 {
		t.Errorf("task: %v", got)
	}
	for _, name := range []string{"agent", "created_at", "updated_at", "number"} {
		delete(got, name)
	}
	want := map[string]any{
		"id": id, "agent_id": w.ours.standard, "name": "n", "to_number": "+12125551234", "description": nil, "starting_message": nil,
		"context_data": map[string]any{"b": 1.5, "a": []any{"x"}}, "priority": 0.0, "scheduled_at": "2030-01-02T09:00:00.000Z", "webhook_url": nil,
		"webhook_events": []any{"call_failed"}, "status": "pending", "call_id": nil, "attempts": 0.0, "retries": 0.0, "error": nil, "outcome": nil, "campaign_id": nil,
		"next_attempt_at": "2030-01-02T09:00:00.000Z", "channel": "phone", "bot_id": nil, "permission": nil,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want - got +:\n%s", diff)
	}
	w.want(w.ask(w.ours.key, "PATCH", tasks+"/"+id, `{"to_number":"+442071234567","priority":-7,"scheduled_at":null,"context_data":null,
		"webhook_url":"https://example.com:8443/h?x=1","webhook_events":null,"description":"d","starting_message":"Hi {{who}}"}`), http.StatusOK).data(t, &got)
	for name, value := range map[string]any{"to_number": "+442071234567", "priority": -7.0, "scheduled_at": nil, "context_data": nil, "next_attempt_at": nil,
		"webhook_url": "https://example.com:8443/h?x=1", "description": "d", "name": "n"} {
		if got[name] != value {
			t.Errorf("patched %s is %v, want %v", name, got[name], value)
		}
	}
	a := w.want(w.ask(w.ours.key, "POST", tasks+"/"+id+"/execute", ""), http.StatusBadRequest)
	if diff := cmp.Diff(map[string]string{"context_data.who": "is missing: the starting_message needs it"}, a.parsed.Details); diff != "" {
		t.Errorf("want - got +:\n%s", diff)
	}
	w.want(w.ask(w.ours.key, "PATCH", tasks+"/"+id, `{"context_data":{"who":"Zoë"}}`), http.StatusOK)
	var done struct {
		CallID  string `json:"call_id"`
		Message string `json:"message"`
	}
	w.want(w.ask(w.ours.key, "POST", tasks+"/"+id+"/execute", `{}`), http.StatusOK).data(t, &done) // a body that it does not need
	if done.Message != "Call initiated" {
		t.Errorf("executed: %+v", done)
	}
	var call struct {
		Status    string `json:"status"`
		TaskID    string `json:"task_id"`
		Direction string `json:"direction"`
		To        string `json:"to_number"`
		From      string `json:"from_number"`
	}
	w.want(w.ask(w.ours.key, "GET", "/api/v1/calls/"+done.CallID, ""), http.StatusOK).data(t, &call)
	if call.Status != "initiated" || call.TaskID != id || call.Direction != "outbound" || call.To != "+442071234567" || call.From != "+15005550006" {
		t.Errorf("its call: %+v", call)
	}
	if a := w.want(w.ask(w.ours.key, "GET", tasks+"?status=in_progress", ""), http.StatusOK); !strings.Contains(string(a.body), done.CallID) || a.parsed.Meta["total"] != 1.0 {
		t.Errorf("tasks in progress: %s", a.body)
	}
	w.want(w.ask(w.ours.key, "POST", tasks+"/"+id+"/reset", ""), http.StatusOK).data(t, &got)
	if got["status"] != "pending" || got["call_id"] != nil || got["attempts"] != 1.0 {
		t.Errorf("reset: %v", got)
	}
	w.want(w.ask(w.ours.key, "GET", "/api/v1/calls/"+done.CallID, ""), http.StatusOK).data(t, &call)
	if call.Status != "failed" {
		t.Errorf("the call of a task that was reset is %s", call.Status)
	}
	w.want(w.ask(w.ours.key, "DELETE", tasks+"/"+id, ""), http.StatusOK)
	w.want(w.ask(w.ours.key, "GET", tasks+"/"+id, ""), http.StatusNotFound)
}

// TestTaskStates: a state that stands in the way is 400, and said.
func TestTaskStates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for status, can := range map[store.Status]string{
		store.Pending: "PATCH DELETE POST/execute", store.InProgress: "POST/reset", store.Completed: "POST/reset", store.Failed: "DELETE POST/reset",
	} {
		for _, what := range []string{"PATCH", "DELETE", "POST/execute", "POST/reset"} {
			id := w.newTask("")
			w.inState(id, status)
			method, path, _ := strings.Cut(what, "/")
			if path != "" {
				path = "/" + path
			}
			body := ""
			if method == "PATCH" {
				body = `{"name":"other"}`
			}
			a := w.ask(w.ours.key, method, tasks+"/"+id+path, body)
			if strings.Contains(can, what) {
				w.want(a, http.StatusOK)
			} else if w.want(a, http.StatusBadRequest); !strings.Contains(a.parsed.Error, "the task is "+string(status)+": only ") {
				t.Errorf("%s of a task that is %s: %s", what, status, a.parsed.Error)
			}
		}
	}
}

func TestTasksThatCannotBeExecuted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	disabled := w.newTask("")
	_, err := w.db.UpdateAgent(t.Context(), w.ours.org, w.ours.agent, time.Now(), func(a *store.Agent) error { a.Enabled = false; return nil })
	must(t, err)
	var other struct{ ID string }
	w.want(w.ask(w.ours.key, "POST", tasks, `{"agent_id":"`+w.ours.agent+`","name":"n","to_number":"+12125551234"}`), http.StatusCreated).data(t, &other)
	_, err = w.db.UpdateAgent(t.Context(), w.ours.org, w.ours.standard, time.Now(), func(a *store.Agent) error { a.SystemPrompt = "Ask {{a}} and {{b.c|Bo}} and {{d.e}}."; return nil })
	must(t, err)
	_, err = w.db.Bar(t.Context(), store.Barred{ID: store.NewID(), Org: w.ours.org, E164: "+12125550000", Created: time.Now()})
	must(t, err)
	filled := `,"context_data":{"a":1,"d":{"e":true}}`
	number := func(to string) string {
		return w.newTask(filled + `,"description":"` + to + `"`)
	}
	for name, tc := range map[string]struct{ id, to, error, field string }{
		"disabled agent": {other.ID, "", "the agent is disabled", ""},
		"places":         {disabled, "", "context_data lacks", "context_data.a"},
		"barred":         {number("barred"), "+12125550000", "may not be called", "to_number"},
		"premium":        {number("premium"), "+19005551234", "may not be called", "to_number"},
		"satellite":      {number("satellite"), "+881612345678", "may not be called", "to_number"},
	} {
		if tc.to != "" {
			w.want(w.ask(w.ours.key, "PATCH", tasks+"/"+tc.id, `{"to_number":"`+tc.to+`"}`), http.StatusOK)
		}
		a := w.want(w.ask(w.ours.key, "POST", tasks+"/"+tc.id+"/execute", ""), http.StatusBadRequest)
		if !strings.Contains(a.parsed.Error, tc.error) || tc.field != "" && a.parsed.Details[tc.field] == "" {
			t.Errorf("%s: %s", name, a.body)
		}
		if a := w.ask(w.ours.key, "GET", tasks+"/"+tc.id, ""); !strings.Contains(string(a.body), `"status":"pending"`) || !strings.Contains(string(a.body), `"attempts":0`) {
			t.Errorf("%s: it was executed: %s", name, a.body)
		}
	}
	w.want(w.ask(w.ours.key, "POST", tasks+"/"+number("fit")+"/execute", ""), http.StatusOK)
	never := `{"windows":[{"days":["` + strings.ToLower(time.Now().Add(72*time.Hour).UTC().Format("Mon")) + `"],"from":"10:00","to":"11:00"}]}`
	w.want(w.ask(w.ours.key, "PUT", "/api/v1/dialing", never), http.StatusOK)
	if a := w.want(w.ask(w.ours.key, "POST", tasks+"/"+number("late")+"/execute", ""), http.StatusBadRequest); !strings.Contains(a.parsed.Error, "outside of the calling windows") {
		t.Errorf("outside of the windows: %s", a.body)
	}
}

func TestNobodyDials(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *control.Options) {
		o.Dialer = dialer.New(dialer.Options{Store: o.Tasks.(dialer.Store), Node: "node"})
	})
	a := w.want(w.ask(w.ours.key, "POST", tasks+"/"+w.newTask("")+"/execute", ""), http.StatusServiceUnavailable)
	if !strings.Contains(a.parsed.Error, "no carrier") {
		t.Errorf("%s", a.body)
	}
}

func TestAgentsWithTasksStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var task struct{ ID string }
	w.want(w.ask(w.ours.key, "POST", tasks, `{"agent_id":"`+w.ours.agent+`","name":"n","to_number":"+12125551234"}`), http.StatusCreated).data(t, &task)
	if a := w.want(w.ask(w.ours.key, "DELETE", agents+"/"+w.ours.agent, ""), http.StatusBadRequest); !strings.Contains(a.parsed.Error, "active tasks (1 ") {
		t.Errorf("%s", a.body)
	}
	w.inState(task.ID, store.Completed)
	w.want(w.ask(w.ours.key, "DELETE", agents+"/"+w.ours.agent, ""), http.StatusOK)
	if a := w.want(w.ask(w.ours.key, "GET", tasks+"/"+task.ID, ""), http.StatusOK); !strings.Contains(string(a.body), `"agent":null`) {
		t.Errorf("a task whose agent is gone: %s", a.body)
	}
}

func TestBadTasks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	body := `{"agent_id":"x","name":" ","to_number":"0123","description":1,"starting_message":"\u0000","context_data":[],"priority":1.5,
		"scheduled_at":"tomorrow","webhook_url":"http://example.com","webhook_events":["call_answered"],"status":"pending","nonsense":1,"call_id":null}`
	a := w.want(w.ask(w.ours.key, "POST", tasks+"?x=1", body), http.StatusBadRequest)
	for _, name := range []string{"agent_id", "name", "to_number", "description", "starting_message", "context_data", "priority", "scheduled_at",
		"webhook_url", "webhook_events[0]", "status", "nonsense", "call_id", "x"} {
		if a.parsed.Details[name] == "" {
			t.Errorf("%s is not named: %s", name, a.body)
		}
		delete(a.parsed.Details, name)
	}
	if len(a.parsed.Details) > 0 {
		t.Errorf("named besides: %v", a.parsed.Details)
	}
	a = w.want(w.ask(w.ours.key, "POST", tasks, `{}`), http.StatusBadRequest)
	if diff := cmp.Diff(map[string]string{"agent_id": "is required", "name": "is required", "to_number": "is required"}, a.parsed.Details); diff != "" {
		t.Errorf("want - got +:\n%s", diff)
	}
	for _, id := range []string{w.theirs.standard, store.NewID()} { // another organisation's agent is as unknown as none
		a = w.want(w.ask(w.ours.key, "POST", tasks, `{"agent_id":"`+id+`","name":"n","to_number":"+1234567890"}`), http.StatusNotFound)
		if a.parsed.Details["agent_id"] != "no such agent" {
			t.Errorf("%s", a.body)
		}
	}
	id := w.newTask("")
	for body, want := range map[string]map[string]string{
		`{}`: nil,
		`{"name":null,"to_number":null,"priority":null}`:               {"name": "cannot be null", "to_number": "cannot be null", "priority": "cannot be null"},
		`{"agent_id":"` + w.ours.standard + `"}`:                       {"agent_id": "cannot be changed: make another task"},
		`{"to_number":"+0123456789"}`:                                  {"to_number": "is no phone number in E.164 format, such as +1234567890"},
		`{"webhook_url":"https://u:p@example.com"}`:                    {"webhook_url": "must not have a name or password in it"},
		`{"context_data":{"a":"` + strings.Repeat("a", 64<<10) + `"}}`: {"context_data": "is larger than 64 KiB"},
	} {
		a := w.want(w.ask(w.ours.key, "PATCH", tasks+"/"+id, body), http.StatusBadRequest)
		if diff := cmp.Diff(want, a.parsed.Details); diff != "" {
			t.Errorf("%.60s: want - got +:\n%s", body, diff)
		}
	}
	for _, to := range []string{"+1234567890", "+442071234567", "+123456789012345"} {
		w.want(w.ask(w.ours.key, "PATCH", tasks+"/"+id, `{"to_number":"`+to+`"}`), http.StatusOK)
	}
}

func TestDialing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const dialing, list = "/api/v1/dialing", "/api/v1/do-not-call"
	a := w.want(w.ask(w.ours.key, "GET", dialing, ""), http.StatusOK)
	if want := `{"rules":{},"effective":{"max_calls":20,"calls_per_second":1,"ring_seconds":45}}`; string(a.parsed.Data) != want {
		t.Errorf("rules of whoever has none: %s", a.parsed.Data)
	}
	a = w.want(w.ask(w.ours.key, "PUT", dialing, `{"max_calls":-1,"calls_per_second":"x","zone":"Mars/Base","windows":[{"days":["soon"],"from":"20:00","to":"09:00"}],"allow":["88"],"more":1}`), http.StatusBadRequest)
	for _, name := range []string{"max_calls", "calls_per_second", "zone", "windows[0]", "windows[0].days[0]", "allow[0]", "more"} {
		if a.parsed.Details[name] == "" {
			t.Errorf("%s is not named: %s", name, a.body)
		}
	}
	w.want(w.ask(w.ours.key, "PUT", dialing, `{"max_calls":3,"allow":["+88165"],"retry":{"busy":2}}`), http.StatusOK)
	a = w.want(w.ask(w.ours.key, "GET", dialing, ""), http.StatusOK)
	if want := `{"rules":{"max_calls":3,"allow":["+88165"],"retry":{"busy":2}},"effective":{"max_calls":3,"calls_per_second":1,"allow":["+88165"],"retry":{"busy":2},"ring_seconds":45}}`; string(a.parsed.Data) != want {
		t.Errorf("rules: %s", a.parsed.Data)
	}
	var first, again struct{ ID, Reason string }
	w.want(w.ask(w.ours.key, "POST", list, `{"phone_number":"+15005550001","reason":"asked"}`), http.StatusCreated).data(t, &first)
	w.want(w.ask(w.ours.key, "POST", list, `{"phone_number":"+15005550001","reason":"other"}`), http.StatusCreated).data(t, &again)
	if first != again {
		t.Errorf("barred twice: %v, %v", first, again)
	}
	a = w.want(w.ask(w.ours.key, "POST", list, `{"phone_number":"5","id":"x"}`), http.StatusBadRequest)
	if a.parsed.Details["phone_number"] == "" || a.parsed.Details["id"] == "" {
		t.Errorf("%s", a.body)
	}
	w.want(w.ask(w.ours.key, "DELETE", list+"/"+first.ID, ""), http.StatusOK)
	w.want(w.ask(w.ours.key, "DELETE", list+"/"+first.ID, ""), http.StatusNotFound)
}
