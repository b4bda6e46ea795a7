//go:build e2e

package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"parley/bench/carrier"
)

// TestEndToEndBridgeCall: the user is rung, then the contact, and each hears the other; the call is recorded, and the CRM contract shows it.
func TestEndToEndBridgeCall(t *testing.T) {
	t.Parallel()
	n, _, results := exchange(t, map[string]string{
		"+15550100077": "silent 4s\nsay agent-pass\nsilent 3s\nhangup", "+442071234567": "silent 1s\nsay agent-loginok\nsilent 12s\nhangup",
	})
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
		if r := <-results; r.To == "+442071234567" {
			contact = r
		} else {
			user = r
		}
	}
	if user == nil || contact == nil || contact.From != "+15550100002" {
		t.Fatalf("the user's call is %+v, the contact's %+v", user, contact)
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
