package inbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/control/envelope"
	"parley/store"
)

// Write implements bots.Writer: it keeps what a person has written in a thread, to be sent at once. A *envelope.Fault says why it cannot be.
func (b *Inbox) Write(ctx context.Context, c store.Conversation, content string) (store.ThreadMessage, error) {
	bot, err := b.Open(ctx, c)
	if err != nil {
		return store.ThreadMessage{}, err
	}
	m, err := b.o.Store.Post(ctx, posting(bot, c, content, store.ByHuman))
	if err != nil {
		return store.ThreadMessage{}, fmt.Errorf("post message: %w", err)
	}
	b.Posted(c, m)
	return m, nil
}

// Open is the bot of a thread that may be written in freely now. A *envelope.Fault says why it may not be.
func (b *Inbox) Open(ctx context.Context, c store.Conversation) (store.Bot, error) {
	bot, err := b.o.Store.Bot(ctx, c.Org, c.Bot)
	if errors.Is(err, store.ErrNotFound) {
		return bot, envelope.Bad("the conversation's bot was deleted: nothing can be sent")
	}
	if err != nil {
		return bot, fmt.Errorf("read bot: %w", err)
	}
	if _, err := b.o.Lines.Line(bot); err != nil {
		return bot, envelope.Bad("the bot's channel is not set up: " + err.Error())
	}
	last, err := b.o.Store.LastReceived(ctx, c.Org, c.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return bot, fmt.Errorf("read thread: %w", err)
	}
	if time.Since(last.Created) >= Window {
		return bot, envelope.Bad("WhatsApp takes free messages only within 24 hours of the customer's last one: wait until they write, or send a template")
	}
	return bot, nil
}

// Letter is a message that a bot writes of its own accord, to be posted by whoever keeps why it was written.
func (b *Inbox) Letter(bot store.Bot, c store.Conversation, text string) store.Posting {
	return posting(bot, c, text, store.ByBot)
}

// posting is a message of ours, to be sent at once.
func posting(bot store.Bot, c store.Conversation, content, author string) store.Posting {
	now := time.Now().UTC().Truncate(time.Microsecond)
	return store.Posting{
		Org: c.Org,
		Message: store.ThreadMessage{
			ID: store.NewID(), Conversation: c.ID, Role: "assistant", Content: content, Type: "text", Tokens: -1, Author: author, Status: store.MessagePending, Created: now,
		},
		Job: store.Job{ID: store.NewID(), Bot: bot.ID, Due: now},
	}
}

// Posted lets a message be seen, and sent.
func (b *Inbox) Posted(c store.Conversation, m store.ThreadMessage) {
	b.o.Feed.Wrote(c.Org, c.ID, m.ID)
	b.rouse(store.SendJob)
}

// send sends a message of ours.
func (b *Inbox) send(ctx context.Context, j store.Job) {
	m, err := b.o.Store.ThreadMessage(ctx, j.Org, j.Thread, j.Key)
	switch {
	case errors.Is(err, store.ErrNotFound):
		b.end(ctx, j, "the message is gone")
		return
	case err != nil:
		b.unsent(ctx, j, later(err))
		return
	case m.External != "" || m.Status != store.MessagePending:
		b.sent(ctx, j, "", "")
		return
	case j.Tries > j.Settled+1:
		b.sent(ctx, j, "", "the server stopped while it was being sent: it may have been sent")
		return
	}
	line, out, err := b.outgoing(ctx, j, m)
	if errors.Is(err, store.ErrUnavailable) || err != nil && ctx.Err() != nil {
		b.unsent(ctx, j, later(err))
		return
	}
	id := ""
	if err == nil {
		out.Note = b.spoken(ctx, j, m)
		id, err = line.Send(ctx, out)
	}
	if errors.Is(err, ErrNoNotes) {
		out.Note = nil
		id, err = line.Send(ctx, out)
	}
	if err == nil {
		b.sent(ctx, j, id, "")
		return
	}
	b.unsent(ctx, j, refusalOf(err))
}

// later is of what is no word of the channel's: nothing was sent, and may be when it has passed.
func later(err error) *Refusal { return &Refusal{Message: err.Error(), Again: true} }

// unsent puts a message off that may be sent later, also one that was given up because all has to end; else it has failed.
func (b *Inbox) unsent(ctx context.Context, j store.Job, no *Refusal) {
	if no.Again && j.Settled+1 < mostTries {
		b.o.Log.Warn("a message waits", "org", j.Org, "bot", j.Bot, "message", j.Key, "reason", no.Message)
		wait := max(no.After, min(time.Second<<(2*j.Settled), 10*time.Minute))
		ctx, cancel := settling(ctx)
		defer cancel()
		if err := b.o.Store.PutOffJob(ctx, j, time.Now().Add(wait)); err != nil && !errors.Is(err, store.ErrConflict) {
			b.o.Log.Warn("a message is not put off", "message", j.Key, "error", err)
		}
		return
	}
	why := no.Message
	if no.Unsure {
		why += ": it may have been sent"
	}
	b.sent(ctx, j, "", why)
}

// outgoing is a message as it is sent, and by what.
func (b *Inbox) outgoing(ctx context.Context, j store.Job, m store.ThreadMessage) (line Line, out Outgoing, err error) {
	bot, err := b.o.Store.Bot(ctx, j.Org, j.Bot)
	if err != nil {
		return nil, out, fmt.Errorf("read bot: %w", err)
	}
	if line, err = b.o.Lines.Line(bot); err != nil {
		return nil, out, err
	}
	out = Outgoing{Tag: m.ID, Text: m.Content}
	if out.Peers, err = b.o.Store.Peers(ctx, j.Org, j.Thread); err != nil {
		return nil, out, fmt.Errorf("read whom to send to: %w", err)
	}
	last, err := b.o.Store.LastReceived(ctx, j.Org, j.Thread)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, out, fmt.Errorf("read thread: %w", err)
	}
	out.Last = last.Created
	if m.Author == store.ByHuman && last.External != "" { // who answers has read
		if err := line.Seen(ctx, last.External, false); err != nil {
			b.o.Log.Debug("a message is not marked as read", "message", last.ID, "error", err)
		}
	}
	return line, out, nil
}

// sent keeps what became of a message: its id on the channel, or why there is none.
func (b *Inbox) sent(ctx context.Context, j store.Job, external, failure string) {
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		err := b.note(ctx, j, external, failure)
		if err == nil {
			break
		}
		if !errors.Is(err, store.ErrUnavailable) || ctx.Err() != nil {
			b.o.Log.Error("what became of a message is not written down", "message", j.Key, "external", external, "error", err)
			return
		}
		again := time.NewTimer(pause)
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
		}
	}
	if failure != "" {
		b.o.Log.WarnContext(ctx, "message not sent", "org", j.Org, "bot", j.Bot, "conversation", j.Thread, "message", j.Key, "reason", failure)
	} else if external != "" {
		b.o.Log.InfoContext(ctx, "message sent", "org", j.Org, "bot", j.Bot, "conversation", j.Thread, "message", j.Key)
	}
	b.o.Feed.Changed(j.Org, j.Thread, j.Key)
}

// note writes down what became of a message, also of one that was given up.
func (b *Inbox) note(ctx context.Context, j store.Job, external, failure string) error {
	ctx, cancel := settling(ctx)
	defer cancel()
	return b.o.Store.Sent(ctx, j, external, failure, time.Now())
}
