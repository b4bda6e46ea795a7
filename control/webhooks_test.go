package control_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/control"
	"parley/store"
)

const hooks = "/api/v1/webhooks"

// TestWebhookURLs: what is no https URL is refused by name, wherever one is given, beside what else is wrong.
func TestWebhookURLs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for url, want := range map[string]string{
		"http://example.com/": "is no https URL", "https://": "is no https URL", "example.com": "is no https URL", "https://:443/": "is no https URL",
		"https://user:pw@example.com/": "must not have a name or password in it", "https://exa mple.com/": "is no URL", "ftp://example.com": "is no https URL",
		"javascript:alert(1)": "is no https URL", "//example.com/hook": "is no https URL", "https://example.com/%zz": "is no URL",
	} {
		body := `{"agent_id": "` + w.ours.standard + `", "name": " ", "to_number": "+1234567890", "webhook_url": "` + url + `"}`
		a := w.want(w.ask(w.ours.key, "POST", "/api/v1/tasks", body), http.StatusBadRequest)
		if d := cmp.Diff(map[string]string{"webhook_url": want, "name": "must not be blank"}, a.parsed.Details); d != "" {
			t.Errorf("%s (-want +got):\n%s", url, d)
		}
		a = w.want(w.ask(w.ours.key, "POST", hooks+"/test", `{"url": "`+url+`"}`), http.StatusBadRequest)
		if a.parsed.Details["url"] != want {
			t.Errorf("test of %s: %s", url, a.body)
		}
	}
	body := `{"agent_id": "` + w.ours.standard + `", "name": "Call", "to_number": "+1234567890", "webhook_url": "https://192.168.0.1:8443/hook?a=b#c"}`
	w.want(w.ask(w.ours.key, "POST", "/api/v1/tasks", body), http.StatusCreated) // where it leads is looked at when it is dialled
}

func TestWebhookSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	type settings struct {
		Redelivery        bool
		DisabledTotal     int                            `json:"disabled_total"`
		DisabledEndpoints []struct{ URL, Reason string } `json:"disabled_endpoints"`
	}
	read := func(path string) (s settings) {
		t.Helper()
		w.want(w.ask(w.ours.key, "GET", hooks+path, ""), http.StatusOK).data(t, &s)
		return s
	}
	if s := read("/settings"); s.Redelivery || s.DisabledTotal != 0 {
		t.Errorf("settings at first: %+v", s)
	}
	for _, url := range []string{"https://a.example.com/", "https://b.example.com/"} {
		disable(t, w, url)
	}
	if s := read("/settings?limit=1&offset=1"); s.DisabledTotal != 2 || len(s.DisabledEndpoints) != 1 || s.DisabledEndpoints[0].URL != "https://b.example.com/" ||
		s.DisabledEndpoints[0].Reason != "the endpoint answered 410 Gone" {
		t.Errorf("second page of what is disabled: %+v", s)
	}
	w.want(w.ask(w.ours.key, "PUT", hooks+"/settings", `{"redelivery": true, "enable_endpoints": ["https://a.example.com/", "https://nobody.example.com/"]}`), http.StatusOK)
	if s := read("/settings"); !s.Redelivery || s.DisabledTotal != 1 || s.DisabledEndpoints[0].URL != "https://b.example.com/" {
		t.Errorf("settings that were put: %+v", s)
	}
	a := w.want(w.ask(w.ours.key, "PUT", hooks+"/settings", `{"redelivery": "yes", "enable_endpoints": "x", "other": 1}`), http.StatusBadRequest)
	for _, field := range []string{"redelivery", "enable_endpoints", "other"} {
		if a.parsed.Details[field] == "" {
			t.Errorf("%s is not named: %s", field, a.body)
		}
	}
	w.want(w.ask(w.ours.key, "PUT", hooks+"/settings", `{}`), http.StatusBadRequest)
}

// disable does what an answer of 410 does.
func disable(t *testing.T, w *world, url string) {
	t.Helper()
	now := time.Now().UTC()
	_, err := w.db.AddDelivery(t.Context(), store.Delivery{ID: store.NewID(), Org: w.ours.org, Kind: store.WebhookTest, URL: url, Created: now})
	must(t, err)
	hosts, err := w.db.DueHosts(t.Context(), now)
	must(t, err)
	taken, err := w.db.TakeDeliveries(t.Context(), store.DeliveryTaking{Now: now, Until: now.Add(time.Minute), Hosts: []store.HostShare{{Host: hosts[0], Most: 1}}})
	must(t, err)
	must(t, w.db.SettleDelivery(t.Context(), store.Outcome{Delivery: taken[0], Status: store.DeliveryFailed, Code: 410, At: now, Disable: "the endpoint answered 410 Gone",
		Attempt: &store.DeliveryAttempt{Created: now, Took: 1500 * time.Microsecond, Code: 410, Error: "the endpoint answered 410 Gone", Answer: "gone"}}))
}

func TestWebhookSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rotate := func(body string, more ...string) (s struct {
		Secret            string
		FormerSecretUntil *time.Time `json:"former_secret_until"`
	}) {
		t.Helper()
		w.want(w.ask(w.ours.key, "POST", hooks+"/secret", body, more...), http.StatusCreated).data(t, &s)
		return s
	}
	first := rotate(`{"former_hours": 0}`)
	if !strings.HasPrefix(first.Secret, "whsec_") || len(first.Secret) != 50 || first.FormerSecretUntil != nil {
		t.Errorf("first secret: %+v", first)
	}
	second := rotate(`{}`, "Idempotency-Key", "once")
	if left := time.Until(*second.FormerSecretUntil); left < 23*time.Hour || left > 24*time.Hour || second.Secret == first.Secret {
		t.Errorf("second secret: %+v", second)
	}
	if again := rotate(`{}`, "Idempotency-Key", "once"); again.Secret != second.Secret {
		t.Error("one request rotates twice")
	}
	a := w.want(w.ask(w.ours.key, "GET", hooks+"/settings", ""), http.StatusOK)
	if strings.Contains(string(a.body), "whsec_") || strings.Contains(string(a.body), `"former_secret_until":null`) {
		t.Errorf("settings: %s", a.body)
	}
	row, err := w.db.WebhookSettings(t.Context(), w.ours.org)
	must(t, err)
	if strings.Contains(row.Secret.Text, "whsec_") || row.Former.Text == "" {
		t.Errorf("the secret is kept as %q", row.Secret.Text)
	}
	for _, hours := range []string{"-1", "169", "1.5", `"1"`} {
		a := w.want(w.ask(w.ours.key, "POST", hooks+"/secret", `{"former_hours": `+hours+`}`), http.StatusBadRequest)
		if a.parsed.Details["former_hours"] == "" {
			t.Errorf("%s hours: %s", hours, a.body)
		}
	}
}

func TestWebhookDeliveries(t *testing.T) {
	t.Parallel()
	var woken atomic.Int64
	w := newWorld(t, func(o *control.Options) { o.Hooked = func() { woken.Add(1) } })
	type delivery struct {
		ID        string
		EventType string  `json:"event_type"`
		TaskID    *string `json:"task_id"`
		CallID    *string `json:"call_id"`
		URL       string
		Status    string
		Count     int     `json:"attempt_count"`
		Code      *int    `json:"response_status"`
		Error     *string `json:"error"`
	}
	list := func(query string) (all []delivery, total float64) {
		t.Helper()
		a := w.want(w.ask(w.ours.key, "GET", hooks+"/deliveries"+query, ""), http.StatusOK)
		a.data(t, &all)
		total, _ = a.parsed.Meta["total"].(float64)
		return all, total
	}
	var sent delivery
	w.want(w.ask(w.ours.key, "POST", hooks+"/test", `{"url": "https://example.com/hook"}`), http.StatusCreated).data(t, &sent)
	if d := cmp.Diff(delivery{ID: sent.ID, EventType: "test", URL: "https://example.com/hook", Status: "pending"}, sent); d != "" || woken.Load() != 1 {
		t.Errorf("test (-want +got), woken %d times:\n%s", woken.Load(), d)
	}
	task, err := w.db.CreateTask(t.Context(), store.Task{ID: store.NewID(), Org: w.ours.org, Agent: w.ours.standard, To: "+1", WebhookURL: "https://example.com/task", Created: time.Now()})
	must(t, err)
	call := w.failTask(w.ours.org, task.ID, time.Now().UTC())
	if all, total := list(""); total != 3 || len(all) != 3 {
		t.Errorf("%v of %v", len(all), total)
	}
	for query, want := range map[string]int{
		"?status=pending": 2, "?status=failed": 1, "?status=delivered": 0, "?task_id=" + strings.ToUpper(task.ID): 1, "?call_id=" + call: 1, "?event=call_failed": 1,
		"?event=test&status=failed": 1, "?limit=2&offset=2": 1,
	} {
		if all, _ := list(query); len(all) != want {
			t.Errorf("%s: %d deliveries, want %d", query, len(all), want)
		}
	}
	all, _ := list("?call_id=" + call)
	if d := all[0]; d.EventType != "call_failed" || *d.TaskID != task.ID || *d.CallID != call || d.URL != task.WebhookURL {
		t.Errorf("delivery of a call: %+v", d)
	}
	a := w.want(w.ask(w.ours.key, "GET", hooks+"/deliveries?status=sent&task_id=x&event=y&limit=101", ""), http.StatusBadRequest)
	if len(a.parsed.Details) != 4 {
		t.Errorf("bad filters: %v", a.parsed.Details)
	}
	w.want(w.ask(w.ours.key, "POST", hooks+"/deliveries/"+sent.ID+"/replay", ""), http.StatusBadRequest)

	disable(t, w, "https://a.example.com/")
	gone, _ := list("?status=failed&limit=1")
	var whole struct {
		delivery
		Payload  map[string]any
		Attempts []struct {
			N        int
			Latency  int64 `json:"latency_ms"`
			Code     int   `json:"response_status"`
			Response string
			Error    string
		}
	}
	w.want(w.ask(w.ours.key, "GET", hooks+"/deliveries/"+gone[0].ID, ""), http.StatusOK).data(t, &whole)
	if len(whole.Attempts) != 1 || whole.Attempts[0].Code != 410 || whole.Attempts[0].Response != "gone" || whole.Attempts[0].Latency != 1 ||
		whole.Attempts[0].Error == "" || whole.Count != 1 || *whole.Code != 410 {
		t.Errorf("detail: %+v", whole)
	}
	w.want(w.ask(w.ours.key, "GET", hooks+"/deliveries/"+sent.ID, ""), http.StatusOK).data(t, &whole)
	if whole.Payload["event_type"] != "test" || len(whole.Payload) != 5 {
		t.Errorf("payload of a test: %v", whole.Payload)
	}
	var again delivery
	w.want(w.ask(w.ours.key, "POST", hooks+"/deliveries/"+gone[0].ID+"/replay", ""), http.StatusOK).data(t, &again)
	if again.ID != gone[0].ID || again.Status != "pending" || woken.Load() != 2 {
		t.Errorf("replayed: %+v, woken %d times", again, woken.Load())
	}
}
