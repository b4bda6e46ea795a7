package wire

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"parley/media"
	"parley/media/resample"
	"parley/pipeline"
)

// redialPause is the least time between two sockets of one transcription: whoever loses them faster has failed.
const redialPause = 10 * time.Second

// A Dialect is how a recogniser is spoken to on the sockets of one call. Dial is called while there is no other socket; Audio, Ask, Alive
// and Bye by the goroutine that sends; Understand by the one that reads.
type Dialect interface {
	// Dial opens a socket and returns once it may be sent audio. What was said on the one before is forgotten.
	Dial(ctx context.Context) (*websocket.Conn, error)
	// Audio appends to dst the message that carries audio, unless audio is the message; kind is that of WebSocket.
	Audio(dst, audio []byte) (message []byte, kind int)
	// Ask is the message that asks for the words of all audio so far.
	Ask() []byte
	// Alive is the message that keeps a socket without audio open; nil: silence does.
	Alive() []byte
	// Bye is the message that asks for the last words, after which the server hangs up; nil: it has none, and Ask will do.
	Bye() []byte
	// Expect is the message that tells which words are likely next; nil: it cannot be told.
	Expect(words []string) []byte
	// Understand reads one text message. Its times count from the socket's first sample; since is where the last Ask that was answered
	// had come. An error is a message that nobody can read: a few of them are let through.
	Understand(text []byte, since time.Duration) (Heard, error)
	// Broken puts the end of a socket in the vendor's words. It may say by Hopeless() bool that another socket would be refused too.
	Broken(err error) error
}

// Heard is what one message of a recogniser says. The zero value says nothing.
type Heard struct {
	Text    string
	Words   []pipeline.Word
	Lang    string
	End     time.Duration // how far it reaches; 0: as far as its words
	Told    bool          // it says which words there are, if any; else only what else is set
	Settled bool          // of Told: these words change no more, and come but once; else they replace those before that might
	Soon    bool          // of Told: the same words come Settled in a moment
	Over    bool          // the recogniser takes the utterance for ended
	Answer  bool          // it answers the oldest Ask
	Last    bool          // nothing follows
	Turn    Turn          // of recognisers that find the ends of turns themselves; 0: nothing is said of one
	Then    *Heard        // what it says besides, after that
	Warning string        // for the log
	Failure error         // the server gives up, and why
}

// Listening is how a transcription is opened.
type Listening struct {
	Name     string // of the vendor, for errors
	Encoding Encoding
	Rate     int           // of the frames that are written; 0: Encoding's. Another is resampled
	Chunk    time.Duration // of audio in a message
	Least    time.Duration // what is shorter is filled with silence; 0: nothing is
	Exact    bool          // every Ask is answered, in order; else an Ask for nothing may not be
	Lang     string        // that was asked for
	// Turns: it finds the ends of turns itself. It is not asked; an Ended is answered, without words, when it has told those of the turn, or
	// the caller goes on.
	Turns bool
	// Gated: audio is sent only while somebody speaks, with a little from before; what is between costs nothing, and is not heard.
	Gated bool
	// Still is how long no audio may come before silence is sent in its place, for as long as it does not come; 0: a little is sent now and
	// then, and of a Gated recogniser nothing.
	Still time.Duration

	FinalLimit time.Duration // longest wait of an Ended for its answer, then it gets the words known so far
	CloseLimit time.Duration // longest wait for the last results of a closing transcription

	Spare *Spare
	Log   *slog.Logger
}

// A Transcription is one call's on a socket. It implements pipeline.Transcription. Its state is in the hands of whoever holds mu; no I/O
// happens under it.
type Transcription struct {
	Listening
	dialect   Dialect
	chunk     int // bytes of one message
	resampled *resample.Resampler
	frame     []int16       // as it was resampled
	wake      chan struct{} // there is something to send
	done      chan struct{} // run has returned
	stop      func()        // ends run and closes its socket at once
	out       *Outbox
	errClosed error

	mu       sync.Mutex
	reel     Reel
	clock    Clock
	written  time.Duration // where in the call what was written ends
	hearing  hearing
	timer    *time.Timer // of what waits
	waiting  bool        // for a new socket
	closing  bool
	err      error  // why it failed
	expected []byte // the message that says which words are likely; nil: none was told
	untold   bool
}

// Open opens a transcription. ctx bounds the opening alone; the transcription lives until Close or until the socket is lost for good. A
// lost socket is dialled again once in a while, and what was not settled is sent again.
func Open(ctx context.Context, o Listening, d Dialect) (*Transcription, error) {
	t := newTranscription(o, d)
	if t.Rate != o.Encoding.Rate {
		var err error
		if t.resampled, err = resample.New(t.Rate, o.Encoding.Rate); err != nil {
			return nil, fmt.Errorf("%s: %w", o.Name, err)
		}
	}
	conn, err := d.Dial(ctx)
	if err != nil {
		return nil, err
	}
	// The call's values may live on in its transcription; its opening's deadline may not.
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	t.stop = stop
	go t.run(life, conn)
	return t, nil
}

func newTranscription(o Listening, d Dialect) *Transcription {
	o.Rate = cmp.Or(o.Rate, o.Encoding.Rate)
	return &Transcription{
		Listening: o,
		dialect:   d,
		chunk:     o.Encoding.Bytes(o.Chunk),
		wake:      make(chan struct{}, 1),
		done:      make(chan struct{}),
		out:       NewOutbox(),
		reel:      NewReel(o.Encoding, o.Spare),
		hearing:   hearing{exact: o.Exact, turns: o.Turns, lang: o.Lang},
		errClosed: fmt.Errorf("%s: transcription is closed: %w", o.Name, io.ErrClosedPipe),
	}
}

// Write copies the frame, which may be of any length, at the rate that was asked for. It never waits for the network.
func (t *Transcription) Write(f media.Frame) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.usable(); err != nil {
		return err
	}
	if f.Rate != t.Rate {
		return fmt.Errorf("%s: frame of %d Hz, transcription of %d", t.Name, f.Rate, t.Rate)
	}
	if t.resampled != nil {
		t.frame = t.resampled.Append(t.frame[:0], f.PCM)
		f.PCM, f.Rate = t.frame, t.Encoding.Rate
	}
	t.written = f.At + f.Duration()
	if t.gated() {
		t.pass()
	}
	dropped := t.reel.Add(f, t.waiting)
	if t.reel.Waiting() >= t.chunk/t.reel.Frame() {
		t.nudge()
	}
	if dropped {
		return pipeline.ErrBehind
	}
	return nil
}

// Mark notes where a stretch of speech begins and ends. At its end all audio so far is sent, and Ask after it.
func (t *Transcription) Mark(e pipeline.Edge) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.usable(); err != nil {
		return err
	}
	switch e.Kind {
	case pipeline.Began, pipeline.Resumed:
		t.hearing.open = e.N
		t.hearing.goesOn(t.out)
		t.arm()
		t.nudge() // what was held back may go
	case pipeline.Ended:
		t.hearing.open = 0
		t.ask(question{edge: e.N, at: e.At})
	}
	return nil
}

// ask puts a question to the recogniser, about all audio so far. It is called under mu.
func (t *Transcription) ask(q question) {
	q.head, q.limit = t.reel.Head(), t.FinalLimit
	t.hearing.expect(q, time.Now(), t.out)
	t.arm()
	t.nudge()
}

// Expect tells the recogniser which words are likely next, if it can be told.
func (t *Transcription) Expect(words []string) {
	message := t.dialect.Expect(words)
	t.mu.Lock()
	defer t.mu.Unlock()
	if message != nil && string(message) != string(t.expected) && t.usable() == nil {
		t.expected, t.untold = message, true
		t.nudge()
	}
}

// Results yields what was understood. Only the newest Partial is kept for a slow reader.
func (t *Transcription) Results() iter.Seq2[pipeline.Transcript, error] { return t.out.All() }

// Close sends the rest of the audio and goodbye, waits for the last results no longer than CloseLimit, and for both goroutines.
func (t *Transcription) Close() error {
	t.mu.Lock()
	if t.usable() == nil && t.dialect.Bye() == nil && (t.hearing.open != 0 || t.hearing.undecided()) {
		t.ask(question{})
	}
	t.closing = true
	t.nudge()
	t.mu.Unlock()
	late := time.AfterFunc(t.CloseLimit, t.stop)
	<-t.done
	late.Stop()
	t.stop()
	return nil
}

func (t *Transcription) usable() error {
	switch {
	case t.err != nil:
		return t.err
	case t.closing:
		return t.errClosed
	}
	return nil
}

func (t *Transcription) nudge() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// arm sets the timer to what is due first. It is called under mu.
func (t *Transcription) arm() {
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

// expire answers whatever has waited too long with the words that there are, and asks for words that nobody asked for.
func (t *Transcription) expire() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return
	}
	if now := time.Now(); t.hearing.expire(now, t.out) {
		t.ask(question{})
		return
	}
	t.arm()
	t.nudge() // who is closing may have waited for this
}

// run keeps a socket until the transcription is closed or fails, and then ends its results.
func (t *Transcription) run(life context.Context, conn *websocket.Conn) {
	defer close(t.done)
	var redialled time.Time
	for {
		err := t.serve(life, conn)
		if !t.again(err, redialled) {
			t.finish(err)
			return
		}
		redialled = time.Now()
		t.Log.Warn("transcription lost its socket, dialling again", "err", err)
		again, derr := t.dialect.Dial(life)
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
func (t *Transcription) again(err error, redialled time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	refused, told := errors.AsType[interface {
		error
		Hopeless() bool
	}](err)
	useless := t.hearing.heard == 0 && (TimedOut(err) || !redialled.IsZero())
	if err == nil || t.closing || useless || time.Since(redialled) < redialPause || told && refused.Hopeless() {
		return false
	}
	t.waiting, t.untold = true, t.expected != nil
	t.clock = Clock{}
	t.reel.Rewind()
	t.hearing.restart()
	return true
}

// finish ends the results: in good order after Close, else with err.
func (t *Transcription) finish(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closing {
		if err != nil {
			t.Log.Debug("transcription closed without a goodbye", "err", err)
		}
		err = nil
		t.hearing.conclude(t.out)
	} else {
		err = cmp.Or(err, t.errClosed)
	}
	t.err = err
	if t.timer != nil {
		t.timer.Stop()
	}
	if lost := t.reel.Lost(); lost > 0 {
		t.Log.Warn("transcription lost audio", "frames", lost)
	}
	t.reel.Keep(t.reel.Head()) // nobody needs it any more
	t.out.End(err)
}
