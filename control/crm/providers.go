package crm

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley/control/suppliers"
	"parley/control/traits"
	"parley/control/voice"
)

// A ProviderConfig is who hears, thinks and speaks on a call of the CRM contract (StartAgentCall), in its words.
type ProviderConfig struct {
	Model struct {
		MaxTokens   float64  `json:"maxTokens"`
		Temperature *float64 `json:"temperature"`
		Model       struct {
			Provider string `json:"provider"`
			Model    string `json:"model"`
		} `json:"model"`
	} `json:"model"`
	Voice struct {
		Provider  string   `json:"provider"`
		VoiceID   string   `json:"voiceId"`
		Model     string   `json:"model"`
		Speed     *float64 `json:"speed"`
		Stability *float64 `json:"stability"`
		Style     *float64 `json:"style"`
		Latency   *float64 `json:"optimizeStreamingLatency"`
	} `json:"voice"`
	Transcriber struct {
		Provider     string   `json:"provider"`
		Model        string   `json:"model"`
		Localization string   `json:"localization"`
		Confidence   *float64 `json:"confidenceThreshold"`
		Keywords     []string `json:"keywords"`
	} `json:"transcriber"`
}

// tongues are the languages of the contract's localizations.
var tongues = map[string]string{"CL": "es-CL", "MX": "es-MX", "CO": "es-CO", "PE": "es-PE", "US": "en-US"}

// Settings are a ProviderConfig, the call's localization and its limits, which are seconds, as an agent's settings and voice; 0 and empty are
// the server's own. What has no place there is told, by its path, and left out.
func (p *ProviderConfig) Settings(localization string, silence, longest float64) (set traits.AgentSettings, sound voice.Voice, left []traits.Finding) {
	leave := func(path, reason string) {
		left = append(left, traits.Finding{Path: "providerConfig." + path, Reason: reason})
	}
	set.Providers = &traits.Providers{}
	if vendor, model := p.Model.Model.Provider, p.Model.Model.Model; vendor != "" || model != "" || p.Model.MaxTokens > 0 || p.Model.Temperature != nil {
		set.Providers.LLM = &traits.LanguageModel{
			Vendor: vendorOf(vendor, suppliers.Thinks, "model.model.provider", leave), Model: model, Temperature: p.Model.Temperature, MaxTokens: int(p.Model.MaxTokens),
		}
	}
	if v := p.Voice; v.Provider != "" || v.Model != "" {
		set.Providers.TTS = &traits.Speaking{Vendor: vendorOf(v.Provider, suppliers.Speaks, "voice.provider", leave), Model: v.Model}
	}
	sound.Speed, sound.Stability, sound.Style = p.Voice.Speed, p.Voice.Stability, p.Voice.Style
	if p.Voice.VoiceID != "" {
		sound.Voice = &p.Voice.VoiceID
	}
	if p.Voice.Latency != nil {
		leave("voice.optimizeStreamingLatency", "is as good as the vendor can, always")
	}
	if t := p.Transcriber; t.Provider != "" || t.Model != "" {
		set.Providers.STT = &traits.Speech{Vendor: vendorOf(t.Provider, suppliers.Hears, "transcriber.provider", leave), Model: t.Model}
	}
	if p.Transcriber.Confidence != nil {
		leave("transcriber.confidenceThreshold", "is not used: whatever is heard counts")
	}
	if len(p.Transcriber.Keywords) > 0 {
		leave("transcriber.keywords", "are not used: the words to expect are those of the agent's flow")
	}
	set.Languages = languages(localization, p.Transcriber.Localization)
	set.Manners = limits(silence, longest)
	return set, sound, left
}

// vendorOf is a vendor by the name that it has here; auto, where it has none that does this.
func vendorOf(name string, do func(suppliers.Supplier) bool, path string, leave func(path, reason string)) string {
	if name == "" {
		return traits.Auto
	}
	s, ok := suppliers.Of(strings.ToLower(name))
	if !ok || !do(s) {
		leave(path, fmt.Sprintf("is %s, which does not do that here: %s do", name, strings.Join(suppliers.Names(do), ", ")))
		return traits.Auto
	}
	return s.Name
}

// languages are what is spoken, and what is heard, where that is said to be another; nil: neither is said.
func languages(speaking, listening string) *traits.Languages {
	speaks := tongues[strings.ToUpper(speaking)]
	hears := tongues[strings.ToUpper(listening)]
	if hears == "" {
		hears = speaks
	}
	if hears == "" {
		return nil
	}
	return &traits.Languages{Listening: hears, Speaking: speaks}
}

// limits are manners, of seconds; nil: there are none.
func limits(silence, longest float64) traits.Manners {
	said := map[string]string{}
	for name, seconds := range map[string]float64{"silence": silence, "max_length": longest} {
		if seconds > 0 {
			said[name] = time.Duration(seconds * float64(time.Second)).Round(time.Millisecond).String()
		}
	}
	if len(said) == 0 {
		return nil
	}
	text, err := json.Marshal(said)
	if err != nil {
		panic("manners are no JSON: " + err.Error()) // they are texts
	}
	return slices.Clip(text)
}
