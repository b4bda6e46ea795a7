package traits_test

import (
	"testing"

	"parley/control/traits"
	"parley/pipeline"
)

// TestRelay: an app's socket is named by a URL that may be shown.
func TestRelay(t *testing.T) {
	t.Parallel()
	for url, sound := range map[string]bool{
		"wss://app.example.com/relay?v=2": true, "ws://app.internal:8080/relay": true,
		"https://app.example.com/relay": false, "wss://": false, "wss://ann:secret@app.example.com": false, "wss://app.example.com/#a": false, "wss://app.example.com/#": false, "app": false, "": false, "wss://%": false,
	} {
		p, found := traits.Read(`{"relay":{"url":"`+url+`","interruptible":"speech"}}`, pipeline.Manners{})
		if sound != (len(found) == 0) || !sound && found[0].Path != "settings.relay.url" {
			t.Errorf("%q: %v", url, found)
		}
		if p.Set.Relay == nil || p.Set.Relay.URL != url {
			t.Errorf("%q: %+v", url, p.Set.Relay)
		}
	}
	if _, found := traits.Read(`{"relay":[]}`, pipeline.Manners{}); len(found) != 1 || found[0].Path != "settings.relay" {
		t.Errorf("a list: %v", found)
	}
}
