package bots

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"parley/control/envelope"
	"parley/store"
)

// Bot is a bot as the API shows it.
type Bot struct {
	ID                string        `json:"id" format:"uuid"`
	TenantID          string        `json:"tenant_id" format:"uuid" doc:"The organisation."`
	Number            int64         `json:"number" doc:"Its second id, a number. Extension." example:"1"`
	AgentID           string        `json:"agent_id" format:"uuid" doc:"The agent that it binds to its channel. Extension."`
	Name              string        `json:"name" example:"Support Bot"`
	Type              store.BotType `json:"type" enum:"whatsapp,inbound_call,outbound_call,ivr,whatsapp_voice" doc:"How it is reached. It never changes."`
	SystemPrompt      string        `json:"system_prompt" doc:"Its agent's." example:"You are a friendly support agent for Acme. Keep replies under 3 sentences."`
	Config            Object        `json:"config"`
	IsActive          bool          `json:"is_active" doc:"Whether its agent is enabled."`
	CreatedAt         envelope.Time `json:"created_at"`
	UpdatedAt         envelope.Time `json:"updated_at"`
	ConversationCount int64         `json:"conversation_count" doc:"How many conversations it has had." example:"0"`
}

// Show makes a Bot of its row.
func Show(b store.Bot) Bot {
	return Bot{
		ID: b.ID, TenantID: b.Org, Number: b.Number, AgentID: b.Agent, Name: b.Name, Type: b.Type, SystemPrompt: b.SystemPrompt, Config: Object(b.Config),
		IsActive: b.Active, CreatedAt: envelope.Time(b.Created), UpdatedAt: envelope.Time(b.Updated), ConversationCount: b.Conversations,
	}
}

// An Object is a JSON object of the client's own, kept as it is sent; empty is null.
type Object json.RawMessage

// MarshalJSON implements json.Marshaler.
func (o Object) MarshalJSON() ([]byte, error) {
	if len(o) == 0 {
		return []byte("null"), nil
	}
	return json.RawMessage(o).MarshalJSON()
}

// UnmarshalJSON implements json.Unmarshaler. What is no object comes to nothing: huma has refused it, by the schema.
func (o *Object) UnmarshalJSON(data []byte) error {
	*o = nil
	var tidy bytes.Buffer
	if len(data) > 0 && data[0] == '{' && json.Compact(&tidy, data) == nil {
		*o = tidy.Bytes()
	}
	return nil
}

// Schema implements huma.SchemaProvider: an object, or null.
func (Object) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Nullable: true, Description: "An object of the client's own."}
}

const (
	mostConfig  = 256 << 10 // bytes
	mostNumbers = 100
)

// A Config is what the house reads of a bot's config; what else is in it is the client's own.
type Config struct {
	Agent   string          `json:"agent_id"`
	Numbers []string        `json:"numbers"`
	Flow    json.RawMessage `json:"flow"`
	Menu    json.RawMessage `json:"menu"`

	WhatsApp *WhatsApp `json:"whatsapp"`
}

// readConfig reads a config that has been checked.
func readConfig(o Object) (c Config) {
	if len(o) > 0 {
		_ = json.Unmarshal(o, &c) // checkConfig has refused what does not fit
	}
	if string(c.Flow) == "null" {
		c.Flow = nil
	}
	if string(c.Menu) == "null" {
		c.Menu = nil
	}
	c.Agent = envelope.Plain(c.Agent)
	return c
}

// checkConfig names what is wrong with a config.
func checkConfig(at *huma.PathBuffer, o Object) (bad []error) {
	say := func(field, message string) {
		bad = append(bad, &huma.ErrorDetail{Location: at.String() + "." + field, Message: message}) // With would cut a name at its bracket
	}
	if len(o) > mostConfig {
		say("config", fmt.Sprintf("is larger than %d KiB", mostConfig>>10))
		return bad
	}
	var parts map[string]json.RawMessage
	if len(o) == 0 || json.Unmarshal(o, &parts) != nil {
		return bad
	}
	if part := parts["agent_id"]; part != nil && string(part) != "null" {
		var id string
		if json.Unmarshal(part, &id) != nil || uuid.Validate(id) != nil {
			say("config.agent_id", "must be the id of an agent")
		}
	}
	if part := parts["flow"]; part != nil && string(part) != "null" && part[0] != '{' {
		say("config.flow", "must be an object: docs/flows.md")
	}
	checkWhatsApp(parts["whatsapp"], say)
	checkMenu(parts, say)
	part := parts["numbers"]
	if part == nil || string(part) == "null" {
		return bad
	}
	var numbers []string
	switch {
	case json.Unmarshal(part, &numbers) != nil:
		say("config.numbers", "must be a list of phone numbers")
	case len(numbers) > mostNumbers:
		say("config.numbers", fmt.Sprintf("has more than %d numbers", mostNumbers))
	}
	for i, n := range numbers {
		switch {
		case !envelope.E164(n):
			say(fmt.Sprintf("config.numbers[%d]", i), envelope.NoE164)
		case slices.Contains(numbers[:i], n):
			say(fmt.Sprintf("config.numbers[%d]", i), "is named twice")
		}
	}
	return bad
}

// ReadOnly are the fields of a bot that a client sees and cannot set.
type ReadOnly struct {
	ID                envelope.Given `json:"id,omitempty" hidden:"true"`
	TenantID          envelope.Given `json:"tenant_id,omitempty" hidden:"true"`
	Number            envelope.Given `json:"number,omitempty" hidden:"true"`
	AgentID           envelope.Given `json:"agent_id,omitempty" hidden:"true"`
	IsActive          envelope.Given `json:"is_active,omitempty" hidden:"true"`
	CreatedAt         envelope.Given `json:"created_at,omitempty" hidden:"true"`
	UpdatedAt         envelope.Given `json:"updated_at,omitempty" hidden:"true"`
	ConversationCount envelope.Given `json:"conversation_count,omitempty" hidden:"true"`
}

func (r ReadOnly) check(at *huma.PathBuffer) (bad []error) {
	for _, f := range []struct {
		name  string
		given envelope.Given
		why   string
	}{
		{"id", r.ID, "is read-only"}, {"tenant_id", r.TenantID, "is read-only"}, {"number", r.Number, "is read-only"},
		{"agent_id", r.AgentID, "is named in config: config.agent_id"}, {"is_active", r.IsActive, "is read-only: POST /bots/{id}/toggle flips it"},
		{"created_at", r.CreatedAt, "is read-only"}, {"updated_at", r.UpdatedAt, "is read-only"}, {"conversation_count", r.ConversationCount, "is read-only"},
	} {
		if f.given {
			bad = append(bad, envelope.Complain(at, f.name, f.why))
		}
	}
	return bad
}

// configDoc is what the description says of a config.
const configDoc = "agent_id binds an agent that there is, instead of a new one; numbers (of inbound_call and ivr) are phone numbers of the organisation " +
	"that lead to it; flow is a menu or script by which it answers (docs/flows.md); menu (of ivr) says the same in few words (docs/bots.md): greeting, prompt, options (digit, words, and " +
	"one of say, submenu, transfer, voicemail, agent, hangup, back), timeout, tries, fallback, hours, language; whatsapp (of whatsapp and whatsapp_voice) is its channel: provider (meta, twilio), " +
	"phone_number_id and business_account_id of Meta's or number of Twilio's, credential_id and app_credential_id (docs/bots.md). What else is in it is the client's own. PUT replaces it as a whole."

// BotCreate is the body of POST /bots.
type BotCreate struct {
	ReadOnly

	Name         string        `json:"name" minLength:"1" maxLength:"255"`
	Type         store.BotType `json:"type" enum:"whatsapp,inbound_call,outbound_call,ivr,whatsapp_voice" doc:"How it is reached. It never changes."`
	SystemPrompt string        `json:"system_prompt,omitempty" maxLength:"50000" doc:"Of its agent."`
	Config       Object        `json:"config,omitempty"`
}

// Resolve implements huma.ResolverWithPath.
func (b *BotCreate) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	bad := append(b.check(at), envelope.Blank(at, "name", b.Name)...)
	bad = append(bad, checkPrompt(at, b.SystemPrompt)...)
	return append(bad, checkConfig(at, b.Config)...)
}

// TransformSchema implements huma.SchemaTransformer.
func (BotCreate) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return describeConfig(s)
}

// BotPut is the body of PUT /bots/{id}: what is left out stays.
type BotPut struct {
	ReadOnly

	Type         envelope.Given         `json:"type,omitempty" hidden:"true"`
	Name         envelope.Field[string] `json:"name,omitempty" nullable:"false" minLength:"1" maxLength:"255"`
	SystemPrompt envelope.Field[string] `json:"system_prompt,omitempty" nullable:"false" maxLength:"50000" doc:"Of its agent."`
	Config       envelope.Field[Object] `json:"config,omitempty"`
}

// Resolve implements huma.ResolverWithPath.
func (b *BotPut) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	bad := b.check(at)
	if b.Type {
		bad = append(bad, envelope.Complain(at, "type", "is fixed at creation: make another bot"))
	}
	bad = append(bad, b.Name.Check(at, "name", false)...)
	bad = append(bad, b.SystemPrompt.Check(at, "system_prompt", false)...)
	bad = append(bad, b.Config.Check(at, "config", true)...)
	bad = append(bad, envelope.Blank(at, "name", b.Name.Value)...)
	bad = append(bad, checkPrompt(at, b.SystemPrompt.Value)...)
	return append(bad, checkConfig(at, b.Config.Value)...)
}

// TransformSchema implements huma.SchemaTransformer.
func (BotPut) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema { return describeConfig(s) }

func describeConfig(s *huma.Schema) *huma.Schema {
	config := *s.Properties["config"]
	config.Description = configDoc
	s.Properties["config"] = &config
	return s
}

// checkPrompt refuses NUL, which databases cannot keep.
func checkPrompt(at *huma.PathBuffer, prompt string) []error {
	if strings.ContainsRune(prompt, 0) {
		return []error{envelope.Complain(at, "system_prompt", "must not contain NUL characters")}
	}
	return nil
}
