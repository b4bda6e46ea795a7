package speech

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"parley/media/resample"
	"parley/pipeline"
	"parley/providers/text"
	"parley/providers/wire"
)

// How words are asked for by requests.
const (
	longestAsk = 300 // bytes of what has waited that are asked for at once: an interruption would waste more
	mostTakes  = 2   // the one that plays, and the one after it
	takeAhead  = 150 // pieces of sound that wait for a slow caller; then the server waits
)

// Requests are how a vendor speaks that is asked for each clause by a request of its own, the next while one plays:
//
//	text ──▶ clauses ──▶ Ask ──▶ take ──▶ sound ──▶ resampler, if its rate is not the caller's ──▶ yield
//	             └─────▶ Ask, while that one plays ──▶ take ──┘
//
// Each request is made on a goroutine of its own.
type Requests struct {
	Encoding   wire.Encoding // of the sound
	Rate       int           // that the caller wants
	AudioLimit time.Duration // longest silence of a server that owes sound

	// Ask asks for words to be spoken. Its error is passed to Broken.
	Ask func(ctx context.Context, w Wanted) (Sound, error)
	// Retry says whether an error is worth a second try, and after what time; nil: none is.
	Retry func(error) (time.Duration, bool)
	// Broken puts an error in the vendor's words; one of the vendor's own stays as it is.
	Broken func(what string, err error) error
}

// Wanted is what is to be spoken, and what is said around it in the same utterance, as far as that is known.
type Wanted struct {
	Words, Before, After string
}

// Sound is an answer as it comes.
type Sound interface {
	// Next is the next of it: samples as they are written, and words whose times are from its beginning. The error is io.EOF after the last.
	Next() (audio []byte, words []pipeline.Word, err error)
	Close() error
}

// Speak speaks what is said; its sound is yielded as it comes. When it is cut, by ctx or by the caller's break, the requests are cancelled.
// An error in what is said is yielded after what came before it was spoken.
//
// The sequence waits for its goroutines before it ends; so said must end when ctx does.
func (r Requests) Speak(ctx context.Context, said iter.Seq2[string, error]) iter.Seq2[pipeline.Speech, error] {
	return func(yield func(pipeline.Speech, error) bool) {
		text.Pull(ctx, said, func(ctx context.Context, feed <-chan text.Piece) {
			u := recital{Requests: r, feed: feed, yield: yield}
			if err := u.speak(ctx); err != nil && !u.broken {
				yield(pipeline.Speech{}, err)
			}
		})
	}
}

// A recital is one Speak.
type recital struct {
	Requests
	feed   <-chan text.Piece // nil once the text has ended
	yield  func(pipeline.Speech, error) bool
	broken bool // the caller wants no more

	cut     text.Clauses
	textErr error
	waiting []string // clauses that were not asked for yet
	asked   string   // what was
	takes   []*take  // the one that plays first
	plays   bool     // it has begun to

	narrow *resample.Resampler // nil: sound comes as the caller wants it
	odd    []byte              // a part of a sample
	wide   []int16
	pcm    []int16
	came   int           // samples so far
	base   time.Duration // when the take that plays began
	last   time.Duration // when the last word did
}

// speak runs the recital. No take is left when it returns.
func (u *recital) speak(ctx context.Context) (err error) {
	if u.Rate != u.Encoding.Rate {
		if u.narrow, err = resample.New(u.Encoding.Rate, u.Rate); err != nil {
			return u.Broken("the rate", err)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer func() { // also when the caller's loop panics
		cancel()
		for _, t := range u.takes {
			<-t.ended
		}
	}()
	if err := u.loop(ctx); err != nil || u.broken {
		return err
	}
	return u.textErr
}

// loop goes on until all is spoken, the caller breaks (broken is set), ctx ends or the server fails.
func (u *recital) loop(ctx context.Context) error {
	pause := time.NewTimer(textPause)
	defer pause.Stop()
	for ctx.Err() == nil && !u.broken {
		u.ask(ctx)
		var sound <-chan heard
		switch {
		case len(u.takes) > 0:
			sound = u.takes[0].sound
		case u.feed == nil:
			u.rest()
			return nil
		}
		select {
		case <-ctx.Done():
		case p, ok := <-u.feed:
			u.heed(p, ok)
			pause.Reset(textPause)
		case <-pause.C:
			u.wait(u.cut.Paused()) // nobody knows when the text will go on
		case h, ok := <-sound:
			if ok {
				u.hear(h)
			} else if err := u.next(); err != nil {
				return err
			}
		}
	}
	return context.Cause(ctx)
}

// heed takes the next text, or its end.
func (u *recital) heed(p text.Piece, ok bool) {
	if !ok || p.Err != nil {
		u.feed, u.textErr = nil, p.Err
		u.wait(u.cut.Rest())
		return
	}
	for clause, whole := u.cut.Add(p.Text); whole; clause, whole = u.cut.Add("") {
		u.wait(clause)
	}
}

// wait lets a clause wait until it is asked for; nothing if there are no words in it.
func (u *recital) wait(clause string) {
	if text.Speakable(clause) {
		u.waiting = append(u.waiting, clause)
	}
}

// ask asks for what waits, as far as it is its time: what follows does not slow down what is to sound first.
func (u *recital) ask(ctx context.Context) {
	for len(u.waiting) > 0 && (len(u.takes) == 0 || len(u.takes) < mostTakes && u.plays) {
		n, size := 1, len(u.waiting[0])
		for n < len(u.waiting) && size+len(u.waiting[n]) <= longestAsk {
			size += len(u.waiting[n])
			n++
		}
		words := strings.Join(u.waiting[:n], "")
		w := Wanted{Words: strings.TrimSpace(words), Before: strings.TrimSpace(u.asked), After: strings.TrimSpace(strings.Join(u.waiting[n:], ""))}
		u.waiting = append(u.waiting[:0], u.waiting[n:]...)
		u.asked += words
		u.takes = append(u.takes, u.take(ctx, w))
	}
}

// hear yields sound as it came.
func (u *recital) hear(h heard) {
	for i := range h.words {
		w := &h.words[i]
		w.Start = max(w.Start+u.base, u.last)
		w.End = max(w.End+u.base, w.Start)
		u.last = w.Start
	}
	wire := h.audio
	if len(u.odd) > 0 {
		wire = append(u.odd, wire...)
	}
	if n := len(wire) / u.Encoding.Width; n > len(u.wide) {
		u.wide = make([]int16, n)
	}
	n := u.Encoding.Decode(u.wide, wire)
	u.odd = append([]byte(nil), wire[n*u.Encoding.Width:]...)
	u.plays = true
	u.came += n
	pcm := u.wide[:n]
	if u.narrow != nil {
		u.pcm = u.narrow.Append(u.pcm[:0], pcm)
		pcm = u.pcm
	}
	if len(pcm) > 0 || len(h.words) > 0 {
		u.broken = !u.yield(pipeline.Speech{PCM: pcm, Words: h.words}, nil)
	}
}

// next turns to the take after the one that has ended.
func (u *recital) next() error {
	done := u.takes[0]
	<-done.ended
	u.takes = append(u.takes[:0], u.takes[1:]...)
	u.odd, u.plays = nil, false
	u.base = time.Duration(u.came) * time.Second / time.Duration(u.Encoding.Rate)
	return done.err
}

// rest yields what is still in the resampler.
func (u *recital) rest() {
	if u.narrow == nil || u.came == 0 {
		return
	}
	if u.pcm = u.narrow.Flush(u.pcm[:0]); len(u.pcm) > 0 {
		u.broken = !u.yield(pipeline.Speech{PCM: u.pcm}, nil)
	}
}

// A take is words as they are spoken by a request, on a goroutine of its own.
type take struct {
	sound chan heard // closed after the last
	ended chan struct{}
	err   error // known once it has ended
	begun bool  // sound has come; its goroutine's
}

type heard struct {
	audio []byte
	words []pipeline.Word
}

// take asks for sound, and once more if that may help and none has come. It ends with ctx.
func (r Requests) take(ctx context.Context, w Wanted) *take {
	t := &take{sound: make(chan heard, takeAhead), ended: make(chan struct{})}
	go func() {
		defer close(t.ended)
		defer close(t.sound)
		t.err = r.try(ctx, t, w)
		if t.err == nil || t.begun || r.Retry == nil {
			return
		}
		wait, again := r.Retry(t.err)
		if !again {
			return
		}
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
			t.err = r.try(ctx, t, w)
		case <-ctx.Done():
		}
	}()
	return t
}

// try makes one request and passes its sound on. A server that is silent for too long is waited for no more.
func (r Requests) try(ctx context.Context, t *take, w Wanted) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	late := time.AfterFunc(r.AudioLimit, func() { cancel(fmt.Errorf("no sound for %v: %w", r.AudioLimit, context.DeadlineExceeded)) })
	defer late.Stop()
	broken := func(what string, err error) error {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return r.Broken(what, err)
	}
	sound, err := r.Ask(ctx, w)
	if err != nil {
		return broken("the request failed", err)
	}
	defer sound.Close() //nolint:errcheck // read-only
	for {
		audio, words, err := sound.Next()
		late.Stop()
		if len(audio) > 0 || len(words) > 0 {
			t.begun = t.begun || len(audio) > 0
			select {
			case t.sound <- heard{audio, words}:
			case <-ctx.Done():
				return broken("nobody listens", ctx.Err())
			}
		}
		switch {
		case errors.Is(err, io.EOF) && !t.begun:
			return broken("the answer has no sound", io.ErrUnexpectedEOF)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return broken("the sound broke off", err)
		}
		late.Reset(r.AudioLimit)
	}
}
