// Package traits says what an agent may set besides its words: who hears, thinks and speaks for it, how it behaves, what it can do.
//
//	PATCH /agents/{id} ──▶ Text ──Merge──▶ store.Agent.Settings ──Read──▶ Plan ──▶ cmd/parley makes it ready, once a version
//	                        │                                      │
//	                        └── Schema: the form ──▶ findings ◀────┴── manners, flow, report: the meaning
//
// The types here make the schema that is published, and are what settings are read into. Manners, tools and flow have the words of their
// files (docs/manners.yaml, docs/tools.md, docs/flows.md) and the readers of these: a Sheet lays JSON out so that the lines that they name
// are paths again. What only a server knows (keys, secrets, models) is for cmd/parley to find. Everything may be used by any goroutine.
package traits

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// Most is how large the settings of an agent may be, as compact JSON, in bytes: every node keeps those of all agents in memory.
const Most = 256 << 10

// AgentSettings are what an agent sets. What is left out is the server's own.
type AgentSettings struct {
	Providers *Providers      `json:"providers,omitempty" doc:"Who hears, thinks and speaks. A vendor that this server has no key of is refused."`
	Languages *Languages      `json:"languages,omitempty" doc:"What is heard, and what is spoken."`
	Manners   Manners         `json:"manners,omitempty"`
	Tools     Tools           `json:"tools,omitempty"`
	Flow      Flow            `json:"flow,omitempty"`
	Relay     *Relay          `json:"relay,omitempty" doc:"An app of one's own that answers in place of a model, by a WebSocket shaped like Twilio's ConversationRelay (docs/relay.md)."`
	Recording *AgentRecording `json:"recording,omitempty" doc:"Whether calls are recorded."`
	Widget    *Widget         `json:"widget,omitempty" doc:"Lets any page of some origins call the agent, by the talk button. Left out: none may without a server of its own that gives it a token."`
	Memory    *Memory         `json:"memory,omitempty" doc:"Whether it knows what was said with somebody before, by whichever channel. Left out: as the organisation says; it never has more than that."`
	Report    []ReportField   `json:"report,omitempty" maxItems:"50" doc:"What the report of a call is to find out, value by value."`
}

// Providers are who hears, thinks and speaks.
type Providers struct {
	STT *Speech        `json:"stt,omitempty" doc:"The recogniser."`
	LLM *LanguageModel `json:"llm,omitempty" doc:"Who answers."`
	TTS *Speaking      `json:"tts,omitempty" doc:"The voice's vendor; which of its voices speaks is voice_settings.voice."`
}

// Speech is a vendor of recognition.
type Speech struct {
	Vendor string `json:"vendor,omitempty" default:"auto" doc:"auto: the server's own."`
	Model  string `json:"model,omitempty" minLength:"1" maxLength:"100" doc:"By the vendor's name; left out: the server's, or the vendor's usual one. The local vendor has the one that the server loaded." example:"nova-3"`

	Keywords   []string `json:"keywords,omitempty" maxItems:"100" doc:"Words and names to expect, for vendors that can be told: deepgram, elevenlabs, assemblyai, cartesia." example:"[\"Parley\"]"`
	Confidence float64  `json:"confidence,omitempty" minimum:"0" maximum:"1" doc:"What is heard with less confidence than this counts as not understood, where the vendor tells its confidence in words." example:"0.5"`
}

// Speaking is a vendor of a voice.
type Speaking struct {
	Vendor string `json:"vendor,omitempty" default:"auto" doc:"auto: the server's own. 11labs is another name of elevenlabs."`
	Model  string `json:"model,omitempty" minLength:"1" maxLength:"100" doc:"By the vendor's name; left out: the server's, or the vendor's usual one. The local vendor has none; to deepgram it is the voice." example:"eleven_flash_v2_5"`

	Verbatim bool `json:"verbatim,omitempty" doc:"Numbers and dates are not written out before they are spoken: quicker, and they may come out wrong. Of elevenlabs."`
}

// LanguageModel is who answers.
type LanguageModel struct {
	Vendor      string   `json:"vendor,omitempty" default:"auto" doc:"auto: the server's own, or flow where settings.flow is set. flow: settings.flow, or the server's script; openai: the server's OpenAI-compatible endpoint; anthropic, gemini: those vendors; openai-realtime, gemini-live: models that hear and speak themselves (docs/speech-to-speech.md)."`
	Model       string   `json:"model,omitempty" minLength:"1" maxLength:"100" doc:"By the endpoint's name; left out: the server's." example:"gpt-4.1-mini"`
	Voice       string   `json:"voice,omitempty" minLength:"1" maxLength:"100" doc:"Of openai-realtime and gemini-live: the model's own voice; left out: the server's. Other models have none." example:"marin"`
	Temperature *float64 `json:"temperature,omitempty" minimum:"0" maximum:"2" doc:"Left out: the endpoint's default."`
	MaxTokens   int      `json:"max_tokens,omitempty" minimum:"16" maximum:"32768" doc:"Of one answer, in tokens. Left out: the endpoint's default."`
	Effort      string   `json:"reasoning_effort,omitempty" enum:"none,minimal,low,medium,high" doc:"For models that think first. Left out: the endpoint's default."`
}

// Languages are BCP 47 tags.
type Languages struct {
	Listening string `json:"listening,omitempty" maxLength:"35" pattern:"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$" patternDescription:"a language tag such as en or en-GB" doc:"What callers speak, a BCP 47 tag. Left out: the server's PARLEY_LANG." example:"en-GB"`
	Speaking  string `json:"speaking,omitempty" maxLength:"35" pattern:"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$" patternDescription:"a language tag such as en or en-GB" doc:"What the agent speaks; voice_settings.language comes before it. Left out: as listening." example:"en-GB"`
}

// AgentRecording says whether calls are recorded.
type AgentRecording struct {
	Enabled *bool `json:"enabled,omitempty" doc:"Left out: the server's PARLEY_RECORD."`
}

// A ReportField is one value that a report is to find out.
type ReportField struct {
	Name        string `json:"name" minLength:"1" maxLength:"64" pattern:"^[a-z][a-z0-9_]*$" patternDescription:"small letters, digits and _" doc:"Of the value in the report." example:"order_number"`
	Type        string `json:"type" enum:"string,number,integer,boolean,date" doc:"A date is written 2026-11-27."`
	Description string `json:"description,omitempty" maxLength:"1000" doc:"For the model: what to look for." example:"The order that the caller asked about."`
}

// A Finding is one thing wrong with an agent's settings.
type Finding struct {
	Path   string `json:"path" doc:"From the agent on." example:"settings.manners.silence"`
	Reason string `json:"reason" doc:"For people."`
}

func (f Finding) String() string { return f.Path + ": " + f.Reason }

// Text is AgentSettings as JSON, kept as it came; nil is null.
type Text json.RawMessage

// MarshalJSON implements json.Marshaler.
func (t Text) MarshalJSON() ([]byte, error) { return json.RawMessage(t).MarshalJSON() }

// UnmarshalJSON implements json.Unmarshaler. What is no AgentSettings is no error here, which would hide the fields after it: huma refuses it,
// by the schema.
func (t *Text) UnmarshalJSON(data []byte) error {
	*t = nil
	if string(data) == "null" {
		return nil
	}
	var buf bytes.Buffer
	if err := json.Compact(&buf, data); err != nil {
		return fmt.Errorf("compact settings: %w", err)
	}
	*t = bytes.ToValidUTF8(buf.Bytes(), []byte("\uFFFD"))
	return nil
}

// Schema implements huma.SchemaProvider: AgentSettings, of which each part may be null, or null.
func (Text) Schema(r huma.Registry) *huma.Schema {
	s := *r.Schema(reflect.TypeFor[AgentSettings](), false, "")
	parts := make(map[string]*huma.Schema, len(s.Properties))
	for name, p := range s.Properties {
		whole := p
		if p.Ref != "" {
			whole = r.SchemaFromRef(p.Ref)
		}
		part := *whole
		part.Nullable = true
		if p.Description != "" {
			part.Description = p.Description
		}
		parts[name] = &part
	}
	s.Properties, s.Nullable = parts, true
	s.Description = "What the agent sets besides its words; what is left out is the server's own. At most 256 KiB. PATCH replaces each part that is " +
		"given as a whole, and null clears it. GET /agents/schema has the whole schema. Extension."
	return &s
}

// names are the parts of AgentSettings, in their order.
func names() (all []string) {
	for f := range reflect.TypeFor[AgentSettings]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		all = append(all, name)
	}
	return all
}

// Merge is what is set once given has been said over base, both JSON objects or empty: parts of given take the place of base's, and null
// clears them. The outcome is tidy: parts in their order, no nulls; empty if nothing is set. What is no object says nothing.
func Merge(base string, given Text) string {
	var before, after map[string]json.RawMessage
	_ = json.Unmarshal([]byte(base), &before) // what cannot be read says nothing
	_ = json.Unmarshal(given, &after)
	var b bytes.Buffer
	for _, name := range names() {
		part, ok := after[name]
		if !ok {
			part = before[name]
		}
		if len(part) == 0 || string(part) == "null" {
			continue
		}
		b.WriteByte("{,"[min(b.Len(), 1)])
		fmt.Fprintf(&b, "%q:", name)
		b.Write(part)
	}
	if b.Len() == 0 {
		return ""
	}
	b.WriteByte('}')
	return b.String()
}
