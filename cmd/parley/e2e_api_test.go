//go:build e2e

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"parley/control/voice"
)

// testKey opens the API of every node that the tests start.
const testKey = "va_e2e_k3y-0123456789-abcdefghijklmnopqrstuvwxyz"

// An answer is what the API says, whole.
type answer struct {
	Status  int             `json:"-"`
	Success bool            `json:"success"`
	Data    json.RawMessage `json:"data"`
	Error   string          `json:"error"`
	Details map[string]any  `json:"details"`
	Meta    struct {
		Total  int64 `json:"total"`
		Limit  int   `json:"limit"`
		Offset int   `json:"offset"`
	} `json:"meta"`
}

// api asks the node's API with the tests' key. Body is sent as JSON unless it is nil.
func (n *node) api(method, path string, body any) answer {
	n.t.Helper()
	status, text := n.send(method, path, body)
	a := answer{Status: status}
	if err := json.Unmarshal(text, &a); err != nil {
		n.t.Fatalf("%s %s: %d %q: %v", method, path, status, text, err)
	}
	return a
}

// bare asks what answers without an envelope.
func (n *node) bare(method, path string, body, out any) {
	n.t.Helper()
	status, text := n.send(method, path, body)
	if status >= 300 {
		n.t.Fatalf("%s %s: %d %s", method, path, status, text)
	}
	if err := json.Unmarshal(text, out); err != nil {
		n.t.Fatalf("%s: %v", text, err)
	}
}

// send asks with the key that may do everything.
func (n *node) send(method, path string, body any) (status int, text []byte) {
	n.t.Helper()
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			n.t.Fatal(err)
		}
		content = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(n.t.Context(), method, n.url+path, content)
	if err != nil {
		n.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+testKey)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, err = io.ReadAll(resp.Body); err != nil {
		n.t.Fatal(err)
	}
	return resp.StatusCode, text
}

// into decodes the data of a good answer.
func (n *node) into(a answer, out any) {
	n.t.Helper()
	if !a.Success || a.Status >= 300 {
		n.t.Fatalf("the API says %d %q %v", a.Status, a.Error, a.Details)
	}
	if err := json.Unmarshal(a.Data, out); err != nil {
		n.t.Fatalf("%s: %v", a.Data, err)
	}
}

// A callRow is a call as the API shows it.
type callRow struct {
	ID           string            `json:"id"`
	AgentID      string            `json:"agent_id"`
	AgentVersion int               `json:"agent_version"`
	Status       string            `json:"status"`
	Cause        string            `json:"cause"`
	CarrierID    string            `json:"carrier_call_id"`
	From         string            `json:"from_number"`
	To           string            `json:"to_number"`
	Answered     *time.Time        `json:"answered_at"`
	Ended        *time.Time        `json:"ended_at"`
	Seconds      float64           `json:"duration_seconds"`
	Recorded     bool              `json:"recording_available"`
	Latency      map[string]int64  `json:"latency"`
	Transcript   []message         `json:"transcript"`
	Turns        []turnRow         `json:"turns"`
	Collected    map[string]string `json:"collected"`
	Quality      *voice.Quality    `json:"quality"`
}

type message struct {
	Seq         int    `json:"seq"`
	Role        string `json:"role"`
	Text        string `json:"text"`
	Interrupted bool   `json:"interrupted"`
	OffsetMS    int64  `json:"offset_ms"`
	DurationMS  int64  `json:"duration_ms"`
}

type turnRow struct {
	N           int              `json:"n"`
	Why         string           `json:"why"`
	Said        string           `json:"said"`
	Text        string           `json:"text"`
	Heard       string           `json:"heard"`
	Interrupted bool             `json:"interrupted"`
	OffsetMS    int64            `json:"offset_ms"`
	SoundedMS   int64            `json:"duration_ms"`
	Latency     map[string]int64 `json:"latency"`
	Counts      map[string]int64 `json:"counts"`
	Remembered  []string         `json:"remembered"`
}

// calls lists all calls of the node, newest first, without their details.
func (n *node) calls() []callRow {
	n.t.Helper()
	var all []callRow
	for {
		a := n.api(http.MethodGet, "/api/v1/calls?limit=100&offset="+itoa(len(all)), nil)
		var page []callRow
		n.into(a, &page)
		all = append(all, page...)
		if len(page) == 0 || int64(len(all)) >= a.Meta.Total {
			return all
		}
	}
}

// find looks a call up by the carrier's id.
func (n *node) find(carrierID string) (callRow, bool) {
	n.t.Helper()
	for _, c := range n.calls() {
		if c.CarrierID == carrierID {
			return c, true
		}
	}
	return callRow{}, false
}

// record is all that the API tells of a call, once it is over.
func (n *node) record(carrierID string) callRow {
	n.t.Helper()
	var row callRow
	until(n.t, time.Minute, "the call "+carrierID+" is recorded", func() bool {
		c, ok := n.find(carrierID)
		row = c
		return ok && (c.Status == "completed" || c.Status == "failed")
	})
	n.into(n.api(http.MethodGet, "/api/v1/calls/"+row.ID, nil), &row)
	return row
}

// text joins what one side said.
func (c callRow) text(role string) string {
	var all []string
	for _, m := range c.Transcript {
		if m.Role == role {
			all = append(all, m.Text)
		}
	}
	return strings.Join(all, " ")
}
