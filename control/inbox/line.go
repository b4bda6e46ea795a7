package inbox

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"parley/control/bots"
	"parley/store"
)

// Lines makes the ways to bots' channels.
type Lines interface {
	// Line is a bot's; the error says what is missing, and may be shown to the bot's organisation.
	Line(b store.Bot) (Line, error)
}

// A Line is a bot's way to its channel. It may be used by any goroutine.
type Line interface {
	// Signed says whether a webhook is the channel's own.
	Signed(w Webhook) bool
	// Read makes events of a webhook: the query of its URL, and its body. The error says that it is none of the channel's.
	Read(query string, body []byte) ([]Event, error)
	// Check says why the channel would never take a message; nil: it may. A *Refusal can be shown, and names the field.
	Check(ctx context.Context, m Outgoing) error
	// Longest is how many characters a text may have.
	Longest() int
	// Send sends a message, and gives the channel's id of it. A *Refusal says what may be done about it.
	Send(ctx context.Context, m Outgoing) (id string, err error)
	// Fetch writes the file of somebody's message, by its type and Data. A *Refusal can be shown; what was written is nothing then.
	Fetch(ctx context.Context, kind, data string, to io.Writer) error
	// Seen tells the channel that somebody's message was read, and, if so, that an answer is being written.
	Seen(ctx context.Context, external string, typing bool) error
}

// A Webhook is a request of a channel.
type Webhook struct {
	URL    string // as the channel has it
	Header http.Header
	Body   []byte
}

// An Event is one thing that a channel tells. One of Message and Receipt is set; if neither is, it is of no interest here.
type Event struct {
	At      string // our end, as the bot's config names it; empty: the bot that the webhook came for
	Message *Incoming
	Receipt *Receipt
}

// An Incoming message is somebody else's.
type Incoming struct {
	ID    string   // the channel's
	Peers []string // who has written: a number in E.164 if it is known, then the channel's own id of them
	Name  string   // what they call themselves
	Type  string   // text, image, audio, ...
	Text  string   // what people read of it; empty: nothing, such as of a picture
	Data  string   // JSON object of what it has besides; empty: nothing
	Sent  time.Time
	File  bool // its Data tells of a file
	Voice bool // a voice note, which a whatsapp_voice bot hears
	Quiet bool // nobody waits for an answer to it, such as to a reaction
}

// A Receipt tells how far a message of ours has come.
type Receipt struct {
	ID     string // the channel's
	Tag    string // Outgoing.Tag, where the channel gives it back
	Status store.MessageStatus
	Error  string
	At     time.Time
}

// An Outgoing message is ours.
type Outgoing struct {
	Peers   []string                                           // as of Incoming
	Tag     string                                             // our own id of it
	Type    string                                             // text, image, template, ...; empty: text
	Text    string                                             // of a text; else a caption, or empty
	Details bots.Details                                       // what it says besides
	Quoted  string                                             // the channel's id of the message that Details.Reaction is put on
	File    func(ctx context.Context, id string) (File, error) // finds files that Details name, or their components; store.ErrNotFound
	Note    []byte                                             // a voice note that says Text, Ogg with Opus, in place of it; ErrNoNotes if the channel cannot; nil: none
	Last    time.Time                                          // when they have written last
}

// ErrNoNotes says that a line cannot send voice notes.
var ErrNoNotes = errors.New("this channel takes no voice notes")

// A Refusal is why a message was not sent.
type Refusal struct {
	Message string        // may be shown to the bot's organisation
	Field   string        // of bots.Writing, which is wrong; empty: none, or it is not known
	Again   bool          // it was surely not sent, and may be later
	After   time.Duration // not before; 0: it is not known
	Unsure  bool          // it may have been sent all the same
}

func (r *Refusal) Error() string {
	if r.Field != "" {
		return r.Field + ": " + r.Message
	}
	return r.Message
}

// refusalOf is the *Refusal that an error wraps, or one that says what it is.
func refusalOf(err error) *Refusal {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r
	}
	return &Refusal{Message: err.Error()}
}
