package crm

import (
	"context"
	"fmt"

	"parley/control/envelope"
	"parley/store"
)

// Contacts handles /contacts.
type Contacts struct{ Store Rows }

// CreateContact is what POST /contacts asks.
type CreateContact struct {
	envelope.Strict
	Tenant

	Body ContactCreate
}

// Create handles POST /contacts.
func (h *Contacts) Create(ctx context.Context, in *CreateContact) (*One[Contact], error) {
	org, err := in.org(ctx)
	if err != nil {
		return nil, err
	}
	fields, err := values(ctx, h.Store, org, store.OfContacts, in.Body.CustomFields.Value)
	if err != nil {
		return nil, err
	}
	c := store.Contact{ID: store.NewID(), Org: org, Fields: fields, Created: now()}
	if in.Body.CreatedAt.Set {
		c.Created = in.Body.CreatedAt.Value.UTC()
	}
	in.Body.apply(&c)
	return answer(h.Store.CreateContact(ctx, c))
}

// answer shows a contact, or says why there is none.
func answer(c store.Contact, err error) (*One[Contact], error) {
	if err != nil {
		return nil, failed(err, "contact")
	}
	return give(show(c)), nil
}

// Get handles GET /contacts/{id}.
func (h *Contacts) Get(ctx context.Context, in *ID) (*One[Contact], error) {
	org, n, err := in.of(ctx, "contact")
	if err != nil {
		return nil, err
	}
	return answer(h.Store.Contact(ctx, org, n))
}

// UpdateContact is what PUT /contacts/{id} asks.
type UpdateContact struct {
	ID

	Body ContactUpdate
}

// Update handles PUT /contacts/{id}.
func (h *Contacts) Update(ctx context.Context, in *UpdateContact) (*One[Contact], error) {
	org, n, err := in.of(ctx, "contact")
	if err != nil {
		return nil, err
	}
	if _, err := h.Store.Contact(ctx, org, n); err != nil {
		return nil, failed(err, "contact")
	}
	fields, err := values(ctx, h.Store, org, store.OfContacts, in.Body.CustomFields.Value)
	if err != nil {
		return nil, err
	}
	return answer(h.Store.UpdateContact(ctx, org, n, now(), func(c *store.Contact) error {
		in.Body.apply(c)
		if in.Body.CustomFields.Null {
			c.Fields = nil
		} else if c.Fields = merged(c.Fields, fields); len(c.Fields) > mostValues {
			return envelope.Wrong("customFields", fmt.Sprintf("would be more than %d", mostValues))
		}
		return nil
	}))
}

// Delete handles DELETE /contacts/{id}.
func (h *Contacts) Delete(ctx context.Context, in *ID) (*One[Contact], error) {
	org, n, err := in.of(ctx, "contact")
	if err != nil {
		return nil, err
	}
	return answer(h.Store.DeleteContact(ctx, org, n))
}

// List handles GET /contacts.
func (h *Contacts) List(ctx context.Context, in *List) (*One[Page[Contact]], error) {
	org, err := in.org(ctx)
	if err != nil {
		return nil, err
	}
	b, err := bookOf(ctx, h.Store, org, store.OfContacts)
	if err != nil {
		return nil, err
	}
	q, err := b.listing(in)
	if err != nil {
		return nil, err
	}
	page, err := find(ctx, h.Store, org, q, true, show)
	if err != nil {
		return nil, err
	}
	return give(page), nil
}

// SearchContacts is what POST /contacts/search asks.
type SearchContacts struct {
	envelope.Strict
	Tenant

	Body ContactSearch
}

// Search handles POST /contacts/search.
func (h *Contacts) Search(ctx context.Context, in *SearchContacts) (*One[Page[FoundContact]], error) {
	org, err := in.org(ctx)
	if err != nil {
		return nil, err
	}
	b, err := bookOf(ctx, h.Store, org, store.OfContacts)
	if err != nil {
		return nil, err
	}
	q, err := b.search(in.Body)
	if err != nil {
		return nil, err
	}
	page, err := find(ctx, h.Store, org, q, bool(in.Body.IncludeTotalCount), showFound)
	if err != nil {
		return nil, err
	}
	return give(page), nil
}

// find is a page of what is asked for, and how much there is on all pages if somebody wants to know.
func find[T any](ctx context.Context, s store.Contacts, org string, q store.ContactQuery, counted bool, show func(store.Contact) T) (Page[T], error) {
	rows, next, err := s.FindContacts(ctx, org, q)
	if err != nil {
		return Page[T]{}, fmt.Errorf("find contacts: %w", err)
	}
	p := Page[T]{Items: make([]T, len(rows))}
	for i, c := range rows {
		p.Items[i] = show(c)
	}
	if next != nil {
		token := seal(q.Order, *next)
		p.NextPageToken = &token
	}
	if !counted {
		return p, nil
	}
	n, err := s.CountContacts(ctx, org, q)
	if err != nil {
		return Page[T]{}, fmt.Errorf("count contacts: %w", err)
	}
	p.TotalCount = &n
	return p, nil
}
