package providertest

import (
	"context"
	"crypto/hmac"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// a hook counts the webhooks that come to it, and turns each away when it comes for the first time.
type hook struct {
	mu   sync.Mutex
	came map[string]int
	good func(r *http.Request, body []byte) bool
	t    *testing.T
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || !h.good(r, body) {
		h.t.Errorf("a webhook is not signed: %v", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.came[string(body)]++; h.came[string(body)] == 1 {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// TestDeliver: each webhook comes as often as it should, signed, until it is taken.
func TestDeliver(t *testing.T) {
	t.Parallel()
	f := &WhatsApp{Secret: "s"}
	h := &hook{t: t, came: make(map[string]int), good: func(r *http.Request, body []byte) bool {
		return hmac.Equal([]byte(r.Header.Get("X-Hub-Signature-256")), []byte(f.Sign(body)))
	}}
	server := httptest.NewServer(h)
	defer server.Close()
	var bodies [][]byte
	for _, s := range f.Samples() {
		bodies = append(bodies, s.Body)
	}
	if err := f.Deliver(t.Context(), func() string { return server.URL }, bodies, 3, rand.New(rand.NewPCG(1, 2))); err != nil {
		t.Fatal(err)
	}
	for _, b := range bodies {
		if n := h.came[string(b)]; n != 4 {
			t.Errorf("%d times: %s", n, b)
		}
	}
	if len(h.came) != len(bodies) {
		t.Errorf("%d webhooks of %d", len(h.came), len(bodies))
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Deliver(gone, func() string { return "http://127.0.0.1:1" }, bodies, 1, rand.New(rand.NewPCG(1, 2))); err == nil {
		t.Error("nothing is delivered to nobody")
	}
}

// TestDeliverForms is TestDeliver of Twilio's.
func TestDeliverForms(t *testing.T) {
	t.Parallel()
	f := &TwilioMessages{Token: "s"}
	var at string
	h := &hook{t: t, came: make(map[string]int), good: func(r *http.Request, body []byte) bool {
		form, err := url.ParseQuery(string(body))
		return err == nil && r.Header.Get("X-Twilio-Signature") == f.Sign(at, form)
	}}
	server := httptest.NewServer(h)
	defer server.Close()
	at = server.URL + "/whatsapp/twilio?bot=1"
	forms := []url.Values{
		f.Says(WhatsAppPerson{Number: "16505551234", Name: "Ana"}, "SM1", "Hello", nil), f.Says(WhatsAppPerson{User: "ID.1"}, "SM2", "Hello", nil),
		f.Tells("MM1", "delivered", "+16505551234", 0), f.Tells("MM2", "undelivered", "+16505551234", 63016),
	}
	if err := f.Deliver(t.Context(), func() string { return at }, forms, 2, rand.New(rand.NewPCG(3, 4))); err != nil {
		t.Fatal(err)
	}
	for _, form := range forms {
		if n := h.came[form.Encode()]; n != 3 {
			t.Errorf("%d times: %s", n, form.Encode())
		}
	}
}

// TestWhatsAppChecks: the stand-in is as strict as Meta, whoever asks.
func TestWhatsAppChecks(t *testing.T) {
	t.Parallel()
	now := time.Unix(1760000000, 0)
	f := &WhatsApp{Token: "t", Now: func() time.Time { return now }, Limits: WhatsAppLimits{Second: 2}}
	base := StartWhatsApp(t, f)
	f.Wrote("16505551234", now.Add(-24*time.Hour+time.Second))
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	post := func(token, body string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/"+FakeNumber+"/messages", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(text)
	}
	const head = `{"messaging_product":"whatsapp","to":"16505551234",`
	for _, test := range []struct {
		token, body string
		status      int
		code        string
	}{
		{"x", head + `"type":"text","text":{"body":"Hi"}}`, 401, "190"},
		{"t", `no`, 400, "100"},
		{"t", `{"to":"16505551234","type":"text","text":{"body":"Hi"}}`, 400, "100"},
		{"t", head + `"type":"text","text":{"body":"Hi","colour":"red"}}`, 400, "100"},
		{"t", head + `"type":"text"}`, 400, "131008"},
		{"t", head + `"type":"song","text":{"body":"Hi"}}`, 400, "131051"},
		{"t", head + `"type":"text","text":{"body":""}}`, 400, "131009"},
		{"t", head + `"type":"text","text":{"body":"Hi"},"image":{"id":"1"}}`, 400, "100"},
		{"t", head + `"type":"image","image":{"id":"1"}}`, 400, "131009"},
		{"t", head + `"type":"interactive","interactive":{"type":"button","body":{"text":"b"},"action":{"buttons":[]}}}`, 400, "131009"},
		{"t", head + `"type":"template","template":{"name":"a","language":{"code":"en"},"components":[{"type":"body","parameters":[{"type":"text"}]}]}}`, 400, "131009"},
		{"t", `{"messaging_product":"whatsapp","to":"15550783881","type":"text","text":{"body":"Hi"}}`, 400, "131021"},
		{"t", `{"messaging_product":"whatsapp","to":"19999999999","type":"text","text":{"body":"Hi"}}`, 400, "131047"},
		{"t", head + `"type":"text","text":{"body":"Hi"}}`, 200, ""},
		{"t", head + `"type":"text","text":{"body":"Hi"}}`, 200, ""},
		{"t", head + `"type":"text","text":{"body":"Hi"}}`, 429, "130429"},
	} {
		status, text := post(test.token, test.body)
		if status != test.status || test.code != "" && !strings.Contains(text, `"code":`+test.code+`,`) {
			t.Errorf("%s: %d, %s", test.body, status, text)
		}
	}
	now = now.Add(2 * time.Second)
	if status, text := post("t", head+`"type":"text","text":{"body":"Hi"}}`); status != 400 || !strings.Contains(text, "131047") {
		t.Errorf("a window that has closed: %d, %s", status, text)
	}
	if got := f.Sent(); len(got) != 2 || got[0].Text() != "Hi" {
		t.Errorf("%+v", got)
	}
}
