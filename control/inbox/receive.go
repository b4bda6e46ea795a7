package inbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"parley/control/bots"
	"parley/store"
)

// event works off what a webhook has brought.
func (b *Inbox) event(ctx context.Context, j store.Job) {
	bot, err := b.o.Store.Bot(ctx, j.Org, j.Bot)
	if errors.Is(err, store.ErrNotFound) {
		b.end(ctx, j, "the bot is gone")
		return
	}
	var line Line
	if err == nil {
		line, err = b.o.Lines.Line(bot)
	}
	if err != nil {
		b.postpone(ctx, j, err)
		return
	}
	query, body, _ := strings.Cut(j.Body, "\n") // see keep
	events, err := line.Read(query, []byte(body))
	if err != nil {
		b.end(ctx, j, err.Error())
		return
	}
	for i, e := range events {
		if e.Message != nil {
			e.Message.Sent = ordered(e.Message.Sent, j, i)
		}
		if err := b.happen(ctx, bot, e); err != nil {
			b.postpone(ctx, j, err)
			return
		}
	}
	b.end(ctx, j, "")
}

// fresh is how late a webhook may be for its message to be as old as the webhook: the clocks of channels have whole seconds alone.
const fresh = 2 * time.Second

// ordered is when a message was written, told apart from others of the same second by which webhook it came with and its place there: webhooks are
// worked off at once, and in no order.
func ordered(at time.Time, j store.Job, place int) time.Time {
	const places = 10
	place = min(place, places-1)
	switch late := j.Created.Sub(at); {
	case at.Nanosecond() != 0:
		return at
	case at.IsZero(), late >= 0 && late < fresh: // of Twilio's, nothing else is known
		return j.Created.Add(time.Duration(place) * time.Microsecond)
	}
	return at.Add(time.Duration(j.Number%(1e6/places)*places+int64(place)) * time.Microsecond)
}

// happen lets an event have its effect, which it has once.
func (b *Inbox) happen(ctx context.Context, bot store.Bot, e Event) error {
	bot, err := b.addressee(ctx, bot, e.At)
	if err != nil || bot.ID == "" {
		return err
	}
	switch {
	case e.Message != nil:
		return b.receive(ctx, bot, *e.Message)
	case e.Receipt != nil:
		return b.receipt(ctx, bot, *e.Receipt)
	}
	return nil
}

// addressee is the bot of our end of an event: the one that the webhook came for, or another of its organisation. Without an id: there is none.
func (b *Inbox) addressee(ctx context.Context, bot store.Bot, at string) (store.Bot, error) {
	if at == "" || bots.ChannelOf(bot).Is(at) {
		return bot, nil
	}
	for p := (store.Page{Limit: 500}); ; p.Offset += p.Limit {
		all, err := b.o.Store.Bots(ctx, bot.Org, p)
		if err != nil {
			return store.Bot{}, fmt.Errorf("look for the bot of %s: %w", at, err)
		}
		for _, other := range all {
			if bots.ChannelOf(other).Is(at) {
				return other, nil
			}
		}
		if len(all) < p.Limit {
			b.o.Log.Warn("a webhook tells of a number that no bot has", "org", bot.Org, "bot", bot.ID, "number", at)
			return store.Bot{}, nil
		}
	}
}

// receive keeps somebody's message.
func (b *Inbox) receive(ctx context.Context, bot store.Bot, m Incoming) error {
	now := time.Now().UTC().Truncate(time.Microsecond)
	at := m.Sent.UTC().Truncate(time.Microsecond)
	if m.Sent.IsZero() || at.After(now.Add(time.Second)) {
		at = now
	}
	r := store.Received{
		Org: bot.Org, Bot: bot.ID, Peers: m.Peers, Name: m.Name,
		Message: store.ThreadMessage{
			ID: store.NewID(), Role: "user", Content: m.Text, Type: m.Type, Tokens: -1, Author: store.ByCustomer, External: m.ID, Data: m.Data, Created: at,
		},
	}
	r.Fetch = m.File && b.o.Files != nil
	r.Hear = m.Voice && m.Text == "" && bot.Type == store.WhatsAppVoiceBot && b.o.Voice != nil
	if !m.Quiet && bot.Active && b.o.Drafter != nil && now.Sub(at) < Window {
		r.Reply, r.Latest = now.Add(b.t.Pause), now.Add(b.t.Burst)
	}
	got, err := b.o.Store.Receive(ctx, r)
	if err != nil {
		return fmt.Errorf("receive message: %w", err)
	}
	if got.Began {
		b.o.Feed.Began(bot.Org, got.Conversation.ID)
	}
	if got.Fresh {
		if r.Fetch {
			b.rouse(store.FetchJob)
		}
		b.o.Feed.Wrote(bot.Org, got.Conversation.ID, got.Message)
		b.o.Log.InfoContext(ctx, "message received", "org", bot.Org, "bot", bot.ID, "conversation", got.Conversation.ID, "type", m.Type)
	}
	return nil
}

// receipt keeps how far a message of ours has come.
func (b *Inbox) receipt(ctx context.Context, bot store.Bot, r Receipt) error {
	conversation, message, err := b.o.Store.Receipted(ctx, store.Receipt{
		Org: bot.Org, Bot: bot.ID, External: r.ID, Message: r.Tag, Status: r.Status, Error: r.Error, At: r.At,
	})
	if err != nil {
		return fmt.Errorf("keep receipt: %w", err)
	}
	if message != "" {
		b.o.Feed.Changed(bot.Org, conversation, message)
	}
	return nil
}
