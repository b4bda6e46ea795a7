package deepgram

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"parley/media"
	"parley/pipeline"
	"parley/providers/wire"
)

// redialPause is the least time between two sockets of one transcription: whoever loses them faster has failed.
const redialPause = 10 * time.Second

// errClosed answers whoever uses a transcription after Close.
var errClosed = fmt.Errorf("deepgram: transcription is closed: %w", io.ErrClosedPipe)

// Transcribe opens a socket at /v1/listen, or for Flux at /v2/listen. ctx bounds the opening alone; the transcription lives until Close
// or until the socket is lost for good. A lost socket is dialled again once, and what was not settled is sent again.
func (c *Client) Transcribe(ctx context.Context, o pipeline.Listening) (pipeline.Transcription, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	enc, err := encodingFor(o.Rate)
	if err != nil {
		return nil, err
	}
	t := &transcription{
		client: c,
		log:    c.log().With("provider", "deepgram"),
		lang:   o.Lang,
		path:   "/v1/listen",
		query:  c.listenQuery(o, enc),
		chunk:  enc.Bytes(or(c.Chunk, defaultChunk)),
		wake:   make(chan struct{}, 1),
		done:   make(chan struct{}),
		out:    wire.NewOutbox(),
		reel:   wire.NewReel(enc, &c.reels),
	}
	if t.flux = turnBased(c.modelFor(o)); t.flux {
		t.path, t.query, t.words = "/v2/listen", c.fluxQuery(o, enc), o.Words
	}
	conn, err := t.dial(ctx)
	if err != nil {
		return nil, err
	}
	// The call's values may live on in its transcription; its opening's deadline may not.
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	t.stop = stop
	go t.run(life, conn)
	return t, nil
}

// modelFor is the model that listens. A recording has no turns to find, and nobody waits for it: Flux leaves it to the usual model.
func (c *Client) modelFor(o pipeline.Listening) string {
	if o.Patient && turnBased(c.STTModel) {
		return defaultSTTModel
	}
	return or(c.STTModel, defaultSTTModel)
}

// listenQuery is the socket's whole configuration: listen v1 cannot be told more later.
func (c *Client) listenQuery(o pipeline.Listening, enc wire.Encoding) url.Values {
	model := c.modelFor(o)
	q := url.Values{
		"model":            {model},
		"encoding":         {encodingName(enc)},
		"sample_rate":      {strconv.Itoa(enc.Rate)},
		"channels":         {"1"},
		"interim_results":  {"true"},
		"smart_format":     {"true"},
		"utterance_end_ms": {"1000"}, // the least there is; for words where the Ear heard nothing
		"endpointing":      {"false"},
	}
	if c.Endpointing > 0 {
		q.Set("endpointing", strconv.FormatInt(c.Endpointing.Milliseconds(), 10))
	}
	if o.Lang != "" {
		q.Set("language", o.Lang)
	}
	words := "keyterm"
	if strings.HasPrefix(model, "nova-2") || strings.HasPrefix(model, "nova-general") || strings.HasPrefix(model, "enhanced") {
		words = "keywords" // what keyterm was called before nova-3
	}
	for _, w := range o.Words {
		q.Add(words, w)
	}
	for k, v := range c.ListenQuery {
		q[k] = v
	}
	return q
}

// A transcription is one call's. Its state is in the hands of whoever holds mu; no I/O happens under it.
type transcription struct {
	client *Client
	log    *slog.Logger
	lang   string
	flux   bool // it finds the ends of turns itself
	path   string
	query  url.Values
	chunk  int           // bytes of one message
	wake   chan struct{} // there is something to send
	done   chan struct{} // run has returned
	stop   func()        // ends run and closes its socket at once
	out    *wire.Outbox

	mu      sync.Mutex
	reel    wire.Reel
	clock   wire.Clock
	hearing hearing
	timer   *time.Timer // of the oldest Ended that waits
	waiting bool        // for a new socket
	closing bool
	err     error // why it failed

	// of Flux
	near        int      // frames, from now on, that go out as they come: Flux may be about to end the turn
	still       uint64   // how much there was to send when it was last looked at
	words       []string // that are expected throughout
	terms       []byte   // the message that says which are expected now; nil: those
	untoldTerms bool
}

// Write copies the frame, which may be of any length, at the rate that was asked for. It never waits for the network.
func (t *transcription) Write(f media.Frame) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.usable(); err != nil {
		return err
	}
	if f.Rate != t.reel.Encoding.Rate {
		return fmt.Errorf("deepgram: frame of %d Hz, transcription of %d", f.Rate, t.reel.Encoding.Rate)
	}
	dropped := t.reel.Add(f, t.waiting)
	if t.near > 0 || t.reel.Waiting() >= t.chunk/t.reel.Frame() {
		t.nudge()
	}
	t.near = max(t.near-1, 0)
	if dropped {
		return pipeline.ErrBehind
	}
	return nil
}

// Mark notes where a stretch of speech begins and ends. At its end all audio so far is sent, and Finalize after it. Flux is left to judge
// for itself whether that was the end of the turn: the Ended is answered, without words, when Flux has said so or the caller goes on.
func (t *transcription) Mark(e pipeline.Edge) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.usable(); err != nil {
		return err
	}
	switch e.Kind {
	case pipeline.Began, pipeline.Resumed:
		t.hearing.open, t.near = e.N, 0
		t.hearing.goesOn(t.out)
	case pipeline.MaybeEnded:
		if t.flux {
			t.near = nearFrames
		}
	case pipeline.Ended:
		t.hearing.open = 0
		limit := or(t.client.FinalLimit, defaultFinalLimit)
		q := question{edge: e.N, at: e.At, head: t.reel.Head(), due: time.Now().Add(limit), patient: t.flux, limit: limit}
		t.hearing.expect(q, t.out)
		t.arm()
		t.nudge()
	}
	return nil
}

// Expect tells Flux which words are likely next, besides Listening.Words. To listen v1 those alone are told, when its socket is opened.
func (t *transcription) Expect(words []string) {
	if !t.flux {
		return
	}
	terms := configure(t.words, words)
	t.mu.Lock()
	defer t.mu.Unlock()
	if !bytes.Equal(terms, t.terms) && t.usable() == nil {
		t.terms, t.untoldTerms = terms, true
		t.nudge()
	}
}

// Results yields what was understood. Only the newest Partial is kept for a slow reader.
func (t *transcription) Results() iter.Seq2[pipeline.Transcript, error] { return t.out.All() }

// Close sends the rest of the audio and CloseStream, waits for the last results no longer than the client's CloseLimit, and for
// both goroutines.
func (t *transcription) Close() error {
	t.mu.Lock()
	t.closing = true
	t.nudge()
	t.mu.Unlock()
	late := time.AfterFunc(or(t.client.CloseLimit, defaultCloseLimit), t.stop)
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

// arm sets the timer to the oldest Ended that waits. It is called under mu.
func (t *transcription) arm() {
	due, ok := t.hearing.due()
	switch {
	case !ok && t.timer != nil:
		t.timer.Stop()
	case ok && t.timer == nil:
		t.timer = time.AfterFunc(time.Until(due), t.expire)
	case ok:
		t.timer.Reset(time.Until(due))
	}
}

// expire answers whatever has waited too long with the words that there are.
func (t *transcription) expire() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.hearing.expire(time.Now(), t.out)
		t.arm()
		t.nudge() // there may be something to ask of Flux
	}
}

// run keeps a socket until the transcription is closed or fails, and then ends its results.
func (t *transcription) run(life context.Context, conn *websocket.Conn) {
	defer close(t.done)
	var redialled time.Time
	for {
		err := t.serve(life, conn)
		if !t.again(err, redialled) {
			t.finish(err)
			return
		}
		redialled = time.Now()
		t.log.Warn("transcription lost its socket, dialling again", "err", err)
		again, derr := t.dial(life)
		if derr != nil {
			t.finish(fmt.Errorf("%w; %w", err, derr))
			return
		}
		conn = again
		t.mu.Lock()
		t.waiting = false
		t.mu.Unlock()
	}
}

// again says whether a lost socket is worth another, and if so makes all that was not settled unsent again. A socket that answered
// nothing is not, when it fell silent or was the second; nor is one that was lost so soon after the last.
func (t *transcription) again(err error, redialled time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	var refused *Error
	useless := t.hearing.heard == 0 && (wire.TimedOut(err) || !redialled.IsZero())
	switch {
	case err == nil, t.closing, useless, time.Since(redialled) < redialPause:
		return false
	case errors.As(err, &refused) && refused.Hopeless():
		return false
	}
	t.waiting, t.untoldTerms = true, t.terms != nil
	t.clock = wire.Clock{}
	t.reel.Rewind()
	t.hearing.restart()
	return true
}

// finish ends the results: in good order after Close, else with err.
func (t *transcription) finish(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closing {
		if err != nil {
			t.log.Debug("transcription closed without a goodbye", "err", err)
		}
		err = nil
		t.hearing.conclude(t.out)
	}
	t.err = err
	if t.timer != nil {
		t.timer.Stop()
	}
	if t.reel.Lost() > 0 {
		t.log.Warn("transcription lost audio", "frames", t.reel.Lost())
	}
	t.reel.Keep(t.reel.Head()) // nobody needs it any more
	t.out.End(err)
}
