package elevenlabs

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"parley/media/g711"
	"parley/media/resample"
	"parley/pipeline"
	"parley/providers/text"
)

// An utterance is one Speak. Its one goroutine is the caller's, which alone writes to the line.
type utterance struct {
	client *Client
	feed   <-chan text.Piece // nil once the text has ended
	yield  func(pipeline.Speech, error) bool
	broken bool // the caller wants no more

	want   want
	line   *line
	reused bool   // the line has served before: it may be dead without our knowing
	id     string // of its context on the line

	cut     text.Clauses
	textErr error
	sent    [][]byte  // messages, until sound comes: a dead line's successor is told all of it again
	opened  bool      // the context was
	closed  bool      // and it was told that there is no more
	owing   bool      // sound was asked for, and none has come since; or all was, and its end has not come
	wrote   time.Time // when the line was last told anything
	heard   time.Time // when it last gave something that it owed, or began to owe

	audio, memory []byte          // sound in hand, and the memory behind it
	words         []pipeline.Word // and its words
	pcm, wide     []int16
	widen         *resample.Resampler // to the rate that the caller wants; nil: it is the line's
	mute          bool                // no sound came yet
}

// speak runs the utterance. The line is in the pool or closed when it returns.
func (u *utterance) speak(ctx context.Context, v pipeline.Voice) (err error) {
	if u.want, err = u.client.want(v); err != nil {
		return err
	}
	if v.Rate != u.want.format.rate {
		if u.widen, err = resample.New(u.want.format.rate, v.Rate); err != nil {
			return err
		}
	}
	if u.line, u.reused = u.client.pool.Take(u.want.address); !u.reused {
		if u.line, err = u.client.openLine(ctx, u.want); err != nil {
			return err
		}
	}
	defer u.leave() // also when the caller's loop panics
	u.id = contextID(u.client.contexts.Add(1))
	u.mute = true
	u.pcm = make([]int16, u.want.format.bytes(speechPiece)/u.want.format.width)
	if err := u.loop(ctx); err != nil || u.broken {
		return err
	}
	return u.textErr
}

// leave gives the line back. A context that is still open is closed first, so that nothing more is made of it.
func (u *utterance) leave() {
	if u.opened && !u.closed {
		u.line.hush()
		_ = u.line.write(closing(u.id)) // a failed write has closed the line
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
		if u.want.format.length(len(u.audio)) > soundAhead {
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
		if u.opened && time.Since(u.wrote) >= lineBeat {
			if err := u.nudge(ctx); err != nil && len(u.audio) == 0 {
				return err
			}
		}
		if len(u.audio) > 0 || len(u.words) > 0 {
			if u.sound(); u.broken {
				return nil
			}
			continue
		}
		audio, words, final, err := u.line.take(u.memory)
		u.audio, u.memory, u.words = audio, audio[:0], words
		switch {
		case len(audio) > 0 || len(words) > 0:
			u.heard, u.mute, u.sent, u.owing = time.Now(), false, nil, u.closed
		case u.feed == nil && (final || !u.opened):
			u.rest()
			return nil
		case err != nil:
			err = u.renew(ctx, err)
		default:
			err = u.wait(ctx, timer)
		}
		if err != nil {
			return err
		}
	}
}

// sound yields the next of the sound in hand, and all words with it.
func (u *utterance) sound() {
	n := u.decode()
	u.audio = u.audio[n*u.want.format.width:]
	pcm := u.pcm[:n]
	if u.widen != nil {
		u.wide = u.widen.Append(u.wide[:0], pcm)
		pcm = u.wide
	}
	words := u.words
	u.words = nil
	u.broken = !u.yield(pipeline.Speech{PCM: pcm, Words: words}, nil)
}

// rest yields what is still in the resampler.
func (u *utterance) rest() {
	if u.widen == nil || u.mute {
		return
	}
	if u.wide = u.widen.Flush(u.wide[:0]); len(u.wide) > 0 {
		u.broken = !u.yield(pipeline.Speech{PCM: u.wide}, nil)
	}
}

// decode reads whole samples of the sound in hand into pcm and returns how many.
func (u *utterance) decode() int {
	if u.want.format.width == 1 {
		return g711.Ulaw.Decode(u.pcm, u.audio)
	}
	n := min(len(u.pcm), len(u.audio)/2)
	for i := range n {
		u.pcm[i] = int16(binary.LittleEndian.Uint16(u.audio[2*i:]))
	}
	return n
}

// wait sleeps until there is news, or it is time to nudge. It speaks at a pause of the text, and loses patience with a line that owes
// sound.
func (u *utterance) wait(ctx context.Context, timer *time.Timer) error {
	limit := cmp.Or(u.client.AudioLimit, defaultAudioLimit)
	patience := lineBeat
	if u.opened {
		patience = time.Until(u.wrote.Add(lineBeat))
	}
	if u.owing {
		patience = min(patience, time.Until(u.heard.Add(limit)))
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
	case u.owing && time.Since(u.heard) >= limit:
		err := lost(fmt.Errorf("no sound for %v", limit))
		u.line.Fail(err) // nobody else is to wait for it
		return err
	case pausing:
		return u.say(ctx, u.cut.Paused()) // nobody knows when the text will go on
	}
	return nil
}

// nudge keeps the context alive while it waits for text, and the socket while it is slow to speak.
func (u *utterance) nudge(ctx context.Context) error {
	if u.closed {
		return u.tell(ctx, alive(""))
	}
	return u.tell(ctx, alive(u.id))
}

// heed takes the next text, or its end.
func (u *utterance) heed(ctx context.Context, p text.Piece, ok bool) error {
	if !ok || p.Err != nil {
		u.feed, u.textErr = nil, p.Err
		if err := u.say(ctx, u.cut.Rest()); err != nil || !u.opened {
			return err
		}
		u.closed, u.owing, u.heard = true, true, time.Now()
		return u.send(ctx, closing(u.id))
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
	if !u.opened {
		u.opened = true
		u.line.open(u.id)
		if err := u.send(ctx, opening(u.id, u.want.settings)); err != nil {
			return err
		}
	}
	b, err := saying(u.id, clause)
	if err != nil {
		return err
	}
	u.owing, u.heard = true, time.Now()
	u.line.expect()
	return u.send(ctx, b)
}

// send tells the line something that its successor would have to be told, too.
func (u *utterance) send(ctx context.Context, b []byte) error {
	if u.mute {
		u.sent = append(u.sent, b)
	}
	return u.tell(ctx, b)
}

func (u *utterance) tell(ctx context.Context, b []byte) error {
	u.wrote = time.Now()
	if err := u.line.write(b); err != nil {
		return u.renew(ctx, err)
	}
	return nil
}

// renew replaces a line that had died while it was idle. A line that was new, or from which sound came, is not replaced: err ends the
// utterance. Neither is one that was refused something: it would be again.
func (u *utterance) renew(ctx context.Context, err error) error {
	var refused *Error
	if !u.reused || !u.mute || errors.As(err, &refused) && refused.Hopeless() {
		return err
	}
	u.reused = false
	l, derr := u.client.openLine(ctx, u.want)
	if derr != nil {
		return fmt.Errorf("%w; %w", err, derr)
	}
	u.line = l
	if !u.opened {
		return nil
	}
	l.open(u.id)
	for _, b := range u.sent {
		if err := l.write(b); err != nil {
			return err
		}
	}
	u.wrote, u.heard = time.Now(), time.Now()
	return nil
}
