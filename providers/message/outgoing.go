package message

import "time"

// Window is how long after a person's last message anything may be said to them; later, templates alone.
const Window = 24 * time.Hour

// An Outgoing is a message of ours. To is needed, and one of Text, Media, Place, Cards, Reaction, Menu, Template and Content.
type Outgoing struct {
	To      Party
	ReplyTo string // the id of the message that it quotes; "": none
	Tag     string // comes back with its statuses, where the channel does that; 512 bytes at most

	Text     string
	Preview  bool // shows what Text's first link leads to
	Media    *Attachment
	Place    *Place
	Cards    []Card
	Reaction *Reaction
	Menu     *Menu
	Template *Template
	Content  *Content
}

// Free says whether it may be sent within the Window only.
func (o *Outgoing) Free() bool { return o.Template == nil && o.Content == nil }

// Check says that the message may not be sent any more to somebody who last wrote at that time (zero: never); nil: it may.
func (o *Outgoing) Check(last, now time.Time) error {
	if !o.Free() || now.Sub(last) < Window {
		return nil
	}
	return &Error{Reason: WindowClosed, Message: "the person has not written within the last 24 hours: only a template may be sent"}
}

// An Attachment is a file of ours. ID or Link is set.
type Attachment struct {
	Kind     Kind   // Image, Audio, Video, Document or Sticker
	ID       string // of what was uploaded
	Link     string // where the channel fetches it itself
	Caption  string // not of Audio and Sticker
	Filename string // of Document
	Voice    bool   // of Audio: shown as a voice note; it must be mono Ogg Opus
}

// A Card is a person or business in an address book.
type Card struct {
	Name      CardName
	Phones    []CardPhone
	Emails    []CardEmail
	Addresses []CardAddress
	URLs      []CardURL
	Company   string
	Section   string // of the company
	Title     string // in the company
	Birthday  string // YYYY-MM-DD
}

// A CardName is a name. Full is needed, and one of the others.
type CardName struct{ Full, First, Last, Middle, Prefix, Suffix string }

// A CardPhone is a number as it is written.
type CardPhone struct {
	Phone string
	Type  string // CELL, HOME, WORK, ...
	ID    string // its WhatsApp number, if it has one, without the plus sign
}

// A CardEmail is an address of mail.
type CardEmail struct{ Email, Type string }

// A CardURL is one of a site.
type CardURL struct{ URL, Type string }

// A CardAddress is where somebody lives or works.
type CardAddress struct{ Street, City, State, Zip, Country, CountryCode, Type string }

// A Menu is a message with something to tap. Body is needed, but for a Product, and one of Buttons, List, Link, AskPlace, AskCall, CallUs, Product,
// Products and Catalog. What is ordered from the last three comes back as Incoming.Order.
type Menu struct {
	Header *Header // of Buttons, List (Text alone), Link and Products, which need one (Text alone)
	Body   string
	Footer string

	Buttons  []Button // 1 to 3
	List     *List
	Link     *Link
	AskPlace bool // asks where the person is
	AskCall  bool // asks whether we may call
	CallUs   *CallUs
	Product  *Product // shows one
	Products *Products
	Catalog  *Catalog
}

// A Header is above a menu: Text or Media is set.
type Header struct {
	Text  string
	Media *Attachment // Image, Video or Document
}

// A Button is one to tap; Choice.ID will be its ID.
type Button struct{ ID, Title string }

// A List opens with a button.
type List struct {
	Button   string
	Sections []Section // with 1 to 10 rows in all
}

// A Section is a part of a list.
type Section struct {
	Title string // needed where there are several
	Rows  []Row
}

// A Row is a line of a list.
type Row struct{ ID, Title, Description string }

// A Link opens a page.
type Link struct{ Text, URL string }

// A CallUs is a button that calls us.
type CallUs struct {
	Text    string
	Minutes int    // for which it works; 0: the channel's default
	Payload string // comes back as Call.Payload
}

// Products are some of a catalogue's.
type Products struct {
	Catalog  string
	Sections []ProductSection // 1 to 10, with 30 products in all at most
}

// A ProductSection is a part of Products.
type ProductSection struct {
	Title string // needed where there are several
	IDs   []string
}

// A Catalog opens the one that belongs to our number.
type Catalog struct{ Thumbnail string } // the product whose picture stands above; empty: the first

// A Template is a message that the channel has approved, with its places filled. The parts are Meta's.
type Template struct {
	Name     string
	Language string // such as en_US
	Parts    []Part
}

// A Part is one of a template's components.
type Part struct {
	Type   string // header, body, button, carousel, limited_time_offer, tap_target_configuration, call_permission_request
	Sub    string // of a button: quick_reply, url, copy_code, catalog, mpm, flow, voice_call
	Index  int    // of a button: its place, from 0
	Values []Value
	Cards  []TemplateCard // of a carousel
}

// A TemplateCard is one of a carousel's.
type TemplateCard struct {
	Index int // from 0
	Parts []Part
}

// A Value fills a place. One of the others besides Name is set.
type Value struct {
	Name     string // of the place, in templates whose places have names
	Text     string
	Money    *Money
	Date     string // as it is to be read
	Media    *Attachment
	Place    *Place
	Payload  string // of a quick reply
	Coupon   string
	Product  *Product
	Expires  time.Time      // of a limited_time_offer
	Minutes  int            // of a voice_call: for which it works
	Action   map[string]any // of catalog, mpm and flow buttons, as Meta has it
	TapTitle string         // of a tap_target_configuration, with TapURL
	TapURL   string
}

// Money is an amount.
type Money struct {
	Shown    string // where it cannot be written in the reader's way
	Currency string // ISO 4217
	Milli    int64  // thousandths
}

// A Product is one of a catalogue.
type Product struct{ Catalog, ID string }

// Content is a template of Twilio's.
type Content struct {
	SID       string // HX...
	Variables map[string]string
}

// A Receipt is what a channel says to a message that it has taken.
type Receipt struct {
	ID   string
	To   Party // as the channel knows them
	Held bool  // the channel looks at it first
}
