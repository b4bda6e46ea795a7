package inbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/control/bots"
	"parley/control/envelope"
	"parley/store"
)

// Write implements bots.Messenger: it keeps what a person has written in a thread, to be sent at once. A *envelope.Fault says why it cannot be, and
// names the field that is wrong.
func (b *Inbox) Write(ctx context.Context, c store.Conversation, w bots.Writing) (store.ThreadMessage, error) {
	if err := w.Check(); err != nil {
		return store.ThreadMessage{}, err
	}
	bot, line, err := b.lineOf(ctx, c)
	if err != nil {
		return store.ThreadMessage{}, err
	}
	details, err := b.details(ctx, c, w)
	if err != nil {
		return store.ThreadMessage{}, err
	}
	if err := b.checked(ctx, c, line, w, details); err != nil {
		return store.ThreadMessage{}, err
	}
	p := posting(bot, c, w.Wording(), store.ByHuman)
	p.Message.Type = w.Type
	if p.Message.Data, err = details.Text(); err != nil {
		return store.ThreadMessage{}, err
	}
	m, err := b.o.Store.Post(ctx, p)
	if err != nil {
		return store.ThreadMessage{}, fmt.Errorf("post message: %w", err)
	}
	b.posted(c, m.ID)
	return m, nil
}

// Letter is a message that a bot writes of its own accord, to be posted by whoever keeps why it was written.
func (b *Inbox) Letter(bot store.Bot, c store.Conversation, text string) store.Posting {
	return posting(bot, c, text, store.ByBot)
}

// Posted lets a message be seen, and sent.
func (b *Inbox) Posted(c store.Conversation, m store.ThreadMessage) { b.posted(c, m.ID) }

// Begin implements bots.Messenger: it is the conversation of a bot with somebody who is known by their number, and perhaps has never written.
func (b *Inbox) Begin(ctx context.Context, bot store.Bot, number, name string) (store.Conversation, error) {
	got, err := b.o.Store.Begin(ctx, store.Received{
		Org: bot.Org, Bot: bot.ID, Peers: []string{number}, Name: name, Message: store.ThreadMessage{Created: time.Now().UTC().Truncate(time.Microsecond)},
	})
	if err != nil {
		return store.Conversation{}, fmt.Errorf("begin conversation: %w", err)
	}
	if got.Began {
		b.o.Feed.Began(bot.Org, got.Conversation.ID)
	}
	return got.Conversation, nil
}

// lineOf is the bot of a conversation, and its way to the channel.
func (b *Inbox) lineOf(ctx context.Context, c store.Conversation) (store.Bot, Line, error) {
	bot, err := b.o.Store.Bot(ctx, c.Org, c.Bot)
	if errors.Is(err, store.ErrNotFound) {
		return bot, nil, envelope.Bad("the conversation's bot was deleted: nothing can be sent")
	}
	if err != nil {
		return bot, nil, fmt.Errorf("read bot: %w", err)
	}
	line, err := b.o.Lines.Line(bot)
	if err != nil {
		return bot, nil, envelope.Bad("the bot's channel is not set up: " + err.Error())
	}
	return bot, line, nil
}

// details are those of a writing, with what is known of its file.
func (b *Inbox) details(ctx context.Context, c store.Conversation, w bots.Writing) (bots.Details, error) {
	d := w.Details()
	if d.Media == nil || d.Media.File == "" {
		return d, nil
	}
	f, err := b.fileOf(c.Org)(ctx, d.Media.File)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return d, envelope.Wrong("media.id", "there is no such file: upload it with POST /api/v1/media")
	case errors.Is(err, errNoFiles):
		return d, envelope.Busy("this server keeps no files", nil)
	case err != nil:
		return d, err
	case f.Kind != w.Type:
		return d, envelope.Wrong("media.id", "the file is of kind "+f.Kind+": send it with that type")
	}
	d.Media.Type, d.Media.Bytes, d.Media.SHA256 = f.Type, f.Bytes, f.SHA256
	if d.Media.Filename == "" && w.Type == "document" {
		d.Media.Filename = f.Name
	}
	return d, nil
}

// checked says why a writing cannot be sent: it is nothing that the channel takes, or not any more.
func (b *Inbox) checked(ctx context.Context, c store.Conversation, line Line, w bots.Writing, d bots.Details) error {
	out := Outgoing{Type: w.Type, Text: w.Content, Details: d, File: b.fileOf(c.Org)}
	var err error
	if out.Peers, err = b.o.Store.Peers(ctx, c.Org, c.ID); err != nil {
		return fmt.Errorf("read whom to send to: %w", err)
	}
	if out.Quoted, err = b.quoted(ctx, c.Org, c.ID, d); errors.Is(err, store.ErrNotFound) {
		return envelope.Wrong("reaction.message_id", "is no message of this conversation that the channel knows")
	}
	if err != nil {
		return err
	}
	err = line.Check(ctx, out)
	if no, ok := errors.AsType[*Refusal](err); ok {
		if no.Field != "" {
			return envelope.Wrong(no.Field, no.Message)
		}
		return envelope.Bad(no.Message)
	}
	if err != nil {
		return err
	}
	if w.Type == "template" {
		return nil
	}
	return b.open(ctx, c)
}

// Open is the bot of a thread that may be written in freely now. A *envelope.Fault says why it may not be.
func (b *Inbox) Open(ctx context.Context, c store.Conversation) (store.Bot, error) {
	bot, _, err := b.lineOf(ctx, c)
	if err != nil {
		return bot, err
	}
	return bot, b.open(ctx, c)
}

// open says why nothing but templates may be written in a thread now.
func (b *Inbox) open(ctx context.Context, c store.Conversation) error {
	last, err := b.o.Store.LastReceived(ctx, c.Org, c.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("read thread: %w", err)
	}
	if time.Since(last.Created) >= Window {
		return envelope.Bad("WhatsApp takes free messages only within 24 hours of the customer's last one: wait until they write, or send a template")
	}
	return nil
}

// quoted is the channel's id of the message that a reaction is put on; empty: there is no reaction. An id that can be none of ours is the channel's.
func (b *Inbox) quoted(ctx context.Context, org, thread string, d bots.Details) (string, error) {
	if d.Reaction == nil || !bots.IsFileID(d.Reaction.Message) {
		if d.Reaction != nil {
			return d.Reaction.Message, nil
		}
		return "", nil
	}
	m, err := b.o.Store.ThreadMessage(ctx, org, thread, d.Reaction.Message)
	if err == nil && m.External == "" {
		err = store.ErrNotFound
	}
	if err != nil {
		return "", fmt.Errorf("read message: %w", err)
	}
	return m.External, nil
}
