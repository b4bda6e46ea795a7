// Package bus carries commands and live events between the nodes of an installation: in one process, or over NATS.
//
//	Publish(call.4711.events) ──▶ outbox ──▶ ( NATS ) ──▶ each Subscription's queue ──▶ Next      at most once, to all who listen
//	Ask(node.17.commands) ──────▶ outbox ──▶ ( NATS ) ──▶ Answer's function ──▶ answer ──▶ Ask    one answer, or ErrNoAnswer in time
//
// It may lose everything: nothing is kept, and nothing is sent twice. So nothing travels here that may not be lost, and nothing depends on it
// for being right: what must arrive is a row in the database, and a message only tells sooner that it is there. Audio never travels here.
//
// Nobody waits for anybody. Publish puts a message into a bounded queue and returns; each Subscription has a queue of its own, and one that is
// not read loses its oldest messages and is told how many. control/bus/bustest is the one suite that every Bus passes.
package bus

import (
	"context"
	"errors"
	"strings"
)

// MaxData is the most bytes that a message may have.
const MaxData = 64 << 10

// What a caller may have to decide by.
var (
	ErrNoAnswer = errors.New("nobody answers") // nobody listens on the subject, or not in time
	ErrAway     = errors.New("the bus is away: other nodes do not get the message")
	ErrTooLarge = errors.New("the message is too large")
	ErrSubject  = errors.New("bad subject")
	ErrClosed   = errors.New("closed")
)

// A Subject says what messages are about: words of letters, digits, - and _, with dots between them. There are no wildcards. Ids in
// subjects are whole words.
type Subject string

// CallEvents is where a call's node tells what happens on it.
func CallEvents(call string) Subject { return Subject("call." + call + ".events") }

// NodeCommands is where a node (by its boot) is asked to do something.
func NodeCommands(boot string) Subject { return Subject("node." + boot + ".commands") }

// check refuses what NATS would take for something else.
func (s Subject) check() error {
	for word := range strings.SplitSeq(string(s), ".") {
		if word == "" || strings.Trim(word, wordRunes) != "" {
			return ErrSubject
		}
	}
	return nil
}

const wordRunes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

// A Message is what a subscription has received.
type Message struct {
	Data []byte // read only: others may have the same bytes
	// Missed is how many messages before this one were lost because the subscription was not read.
	Missed int
	// Gap says that the bus was away since the message before: what other nodes published meanwhile is lost, and nobody knows how much
	// it was.
	Gap bool
}

// A Handler answers a request. Its context ends when nobody waits for the answer any more. It may be called by several goroutines at once.
type Handler func(ctx context.Context, data []byte) (answer []byte)

// A Bus carries messages. Its methods may be called by any goroutine; but for Ask and Close, and the stop that Answer returns, none
// waits for anything.
type Bus interface {
	// Publish gives a message to all who are subscribed now, in the order of one publisher's calls. Nobody may change data afterwards. The
	// error says that others do not get it for sure: ErrSubject, ErrTooLarge, ErrAway, ErrClosed. That it is nil says nothing.
	Publish(s Subject, data []byte) error
	// Subscribe begins to listen. The subscription must be closed.
	Subscribe(s Subject) (*Subscription, error)
	// Ask waits for an answer until ctx ends: ErrNoAnswer if none comes, at once where it is known that nobody listens. Of several who
	// answer, the first is heard. An ErrNoAnswer does not say that nothing was done.
	Ask(ctx context.Context, s Subject, data []byte) ([]byte, error)
	// Answer has f answer what is asked, up to 64 requests at once and the others unanswered, until stop is called. stop waits for the
	// calls of f that go on, whose contexts end.
	Answer(s Subject, f Handler) (stop func(), err error)
	// Stats says how the bus stands.
	Stats() Stats
	// Close ends all subscriptions and answers, and waits for handlers. What was published is still sent, for a second at most.
	Close() error
}

// Stats are how a bus stands. Counts are since its start.
type Stats struct {
	Well       bool  // messages reach other nodes; always, in one process
	Published  int64 // messages that were sent
	Dropped    int64 // messages to other nodes that were lost here: the bus was away, or its outbox full
	Missed     int64 // messages that subscriptions lost because they were not read
	Asked      int64 // requests
	Unanswered int64 // of them
	Refused    int64 // requests that were not answered here, since 64 were in hand or the answer was too large
}

// check is what every bus does with what it is given.
func check(s Subject, data []byte) error {
	if err := s.check(); err != nil {
		return err
	}
	if len(data) > MaxData {
		return ErrTooLarge
	}
	return nil
}
