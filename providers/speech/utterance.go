package speech

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"parley/pipeline"
	"parley/providers/text"
)

const (
	speechPiece = 100 * time.Millisecond // the most that one Speech carries
	textPause   = 300 * time.Millisecond // without text, what looks like the end of a sentence is spoken
	soundAhead  = 3 * time.Second        // in hand, beyond which text waits: an interruption would waste what is made of it
)

// An utterance is one Speak. Its one goroutine is the caller's, which alone writes to the line.
type utterance struct {
	sockets *Sockets
	vendor  Vendor
	feed    <-chan text.Piece // nil once the text has ended
	yield   func(pipeline.Speech, error) bool
	broken  bool // the caller wants no more

	id       string // of the utterance
	contexts int    // so far
	context  string // that is open; empty: none
	line     *line
	reused   bool // the line has served before: it may be dead without our knowing

	cut     text.Clauses
	textErr error
	sent    []string  // clauses, until sound comes: a dead line's successor is told all of them again
	spoken  bool      // there was something to say
	closed  bool      // the context was told that there is no more
	owing   bool      // sound was asked for, and none has come since; or all was, and its end has not come
	wrote   time.Time // when the line was last told anything
	heard   time.Time // when it last gave something that it owed, or began to owe

	audio, memory []byte          // sound in hand, and the memory behind it
	words         []pipeline.Word // and its words
	pcm           []int16
	mute          bool // no sound came yet
}

// speak runs the utterance. The line is in the pool or closed when it returns.
func (u *utterance) speak(ctx context.Context) (err error) {
	if u.line, u.reused = u.sockets.pool.Take(u.vendor.Key); !u.reused {
		if u.line, err = u.sockets.open(ctx, u.vendor); err != nil {
			return err
		}
	}
	defer u.leave(ctx) // also when the caller's loop panics
	u.line.serve(u.vendor)
	u.mute = true
	u.pcm = make([]int16, u.vendor.Encoding.Bytes(speechPiece)/u.vendor.Encoding.Width)
	if err := u.loop(ctx); err != nil || u.broken {
		return err
	}
	return u.textErr
}

// leave gives the line back. A context that is still being spoken is cancelled first, so that nothing more is made of it.
func (u *utterance) leave(ctx context.Context) {
	if u.context != "" {
		u.line.hush()
		if b, err := u.vendor.Dialect.Cancel(u.context); err == nil {
			_ = u.line.write(b) // a failed write has closed the line
		}
		if u.vendor.Relentless {
			u.line.Fail(errCut)
			u.sockets.replace(ctx, u.vendor)
		}
	}
	u.line.release()
}

// loop goes on until all is spoken, the caller breaks (broken is set), ctx ends or the line is lost.
func (u *utterance) loop(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		// Text goes before sound, as what is said now sounds after what is in hand; but not if that is much.
		feed := u.feed
		if len(u.audio) > u.vendor.Encoding.Bytes(soundAhead) {
			feed = nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case p, ok := <-feed:
			if err := u.heed(ctx, p, ok); err != nil {
				return err
			}
			continue
		default:
		}
		if len(u.audio) > 0 || len(u.words) > 0 {
			if u.sound(); u.broken {
				return nil
			}
			continue
		}
		audio, words, over, err := u.line.take(u.memory)
		u.audio, u.memory, u.words = audio, audio[:0], words
		switch {
		case len(audio) > 0 || len(words) > 0:
			u.heard, u.sent, u.owing = time.Now(), nil, u.closed
			u.mute = u.mute && len(audio) == 0
		case u.feed == nil && (over || !u.spoken):
			u.context = ""
			return nil
		default:
			if over || err != nil { // it has ended by itself, or with the line, or failed
				u.context = ""
			}
			if err != nil {
				err = u.renew(ctx, err)
			} else {
				err = u.wait(ctx, timer)
			}
		}
		if err != nil {
			return err
		}
	}
}

// sound yields the next of the sound in hand, and all words with it.
func (u *utterance) sound() {
	n := u.vendor.Encoding.Decode(u.pcm, u.audio[:min(len(u.audio), len(u.pcm)*u.vendor.Encoding.Width)])
	u.audio = u.audio[n*u.vendor.Encoding.Width:]
	words := u.words
	u.words = nil
	u.broken = !u.yield(pipeline.Speech{PCM: u.pcm[:n], Words: words}, nil)
}

// wait sleeps until there is news. It speaks at a pause of the text, and loses patience with a line that owes sound.
func (u *utterance) wait(ctx context.Context, timer *time.Timer) error {
	patience := time.Hour
	if u.owing {
		patience = time.Until(u.heard.Add(u.vendor.AudioLimit))
	}
	pausing := u.feed != nil && u.cut.Whole() && textPause < patience
	if pausing {
		patience = textPause
	}
	timer.Reset(patience)
	select {
	case p, ok := <-u.feed:
		return u.heed(ctx, p, ok)
	case <-u.line.news:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
	}
	switch {
	case u.owing && time.Since(u.heard) >= u.vendor.AudioLimit:
		err := u.vendor.Dialect.Broken(fmt.Errorf("no sound for %v: %w", u.vendor.AudioLimit, context.DeadlineExceeded))
		u.line.Fail(err) // nobody else is to wait for it
		return err
	case pausing:
		return u.say(ctx, u.cut.Paused()) // nobody knows when the text will go on
	}
	return nil
}

// heed takes the next text, or its end.
func (u *utterance) heed(ctx context.Context, p text.Piece, ok bool) error {
	if !ok || p.Err != nil {
		u.feed, u.textErr = nil, p.Err
		if err := u.say(ctx, u.cut.Rest()); err != nil || u.context == "" {
			return err
		}
		u.closed, u.owing, u.heard = true, true, time.Now()
		return u.tell(ctx, u.end)
	}
	for clause, whole := u.cut.Add(p.Text); whole; clause, whole = u.cut.Add("") {
		if err := u.say(ctx, clause); err != nil {
			return err
		}
	}
	return nil
}

// say has one clause spoken; nothing if there are no words in it.
func (u *utterance) say(ctx context.Context, clause string) error {
	if !text.Speakable(clause) {
		return nil
	}
	u.spoken = true
	if u.mute {
		u.sent = append(u.sent, clause)
	}
	return u.tell(ctx, func() error { return u.clause(clause) })
}

// clause sends one, in a context that has not lapsed.
func (u *utterance) clause(clause string) error {
	lapsed := u.vendor.Lapse > 0 && !u.mute && time.Since(u.wrote) >= u.vendor.Lapse && time.Since(u.heard) >= u.vendor.Lapse
	if u.context == "" || lapsed || u.vendor.Apart {
		u.contexts++
		u.context = u.id + "-" + strconv.Itoa(u.contexts)
		u.line.begin(u.context)
	}
	b, err := u.vendor.Dialect.Say(u.context, clause)
	if err != nil {
		return err
	}
	u.owing, u.heard, u.wrote = true, time.Now(), time.Now()
	return u.line.write(b)
}

// end tells the context that nothing follows.
func (u *utterance) end() error {
	b, err := u.vendor.Dialect.End(u.context)
	if err != nil || b == nil {
		return err
	}
	u.wrote = time.Now()
	return u.line.write(b)
}

// tell does what writes to the line; a dead line is replaced.
func (u *utterance) tell(ctx context.Context, write func() error) error {
	if err := write(); err != nil {
		return u.renew(ctx, err)
	}
	return nil
}

// renew replaces a line that had died while it was idle. A line that was new, or from which sound came, is not replaced: err ends the
// utterance. Neither is one that was refused something: it would be again.
func (u *utterance) renew(ctx context.Context, err error) error {
	refused, known := errors.AsType[interface {
		error
		Hopeless() bool
	}](err)
	if !u.reused || !u.mute || known && refused.Hopeless() {
		return err
	}
	u.reused = false
	l, derr := u.sockets.open(ctx, u.vendor)
	if derr != nil {
		return fmt.Errorf("%w; %w", err, derr)
	}
	u.line.release() // it is dead, and goes
	u.line, u.context = l, ""
	l.serve(u.vendor)
	for _, clause := range u.sent {
		if err := u.clause(clause); err != nil {
			return err
		}
	}
	if u.closed && u.context != "" {
		return u.end()
	}
	return nil
}
