package inbox

import (
	"context"
	"encoding/json"
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
	q, err := b.unanswered(ctx, j)
	switch {
	case errors.Is(err, errAnswered), errors.Is(err, store.ErrNotFound):
		b.end(ctx, j, "")
		return
	case err != nil:
		b.postpone(ctx, j, err)
		return
	}
	last := q.thread[len(q.thread)-1]
	b.typing(ctx, q.bot, last)
	written, err := b.answer(ctx, q)
	if errors.Is(err, bots.ErrMute) {
		b.end(ctx, j, "the bot has neither a language model nor a flow")
		return
	}
	if err != nil {
		b.postpone(ctx, j, err)
		return
	}
	kind := "text"
	if last.Type == noteType && q.bot.Type == store.WhatsAppVoiceBot && b.o.Voice != nil { // as we are spoken to
		kind = noteType
	}
	p, ids := b.answering(q.bot, q.conversation, written, kind)
	p.After, p.Answers = q.after, &j
	_, err = b.o.Store.Post(ctx, p)
	switch {
	case errors.Is(err, store.ErrConflict):
		b.anew(ctx, j)
	case err != nil:
		b.postpone(ctx, j, err)
	default:
		b.o.Observe.settled(j, jobDone)
		b.o.Observe.answered(time.Since(last.Created))
		b.posted(q.conversation, ids...)
	}
}

// answering is what a bot says, in as many messages as its channel wants, and the ids of these.
func (b *Inbox) answering(bot store.Bot, c store.Conversation, written bots.Drafted, kind string) (p store.Posting, ids []string) {
	longest := 0
	if line, err := b.o.Lines.Line(bot); err == nil { // else the message tells why it is not sent
		longest = line.Longest()
	}
	for i, part := range cut(written.Text, longest) {
		one := posting(bot, c, part, store.ByBot)
		one.Message.Type, one.Message.Data = kind, remembered(written.Remembered)
		ids = append(ids, one.Message.ID)
		if i == 0 {
			p = one
			continue
		}
		one.Message.Created = p.Message.Created.Add(time.Duration(i) * time.Microsecond)
		p.More = append(p.More, one)
	}
	return p, ids
}

// A question is a thread that waits for an answer of a bot's.
type question struct {
	conversation store.Conversation
	bot          store.Bot
	thread       []store.ThreadMessage // what waits comes last
	after        string                // the thread's last message, as it is kept
}

// anew has a thread that has gone on looked at once more: whoever wrote may wait for an answer to all of it, or have taken the thread over. That
// nothing came of the answer is no failure.
func (b *Inbox) anew(ctx context.Context, j store.Job) {
	err := b.o.Store.GiveBackJob(ctx, j, time.Now())
	if err != nil && !errors.Is(err, store.ErrConflict) {
		b.o.Log.Warn("a job of the inbox is not settled: it will be done again", "job", j.ID, "kind", j.Kind, "error", err)
	}
	b.rouse(store.ReplyJob)
}

// errAnswered says that a thread waits for no answer of the bot's.
var errAnswered = errors.New("nobody waits for an answer")

// unanswered reads the thread that is to be answered.
func (b *Inbox) unanswered(ctx context.Context, j store.Job) (q question, err error) {
	if q.conversation, err = b.o.Store.Conversation(ctx, j.Org, j.Key); err != nil {
		return q, fmt.Errorf("read conversation: %w", err)
	}
	if q.bot, err = b.o.Store.Bot(ctx, j.Org, j.Bot); err != nil {
		return q, fmt.Errorf("read bot: %w", err)
	}
	if q.thread, err = b.o.Store.LastMessages(ctx, j.Org, j.Key, mostTold); err != nil {
		return q, fmt.Errorf("read thread: %w", err)
	}
	c, n := q.conversation, len(q.thread)
	if !c.AutoReply || c.Status == store.ConversationEscalated || !q.bot.Active || n == 0 {
		return q, errAnswered
	}
	q.after = q.thread[n-1].ID
	if q.thread = waitingLast(q.thread); q.thread[n-1].Role != "user" || time.Since(q.thread[n-1].Created) >= Window {
		return q, errAnswered
	}
	return q, nil
}

// waitingLast is a thread in which all that came in after our last message comes after it: a webhook that was late brings what was written before
// it, and what nobody has answered.
func waitingLast(thread []store.ThreadMessage) []store.ThreadMessage {
	ours := int64(0)
	for _, m := range thread {
		if m.Role != "user" {
			ours = max(ours, m.Number)
		}
	}
	var before, after []store.ThreadMessage
	for _, m := range thread {
		if m.Role == "user" && m.Number > ours {
			after = append(after, m)
		} else {
			before = append(before, m)
		}
	}
	return append(before, after...)
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
func (b *Inbox) answer(ctx context.Context, q question) (bots.Drafted, error) {
	a, err := b.o.Store.Agent(ctx, q.conversation.Org, q.conversation.Agent)
	if err != nil {
		return bots.Drafted{}, fmt.Errorf("read agent: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, draftTime)
	defer cancel()
	return b.o.Drafter.Draft(ctx, a, q.conversation, bots.Told(q.thread))
}

// remembered says with a message of which earlier conversations its writer was told; empty: of none.
func remembered(ids []string) string {
	if len(ids) == 0 {
		return ""
	}
	text, err := json.Marshal(map[string][]string{"remembered": ids})
	if err != nil {
		panic("ids are no JSON: " + err.Error()) // they are texts
	}
	return string(text)
}
