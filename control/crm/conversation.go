package crm

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/envelope"
	"parley/store"
)

// FunnelConversation is a conversation as the API shows it: where a contact stands in a funnel, and their calls and threads.
type FunnelConversation struct {
	ID              int64                      `json:"id" example:"1"`
	TenantID        string                     `json:"tenantId" format:"uuid"`
	ContactID       int64                      `json:"contactId" example:"1"`
	UserID          *float64                   `json:"userId" doc:"The number of the user who cares for it." example:"1"`
	FunnelID        *float64                   `json:"funnelId" doc:"A number of the client's own." example:"1"`
	FunnelStatusID  *float64                   `json:"funnelStatusId" doc:"A number of the client's own." example:"1"`
	ArchivedAt      envelope.Time              `json:"archivedAt" nullable:"true"`
	CreatedAt       envelope.Time              `json:"createdAt"`
	UpdatedAt       envelope.Time              `json:"updatedAt"`
	ChannelSessions []ChannelSession           `json:"channelSessions" nullable:"false" doc:"The contact's calls and threads, newest first: the last 100 of either."`
	Contacts        []Contact                  `json:"contacts" nullable:"false" doc:"Whom it is with: one."`
	CustomFields    map[string]json.RawMessage `json:"customFields" nullable:"false" doc:"Values by the keys of custom fields."`
}

// ChannelSession is a call or a thread as the API shows it.
type ChannelSession struct {
	ID                      int64         `json:"id" doc:"No two sessions have the same." example:"2"`
	TenantID                string        `json:"tenantId" format:"uuid"`
	FunnelConversationID    int64         `json:"funnelConversationId" example:"1"`
	FunnelAddressID         *int64        `json:"funnelAddressId" doc:"Our end: the number of the phone number of a call, or of the bot of a thread; null: there is none." example:"1"`
	ContactAddressID        *int64        `json:"contactAddressId" doc:"Their end: the id of the contact's address; null: they have it no more." example:"1"`
	ArchivedAt              envelope.Time `json:"archivedAt" nullable:"true" doc:"When the conversation was archived."`
	StartTime               envelope.Time `json:"startTime"`
	EndTime                 envelope.Time `json:"endTime" nullable:"true" doc:"Null: it goes on."`
	ChannelType             string        `json:"channelType" enum:"PHONE,WHATSAPP,EMAIL"`
	MessagingConversationID string        `json:"messagingConversationId" format:"uuid" doc:"The thread, as GET /api/v1/conversations/{id} has it; that of a call is the call's id."`
	CreatedAt               envelope.Time `json:"createdAt"`
	UpdatedAt               envelope.Time `json:"updatedAt"`
}

// threadSession and callSession are the ids of sessions: of the numbers of threads and of calls, made so that none are the same.
func threadSession(number int64) int64 { return 2 * number }

func callSession(number int64) int64 { return 2*number + 1 }

// showFunnel shows a conversation, whoever it is with, and their sessions.
func showFunnel(c store.FunnelConversation, who store.Contact, sessions []store.ChannelSession) FunnelConversation {
	out := FunnelConversation{
		ID: c.Number, TenantID: c.Org, ContactID: c.Contact, UserID: figure(c.User), FunnelID: figure(c.Funnel), FunnelStatusID: figure(c.Stage),
		ArchivedAt: envelope.Time(c.Archived), CreatedAt: envelope.Time(c.Created), UpdatedAt: envelope.Time(c.Updated),
		ChannelSessions: make([]ChannelSession, len(sessions)), Contacts: []Contact{show(who)}, CustomFields: make(map[string]json.RawMessage, len(c.Fields)),
	}
	for key, value := range c.Fields {
		out.CustomFields[key] = json.RawMessage(value)
	}
	for i, s := range sessions {
		out.ChannelSessions[i] = showSession(c, who, s)
	}
	return out
}

func showSession(c store.FunnelConversation, who store.Contact, s store.ChannelSession) ChannelSession {
	out := ChannelSession{
		ID: threadSession(s.Number), TenantID: c.Org, FunnelConversationID: c.Number, ArchivedAt: envelope.Time(c.Archived), StartTime: envelope.Time(s.Created),
		EndTime: envelope.Time(s.Ended), ChannelType: string(s.Channel), MessagingConversationID: s.ID, CreatedAt: envelope.Time(s.Created),
		UpdatedAt: envelope.Time(s.Updated),
	}
	if s.Channel == store.ChannelPhone {
		out.ID = callSession(s.Number)
	}
	if s.Ours != 0 {
		out.FunnelAddressID = &s.Ours
	}
	if i := slices.IndexFunc(who.Addresses, func(a store.Address) bool { return a.Channel != store.ChannelEmail && a.Address == s.Peer }); i >= 0 {
		out.ContactAddressID = &who.Addresses[i].Number
	}
	return out
}

// FunnelBody is what can be set of a conversation: what is left out stays, null clears.
type FunnelBody struct {
	UserID         envelope.Field[float64]                    `json:"userId,omitempty" doc:"The number of the user who cares for it."`
	FunnelStatusID envelope.Field[float64]                    `json:"funnelStatusId,omitempty" doc:"A number of the client's own."`
	ArchivedAt     envelope.Field[time.Time]                  `json:"archivedAt,omitempty" doc:"When it was archived. A contact has one conversation in a funnel that is not."`
	CustomFields   envelope.Field[map[string]json.RawMessage] `json:"customFields,omitempty" doc:"Values by the keys of custom fields of FUNNEL_CONVERSATION, each of its field's type; null takes a value away, and what is not named stays. A key that has no definition takes any value."`
}

func (b *FunnelBody) check(c *complaints) {
	checkField(c, "userId", b.UserID, true)
	checkField(c, "funnelStatusId", b.FunnelStatusID, true)
	checkField(c, "customFields", b.CustomFields, true)
	checkTime(c, "archivedAt", b.ArchivedAt, true)
}

// apply makes a conversation what the body says of it; fields are the custom fields that it gives.
func (b *FunnelBody) apply(c *store.FunnelConversation, fields map[string]string) error {
	for _, f := range []struct {
		from envelope.Field[float64]
		to   *string
	}{{b.UserID, &c.User}, {b.FunnelStatusID, &c.Stage}} {
		if f.from.Null {
			*f.to = ""
		} else if f.from.Set {
			*f.to = decimal(&f.from.Value)
		}
	}
	if b.ArchivedAt.Set {
		c.Archived = b.ArchivedAt.Value.UTC().Truncate(time.Microsecond)
	}
	if b.CustomFields.Null {
		c.Fields = nil
	} else if c.Fields = merged(c.Fields, fields); len(c.Fields) > mostValues {
		return &refusal{Issue{Field: "customFields", Message: fmt.Sprintf("would be more than %d", mostValues), Code: codeValue}}
	}
	return nil
}

// FunnelContact is what is said of whoever a conversation is with. What is left out or null stays; addresses are added to those that they have.
type FunnelContact struct {
	FirstName       envelope.Field[string]                     `json:"firstName,omitempty" maxLength:"200"`
	LastName        envelope.Field[string]                     `json:"lastName,omitempty" maxLength:"200"`
	Phones          envelope.Field[[]string]                   `json:"phones,omitempty" maxItems:"50" doc:"Addresses by PHONE. A contact who has one of phones and emails is meant, the oldest of several; without any, one is made."`
	Emails          envelope.Field[[]string]                   `json:"emails,omitempty" maxItems:"50" doc:"Addresses by EMAIL."`
	NationalID      envelope.Field[string]                     `json:"nationalId,omitempty" maxLength:"100"`
	CompanyPosition envelope.Field[string]                     `json:"companyPosition,omitempty" maxLength:"200"`
	CustomFields    envelope.Field[map[string]json.RawMessage] `json:"customFields,omitempty" doc:"Values by the keys of custom fields of CONTACT."`
	UserID          envelope.Field[float64]                    `json:"userId,omitempty" doc:"The number of the user who cares for them."`
}

const (
	mostAddresses  = 50
	longestAddress = 320 // characters
)

func (b *FunnelContact) check(c *complaints) {
	for _, f := range []struct {
		name string
		from envelope.Field[string]
		most int
	}{{"firstName", b.FirstName, 200}, {"lastName", b.LastName, 200}, {"nationalId", b.NationalID, 100}, {"companyPosition", b.CompanyPosition, 200}} {
		checkField(c, "contact."+f.name, f.from, true)
		checkText(c, "contact."+f.name, f.from.Value, f.most)
	}
	checkAddresses(c, "contact.phones", b.Phones)
	checkAddresses(c, "contact.emails", b.Emails)
	checkField(c, "contact.customFields", b.CustomFields, true)
	checkField(c, "contact.userId", b.UserID, true)
}

func checkAddresses(c *complaints, name string, f envelope.Field[[]string]) {
	checkField(c, name, f, true)
	if len(f.Value) > mostAddresses {
		c.add(name, codeValue, fmt.Sprintf("are more than %d", mostAddresses))
		return
	}
	for i, a := range f.Value {
		at := fmt.Sprintf("%s[%d]", name, i)
		if checkText(c, at, a, longestAddress); a == "" {
			c.add(at, codeValue, "must not be blank")
		}
	}
}

// addresses are all that the contact is found by.
func (b *FunnelContact) addresses() (all []string) {
	for _, p := range b.Phones.Value {
		all = append(all, canonical(store.ChannelPhone, p))
	}
	for _, e := range b.Emails.Value {
		all = append(all, canonical(store.ChannelEmail, e))
	}
	return all
}

// apply makes a contact what is said of them; fields are the custom fields that it gives.
func (b *FunnelContact) apply(c *store.Contact, fields map[string]string) error {
	for _, f := range []struct {
		from envelope.Field[string]
		to   *string
	}{{b.FirstName, &c.FirstName}, {b.LastName, &c.LastName}, {b.NationalID, &c.NationalID}, {b.CompanyPosition, &c.Position}} {
		if f.from.Set && !f.from.Null {
			*f.to = strings.TrimSpace(f.from.Value)
		}
	}
	if b.UserID.Set && !b.UserID.Null {
		c.User = decimal(&b.UserID.Value)
	}
	for _, p := range b.Phones.Value {
		reach(c, store.ChannelPhone, p, store.ChannelPhone, store.ChannelWhatsApp)
	}
	for _, e := range b.Emails.Value {
		reach(c, store.ChannelEmail, e, store.ChannelEmail)
	}
	if len(c.Addresses) > mostAddresses {
		return &refusal{Issue{Field: "contact", Message: fmt.Sprintf("would have more than %d addresses", mostAddresses), Code: codeValue}}
	}
	if c.Fields = merged(c.Fields, fields); len(c.Fields) > mostValues {
		return &refusal{Issue{Field: "contact.customFields", Message: fmt.Sprintf("would be more than %d", mostValues), Code: codeValue}}
	}
	return nil
}

// reach gives a contact an address by a channel, unless they have it by one of some channels.
func reach(c *store.Contact, by store.AddressChannel, text string, channels ...store.AddressChannel) {
	next := canonical(by, text)
	if !slices.ContainsFunc(c.Addresses, func(a store.Address) bool { return a.Address == next && slices.Contains(channels, a.Channel) }) {
		c.Addresses = append(c.Addresses, store.Address{Channel: by, Address: next})
	}
}

// FunnelCreate is the body of POST /conversations, and an item of POST /conversations/bulk.
type FunnelCreate struct {
	FunnelBody

	CreatedAt envelope.Field[time.Time]     `json:"createdAt,omitempty" nullable:"false" doc:"When the conversation began, if that was before now."`
	FunnelID  envelope.Field[float64]       `json:"funnelId" nullable:"false" doc:"A number of the client's own."`
	ContactID envelope.Field[float64]       `json:"contactId,omitempty" doc:"Whom it is with, whatever addresses contact has. Of a contact, what is no whole number is none's id, and contact tells."`
	Contact   envelope.Field[FunnelContact] `json:"contact,omitempty" doc:"Whom it is with, and what is new of them. One of contactId and contact must be given."`
}

// complaints are what is wrong with the body in itself.
func (b *FunnelCreate) complaints() (c complaints) {
	b.check(&c)
	checkTime(&c, "createdAt", b.CreatedAt, false)
	checkField(&c, "contactId", b.ContactID, true)
	checkField(&c, "contact", b.Contact, true)
	if checkField(&c, "funnelId", b.FunnelID, false); !b.FunnelID.Set {
		c.add("funnelId", codeRequired, "is required")
	}
	if b.Contact.Value.check(&c); len(c) > 0 {
		return c
	}
	switch n := whole(b.ContactID); {
	case !b.ContactID.Set && !b.Contact.Set, b.ContactID.Null && b.Contact.Null:
		c.add("contact", codeRequired, "is required, or contactId is")
	case n == 0 && (!b.Contact.Set || b.Contact.Null):
		c.add("contactId", codeMissing, "there is no such contact")
	case n == 0 && len(b.Contact.Value.addresses()) == 0:
		c.add("contact.phones", codeRequired, "is required, or contact.emails is: contacts are known by their addresses")
	}
	return c
}

// Resolve implements huma.ResolverWithPath.
func (b *FunnelCreate) Resolve(_ huma.Context, at *huma.PathBuffer) (bad []error) {
	for _, i := range b.complaints() {
		bad = append(bad, envelope.Complain(at, i.Field, i.Message))
	}
	return bad
}

// whole is a number that may be an id; 0: it is none.
func whole(f envelope.Field[float64]) int64 {
	if !f.Set {
		return 0
	}
	return idOf(f.Value)
}

// FunnelUpdate is an item of PUT /conversations/bulk.
type FunnelUpdate struct {
	FunnelBody

	ID        envelope.Field[float64]             `json:"id" nullable:"false" doc:"The conversation."`
	CreatedAt envelope.Given                      `json:"createdAt,omitempty" doc:"Changes nothing."`
	Contact   envelope.Field[FunnelContactUpdate] `json:"contact,omitempty" doc:"What is new of whoever it is with."`
}

// FunnelContactUpdate is what is said of whoever a conversation is with that there is.
type FunnelContactUpdate struct {
	FunnelContact

	ID envelope.Field[float64] `json:"id,omitempty" doc:"The conversation's contact, if it is given at all."`
}

// complaints are what is wrong with the body in itself.
func (b *FunnelUpdate) complaints() (c complaints) {
	b.check(&c)
	checkField(&c, "contact", b.Contact, true)
	b.Contact.Value.check(&c)
	checkField(&c, "contact.id", b.Contact.Value.ID, true)
	if checkField(&c, "id", b.ID, false); !b.ID.Set {
		c.add("id", codeRequired, "is required")
	}
	return c
}

// complaints are what is wrong with an item.
type complaints []Issue

func (c *complaints) add(field, code, message string) {
	*c = append(*c, Issue{Field: field, Message: message, Code: code})
}

// checkField complains about a value that does not fit.
func checkField[T any](c *complaints, name string, f envelope.Field[T], nullable bool) {
	for _, err := range f.Check(huma.NewPathBuffer(nil, 0), name, nullable) {
		message := err.Error()
		if d, ok := errors.AsType[*huma.ErrorDetail](err); ok {
			message = d.Message
		}
		c.add(name, codeType, message)
	}
}

func checkTime(c *complaints, name string, f envelope.Field[time.Time], nullable bool) {
	checkField(c, name, f, nullable)
	if year := f.Value.UTC().Year(); year < 0 || year > 9999 {
		c.add(name, codeValue, "has a year that there is not")
	}
}

func checkText(c *complaints, name, text string, most int) {
	for _, err := range envelope.Blank(huma.NewPathBuffer(nil, 0), name, text) {
		message := err.Error()
		if d, ok := errors.AsType[*huma.ErrorDetail](err); ok {
			message = d.Message
		}
		c.add(name, codeValue, message)
	}
	if utf8.RuneCountInString(text) > most {
		c.add(name, codeValue, fmt.Sprintf("is longer than %d characters", most))
	}
}

// A refusal is an error of one item.
type refusal struct{ Issue }

func (r *refusal) Error() string { return r.Field + " " + r.Message }
