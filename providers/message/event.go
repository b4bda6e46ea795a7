// Package message is what people and we say to each other on messaging channels, in no vendor's words.
//
//	webhook ─▶ a vendor's Parse ─▶ Event: Incoming, Status, Call or Notice
//	Outgoing ─▶ a vendor's Send ─▶ Sent, or an *Error that says what kind of refusal it is
//
// It knows no network. Numbers are E.164 with a plus sign; a person who hides theirs is known by a user id alone, which is the business's own
// name for them and stays the same.
package message

import (
	"encoding/json"
	"strings"
	"time"
)

// An Event is one thing that a channel has told of. One of Message, Status, Call and Notice is set.
type Event struct {
	Key  string    // names what happened: when it is told again, this is the same
	Line Line      // our end
	At   time.Time // by the channel's clock; zero: it has not said

	Message *Incoming
	Status  *Status
	Call    *Call
	Notice  *Notice
}

// A Line is our end: a number of an account.
type Line struct {
	Account string // WhatsApp Business Account of Meta, or account of Twilio
	ID      string // Meta's phone_number_id; Twilio has none
	Number  string
}

// A Party is the person at the other end. Number or User is set, or both.
type Party struct {
	Number string
	User   string // business-scoped id
	Parent string // that of the user in all portfolios of a parent business
	Name   string // as the person has called themselves
	Handle string // username
	Land   string // ISO 3166 code of their country
}

// Address is what the party is reached by: the number, or else the user id.
func (p Party) Address() string {
	if p.Number != "" {
		return p.Number
	}
	return p.User
}

// Same says whether both are surely one person: their user ids are the same, or where one has none their numbers.
func (p Party) Same(other Party) bool {
	if p.User != "" && other.User != "" {
		return p.User == other.User
	}
	return p.Number != "" && p.Number == other.Number
}

// E164 is a number with a plus sign in front, made of one with or without it; "": there are no digits, or something else.
func E164(number string) string {
	digits := strings.TrimPrefix(strings.TrimSpace(number), "+")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return ""
	}
	return "+" + digits
}

// A Kind is what sort of message it is.
type Kind string

// The kinds.
const (
	Text        Kind = "text"
	Image       Kind = "image"
	Audio       Kind = "audio"
	Video       Kind = "video"
	Document    Kind = "document"
	Sticker     Kind = "sticker"
	Location    Kind = "location"
	Contacts    Kind = "contacts"
	Chosen      Kind = "choice"     // a button or a row of a list was tapped
	Filled      Kind = "form"       // a form was filled in
	Permitted   Kind = "permission" // we asked whether we may call
	Reacted     Kind = "reaction"
	Ordered     Kind = "order"
	System      Kind = "system"      // the channel tells of a change of the person's
	Welcome     Kind = "welcome"     // somebody has opened the thread for the first time and said nothing yet
	Unsupported Kind = "unsupported" // the channel does not tell us what it was
	Unknown     Kind = "unknown"     // the channel tells something that we do not know
)

// An Incoming is a message that has come in. What is set besides ID, From and Kind follows from Kind.
type Incoming struct {
	ID    string
	From  Party
	Kind  Kind
	Type  string // the channel's own word for the kind
	Text  string // what people read of it: body, caption, title of what was tapped
	Group string // the group's id; "": it was written to us alone

	Media      *Media
	Place      *Place
	Cards      []Card
	Choice     *Choice
	Form       *Form
	Permission *Permission
	Reaction   *Reaction
	Order      *Order
	Change     *Change

	Quote    *Quote
	Referral *Referral
	Errors   []*Error // why the channel could not hand over what was sent
}

// Media is a file that came with a message.
type Media struct {
	ID       string // by which the channel has it; "": URL is all there is
	URL      string // where it can be fetched, perhaps for some minutes only
	Type     string // media type, with its parameters
	SHA256   string // base64; "": the channel has not said
	Caption  string
	Filename string
	Voice    bool // recorded in the chat, to be heard at once
	Animated bool
}

// A Place is one on earth.
type Place struct {
	Latitude, Longitude float64
	Name, Address, URL  string
}

// A Choice is what was tapped.
type Choice struct {
	ID          string // ours: of the button or row, or the payload of a template's button
	Title       string
	Description string
	List        bool // it was a row of a list
	Template    bool // it was a button of a template
}

// A Form is one that was filled in.
type Form struct {
	Name string
	Body string          // as the thread shows it
	Data json.RawMessage // what was filled in, as the form has it; nil: it is no JSON
}

// A Permission says whether we may call a person.
type Permission struct {
	Granted   bool
	Permanent bool
	Expires   time.Time // zero: it does not
	Automatic bool      // they have not been asked: they called us
}

// A Reaction is a sign put on a message.
type Reaction struct {
	Message string // its id
	Emoji   string // "": the sign is taken away
}

// An Order is a basket from a catalogue.
type Order struct {
	Catalog string
	Note    string
	Items   []Item
}

// An Item is a line of an order.
type Item struct {
	Product  string
	Quantity int
	Price    json.Number // of one
	Currency string
}

// A Change is something new about the person: user_changed_number, user_identity_changed, or what the channel may come to say.
type Change struct {
	Type string
	Old  Party
	New  Party
	Note string // as the thread shows it
}

// A Quote is what a message stands on.
type Quote struct {
	Message   string // the id of the one it answers; "": none
	Author    string // the number of who wrote that
	Forwarded bool
	Often     bool // forwarded many times
	Catalog   string
	Product   string // the product of Catalog that it asks about
}

// A Referral is the advertisement that led here.
type Referral struct {
	URL      string
	Source   string // its id
	Type     string // ad or post
	Headline string
	Body     string
	MediaURL string
	Click    string // id of the click
	Greeting string
}

// A State is how far a message of ours has come.
type State string

// The states.
const (
	Accepted  State = "accepted" // the channel has it
	Sent      State = "sent"     // it is on its way
	Delivered State = "delivered"
	Read      State = "read"
	Played    State = "played" // a voice note was listened to
	Failed    State = "failed"
)

// rank orders the states as a message goes through them.
func (s State) rank() int {
	switch s {
	case Accepted:
		return 1
	case Sent:
		return 2
	case Failed:
		return 3
	case Delivered:
		return 4
	case Read:
		return 5
	case Played:
		return 6
	}
	return 0
}

// Beyond says whether a message that is in s is further than one in old. Statuses come in any order, and what is told first may be the last; what
// was delivered has not failed.
func (s State) Beyond(old State) bool { return s.rank() > old.rank() }

// A Status tells how far a message of ours has come.
type Status struct {
	Message string // its id
	State   State
	To      Party
	Group   string
	Tag     string // Outgoing.Tag
	Price   *Price
	Errors  []*Error // why it has failed
}

// A Price is what a message costs.
type Price struct {
	Billable bool
	Model    string // PMP: by message
	Type     string // regular, free_customer_service, free_entry_point
	Category string // marketing, utility, authentication, service, ...
}

// A CallStep is what has happened to a call.
type CallStep string

// The steps.
const (
	CallOffered  CallStep = "offered"  // a person calls us: SDP is the offer
	CallAnswered CallStep = "answered" // our call has been answered by SDP, though perhaps by nobody yet
	CallRinging  CallStep = "ringing"
	CallAccepted CallStep = "accepted" // they have picked up
	CallRejected CallStep = "rejected"
	CallEnded    CallStep = "ended"
)

// A Call is news of a call over the messaging channel.
type Call struct {
	ID       string
	Step     CallStep
	Outbound bool // we have called
	Peer     Party
	SDP      string
	Payload  string // of the link or button that led to the call
	Tag      string // what we gave it

	Completed bool // of CallEnded: it did not fail
	Began     time.Time
	Ended     time.Time // both zero: nobody picked up
	Duration  time.Duration
	Errors    []*Error
}

// A Notice is anything else that a channel tells.
type Notice struct {
	Field  string          // the channel's word for it, such as account_update
	Value  json.RawMessage // as it came
	Errors []*Error
}
