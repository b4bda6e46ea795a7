package voice_test

import (
	"strings"
	"testing"

	"parley/control/voice"
	"parley/store"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	good := store.Agent{Name: "Night desk", SystemPrompt: "Be kind.", VoiceSettings: `{ "stability": 0.5 }`, DTMFRules: `{"1": {"say": "Nine to five."}}`}
	if err := voice.Check(&good); err != nil || good.VoiceSettings != `{"stability":0.5}` || good.DTMFRules != `{"1":{"say":"Nine to five."}}` {
		t.Errorf("a good agent: %v, %+v", err, good)
	}
	good.Settings = `{"report": null, "tools": {"http": [{"z": 1, "a": 2}]}}`
	if err := voice.Check(&good); err != nil || good.Settings != `{"tools":{"http":[{"z":1,"a":2}]}}` {
		t.Errorf("settings: %v, %s", err, good.Settings)
	}
	bad := store.Agent{Name: " ", SystemPrompt: "", VoiceSettings: `{"stability": 3, "colour": 1}`, DTMFRules: `[`, Settings: `{"manners": {"silence": "9h"}, "x": 1}`}
	err := voice.Check(&bad)
	if err == nil {
		t.Fatal("a bad agent is taken")
	}
	for _, name := range []string{"name: ", "system_prompt: ", "voice_settings.stability: ", "colour", "dtmf_rules: ", "settings.manners.silence: ", "settings.x: "} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%q does not name %q", err, name)
		}
	}
	good.DTMFRules = `{"rules": [{"keys": "x", "say": "a"}, {"keys": "1"}], "2": 3}`
	err = voice.Check(&good)
	for _, name := range []string{"dtmf_rules.rules[0].keys: ", "dtmf_rules.rules[1]: ", "dtmf_rules.2: "} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %q", err, name)
		}
	}
}
