//go:build e2e

package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/media/wav"
	"parley/providers/providertest"
)

// A reportRow is a report, or a transcript with one, as the API shows it.
type reportRow struct {
	Source string `json:"source"`
	Report struct {
		Summary  string `json:"summary"`
		Outcome  string `json:"outcome"`
		MadeBy   string `json:"made_by"`
		Source   string `json:"transcript_source"`
		TalkTime struct {
			Agent  float64 `json:"agent_seconds"`
			Caller float64 `json:"user_seconds"`
		} `json:"talk_time"`
		Latency struct {
			P50 *int64 `json:"p50_ms"`
		} `json:"latency"`
	} `json:"report"`
	callRow
}

// phone makes the call that these tests report on, by the real `parley call`.
func (n *node) phone() callRow {
	n.t.Helper()
	out, code := command(n.t, []string{"TWILIO_AUTH_TOKEN=" + testToken}, "call", "--connect", strings.TrimPrefix(n.url, "http://"), "--no-transcribe",
		"--wav", n.t.TempDir()+"/call.wav", "--from", "+442071234567", "--do", "hear", "--do", "say agent-pass", "--do", "hear", "--do", "press 1", "--do", "hear", "--do", "hangup")
	if code != 0 {
		n.t.Fatalf("parley call: %d\n%s", code, out)
	}
	return n.record(n.calls()[0].CarrierID)
}

// TestEndToEndReport: a real call is reported on by rules, and its recording, put into words anew, has nearly the words of the call.
func TestEndToEndReport(t *testing.T) {
	t.Parallel()
	n := serve(t)
	c := n.phone()
	path := "/api/v1/calls/" + c.ID
	var r reportRow
	n.into(n.api(http.MethodGet, path+"/report", nil), &r)
	if r.Report.MadeBy != "rules" || r.Report.Source != "live" || r.Report.Outcome != "unknown" || !strings.Contains(r.Report.Summary, "+442071234567") ||
		r.Report.TalkTime.Agent < 3 || r.Report.TalkTime.Caller < 1 || r.Report.Latency.P50 == nil {
		t.Errorf("the report: %+v", r)
	}
	began := time.Now()
	var anew reportRow
	n.into(n.api(http.MethodPost, path+"/transcript", nil), &anew)
	if anew.Source != "recording" || anew.Report.Source != "recording" {
		t.Errorf("the second transcript: %+v", anew)
	}
	var caller, agent providertest.WER
	caller.Add("Please enter your password followed by the pound key.", anew.text("user"))
	agent.Add(c.text("agent"), anew.text("agent"))
	t.Logf("%v for %.0f s of sound; wrong: %d of the caller's %d words, %d of the agent's %d", time.Since(began).Round(time.Millisecond), c.Seconds,
		caller.Errors, caller.Words, agent.Errors, agent.Words)
	if caller.Errors > 2 || agent.Words < 20 || agent.Rate() > 0.25 {
		t.Errorf("heard anew:\n%q\n%q, want\n%q", anew.text("user"), anew.text("agent"), c.text("agent"))
	}
	var live callRow
	n.into(n.api(http.MethodGet, path+"/transcript?source=live", nil), &live)
	if live.text("agent") != c.text("agent") {
		t.Errorf("the live transcript was lost: %q", live.text("agent"))
	}
	if again := n.fetch(c, "?format=opus", "bytes=0-3"); string(again) != "OggS" {
		t.Errorf("as Opus: %q", again)
	}
}

// TestEndToEndElevenLabs: a call's transcript is fetched, from a server that stands in for ElevenLabs.
func TestEndToEndElevenLabs(t *testing.T) {
	t.Parallel()
	var carrierID string
	vendor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Xi-Api-Key") != "el-key" || r.URL.Path != "/v1/convai/conversations/conv_7" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = io.WriteString(w, `{"conversation_id":"conv_7","status":"done","transcript":[{"role":"agent","message":"Hi.","time_in_call_secs":0},
			{"role":"user","message":"A table for two.","time_in_call_secs":2}],"metadata":{"call_duration_secs":5,"phone_call":{"call_sid":"`+carrierID+`"}},
			"analysis":{"transcript_summary":"A table.","call_successful":"success","data_collection_results":{"guests":{"value":2}}}}`)
	}))
	t.Cleanup(vendor.Close)
	n := serve(t, "PARLEY_TTS=local", "ELEVENLABS_API_KEY=el-key", "ELEVENLABS_BASE_URL="+vendor.URL)
	c := n.phone()
	carrierID = c.CarrierID
	path := "/api/v1/calls/" + c.ID + "/transcript"
	if a := n.api(http.MethodPost, path, map[string]any{"conversation_id": "conv_8"}); a.Status != http.StatusNotFound {
		t.Errorf("a conversation that is none: %d %s", a.Status, a.Error)
	}
	var r reportRow
	n.into(n.api(http.MethodPost, path, map[string]any{"conversation_id": "conv_7"}), &r)
	if r.Source != "elevenlabs" || r.text("user") != "A table for two." || r.Report.Summary != "A table." || r.Report.Outcome != "achieved" || r.Report.MadeBy != "vendor" {
		t.Errorf("%+v", r)
	}
	carrierID = "CAanother"
	if a := n.api(http.MethodPost, path, nil); a.Status != http.StatusBadRequest {
		t.Errorf("another's conversation: %d %s", a.Status, a.Error)
	}
	vendor.Close()
	if a := n.api(http.MethodPost, path, nil); a.Status != http.StatusServiceUnavailable {
		t.Errorf("with the vendor away: %d %s", a.Status, a.Error)
	}
	if strings.Contains(n.log.String(), "el-key") {
		t.Error("the key is in the log")
	}
}

// fetch gets a part of a call's recording.
func (n *node) fetch(c callRow, query, part string) []byte {
	n.t.Helper()
	req, err := http.NewRequestWithContext(n.t.Context(), http.MethodGet, n.url+"/api/v1/calls/"+c.ID+"/recording/stream"+query, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+testKey)
	if part != "" {
		req.Header.Set("Range", part)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		n.t.Errorf("the recording: %d %.200s, %v", resp.StatusCode, b, err)
	}
	return b
}

// bucket starts a real S3 server on a socket of its own, and a way to it that can be cut. It returns the settings to use it by.
func bucket(t *testing.T) (env []string, cut func(bool)) {
	t.Helper()
	dir := t.TempDir()
	socket := filepath.Join(dir, "s3")
	for _, d := range []string{"objects/calls", "meta"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(mustAbs(t, "../../bin/versitygw"), "--port", socket, "--access", "key", "--secret", "secret-of-s3", "--quiet",
		"posix", "--sidecar", filepath.Join(dir, "meta"), filepath.Join(dir, "objects"))
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v: run make setup-test", err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	until(t, time.Minute, "the S3 server is up", func() bool {
		c, err := net.Dial("unix", socket)
		return err == nil && c.Close() == nil
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	w := &way{open: map[net.Conn]bool{}}
	go func() {
		for {
			from, err := ln.Accept()
			if err != nil {
				return
			}
			go w.carry(from, socket)
		}
	}()
	at := "s3://calls/here?region=us-east-1&endpoint=" + url.QueryEscape("http://"+ln.Addr().String())
	return []string{"PARLEY_RECORDINGS=" + at, "AWS_ACCESS_KEY_ID=key", "AWS_SECRET_ACCESS_KEY=secret-of-s3"}, w.cut
}

// A way carries connections, until it is cut.
type way struct {
	mu   sync.Mutex
	gone bool
	open map[net.Conn]bool
}

func (w *way) carry(from net.Conn, socket string) {
	defer from.Close()
	to, err := net.Dial("unix", socket)
	if err != nil {
		return
	}
	defer to.Close()
	w.mu.Lock()
	if w.gone {
		w.mu.Unlock()
		return
	}
	w.open[from] = true
	w.mu.Unlock()
	go func() { _, _ = io.Copy(to, from); _ = to.Close() }()
	_, _ = io.Copy(from, to)
	w.mu.Lock()
	delete(w.open, from)
	w.mu.Unlock()
}

func (w *way) cut(gone bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone = gone
	for c := range w.open {
		_ = c.Close()
	}
}

// TestEndToEndBucket: recordings go to S3 and are played, and heard anew, from there. With the bucket away they stay; a server that is
// killed then, in the middle of a call, uploads what it left at its next start.
func TestEndToEndBucket(t *testing.T) {
	t.Parallel()
	env, cut := bucket(t)
	data := t.TempDir()
	env = append(env, "PARLEY_DATA_DIR="+data)
	n := serve(t, env...)
	here := func() []string {
		paths, err := filepath.Glob(filepath.Join(data, "recordings", "*", "*"))
		if err != nil {
			t.Fatal(err)
		}
		return paths
	}
	c := n.phone()
	until(t, time.Minute, "the recording is uploaded", func() bool { return len(here()) == 0 })
	if got := string(n.fetch(c, "", "bytes=0-3")); got != "RIFF" {
		t.Errorf("the first bytes: %q", got)
	}
	sound, err := wav.Read(bytes.NewReader(n.fetch(c, "", "")), 1<<26)
	if err != nil || sound.Duration().Seconds() < 0.9*c.Seconds {
		t.Errorf("%v of a call of %v s, %v", sound.Duration(), c.Seconds, err)
	}
	if got := string(n.fetch(c, "?format=opus", "bytes=0-3")); got != "OggS" {
		t.Errorf("as Opus: %q", got)
	}
	var anew reportRow
	n.into(n.api(http.MethodPost, "/api/v1/calls/"+c.ID+"/transcript", nil), &anew)
	if !strings.Contains(strings.ToLower(anew.text("user")), "password") {
		t.Errorf("heard anew from the bucket: %q", anew.text("user"))
	}

	cut(true)
	second := n.phone()
	if len(here()) != 1 {
		t.Fatalf("with the bucket away there is %v", here())
	}
	if got := string(n.fetch(second, "", "bytes=0-3")); got != "RIFF" {
		t.Errorf("what waits is played: %q", got)
	}
	if a := n.api(http.MethodGet, "/api/v1/calls/"+c.ID+"/recording/stream", nil); a.Status != http.StatusServiceUnavailable {
		t.Errorf("what cannot be reached: %d %s", a.Status, a.Error)
	}
	go func() { _, _ = n.place(context.WithoutCancel(t.Context()), "hear", "silent 60s") }() // ends when the server does
	until(t, time.Minute, "a third call is recorded, of which there is something", func() bool {
		third := slices.DeleteFunc(here(), func(path string) bool { return strings.Contains(path, second.ID) })
		if len(third) != 1 {
			return false
		}
		info, err := os.Stat(third[0])
		return err == nil && info.Size() > 32_000 // a second
	})
	_ = n.cmd.Process.Kill()
	<-n.done
	n.done = nil
	cut(false)
	again := serve(t, env...)
	until(t, time.Minute, "what the killed server left is uploaded", func() bool { return len(here()) == 0 })
	var crashed callRow
	for _, row := range again.calls() {
		if row.Cause == "crash" {
			crashed = row
		}
	}
	for _, row := range []callRow{second, crashed} {
		if got := string(again.fetch(row, "", "bytes=0-3")); got != "RIFF" {
			t.Errorf("call %s (%s): %q", row.ID, row.Cause, got)
		}
	}
	if log := n.log.String() + again.log.String(); strings.Contains(log, "secret-of-s3") {
		t.Error("the bucket's secret is in the log")
	}
}
