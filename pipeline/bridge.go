package pipeline

import (
	"context"
	"errors"
	"sync"
	"time"

	"parley/media"
)

// errSounds says that a filler came too late: something else sounds.
var errSounds = errors.New("something else sounds")

// bridge is a filler while it is made and heard. There is one at a time.
type bridge struct {
	n         int
	text      string
	utterance *media.Utterance
	cancel    context.CancelCauseFunc // of what is being made
	hushed    chan struct{}
	over      bool // of the actor alone: filled was taken

	mu     sync.Mutex
	script script
	sounds bool
}

// fill begins a filler.
func (c *Call) fill(ctx context.Context, n int, text string) {
	making, cancel := context.WithCancelCause(ctx)
	b := &bridge{n: n, text: text, utterance: c.playout.Begin(), cancel: cancel, hushed: make(chan struct{}, 1)}
	b.script.pace = c.pace
	b.script.says(text)
	c.bridge = b
	how, voice := c.dialog.agent.VoiceAt(c.Leg.Info().Rate), c.parts.Synthesizer
	c.spawn("filler", func() {
		defer cancel(errHungUp)
		made := make(chan error, 1)
		c.spawn("filler", func() { made <- c.makeBridge(making, b, voice, how) })
		c.attendBridge(ctx, making, b, made)
	})
}

// makeBridge makes the sound of a filler. It is heard ahead of an answer that has begun and stands still.
func (c *Call) makeBridge(ctx context.Context, b *bridge, voice Synthesizer, how Voice) error {
	if b.text == "" {
		return c.bridgeSound(ctx, b, Speech{PCM: tone(how.Rate)}, how.Rate)
	}
	text := func(yield func(string, error) bool) { yield(b.text, nil) }
	for speech, err := range voice.Speak(ctx, text, how) {
		if err != nil {
			return err
		}
		if err := c.bridgeSound(ctx, b, speech, how.Rate); err != nil {
			return err
		}
	}
	return nil
}

func (c *Call) bridgeSound(ctx context.Context, b *bridge, s Speech, rate int) error {
	b.mu.Lock()
	first := !b.sounds && len(s.PCM) > 0
	b.sounds = b.sounds || first
	b.script.words = append(b.script.words, s.Words...)
	b.script.sounds(s.PCM, rate)
	b.mu.Unlock()
	if len(s.PCM) == 0 {
		return nil
	}
	if err := b.utterance.Write(ctx, s.PCM); err != nil {
		return err
	}
	if first && !c.playout.Interject(b.utterance) {
		return errSounds
	}
	if first {
		c.post(ctx, filling{b.n})
	}
	return nil
}

// attendBridge sees a filler through, and reports what was heard of it. If making ends the actor has done so.
func (c *Call) attendBridge(ctx, making context.Context, b *bridge, made <-chan error) {
	var wordEnds <-chan time.Time
	for {
		select {
		case err := <-made:
			made = nil
			b.mu.Lock()
			b.script.whole = err == nil
			silent := !b.sounds
			b.mu.Unlock()
			b.utterance.CloseWrite()
			if errors.Is(err, errSounds) || silent {
				n := b.account()
				n.sounded, n.refused = false, errors.Is(err, errSounds)
				c.post(ctx, n)
				return
			}
			continue
		case <-b.hushed:
			wordEnds = time.After(b.rest())
			continue
		case <-wordEnds:
		case <-b.utterance.Done():
		case <-making.Done():
			return
		}
		b.cancel(ErrBargeIn) // what is still being made of it
		c.post(ctx, b.account())
		return
	}
}

// account says what was heard of a filler, and ends it.
func (b *bridge) account() filled {
	heard := b.utterance.Cut()
	_, began := b.utterance.Began()
	b.mu.Lock()
	defer b.mu.Unlock()
	return filled{n: b.n, sounded: began, heard: b.script.heard(heard)}
}

// rest is how long the current word still lasts.
func (b *bridge) rest() time.Duration {
	heard := b.utterance.Heard()
	b.mu.Lock()
	defer b.mu.Unlock()
	const most = 600 * time.Millisecond
	return min(b.script.wordEnd(heard)-heard, most)
}

// hush ends filler n: at once, or at the end of the current word.
func (c *Call) hush(ctx context.Context, n int, atOnce bool) {
	b := c.bridge
	if b == nil || b.n != n {
		return
	}
	if !atOnce {
		select {
		case b.hushed <- struct{}{}:
		default:
		}
		return
	}
	b.cancel(ErrBargeIn)
	c.take(ctx, b.account())
}

// fresh says whether n is the first news of its filler's end: whoever hushes a filler does not wait for it to be told.
func (c *Call) fresh(n filled) bool {
	b := c.bridge
	if b == nil || b.n != n.n || b.over {
		return false
	}
	b.over = true
	return true
}

// announceAll reports replies that were kept from sounding by a filler.
func (c *Call) announceAll(ctx context.Context) {
	for _, l := range c.live {
		for _, r := range l.replies {
			if _, ok := r.utterance.Began(); ok && !r.announced.Swap(true) {
				c.take(ctx, sounded{r.turn, r.step})
			}
		}
	}
}

// lull notices that a reply has stopped in its midst: nothing of it is left to be heard, and nothing follows.
type lull struct {
	after time.Duration
	tell  func()

	mu      sync.Mutex
	timer   *time.Timer
	written time.Duration
	still   bool // it was told
	over    bool
}

// wakes says whether more is news: because it is the first, or because a lull was told.
func (l *lull) wakes() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	news := l.still || l.written == 0
	l.still = false
	return news
}

// wrote notes that d more of u has been written.
func (l *lull) wrote(u *media.Utterance, d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.written += d
	if l.over || l.after == never {
		return
	}
	if l.timer == nil {
		l.timer = time.AfterFunc(time.Hour, func() { l.look(u) })
	}
	l.timer.Reset(l.written - u.Heard() + l.after)
}

// look is the timer's.
func (l *lull) look(u *media.Utterance) {
	l.mu.Lock()
	left := l.written - u.Heard()
	quiet := !l.over && left < media.FrameTime
	l.still = l.still || quiet
	if !l.over && !quiet {
		l.timer.Reset(left + l.after)
	}
	l.mu.Unlock()
	if quiet {
		l.tell()
	}
}

func (l *lull) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	if l.timer != nil {
		l.timer.Stop()
	}
}
