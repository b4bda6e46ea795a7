package inbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"parley/control/bots"
	"parley/store"
)

// A Voice hears and speaks voice notes, as an agent would on the telephone.
type Voice interface {
	// Hear is what was said in a voice note, Ogg with Opus; empty: nothing was understood.
	Hear(ctx context.Context, a store.Agent, note []byte) (string, error)
	// Say makes a voice note.
	Say(ctx context.Context, a store.Agent, text string) (note []byte, err error)
}

const (
	noteType = "audio"         // of messages
	hearTime = 9 * time.Minute // for fetching and hearing one: less than the lease
	sayTime  = time.Minute
)

// hear puts a voice note into words. One that cannot be heard is answered all the same: whoever answers is told that it came.
func (b *Inbox) hear(ctx context.Context, j store.Job) {
	ctx, cancel := context.WithTimeout(ctx, hearTime)
	defer cancel()
	text, err := b.words(ctx, j)
	switch {
	case errors.Is(err, store.ErrNotFound):
		b.end(ctx, j, "the message or its bot is gone")
		return
	case err != nil && j.Settled+1 < mostHearings:
		b.postpone(ctx, j, err)
		return
	case err != nil:
		b.o.Log.Error("a voice note is not put into words", "org", j.Org, "bot", j.Bot, "message", j.Key, "error", err)
	}
	now, t := time.Now(), tellingOf(text, err)
	err = b.o.Store.Heard(ctx, store.Words{Org: j.Org, Job: j, Text: text, Summary: t.Summary, Failure: t.Failure, Reply: now.Add(b.t.Pause), Latest: now.Add(b.t.Burst)})
	switch {
	case errors.Is(err, store.ErrConflict): // it is another node's by now
	case err != nil:
		b.postpone(ctx, j, err)
	default:
		b.o.Observe.settled(j, jobDone)
		b.o.Feed.Changed(j.Org, j.Thread, j.Key)
	}
}

// mostHearings is how often it is tried to put a voice note into words.
const mostHearings = 4

func (b *Inbox) words(ctx context.Context, j store.Job) (string, error) {
	m, err := b.o.Store.ThreadMessage(ctx, j.Org, j.Thread, j.Key)
	if err != nil || m.Content != "" {
		return m.Content, err
	}
	bot, err := b.o.Store.Bot(ctx, j.Org, j.Bot)
	if err != nil {
		return "", fmt.Errorf("read bot: %w", err)
	}
	a, err := b.o.Store.Agent(ctx, j.Org, bot.Agent)
	if err != nil {
		return "", fmt.Errorf("read agent: %w", err)
	}
	line, err := b.o.Lines.Line(bot)
	if err != nil {
		return "", err
	}
	var note bytes.Buffer
	if err := line.Fetch(ctx, m.Type, m.Data, &note); err != nil {
		return "", fmt.Errorf("fetch voice note: %w", err)
	}
	return b.o.Voice.Hear(ctx, a, note.Bytes())
}

// spoken is a message as a voice note; nil if it is none, or its words have to do.
func (b *Inbox) spoken(ctx context.Context, j store.Job, m store.ThreadMessage, d bots.Details) []byte {
	if m.Type != noteType || d.Media != nil || b.o.Voice == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, sayTime)
	defer cancel()
	note, err := b.say(ctx, j, m.Content)
	if err != nil {
		b.o.Log.Warn("a voice note is sent as a text", "org", j.Org, "bot", j.Bot, "message", m.ID, "error", err)
		return nil
	}
	return note
}

func (b *Inbox) say(ctx context.Context, j store.Job, text string) ([]byte, error) {
	bot, err := b.o.Store.Bot(ctx, j.Org, j.Bot)
	if err != nil {
		return nil, fmt.Errorf("read bot: %w", err)
	}
	a, err := b.o.Store.Agent(ctx, j.Org, bot.Agent)
	if err != nil {
		return nil, fmt.Errorf("read agent: %w", err)
	}
	return b.o.Voice.Say(ctx, a, text)
}
