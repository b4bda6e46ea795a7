package store

import (
	"context"
	"time"
)

// BotType says how a bot is reached. It never changes.
type BotType string

// The types of bots.
const (
	WhatsAppBot      BotType = "whatsapp"       // text
	WhatsAppVoiceBot BotType = "whatsapp_voice" // voice notes
	InboundCallBot   BotType = "inbound_call"
	OutboundCallBot  BotType = "outbound_call"
	IVRBot           BotType = "ivr"
)

// Takes says whether a call in a direction is a conversation of such a bot.
func (t BotType) Takes(d Direction) bool {
	if d == Outbound {
		return t == OutboundCallBot
	}
	return t == InboundCallBot || t == IVRBot
}

// A Bot is an agent bound to a channel. SystemPrompt, Active and Settings are its agent's.
type Bot struct {
	ID            string
	Number        int64
	Org           string
	Agent         string
	Own           bool // the agent was made with it, and goes with it
	Name          string
	Type          BotType
	Config        string   // JSON object; empty: none
	Numbers       []string // in E.164: those that it led to its agent
	SystemPrompt  string
	Active        bool   // the agent is enabled
	Settings      string // JSON object, of package control/traits; empty: none
	Conversations int64  // that it has had
	Created       time.Time
	Updated       time.Time // when it or its agent was
}

// Bots are the bots of organisations.
type Bots interface {
	// CreateBot keeps a new bot, and leads its numbers to its agent. Without an Agent it makes one, of its name, prompt and settings; an agent
	// that is named gets what of these is not empty. ErrNotFound if the organisation has no such agent or number.
	CreateBot(ctx context.Context, b Bot) (Bot, error)
	Bot(ctx context.Context, org, id string) (Bot, error)
	Bots(ctx context.Context, org string, p Page) ([]Bot, error) // newest first
	// UpdateBot lets change alter Agent, Name, Config, Numbers, SystemPrompt, Active and Settings, in one transaction; the last three change the
	// agent, as a new version of it. Numbers that are the bot's no more go to the default agent. An error of change is returned as it is, and
	// nothing is kept. ErrNotFound as of CreateBot.
	UpdateBot(ctx context.Context, org, id string, at time.Time, change func(*Bot) error) (Bot, error)
	// DeleteBot removes a bot, and its own agent unless something else needs that: ErrConflict if that has active tasks. Its numbers go to the
	// default agent; its conversations stay.
	DeleteBot(ctx context.Context, org, id string, at time.Time) error
}

// Channel is what a conversation is held by.
type Channel string

// The channels.
const (
	WhatsApp Channel = "whatsapp"
	Voice    Channel = "voice"
)

// ConversationStatus is where a conversation stands.
type ConversationStatus string

// The statuses of a conversation.
const (
	ConversationActive    ConversationStatus = "active"
	ConversationCompleted ConversationStatus = "completed"
	ConversationEscalated ConversationStatus = "escalated" // handed to a human
	ConversationFailed    ConversationStatus = "failed"
)

// NoLength is the length of a conversation that is no call, or goes on.
const NoLength time.Duration = -1

// A Conversation is one thread between somebody and a bot. That of a call has the call's id, and is written by Recorder with the call: it is
// the call's bot's, or else that of the oldest bot of its agent that takes calls in its direction. Once a person has said where it stands, the end of the call leaves that as it is.
type Conversation struct {
	ID        string
	Number    int64
	Org       string
	Bot       string
	BotName   string // also of a bot that was deleted
	Agent     string // the bot's
	Channel   Channel
	External  string // who is at the other end: a phone number, or the channel's own id
	Status    ConversationStatus
	Length    time.Duration // of a call that is over; else NoLength
	Metadata  string        // JSON object; empty: none
	AutoReply bool
	Contact   string // of the CRM; empty: none
	Created   time.Time
	Updated   time.Time
}

// A ThreadMessage is one message of a conversation that is no call.
type ThreadMessage struct {
	ID           string
	Number       int64
	Conversation string
	Role         string // user or assistant
	Content      string
	Type         string // text, ...
	Tokens       int64  // that a reply used; negative: not known
	Author       string // ByCustomer, ByBot, ByHuman; empty: not known
	External     string // the channel's id of it; empty: it has none yet
	Status       MessageStatus
	Error        string // why it was not sent
	Data         string // JSON object of what it has besides its text; empty: nothing
	Created      time.Time
}

// ConversationFilter narrows a list of conversations; empty fields do not.
type ConversationFilter struct {
	Bot     string
	Channel Channel
	Status  ConversationStatus
}

// Conversations are the threads of organisations.
type Conversations interface {
	// CreateConversation begins one that is no call. ErrNotFound if the organisation has no such bot.
	CreateConversation(ctx context.Context, c Conversation) (Conversation, error)
	Conversation(ctx context.Context, org, id string) (Conversation, error)
	Conversations(ctx context.Context, org string, f ConversationFilter, p Page) ([]Conversation, error) // newest first
	// UpdateConversation lets change alter Status, AutoReply and Contact, as UpdateNumber does.
	UpdateConversation(ctx context.Context, org, id string, at time.Time, change func(*Conversation) error) (Conversation, error)
	// AddThreadMessage adds a message to a conversation that is no call, whose Updated becomes the message's Created. ErrNotFound if the
	// organisation has no such conversation.
	AddThreadMessage(ctx context.Context, org string, m ThreadMessage) (ThreadMessage, error)
	// ThreadMessages are in the order in which they were written. Those of a call are its transcript.
	ThreadMessages(ctx context.Context, org, conversation string, p Page) ([]ThreadMessage, error)
}
