package crm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"parley/control/envelope"
	"parley/store"
)

// Conversations handles /conversations.
type Conversations struct{ Store Rows }

const mostSessions = 100 // of calls and of threads, that a conversation shows

// CreateConversation is what POST /conversations asks.
type CreateConversation struct {
	envelope.Strict
	Tenant

	Body FunnelCreate
}

// Create handles POST /conversations. A conversation that the contact has in the funnel already is answered as it is.
func (h *Conversations) Create(ctx context.Context, in *CreateConversation) (*One[FunnelConversation], error) {
	org, err := in.org(ctx)
	if err != nil {
		return nil, err
	}
	d, bad, err := draft(ctx, h.Store, org, &in.Body)
	if err != nil || len(bad) > 0 {
		return nil, or(err, bad.fault())
	}
	out, err := h.Store.BeginFunnels(ctx, org, now(), []store.FunnelDraft{d})
	if err != nil {
		return nil, failed(err, "conversation")
	}
	if err := out[0].Err; err != nil {
		return nil, complaints{issueOf(err, "contactId", d.Contact)}.fault()
	}
	return h.answer(ctx, org, out[0].Number)
}

// or is the first error that there is.
func or(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// fault refuses a request for all that is wrong with it.
func (c complaints) fault() error {
	bad := make(map[string]string, len(c))
	for _, i := range c {
		bad[i.Field] = i.Message
	}
	return invalid(bad)
}

// issueOf is why a draft was not taken; named is what names the thing that there may not be, by its number.
func issueOf(err error, named string, number int64) Issue {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r.Issue
	}
	noun := "contact"
	if named == "id" {
		noun = "conversation"
	}
	return Issue{Field: named, Message: "there is no such " + noun, Code: codeMissing, Context: &IssueContext{Given: strconv.FormatInt(number, 10)}}
}

// answer shows a conversation.
func (h *Conversations) answer(ctx context.Context, org string, number int64) (*One[FunnelConversation], error) {
	c, err := h.Store.FunnelConversation(ctx, org, number)
	if err != nil {
		return nil, failed(err, "conversation")
	}
	who, err := h.Store.Contact(ctx, org, c.Contact)
	if err != nil {
		return nil, failed(err, "contact")
	}
	sessions, err := h.Store.ChannelSessions(ctx, org, c.Contact, mostSessions)
	if err != nil {
		return nil, failed(err, "contact")
	}
	return give(showFunnel(c, who, sessions)), nil
}

// draft makes a draft of a body that has nothing wrong in itself, or says what is wrong with its custom fields.
func draft(ctx context.Context, s store.Fields, org string, b *FunnelCreate) (d store.FunnelDraft, bad complaints, err error) {
	fields, err := bad.values(ctx, s, org, store.OfFunnelConversations, "", b.CustomFields)
	if err != nil {
		return d, nil, err
	}
	theirs, err := bad.values(ctx, s, org, store.OfContacts, "contact.", b.Contact.Value.CustomFields)
	if err != nil {
		return d, nil, err
	}
	d.Conversation = store.FunnelConversation{ID: store.NewID(), Funnel: decimal(&b.FunnelID.Value), Created: now()}
	if b.CreatedAt.Set {
		d.Conversation.Created = b.CreatedAt.Value.UTC()
	}
	if err := b.apply(&d.Conversation, fields); err != nil {
		return d, append(bad, issueOf(err, "", 0)), nil
	}
	if d.Contact = whole(b.ContactID); d.Contact == 0 {
		d.Addresses = b.Contact.Value.addresses()
	}
	if b.Contact.Set {
		d.Person = func(c *store.Contact) error { return b.Contact.Value.apply(c, theirs) }
	}
	return d, bad, nil
}

// values are custom fields as an entity keeps them; what is wrong with them is added.
func (c *complaints) values(ctx context.Context, s store.Fields, org, entity, prefix string, given envelope.Field[map[string]json.RawMessage]) (map[string]string, error) {
	kept, err := values(ctx, s, org, entity, given.Value)
	f, ok := errors.AsType[*envelope.Fault](err)
	if !ok {
		return kept, err
	}
	for _, field := range slices.Sorted(maps.Keys(f.Details)) {
		c.add(prefix+field, codeValue, f.Details[field])
	}
	return nil, nil
}

// told says what a bulk request has come to.
func told(verb string, c BulkCounts) string {
	parts := []string{fmt.Sprintf("%d of %d conversations %s", c.Successful, c.Total, verb)}
	if c.Duplicates > 0 {
		parts = append(parts, fmt.Sprintf("%d were there already", c.Duplicates))
	}
	if c.Errors > 0 {
		parts = append(parts, fmt.Sprintf("%d have errors", c.Errors))
	}
	return strings.Join(parts, ", ")
}
