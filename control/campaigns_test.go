package control_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/store"
)

const campaigns = "/api/v1/campaigns"

// campaign makes one by the API, and returns its path.
func (w *world) campaign(body string) string {
	w.t.Helper()
	var made struct{ ID string }
	if body == "" {
		body = `{"name":"Reminders","agent_id":"` + w.ours.standard + `","starting_message":"Hello {{name}}"}`
	}
	w.want(w.ask(w.ours.key, "POST", campaigns, body), http.StatusCreated).data(w.t, &made)
	return campaigns + "/" + made.ID
}

// upload sends a file of contacts.
func (w *world) upload(path, file string) *answer {
	w.t.Helper()
	return w.ask(w.ours.key, "POST", path, file, "Content-Type", "text/csv")
}

// An uploaded is what an upload answers.
type uploaded struct {
	Rows, Added, Duplicates, Invalid, Denied int
	Problems                                 []struct {
		Line                 int
		Kind, Field, Message string
	}
}

func (u uploaded) lines() (all []string) {
	for _, p := range u.Problems {
		all = append(all, fmt.Sprintf("%d %s %s", p.Line, p.Kind, p.Field))
	}
	return all
}

func TestCampaignLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := w.campaign(`{"name":"Reminders","agent_id":"` + w.ours.standard + `","starting_message":"Hello {{name}}","priority":3,"scheduled_at":"2030-01-01T10:00:00+01:00",
		"webhook_url":"https://example.com/h","webhook_events":["call_failed"],"max_calls":2,"calls_per_second":0.5,"breaker":{"calls":10,"percent":30,"short_seconds":2.5}}`)
	var got map[string]any
	w.want(w.ask(w.ours.key, "GET", path, ""), http.StatusOK).data(t, &got)
	for _, name := range []string{"id", "number", "created_at", "updated_at"} {
		delete(got, name)
	}
	want := map[string]any{
		"agent_id": w.ours.standard, "name": "Reminders", "description": nil, "starting_message": "Hello {{name}}", "priority": 3.0,
		"scheduled_at": "2030-01-01T09:00:00.000Z", "webhook_url": "https://example.com/h", "webhook_events": []any{"call_failed"}, "max_calls": 2.0,
		"calls_per_second": 0.5, "breaker": map[string]any{"calls": 10.0, "percent": 30.0, "short_seconds": 2.5}, "status": "draft", "reason": nil,
		"started_at": nil, "ended_at": nil,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("want - got +:\n%s", d)
	}
	var patched struct {
		MaxCalls       int     `json:"max_calls"`
		CallsPerSecond float64 `json:"calls_per_second"`
		Description    string
		Breaker        struct{ Calls, Percent int }
	}
	w.want(w.ask(w.ours.key, "PATCH", path, `{"max_calls":7,"calls_per_second":0,"description":"d","scheduled_at":null,"breaker":{"calls":0}}`), http.StatusOK).data(t, &patched)
	if patched.MaxCalls != 7 || patched.CallsPerSecond != 0 || patched.Description != "d" || patched.Breaker.Calls != 0 {
		t.Errorf("patched: %+v", patched)
	}
	w.want(w.ask(w.ours.key, "PATCH", path, `{}`), http.StatusBadRequest)
	if a := w.want(w.ask(w.ours.key, "PATCH", path, `{"max_calls":null,"name":"","breaker":{"percent":200},"status":"running","calls_per_second":0.0001}`), http.StatusBadRequest); len(a.parsed.Details) != 5 {
		t.Errorf("bad changes: %s", a.body)
	}
	refused := func(verb, says string) {
		t.Helper()
		if a := w.want(w.ask(w.ours.key, "POST", path+"/"+verb, ""), http.StatusBadRequest); !strings.Contains(a.parsed.Error, says) {
			t.Errorf("%s: %s", verb, a.body)
		}
	}
	refused("start", "nobody to call")
	refused("pause", "the campaign is draft")
	refused("resume", "the campaign is draft")
	var up uploaded
	w.want(w.upload(path+"/contacts", "phone,name\n+442071234567,Zoë\n+442071234568,Bo\n"), http.StatusOK).data(t, &up)
	if up.Added != 2 || up.Rows != 2 || len(up.Problems) != 0 {
		t.Errorf("uploaded: %+v", up)
	}
	w.want(w.ask(w.ours.key, "PATCH", "/api/v1/agents/"+w.ours.standard, `{"enabled":false}`), http.StatusOK)
	refused("start", "the agent is disabled")
	w.want(w.ask(w.ours.key, "PATCH", "/api/v1/agents/"+w.ours.standard, `{"enabled":true}`), http.StatusOK)
	for _, step := range []struct{ verb, status, reason string }{{"start", "running", ""}, {"pause", "paused", "by request"}, {"resume", "running", ""}, {"cancel", "cancelled", "by request"}} {
		var now struct{ Status, Reason string }
		w.want(w.ask(w.ours.key, "POST", path+"/"+step.verb, ""), http.StatusOK).data(t, &now)
		if now.Status != step.status || now.Reason != step.reason {
			t.Errorf("%s: %+v", step.verb, now)
		}
	}
	refused("start", "the campaign is cancelled")
	refused("cancel", "the campaign is cancelled")
	if a := w.want(w.upload(path+"/contacts", "phone,name\n+442071234569,Zoë\n"), http.StatusBadRequest); !strings.Contains(a.parsed.Error, "cancelled") {
		t.Errorf("upload: %s", a.body)
	}

	var tasks []map[string]any
	a := w.want(w.ask(w.ours.key, "GET", path+"/tasks?status=pending&limit=1", ""), http.StatusOK)
	a.data(t, &tasks)
	if a.parsed.Meta["total"] != 2.0 || len(tasks) != 1 || tasks[0]["campaign_id"] != strings.TrimPrefix(path, campaigns+"/") || tasks[0]["priority"] != 3.0 ||
		tasks[0]["webhook_url"] != "https://example.com/h" || tasks[0]["to_number"] != "+442071234568" || tasks[0]["starting_message"] != "Hello {{name}}" {
		t.Errorf("tasks: %s", a.body)
	}
	if a := w.want(w.ask(w.ours.key, "POST", "/api/v1/tasks/"+tasks[0]["id"].(string)+"/execute", ""), http.StatusBadRequest); !strings.Contains(a.parsed.Error, "campaign") {
		t.Errorf("a task of a cancelled campaign is executed: %s", a.body)
	}
}

func TestCampaignRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for body, fields := range map[string][]string{
		`{}`: {"name", "agent_id"},
		`{"name":" ","agent_id":"x","priority":1e9,"webhook_url":"http://x","webhook_events":["no"],"max_calls":-1,"calls_per_second":0.0001,"breaker":{"calls":-1,"percent":101},"scheduled_at":"soon","more":1}`: {
			"name", "agent_id", "priority", "webhook_url", "webhook_events[0]", "max_calls", "calls_per_second", "breaker.calls", "breaker.percent", "scheduled_at", "more"},
	} {
		a := w.want(w.ask(w.ours.key, "POST", campaigns, body), http.StatusBadRequest)
		for _, f := range fields {
			if a.parsed.Details[f] == "" {
				t.Errorf("%s: %s is not named: %s", body, f, a.body)
			}
		}
	}
	w.want(w.ask(w.ours.key, "POST", campaigns, `{"name":"n","agent_id":"`+w.theirs.standard+`"}`), http.StatusNotFound)

	path := w.campaign("") + "/contacts"
	w.want(w.ask(w.ours.key, "POST", path, `{}`), http.StatusUnsupportedMediaType)
	w.want(w.upload(path+"?strict=maybe", "phone\n"), http.StatusBadRequest)
	for file, says := range map[string]string{
		"":                                    "file",
		"name\nZoë\n":                         "header",
		"\xff\xfep\x00h\x00":                  "file",
		"phone,name\n\"+442071234567,\nx,y\n": "file",
	} {
		if a := w.want(w.upload(path, file), http.StatusBadRequest); a.parsed.Details[says] == "" && file != "" {
			t.Errorf("%q: %s", file, a.body)
		}
	}
	if a := w.want(w.upload(path+"?column=mobile", "phone,name\n"), http.StatusBadRequest); !strings.Contains(a.parsed.Details["header"], "mobile") {
		t.Errorf("a column that is not there: %s", a.body)
	}
}

// TestUpload: every row is judged by itself, and what is wrong is told by its line.
func TestUpload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := w.campaign("") + "/contacts"
	w.want(w.ask(w.ours.key, "PUT", "/api/v1/dialing", `{"deny":["+7"]}`), http.StatusOK)
	file := "\uFEFFname;phone;note\r\n" + // 1
		"Zoë;+44 20 7123 4567;\"two\r\nlines; and a \"\"quote\"\"\"\r\n" + // 2
		"Bo;00442071234568;\r\n" + // 4
		";+442071234569;no name\r\n" + // 5
		"Di;0171;x\r\n" + // 6
		"Ed;+442070000001;x\r\n" + // 7: on the list
		"Flo;+79161234567;x\r\n" + // 8: denied
		"Gus;+442071234567;x\r\n" + // 9: as line 2
		"Hal;+442071234570\r\n" + // 10
		"I\xffm;+442071234571;x\r\n" + // 11
		"Jo;+19005551234;x\r\n" + // 12: premium
		"Kim;+442071234572;x" // 13
	var got uploaded
	w.want(w.upload(path, file), http.StatusOK).data(t, &got)
	want := []string{"5 invalid context_data.name", "6 invalid to_number", "7 denied to_number", "8 denied to_number", "9 duplicate to_number", "10 invalid row",
		"11 invalid name", "12 denied to_number"}
	if d := cmp.Diff(want, got.lines()); d != "" || got.Rows != 11 || got.Added != 3 || got.Duplicates != 1 || got.Invalid != 4 || got.Denied != 3 {
		t.Errorf("%+v: want - got +:\n%s", got, d)
	}
	var tasks []struct {
		To      string         `json:"to_number"`
		Context map[string]any `json:"context_data"`
	}
	w.want(w.ask(w.ours.key, "GET", strings.TrimSuffix(path, "contacts")+"tasks", ""), http.StatusOK).data(t, &tasks)
	if len(tasks) != 3 || tasks[2].To != "+442071234567" || tasks[2].Context["note"] != "two\nlines; and a \"quote\"" || tasks[2].Context["name"] != "Zoë" || tasks[2].Context["phone"] != nil {
		t.Errorf("tasks: %+v", tasks)
	}
	again := uploaded{}
	w.want(w.upload(path, file), http.StatusOK).data(t, &again)
	if again.Added != 0 || again.Duplicates != 4 || again.Problems[0].Message != "is in the campaign already" {
		t.Errorf("again: %+v", again)
	}
	a := w.want(w.upload(path+"?strict=true", "phone,name\n+442071234580,A\n0171,B\n+442070000001,C\n"), http.StatusBadRequest)
	if a.parsed.Details["line 3.to_number"] == "" || a.parsed.Details["line 4.to_number"] == "" || len(a.parsed.Details) != 2 {
		t.Errorf("strict: %s", a.body)
	}
	strict := uploaded{}
	w.want(w.upload(path+"?strict=true&column=mobile", "mobile,name\n+442071234567,Zoë\n+442071234580,A\n"), http.StatusOK).data(t, &strict)
	if strict.Added != 1 || strict.Duplicates != 1 {
		t.Errorf("strict, without a mistake: %+v", strict)
	}
}

// TestLargeUpload: a file is never in memory: what has been read of it is in the database, but for a batch. A number that comes again in
// another batch is known again.
func TestLargeUpload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := w.campaign("")
	id := strings.TrimPrefix(path, campaigns+"/")
	const rows, within = 6000, 250 + 4096/200 // rows of 200 bytes and more, read 4 KiB at a time
	body, out := io.Pipe()
	go func() {
		defer out.Close()
		fmt.Fprintln(out, "phone,name,note")
		for i := range rows {
			fmt.Fprintf(out, "+4420%08d,Zoë,%s\n", i, strings.Repeat("x", 200))
			if i%500 > 0 {
				continue
			}
			_, total, err := w.db.Tasks(t.Context(), w.ours.org, store.TaskFilter{Campaign: id}, store.Page{})
			if err != nil || int(total) < i-within {
				t.Errorf("%d rows have been read, and %d are kept (%v)", i, total, err)
			}
		}
		fmt.Fprintln(out, "+442000000000,again,")
	}()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path+"/contacts", body)
	r.Header.Set("Authorization", "Bearer "+w.ours.key)
	r.Header.Set("Content-Type", "text/csv; charset=utf-8")
	rec := httptest.NewRecorder()
	w.mux.ServeHTTP(rec, r)
	var got struct{ Data uploaded }
	must(t, json.Unmarshal(rec.Body.Bytes(), &got))
	if u := got.Data; u.Added != rows || u.Duplicates != 1 || len(u.Problems) != 1 || u.Problems[0].Line != rows+2 || u.Problems[0].Message != "is the number of line 2" {
		t.Errorf("%d %+v", rec.Code, u)
	}
}

// TestBrokenUpload: of a file that breaks off, what came is kept, and nothing is doubled when it is sent again.
func TestBrokenUpload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := httptest.NewServer(w.mux)
	defer server.Close()
	path := w.campaign("")
	var file strings.Builder
	file.WriteString("phone,name\n")
	for i := range 700 {
		fmt.Fprintf(&file, "+4420%08d,Zoë\n", i)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+path+"/contacts", io.MultiReader(strings.NewReader(file.String()[:12_000]), breaking(cancel)))
	must(t, err)
	r.Header.Set("Authorization", "Bearer "+w.ours.key)
	r.Header.Set("Content-Type", "text/csv")
	if answer, err := server.Client().Do(r); err == nil {
		answer.Body.Close()
		t.Fatalf("a file that broke off was answered: %s", answer.Status)
	}
	pending := func() int {
		var p struct{ Tasks struct{ Pending int } }
		w.want(w.ask(w.ours.key, "GET", path+"/progress", ""), http.StatusOK).data(t, &p)
		return p.Tasks.Pending
	}
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for limit := time.After(time.Minute); pending() < 250; {
		select {
		case <-look.C:
		case <-limit:
			t.Fatal("nothing of the broken file was kept")
		}
	}
	var got uploaded
	w.want(w.upload(path+"/contacts", file.String()), http.StatusOK).data(t, &got)
	if got.Added+got.Duplicates != 700 || got.Duplicates < 250 || pending() != 700 {
		t.Errorf("%+v, %d pending", got, pending())
	}
}

// breaking is a body that breaks off.
type breaking func()

func (b breaking) Read([]byte) (int, error) { b(); return 0, errors.New("the line is cut") }

func TestProgressAndResults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := w.campaign(`{"name":"R","agent_id":"` + w.ours.standard + `","breaker":{"calls":3,"percent":50,"short_seconds":5}}`)
	id := strings.TrimPrefix(path, campaigns+"/")
	w.want(w.upload(path+"/contacts", "to_number,name,formula\n+442071230001,\"A, B\",=1+1\n+442071230002,@b,\n+442071230003,c,\n+442071230004,d,\n"), http.StatusOK)
	w.want(w.ask(w.ours.key, "POST", path+"/start", ""), http.StatusOK)
	now := time.Now().UTC().Truncate(time.Millisecond).Add(time.Millisecond)
	due, err := w.db.DueContacts(t.Context(), id, now, 10)
	must(t, err)
	calls := map[string]string{}
	for i, e := range []store.Ended{
		{Status: store.Completed, End: store.End{Ended: now, Length: 90 * time.Second, Cause: "agent", AnsweredBy: "human"}},
		{Status: store.Completed, End: store.End{Ended: now, Length: 2 * time.Second, Cause: "caller"}}, // short
		{Status: store.Failed, End: store.End{Ended: now, Cause: store.CauseBusy}},
	} {
		d, err := w.db.ExecuteTask(t.Context(), store.Execution{Org: w.ours.org, Task: due[i].ID, Call: store.Call{ID: store.NewID(), To: due[i].To, Created: now}})
		must(t, err)
		began := store.Call{ID: d.Call, Org: w.ours.org, Status: store.InProgress, Created: now, Answered: now}
		if e.Call = d.Call; e.End.Length > 0 {
			must(t, w.db.Record(t.Context(), []store.Entry{{Began: &began}}))
		}
		must(t, w.db.Record(t.Context(), []store.Entry{{Ended: &e}}))
		calls[due[i].To] = d.Call
	}
	var got map[string]any
	w.want(w.ask(w.ours.key, "GET", path+"/progress", ""), http.StatusOK).data(t, &got)
	rate, _ := got["calls_per_minute"].(float64)
	if _, err := time.Parse(time.RFC3339, fmt.Sprint(got["estimated_end_at"])); err != nil || rate <= 0 {
		t.Errorf("rate %v, estimated end %v", got["calls_per_minute"], got["estimated_end_at"])
	}
	for _, name := range []string{"calls_per_minute", "estimated_end_at", "started_at"} {
		delete(got, name)
	}
	want := map[string]any{
		"campaign_id": id, "status": "running", "reason": nil, "percent_done": 75.0, "ended_at": nil,
		"tasks":    map[string]any{"total": 4.0, "pending": 1.0, "in_progress": 0.0, "completed": 2.0, "failed": 1.0},
		"outcomes": map[string]any{"human": 1.0, "answered": 1.0, "busy": 1.0},
		"breaker":  map[string]any{"calls": 3.0, "percent": 50.0, "short_seconds": 5.0, "seen": 3.0, "failed": 1.0},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("progress: want - got +:\n%s", d)
	}

	a := w.want(w.ask(w.ours.key, "GET", path+"/results", ""), http.StatusOK)
	if got := a.head.Get("Content-Type"); !strings.HasPrefix(got, "text/csv") || !strings.Contains(a.head.Get("Content-Disposition"), id+".csv") {
		t.Errorf("headers %v", a.head)
	}
	rows, err := csv.NewReader(strings.NewReader(string(a.body))).ReadAll()
	must(t, err)
	at := now.Format("2006-01-02T15:04:05.000Z")
	table := [][]string{
		{"line", "to_number", "status", "outcome", "attempts", "answered_at", "ended_at", "duration_seconds", "answered_by", "cause", "error", "call_id", "task_id", "name", "formula"},
		{"2", "+442071230001", "completed", "human", "1", at, at, "90.00", "human", "agent", "", calls["+442071230001"], due[0].ID, "A, B", "'=1+1"},
		{"3", "+442071230002", "completed", "answered", "1", at, at, "2.00", "", "caller", "", calls["+442071230002"], due[1].ID, "'@b", ""},
		{"4", "+442071230003", "failed", "busy", "1", "", at, "", "", "busy", "busy", calls["+442071230003"], due[2].ID, "c", ""},
		{"5", "+442071230004", "pending", "", "0", "", "", "", "", "", "", "", due[3].ID, "d", ""},
	}
	if d := cmp.Diff(table, rows); d != "" {
		t.Errorf("results: want - got +:\n%s", d)
	}
}
