package sql

import (
	"context"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/store"
	"parley/store/sql/db"
)

// CreateContact implements store.Contacts.
func (s *Store) CreateContact(ctx context.Context, c store.Contact) (made store.Contact, err error) {
	err = s.write(ctx, "create contact", func(ctx context.Context, u unit) error {
		if _, err := u.Organisation(ctx, c.Org); err != nil {
			return err
		}
		made, err = u.createContact(ctx, c)
		return err
	})
	if err != nil {
		return store.Contact{}, err
	}
	return made, nil
}

// createContact writes a new contact, its addresses and what it is found by.
func (u unit) createContact(ctx context.Context, c store.Contact) (store.Contact, error) {
	row, err := u.InsertContact(ctx, db.InsertContactParams{
		ID: c.ID, Org: c.Org, UserRef: c.User, Company: c.Company, ProviderID: c.ProviderID, ProviderName: c.ProviderName, NationalID: c.NationalID,
		FirstName: c.FirstName, LastName: c.LastName, Position: c.Position, Metadata: c.Metadata, Words: wordsOf(c), Changes: 1,
		Created: db.Time(c.Created), Updated: db.Time(c.Created),
	})
	if err != nil {
		return store.Contact{}, err
	}
	made := contact(row)
	if made.Addresses, err = u.putAddresses(ctx, row.Number, nil, c.Addresses, c.Created); err != nil {
		return store.Contact{}, err
	}
	made.Fields = fieldsOf(c.Fields)
	return made, u.putTerms(ctx, made)
}

// Contact implements store.Contacts.
func (s *Store) Contact(ctx context.Context, org string, number int64) (c store.Contact, err error) {
	err = s.view(ctx, "read contact", func(ctx context.Context, u unit) error {
		c, err = u.contactOf(ctx, org, number)
		return err
	})
	return c, err
}

// contactOf reads a contact whole.
func (u unit) contactOf(ctx context.Context, org string, number int64) (store.Contact, error) {
	row, err := u.Contact(ctx, db.ContactParams{Org: org, Number: number})
	if err != nil {
		return store.Contact{}, err
	}
	all := []store.Contact{contact(row)}
	err = u.complete(ctx, all)
	return all[0], err
}

// contacts reads contacts by their numbers, in that order.
func (u unit) contacts(ctx context.Context, numbers []int64) ([]store.Contact, error) {
	found := make(map[int64]store.Contact, len(numbers))
	err := among(ctx, u, "SELECT "+db.ContactColumns+" FROM contacts WHERE number IN ($KEYS)", numbers, func(scan func(...any) error) error {
		var row db.Contact
		err := scan(row.Fields()...)
		found[row.Number] = contact(row)
		return err
	})
	if err != nil {
		return nil, err
	}
	all := make([]store.Contact, 0, len(numbers))
	for _, n := range numbers {
		if c, ok := found[n]; ok { // it may have been deleted meanwhile
			all = append(all, c)
		}
	}
	return all, u.complete(ctx, all)
}

// UpdateContact implements store.Contacts.
func (s *Store) UpdateContact(ctx context.Context, org string, number int64, at time.Time, change func(*store.Contact) error) (c store.Contact, err error) {
	var refusal error
	err = s.write(ctx, "update contact", func(ctx context.Context, u unit) error {
		if err := u.hold(ctx, "contacts", org, number); err != nil {
			return err
		}
		if c, err = u.contactOf(ctx, org, number); err != nil {
			return err
		}
		var next store.Contact
		if next, refusal = altered(c, change); refusal != nil || reflect.DeepEqual(next, c) {
			return errUnchanged
		}
		c, err = u.rewrite(ctx, c, next, at)
		return err
	})
	if refusal != nil || err != nil {
		return store.Contact{}, or(refusal, err)
	}
	return c, nil
}

// altered is a contact as change makes it.
func altered(c store.Contact, change func(*store.Contact) error) (store.Contact, error) {
	next := c
	next.Fields, next.Addresses = maps.Clone(c.Fields), slices.Clone(c.Addresses)
	if err := change(&next); err != nil {
		return store.Contact{}, err
	}
	next.ID, next.Number, next.Org, next.Changes, next.Created, next.Updated = c.ID, c.Number, c.Org, c.Changes, c.Created, c.Updated
	if next.Fields = fieldsOf(next.Fields); stay(c.Addresses, next.Addresses) {
		next.Addresses = c.Addresses
	}
	return next, nil
}

// hold keeps a row of an organisation from being written by others until the transaction ends.
func (u unit) hold(ctx context.Context, table, org string, number int64) error {
	var one int64
	return u.QueryRowContext(ctx, "SELECT number FROM "+table+" WHERE org = $1 AND number = $2"+u.forUpdate, org, number).Scan(&one)
}

// rewrite makes a contact what it is to be.
func (u unit) rewrite(ctx context.Context, was, next store.Contact, at time.Time) (store.Contact, error) {
	addresses, err := u.putAddresses(ctx, was.Number, was.Addresses, next.Addresses, at)
	if err != nil {
		return store.Contact{}, err
	}
	next.Addresses = addresses
	row, err := u.UpdateContact(ctx, db.UpdateContactParams{
		Number: was.Number, UserRef: next.User, Company: next.Company, ProviderID: next.ProviderID, ProviderName: next.ProviderName, NationalID: next.NationalID,
		FirstName: next.FirstName, LastName: next.LastName, Position: next.Position, Metadata: next.Metadata, Words: wordsOf(next), Updated: db.Time(at),
	})
	if err != nil {
		return store.Contact{}, err
	}
	c := contact(row)
	c.Addresses, c.Fields = next.Addresses, next.Fields
	if err := u.DeleteTerms(ctx, c.Number); err != nil {
		return store.Contact{}, err
	}
	if err := u.DeleteContactFields(ctx, c.Number); err != nil {
		return store.Contact{}, err
	}
	return c, u.putTerms(ctx, c)
}

// DeleteContact implements store.Contacts.
func (s *Store) DeleteContact(ctx context.Context, org string, number int64) (c store.Contact, err error) {
	err = s.write(ctx, "delete contact", func(ctx context.Context, u unit) error {
		if err := u.TakeMatchingTurn(ctx, org); err != nil { // nobody begins a conversation with them meanwhile
			return err
		}
		if err := u.hold(ctx, "contacts", org, number); err != nil {
			return err
		}
		if c, err = u.contactOf(ctx, org, number); err != nil {
			return err
		}
		if err := u.forgetContact(ctx, c, time.Now()); err != nil {
			return err
		}
		for _, drop := range []func(context.Context, int64) error{u.DropFunnelFieldsOfContact, u.DropFunnelsOfContact, u.DeleteTerms, u.DeleteContactFields, u.DeleteAddresses, u.DeleteContact} {
			if err := drop(ctx, number); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return store.Contact{}, err
	}
	return c, nil
}

// putAddresses makes the addresses of a contact what they are to be, and gives them as they then are.
func (u unit) putAddresses(ctx context.Context, contact int64, had, want []store.Address, at time.Time) ([]store.Address, error) {
	keep, fresh := sorted(had, want)
	for _, a := range had {
		if _, ok := keep[a.Number]; ok {
			continue
		}
		if err := u.DeleteAddress(ctx, a.Number); err != nil {
			return nil, err
		}
	}
	var all []store.Address
	for _, a := range had {
		next, ok := keep[a.Number]
		if ok && (next.Channel != a.Channel || next.Address != a.Address) {
			row, err := u.UpdateAddress(ctx, db.UpdateAddressParams{Number: a.Number, Channel: string(next.Channel), Address: next.Address, Updated: db.Time(at)})
			if err != nil {
				return nil, err
			}
			a = address(row)
		}
		if ok {
			all = append(all, a)
		}
	}
	for _, a := range fresh {
		row, err := u.InsertAddress(ctx, db.InsertAddressParams{Contact: contact, Channel: string(a.Channel), Address: a.Address, Created: db.Time(at), Updated: db.Time(at)})
		if err != nil {
			return nil, err
		}
		all = append(all, address(row))
	}
	return all, nil
}

// sorted tells which addresses stay, by number, and which are new. Each is wanted once; what the contact has stays the same one, also if it
// comes without its number.
func sorted(had, want []store.Address) (keep map[int64]store.Address, fresh []store.Address) {
	type place struct {
		channel store.AddressChannel
		address string
	}
	numbers, free := map[place]int64{}, map[int64]bool{}
	for _, a := range had {
		numbers[place{a.Channel, a.Address}], free[a.Number] = a.Number, true
	}
	keep = map[int64]store.Address{}
	var others []store.Address
	seen := map[place]bool{}
	for _, a := range want {
		p := place{a.Channel, a.Address}
		n, has := numbers[p]
		switch {
		case seen[p]:
		case has:
			keep[n], free[n] = a, false
		default:
			others = append(others, a)
		}
		seen[p] = true
	}
	for _, a := range others {
		if free[a.Number] {
			keep[a.Number], free[a.Number] = a, false
		} else {
			fresh = append(fresh, a)
		}
	}
	return keep, fresh
}

// stay says whether a contact has all the addresses that it is to have, and no others.
func stay(had, want []store.Address) bool {
	keep, fresh := sorted(had, want)
	for _, a := range had {
		if next, ok := keep[a.Number]; !ok || next.Channel != a.Channel || next.Address != a.Address {
			return false
		}
	}
	return len(fresh) == 0
}

// complete gives contacts their addresses and custom fields.
func (u unit) complete(ctx context.Context, all []store.Contact) error {
	numbers, at := make([]int64, len(all)), make(map[int64]int, len(all))
	for i, c := range all {
		numbers[i], at[c.Number] = c.Number, i
	}
	err := among(ctx, u, "SELECT "+db.AddressColumns+" FROM contact_addresses WHERE contact IN ($KEYS) ORDER BY number", numbers, func(scan func(...any) error) error {
		var row db.ContactAddress
		err := scan(row.Fields()...)
		c := &all[at[row.Contact]]
		c.Addresses = append(c.Addresses, address(row))
		return err
	})
	if err != nil {
		return err
	}
	return among(ctx, u, "SELECT contact, key, value FROM contact_fields WHERE contact IN ($KEYS)", numbers, func(scan func(...any) error) error {
		var contact int64
		var key, value string
		err := scan(&contact, &key, &value)
		c := &all[at[contact]]
		if c.Fields == nil {
			c.Fields = map[string]string{}
		}
		c.Fields[key] = value
		return err
	})
}

// fieldsOf are custom fields that have a value; nil if there are none.
func fieldsOf(fields map[string]string) map[string]string {
	kept := maps.Clone(fields)
	maps.DeleteFunc(kept, func(_, value string) bool { return value == "" || value == "null" })
	if len(kept) == 0 {
		return nil
	}
	return kept
}

// A term is a value that a field of a contact has.
type term struct {
	field, text string
	value       any // a float64; nil: it is no number
}

// putTerms writes what a contact is found by, and its custom fields.
func (u unit) putTerms(ctx context.Context, c store.Contact) error {
	terms := rows{before: "INSERT INTO contact_terms (org, contact, field, text, value) VALUES ", casts: []string{"", "", "", "", "DOUBLE PRECISION"}}
	for _, t := range termsOf(c) {
		terms.add(c.Org, c.Number, t.field, clipped(store.Fold(t.text)), t.value)
	}
	fields := rows{before: "INSERT INTO contact_fields (org, contact, key, value) VALUES ", casts: make([]string, 4)}
	for _, key := range slices.Sorted(maps.Keys(c.Fields)) {
		fields.add(c.Org, c.Number, key, c.Fields[key])
	}
	if err := terms.write(ctx, u, nil); err != nil {
		return err
	}
	return fields.write(ctx, u, nil)
}

// clipped is a text without what is beyond the first characters.
func clipped(text string) string {
	n := 0
	for i := range text {
		if n == store.LongestTerm {
			return text[:i]
		}
		n++
	}
	return text
}

// termsOf are all that a contact is found by.
func termsOf(c store.Contact) (all []term) {
	for _, t := range []term{
		{store.ContactProviderID, c.ProviderID, nil}, {store.ContactProviderName, c.ProviderName, nil}, {store.ContactNationalID, c.NationalID, nil},
		{store.ContactFirstName, c.FirstName, nil}, {store.ContactLastName, c.LastName, nil}, {store.ContactPosition, c.Position, nil},
		{store.ContactUser, c.User, numeric(c.User)}, {store.ContactCompany, c.Company, numeric(c.Company)},
	} {
		if t.text != "" {
			all = append(all, t)
		}
	}
	if a := c.Phone(); a != nil {
		all = append(all, term{store.ContactPhone, a.Address, nil})
	}
	if a := c.Email(); a != nil {
		all = append(all, term{store.ContactEmail, a.Address, nil})
	}
	for _, a := range c.Addresses {
		all = append(all, term{store.ContactAddress, a.Address, nil}, term{store.ContactChannel, string(a.Channel), nil},
			term{store.ContactAddressNumber, strconv.FormatInt(a.Number, 10), float64(a.Number)})
	}
	for key, value := range c.Fields {
		text := value
		if json.Unmarshal([]byte(value), &text) == nil {
			all = append(all, term{store.ContactCustom + key, text, nil})
			continue
		}
		all = append(all, term{store.ContactCustom + key, value, numeric(value)})
	}
	return all
}

// numeric is the number that a text writes; nil if it writes none.
func numeric(text string) any {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || text == "" || !strings.Contains("-0123456789", text[:1]) { // not Inf, not NaN
		return nil
	}
	return n
}

// wordsOf is what the words of a search are looked for in.
func wordsOf(c store.Contact) string {
	parts := []string{c.FirstName, c.LastName, c.NationalID, c.Position, c.ProviderID}
	for _, a := range c.Addresses {
		parts = append(parts, a.Address)
	}
	return store.Fold(strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), "\n"))
}

func contact(r db.Contact) store.Contact {
	return store.Contact{
		ID: r.ID, Number: r.Number, Org: r.Org, User: r.UserRef, Company: r.Company, ProviderID: r.ProviderID, ProviderName: r.ProviderName,
		NationalID: r.NationalID, FirstName: r.FirstName, LastName: r.LastName, Position: r.Position, Metadata: r.Metadata, Changes: r.Changes,
		Created: time.Time(r.Created), Updated: time.Time(r.Updated),
	}
}

func address(r db.ContactAddress) store.Address {
	return store.Address{Number: r.Number, Channel: store.AddressChannel(r.Channel), Address: r.Address, Created: time.Time(r.Created), Updated: time.Time(r.Updated)}
}
