package deepgram

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"parley/pipeline"
	"parley/providers/text"
	"parley/providers/wire"
)

// An utterance is one Speak. Its one goroutine is the caller's, which alone writes to the line.
type utterance struct {
	client *Client
	feed   <-chan text.Piece // nil once the text has ended
	yield  func(pipeline.Speech, error) bool
	broken bool // the caller wants no more

	enc    wire.Encoding
	query  url.Values
	line   *line
	reused bool // the line has served before: it may be dead without our knowing

	cut     text.Clauses
	textErr error
	sent    [][]byte  // messages, nil for Flush, until sound comes: a dead line's successor is told all of it again
	told    bool      // the line was sent anything at all
	owing   bool      // text was sent since the last Flush
	held    bool      // a pause of it was let pass: there was no Flush to spare
	flushes int       // sent
	heard   time.Time // when the line last gave something that it owed, or began to owe

	audio  []byte // sound in hand
	memory []byte // behind it
	pcm    []int16
	mute   bool // no sound came yet
}

// speak runs the utterance. The line is in the pool, clearing or closed when it returns.
func (u *utterance) speak(ctx context.Context, v pipeline.Voice) (err error) {
	if u.enc, u.query, err = u.client.speakQuery(v); err != nil {
		return err
	}
	if u.line, u.reused = u.client.pool.Take(u.query.Encode()); !u.reused {
		if u.line, err = u.client.openLine(ctx, u.query, u.enc); err != nil {
			return err
		}
	}
	finished := false
	defer func() { // also when the caller's loop panics
		if finished || !u.told {
			u.line.release()
		} else {
			u.line.clear(len(u.audio))
		}
	}()
	u.mute = true
	u.pcm = make([]int16, u.enc.Bytes(speechPiece)/u.enc.Width)
	if err := u.loop(ctx); err != nil || u.broken {
		return err
	}
	finished = true
	return u.textErr
}

// loop goes on until all is spoken, the caller breaks (broken is set), ctx ends or the line is lost.
func (u *utterance) loop(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		// Text goes before sound: what is said now sounds after what is in hand.
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case p, ok := <-u.feed:
			if err := u.heed(ctx, p, ok); err != nil {
				return err
			}
			continue
		default:
		}
		if len(u.audio) > 0 {
			if u.sound(); u.broken {
				return nil
			}
			continue
		}
		audio, done, err := u.line.take(u.memory, u.enc.Width, u.flushes)
		u.audio, u.memory = audio, audio[:0]
		switch {
		case len(audio) > 0:
			u.heard, u.mute, u.sent = time.Now(), false, nil
		case done && u.feed == nil:
			return nil
		case err != nil:
			err = u.renew(ctx, err)
		default:
			err = u.wait(ctx, timer, done)
		}
		if err != nil && len(u.audio) == 0 {
			return err
		}
	}
}

// sound yields the next of the sound in hand.
func (u *utterance) sound() {
	n := u.enc.Decode(u.pcm, u.audio)
	u.audio = u.audio[n*u.enc.Width:]
	u.broken = !u.yield(pipeline.Speech{PCM: u.pcm[:n]}, nil)
}

// wait sleeps until there is news. It flushes at a pause of the text, and loses patience with a line that owes sound.
func (u *utterance) wait(ctx context.Context, timer *time.Timer, nothingOwed bool) error {
	limit := or(u.client.AudioLimit, defaultAudioLimit)
	patience, pausing := time.Until(u.heard.Add(limit)), u.feed != nil && (u.owing && !u.held && !u.line.turns || u.cut.Whole())
	switch {
	case pausing && (nothingOwed || textPause < patience):
		timer.Reset(textPause)
	case nothingOwed:
		timer.Stop()
	default:
		timer.Reset(patience)
	}
	select {
	case p, ok := <-u.feed:
		return u.heed(ctx, p, ok)
	case <-u.line.news:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
	}
	if !nothingOwed && time.Since(u.heard) >= limit {
		return fmt.Errorf("deepgram speak: no sound for %v", limit)
	}
	return u.pause(ctx)
}

// heed takes the next text, or its end.
func (u *utterance) heed(ctx context.Context, p text.Piece, ok bool) error {
	if !ok || p.Err != nil {
		u.feed, u.textErr = nil, p.Err
		if err := u.say(ctx, u.cut.Rest()); err != nil {
			return err
		}
		return u.flush(ctx)
	}
	for clause, whole := u.cut.Add(p.Text); whole; clause, whole = u.cut.Add("") {
		if err := u.say(ctx, clause); err != nil {
			return err
		}
		if u.cut.Past() == 1 && u.spare() {
			if err := u.flush(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// pause lets all that was said so far be spoken: nobody knows when the text will go on.
func (u *utterance) pause(ctx context.Context) error {
	if err := u.say(ctx, u.cut.Paused()); err != nil {
		return err
	}
	if u.line.turns {
		return nil
	}
	if !u.spare() {
		u.held = true // it will be flushed with what follows, or at the end
		return nil
	}
	return u.flush(ctx)
}

// spare says that a Flush may be spent on a sooner sound alone. Flux speaks as text comes, and a Flush ends its turn.
func (u *utterance) spare() bool { return !u.line.turns && u.line.budget(time.Now()) > spareFlushes }

// say sends one clause; nothing if it is empty.
func (u *utterance) say(ctx context.Context, clause string) error {
	if clause == "" {
		return nil
	}
	b, err := json.Marshal(struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}{"Speak", clause})
	if err != nil {
		return fmt.Errorf("encode Speak: %w", err)
	}
	u.owing, u.held = true, false
	return u.send(ctx, b)
}

// flush has all that was said spoken; nothing if all of it was.
func (u *utterance) flush(ctx context.Context) error {
	if !u.owing {
		return nil
	}
	u.owing, u.held = false, false
	u.heard = time.Now()
	return u.send(ctx, nil)
}

// send sends a message, or Flush if it is nil.
func (u *utterance) send(ctx context.Context, b []byte) error {
	u.told = true
	if u.mute {
		u.sent = append(u.sent, b)
	}
	if err := u.tell(b); err != nil {
		return u.renew(ctx, err)
	}
	return nil
}

func (u *utterance) tell(b []byte) error {
	if b == nil {
		u.flushes++
		return u.line.flush()
	}
	return u.line.write(b)
}

// renew replaces a line that had died while it was idle. A line that was new, or from which sound came, is not replaced: err ends the
// utterance.
func (u *utterance) renew(ctx context.Context, err error) error {
	if !u.reused || !u.mute {
		return err
	}
	u.reused = false
	l, derr := u.client.openLine(ctx, u.query, u.enc)
	if derr != nil {
		return fmt.Errorf("%w; %w", err, derr)
	}
	u.line, u.flushes = l, 0
	for _, b := range u.sent {
		if err := u.tell(b); err != nil {
			return err
		}
	}
	u.heard = time.Now()
	return nil
}
