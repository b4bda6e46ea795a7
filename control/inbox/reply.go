package inbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/control/bots"
	"parley/store"
)

const (
	draftTime = 45 * time.Second // for whoever writes an answer
	mostTold  = 60               // messages of a thread that they are told
)

// reply has a bot answer a thread, once for all that was written since it was answered last. If more is written meanwhile, or a person has
// taken the thread over, the answer is not sent.
func (b *Inbox) reply(ctx context.Context, j store.Job) {
	c, bot, thread, err := b.unanswered(ctx, j)
	switch {
	case errors.Is(err, errAnswered), errors.Is(err, store.ErrNotFound):
		b.end(ctx, j, "")
		return
	case err != nil:
		b.postpone(ctx, j, err)
		return
	}
	last := thread[len(thread)-1]
	b.typing(ctx, bot, last)
	text, err := b.answer(ctx, c, thread)
	if errors.Is(err, bots.ErrMute) {
		b.end(ctx, j, "the bot has neither a language model nor a flow")
		return
	}
	if err != nil {
		b.postpone(ctx, j, err)
		return
	}
	p := posting(bot, c, text, store.ByBot)
	if last.Type == noteType && bot.Type == store.WhatsAppVoiceBot && b.o.Voice != nil { // as we are spoken to
		p.Message.Type = noteType
	}
	p.After, p.Answers = last.ID, &j
	m, err := b.o.Store.Post(ctx, p)
	switch {
	case errors.Is(err, store.ErrConflict):
		b.anew(ctx, j)
	case err != nil:
		b.postpone(ctx, j, err)
	default:
		b.Posted(c, m)
	}
}

// anew has a thread that has gone on looked at once more: whoever wrote may wait for an answer to all of it, or have taken the thread over.
func (b *Inbox) anew(ctx context.Context, j store.Job) {
	err := b.o.Store.PutOffJob(ctx, j, time.Now())
	if err != nil && !errors.Is(err, store.ErrConflict) {
		b.o.Log.Warn("a job of the inbox is not settled: it will be done again", "job", j.ID, "kind", j.Kind, "error", err)
	}
	b.rouse(store.ReplyJob)
}

// errAnswered says that a thread waits for no answer of the bot's.
var errAnswered = errors.New("nobody waits for an answer")

// unanswered reads the thread that is to be answered.
func (b *Inbox) unanswered(ctx context.Context, j store.Job) (c store.Conversation, bot store.Bot, thread []store.ThreadMessage, err error) {
	if c, err = b.o.Store.Conversation(ctx, j.Org, j.Key); err != nil {
		return c, bot, nil, fmt.Errorf("read conversation: %w", err)
	}
	if bot, err = b.o.Store.Bot(ctx, j.Org, j.Bot); err != nil {
		return c, bot, nil, fmt.Errorf("read bot: %w", err)
	}
	if thread, err = b.o.Store.LastMessages(ctx, j.Org, j.Key, mostTold); err != nil {
		return c, bot, nil, fmt.Errorf("read thread: %w", err)
	}
	switch {
	case !c.AutoReply, c.Status == store.ConversationEscalated, !bot.Active, len(thread) == 0:
		return c, bot, nil, errAnswered
	case thread[len(thread)-1].Role != "user", time.Since(thread[len(thread)-1].Created) >= Window:
		return c, bot, nil, errAnswered
	}
	return c, bot, thread, nil
}

// typing shows somebody that their message was read and is being answered. That it fails harms nobody.
func (b *Inbox) typing(ctx context.Context, bot store.Bot, m store.ThreadMessage) {
	line, err := b.o.Lines.Line(bot)
	if err == nil && m.External != "" {
		err = line.Seen(ctx, m.External, true)
	}
	if err != nil {
		b.o.Log.DebugContext(ctx, "a message is not marked as read", "message", m.ID, "error", err)
	}
}

// answer writes what the bot says.
func (b *Inbox) answer(ctx context.Context, c store.Conversation, thread []store.ThreadMessage) (string, error) {
	a, err := b.o.Store.Agent(ctx, c.Org, c.Agent)
	if err != nil {
		return "", fmt.Errorf("read agent: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, draftTime)
	defer cancel()
	return b.o.Drafter.Draft(ctx, a, bots.Told(thread))
}
