package voice

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/envelope"
	"parley/control/traits"
	"parley/store"
)

// Agent is an agent as the API shows it.
type Agent struct {
	ID              string        `json:"id" format:"uuid"`
	Number          int64         `json:"number" doc:"Its second id, a number, for contracts that count. Extension." example:"1"`
	Name            string        `json:"name" example:"Customer Service Agent"`
	Description     *string       `json:"description" example:"Handles customer inquiries"`
	SystemPrompt    string        `json:"system_prompt" example:"You are a helpful customer service agent..."`
	StartingMessage *string       `json:"starting_message" doc:"What the agent says first; null: its prompt decides." example:"Hello! How can I help you today?"`
	Enabled         bool          `json:"enabled" doc:"Whether it answers calls."`
	VoiceSettings   Settings      `json:"voice_settings"`
	DTMFRules       Rules         `json:"dtmf_rules"`
	Settings        traits.Text   `json:"settings" doc:"What it sets besides its words: providers, languages, manners, tools, flow, recording, report. Extension."`
	Version         int           `json:"version" doc:"Grows with each change; a call names the version that served it. Extension." example:"1"`
	IsDefault       *bool         `json:"is_default,omitempty" doc:"Whether it answers the calls that no number leads elsewhere; not there where the server does not know. Extension."`
	CreatedAt       envelope.Time `json:"created_at"`
	UpdatedAt       envelope.Time `json:"updated_at"`

	Effective *traits.AgentSettings `json:"effective_settings,omitempty" doc:"With ?defaults=true: the settings by which it answers, the server's own filled in. Extension."`
	Problems  []traits.Finding      `json:"settings_problems,omitempty" doc:"What of its settings cannot be used on this server now, such as a vendor whose key was removed: it answers with the server's own instead. Extension."`
}

// Show makes an Agent of its row.
func Show(a store.Agent) (Agent, error) {
	voice, err := object(a.VoiceSettings)
	if err != nil {
		return Agent{}, fmt.Errorf("read voice settings of agent %s: %w", a.ID, err)
	}
	rules, err := object(a.DTMFRules)
	if err != nil {
		return Agent{}, fmt.Errorf("read keypad rules of agent %s: %w", a.ID, err)
	}
	set, err := object(a.Settings)
	if err != nil {
		return Agent{}, fmt.Errorf("read settings of agent %s: %w", a.ID, err)
	}
	return Agent{
		ID: a.ID, Number: a.Number, Name: a.Name, Description: envelope.Optional(a.Description), SystemPrompt: a.SystemPrompt,
		StartingMessage: envelope.Optional(a.StartingMessage), Enabled: a.Enabled, VoiceSettings: Settings(voice), DTMFRules: Rules(rules),
		Settings: traits.Text(set), Version: a.Version, CreatedAt: envelope.Time(a.Created), UpdatedAt: envelope.Time(a.Updated),
	}, nil
}

// object is a column's JSON object; nil if it is empty.
func object(column string) (json.RawMessage, error) {
	if column == "" {
		return nil, nil
	}
	if column[0] != '{' || !json.Valid([]byte(column)) {
		return nil, fmt.Errorf("the column holds no JSON object")
	}
	return json.RawMessage(column), nil
}

// Voice is what can be set of a voice: ElevenLabs' voice settings (https://elevenlabs.io/docs/api-reference/voices/settings/get), and
// which voice, in which language. A field that is null or left out has the voice's own default.
type Voice struct {
	Stability       *float64 `json:"stability,omitempty" nullable:"true" minimum:"0" maximum:"1" doc:"How steady the voice is; lower is livelier." example:"0.5"`
	SimilarityBoost *float64 `json:"similarity_boost,omitempty" nullable:"true" minimum:"0" maximum:"1" doc:"How closely it keeps to the original voice." example:"0.75"`
	Style           *float64 `json:"style,omitempty" nullable:"true" minimum:"0" maximum:"1" doc:"How much of the original's style is exaggerated."`
	SpeakerBoost    *bool    `json:"use_speaker_boost,omitempty" nullable:"true" doc:"More likeness to the original speaker, at some cost in speed."`
	Speed           *float64 `json:"speed,omitempty" nullable:"true" minimum:"0.7" maximum:"1.2" doc:"1 is the voice's own pace."`
	Voice           *string  `json:"voice,omitempty" nullable:"true" minLength:"1" maxLength:"100" pattern:"^[^\\x00-\\x1f]+$" patternDescription:"a name without control characters" doc:"The voice, by its vendor's name or id. Extension."`
	Language        *string  `json:"language,omitempty" nullable:"true" maxLength:"35" pattern:"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$" patternDescription:"a language tag such as en or en-GB" doc:"The language it speaks, a BCP 47 tag. Extension."`
}

// Settings are a Voice as JSON, kept as it is stored; nil is null.
type Settings json.RawMessage

// MarshalJSON implements json.Marshaler.
func (v Settings) MarshalJSON() ([]byte, error) { return json.RawMessage(v).MarshalJSON() }

// UnmarshalJSON implements json.Unmarshaler. What is null inside is left out. What is no Voice is no error here, which would hide the
// fields after it, and comes to nothing: huma has refused it, by the schema.
func (v *Settings) UnmarshalJSON(data []byte) error {
	*v = nil
	var voice *Voice
	if json.Unmarshal(data, &voice) != nil || voice == nil {
		return nil //nolint:nilerr // see above
	}
	tidy, err := json.Marshal(voice)
	*v = tidy
	return err
}

// Schema implements huma.SchemaProvider: a Voice, or null.
func (Settings) Schema(r huma.Registry) *huma.Schema {
	s := *r.Schema(reflect.TypeFor[Voice](), false, "")
	s.Nullable = true
	s.Description = "The voice, in ElevenLabs' words. PATCH replaces it as a whole."
	return &s
}

// AgentReadOnly are the fields of an agent that a client sees and cannot set.
type AgentReadOnly struct {
	ID        envelope.Given `json:"id,omitempty" hidden:"true"`
	Number    envelope.Given `json:"number,omitempty" hidden:"true"`
	Version   envelope.Given `json:"version,omitempty" hidden:"true"`
	IsDefault envelope.Given `json:"is_default,omitempty" hidden:"true"`
	CreatedAt envelope.Given `json:"created_at,omitempty" hidden:"true"`
	UpdatedAt envelope.Given `json:"updated_at,omitempty" hidden:"true"`
	Effective envelope.Given `json:"effective_settings,omitempty" hidden:"true"`
	Problems  envelope.Given `json:"settings_problems,omitempty" hidden:"true"`
}

// check refuses them by name.
func (g AgentReadOnly) check(at *huma.PathBuffer) (bad []error) {
	for _, f := range []struct {
		name  string
		given envelope.Given
	}{
		{"id", g.ID},
		{"number", g.Number},
		{"version", g.Version},
		{"is_default", g.IsDefault},
		{"created_at", g.CreatedAt},
		{"updated_at", g.UpdatedAt},
		{"effective_settings", g.Effective},
		{"settings_problems", g.Problems},
	} {
		if f.given {
			bad = append(bad, envelope.Complain(at, f.name, "is read-only"))
		}
	}
	return bad
}

// AgentCreate is the body of POST /agents.
type AgentCreate struct {
	AgentReadOnly

	Name            string   `json:"name" minLength:"1" maxLength:"200" doc:"Agent name: not blank."`
	SystemPrompt    string   `json:"system_prompt" minLength:"1" maxLength:"100000" doc:"System prompt for the agent: not blank."`
	Description     string   `json:"description,omitempty" nullable:"true" maxLength:"2000" doc:"Agent description."`
	StartingMessage string   `json:"starting_message,omitempty" nullable:"true" maxLength:"5000" doc:"Initial message to start conversations."`
	Enabled         *bool    `json:"enabled,omitempty" nullable:"true" default:"true" doc:"Whether the agent is enabled."`
	VoiceSettings   Settings `json:"voice_settings,omitempty"`
	DTMFRules       Rules    `json:"dtmf_rules,omitempty"`

	Settings traits.Text `json:"settings,omitempty"`
}

// Resolve implements huma.ResolverWithPath.
func (b *AgentCreate) Resolve(ctx huma.Context, at *huma.PathBuffer) []error {
	bad := b.check(at)
	bad = append(bad, checkTexts(at, b.Name, b.SystemPrompt, b.Description, b.StartingMessage)...)
	bad = append(bad, b.checkSettings(ctx, at)...)
	return append(bad, checkRules(at, b.DTMFRules)...)
}

// AgentPatch is the body of PATCH /agents/{id}: what is left out stays, null clears.
type AgentPatch struct {
	AgentReadOnly

	Name            envelope.Field[string]   `json:"name,omitempty" nullable:"false" minLength:"1" maxLength:"200" doc:"Agent name: not blank."`
	Description     envelope.Field[string]   `json:"description,omitempty" maxLength:"2000" doc:"Agent description."`
	SystemPrompt    envelope.Field[string]   `json:"system_prompt,omitempty" nullable:"false" minLength:"1" maxLength:"100000" doc:"System prompt: not blank."`
	StartingMessage envelope.Field[string]   `json:"starting_message,omitempty" maxLength:"5000" doc:"Initial message."`
	VoiceSettings   envelope.Field[Settings] `json:"voice_settings,omitempty"`
	DTMFRules       envelope.Field[Rules]    `json:"dtmf_rules,omitempty"`
	Enabled         envelope.Field[bool]     `json:"enabled,omitempty" nullable:"false" doc:"Enable or disable."`

	Settings envelope.Field[traits.Text] `json:"settings,omitempty"`

	checked int // the agent's version that the settings were checked over; 0: none
}

// Resolve implements huma.ResolverWithPath.
func (b *AgentPatch) Resolve(ctx huma.Context, at *huma.PathBuffer) []error {
	bad := b.check(at)
	for _, wrong := range [][]error{
		b.Name.Check(at, "name", false),
		b.Description.Check(at, "description", true),
		b.SystemPrompt.Check(at, "system_prompt", false),
		b.StartingMessage.Check(at, "starting_message", true),
		b.VoiceSettings.Check(at, "voice_settings", true),
		b.DTMFRules.Check(at, "dtmf_rules", true),
		b.Enabled.Check(at, "enabled", false),
		b.Settings.Check(at, "settings", true),
	} {
		bad = append(bad, wrong...)
	}
	bad = append(bad, checkTexts(at, b.Name.Value, b.SystemPrompt.Value, b.Description.Value, b.StartingMessage.Value)...)
	bad = append(bad, b.checkSettings(ctx, at)...)
	return append(bad, checkRules(at, b.DTMFRules.Value)...)
}

// empty says that there is nothing to change.
func (b *AgentPatch) empty() bool {
	return !b.Name.Set && !b.Description.Set && !b.SystemPrompt.Set && !b.StartingMessage.Set && !b.VoiceSettings.Set &&
		!b.DTMFRules.Set && !b.Enabled.Set && !b.Settings.Set
}

// apply makes the changes on a row.
func (b *AgentPatch) apply(a *store.Agent) {
	for _, f := range []struct {
		from envelope.Field[string]
		to   *string
	}{{b.Name, &a.Name}, {b.Description, &a.Description}, {b.SystemPrompt, &a.SystemPrompt}, {b.StartingMessage, &a.StartingMessage}} {
		if f.from.Set {
			*f.to = f.from.Value
		}
	}
	if b.VoiceSettings.Set {
		a.VoiceSettings = string(b.VoiceSettings.Value)
	}
	if b.DTMFRules.Set {
		a.DTMFRules = string(b.DTMFRules.Value)
	}
	if b.Enabled.Set {
		a.Enabled = b.Enabled.Value
	}
	switch {
	case b.Settings.Null:
		a.Settings = ""
	case b.Settings.Set:
		a.Settings = traits.Merge(a.Settings, b.Settings.Value)
	}
}

// checkTexts refuses blank texts where there must be one, and NUL, which databases cannot keep.
func checkTexts(at *huma.PathBuffer, name, prompt, description, start string) (bad []error) {
	for _, f := range []struct {
		name, text string
		needed     bool
	}{{"name", name, true}, {"system_prompt", prompt, true}, {"description", description, false}, {"starting_message", start, false}} {
		switch {
		case strings.ContainsRune(f.text, 0):
			bad = append(bad, envelope.Complain(at, f.name, "must not contain NUL characters"))
		case f.needed && f.text != "" && strings.TrimSpace(f.text) == "":
			bad = append(bad, envelope.Complain(at, f.name, "must not be blank"))
		}
	}
	return bad
}
