// Package speech speaks on a vendor's sockets on which contexts follow one another, but for what is said to the vendor and what it answers.
//
//	text ──▶ clauses ──(Dialect.Say)──▶ a context ──▶ line ──▶ its reader ──(Dialect.Understand)──▶ sound and words, bounded ──▶ Speak's sequence
//	                                                   ▲
//	                                             pool of idle lines
//
// A line is a socket. It serves one utterance at a time, in contexts of its own. An utterance that is cut cancels its context, and the line
// serves the next one at once: what still comes of the old context is known by its id, and dropped. A line outlives its utterances in the
// pool, so that the next one needs no handshake; its reader belongs to the Sockets. It knows no vendor.
package speech

import (
	"context"
	"iter"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"parley/pipeline"
	"parley/providers/pool"
	"parley/providers/text"
	"parley/providers/wire"
)

// A Vendor is how an utterance is spoken. It is not changed once used.
type Vendor struct {
	Key      string // of the lines that may speak it: where they were dialled
	Encoding wire.Encoding
	Dialect  Dialect
	// Dial opens a line; it is bounded.
	Dial func(ctx context.Context) (*websocket.Conn, error)
	// Lapse is after how long without text and sound a context may have ended by itself, so that what follows needs another; 0: never.
	Lapse time.Duration
	// Apart says that each clause is a context of its own, as of a vendor that has one at a time: what it says of a later one ends those before.
	Apart bool
	// Relentless says that what is being spoken goes on when its context is cancelled: the line ends with it, and another is opened in its place.
	Relentless bool

	AudioLimit time.Duration // longest silence of a voice that owes sound
	Idle       int           // most idle lines kept
}

// A Dialect is what is said of contexts. Its methods keep nothing, and are called by any goroutine.
type Dialect interface {
	// Say is the message that has a clause spoken at once, in a context that goes on. The first of a context opens it.
	Say(id, clause string) ([]byte, error)
	// End is the message after which nothing follows in a context; nil: none is needed.
	End(id string) ([]byte, error)
	// Cancel is the message after which nothing more is made of a context.
	Cancel(id string) ([]byte, error)
	// Understand reads a message. An error is one that nobody can read: a few of them are let through.
	Understand(text []byte) (Heard, error)
	// Broken puts the end of a socket in the vendor's words.
	Broken(err error) error
}

// Heard is what a message of a vendor's says. The zero value says nothing.
type Heard struct {
	Context string
	Audio   []byte
	Words   []pipeline.Word // times from the context's first sample
	Over    bool            // nothing follows in the context
	Failure error           // of the context; with none, of the line
}

// Sockets are a vendor's lines. Their zero value is ready. They must not be copied once used; Close them when the last utterance has ended.
type Sockets struct {
	pool     pool.Pool[*line]
	contexts atomic.Uint64 // utterances so far
	opening  sync.WaitGroup
}

// Close ends all lines and waits for their goroutines.
func (s *Sockets) Close() {
	s.pool.Close()
	s.opening.Wait()
}

// Idle is how many lines nobody speaks on.
func (s *Sockets) Idle() int { return len(s.pool.Idle()) }

// Warm opens a line and leaves it idle.
func (s *Sockets) Warm(ctx context.Context, v Vendor) error {
	l, err := s.open(ctx, v)
	if err != nil {
		return err
	}
	l.release()
	return nil
}

// replace opens a line for who speaks next, when ctx may have ended; without one, that utterance opens its own.
func (s *Sockets) replace(ctx context.Context, v Vendor) {
	s.opening.Go(func() { _ = s.Warm(context.WithoutCancel(ctx), v) })
}

// Speak sends what is said clause by clause, each to be spoken at once, the first as early as it makes sense; its sound is yielded as it
// comes, with its word times. No more is asked for while the caller is seconds behind. When it is cut, by ctx or by the caller's break, its
// context is cancelled. An error in what is said is yielded after what came before it was spoken.
//
// Text is pulled by a goroutine of its own while the line is opened. The sequence waits for it before it ends, so said must end
// when ctx does.
func (s *Sockets) Speak(ctx context.Context, said iter.Seq2[string, error], v Vendor) iter.Seq2[pipeline.Speech, error] {
	return func(yield func(pipeline.Speech, error) bool) {
		text.Pull(ctx, said, func(ctx context.Context, feed <-chan text.Piece) {
			u := utterance{sockets: s, vendor: v, feed: feed, yield: yield, id: "u" + strconv.FormatUint(s.contexts.Add(1), 10)}
			if err := u.speak(ctx); err != nil && !u.broken {
				yield(pipeline.Speech{}, err)
			}
		})
	}
}
