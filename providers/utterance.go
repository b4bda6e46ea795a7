package providers

import (
	"context"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"parley/media"
	"parley/pipeline"
)

// An utterance is one Speak of a Cache: known stretches from memory, then, if anything else comes, the Synthesizer.
type utterance struct {
	cache *Cache
	voice pipeline.Voice
	next  func() (string, error, bool)
	yield func(pipeline.Speech, error) bool

	held  []string // pieces that have come and were not spoken
	over  bool     // no more will come
	err   error    // with which the text ended
	at    time.Duration
	pause time.Duration // due before what follows

	mu      sync.Mutex // the Synthesizer may pull text on a goroutine of its own
	hurries bool
	sounds  bool
}

// speak speaks all there is.
func (u *utterance) speak(ctx context.Context) {
	for {
		known, ok := u.known()
		if !ok {
			break
		}
		if !u.play(ctx, known) {
			return
		}
	}
	switch said := strings.Join(u.held, ""); {
	case u.over && normal(said) == "" && u.err != nil:
		u.yield(pipeline.Speech{}, u.err)
	case u.over && normal(said) == "":
	default:
		u.pass(ctx)
	}
}

// known pulls text until it is clear whether what has come is known, and then takes it.
func (u *utterance) known() (text string, ok bool) {
	for {
		text := normal(strings.Join(u.held, ""))
		known, begins := u.cache.find(text)
		switch {
		case known && (u.over || sentence(text)):
			u.held = u.held[:0]
			return text, true
		case u.over || !known && !begins:
			return "", false
		}
		piece, err, ok := u.next()
		switch {
		case !ok:
			u.over = true
		case err != nil:
			u.over, u.err = true, err
		default:
			u.held = append(u.held, piece)
		}
	}
}

// sentence says whether text ends one.
func sentence(text string) bool {
	r, _ := utf8.DecodeLastRuneInString(strings.TrimRight(text, "\"')]”’»"))
	return strings.ContainsRune(".!?…。！？", r)
}

// play plays a known text; false if the utterance is over.
func (u *utterance) play(ctx context.Context, text string) bool {
	c := u.cache
	c.mu.Lock()
	t := c.ask(ctx, text, u.voice)
	if t != nil {
		c.stats.Played++
	}
	c.mu.Unlock()
	if t == nil { // forgotten since
		u.held = append(u.held, text+" ")
		return true
	}
	defer t.leave()
	samples, words := 0, 0
	for {
		sp, done, changed, err := t.after(samples, words)
		samples, words = samples+len(sp.PCM), words+len(sp.Words)
		if ctx.Err() != nil {
			u.yield(pipeline.Speech{}, context.Cause(ctx))
			return false
		}
		if len(sp.PCM)+len(sp.Words) > 0 && !u.hand(sp, u.at) {
			return false
		}
		if err != nil {
			u.yield(pipeline.Speech{}, err)
			return false
		}
		if done {
			u.at += media.Samples(samples, u.voice.Rate)
			whole, _, _, _ := t.after(0, 0)
			u.pause = pause(whole.PCM, u.voice.Rate)
			return true
		}
		u.hurry()
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// hand yields speech whose words count from at on, after the pause that is due.
func (u *utterance) hand(sp pipeline.Speech, at time.Duration) bool {
	if u.pause > 0 && len(sp.PCM) > 0 {
		silence := make([]int16, int(u.pause.Seconds()*float64(u.voice.Rate)))
		u.pause = 0
		u.at += media.Samples(len(silence), u.voice.Rate)
		at = u.at
		if !u.yield(pipeline.Speech{PCM: silence}, nil) {
			return false
		}
	}
	if at > 0 && len(sp.Words) > 0 {
		moved := make([]pipeline.Word, len(sp.Words))
		for i, w := range sp.Words {
			w.Start, w.End = w.Start+at, w.End+at
			moved[i] = w
		}
		sp.Words = moved
	}
	if len(sp.PCM) > 0 {
		u.mu.Lock()
		u.sounds = true
		u.mu.Unlock()
		u.relax()
	}
	return u.yield(sp, nil)
}

// pass lets the Synthesizer speak what is held and all that comes.
func (u *utterance) pass(ctx context.Context) {
	for sp, err := range u.cache.Synthesizer.Speak(ctx, u.rest, u.voice) {
		if err != nil {
			u.yield(pipeline.Speech{}, err)
			return
		}
		if !u.hand(sp, u.at) {
			return
		}
	}
}

// rest is the text from the first piece on that was not spoken.
func (u *utterance) rest(yield func(string, error) bool) {
	for len(u.held) > 0 {
		piece := u.held[0]
		u.held = u.held[1:]
		u.hear(piece)
		if !yield(piece, nil) {
			return
		}
	}
	for !u.over {
		piece, err, ok := u.next()
		switch {
		case !ok:
			u.over = true
		case err != nil:
			u.over, u.err = true, err
		default:
			u.hear(piece)
			if !yield(piece, nil) {
				return
			}
		}
	}
	if err := u.err; err != nil {
		u.err = nil
		yield("", err)
	}
}

// hear notes text for the Synthesizer: from now on the call waits for sound.
func (u *utterance) hear(piece string) {
	if speakable(piece) {
		u.hurry()
	}
}

func (u *utterance) hurry() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.hurries && !u.sounds {
		u.hurries = true
		u.cache.hurry()
	}
}

func (u *utterance) relax() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.hurries {
		u.hurries = false
		u.cache.relax()
	}
}
