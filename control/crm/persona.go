package crm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"parley/control/traits"
	"parley/store"
)

// A locale is how people of a country speak, count and write.
type locale struct {
	tag      string // BCP 47
	speech   string // the language, for the model
	numbers  string
	dates    string
	currency string
}

// locales are those of the contract's localizations (Unicode CLDR 45, numbers and dates of es_CL, es_MX, es_CO, es_PE and en_US).
var locales = map[string]locale{
	"CL": {"es-CL", "the Spanish of Chile", "1.234,5", "day, month, year, as in 23-11-2026; times have 24 hours, as in 15:30", "Chilean pesos (CLP), written $12.500, without cents"},
	"MX": {"es-MX", "the Spanish of Mexico", "1,234.5", "day, month, year, as in 23/11/2026; times are said with a.m. and p.m., as in 3:30 p.m.", "Mexican pesos (MXN), written $12,500.00"},
	"CO": {"es-CO", "the Spanish of Colombia", "1.234,5", "day, month, year, as in 23/11/2026; times are said with a.m. and p.m., as in 3:30 p.m.", "Colombian pesos (COP), written $12.500, without cents"},
	"PE": {"es-PE", "the Spanish of Peru", "1,234.5", "day, month, year, as in 23/11/2026; times have 24 hours, as in 15:30", "soles (PEN), written S/ 12,500.00"},
	"US": {"en-US", "the English of the United States", "1,234.5", "month, day, year, as in 11/23/2026; times are said with a.m. and p.m., as in 3:30 p.m.", "US dollars (USD), written $12,500.00"},
}

// prompt is what an agent is told for an AgentCall. Whom it calls stands in places, so that calls to others have the same prompt.
func (b *AgentCall) prompt() string {
	var p strings.Builder
	name := b.Personality.Name
	if name == "" {
		name = "an assistant"
	}
	fmt.Fprintf(&p, "You are %s, and you have called somebody by telephone. What you say is spoken: short sentences, no lists, no markup.\n", escape(name))
	section := func(head, text string) {
		if text = strings.TrimSpace(text); text != "" {
			fmt.Fprintf(&p, "\n# %s\n%s\n", head, text)
		}
	}
	if b.Personality.Style != "" || b.Personality.Traits != "" {
		section("How you speak", escape(b.Personality.Style+"\n"+b.Personality.Traits))
	}
	if l, ok := locales[b.Localization]; ok {
		section("Language", fmt.Sprintf("Speak %s.\nNumbers are written as %s.\nDates have the order %s.\nMoney is in %s.", l.speech, l.numbers, l.dates, l.currency))
	}
	section("What the call is for", bullets(b.Objectives, false))
	section("How you go about it, in this order", bullets(b.TaskSteps, true))
	section("What you keep to, whatever happens", bullets(b.Constraints, false))
	section("What you know", escape(b.KnowledgeBase))
	section("Whom you have called", "{{contact}}")
	return p.String()
}

// bullets is a list, for the model.
func bullets(all []string, numbered bool) string {
	var lines []string
	for _, text := range all {
		mark := "-"
		if numbered {
			mark = fmt.Sprintf("%d.", len(lines)+1)
		}
		if text = strings.TrimSpace(text); text != "" {
			lines = append(lines, mark+" "+escape(text))
		}
	}
	return strings.Join(lines, "\n")
}

// escape keeps a text from having places: it is said as it stands.
func escape(text string) string { return strings.ReplaceAll(text, "{{", `\{{`) }

// context is what fills the places of the prompt.
func (c ContactInfo) context() string {
	var lines []string
	line := func(name, value string) {
		if value = strings.TrimSpace(value); value != "" {
			lines = append(lines, name+": "+value)
		}
	}
	line("First name", c.FirstName)
	line("Last name", c.LastName)
	line("Company", c.Company)
	for _, name := range slices.Sorted(maps.Keys(c.Additional)) {
		line(name, c.Additional[name])
	}
	if len(lines) == 0 {
		lines = []string{"Nothing is known of them."}
	}
	return jsonOf(map[string]any{"contact": strings.Join(lines, "; ")})
}

// persona is the agent that an AgentCall asks for, and what of it cannot be had anywhere.
func (b *AgentCall) persona() (store.Agent, []traits.Finding) {
	set, sound, left := b.ProviderConfig.Settings(b.Localization, b.SilenceTimeout, b.MaxDuration)
	a := store.Agent{
		Name: brief("Agent call: " + b.Objectives[0]), Description: "Made for calls of POST /crm/api/v1/agent-calls that say the same.",
		SystemPrompt: b.prompt(), Enabled: true, Settings: traits.Merge("", traits.Text(jsonOf(set))),
	}
	if text := jsonOf(sound); text != "{}" {
		a.VoiceSettings = text
	}
	return a, left
}

// agentFor is the agent of an AgentCall: the one that was made for others that say the same, if it is still as it was.
func (h *Calls) agentFor(ctx context.Context, org string, b *AgentCall) (string, error) {
	a, left := b.persona()
	if err := cannot(left); err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{a.Name, a.SystemPrompt, a.Settings, a.VoiceSettings}, "\x00")))
	digest := hex.EncodeToString(sum[:])
	made, err := h.Store.CallAgent(ctx, org, digest)
	if err == nil {
		row, e := h.Starter.Agents.Store.Agent(ctx, org, made)
		if e == nil && row.Version == 1 && row.Enabled {
			return made, cannot(h.Starter.Agents.Unfit(row))
		}
		err = e
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", fmt.Errorf("find agent: %w", err)
	}
	a.ID, a.Org, a.Created = store.NewID(), org, now()
	a.Updated = a.Created
	if err := cannot(h.Starter.Agents.Unfit(a)); err != nil {
		return "", err
	}
	if a, err = h.Starter.Agents.Make(ctx, a); err != nil {
		return "", err
	}
	if err := h.Store.PutCallAgent(ctx, org, digest, a.ID); err != nil {
		return "", fmt.Errorf("keep agent: %w", err)
	}
	return a.ID, nil
}

// places are the fields of an AgentCall by the settings that they become.
var places = [][2]string{
	{"settings.providers.llm.vendor", "providerConfig.model.model.provider"}, {"settings.providers.llm.model", "providerConfig.model.model.model"},
	{"settings.providers.llm.temperature", "providerConfig.model.temperature"}, {"settings.providers.llm.max_tokens", "providerConfig.model.maxTokens"},
	{"settings.providers.tts.vendor", "providerConfig.voice.provider"}, {"settings.providers.tts.model", "providerConfig.voice.model"},
	{"settings.providers.stt.vendor", "providerConfig.transcriber.provider"}, {"settings.providers.stt.model", "providerConfig.transcriber.model"},
	{"settings.providers.stt.keywords", "providerConfig.transcriber.keywords"}, {"settings.providers.stt.confidence", "providerConfig.transcriber.confidenceThreshold"},
	{"voice_settings.voice", "providerConfig.voice.voiceId"}, {"voice_settings", "providerConfig.voice"}, {"settings.languages", "localization"},
	{"settings.manners.silence", "silenceTimeoutSeconds"}, {"settings.manners.max_length", "maxDurationSeconds"},
}

// cannot refuses a request for what cannot be used here, in its own words; nil if there is nothing.
func cannot(found []traits.Finding) error {
	bad := map[string]string{}
	for _, f := range found {
		path := f.Path
		for _, p := range places {
			if rest, ok := strings.CutPrefix(path, p[0]); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
				path = p[1] + rest
				break
			}
		}
		bad[path] = f.Reason
	}
	return invalid(bad)
}

// brief is a text as a name: one line, and no longer than names are.
func brief(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	for utf8.RuneCountInString(text) > 120 {
		_, n := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-n]
	}
	return text
}

// jsonOf is a value as JSON; empty for an empty map.
func jsonOf(v any) string {
	if m, ok := v.(map[string]json.RawMessage); ok && len(m) == 0 {
		return ""
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic("no JSON: " + err.Error()) // it came as JSON, or is text
	}
	return string(text)
}
