package bots

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"parley/control/access"
	"parley/control/envelope"
	"parley/pipeline"
	"parley/store"
)

// Conversations handles /conversations.
type Conversations struct {
	Store     Threads
	Calls     store.Calls // whose transcripts are the messages of calls
	Agents    store.Agents
	Drafter   Drafter                     // nil: nobody drafts
	Feed      *Feed                       // is told of changes
	Messenger Messenger                   // sends what people write; nil: nobody does
	Link      func(org, id string) string // as of Files
	Log       *slog.Logger
}

// A Drafter writes what an agent would answer.
type Drafter interface {
	// Draft writes the answer to the thread of a conversation, oldest first: by the agent's language model, or else by its flow. ErrMute if it has
	// neither.
	Draft(ctx context.Context, a store.Agent, c store.Conversation, thread []pipeline.Message) (Drafted, error)
}

// Drafted is what an agent would answer.
type Drafted struct {
	Text       string
	Remembered []string // the earlier conversations that its model was told of, by their ids
}

// ErrMute says that an agent has neither a language model nor a flow.
var ErrMute = errors.New("neither a language model nor a flow")

// ListConversations is what GET /conversations asks.
type ListConversations struct {
	envelope.BarePage

	Channel store.Channel            `query:"channel" enum:"whatsapp,voice" doc:"Those of this channel."`
	Status  store.ConversationStatus `query:"status" enum:"active,completed,escalated,failed" doc:"Those in this status."`
	BotID   string                   `query:"bot_id" format:"uuid" doc:"Those of this bot."`
}

// List handles GET /conversations.
func (h *Conversations) List(ctx context.Context, in *ListConversations) (*envelope.BareList[Conversation], error) {
	f := store.ConversationFilter{Channel: in.Channel, Status: in.Status, Bot: envelope.Plain(in.BotID)}
	rows, err := h.Store.Conversations(ctx, access.Org(ctx), f, in.Rows())
	if err != nil {
		return nil, fmt.Errorf("list conversations: %w", err)
	}
	return envelope.BareRows(in.BarePage, rows, ShowConversation), nil
}

// Get handles GET /conversations/{id}.
func (h *Conversations) Get(ctx context.Context, in *envelope.ID) (*envelope.Bare[Conversation], error) {
	c, err := h.conversation(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &envelope.Bare[Conversation]{Body: ShowConversation(c)}, nil
}

// conversation reads the conversation that a path names.
func (h *Conversations) conversation(ctx context.Context, id string) (store.Conversation, error) {
	id, err := envelope.Canonical(id, "conversation")
	if err != nil {
		return store.Conversation{}, err
	}
	c, err := h.Store.Conversation(ctx, access.Org(ctx), id)
	return c, failed(err, "conversation")
}

// ListMessages is what GET /conversations/{id}/messages asks.
type ListMessages struct {
	envelope.BarePage

	ID string `path:"id" doc:"The conversation's id, a UUID. Ids of other organisations are as unknown as malformed ones: 404." example:"0193e7a1-6f0c-7d52-9d3c-3f4a5b6c7d8e"`
}

// Messages handles GET /conversations/{id}/messages.
func (h *Conversations) Messages(ctx context.Context, in *ListMessages) (*envelope.BareList[Message], error) {
	c, err := h.conversation(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if c.Channel != store.Voice {
		rows, err := h.Store.ThreadMessages(ctx, c.Org, c.ID, in.Rows())
		if err != nil {
			return nil, failed(err, "conversation")
		}
		return envelope.BareRows(in.BarePage, rows, func(m store.ThreadMessage) Message { return showThread(c.Org, m, h.Link) }), nil
	}
	rows, err := spoken(ctx, h.Calls, c)
	if err != nil {
		return nil, err
	}
	p := in.Rows()
	rows = rows[min(p.Offset, len(rows)):]
	return envelope.BareRows(in.BarePage, rows[:min(p.Limit, len(rows))], func(m Message) Message { return m }), nil
}

// spoken are the messages of a call's conversation.
func spoken(ctx context.Context, calls store.Calls, c store.Conversation) ([]Message, error) {
	call, err := calls.Call(ctx, c.Org, c.ID)
	if err != nil {
		return nil, failed(err, "conversation")
	}
	entries, err := calls.Transcript(ctx, c.Org, c.ID)
	if err != nil {
		return nil, failed(err, "conversation")
	}
	all := make([]Message, len(entries))
	for i, m := range entries {
		all[i] = showSpoken(call, m)
	}
	return all, nil
}

// PutStatus is what PUT /conversations/{id}/status asks.
type PutStatus struct {
	envelope.ID

	Body struct {
		Status store.ConversationStatus `json:"status" enum:"active,completed,escalated,failed" doc:"Where the thread stands. A call that goes on is not ended by it, and its end leaves it as it is."`
	}
}

// SetStatus handles PUT /conversations/{id}/status.
func (h *Conversations) SetStatus(ctx context.Context, in *PutStatus) (*envelope.Bare[Conversation], error) {
	return h.change(ctx, in.ID.ID, func(c *store.Conversation) error {
		c.Status = in.Body.Status
		return nil
	})
}

// PostAutoReply is what POST /conversations/{id}/autoreply asks.
type PostAutoReply struct {
	envelope.ID

	Body struct {
		Enabled bool `json:"enabled" doc:"Whether the bot answers by itself."`
	}
}

// SetAutoReply handles POST /conversations/{id}/autoreply.
func (h *Conversations) SetAutoReply(ctx context.Context, in *PostAutoReply) (*envelope.Bare[Conversation], error) {
	return h.change(ctx, in.ID.ID, func(c *store.Conversation) error {
		c.AutoReply = in.Body.Enabled
		return nil
	})
}

// change alters the conversation that a path names, and tells of it.
func (h *Conversations) change(ctx context.Context, id string, change func(*store.Conversation) error) (*envelope.Bare[Conversation], error) {
	id, err := envelope.Canonical(id, "conversation")
	if err != nil {
		return nil, err
	}
	c, err := h.Store.UpdateConversation(ctx, access.Org(ctx), id, time.Now().UTC().Truncate(time.Microsecond), change)
	if err != nil {
		return nil, failed(err, "conversation")
	}
	h.Feed.Updated(c.Org, c.ID)
	return &envelope.Bare[Conversation]{Body: ShowConversation(c)}, nil
}

// Draft is a suggested reply.
type Draft struct {
	Draft string `json:"draft" doc:"It has not been sent." example:"Your order left our warehouse this morning."`

	Remembered []string `json:"remembered,omitempty" nullable:"false" doc:"The earlier conversations with the other end that the model was told of, by their ids; absent: none. Extension."`
}

const (
	draftTime = 30 * time.Second // for whoever writes a draft
	mostTold  = 60               // messages of a thread that they are told
)

// Draft handles POST /conversations/{id}/ai-draft.
func (h *Conversations) Draft(ctx context.Context, in *envelope.ID) (*envelope.Bare[Draft], error) {
	c, err := h.conversation(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	a, err := h.Agents.Agent(ctx, c.Org, c.Agent)
	if errors.Is(err, store.ErrNotFound) {
		return nil, envelope.Bad("the conversation's bot was deleted: nobody can draft a reply")
	}
	if err != nil {
		return nil, fmt.Errorf("read agent: %w", err)
	}
	if h.Drafter == nil {
		return nil, envelope.Busy("this server has nobody who drafts replies", nil)
	}
	thread, err := h.thread(ctx, c)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, draftTime)
	defer cancel()
	written, err := h.Drafter.Draft(ctx, a, c, thread)
	switch {
	case errors.Is(err, ErrMute):
		return nil, envelope.Busy("no language model is set up, and the bot has no flow: set one of them to have replies drafted", err)
	case err != nil:
		return nil, envelope.Busy("the language model gave no reply: try again", err)
	}
	return &envelope.Bare[Draft]{Body: Draft{Draft: written.Text, Remembered: written.Remembered}}, nil
}

// thread is what a drafter is told of a conversation: its last messages.
func (h *Conversations) thread(ctx context.Context, c store.Conversation) ([]pipeline.Message, error) {
	if c.Channel != store.Voice {
		rows, err := h.Store.LastMessages(ctx, c.Org, c.ID, mostTold)
		return Told(rows), failed(err, "conversation")
	}
	all, err := spoken(ctx, h.Calls, c)
	if err != nil {
		return nil, err
	}
	var t teller
	for _, m := range all[max(0, len(all)-mostTold):] {
		t.say(m.Role, m.Content)
	}
	return t.thread, nil
}

// Told is a thread as a Drafter is told it. What has no words is told by its type.
func Told(rows []store.ThreadMessage) []pipeline.Message {
	var t teller
	for _, m := range rows {
		text := m.Content
		if text == "" {
			text = "[" + m.Type + "]"
		}
		t.say(m.Role, text)
	}
	return t.thread
}

// A teller tells a thread, turn by turn.
type teller struct {
	thread []pipeline.Message
	turn   int
}

func (t *teller) say(role, text string) {
	switch role {
	case "user":
		t.turn++
		t.thread = append(t.thread, pipeline.Message{Role: pipeline.Caller, Text: text, Turn: t.turn})
	case "assistant":
		t.thread = append(t.thread, pipeline.Message{Role: pipeline.Assistant, Text: text, Turn: t.turn})
	}
}

// PostMessage is what POST /conversations/{id}/messages asks.
type PostMessage struct {
	envelope.ID

	Body Writing
}

// Write handles POST /conversations/{id}/messages.
func (h *Conversations) Write(ctx context.Context, in *PostMessage) (*envelope.Bare[Message], error) {
	c, err := h.conversation(ctx, in.ID.ID)
	if err != nil {
		return nil, err
	}
	if err := in.Body.Check(); err != nil {
		return nil, err
	}
	switch {
	case c.Channel == store.Voice:
		return nil, envelope.Bad("the conversation is a call: say something in it with POST /api/v1/calls/{id}/commands")
	case h.Messenger == nil:
		return nil, envelope.Busy("this server serves no messaging channels", nil)
	}
	m, err := h.Messenger.Write(ctx, c, in.Body)
	if err != nil {
		return nil, failed(err, "conversation")
	}
	h.Log.InfoContext(ctx, "message written", "org", c.Org, "conversation", c.ID, "message", m.ID)
	return &envelope.Bare[Message]{Body: showThread(c.Org, m, h.Link)}, nil
}
