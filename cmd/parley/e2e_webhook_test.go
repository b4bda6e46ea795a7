//go:build e2e

package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/bench/carrier"
)

// TestEndToEndWebhook: the real binary calls a number that is busy, and tells a webhook of it, signed; the log has it all.
func TestEndToEndWebhook(t *testing.T) {
	t.Parallel()
	const sid = "AC00000000000000000000000000000001"
	type told struct {
		event, status, task, call string
		genuine                   bool
	}
	var secret string
	events := make(chan told, 10)
	receiver := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(r.Header.Get("webhook-id") + "." + r.Header.Get("webhook-timestamp") + "." + string(body)))
		var p struct {
			Event  string `json:"event_type"`
			Task   string `json:"task_id"`
			Call   string `json:"call_id"`
			Status string `json:"status"`
		}
		if err := json.Unmarshal(body, &p); err != nil {
			t.Errorf("%s: %v", body, err)
		}
		events <- told{p.Event, p.Status, p.Task, p.Call, r.Header.Get("webhook-signature") == "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil))}
	}))
	t.Cleanup(receiver.Close)
	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: receiver.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	exchange := &carrier.Exchange{AccountSID: sid, AuthToken: testToken, Callee: func(string) carrier.Callee { return carrier.Callee{Outcome: "busy"} }}
	api := httptest.NewServer(exchange)
	t.Cleanup(api.Close)
	t.Cleanup(exchange.Close)
	n := serve(t, "TWILIO_ACCOUNT_SID="+sid, "TWILIO_BASE_URL="+api.URL, "PARLEY_PUBLIC_URL=https://parley.test", "PARLEY_CALLER_ID=+15550100002",
		"PARLEY_WEBHOOK_ALLOW=127.0.0.1/32", "SSL_CERT_FILE="+roots)
	exchange.Connect = strings.TrimPrefix(n.url, "http://")

	var made struct{ Secret string }
	n.into(n.api(http.MethodPost, "/api/v1/webhooks/secret", map[string]int{}), &made)
	secret = made.Secret
	var agents []struct{ ID string }
	n.into(n.api(http.MethodGet, "/api/v1/agents", nil), &agents)
	var task struct{ ID string }
	n.into(n.api(http.MethodPost, "/api/v1/tasks", map[string]any{
		"agent_id": agents[0].ID, "name": "Call", "to_number": "+15550100099", "webhook_url": receiver.URL + "/hook?a=b",
	}), &task)
	var executed struct {
		CallID string `json:"call_id"`
	}
	n.into(n.api(http.MethodPost, "/api/v1/tasks/"+task.ID+"/execute", nil), &executed)
	for _, want := range []told{{"call_started", "initiated", task.ID, executed.CallID, true}, {"call_failed", "failed", task.ID, executed.CallID, true}} {
		select {
		case got := <-events:
			if got != want {
				t.Errorf("told %+v, want %+v", got, want)
			}
		case <-time.After(time.Minute):
			t.Fatalf("not told of %s; log:\n%s", want.event, n.log)
		}
	}
	var log []struct {
		ID     string
		Status string
		Count  int `json:"attempt_count"`
	}
	for end := time.Now().Add(time.Minute); ; {
		n.into(n.api(http.MethodGet, "/api/v1/webhooks/deliveries?status=delivered&call_id="+executed.CallID, nil), &log)
		if len(log) == 2 || time.Now().After(end) {
			break
		}
	}
	if len(log) != 2 || log[0].Count != 1 {
		t.Errorf("the log has %+v", log)
	}
	if strings.Contains(n.log.String(), "a=b") || strings.Contains(n.log.String(), secret) {
		t.Errorf("the server's log has the URL or the secret")
	}
	metrics, err := http.Get(n.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer metrics.Body.Close()
	text, _ := io.ReadAll(metrics.Body)
	for _, want := range []string{`parley_webhook_seconds_count{event="call_failed",outcome="delivered"} 1`, "parley_webhooks_sending 0"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the metrics have no %s", want)
		}
	}
}
