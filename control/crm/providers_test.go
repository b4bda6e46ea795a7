package crm

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/control/traits"
	"parley/control/voice"
)

// TestProviderConfig: the contract's own example, as an agent's settings.
func TestProviderConfig(t *testing.T) {
	t.Parallel()
	const example = `{"model":{"maxTokens":250,"temperature":0.1,"model":{"provider":"openai","model":"gpt-4o"}},
"voice":{"provider":"11labs","voiceId":"21m00Tcm4TlvDq8ikWAM","model":"eleven_flash_v2_5","speed":1.1,"stability":0.1,"style":0.2,"optimizeStreamingLatency":4},
"transcriber":{"provider":"deepgram","model":"nova-2","localization":"CL","confidenceThreshold":0.1,"keywords":["Parley"]}}`
	var p ProviderConfig
	if err := json.Unmarshal([]byte(example), &p); err != nil {
		t.Fatal(err)
	}
	set, sound, left := p.Settings("US", 10, 600)
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"providers":{"stt":{"vendor":"deepgram","model":"nova-2","keywords":["Parley"],"confidence":0.1},"llm":{"vendor":"openai","model":"gpt-4o","temperature":0.1,"max_tokens":250},` +
		`"tts":{"vendor":"elevenlabs","model":"eleven_flash_v2_5","verbatim":true}},"languages":{"listening":"es-CL","speaking":"en-US"},"manners":{"max_length":"10m0s","reprompts":"never","silence":"10s"}}`
	if d := cmp.Diff(want, string(text)); d != "" {
		t.Errorf("settings (-want +got):\n%s", d)
	}
	id, speed, stability, style := "21m00Tcm4TlvDq8ikWAM", 1.1, 0.1, 0.2
	if d := cmp.Diff(voice.Voice{Voice: &id, Speed: &speed, Stability: &stability, Style: &style}, sound); d != "" {
		t.Errorf("voice (-want +got):\n%s", d)
	}
	if len(left) > 0 {
		t.Errorf("left out: %v", left)
	}
}

// TestProviderConfigElsewhere: what is not said is the server's own, and who does not do something here is told of.
func TestProviderConfigElsewhere(t *testing.T) {
	t.Parallel()
	var p ProviderConfig
	set, sound, left := p.Settings("", 0, 0)
	if d := cmp.Diff(traits.AgentSettings{Providers: &traits.Providers{}}, set); d != "" || sound != (voice.Voice{}) || len(left) > 0 {
		t.Errorf("of nothing: %s %+v %v", d, sound, left)
	}
	p.Model.Model.Provider, p.Voice.Provider, p.Transcriber.Provider = "together-ai", "Cartesia", "anthropic"
	set, _, left = p.Settings("mx", 0, 0)
	if set.Providers.LLM.Vendor != traits.Auto || set.Providers.TTS.Vendor != "cartesia" || set.Providers.STT.Vendor != traits.Auto || set.Languages.Listening != "es-MX" {
		t.Errorf("%+v %+v", set.Providers, set.Languages)
	}
	if len(left) != 2 || left[0].Path != "providerConfig.model.model.provider" || left[1].Path != "providerConfig.transcriber.provider" {
		t.Errorf("told of %v", left)
	}
}
