package inbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"parley/control/archive"
	"parley/control/bots"
	"parley/store"
)

// tell puts what is said in a message's file into words, for people to read. Voice notes that a bot hears are left to hear.
func (b *Inbox) tell(ctx context.Context, j store.Job) {
	ctx, cancel := context.WithTimeout(ctx, hearTime)
	defer cancel()
	text, err := b.told(ctx, j)
	switch {
	case errors.Is(err, errHeard), errors.Is(err, store.ErrNotFound):
		b.end(ctx, j, "")
		return
	case err != nil && j.Settled+1 < mostHearings:
		b.postpone(ctx, j, err)
		return
	case err != nil:
		b.o.Log.Warn("a message's sound is not put into words", "org", j.Org, "bot", j.Bot, "message", j.Key, "error", err)
	}
	settled, done := settling(ctx)
	defer done()
	t := tellingOf(text, err)
	err = b.o.Store.Told(settled, j, t, time.Now())
	switch {
	case errors.Is(err, store.ErrConflict): // it is another node's by now
	case err != nil:
		b.postpone(ctx, j, err)
	default:
		b.o.Observe.settled(j, failedOr(t.Failure))
		b.o.Feed.Changed(j.Org, j.Thread, j.Key)
	}
}

// errHeard says that somebody else puts a message into words.
var errHeard = errors.New("the bot hears its voice notes itself")

// told is what is said in the file of a job's message.
func (b *Inbox) told(ctx context.Context, j store.Job) (string, error) {
	m, err := b.o.Store.ThreadMessage(ctx, j.Org, j.Thread, j.Key)
	if err != nil {
		return "", fmt.Errorf("read message: %w", err)
	}
	bot, err := b.o.Store.Bot(ctx, j.Org, j.Bot)
	if err != nil {
		return "", fmt.Errorf("read bot: %w", err)
	}
	d, err := bots.ReadDetails(m.Data)
	if err != nil {
		return "", err
	}
	if d.Media == nil || d.Media.File == "" || bot.Type == store.WhatsAppVoiceBot && strings.HasPrefix(d.Media.Type, "audio/ogg") {
		return "", errHeard
	}
	a, err := b.o.Store.Agent(ctx, j.Org, bot.Agent)
	if err != nil {
		return "", fmt.Errorf("read agent: %w", err)
	}
	f, err := b.fileOf(j.Org)(ctx, d.Media.File)
	if err != nil {
		return "", err
	}
	from, err := f.Open(ctx)
	if err != nil {
		return "", fmt.Errorf("open file: %w", err)
	}
	defer from.Close() //nolint:errcheck // it was only read
	sound, err := io.ReadAll(io.LimitReader(from, archive.Kinds["audio"].Most))
	if err != nil {
		return "", fmt.Errorf("read file: %w", err)
	}
	return b.o.Voice.Hear(ctx, a, sound)
}

// tellingOf is what people are told of words, or of why there are none.
func tellingOf(text string, err error) store.Telling {
	if err != nil {
		return store.Telling{Failure: "the sound could not be put into words"}
	}
	return store.Telling{Words: text, Summary: short(text)}
}

const longestSummary = 280 // characters

// short is a text in short: its first sentences.
func short(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	runes := []rune(text)
	if len(runes) <= longestSummary {
		return text
	}
	head := string(runes[:longestSummary])
	if i := strings.LastIndexAny(head, ".!?"); i > len(head)/4 {
		return head[:i+1]
	}
	if i := strings.LastIndexByte(head, ' '); i > 0 {
		head = head[:i]
	}
	return head + " ..."
}
