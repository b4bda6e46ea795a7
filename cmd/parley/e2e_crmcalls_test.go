//go:build e2e

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"parley/bench/carrier"
)

// TestEndToEndBridgeCall: the user is rung, then the contact, and each hears the other; the call is recorded, and the CRM contract shows it.
func TestEndToEndBridgeCall(t *testing.T) {
	t.Parallel()
	n, _, results := exchange(t, map[string]string{
		"+15550100077": "silent 4s\nsay agent-pass\nsilent 3s\nhangup", "+442071234567": "silent 1s\nsay agent-loginok\nsilent 12s\nhangup",
	})
	until(t, 2*time.Minute, "speech is ready", func() bool { return strings.Contains(n.log.String(), "speech models loaded") }) // a call that comes early waits
	var made struct {
		ID           int64
		RedirectedTo string
		CustomData   map[string]any
		Status       string
	}
	body := map[string]any{"from": "+15550100077", "to": "+442071234567", "callCustomData": map[string]any{"customKey": "customValue"}}
	n.bare(http.MethodPost, "/crm/api/v1/calls/bridge", body, &made)
	if made.RedirectedTo != "+442071234567" || made.CustomData["customKey"] != "customValue" {
		t.Errorf("it is %+v", made)
	}
	var user, contact *carrier.Result
	for range 2 {
		select {
		case r := <-results:
			if r.To == "+442071234567" {
				contact = r
			} else {
				user = r
			}
		case <-time.After(time.Minute):
			t.Fatalf("one of the two was not called (user %t, contact %t)", user != nil, contact != nil)
		}
	}
	if user == nil || contact == nil || contact.From != "+15550100002" {
		t.Fatalf("the two were called from the wrong number, or twice (user %t, contact %t)", user != nil, contact != nil)
	}
	if done := n.record(user.CallSID); !strings.Contains(done.text("system"), "connected to +442071234567") || done.text("agent") != "" {
		t.Errorf("the record says %q, and of the agent %q", done.text("system"), done.text("agent"))
	}
	for who, heard := range map[string][]int16{"user": user.Heard, "contact": contact.Heard} {
		loudest := int16(0)
		for _, v := range heard {
			loudest = max(loudest, v)
		}
		if loudest < 1000 {
			t.Errorf("the %s heard nothing louder than %d", who, loudest)
		}
	}
	var sound struct {
		URL         string
		DualChannel bool
	}
	n.bare(http.MethodGet, fmt.Sprint("/crm/api/v1/calls/", made.ID, "/recording"), nil, &sound)
	if !sound.DualChannel || !strings.Contains(sound.URL, "/recording/stream?token=") {
		t.Errorf("the recording is %+v", sound)
	}
}

// TestEndToEndLoadRecording: the recording of a call that was made elsewhere is fetched from a server that breaks off, by a server that was
// allowed to ask it; it has words, and a report.
func TestEndToEndLoadRecording(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile(prompt(t, "agent-pass"))
	if err != nil {
		t.Fatal(err)
	}
	var tries atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"one"`)
		if tries.Add(1) == 1 {
			w.Header().Set("Content-Length", strconv.Itoa(len(file)))
			_, _ = w.Write(file[:len(file)/2])
			panic(http.ErrAbortHandler)
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file))
	}))
	t.Cleanup(elsewhere.Close)
	n := serve(t, "PARLEY_CREDENTIALS_ALLOW=127.0.0.1")
	if status, text := n.send(http.MethodPost, "/crm/api/v1/recordings/load", map[string]any{"userId": 1, "url": "http://169.254.169.254/latest/"}); status != http.StatusBadRequest {
		t.Errorf("a cloud's metadata are asked for: %d %s", status, text)
	}
	var made struct {
		ID  int64
		URL *string
	}
	n.bare(http.MethodPost, "/crm/api/v1/recordings/load", map[string]any{"userId": 1, "url": elsewhere.URL + "/1.wav", "callFrom": "+442071234567"}, &made)
	if made.ID == 0 || made.URL != nil {
		t.Errorf("before it is there it is %+v", made)
	}
	path := fmt.Sprint("/crm/api/v1/calls/", made.ID)
	var said struct{ Text string }
	until(t, time.Minute, "the recording has words", func() bool {
		status, text := n.send(http.MethodGet, path+"/transcription", nil)
		return status == http.StatusOK && json.Unmarshal(text, &said) == nil
	})
	if !strings.Contains(strings.ToLower(said.Text), "password") {
		t.Errorf("the words are %q", said.Text)
	}
	var call struct {
		Category *string
		Duration float64
	}
	n.bare(http.MethodGet, path, nil, &call)
	if call.Category == nil || call.Duration < 1 || tries.Load() != 2 {
		t.Errorf("the call is %+v, after %d requests", call, tries.Load())
	}
	n.bare(http.MethodGet, fmt.Sprint("/crm/api/v1/recordings/", made.ID), nil, &made)
	if made.URL == nil {
		t.Fatal("the recording has no URL")
	}
	answer, err := http.Get(*made.URL) //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK || answer.ContentLength < 1000 {
		t.Errorf("it plays: %d, %d bytes", answer.StatusCode, answer.ContentLength)
	}
}

// prompt is where a recorded prompt lies.
func prompt(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join("/usr/share/asterisk/sounds/en_US_f_Allison", name+".wav")
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: apt-get install asterisk-core-sounds-en-wav", err)
	}
	return path
}
