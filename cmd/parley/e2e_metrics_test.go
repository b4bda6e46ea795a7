//go:build e2e

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/bench/carrier"
	"parley/media/sip"
)

// TestEndToEndMetrics: two real Prometheus, one that takes native histograms and one that takes classic ones, scrape a real server while
// people call, are called and interrupt. Every query of every dashboard then has data, and every rule can be evaluated.
func TestEndToEndMetrics(t *testing.T) {
	t.Parallel()
	const sid, public = "AC00000000000000000000000000000001", "https://parley.test"
	hears, err := carrier.ParseScript("callee", "hear\nhangup")
	if err != nil {
		t.Fatal(err)
	}
	exchange := &carrier.Exchange{AccountSID: sid, AuthToken: testToken, Callee: func(to string) carrier.Callee {
		if strings.HasSuffix(to, "99") {
			return carrier.Callee{Outcome: "busy"}
		}
		return carrier.Callee{Script: hears}
	}}
	api := httptest.NewServer(exchange)
	t.Cleanup(api.Close)
	t.Cleanup(exchange.Close)
	n := serve(t, append(mockVendors(t), "PARLEY_TTS=local", "TWILIO_ACCOUNT_SID="+sid, "TWILIO_BASE_URL="+api.URL, "PARLEY_PUBLIC_URL="+public,
		"PARLEY_CALLER_ID=+15550100002", "PARLEY_DIAL_RATE=20", "PARLEY_WEBHOOK_ALLOW=127.0.0.1/32",
		"PARLEY_SIP_LISTEN=udp://127.0.0.1:0", "PARLEY_RTP_PORTS=31002-32000", "PARLEY_RTP_BIND=127.0.0.1")...)
	exchange.Connect = strings.TrimPrefix(n.url, "http://")
	watchers := map[string]*watcher{
		"native":  n.watched(t, "--enable-feature=native-histograms"),
		"classic": n.watched(t),
	}

	n.calls()
	n.plan("+15550100077")
	n.plan("+15550100099")
	var calls sync.WaitGroup
	for _, steps := range []string{"hear|say agent-pass|barge conf-getpin after=300ms hush=5s|hear|hangup", "hear|say agent-pass|hear|press 1|hear|hangup"} {
		script, err := carrier.ParseScript("caller", strings.ReplaceAll(steps, "|", "\n"))
		if err != nil {
			t.Fatal(err)
		}
		calls.Go(func() {
			c := carrier.Call{URL: public + "/twilio/voice", Connect: exchange.Connect, AccountSID: sid, AuthToken: testToken, Script: script}
			if _, err := c.Place(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	phone := newSwitchboard(t, time.Second)
	if _, err := phone.Place(sip.Order{Trunk: sip.Trunk{Host: "127.0.0.1", Port: n.sipPort(), Outbound: true}, From: "+15550100001", To: "+15550100002"}); err != nil {
		t.Fatal(err)
	}
	phone.hears(t, "who calls by SIP")
	calls.Wait()
	n.idle()
	n.calls() // again: who asks for the first time is there with a request already, and nothing has grown
	until(t, time.Minute, "both planned calls are over, and a webhook has been tried", func() bool {
		return n.metric("parley_dials_settled_total", "busy") == 1 && n.metric("parley_calls_total", "outbound") == 1 && n.metric("parley_webhook_seconds_count") > 0
	})

	boards := boards(t)
	for kind, w := range watchers {
		w.rules()
		w.sees(`sum(parley_calls_total{direction="outbound"}) == 1`)
		w.sees(`rate(parley_http_requests_total{route="/api/v1/calls"}[1m]) > 0`)
		w.sees(map[string]string{
			"native":  `histogram_count(parley_turn_latency_seconds{stage="voice_to_voice"}) > 0`,
			"classic": `parley_turn_latency_seconds_bucket{stage="voice_to_voice",le="+Inf"} > 0`,
		}[kind])
		for _, b := range boards {
			for _, p := range b.Panels {
				for _, q := range p.Targets {
					w.shows(b.Title+": "+p.Title, q.Expr)
				}
			}
		}
	}
}

// plan has the server call a number at once, by itself, and tell a webhook that nobody answers.
func (n *node) plan(to string) {
	n.t.Helper()
	var agents []struct{ ID string }
	n.into(n.api(http.MethodGet, "/api/v1/agents", nil), &agents)
	var task struct{ ID string }
	n.into(n.api(http.MethodPost, "/api/v1/tasks", map[string]any{
		"agent_id": agents[0].ID, "name": "Call", "to_number": to, "scheduled_at": time.Now().UTC(), "webhook_url": "https://127.0.0.1:1/hook",
	}), &task)
}

// A watcher is a Prometheus that scrapes a node.
type watcher struct {
	t   *testing.T
	url string
	log *syncBuffer
}

// watched starts a Prometheus and waits until it has scraped the node.
func (n *node) watched(t *testing.T, args ...string) *watcher {
	t.Helper()
	program, err := exec.LookPath("prometheus")
	if err != nil {
		t.Fatal("prometheus is missing: apt-get install --no-install-recommends prometheus")
	}
	rules, err := filepath.Abs("../../deploy/prometheus/rules")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	settings := filepath.Join(dir, "prometheus.yml")
	text := fmt.Sprintf(`{global: {scrape_interval: 2s, scrape_timeout: 2s, evaluation_interval: 2s}, rule_files: ['%s/*.yml'],
  scrape_configs: [{job_name: parley, static_configs: [{targets: ['%s']}]}]}`, rules, strings.TrimPrefix(n.url, "http://"))
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w := &watcher{t: t, log: &syncBuffer{}}
	cmd := exec.Command(program, append(args, "--config.file="+settings, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address=127.0.0.1:0")...)
	cmd.Stderr = w.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Logf("prometheus ended: %v\n%s", err, w.log)
		}
	})
	listens := regexp.MustCompile(`"Listening on" address=(\S+)`)
	until(t, time.Minute, "prometheus listens", func() bool {
		m := listens.FindStringSubmatch(w.log.String())
		if m != nil {
			w.url = "http://" + m[1]
		}
		return m != nil
	})
	w.sees("up == 1")
	return w
}

// ask asks Prometheus' API, if it is ready.
func (w *watcher) ask(path string, into any) error {
	resp, err := http.Get(w.url + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var answer struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return err
	}
	if answer.Status != "success" {
		return fmt.Errorf("%s: %s", answer.Status, answer.Error)
	}
	return json.Unmarshal(answer.Data, into)
}

// values are those of an expression now.
func (w *watcher) values(expr string) (all []string, err error) {
	var data struct {
		Result []struct{ Value [2]any }
	}
	if err := w.ask("/api/v1/query?query="+url.QueryEscape(expr), &data); err != nil {
		return nil, err
	}
	for _, r := range data.Result {
		all = append(all, fmt.Sprint(r.Value[1]))
	}
	return all, nil
}

// sees waits until an expression has a value.
func (w *watcher) sees(expr string) {
	w.t.Helper()
	until(w.t, time.Minute, expr, func() bool {
		all, err := w.values(expr)
		return err == nil && len(all) > 0
	})
}

// unasked are panels about the time that took what did not, or may not, happen here.
var unasked = map[string]bool{
	"Parley: media quality: Searches of documents (p95)":   true,
	"Parley: capacity: Pauses of garbage collection (p99)": true,
}

// shows checks that a panel's query has data: series, and of their values some that are numbers.
func (w *watcher) shows(panel, expr string) {
	w.t.Helper()
	all, err := w.values(strings.NewReplacer("$__rate_interval", "1m", "$job", ".*", "$instance", ".*").Replace(expr))
	numbers := 0
	for _, v := range all {
		if v != "NaN" {
			numbers++
		}
	}
	if err != nil || len(all) == 0 || numbers == 0 && !unasked[panel] {
		w.t.Errorf("%s: %d series, %d numbers, %v: %s", panel, len(all), numbers, err, expr)
	}
}

// rules checks that every rule has been evaluated.
func (w *watcher) rules() {
	w.t.Helper()
	var data struct {
		Groups []struct {
			Rules []struct{ Name, Health, LastError string }
		}
	}
	n := 0
	until(w.t, time.Minute, "every rule has been evaluated", func() bool {
		if err := w.ask("/api/v1/rules", &data); err != nil {
			return false
		}
		n = 0
		for _, g := range data.Groups {
			for _, r := range g.Rules {
				if r.Health == "err" {
					w.t.Fatalf("%s: %s", r.Name, r.LastError)
				}
				if r.Health != "ok" {
					return false
				}
				n++
			}
		}
		return n > 0
	})
	if n < 40 {
		w.t.Errorf("%d rules were evaluated: the test looks at the wrong place", n)
	}
}
