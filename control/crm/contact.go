package crm

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/envelope"
	"parley/store"
)

// Contact is a contact as the API shows it.
type Contact struct {
	ID               int64                      `json:"id" example:"1"`
	TenantID         string                     `json:"tenantId" format:"uuid"`
	ProviderID       *string                    `json:"providerId" doc:"Its id in another system." example:"crm-7"`
	ProviderName     *string                    `json:"providerName" example:"Old CRM"`
	NationalID       *string                    `json:"nationalId" example:"12.345.678-5"`
	FirstName        *string                    `json:"firstName" example:"Jane"`
	LastName         *string                    `json:"lastName" example:"Doe"`
	Email            *string                    `json:"email" deprecated:"true" doc:"The first address by EMAIL. Deprecated: see addresses." example:"jane@example.com"`
	Phone            *string                    `json:"phone" deprecated:"true" doc:"The first address by PHONE, or else by WHATSAPP. Deprecated: see addresses." example:"+56912345678"`
	UserID           *float64                   `json:"userId" doc:"The number of the user who cares for them." example:"1"`
	ContactCompanyID *float64                   `json:"contactCompanyId" doc:"A number of the client's own." example:"1"`
	CompanyPosition  *string                    `json:"companyPosition" example:"Buyer"`
	Metadata         json.RawMessage            `json:"metadata" doc:"JSON of any kind."`
	CreatedAt        envelope.Time              `json:"createdAt"`
	UpdatedAt        envelope.Time              `json:"updatedAt"`
	CustomFields     map[string]json.RawMessage `json:"customFields" nullable:"false" doc:"Values by the keys of custom fields."`
	Addresses        []Address                  `json:"addresses" nullable:"false"`
}

// Address is where a contact is reached, as the API shows it.
type Address struct {
	ID          int64         `json:"id" example:"1"`
	TenantID    string        `json:"tenantId" format:"uuid"`
	ContactID   int64         `json:"contactId" example:"1"`
	ChannelType string        `json:"channelType" enum:"PHONE,WHATSAPP,EMAIL"`
	Address     string        `json:"address" example:"+56912345678"`
	CreatedAt   envelope.Time `json:"createdAt"`
	UpdatedAt   envelope.Time `json:"updatedAt"`
}

func show(c store.Contact) Contact {
	out := Contact{
		ID: c.Number, TenantID: c.Org, ProviderID: envelope.Optional(c.ProviderID), ProviderName: envelope.Optional(c.ProviderName),
		NationalID: envelope.Optional(c.NationalID), FirstName: envelope.Optional(c.FirstName), LastName: envelope.Optional(c.LastName),
		UserID: figure(c.User), ContactCompanyID: figure(c.Company), CompanyPosition: envelope.Optional(c.Position), Metadata: raw(c.Metadata),
		CreatedAt: envelope.Time(c.Created), UpdatedAt: envelope.Time(c.Updated), CustomFields: make(map[string]json.RawMessage, len(c.Fields)),
		Addresses: make([]Address, len(c.Addresses)),
	}
	for key, value := range c.Fields {
		out.CustomFields[key] = json.RawMessage(value)
	}
	for i, a := range c.Addresses {
		out.Addresses[i] = Address{
			ID: a.Number, TenantID: c.Org, ContactID: c.Number, ChannelType: string(a.Channel), Address: a.Address,
			CreatedAt: envelope.Time(a.Created), UpdatedAt: envelope.Time(a.Updated),
		}
	}
	if a := c.Phone(); a != nil {
		out.Phone = &a.Address
	}
	if a := c.Email(); a != nil {
		out.Email = &a.Address
	}
	return out
}

func raw(text string) json.RawMessage {
	if text == "" {
		return json.RawMessage("null")
	}
	return json.RawMessage(text)
}

// FoundContact is a contact as a search shows it.
type FoundContact struct {
	TenantID         string                     `json:"tenantId" format:"uuid"`
	CreatedAt        envelope.Time              `json:"createdAt"`
	UpdatedAt        envelope.Time              `json:"updatedAt"`
	CustomFields     map[string]json.RawMessage `json:"customFields" nullable:"false"`
	Metadata         json.RawMessage            `json:"metadata"`
	Addresses        []Address                  `json:"addresses" nullable:"false"`
	ProviderID       *string                    `json:"providerId" example:"crm-7"`
	ProviderName     *string                    `json:"providerName" example:"Old CRM"`
	NationalID       *string                    `json:"nationalId" example:"12.345.678-5"`
	FirstName        *string                    `json:"firstName" example:"Jane"`
	LastName         *string                    `json:"lastName" example:"Doe"`
	Email            *string                    `json:"email" deprecated:"true" example:"jane@example.com"`
	Phone            *string                    `json:"phone" deprecated:"true" example:"+56912345678"`
	CompanyPosition  *string                    `json:"companyPosition" example:"Buyer"`
	ID               string                     `json:"id" example:"1"`
	ModelType        string                     `json:"modelType" enum:"Contact"`
	ArchivedAt       envelope.Time              `json:"archivedAt" nullable:"true" doc:"Always null: contacts are not archived."`
	EventSequence    int64                      `json:"eventSequence" doc:"How often the contact was written." example:"1"`
	EventTimestamp   envelope.Time              `json:"eventTimestamp" doc:"When it was written last."`
	UserID           *string                    `json:"userId" example:"1"`
	ContactCompanyID *string                    `json:"contactCompanyId" example:"1"`
}

func showFound(c store.Contact) FoundContact {
	s := show(c)
	return FoundContact{
		TenantID: s.TenantID, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt, CustomFields: s.CustomFields, Metadata: s.Metadata, Addresses: s.Addresses,
		ProviderID: s.ProviderID, ProviderName: s.ProviderName, NationalID: s.NationalID, FirstName: s.FirstName, LastName: s.LastName, Email: s.Email,
		Phone: s.Phone, CompanyPosition: s.CompanyPosition, ID: strconv.FormatInt(c.Number, 10), ModelType: "Contact", EventSequence: c.Changes,
		EventTimestamp: s.UpdatedAt, UserID: envelope.Optional(c.User), ContactCompanyID: envelope.Optional(c.Company),
	}
}

// ContactBody is what can be set of a contact: what is left out stays, null clears.
type ContactBody struct {
	UserID           envelope.Field[float64]                    `json:"userId,omitempty" doc:"The number of the user who cares for them."`
	CustomFields     envelope.Field[map[string]json.RawMessage] `json:"customFields,omitempty" doc:"Values by the keys of custom fields, each of its field's type; null takes a value away, and what is not named stays. A key that has no definition takes any value."`
	ProviderID       envelope.Field[string]                     `json:"providerId,omitempty" maxLength:"200" doc:"Its id in another system."`
	ProviderName     envelope.Field[string]                     `json:"providerName,omitempty" maxLength:"200"`
	NationalID       envelope.Field[string]                     `json:"nationalId,omitempty" maxLength:"100"`
	FirstName        envelope.Field[string]                     `json:"firstName,omitempty" maxLength:"200"`
	LastName         envelope.Field[string]                     `json:"lastName,omitempty" maxLength:"200"`
	Email            envelope.Field[string]                     `json:"email,omitempty" deprecated:"true" maxLength:"320" doc:"Takes the place of the address that it showed. Deprecated: see addresses."`
	Phone            envelope.Field[string]                     `json:"phone,omitempty" deprecated:"true" maxLength:"320" doc:"Takes the place of the address by PHONE that it showed. Deprecated: see addresses."`
	ContactCompanyID envelope.Field[float64]                    `json:"contactCompanyId,omitempty" doc:"A number of the client's own."`
	CompanyPosition  envelope.Field[string]                     `json:"companyPosition,omitempty" maxLength:"200"`
	Metadata         Any                                        `json:"metadata,omitempty" doc:"JSON of any kind, up to 64 KiB."`
	Addresses        envelope.Field[[]AddressBody]              `json:"addresses,omitempty" maxItems:"50" doc:"All addresses: one that is left out goes."`
}

// AddressBody is an address in a request.
type AddressBody struct {
	ID          float64        `json:"id,omitempty" doc:"Of an address that the contact has: it becomes this one."`
	TenantID    envelope.Given `json:"tenantId,omitempty" hidden:"true"`
	ContactID   envelope.Given `json:"contactId,omitempty" hidden:"true"`
	CreatedAt   envelope.Given `json:"createdAt,omitempty" hidden:"true"`
	UpdatedAt   envelope.Given `json:"updatedAt,omitempty" hidden:"true"`
	ChannelType string         `json:"channelType" enum:"PHONE,WHATSAPP,EMAIL" doc:"By what it is reached."`
	Address     string         `json:"address" minLength:"1" maxLength:"320" doc:"A phone number in E.164, an email address, or whatever else the channel takes."`
}

const mostMetadata = 64 << 10

// Resolve implements huma.ResolverWithPath.
func (b *ContactBody) Resolve(_ huma.Context, at *huma.PathBuffer) (bad []error) {
	for name, f := range map[string]envelope.Field[string]{
		"providerId": b.ProviderID, "providerName": b.ProviderName, "nationalId": b.NationalID, "firstName": b.FirstName, "lastName": b.LastName,
		"email": b.Email, "phone": b.Phone, "companyPosition": b.CompanyPosition,
	} {
		bad = slices.Concat(bad, f.Check(at, name, true), envelope.Blank(at, name, f.Value))
	}
	bad = slices.Concat(bad, b.UserID.Check(at, "userId", true), b.ContactCompanyID.Check(at, "contactCompanyId", true),
		b.CustomFields.Check(at, "customFields", true), b.Addresses.Check(at, "addresses", true))
	for i, a := range b.Addresses.Value {
		bad = append(bad, envelope.Blank(at, fmt.Sprintf("addresses[%d].address", i), a.Address)...)
	}
	if len(b.Metadata.Text) > mostMetadata {
		bad = append(bad, envelope.Complain(at, "metadata", "is longer than 64 KiB"))
	}
	return bad
}

// apply makes a contact what the body says of it, but for its custom fields.
func (b *ContactBody) apply(c *store.Contact) {
	for _, f := range []struct {
		from envelope.Field[string]
		to   *string
	}{
		{b.ProviderID, &c.ProviderID}, {b.ProviderName, &c.ProviderName}, {b.NationalID, &c.NationalID}, {b.FirstName, &c.FirstName},
		{b.LastName, &c.LastName}, {b.CompanyPosition, &c.Position},
	} {
		if f.from.Set {
			*f.to = strings.TrimSpace(f.from.Value)
		}
	}
	for _, f := range []struct {
		from envelope.Field[float64]
		to   *string
	}{{b.UserID, &c.User}, {b.ContactCompanyID, &c.Company}} {
		if f.from.Null {
			*f.to = ""
		} else if f.from.Set {
			*f.to = decimal(&f.from.Value)
		}
	}
	if b.Metadata.Set {
		c.Metadata = compact(b.Metadata.Text)
	}
	b.readdress(c)
}

// readdress gives a contact its addresses: first the list, if there is one, then what phone and email say beside it.
func (b *ContactBody) readdress(c *store.Contact) {
	phone, email := shown(c.Phone()), shown(c.Email())
	if b.Addresses.Set {
		c.Addresses = nil
		for _, a := range b.Addresses.Value {
			c.Addresses = append(c.Addresses, store.Address{Number: int64(a.ID), Channel: store.AddressChannel(a.ChannelType), Address: canonical(store.AddressChannel(a.ChannelType), a.Address)})
		}
	}
	if b.Phone.Set {
		replace(c, store.ChannelPhone, phone, b.Phone.Value, store.ChannelPhone, store.ChannelWhatsApp)
	}
	if b.Email.Set {
		replace(c, store.ChannelEmail, email, b.Email.Value, store.ChannelEmail)
	}
}

// shown is a copy of an address; the zero one if there is none.
func shown(a *store.Address) store.Address {
	if a == nil {
		return store.Address{}
	}
	return *a
}

// replace puts an address by a channel in the place of the one that was shown, if that is by the same and still there. Nothing takes it
// away. Channels are those by which the contact may have it already.
func replace(c *store.Contact, by store.AddressChannel, was store.Address, text string, channels ...store.AddressChannel) {
	next := canonical(by, text)
	if next != "" && slices.ContainsFunc(c.Addresses, func(a store.Address) bool { return a.Address == next && slices.Contains(channels, a.Channel) }) {
		return
	}
	i := slices.IndexFunc(c.Addresses, func(a store.Address) bool { return a.Channel == by && was.Channel == by && a.Address == was.Address })
	switch {
	case next == "" && i >= 0:
		c.Addresses = slices.Delete(c.Addresses, i, i+1)
	case next == "":
	case i >= 0:
		c.Addresses[i].Address = next
	default:
		c.Addresses = append(c.Addresses, store.Address{Channel: by, Address: next})
	}
}

// canonical is an address as contacts keep it: emails in small letters, phone numbers without what people put between the digits.
func canonical(by store.AddressChannel, text string) string {
	text = strings.TrimSpace(text)
	if by == store.ChannelEmail {
		return strings.ToLower(text)
	}
	digits := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -().\u00a0", r) {
			return -1
		}
		return r
	}, text)
	if envelope.E164(digits) {
		return digits
	}
	return text
}

// ContactCreate is the body of POST /contacts.
type ContactCreate struct {
	ContactBody

	CreatedAt envelope.Field[time.Time] `json:"createdAt,omitempty" nullable:"false" doc:"When the contact began, if that was before now."`
}

// Resolve implements huma.ResolverWithPath.
func (b *ContactCreate) Resolve(ctx huma.Context, at *huma.PathBuffer) []error {
	bad := append(b.ContactBody.Resolve(ctx, at), b.CreatedAt.Check(at, "createdAt", false)...)
	if year := b.CreatedAt.Value.UTC().Year(); year < 0 || year > 9999 {
		bad = append(bad, envelope.Complain(at, "createdAt", "has a year that there is not"))
	}
	return bad
}

// ContactUpdate is the body of PUT /contacts/{id}. What cannot be set is taken and changes nothing, so that what GET answered can be sent back.
type ContactUpdate struct {
	ContactBody

	ID        envelope.Given `json:"id,omitempty" doc:"Changes nothing."`
	TenantID  envelope.Given `json:"tenantId,omitempty" doc:"Changes nothing."`
	CreatedAt envelope.Given `json:"createdAt,omitempty" doc:"Changes nothing."`
	UpdatedAt envelope.Given `json:"updatedAt,omitempty" doc:"Changes nothing."`
}
