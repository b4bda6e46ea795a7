package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"parley/store"
)

func newCustomer(org string) store.Contact {
	return store.Contact{
		ID: store.NewID(), Org: org, User: "12", Company: "0.1", ProviderID: "crm-7", ProviderName: "Old CRM", NationalID: "12.345.678-5",
		FirstName: "José", LastName: "Núñez", Position: "Buyer", Metadata: `{"a":[1,null]}`,
		Fields:    map[string]string{"tier": `"gold"`, "visits": "12", "vip": "true", "notes": `"50%_off\\"`},
		Addresses: []store.Address{{Channel: store.ChannelWhatsApp, Address: "+56912345678"}, {Channel: store.ChannelEmail, Address: "jose@example.com"}},
		Created:   start,
	}
}

// befriend gives the house a contact and a custom field.
func (h *House) befriend(ctx context.Context) (err error) {
	if h.Field, err = h.CreateField(ctx, newField(h.Org, "tier")); err != nil {
		return err
	}
	if h.Option, err = h.CreateOption(ctx, store.Option{Org: h.Org, Field: h.Field.Number, Value: "gold", Label: "Gold", Created: start}); err != nil {
		return err
	}
	if h.Customer, err = h.CreateContact(ctx, newCustomer(h.Org)); err != nil {
		return err
	}
	return h.pursue(ctx)
}

// everyContact is Every of the methods of contacts and custom fields.
func (h House) everyContact(org string) map[string]func(context.Context) error {
	contact, field, option := h.Customer.Number, h.Field.Number, h.Option.Number
	every := map[string]func(context.Context) error{
		"CreateContact": func(ctx context.Context) error { _, err := h.CreateContact(ctx, newCustomer(h.Org)); return err },
		"Contact":       func(ctx context.Context) error { _, err := h.Store.Contact(ctx, org, contact); return err },
		"FindContacts": func(ctx context.Context) error {
			l, _, err := h.FindContacts(ctx, org, store.ContactQuery{Page: all})
			return none(len(l), 0, err)
		},
		"CountContacts": func(ctx context.Context) error {
			n, err := h.CountContacts(ctx, org, store.ContactQuery{})
			return none(0, n, err)
		},
		"UpdateContact": func(ctx context.Context) error {
			_, err := h.UpdateContact(ctx, org, contact, start, func(c *store.Contact) error { c.FirstName += "."; return nil })
			return err
		},
		"DeleteContact": func(ctx context.Context) error { _, err := h.DeleteContact(ctx, org, contact); return err },
		"CreateField": func(ctx context.Context) error {
			_, err := h.CreateField(ctx, newField(h.Org, store.NewID()))
			return err
		},
		"Field": func(ctx context.Context) error { _, err := h.Store.Field(ctx, org, field); return err },
		"Fields": func(ctx context.Context) error {
			l, err := h.Fields(ctx, org)
			return none(len(l), 0, err)
		},
		"UpdateField": func(ctx context.Context) error {
			_, err := h.UpdateField(ctx, org, field, start, func(f *store.Field) error { f.Label += "."; return nil })
			return err
		},
		"DeleteField": func(ctx context.Context) error { _, err := h.DeleteField(ctx, org, field, true); return err },
		"CreateOption": func(ctx context.Context) error {
			_, err := h.CreateOption(ctx, store.Option{Org: org, Field: field, Value: store.NewID(), Created: start})
			return err
		},
		"Option":  func(ctx context.Context) error { _, err := h.Store.Option(ctx, org, field, option); return err },
		"Options": func(ctx context.Context) error { _, err := h.Options(ctx, org, field); return err },
		"UpdateOption": func(ctx context.Context) error {
			_, err := h.UpdateOption(ctx, org, field, option, start, func(o *store.Option) error { o.Label += "."; return nil })
			return err
		},
		"DeleteOption": func(ctx context.Context) error { _, err := h.DeleteOption(ctx, org, field, option); return err },
	}
	maps.Copy(every, h.everyFunnel(org))
	maps.Copy(every, h.everyNote(org))
	return every
}

func testContacts(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	want := newCustomer(h.Org)
	want.ID, want.Number, want.Changes, want.Updated = h.Customer.ID, h.Customer.Number, 1, start
	for i := range want.Addresses {
		a := &want.Addresses[i]
		a.Number, a.Created, a.Updated = h.Customer.Addresses[i].Number, start, start
	}
	same(t, "made contact", h.Customer, want)
	got, err := s.Contact(ctx, h.Org, want.Number)
	ok(t, err)
	same(t, "contact", got, want)
	_, err = s.CreateContact(ctx, newCustomer(store.NewID()))
	is(t, err, store.ErrNotFound)
	bare := store.Contact{ID: store.NewID(), Org: h.Org, Created: start}
	made, err := s.CreateContact(ctx, bare)
	ok(t, err)
	bare.Number, bare.Changes, bare.Updated = made.Number, 1, start
	same(t, "contact with nothing", made, bare)

	refused := errors.New("refused")
	_, err = s.UpdateContact(ctx, h.Org, want.Number, start, func(*store.Contact) error { return refused })
	is(t, err, refused)
	got, err = s.UpdateContact(ctx, h.Org, want.Number, start.Add(time.Hour), func(c *store.Contact) error {
		c.Addresses = []store.Address{{Channel: want.Addresses[1].Channel, Address: want.Addresses[1].Address}, want.Addresses[0]} // the same
		return nil
	})
	ok(t, err)
	same(t, "contact after no change", got, want)

	want.FirstName, want.Company, want.Metadata, want.Updated, want.Changes = "Ana", "", "", start.Add(time.Hour), 2
	want.Fields = map[string]string{"visits": "13"}
	got, err = s.UpdateContact(ctx, h.Org, want.Number, want.Updated, func(c *store.Contact) error {
		c.FirstName, c.Company, c.Metadata, c.Fields = "Ana", "", "", map[string]string{"visits": "13", "tier": "null", "vip": ""}
		c.ID, c.Number, c.Org, c.Changes, c.Created = "other", 0, "other", 99, time.Time{} // stay
		return nil
	})
	ok(t, err)
	same(t, "changed contact", got, want)
	got, err = s.Contact(ctx, h.Org, want.Number)
	ok(t, err)
	same(t, "changed contact, read", got, want)

	got, err = s.DeleteContact(ctx, h.Org, want.Number)
	ok(t, err)
	same(t, "deleted contact", got, want)
	_, err = s.DeleteContact(ctx, h.Org, want.Number)
	is(t, err, store.ErrNotFound)
	_, err = s.Contact(ctx, h.Org, want.Number)
	is(t, err, store.ErrNotFound)
}

func testContactAddresses(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	had := h.Customer.Addresses
	phone := func(number int64, address string) store.Address {
		return store.Address{Number: number, Channel: store.ChannelPhone, Address: address}
	}
	change := func(at time.Time, want ...store.Address) []store.Address {
		t.Helper()
		c, err := s.UpdateContact(ctx, h.Org, h.Customer.Number, at, func(c *store.Contact) error { c.Addresses = want; return nil })
		ok(t, err)
		read, err := s.Contact(ctx, h.Org, c.Number)
		ok(t, err)
		same(t, "addresses, read", read.Addresses, c.Addresses)
		return c.Addresses
	}
	// What there is keeps its number, also if it comes without; what comes twice is there once.
	later := start.Add(time.Hour)
	got := change(later, phone(0, "+1555"), store.Address{Channel: had[1].Channel, Address: had[1].Address}, phone(0, "+1555"))
	same(t, "addresses", got, []store.Address{had[1], {Number: got[1].Number, Channel: store.ChannelPhone, Address: "+1555", Created: later, Updated: later}})
	// One that keeps its number becomes another.
	last := start.Add(2 * time.Hour)
	was := got[1]
	got = change(last, phone(was.Number, "+1666"), phone(0, "+1777"), phone(had[0].Number, "+1888")) // the last is gone: it is new
	want := []store.Address{
		{Number: was.Number, Channel: store.ChannelPhone, Address: "+1666", Created: later, Updated: last},
		{Number: got[1].Number, Channel: store.ChannelPhone, Address: "+1777", Created: last, Updated: last},
		{Number: got[2].Number, Channel: store.ChannelPhone, Address: "+1888", Created: last, Updated: last},
	}
	same(t, "addresses", got, want)
	// The same number is asked for by what it was and by what it is to be.
	got = change(last, phone(was.Number, "+1999"), phone(0, "+1666"))
	same(t, "addresses", got, []store.Address{want[0], {Number: got[1].Number, Channel: store.ChannelPhone, Address: "+1999", Created: last, Updated: last}})
	// Another contact may have the same.
	_, err := s.CreateContact(ctx, newCustomer(h.Org))
	ok(t, err)
	if got := change(last); got != nil {
		t.Errorf("addresses %v, want none", got)
	}
}

func testContactList(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	var want []int64
	for i := range 7 {
		c, err := s.CreateContact(ctx, store.Contact{ID: store.NewID(), Org: h.Org, FirstName: fmt.Sprint("n", i%3), Created: start})
		ok(t, err)
		want = append([]int64{c.Number}, want...)
	}
	want = append(want, h.Customer.Number)
	for _, o := range [][]store.ContactOrder{nil, {{Field: store.ContactNumber, Down: true}}, {{Field: store.ContactCreated, Down: true}}, {{Field: store.ContactUser, Numeric: true, Down: true}}} {
		var got []int64
		q := store.ContactQuery{Order: o, Page: store.Page{Limit: 3}}
		if o != nil && o[0].Numeric { // the only one that has a number is the first, or the last
			q.Tests = [][]store.ContactTest{{{Field: store.ContactUser, Op: store.ContactIsNotSet}, {Field: store.ContactNumber, Op: store.ContactAtLeast,
				Values: []store.Operand{{Value: 0.5, Numeric: true}}}}}
		}
		for range 4 {
			l, next, err := s.FindContacts(ctx, h.Org, q)
			ok(t, err)
			for _, c := range l {
				got = append(got, c.Number)
			}
			if q.After = next; next == nil {
				break
			}
		}
		expected := want
		if o != nil && o[0].Numeric {
			expected = append([]int64{h.Customer.Number}, want[:7]...)
		}
		same(t, fmt.Sprintf("contacts by %v", o), got, expected)
	}
	l, next, err := s.FindContacts(ctx, h.Org, store.ContactQuery{Page: store.Page{Limit: 3, Offset: 6}})
	ok(t, err)
	if len(l) != 2 || next != nil || l[1].Number != h.Customer.Number {
		t.Errorf("last page: %d contacts, next %v", len(l), next)
	}
	n, err := s.CountContacts(ctx, h.Org, store.ContactQuery{After: &store.ContactMark{Number: want[3]}, Page: store.Page{Limit: 1}})
	ok(t, err)
	if n != 8 {
		t.Errorf("%d contacts on all pages, want 8", n)
	}
}

// testUpdateContactAtOnce: no change is lost among many.
func testUpdateContactAtOnce(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_, err := s.UpdateContact(ctx, h.Org, h.Customer.Number, start, func(c *store.Contact) error {
				c.Addresses = append(c.Addresses, store.Address{Channel: store.ChannelEmail, Address: store.NewID()})
				return nil
			})
			ok(t, err)
		})
	}
	wg.Wait()
	c, err := s.Contact(ctx, h.Org, h.Customer.Number)
	ok(t, err)
	if len(c.Addresses) != 10 || c.Changes != 9 {
		t.Errorf("%d addresses after %d changes, want 10 and 9", len(c.Addresses), c.Changes)
	}
}
