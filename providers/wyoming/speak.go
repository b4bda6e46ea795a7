package wyoming

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"time"

	"parley/media/resample"
	"parley/pipeline"
	"parley/providers/text"
	"parley/providers/wire"
)

const (
	speechPiece = 100 * time.Millisecond // the most that one Speech carries
	textPause   = 300 * time.Millisecond // without text, what was said so far is spoken
)

// Speak sends what is said clause by clause and yields its sound as it comes; no server tells word times. The first clause is spoken at once,
// for an early first sound. When it is cut, by ctx or by the caller's break, the connection is closed: nothing else stops a server. An error
// in what is said is yielded after what came before it was spoken.
//
// Text is pulled by a goroutine of its own while the line is opened. The sequence waits for it before it ends, so said must end
// when ctx does.
func (c *Client) Speak(ctx context.Context, said iter.Seq2[string, error], v pipeline.Voice) iter.Seq2[pipeline.Speech, error] {
	return func(yield func(pipeline.Speech, error) bool) {
		text.Pull(ctx, said, func(ctx context.Context, feed <-chan text.Piece) {
			u := utterance{client: c, feed: feed, yield: yield, voice: c.voice(v), rate: v.Rate}
			if err := u.speak(ctx); err != nil && !u.broken {
				yield(pipeline.Speech{}, err)
			}
		})
	}
}

// Warm opens a line and leaves it idle, so that the first utterance of a call needs no connection.
func (c *Client) Warm(ctx context.Context, _ pipeline.Voice) error {
	if err := c.Check(); err != nil {
		return fmt.Errorf("warm voice: %w", err)
	}
	l, err := c.openLine(ctx)
	if err != nil {
		return fmt.Errorf("warm voice: %w", err)
	}
	l.release()
	return nil
}

// A voice is how a server is asked for one: by its name, or else by its language.
type voice struct {
	Name     string `json:"name,omitempty"`
	Language string `json:"language,omitempty"`
}

// voice is that of v; nil: the server's default.
func (c *Client) voice(v pipeline.Voice) *voice {
	switch name := cmp.Or(v.Name, c.Voice); {
	case name != "":
		return &voice{Name: name}
	case v.Lang != "":
		return &voice{Language: v.Lang}
	}
	return nil
}

// An utterance is one Speak. Its one goroutine is the caller's, which alone writes to the line.
type utterance struct {
	client *Client
	feed   <-chan text.Piece // nil once the text has ended
	yield  func(pipeline.Speech, error) bool
	broken bool // the caller wants no more
	voice  *voice
	rate   int
	line   *line
	proven bool // the line has spoken, now or before: it may have died without any fault of the server's

	cut     text.Clauses
	textErr error
	owed    []request // what the line was told and has not spoken to its end, oldest first
	heard   time.Time // when the line last gave something that it owed, or began to owe

	format format // of the sound
	turn   *resample.Resampler
	in     []int16
	pcm    []int16
}

// A request is text that is spoken in one go.
type request struct {
	clauses []string
	stopped bool // all of it was told
	sounded bool // some of it has sounded
}

// speak runs the utterance. The line is in the pool or closed when it returns.
func (u *utterance) speak(ctx context.Context) (err error) {
	if err := u.client.Check(); err != nil {
		return err
	}
	if _, err := resample.New(hearRate, u.rate); err != nil {
		return fmt.Errorf("wyoming: %w", err)
	}
	if u.line, u.proven = u.client.pool.Take(""); !u.proven {
		if u.line, err = u.client.openLine(ctx); err != nil {
			return err
		}
	}
	finished := false
	defer func() { // also when the caller's loop panics
		if finished {
			u.line.release()
		} else {
			u.line.Fail(errCut)
		}
	}()
	if err := u.loop(ctx); err != nil || u.broken {
		return err
	}
	finished = true
	return u.textErr
}

var errCut = errors.New("wyoming: the utterance was cut")

// loop goes on until all is spoken, the caller breaks (broken is set), ctx ends or the line is lost.
func (u *utterance) loop(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for !u.broken && (u.feed != nil || len(u.owed) > 0) {
		var err error
		select { // text goes before sound: what is said now sounds after what is in hand
		case p, ok := <-u.feed:
			err = u.heed(ctx, p, ok)
		default:
			err = u.wait(ctx, timer)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// wait sleeps until there is news. It ends a request at a pause of the text, and loses patience with a line that owes sound.
func (u *utterance) wait(ctx context.Context, timer *time.Timer) error {
	limit := cmp.Or(u.client.AudioLimit, defaultAudioLimit)
	owing := len(u.owed) > 0 && u.owed[0].stopped
	pausing := u.feed != nil && (len(u.owed) > 0 && !u.owed[len(u.owed)-1].stopped || u.cut.Whole())
	switch patience := time.Until(u.heard.Add(limit)); {
	case pausing && (!owing || textPause < patience):
		timer.Reset(textPause)
	case owing:
		timer.Reset(patience)
	default:
		timer.Stop()
	}
	select {
	case p, ok := <-u.feed:
		return u.heed(ctx, p, ok)
	case s, ok := <-u.line.sounds:
		if !ok {
			return u.renew(ctx, u.line.reason())
		}
		return u.take(ctx, &s)
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
	}
	if owing && time.Since(u.heard) >= limit {
		return failure(wire.Late("sound", limit))
	}
	if err := u.say(ctx, u.cut.Paused()); err != nil {
		return err
	}
	return u.stop(ctx)
}

// heed takes the next text, or its end.
func (u *utterance) heed(ctx context.Context, p text.Piece, ok bool) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !ok || p.Err != nil {
		u.feed, u.textErr = nil, p.Err
		if err := u.say(ctx, u.cut.Rest()); err != nil {
			return err
		}
		return u.stop(ctx)
	}
	for clause, whole := u.cut.Add(p.Text); whole; clause, whole = u.cut.Add("") {
		first := u.cut.Past() == 1
		if err := u.say(ctx, clause); err != nil {
			return err
		}
		if first || !u.line.streams {
			if err := u.stop(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// say tells the line a clause; nothing if there is nothing to be spoken.
func (u *utterance) say(ctx context.Context, clause string) error {
	if !text.Speakable(clause) {
		return nil
	}
	n := len(u.owed)
	if n == 0 || u.owed[n-1].stopped {
		u.owed = append(u.owed, request{})
		n++
	}
	r := &u.owed[n-1]
	if r.clauses = append(r.clauses, clause); n == 1 && len(r.clauses) == 1 {
		u.heard = time.Now()
	}
	if err := u.tell(r, len(r.clauses)-1); err != nil {
		return u.renew(ctx, err)
	}
	return nil
}

// stop says that what was told is to be spoken.
func (u *utterance) stop(ctx context.Context) error {
	n := len(u.owed)
	if n == 0 || u.owed[n-1].stopped {
		return nil
	}
	r := &u.owed[n-1]
	if r.stopped = true; n == 1 {
		u.heard = time.Now()
	}
	if n > 1 && !u.line.streams {
		return nil // its turn comes
	}
	if err := u.tellStop(r); err != nil {
		return u.renew(ctx, err)
	}
	return nil
}

// start is the data of synthesize-start.
type start struct {
	Voice *voice `json:"voice,omitempty"` // null would not do
}

// tell sends a request from one of its clauses on, and tellStop its end. A server that takes whole texts is told all of it at its end, and
// when it has spoken the one before: it may hang up then.
func (u *utterance) tell(r *request, from int) error {
	if !u.line.streams {
		return nil
	}
	if from == 0 {
		if err := u.line.say("synthesize-start", start{u.voice}, nil); err != nil {
			return err
		}
	}
	for _, clause := range r.clauses[from:] {
		if err := u.line.say("synthesize-chunk", map[string]string{"text": clause}, nil); err != nil {
			return err
		}
	}
	return nil
}

func (u *utterance) tellStop(r *request) error {
	if u.line.streams {
		return u.line.say("synthesize-stop", nil, nil)
	}
	whole := ""
	for _, clause := range r.clauses {
		whole += clause
	}
	return u.line.say("synthesize", struct {
		Text  string `json:"text"`
		Voice *voice `json:"voice,omitempty"`
	}{whole, u.voice}, nil)
}

// take takes sound, or the end of a request.
func (u *utterance) take(ctx context.Context, s *sounding) error {
	u.heard = time.Now()
	switch {
	case s.closed, s.ended && !u.line.streams:
		if len(u.owed) == 0 || !u.owed[0].stopped {
			return nil // of a request that has ended
		}
		u.owed, u.proven = u.owed[1:], true
		u.flush()
		if len(u.owed) == 0 || !u.owed[0].stopped || u.line.streams {
			return nil
		}
		if err := u.tellStop(&u.owed[0]); err != nil {
			return u.renew(ctx, err)
		}
	case len(s.pcm) > 0:
		if len(u.owed) == 0 {
			return nil // of a request that has ended
		}
		u.owed[0].sounded = true
		return u.sound(s)
	}
	return nil
}

// sound yields what came, at the caller's rate.
func (u *utterance) sound(s *sounding) error {
	if s.format != u.format {
		turn, err := resample.New(s.format.Rate, u.rate)
		if err != nil || s.format.Width != 2 || s.format.Channels < 1 || s.format.Channels > 2 {
			return &wire.Error{Vendor: "wyoming", Message: fmt.Sprintf("the voice speaks at %d Hz, %d bytes a sample, %d channels: want 16-bit sound of one channel or two at a usual rate",
				s.format.Rate, s.format.Width, s.format.Channels)}
		}
		u.flush()
		u.turn, u.format = turn, s.format
	}
	u.in = u.in[:0]
	for step := 2 * s.format.Channels; len(s.pcm) >= step; s.pcm = s.pcm[step:] { // of two channels, which are alike, the first
		u.in = append(u.in, int16(binary.LittleEndian.Uint16(s.pcm)))
	}
	u.pcm = u.turn.Append(u.pcm[:0], u.in)
	u.give()
	return nil
}

// flush yields the end of a stream of sound.
func (u *utterance) flush() {
	if u.turn == nil {
		return
	}
	u.pcm = u.turn.Flush(u.pcm[:0])
	u.turn, u.format = nil, format{}
	u.give()
}

// give yields the sound in hand.
func (u *utterance) give() {
	most := int(speechPiece * time.Duration(u.rate) / time.Second)
	for pcm := u.pcm; len(pcm) > 0 && !u.broken; {
		n := min(most, len(pcm))
		u.broken = !u.yield(pipeline.Speech{PCM: pcm[:n]}, nil)
		pcm = pcm[n:]
	}
}

// renew replaces a line that has died after it had spoken: servers hang up as they like. A line that never spoke, or died in the middle of
// a request, is not replaced: err ends the utterance.
func (u *utterance) renew(ctx context.Context, err error) error {
	if e := u.line.reason(); e != nil {
		err = e
	}
	if !u.proven || len(u.owed) > 0 && u.owed[0].sounded {
		return failure(err)
	}
	u.line.Fail(err)
	l, derr := u.client.openLine(ctx)
	if derr != nil {
		return fmt.Errorf("%w; %w", failure(err), derr)
	}
	u.line, u.proven, u.heard = l, false, time.Now()
	for i := range u.owed {
		r := &u.owed[i]
		if err := u.tell(r, 0); err != nil {
			return failure(err)
		}
		if r.stopped && (i == 0 || l.streams) {
			if err := u.tellStop(r); err != nil {
				return failure(err)
			}
		}
	}
	return nil
}
