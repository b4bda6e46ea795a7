package pipeline

import (
	"context"
	"iter"
	"time"

	"parley/media"
)

// A Conversant is a speech-to-speech model: it hears the caller itself, and answers in a voice of its own. Its own detection of turns is
// off: the dialog decides. A Conversation makes a Responder of it.
type Conversant interface {
	// Converse opens a session for one call, as long as ctx lasts.
	Converse(ctx context.Context, b Briefing) (Session, error)
}

// A Briefing is what a session is held by.
type Briefing struct {
	Agent *Agent // its prompt, its tools, its language
	Rate  int    // samples a second, both ways: the leg's own
}

// A Session is a model's side of a call. Its methods but Outcomes return at once, and may be called by any goroutine.
type Session interface {
	// Write gives it sound of the caller, for a later Heard. It copies.
	Write(pcm []int16) error
	// Clear lets it forget what was written since the last Heard.
	Clear() error
	// Ask brings its conversation up to date, in order, and wants an answer, which key names. An answer that was asked for before is over, or
	// has been cancelled.
	Ask(key int, edits []Edit) error
	// Cancel says that nobody wants the rest of the answer. Outcomes of it may still come.
	Cancel() error
	// Outcomes yields what comes of its answers until the session ends; the error, if any, comes last. It has one reader.
	Outcomes() iter.Seq2[Outcome, error]
	// Close ends it, and waits for its goroutines but the reader of Outcomes.
	Close() error
}

// EditKind says what an Edit does.
type EditKind uint8

// The kinds of Edit.
const (
	Told   EditKind = iota // Message is added in words; of a ToolRole it is a result
	Heard                  // the sound that was written is added, as the Caller's; Message has what the recogniser made of it
	Cut                    // of the answer Key no more was heard than Message says, by Text and Length
	Unsaid                 // Key is taken back, as if it had never been
)

// An Edit is a change of a session's conversation.
type Edit struct {
	Kind    EditKind
	Key     int // names what is added, or has been, answers included
	Message Message
}

// An Outcome is the next of an answer: a Delta, Aloud or a Call or what it cost, or its end. Its sound is whoever's it is given to.
type Outcome struct {
	Key   int
	Delta Delta
	Done  bool // the answer is complete; Delta has no more than Finish
	Ends  bool // nothing of an answer: the session will end soon, so another should take its place
}

// A Hearer hears the caller beside ear and recogniser.
type Hearer interface {
	// Hear is given each frame as the ear is, but silence in place of a secret, and what the ear noticed in it, if anything. While the caller
	// talks with somebody else it is given no more than the Ended of what was being said. At is when the frame began to be said, since the
	// answer. It copies and returns at once.
	Hear(at time.Duration, f media.Frame, e Edge)
	// Close: it is not called any more, the call has ended or another agent has taken over.
	Close() error
}
