package inbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"parley/control/bots"
	"parley/store"
)

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

// posted lets messages be seen, and sent.
func (b *Inbox) posted(c store.Conversation, messages ...string) {
	for _, id := range messages {
		b.o.Feed.Wrote(c.Org, c.ID, id)
	}
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
		out.Note = b.spoken(ctx, j, m, out.Details)
		id, err = line.Send(ctx, out)
	}
	if errors.Is(err, ErrNoNotes) {
		out.Note = nil
		id, err = line.Send(ctx, out)
	}
	switch {
	case err == nil:
		b.sent(ctx, j, id, "")
		return
	case errors.Is(err, store.ErrUnavailable): // a file of it could not be found: nothing was sent
		err = later(err)
	}
	b.unsent(ctx, j, refusalOf(err))
}

// later is of what is no word of the channel's: nothing was sent, and may be when it has passed.
func later(err error) *Refusal { return &Refusal{Message: err.Error(), Again: true} }

// mostWait is how long a message waits at most until it is tried again: those after it in its thread wait, too, and an answer of yesterday answers
// nothing.
const mostWait = 15 * time.Minute

// unsent puts a message off that may be sent soon, also one that was given up because all has to end; else it has failed.
func (b *Inbox) unsent(ctx context.Context, j store.Job, no *Refusal) {
	if no.Again && no.After <= mostWait && j.Settled+1 < mostTries {
		b.o.Log.Warn("a message waits", "org", j.Org, "bot", j.Bot, "message", j.Key, "reason", no.Error())
		b.o.Observe.settled(j, jobPutOff)
		wait := max(no.After, min(time.Second<<(2*j.Settled), 10*time.Minute))
		ctx, cancel := settling(ctx)
		defer cancel()
		if err := b.o.Store.PutOffJob(ctx, j, time.Now().Add(wait)); err != nil && !errors.Is(err, store.ErrConflict) {
			b.o.Log.Warn("a message is not put off", "message", j.Key, "error", err)
		}
		return
	}
	why := no.Error()
	switch {
	case no.Unsure:
		why += ": it may have been sent"
	case no.Again && no.After > mostWait:
		why += fmt.Sprintf(": it can be sent in %v at the earliest", no.After)
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
	if out, err = b.saying(ctx, j, m); err != nil {
		return nil, out, err
	}
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

// saying is what a message says.
func (b *Inbox) saying(ctx context.Context, j store.Job, m store.ThreadMessage) (out Outgoing, err error) {
	out = Outgoing{Tag: m.ID, Type: m.Type, Text: m.Content, File: b.fileOf(j.Org)}
	if out.Details, err = bots.ReadDetails(m.Data); err != nil {
		return out, err
	}
	switch {
	case m.Type == noteType && out.Details.Media == nil: // until it is spoken
		out.Type = "text"
	case m.Type != "text" && !slices.Contains(bots.FileTypes, m.Type): // its content is for those who read the thread
		out.Text = ""
	}
	out.Quoted, err = b.quoted(ctx, j.Org, j.Thread, out.Details)
	return out, err
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
	b.o.Observe.settled(j, failedOr(failure))
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
