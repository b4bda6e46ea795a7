package wyoming

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"parley/media"
	"parley/pipeline"
	"parley/providers/wire"
)

// What of a call's audio is kept.
const (
	preRoll  = 300 * time.Millisecond // before Began: an onset is noticed within it
	mostTape = time.Minute            // of a stretch that is not heard yet
)

// errClosed answers whoever uses a transcription after Close.
var errClosed = fmt.Errorf("wyoming: transcription is closed: %w", io.ErrClosedPipe)

// Transcribe opens a connection and asks what the server can do. ctx bounds the opening alone; the transcription lives until Close or until
// a stretch of speech could not be heard on two connections. Its errors are *wire.Error.
func (c *Client) Transcribe(ctx context.Context, o pipeline.Listening) (pipeline.Transcription, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if _, err := newConverter(o.Rate); err != nil {
		return nil, fmt.Errorf("wyoming: %w", err)
	}
	base := cmp.Or(c.BaseURL, HearURL)
	k, i, err := c.dial(ctx, base)
	if err != nil {
		return nil, err
	}
	if !i.hears {
		_ = k.Close()
		return nil, &wire.Error{Vendor: "wyoming", Status: 400, Message: "the server at " + base + " does not recognise speech"}
	}
	t := newTranscription(c, o)
	t.spare = k
	// The call's values may live on in its transcription; its opening's deadline may not.
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	t.stop = stop
	go t.run(life)
	return t, nil
}

func newTranscription(c *Client, o pipeline.Listening) *transcription {
	return &transcription{
		client: c, log: c.log().With("provider", "wyoming"), base: cmp.Or(c.BaseURL, HearURL), rate: o.Rate, lang: o.Lang, always: slices.Clone(o.Words),
		limit: cmp.Or(c.FinalLimit, defaultFinalLimit), wake: make(chan struct{}, 1), done: make(chan struct{}), out: wire.NewOutbox(),
	}
}

// A transcription is one call's. Its state is in the hands of whoever holds mu; no I/O happens under it.
type transcription struct {
	client *Client
	log    *slog.Logger
	base   string
	rate   int
	lang   string
	always []string // words that are expected throughout
	limit  time.Duration
	wake   chan struct{} // there is something to hear, or to end
	done   chan struct{} // run has returned
	stop   func()        // ends run and its connection at once
	out    *wire.Outbox
	spare  *conn // of run: opened, and not used yet

	mu      sync.Mutex
	tape    []int16
	begin   int64         // the place of tape[0], in samples since the first frame
	at      time.Duration // when what follows the tape will have been spoken
	lost    int           // samples that nobody heard
	open    *stretch      // that is being spoken; nil: none
	queue   []*stretch    // that are not answered, oldest first; open is the last of them
	words   []string      // that are expected now
	closing bool
	err     error // why it failed
}

// A stretch is one stretch of speech.
type stretch struct {
	edge     int
	from, to int64 // its place on the tape; to once it has ended
	ended    bool
	answers  bool // to an Ended
	dropped  bool // nobody wants it any more
	due      time.Time
}

func (t *transcription) head() int64 { return t.begin + int64(len(t.tape)) }

// Write copies the frame. What was spoken between stretches is forgotten soon.
func (t *transcription) Write(f media.Frame) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.usable(); err != nil {
		return err
	}
	if f.Rate != t.rate {
		return fmt.Errorf("wyoming: frame of %d Hz, transcription of %d", f.Rate, t.rate)
	}
	t.tape = append(t.tape, f.PCM...)
	t.at = f.At + media.Samples(len(f.PCM), f.Rate)
	if len(t.queue) == 0 {
		t.forget(t.head() - t.samples(preRoll))
		return nil
	}
	t.nudge()
	if over := int64(len(t.tape)) - t.samples(mostTape); over > 0 {
		gone := max(over, t.samples(time.Second)) // a second at a time, so that not each frame moves all
		t.lost += int(gone)
		t.remove(int(gone))
		return pipeline.ErrBehind
	}
	return nil
}

func (t *transcription) samples(d time.Duration) int64 {
	return int64(d) * int64(t.rate) / int64(time.Second)
}

// forget lets go of what was before a place. Bytes move only once half of the tape can go, so that a frame costs a frame.
func (t *transcription) forget(from int64) {
	n := int(min(from-t.begin, int64(len(t.tape))))
	if n > 0 && n >= len(t.tape)-n {
		t.remove(n)
	}
}

// remove takes so many samples from the beginning of the tape.
func (t *transcription) remove(n int) {
	t.tape = t.tape[:copy(t.tape, t.tape[n:])]
	t.begin += int64(n)
}

// Mark begins a stretch, or ends it.
func (t *transcription) Mark(e pipeline.Edge) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.usable(); err != nil {
		return err
	}
	switch e.Kind {
	case pipeline.Began:
		if t.open != nil && t.open.edge == e.N {
			return nil
		}
		t.drop()
		ago := max(0, t.at-e.At) + preRoll // frames may have been lost since
		t.open = &stretch{edge: e.N, from: max(t.begin, t.head()-t.samples(ago), t.spoken())}
		t.queue = append(t.queue, t.open)
	case pipeline.Ended:
		if t.open == nil || t.open.edge != e.N {
			t.drop()
			t.open = &stretch{edge: e.N, from: t.head()}
			t.queue = append(t.queue, t.open)
		}
		t.end(true)
	default:
		return nil
	}
	t.nudge()
	return nil
}

// spoken is where the stretch before ended. It is called under mu.
func (t *transcription) spoken() int64 {
	if n := len(t.queue); n > 0 {
		return t.queue[n-1].to
	}
	return 0
}

// drop gives up a stretch that never ended. It is called under mu.
func (t *transcription) drop() {
	if t.open != nil {
		t.open.dropped, t.open.ended, t.open.to = true, true, t.head()
		t.open = nil
	}
}

// end ends the stretch that is being spoken. It is called under mu.
func (t *transcription) end(answers bool) {
	s := t.open
	t.open = nil
	s.ended, s.answers, s.to, s.due = true, answers, t.head(), time.Now().Add(t.limit)
}

// Expect tells the next stretch which words are likely.
func (t *transcription) Expect(words []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.words = slices.Clone(words)
}

// Results yields what was understood. Only the newest Partial is kept for a slow reader.
func (t *transcription) Results() iter.Seq2[pipeline.Transcript, error] { return t.out.All() }

// Close has what was said so far heard to its end, no longer than the client's CloseLimit, and waits for the goroutines.
func (t *transcription) Close() error {
	t.mu.Lock()
	if t.open != nil {
		t.end(false)
	}
	t.closing = true
	t.nudge()
	t.mu.Unlock()
	late := time.AfterFunc(cmp.Or(t.client.CloseLimit, defaultCloseLimit), t.stop)
	<-t.done
	late.Stop()
	t.stop()
	return nil
}

func (t *transcription) usable() error {
	switch {
	case t.err != nil:
		return t.err
	case t.closing:
		return errClosed
	}
	return nil
}

func (t *transcription) nudge() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// run has one stretch after the other heard until the transcription is closed or fails, and then ends its results.
func (t *transcription) run(life context.Context) {
	defer close(t.done)
	for {
		s, closing := t.next()
		switch {
		case s != nil:
			said, err := t.listen(life, s)
			if err != nil {
				t.finish(err)
				return
			}
			t.answer(s, said)
		case closing || life.Err() != nil:
			t.finish(nil)
			return
		case t.spare == nil:
			t.prepare(life)
		default:
			select {
			case <-t.wake:
			case <-life.Done():
			}
		}
	}
}

// prepare opens the connection that the next stretch will need. That it cannot be opened is that stretch's trouble.
func (t *transcription) prepare(life context.Context) {
	k, _, err := t.client.dial(life, t.base)
	if err == nil {
		t.spare = k
		return
	}
	t.log.Debug("no connection for the next stretch of speech", "err", err)
	select {
	case <-t.wake:
	case <-life.Done():
	}
}

// next is the oldest stretch that nobody has heard; nil if there is none.
func (t *transcription) next() (s *stretch, closing bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.queue) > 0 && t.queue[0].dropped {
		t.queue = t.queue[1:]
	}
	if len(t.queue) > 0 {
		return t.queue[0], t.closing
	}
	return nil, t.closing
}

// answer tells what was understood of the oldest stretch.
func (t *transcription) answer(s *stretch, w said) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.queue = t.queue[1:]
	text := strings.Join(w.texts, " ")
	switch {
	case s.dropped:
	case s.answers:
		t.out.Put(pipeline.Transcript{Kind: pipeline.Final, Text: text, Lang: cmp.Or(w.lang, t.lang), Edge: s.edge})
	case text != "":
		t.out.Put(pipeline.Transcript{Kind: pipeline.Final, Text: text, Lang: cmp.Or(w.lang, t.lang)})
	}
	if len(t.queue) == 0 {
		t.forget(t.head() - t.samples(preRoll))
	} else {
		t.forget(t.queue[0].from)
	}
}

// finish ends the results: in good order after Close, else with err.
func (t *transcription) finish(err error) {
	if t.spare != nil {
		_ = t.spare.Close()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closing {
		if err != nil {
			t.log.Debug("transcription closed before all was heard", "err", err)
		}
		err = nil
		for _, s := range t.queue {
			if s.answers {
				t.out.Put(pipeline.Transcript{Kind: pipeline.Final, Lang: t.lang, Edge: s.edge})
			}
		}
	} else if err == nil {
		err = errClosed
	}
	t.err, t.queue, t.tape = err, nil, nil
	if t.lost > 0 {
		t.log.Warn("transcription lost audio", "samples", t.lost)
	}
	t.out.End(err)
}

// piece copies to dst what was spoken of a stretch from a place on, if it is worth a message or the last of it; over says that nothing
// will follow.
func (t *transcription) piece(dst []int16, s *stretch, from int64, most int) (pcm []int16, next int64, over bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	from = max(from, t.begin)
	end := t.head()
	if s.ended {
		end = s.to
	}
	n := max(0, min(end-from, int64(most)))
	if n < int64(most) && !s.ended {
		return nil, from, false
	}
	at := int(from - t.begin)
	return append(dst[:0], t.tape[at:at+int(n)]...), from + n, s.ended && from+n >= end
}

// state is when the answer of a stretch is due, once it has ended, and whether anybody still wants it.
func (t *transcription) state(s *stretch) (due time.Time, ended, dropped bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return s.due, s.ended, s.dropped
}

// expected are the words that the server is told of.
func (t *transcription) expected() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append(slices.Clone(t.words), t.always...)
}

// errRestless is a server that ends stretches of its own more often than people pause.
var errRestless = errors.New("the server ends one stretch of speech again and again")
