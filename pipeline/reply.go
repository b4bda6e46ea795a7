package pipeline

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"parley/media"
)

// ErrBargeIn is the cause with which a reply's context is cancelled when the caller interrupted it, or when it is not wanted any
// more because the caller went on.
var ErrBargeIn = errors.New("the caller interrupted")

// A LateError is the cause with which a reply's context is cancelled when a part of it has let the caller wait for too long.
type LateError struct {
	Part string // "responder" or "voice"
}

// Error does not name the part: whoever tells of it does.
func (*LateError) Error() string { return "no answer in time" }

var (
	errHungUp  = errors.New("the call has ended")
	errNoSound = errors.New("no sound for the text")
	errMouth   = errors.New("the utterance takes no more") // somebody else knows why
)

// reply is one step of a turn while it is made and heard.
//
//	Responder.Respond ──deltas──▶ read ──text──▶ Synthesizer.Speak ──sound──▶ pump ──▶ Utterance
//	                               ├──▶ told: all that is not text
//	                               └──▶ Aloud: words and sound ──────────────────▶ Utterance
//
// The voice pulls the text and the utterance the sound: there is no queue between them. pump runs on a goroutine of its own,
// because a provider that hangs must not keep attend from saying so.
type reply struct {
	turn, step int
	answered   time.Time
	utterance  *media.Utterance
	released   bool // of the actor alone
	keys       bool // it presses keys: it is not held
	announced  atomic.Bool
	watch      *watch
	voice      Synthesizer
	how        Voice
	lull       *lull

	mu      sync.Mutex
	script  script
	token   time.Duration // the first text, since the answer
	written time.Duration // the last
	audio   time.Duration // the first sound
	made    time.Duration // the last
	sent    bool          // there is something to be heard
	err     error         // of the responder
}

// account says what has become of it.
func (r *reply) account() account { return r.accountBy((*script).heard) }

// ending is an account of a reply that is over, with the times of its words.
func (r *reply) ending() account {
	a := r.account()
	r.mu.Lock()
	a.words = r.script.timesOf(a.heard)
	r.mu.Unlock()
	for i := range a.words {
		w := &a.words[i]
		w.Start, w.End = a.began+r.utterance.SoundedAt(w.Start), a.began+r.utterance.SoundedAt(w.End)
	}
	return a
}

// glance is an account for those who look often: see script.glance.
func (r *reply) glance() account { return r.accountBy((*script).glance) }

func (r *reply) accountBy(words func(*script, time.Duration) string) account {
	heard := r.utterance.Heard()
	began, ok := r.utterance.Began()
	r.mu.Lock()
	defer r.mu.Unlock()
	a := account{
		turn: r.turn, step: r.step, text: r.script.text.String(), heard: words(&r.script, heard),
		token: r.token, written: r.written, audio: r.audio, made: r.made, length: heard,
	}
	if ok {
		a.began = max(began.Sub(r.answered), 1)
	}
	return a
}

// attend sees a reply through: it reports its first frame, its faults, and when it has been heard. ctx is the turn's: when that is
// cancelled the utterance has been cut, and nothing more is reported. The providers have one of their own, to be dropped earlier.
func (c *Call) attend(ctx context.Context, r *reply, from response) {
	making, drop := context.WithCancelCause(ctx)
	defer drop(errHungUp)
	defer r.lull.end()
	pumped := make(chan error, 1)
	c.spawn("reply", func() { pumped <- c.pump(making, r, from(making)) })
	var fault *failed
	select {
	case err := <-pumped:
		if errors.Is(err, errMouth) {
			return
		}
		fault = r.fault(err)
	case part := <-r.watch.late:
		late := &LateError{part}
		fault = r.fail(part, late)
		drop(late)
	case <-ctx.Done():
		return
	}
	r.watch.end()
	r.lull.end()
	if fault != nil {
		c.post(ctx, *fault)
	}
	r.utterance.CloseWrite()
	r.mu.Lock()
	r.script.whole = fault == nil
	silent := !r.sent
	if !silent && fault == nil {
		r.made = time.Since(r.answered)
	}
	r.mu.Unlock()
	c.announce(ctx, r)
	if !silent {
		select {
		case <-r.utterance.Done():
		case <-ctx.Done():
			return
		}
	}
	r.utterance.Cut() // if there was nothing to be heard, it is not waited for
	c.post(ctx, voiced{r.ending()})
}

// announce reports the first frame of a reply, once. A frame leaves where its samples are written or released, so it is asked for
// after each of these.
func (c *Call) announce(ctx context.Context, r *reply) {
	if _, ok := r.utterance.Began(); ok && !r.announced.Swap(true) {
		c.post(ctx, sounded{r.turn, r.step})
	}
}

func (r *reply) fail(part string, err error) *failed {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &failed{turn: r.turn, step: r.step, part: part, text: r.script.text.String(), err: err}
}

// fault says who is to blame for the way in which the making of a reply ended; nil: nobody.
func (r *reply) fault(err error) *failed {
	r.mu.Lock()
	thinking, sent, text := r.err, r.sent, r.script.text.String()
	r.mu.Unlock()
	switch {
	case thinking != nil:
		return r.fail("responder", thinking)
	case err != nil:
		return r.fail("voice", err)
	case !sent && speakable(text):
		return r.fail("voice", errNoSound)
	}
	return nil
}

// pump makes a reply: it lets the voice read the response, and hands the sound to the utterance.
func (c *Call) pump(ctx context.Context, r *reply, deltas iter.Seq2[Delta, error]) error {
	next, stop := iter.Pull2(deltas)
	defer stop()
	defer r.watch.end()
	text := c.read(ctx, r, next)
	r.watch.moved(nil)
	for speech, err := range r.voice.Speak(ctx, text, r.how) {
		if ctx.Err() != nil {
			return errMouth
		}
		if err != nil {
			return err
		}
		if err := c.sound(ctx, r, speech); err != nil {
			return err
		}
	}
	for _, err := range text { // what the voice did not care to read may hold more than text
		if err != nil {
			break
		}
	}
	if ctx.Err() != nil {
		return errMouth
	}
	return nil
}

// slice is how much of a voice's sound is written at once: a voice may hand over more than an utterance takes before the first frame
// of it has been announced.
const slice = 200 * time.Millisecond

// sound takes the next of the voice: words and sound to the script, samples to the utterance.
func (c *Call) sound(ctx context.Context, r *reply, s Speech) error {
	r.mu.Lock()
	r.script.words = append(r.script.words, s.Words...)
	if len(s.PCM) > 0 {
		if !r.sent {
			r.sent, r.audio = true, time.Since(r.answered)
		}
		r.script.sounds(s.PCM, r.how.Rate)
	}
	r.mu.Unlock()
	if len(s.PCM) == 0 {
		return nil
	}
	if r.lull.wakes() {
		c.post(ctx, arrived{r.turn, r.step})
	}
	r.watch.moved(func(w *watch) { w.sounding, w.writing = true, true })
	defer r.watch.moved(func(w *watch) { w.writing = false })
	for pcm := range slices.Chunk(s.PCM, int(slice*time.Duration(r.how.Rate)/time.Second)) {
		if r.utterance.Write(ctx, pcm) != nil {
			return errMouth
		}
		r.lull.wrote(r.utterance, media.Samples(len(pcm), r.how.Rate))
		c.announce(ctx, r)
	}
	return nil
}

// read yields the text of a response to the voice, and tells the dialog the rest as it comes. It may be called again to go on where
// the voice left off. The voice may call it on its own goroutine, so a panic of the responder is caught here.
func (c *Call) read(ctx context.Context, r *reply, next func() (Delta, error, bool)) iter.Seq2[string, error] {
	over := false
	pull := func() (d Delta, err error, ok bool) {
		defer c.caught("responder")
		r.watch.moved(func(w *watch) { w.pulling = true })
		d, err, ok = next()
		r.watch.moved(func(w *watch) { w.pulling = false })
		return d, err, ok
	}
	return func(yield func(string, error) bool) {
		for !over {
			d, err, ok := pull()
			switch {
			case ctx.Err() != nil:
				over = true
			case err != nil:
				over = true
				r.mu.Lock()
				r.err = err
				r.mu.Unlock()
				yield("", fmt.Errorf("respond: %w", err))
			case !ok:
				over = true
				r.mu.Lock()
				all := r.script.text.String()
				r.written = time.Since(r.answered)
				r.mu.Unlock()
				c.post(ctx, responded{r.turn, r.step, all})
			case d.Text != "":
				r.say(d.Text)
				if !yield(d.Text, nil) {
					return
				}
			case d.Aloud != nil:
				r.saysAloud(d.Aloud.Text)
				over = c.sound(ctx, r, Speech{PCM: d.Aloud.PCM}) != nil
			default:
				c.post(ctx, told{r.turn, r.step, d})
			}
		}
	}
}

func (r *reply) say(text string) { r.takes(text, (*script).says) }

// saysAloud takes words that need no voice: their sound may be there already.
func (r *reply) saysAloud(text string) { r.takes(text, (*script).adds) }

func (r *reply) takes(text string, add func(*script, string)) {
	r.mu.Lock()
	if r.token == 0 {
		r.token = time.Since(r.answered)
	}
	add(&r.script, text)
	r.mu.Unlock()
	r.watch.moved(func(w *watch) {
		if w.text.IsZero() && speakable(text) {
			w.text = time.Now()
		}
	})
}

// watch is a reply's supervisor: it tells who keeps us waiting. Every wait has its limit: for the responder's next delta, for the
// voice's first sound after the first text, for its next sound. Waiting for the utterance to take more is the caller's pleasure.
type watch struct {
	token, audio time.Duration
	late         chan string // the provider that was late

	mu       sync.Mutex
	timer    *time.Timer
	due      time.Time
	text     time.Time // the first text that can be heard; zero: none yet
	sounding bool      // there was sound
	pulling  bool      // the responder is asked for more
	writing  bool      // the utterance is full
	ended    bool
}

func newWatch(m *Manners) *watch {
	w := &watch{token: m.TokenLimit, audio: m.AudioLimit, late: make(chan string, 1)}
	w.timer = time.AfterFunc(w.token, w.look)
	w.timer.Stop()
	return w
}

// moved notes a change, if it is one, and begins to wait for the next.
func (w *watch) moved(change func(*watch)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if change != nil {
		change(w)
	}
	w.timer.Stop()
	if w.ended || w.writing {
		return
	}
	limit := w.audio
	if w.pulling {
		limit = w.token
	}
	if !w.sounding && !w.text.IsZero() {
		limit = min(limit, time.Until(w.text.Add(w.audio)))
	}
	w.due = time.Now().Add(limit)
	w.timer.Reset(max(limit, 0))
}

func (w *watch) end() { w.moved(func(w *watch) { w.ended = true }) }

// look is the timer's: it tells who is late, if somebody still is.
func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended || w.writing || time.Now().Before(w.due) {
		return
	}
	w.ended = true
	if w.pulling && (w.sounding || w.text.IsZero() || time.Since(w.text) < w.audio) {
		w.late <- "responder"
	} else {
		w.late <- "voice"
	}
}
