// Package bots serves the contracts of bots and conversations: agents bound to a channel, and the threads that people have with them.
//
//	HTTP ──▶ control.routes ──▶ Bots.List, Create, Get, Update, Toggle, Delete ──▶ store.Bots ──▶ Changed (the directory reads anew)
//	                        ──▶ Bots.Verify ──▶ Prober ──▶ the channel itself
//	                        ──▶ Conversations.List, Get, Messages ──▶ store.Conversations, store.Calls
//	                        ──▶ Conversations.SetStatus, SetAutoReply ──▶ store ──▶ Feed
//	                        ──▶ Conversations.Draft ──▶ Drafter ──▶ the agent's model, or its flow
//	                        ──▶ Conversations.Write, Bots.Channel ──▶ Messenger ──▶ the bot's channel
//	records ──▶ Feed.Recorded ──▶ ( bus ) ──▶ Feed's hub of an organisation ──▶ Sockets.Serve (JWT, session, key) ──▶ dashboards
//
// Its types are the contract, as those of control/voice are: huma makes the checks and the description from their tags. There is no envelope.
// A bot is seen among the agents too, and its prompt and whether it is active are its agent's.
//
// A call of an agent that a bot is bound to is a conversation: store.Recorder writes it with the call, under the call's id, so that it
// survives whatever the call does; its messages are the call's transcript.
//
// botstest has both pages as data. The tests are driven by it, and, where shared/ is at hand, it is compared with the pages themselves.
package bots

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"parley/control/access"
	"parley/control/envelope"
	"parley/control/traits"
	"parley/store"
)

// A House is the server that agents answer on: a voice.House.
type House interface {
	Check(a store.Agent) []traits.Finding
}

// Rows are what the handlers of bots read and write.
type Rows interface {
	store.Bots
	Threads
}

// Threads are conversations and what was written in them.
type Threads interface {
	store.Conversations
	ThreadMessage(ctx context.Context, org, conversation, id string) (store.ThreadMessage, error)
	LastMessages(ctx context.Context, org, conversation string, most int) ([]store.ThreadMessage, error)
}

// Bots handles /bots.
type Bots struct {
	Store     store.Bots
	Agents    store.Agents
	Numbers   store.Numbers
	House     House                     // knows which flows can be used here; nil: what can be said anywhere is checked
	Prober    Prober                    // asks carriers; nil: nobody does
	Messenger Messenger                 // serves channels; nil: nobody does
	Changed   func(ctx context.Context) // called after each change; may be nil
	Log       *slog.Logger
}

// List handles GET /bots.
func (h *Bots) List(ctx context.Context, in *envelope.BarePage) (*envelope.BareList[Bot], error) {
	rows, err := h.Store.Bots(ctx, access.Org(ctx), in.Rows())
	if err != nil {
		return nil, fmt.Errorf("list bots: %w", err)
	}
	return envelope.BareRows(*in, rows, Show), nil
}

// Get handles GET /bots/{id}.
func (h *Bots) Get(ctx context.Context, in *envelope.ID) (*envelope.Bare[Bot], error) {
	b, err := h.bot(ctx, in.ID)
	return answer(b, err)
}

// bot reads the bot that a path names.
func (h *Bots) bot(ctx context.Context, id string) (store.Bot, error) {
	id, err := envelope.Canonical(id, "bot")
	if err != nil {
		return store.Bot{}, err
	}
	b, err := h.Store.Bot(ctx, access.Org(ctx), id)
	return b, failed(err, "bot")
}

// answer shows one bot.
func answer(b store.Bot, err error) (*envelope.Bare[Bot], error) {
	if err != nil {
		return nil, err
	}
	return &envelope.Bare[Bot]{Body: Show(b)}, nil
}

// CreateBot is what POST /bots asks.
type CreateBot struct {
	envelope.Strict

	Body BotCreate
}

// Create handles POST /bots.
func (h *Bots) Create(ctx context.Context, in *CreateBot) (*envelope.Bare[Bot], error) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	b := store.Bot{
		ID: store.NewID(), Org: access.Org(ctx), Name: in.Body.Name, Type: in.Body.Type, SystemPrompt: in.Body.SystemPrompt, Config: string(in.Body.Config),
		Created: now,
	}
	if err := h.configure(ctx, &b, Config{}); err != nil {
		return nil, err
	}
	b, err := h.Store.CreateBot(ctx, b)
	if err != nil {
		return nil, failed(err, "bot")
	}
	h.Log.InfoContext(ctx, "bot made", "org", b.Org, "bot", b.ID, "type", b.Type)
	h.changed(ctx)
	return answer(b, nil)
}

// configure makes of a bot's config what it says of agent, numbers and flow; before is what it said until now.
func (h *Bots) configure(ctx context.Context, b *store.Bot, before Config) error {
	c := readConfig(Object(b.Config))
	bad := map[string]string{}
	if c.Agent != "" && b.Agent != c.Agent {
		a, err := h.Agents.Agent(ctx, b.Org, c.Agent)
		switch {
		case errors.Is(err, store.ErrNotFound):
			bad["config.agent_id"] = "is no agent of the organisation"
		case err != nil:
			return fmt.Errorf("read agent: %w", err)
		}
		b.Agent, b.Settings = c.Agent, a.Settings
	}
	b.Numbers = c.Numbers
	for i, e164 := range c.Numbers {
		switch _, err := h.Numbers.Number(ctx, b.Org, e164); {
		case errors.Is(err, store.ErrNotFound):
			bad[fmt.Sprintf("config.numbers[%d]", i)] = "is no phone number of the organisation: add it with POST /numbers first"
		case err != nil:
			return fmt.Errorf("read number: %w", err)
		}
	}
	if len(c.Numbers) > 0 && !b.Type.Takes(store.Inbound) {
		bad["config.numbers"] = "is for bots that answer calls: inbound_call and ivr"
	}
	wrong, err := h.script(b, c, before)
	maps.Copy(bad, wrong)
	if err != nil {
		return err
	}
	return invalid(bad)
}

// UpdateBot is what PUT /bots/{id} asks.
type UpdateBot struct {
	envelope.ID

	Body BotPut
}

// Update handles PUT /bots/{id}: what is left out stays.
func (h *Bots) Update(ctx context.Context, in *UpdateBot) (*envelope.Bare[Bot], error) {
	if !in.Body.Name.Set && !in.Body.SystemPrompt.Set && !in.Body.Config.Set {
		return nil, envelope.Bad("nothing to update: give at least one of name, system_prompt, config")
	}
	was, err := h.bot(ctx, in.ID.ID)
	if err != nil {
		return nil, err
	}
	next := was
	if in.Body.Config.Set {
		next.Config = string(in.Body.Config.Value)
		if err := h.configure(ctx, &next, readConfig(Object(was.Config))); err != nil {
			return nil, err
		}
	}
	return h.change(ctx, was.ID, func(b *store.Bot) error {
		if in.Body.Config.Set {
			if b.Config != was.Config || b.Settings != was.Settings || b.Agent != was.Agent {
				return envelope.Busy("somebody else has just changed the bot: try again", nil)
			}
			b.Config, b.Numbers, b.Agent, b.Settings = next.Config, next.Numbers, next.Agent, next.Settings
		}
		if in.Body.Name.Set {
			b.Name = in.Body.Name.Value
		}
		if in.Body.SystemPrompt.Set {
			b.SystemPrompt = in.Body.SystemPrompt.Value
		}
		return nil
	})
}

// Toggle handles POST /bots/{id}/toggle.
func (h *Bots) Toggle(ctx context.Context, in *envelope.ID) (*envelope.Bare[Bot], error) {
	return h.change(ctx, in.ID, func(b *store.Bot) error {
		if !b.Active && mute(*b) {
			return envelope.Bad(noMenu + ": " + giveMenu)
		}
		b.Active = !b.Active
		return nil
	})
}

// change alters the bot that a path names.
func (h *Bots) change(ctx context.Context, id string, change func(*store.Bot) error) (*envelope.Bare[Bot], error) {
	id, err := envelope.Canonical(id, "bot")
	if err != nil {
		return nil, err
	}
	b, err := h.Store.UpdateBot(ctx, access.Org(ctx), id, time.Now().UTC().Truncate(time.Microsecond), change)
	if err != nil {
		return nil, failed(err, "bot")
	}
	h.Log.InfoContext(ctx, "bot changed", "org", b.Org, "bot", b.ID, "active", b.Active)
	h.changed(ctx)
	return answer(b, nil)
}

// DeletedBot says what is gone.
type DeletedBot struct {
	ID      string `json:"id" format:"uuid"`
	Deleted bool   `json:"deleted" example:"true"`
}

// Delete handles DELETE /bots/{id}.
func (h *Bots) Delete(ctx context.Context, in *envelope.ID) (*envelope.Bare[DeletedBot], error) {
	id, err := envelope.Canonical(in.ID, "bot")
	if err != nil {
		return nil, err
	}
	err = h.Store.DeleteBot(ctx, access.Org(ctx), id, time.Now().UTC().Truncate(time.Microsecond))
	if errors.Is(err, store.ErrConflict) {
		fault := envelope.Bad("the bot's agent has active tasks: let them end, or delete them first")
		fault.Cause = err
		return nil, fault
	}
	if err != nil {
		return nil, failed(err, "bot")
	}
	h.Log.InfoContext(ctx, "bot deleted", "org", access.Org(ctx), "bot", id)
	h.changed(ctx)
	return &envelope.Bare[DeletedBot]{Body: DeletedBot{ID: id, Deleted: true}}, nil
}

func (h *Bots) changed(ctx context.Context) {
	if h.Changed != nil {
		h.Changed(ctx)
	}
}

// invalid refuses a request for fields, each with what is wrong with it; nil if there are none.
func invalid(bad map[string]string) error {
	if len(bad) == 0 {
		return nil
	}
	f := envelope.Bad("validation failed")
	f.Details = bad
	return f
}

// failed names what was not found, and passes on what else went wrong.
func failed(err error, noun string) error {
	var f *envelope.Fault
	switch {
	case err == nil:
		return nil
	case errors.As(err, &f):
		return f
	case errors.Is(err, store.ErrNotFound):
		return envelope.Missing("no such " + noun)
	}
	return fmt.Errorf("%s: %w", noun, err)
}
