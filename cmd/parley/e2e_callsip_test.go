//go:build e2e

package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"parley/media/wav"
)

// TestEndToEndCallBySIP: parley call places its call by SIP, with an extension's password where nobody may call without one, and says how it went.
func TestEndToEndCallBySIP(t *testing.T) {
	t.Parallel()
	n := closedToAll(t)
	var anna struct{ Password string }
	n.into(n.api(http.MethodPost, "/api/v1/extensions", map[string]any{"username": "anna"}), &anna)
	heard := filepath.Join(t.TempDir(), "heard.wav")
	args := []string{
		"call", "--sip", "sip:100@" + n.sipAddress(), "--from", "anna", "--sip-username", "anna", "--wav", "", "--heard", heard, "--json",
		"--do", "hear", "--do", "press 2", "--do", "hear", "--do", "hangup",
	}
	if out, code := command(t, nil, append(args, "--sip-password", "guess")...); code == 0 || out != "" {
		t.Errorf("with a wrong password: exit code %d: %s", code, out)
	}
	out, code := command(t, nil, append(args, "--sip-password", anna.Password)...)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	for _, want := range []string{`"ended": "caller"`, `"setup_ms"`, `"mos": 4`, "which day"} {
		if !strings.Contains(strings.ToLower(out), want) {
			t.Errorf("%s is not in %s", want, out)
		}
	}
	if sound, err := wav.ReadFile(heard); err != nil || len(sound.PCM) < 8000 {
		t.Errorf("what was heard: %d samples, %v", len(sound.PCM), err)
	}
}
