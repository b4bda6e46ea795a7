package providers

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"unicode"

	"parley/pipeline"
)

// DefaultLimit is how many bytes a Cache keeps when its Limit is 0: half an hour of speech at 8 kHz.
const DefaultLimit = 32 << 20

// longestText is how many bytes a text that is made ahead may have.
const longestText = 4000

// errGaveWay says that a text was left for later because a call wants to speak.
var errGaveWay = errors.New("a call speaks")

// A Cache is a Synthesizer that plays from memory what is known ahead: greetings, re-prompts, apologies, fillers, the prompts of a
// flow. Prepare says what that is. Each is synthesised once for each Voice, ahead of time or, where a call was first, by that call and
// for all that ask for it meanwhile. A synthesis that failed or was cut is not kept. All else goes to the Synthesizer untouched.
//
// Text comes in pieces, and nobody knows which is the last. So what has come is looked up: if it is known and a sentence is over, or
// the text is, it is played at once, and what follows is looked up afresh; as soon as it is not the beginning of anything known, all
// of it and all that follows goes to the Synthesizer, in the pieces in which it came. The house's own texts come whole and are found
// at the first look; a model's first token is held back only where something known begins like that, until the next.
//
// Sound is lent as it is kept: whoever takes it must not write into it. Its fields are set before the first use and not changed after.
// All methods may be called by any goroutine.
type Cache struct {
	Synthesizer pipeline.Synthesizer
	Limit       int // bytes of sound and text to be kept; 0: DefaultLimit. What was not used for longest is forgotten first

	mu     sync.Mutex
	known  map[string]*list.Element // of *line, by text
	sorted []string                 // the known texts
	order  list.List                // of *line; the last used is in front
	stats  Stats

	errand  chan struct{} // holds something while a text is made ahead; nil: there was none yet
	dismiss func()        // stops the errand that is being run; nil: there is none
	calls   int           // utterances of calls that wait for their first sound
	calm    chan struct{} // closed when calls falls to 0; nil: nobody waits for it
}

// Stats say how a Cache does.
type Stats struct {
	Texts  int   // known
	Bytes  int   // kept
	Played int64 // utterances, or beginnings of them, from memory
	Made   int64 // syntheses for memory that were begun
}

// A line is a text that is known, and its sound.
type line struct {
	text  string
	takes map[pipeline.Voice]*take
	bytes int
}

// perLine is about what a line costs besides its text and sound.
const perLine = 256

// Stats are those of now.
func (c *Cache) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Texts = len(c.sorted)
	return s
}

// Prepare makes texts known, and makes their sound in v, one after the other. No call waits for it: a text is begun only while no
// call waits for its first sound, and given up, to be begun again later, when one does. It returns when all are made, with the
// errors of those that could not be, or when ctx ends, with its cause. The texts are known from the beginning, also those that fail:
// a call that is first makes its own. Texts without words are passed over. v must be what the call will ask for: see
// [pipeline.Agent.VoiceAt].
func (c *Cache) Prepare(ctx context.Context, v pipeline.Voice, texts ...string) error {
	if v.Rate <= 0 {
		return fmt.Errorf("prepare speech: Voice.Rate is %d: want the leg's samples a second", v.Rate)
	}
	var wrong []error
	var plain []string
	for _, text := range texts {
		switch text = normal(text); {
		case len(text) > longestText:
			wrong = append(wrong, fmt.Errorf("prepare %.40q...: %d bytes, want at most %d", text, len(text), longestText))
		case speakable(text):
			plain = append(plain, text)
			c.learn(text)
		}
	}
	for _, text := range plain {
		switch err := c.prepare(ctx, text, v); {
		case ctx.Err() != nil:
			return errors.Join(append(wrong, context.Cause(ctx))...)
		case err != nil:
			wrong = append(wrong, fmt.Errorf("prepare %.40q: %w", text, err))
		}
	}
	return errors.Join(wrong...)
}

// learn makes a text known.
func (c *Cache) learn(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.known[text]; ok {
		c.order.MoveToFront(e)
		return
	}
	if c.known == nil {
		c.known = make(map[string]*list.Element)
	}
	l := &line{text: text, takes: make(map[pipeline.Voice]*take)}
	c.known[text] = c.order.PushFront(l)
	at, _ := slices.BinarySearch(c.sorted, text)
	c.sorted = slices.Insert(c.sorted, at, text)
	c.grow(l, len(text)+perLine)
}

// grow accounts for more of l, and forgets the least used lines where that is too much; mu is held.
func (c *Cache) grow(l *line, bytes int) {
	l.bytes += bytes
	c.stats.Bytes += bytes
	for limit := c.limit(); c.stats.Bytes > limit; {
		c.forget(c.order.Back())
	}
}

func (c *Cache) limit() int {
	if c.Limit > 0 {
		return c.Limit
	}
	return DefaultLimit
}

func (c *Cache) forget(e *list.Element) {
	l := c.order.Remove(e).(*line)
	delete(c.known, l.text)
	if at, ok := slices.BinarySearch(c.sorted, l.text); ok {
		c.sorted = slices.Delete(c.sorted, at, at+1)
	}
	c.stats.Bytes -= l.bytes
}

// prepare sees to it that there is a take of text.
func (c *Cache) prepare(ctx context.Context, text string, v pipeline.Voice) error {
	for {
		if err := c.quiet(ctx); err != nil {
			return err
		}
		if err := c.run(ctx, text, v); !errors.Is(err, errGaveWay) {
			return err
		}
	}
}

// quiet waits until no call waits for sound.
func (c *Cache) quiet(ctx context.Context) error {
	c.mu.Lock()
	if c.calls == 0 {
		c.mu.Unlock()
		return context.Cause(ctx)
	}
	if c.calm == nil {
		c.calm = make(chan struct{})
	}
	calm := c.calm
	c.mu.Unlock()
	select {
	case <-calm:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// run makes a take of text, unless there is one, or a call comes in between.
func (c *Cache) run(ctx context.Context, text string, v pipeline.Voice) error {
	c.mu.Lock()
	if c.errand == nil {
		c.errand = make(chan struct{}, 1)
	}
	errand := c.errand
	c.mu.Unlock()
	select {
	case errand <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-errand }()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c.mu.Lock()
	if c.calls > 0 {
		c.mu.Unlock()
		return errGaveWay
	}
	c.dismiss = func() { cancel(errGaveWay) }
	t := c.ask(ctx, text, v)
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.dismiss = nil
		c.mu.Unlock()
	}()
	if t == nil {
		return nil // forgotten already: there is no room
	}
	defer t.leave()
	return t.wait(ctx)
}

// ask joins the take of text in v, and begins it if there is none; nil if text is not known. mu is held. Leave it when done.
func (c *Cache) ask(ctx context.Context, text string, v pipeline.Voice) *take {
	e, ok := c.known[text]
	if !ok {
		return nil
	}
	c.order.MoveToFront(e)
	l := e.Value.(*line)
	if t := l.takes[v]; t != nil && t.join() {
		return t
	}
	c.stats.Made++
	t, making := newTake(ctx)
	l.takes[v] = t
	go t.make(making, c.Synthesizer, text, v, func(ok bool) { c.made(l, v, t, ok) })
	return t
}

// made keeps a take, or not.
func (c *Cache) made(l *line, v pipeline.Voice, t *take, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.takes[v] != t { // another has taken its place
		return
	}
	e := c.known[l.text]
	size := t.size()
	if !ok || e == nil || e.Value != l || size > c.limit() {
		delete(l.takes, v)
		return
	}
	c.grow(l, size)
}

// find says of the beginning of a text whether it is known, and whether something known begins like that and goes on.
func (c *Cache) find(text string) (known, begins bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, known := slices.BinarySearch(c.sorted, text)
	if known {
		at++
	}
	return known, at < len(c.sorted) && strings.HasPrefix(c.sorted[at], text)
}

// hurry says that a call waits for its first sound: nothing is made ahead meanwhile. The call then says so when it waits no more.
func (c *Cache) hurry() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls++; c.dismiss != nil {
		c.dismiss()
	}
}

func (c *Cache) relax() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls--; c.calls == 0 && c.calm != nil {
		close(c.calm)
		c.calm = nil
	}
}

// Speak implements [pipeline.Synthesizer].
func (c *Cache) Speak(ctx context.Context, text iter.Seq2[string, error], v pipeline.Voice) iter.Seq2[pipeline.Speech, error] {
	return func(yield func(pipeline.Speech, error) bool) {
		next, stop := iter.Pull2(text)
		defer stop()
		u := utterance{cache: c, voice: v, next: next, yield: yield}
		defer u.relax()
		u.speak(ctx)
	}
}

// normal is text with a single space wherever it has any.
func normal(text string) string { return strings.Join(strings.Fields(text), " ") }

// speakable says whether text has anything to be spoken.
func speakable(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) })
}
