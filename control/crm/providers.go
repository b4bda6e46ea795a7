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
	Model       ModelConfig       `json:"model,omitempty"`
	Voice       VoiceConfig       `json:"voice,omitempty"`
	Transcriber TranscriberConfig `json:"transcriber,omitempty"`
}

// ModelConfig is who thinks.
type ModelConfig struct {
	MaxTokens   float64   `json:"maxTokens,omitempty" minimum:"0" maximum:"32768" doc:"Of one answer; less than 1: the endpoint's default." example:"250"`
	Temperature *float64  `json:"temperature,omitempty" minimum:"0" maximum:"2" example:"0.4"`
	Model       ModelName `json:"model,omitempty"`
}

// ModelName is a vendor's model.
type ModelName struct {
	Provider string `json:"provider,omitempty" maxLength:"100" example:"openai"`
	Model    string `json:"model,omitempty" maxLength:"100" example:"gpt-4o"`
}

// VoiceConfig is who speaks.
type VoiceConfig struct {
	Provider  string   `json:"provider,omitempty" maxLength:"100" example:"11labs"`
	VoiceID   string   `json:"voiceId,omitempty" maxLength:"100" example:"21m00Tcm4TlvDq8ikWAM"`
	Model     string   `json:"model,omitempty" maxLength:"100" example:"eleven_flash_v2_5"`
	Speed     *float64 `json:"speed,omitempty" minimum:"0" maximum:"4" doc:"1 is the voice's own pace; brought into 0.7 to 1.2." example:"1"`
	Stability *float64 `json:"stability,omitempty" minimum:"0" maximum:"1" example:"0.5"`
	Style     *float64 `json:"style,omitempty" minimum:"0" maximum:"1" example:"0"`
	Latency   *float64 `json:"optimizeStreamingLatency,omitempty" minimum:"0" maximum:"4" doc:"Sound is sent as soon as there is any, always; 4 also keeps numbers and dates from being written out first." example:"3"`
}

// TranscriberConfig is who hears.
type TranscriberConfig struct {
	Provider     string   `json:"provider,omitempty" maxLength:"100" example:"deepgram"`
	Model        string   `json:"model,omitempty" maxLength:"100" example:"nova-3"`
	Localization string   `json:"localization,omitempty" enum:"CL,MX,CO,PE,US" doc:"What is heard, if that is not the call's localization."`
	Confidence   *float64 `json:"confidenceThreshold,omitempty" minimum:"0" maximum:"1" doc:"What is heard with less confidence counts as not understood." example:"0.4"`
	Keywords     []string `json:"keywords,omitempty" maxItems:"100" doc:"Words and names to expect."`
}

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
	quickest := p.Voice.Latency != nil && *p.Voice.Latency >= verbatim
	if v := p.Voice; v.Provider != "" || v.Model != "" || quickest {
		set.Providers.TTS = &traits.Speaking{Vendor: vendorOf(v.Provider, suppliers.Speaks, "voice.provider", leave), Model: v.Model, Verbatim: quickest}
	}
	sound.Speed, sound.Stability, sound.Style = within(p.Voice.Speed, 0.7, 1.2), within(p.Voice.Stability, 0, 1), within(p.Voice.Style, 0, 1)
	if p.Voice.VoiceID != "" {
		sound.Voice = &p.Voice.VoiceID
	}
	if t := p.Transcriber; t.Provider != "" || t.Model != "" || t.Confidence != nil || len(t.Keywords) > 0 {
		set.Providers.STT = &traits.Speech{Vendor: vendorOf(t.Provider, suppliers.Hears, "transcriber.provider", leave), Model: t.Model, Keywords: t.Keywords}
		if least := within(t.Confidence, 0, 1); least != nil {
			set.Providers.STT.Confidence = *least
		}
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
	speaks := locales[strings.ToUpper(speaking)].tag
	hears := locales[strings.ToUpper(listening)].tag
	if hears == "" {
		hears = speaks
	}
	if hears == "" {
		return nil
	}
	return &traits.Languages{Listening: hears, Speaking: speaks}
}

// verbatim is the optimizeStreamingLatency from which numbers and dates are not written out for the voice. Below it there is nothing to ask
// for: sound is sent as soon as there is any, always (elevenlabs.io/docs/api-reference/text-to-speech/stream).
const verbatim = 4

// within is a figure brought into its bounds; nil stays nil.
func within(n *float64, least, most float64) *float64 {
	if n == nil {
		return nil
	}
	f := min(max(*n, least), most)
	return &f
}

// limits are manners, of seconds; nil: there are none. After so much silence the call ends, and nobody is asked again.
func limits(silence, longest float64) traits.Manners {
	said := map[string]string{}
	for name, seconds := range map[string]float64{"silence": silence, "max_length": longest} {
		if seconds > 0 {
			said[name] = time.Duration(max(seconds, 1) * float64(time.Second)).Round(time.Millisecond).String()
		}
	}
	if silence > 0 {
		said["reprompts"] = "never"
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
