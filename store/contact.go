package store

import (
	"context"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// AddressChannel is by what an address is reached.
type AddressChannel string

// The channels of addresses.
const (
	ChannelPhone    AddressChannel = "PHONE"
	ChannelWhatsApp AddressChannel = "WHATSAPP"
	ChannelEmail    AddressChannel = "EMAIL"
)

// A Contact is somebody whom an organisation deals with. Several may have the same address.
type Contact struct {
	ID           string
	Number       int64
	Org          string
	User         string // a number of the client's own, as JSON writes it; empty: none
	Company      string // the same
	ProviderID   string
	ProviderName string
	NationalID   string
	FirstName    string
	LastName     string
	Position     string            // in the company
	Metadata     string            // JSON of any kind; empty: none
	Fields       map[string]string // custom fields: JSON by key; none is nil
	Addresses    []Address         // by Number
	Changes      int64             // from 1: how often it was written
	Created      time.Time
	Updated      time.Time
}

// An Address is where a contact is reached. A contact has each once.
type Address struct {
	Number  int64
	Channel AddressChannel
	Address string
	Created time.Time
	Updated time.Time
}

// ContactOp is how a ContactTest compares.
type ContactOp string

// The operators. Those with Not hold for contacts of which none of the field's values passes the test, also if there is no value.
const (
	ContactIs       ContactOp = "is" // one of Values
	ContactIsNot    ContactOp = "is not"
	ContactHas      ContactOp = "has" // one of Values stands somewhere in it
	ContactHasNot   ContactOp = "has not"
	ContactBegins   ContactOp = "begins"
	ContactEnds     ContactOp = "ends"
	ContactAbove    ContactOp = "above"
	ContactAtLeast  ContactOp = "at least"
	ContactBelow    ContactOp = "below"
	ContactAtMost   ContactOp = "at most"
	ContactIsSet    ContactOp = "is set" // takes no value
	ContactIsNotSet ContactOp = "is not set"
)

// The fields of contacts that tests and orders name. Custom fields are ContactCustom and their key. Numbers are ContactNumber,
// ContactUser, ContactCompany and ContactAddressNumber; ContactCreated and ContactUpdated are compared as MomentText writes moments.
const (
	ContactNumber        = "id"
	ContactCreated       = "created"
	ContactUpdated       = "updated"
	ContactUser          = "user"
	ContactCompany       = "company"
	ContactProviderID    = "provider_id"
	ContactProviderName  = "provider_name"
	ContactNationalID    = "national_id"
	ContactFirstName     = "first_name"
	ContactLastName      = "last_name"
	ContactPosition      = "position"
	ContactPhone         = "phone" // the first address by PHONE, or else by WHATSAPP
	ContactEmail         = "email" // the first address by EMAIL
	ContactAddress       = "address"
	ContactChannel       = "channel"
	ContactAddressNumber = "address_id"
	ContactCustom        = "custom."
)

// MomentText is a moment as the fields ContactCreated and ContactUpdated have it.
func MomentText(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000000Z") }

// An Operand is what a field is compared with: a number, or a text, of which case and accents do not matter.
type Operand struct {
	Text    string
	Value   float64
	Numeric bool
}

// A ContactTest holds if one of the field's values passes it. Of a text that is longer, the first LongestTerm characters are looked at.
type ContactTest struct {
	Field  string
	Op     ContactOp
	Values []Operand
}

// LongestTerm is how many characters of a field's value are searched.
const LongestTerm = 400

// A ContactOrder is by what contacts are sorted: of several values of a field by the least. Contacts that have none come before all.
type ContactOrder struct {
	Field   string
	Numeric bool // by the field's numbers, not by its texts
	Down    bool
}

// A ContactQuery asks for contacts.
type ContactQuery struct {
	Words []string        // each stands in what the contact is known by: names, addresses, national id, position, provider's id
	Tests [][]ContactTest // of each, one holds
	Order []ContactOrder  // none: newest first
	After *ContactMark    // only what comes after it; nil: from the beginning
	Page
}

// A ContactMark is a place in the list of a ContactQuery.
type ContactMark struct {
	Keys   []Operand // what the contact before it has of Order
	Number int64
}

// Contacts are whom organisations deal with.
type Contacts interface {
	// CreateContact keeps a new contact. ID, Org and Created are the caller's; the numbers are the database's. ErrNotFound if there is no such
	// organisation.
	CreateContact(ctx context.Context, c Contact) (Contact, error)
	Contact(ctx context.Context, org string, number int64) (Contact, error)
	// FindContacts gives a page of what is asked for, and the mark after which the next one begins; nil if this is the last.
	FindContacts(ctx context.Context, org string, q ContactQuery) (found []Contact, next *ContactMark, err error)
	// CountContacts counts them on all pages.
	CountContacts(ctx context.Context, org string, q ContactQuery) (int64, error)
	// UpdateContact lets change alter a contact as it stands, in one transaction. An address that keeps its Number stays the same one;
	// one without a Number is new, unless the contact has it. An error of change is returned as it is, and nothing is kept; so it is if
	// nothing is altered. change may be called more than once; it cannot alter ID, Number, Org, Changes or Created. at becomes Updated.
	UpdateContact(ctx context.Context, org string, number int64, at time.Time, change func(*Contact) error) (Contact, error)
	// DeleteContact removes a contact and its conversations of the CRM, and gives what it was.
	DeleteContact(ctx context.Context, org string, number int64) (Contact, error)
}

// Phone is the address that a contact is called at: the first by PHONE, or else by WHATSAPP; nil if there is none.
func (c *Contact) Phone() *Address {
	if a := c.first(ChannelPhone); a != nil {
		return a
	}
	return c.first(ChannelWhatsApp)
}

// Email is the first address that a contact is written to; nil if there is none.
func (c *Contact) Email() *Address { return c.first(ChannelEmail) }

func (c *Contact) first(ch AddressChannel) *Address {
	for i := range c.Addresses {
		if c.Addresses[i].Channel == ch {
			return &c.Addresses[i]
		}
	}
	return nil
}

// Fold is a text as it is compared: without case and accents.
func Fold(text string) string {
	plain := true
	for i := range len(text) {
		plain = plain && text[i] < 0x80
	}
	if plain {
		return strings.ToLower(text)
	}
	var b strings.Builder
	for _, r := range norm.NFD.String(text) {
		if !unicode.Is(unicode.Mn, r) {
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return norm.NFC.String(b.String())
}
