package bots

import (
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"parley/control/envelope"
	"parley/pipeline"
	"parley/store"
)

// Conversation is a conversation as the API shows it.
type Conversation struct {
	ID              string                   `json:"id" format:"uuid" doc:"That of a call is the call's id."`
	TenantID        string                   `json:"tenant_id" format:"uuid" doc:"The organisation."`
	Number          int64                    `json:"number" doc:"Its second id, a number. Extension." example:"1"`
	BotID           string                   `json:"bot_id" format:"uuid"`
	Channel         store.Channel            `json:"channel" enum:"whatsapp,voice"`
	ExternalID      string                   `json:"external_id" doc:"Who is at the other end: a phone number, or the channel's own id; empty: withheld." example:"+919876543210"`
	Status          store.ConversationStatus `json:"status" enum:"active,completed,escalated,failed"`
	DurationSeconds *int64                   `json:"duration_seconds" doc:"Of a call that is over, from the answer; else null." example:"84"`
	Metadata        Object                   `json:"metadata"`
	AutoReply       bool                     `json:"ai_autoreply_enabled" doc:"Whether the bot answers by itself. A call that goes on is not changed by it."`
	ContactID       *string                  `json:"contact_id" doc:"Whom the CRM has at the other end; null: nobody. Extension."`
	CreatedAt       envelope.Time            `json:"created_at"`
	UpdatedAt       envelope.Time            `json:"updated_at"`
	BotName         string                   `json:"bot_name" doc:"Also of a bot that was deleted since." example:"Support Bot"`
}

// ShowConversation makes a Conversation of its row.
func ShowConversation(c store.Conversation) Conversation {
	out := Conversation{
		ID: c.ID, TenantID: c.Org, Number: c.Number, BotID: c.Bot, Channel: c.Channel, ExternalID: c.External, Status: c.Status, Metadata: Object(c.Metadata),
		AutoReply: c.AutoReply, ContactID: envelope.Optional(c.Contact), CreatedAt: envelope.Time(c.Created), UpdatedAt: envelope.Time(c.Updated), BotName: c.BotName,
	}
	if c.Length >= 0 {
		seconds := int64(c.Length.Round(time.Second) / time.Second)
		out.DurationSeconds = &seconds
	}
	return out
}

// Message is a message of a conversation as the API shows it.
type Message struct {
	ID             string        `json:"id" format:"uuid"`
	ConversationID string        `json:"conversation_id" format:"uuid"`
	Role           string        `json:"role" doc:"Who wrote or said it. Calls also have tool (what a tool answered) and system (what happened, such as a key that was pressed)." enum:"user,assistant,tool,system"`
	Content        string        `json:"content" doc:"Of a call's assistant: what was heard of it." example:"Where is my order?"`
	Type           string        `json:"message_type" doc:"text, also of what was said on calls; of channels also image, audio, video, document, sticker, location, contacts, choice, reaction, and others." example:"text"`
	TokensUsed     *int64        `json:"tokens_used" doc:"That a reply used; null: not known." example:"18"`
	Author         *string       `json:"author" enum:"customer,bot,human" doc:"Who wrote or said it; null: not known. Extension."`
	Status         *string       `json:"status" enum:"pending,sent,failed,delivered,read,played" doc:"How far a message to a channel has come; null: it is none. Extension."`
	Error          *string       `json:"error" doc:"Why it was not sent; null: nothing is known. Extension."`
	Data           Object        `json:"data"`
	CreatedAt      envelope.Time `json:"created_at"`
}

// TransformSchema implements huma.SchemaTransformer.
func (Message) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	envelope.OrNull(s, "author")
	envelope.OrNull(s, "status")
	data := *s.Properties["data"]
	data.Description = "What a message of a channel has besides its text: media (of which url opens the file without a key for 5 minutes, or error says why it is not kept), location, contacts, interactive, reaction, template, and others; null: nothing. Extension."
	s.Properties["data"] = &data
	return s
}

// showThread makes a Message of a row. Its file opens where link says.
func showThread(org string, m store.ThreadMessage, link func(org, id string) string) Message {
	m.Data = linked(m.Data, org, link)
	out := Message{
		ID: m.ID, ConversationID: m.Conversation, Role: m.Role, Content: m.Content, Type: m.Type, Author: envelope.Optional(m.Author),
		Status: envelope.Optional(string(m.Status)), Error: envelope.Optional(m.Error), Data: Object(m.Data), CreatedAt: envelope.Time(m.Created),
	}
	if m.Tokens >= 0 {
		out.TokensUsed = &m.Tokens
	}
	return out
}

// showSpoken makes a Message of an entry of a call's transcript. Its id is made of the call's and its place, so it is always the same.
func showSpoken(c store.Call, m store.Message) Message {
	zero := c.Answered
	if zero.IsZero() {
		zero = c.Created
	}
	space, err := uuid.Parse(c.ID)
	if err != nil {
		space = uuid.NameSpaceOID // ids of calls are UUIDs
	}
	return Message{
		ID: uuid.NewSHA1(space, []byte("message "+strconv.Itoa(m.Seq))).String(), ConversationID: c.ID, Role: speaker(m.Role), Content: m.Text, Type: "text",
		Author: envelope.Optional(author(m.Role)), CreatedAt: envelope.Time(zero.Add(m.At)),
	}
}

// author is who spoke in a role of a call; empty: nobody did.
func author(role string) string {
	switch pipeline.Role(role) {
	case pipeline.Caller:
		return store.ByCustomer
	case pipeline.Assistant:
		return store.ByBot
	}
	return ""
}

// speaker is a role of a call in the contract's words.
func speaker(role string) string {
	switch pipeline.Role(role) {
	case pipeline.Caller:
		return "user"
	case pipeline.Assistant:
		return "assistant"
	case pipeline.ToolRole:
		return "tool"
	default:
		return "system"
	}
}
