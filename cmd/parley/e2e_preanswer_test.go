//go:build e2e

package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"parley/bench/carrier"
)

// preAsked is what a server is asked about a call before it is answered.
type preAsked struct {
	CallID, Carrier, From, To string
	genuine                   bool
}

// askable is an organisation's server that is asked about calls. It answers by the number that is called.
func askable(t *testing.T, secret *atomic.Value, answers map[string]string) (url, roots string, questions chan preAsked) {
	t.Helper()
	questions = make(chan preAsked, 10)
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret.Load().(string), "whsec_"))
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(r.Header.Get("webhook-id") + "." + r.Header.Get("webhook-timestamp") + "." + string(body)))
		var q struct {
			CallID  string `json:"call_id"`
			Carrier string `json:"carrier"`
			From    string `json:"from"`
			To      string `json:"to"`
		}
		if err := json.Unmarshal(body, &q); err != nil {
			t.Errorf("%s: %v", body, err)
		}
		questions <- preAsked{q.CallID, q.Carrier, q.From, q.To, r.Header.Get("webhook-signature") == "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil))}
		_, _ = io.WriteString(w, answers[q.To])
	}))
	t.Cleanup(s.Close)
	roots = filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return s.URL, roots, questions
}

// TestEndToEndPreAnswer: an organisation's server chooses the agent of a call of Twilio's and of one by SIP and says whom they talk to, and
// rejects others, of other carriers too; where nobody listens any more, the number's own agent answers. The calls' records tell all of it.
func TestEndToEndPreAnswer(t *testing.T) {
	t.Parallel()
	const chosen, plain, unwanted, dead = "+15550100071", "+15550100072", "+15550100073", "+15550100074"
	var secret atomic.Value
	secret.Store("")
	url, roots, questions := askable(t, &secret, map[string]string{
		chosen:   `{"agent": "Concierge", "variables": {"name": "Ana", "visits": 3}}`,
		plain:    `{"greeting": "Welcome back, {{name}}. Three nights, as always?", "variables": {"name": "Bruno"}}`,
		unwanted: `{"reject": {"reason": "rejected"}}`,
	})
	n := serve(t, append(mockVendors(t), "PARLEY_SIP_LISTEN=udp://127.0.0.1:0", "PARLEY_WEBHOOK_ALLOW=127.0.0.1/32", "SSL_CERT_FILE="+roots,
		"PLIVO_AUTH_TOKEN="+testToken, "SIGNALWIRE_SIGNING_KEY="+testToken, "VONAGE_SIGNATURE_SECRET="+testToken)...)
	var made struct{ Secret string }
	n.into(n.api(http.MethodPost, "/api/v1/webhooks/secret", map[string]int{}), &made)
	secret.Store(made.Secret)
	var concierge struct{ ID string }
	n.into(n.api(http.MethodPost, "/api/v1/agents", map[string]any{"name": "Concierge", "system_prompt": "You help {{name}}.", "starting_message": "Good day {{name}}, visit {{visits}}."}), &concierge)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := ln.Addr().String()
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	for number, asks := range map[string]string{chosen: url, plain: url, unwanted: url, dead: "https://" + gone} {
		n.into(n.api(http.MethodPost, "/api/v1/numbers", map[string]any{"phone_number": number, "pre_answer": map[string]any{"url": asks + "/incoming?key=s3cret"}}), &struct{}{})
	}
	if a := n.api(http.MethodPost, "/api/v1/numbers", map[string]any{"phone_number": "+15550100075", "pre_answer": map[string]any{"url": "http://example.com"}}); a.Details["pre_answer.url"] == nil {
		t.Errorf("a rule without TLS: %d %v", a.Status, a.Details)
	}
	script, err := carrier.ParseScript("script", "hear quiet=300ms within=60s\nhangup")
	if err != nil {
		t.Fatal(err)
	}
	twilio := func(to string) (*carrier.Result, error) {
		return carrier.Call{URL: n.url + "/twilio/voice", AuthToken: testToken, From: "+15550100070", To: to, Script: script}.Place(t.Context())
	}
	question := func(carrier, to string) preAsked {
		t.Helper()
		select {
		case q := <-questions:
			if !q.genuine || q.Carrier != carrier || q.To != to || q.CallID == "" {
				t.Errorf("asked %+v, want of %s to %s", q, carrier, to)
			}
			return q
		default:
			t.Fatalf("nobody was asked about the call to %s", to)
			return preAsked{}
		}
	}
	type said struct {
		Outcome, Fallback, Reject string
		AgentID                   string `json:"agent_id"`
		Variables                 map[string]string
		Tries                     int
	}
	record := func(carrierID string) (callRow, said) {
		t.Helper()
		row := n.record(carrierID)
		var all struct {
			PreAnswer *said `json:"pre_answer"`
		}
		n.into(n.api(http.MethodGet, "/api/v1/calls/"+row.ID, nil), &all)
		if all.PreAnswer == nil {
			t.Fatalf("the record tells of no question: %+v", row)
		}
		return row, *all.PreAnswer
	}

	r, err := twilio(chosen)
	if err != nil {
		t.Fatal(err)
	}
	q := question("twilio", chosen)
	row, p := record(r.CallSID)
	if row.AgentID != concierge.ID || row.ID != q.CallID || len(row.Turns) == 0 || !strings.HasPrefix(row.Turns[0].Text, "Good day Ana, visit 3.") || p.Outcome != "heeded" || p.AgentID != concierge.ID || p.Variables["visits"] != "3" {
		t.Errorf("the chosen agent: %+v, %+v, asked %+v", row, p, q)
	}

	if _, err = twilio(unwanted); !errors.Is(err, carrier.ErrRejected) {
		t.Errorf("a call that is not wanted: %v", err)
	}
	q = question("twilio", unwanted)
	var rejected callRow
	until(t, time.Minute, "the rejected call is recorded", func() bool {
		a := n.api(http.MethodGet, "/api/v1/calls/"+q.CallID, nil)
		return a.Status == http.StatusOK && json.Unmarshal(a.Data, &rejected) == nil && rejected.Status == "failed"
	})
	if rejected.Cause != "rejected" || rejected.Answered != nil {
		t.Errorf("the rejected call: %+v", rejected)
	}
	for kind, hook := range map[carrier.Kind]string{carrier.Plivo: "/plivo/voice", carrier.SignalWire: "/signalwire/voice", carrier.Vonage: "/vonage/answer"} {
		call := carrier.Call{Kind: kind, URL: n.url + hook, AuthToken: testToken, From: "+15550100070", To: unwanted, Script: script}
		if _, err := call.Place(t.Context()); !errors.Is(err, carrier.ErrRejected) {
			t.Errorf("a call by %s that is not wanted: %v", kind, err)
		}
		question(string(kind), unwanted)
	}

	out, code := command(t, nil, "call", "--sip", "sip:"+plain+"@"+n.sipAddress(), "--from", "+15550100070", "--wav", "", "--json", "--do", "hear quiet=300ms within=60s", "--do", "hangup")
	if code != 0 {
		t.Fatalf("by SIP: exit code %d: %s", code, out)
	}
	q = question("sip", plain)
	until(t, time.Minute, "the call by SIP is recorded", func() bool {
		n.into(n.api(http.MethodGet, "/api/v1/calls/"+q.CallID, nil), &row)
		return row.Status == "completed"
	})
	if _, p = record(row.CarrierID); len(row.Turns) == 0 || !strings.HasPrefix(row.Turns[0].Text, "Welcome back, Bruno.") || p.Outcome != "heeded" || p.AgentID != "" {
		t.Errorf("by SIP: %+v, %+v", row, p)
	}

	if r, err = twilio(dead); err != nil {
		t.Fatal(err)
	}
	if row, p = record(r.CallSID); p.Outcome != "unreachable" || p.Fallback != "agent" || p.Tries != 2 || row.Status != "completed" || row.AgentID == concierge.ID {
		t.Errorf("a dead server: %+v, %+v", row, p)
	}
	if got := n.metric("parley_preanswer_seconds_count", `outcome="heeded"`); got != 2 {
		t.Errorf("the metrics have %v questions that were heeded", got)
	}
	if log := n.log.String(); strings.Contains(log, "s3cret") || strings.Contains(log, secret.Load().(string)) {
		t.Error("the server's log has the URL or the secret")
	}
}
