package crm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"parley/control/envelope"
	"parley/store"
)

const (
	mostItems  = 10_000   // of a bulk request
	batchItems = 200      // that are written together
	mostBulk   = 64 << 20 // bytes of a bulk request
)

// BulkConversations is what POST and PUT /conversations/bulk ask. The body is read as it comes: FunnelsCreate or FunnelsUpdate say what it has.
type BulkConversations struct {
	envelope.Strict
	Tenant

	body    io.Reader
	foreign string // the content type, if that is not JSON
}

// FunnelsCreate is the body of POST /conversations/bulk, for the description.
type FunnelsCreate struct {
	Conversations []FunnelCreate `json:"conversations" maxItems:"10000" doc:"One is taken whatever is wrong with others: the report tells."`
}

// FunnelsUpdate is the body of PUT /conversations/bulk, for the description.
type FunnelsUpdate struct {
	Conversations []FunnelUpdate `json:"conversations" maxItems:"10000" doc:"One is taken whatever is wrong with others: the report tells."`
}

// Resolve implements huma.Resolver: it takes hold of the body.
func (in *BulkConversations) Resolve(ctx huma.Context) []error {
	r, w := humago.Unwrap(ctx)
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		in.foreign = r.Header.Get("Content-Type")
		if in.foreign == "" {
			in.foreign = "none"
		}
	}
	in.body = envelope.Arriving(w, r, mostBulk)
	return in.Strict.Resolve(ctx)
}

// BulkCreate handles POST /conversations/bulk.
func (h *Conversations) BulkCreate(ctx context.Context, in *BulkConversations) (*One[BulkResult], error) {
	return h.bulk(ctx, in, "created", func(b *bulk) itemReader { return &creations{bulk: b} })
}

// BulkUpdate handles PUT /conversations/bulk.
func (h *Conversations) BulkUpdate(ctx context.Context, in *BulkConversations) (*One[BulkResult], error) {
	return h.bulk(ctx, in, "updated", func(b *bulk) itemReader { return &alterations{bulk: b} })
}

func (h *Conversations) bulk(ctx context.Context, in *BulkConversations, verb string, reader func(*bulk) itemReader) (*One[BulkResult], error) {
	org, err := in.org(ctx)
	if err != nil {
		return nil, err
	}
	if in.foreign != "" {
		return nil, &envelope.Fault{Status: http.StatusUnsupportedMediaType, Message: "send the body as application/json", Details: map[string]string{"Content-Type": in.foreign}}
	}
	b := &bulk{h: h, org: org, fields: &knownFields{definitions: h.Store}, report: BulkReport{ItemsIssues: []ItemIssues{}, BatchErrors: []Issue{}}}
	b.items = reader(b)
	if err := b.read(ctx, in.body); err != nil {
		return nil, b.broken(err)
	}
	return give(BulkResult{Message: told(verb, b.report.Counts), OperationID: store.NewID(), Report: b.report}), nil
}

// A bulk is one bulk request on its way into the store.
//
//	body ──▶ json.Decoder ──▶ one item ──▶ items.take ──▶ 200 of them ──▶ items.flush ──▶ store (one transaction) ──▶ report
type bulk struct {
	h      *Conversations
	org    string
	fields *knownFields
	items  itemReader
	batch  []*ItemIssues // of the items that were taken and not flushed: what is known of each
	report BulkReport
}

// An itemReader makes something of items.
type itemReader interface {
	// take reads an item, and adds what is wrong with it.
	take(ctx context.Context, text json.RawMessage, of *ItemIssues) error
	// flush writes what was taken.
	flush(ctx context.Context) error
}

// malformedError says that the body is no JSON, or not what it is to be.
type malformedError struct{ field, message string }

func (e *malformedError) Error() string { return e.field + " " + e.message }

// read reads the body to its end.
func (b *bulk) read(ctx context.Context, body io.Reader) error {
	d := json.NewDecoder(body)
	if err := opening(d, '{', "body", "must be an object with conversations"); err != nil {
		return err
	}
	given := false
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return malformed(err)
		}
		if name != "conversations" || given {
			var other json.RawMessage
			if err := d.Decode(&other); err != nil {
				return malformed(err)
			}
			if len(b.report.BatchErrors) < mostUnknown {
				b.report.BatchErrors = append(b.report.BatchErrors, unknown(fmt.Sprint(name)))
			}
			continue
		}
		given = true
		if err := b.readItems(ctx, d); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return malformed(err)
	}
	if !given {
		return &malformedError{"conversations", "is required"}
	}
	return nil
}

// opening wants a bracket.
func opening(d *json.Decoder, bracket json.Delim, field, message string) error {
	t, err := d.Token()
	if err != nil {
		return malformed(err)
	}
	if t != bracket {
		return &malformedError{field, message}
	}
	return nil
}

// malformed tells JSON that is none from a body that did not arrive.
func malformed(err error) error {
	if errors.Is(err, envelope.ErrArrival) {
		return err
	}
	return &malformedError{"body", "is no JSON"}
}

// readItems reads the conversations.
func (b *bulk) readItems(ctx context.Context, d *json.Decoder) error {
	if err := opening(d, '[', "conversations", "must be a list"); err != nil {
		return err
	}
	n := 0
	for ; d.More(); n++ {
		var text json.RawMessage
		if err := d.Decode(&text); err != nil {
			return errors.Join(malformed(err), b.flush(ctx)) // what came before is kept
		}
		if n >= mostItems {
			continue
		}
		of := &ItemIssues{Index: n, Errors: []Issue{}, Warnings: []Issue{}}
		b.batch = append(b.batch, of)
		if err := b.items.take(ctx, text, of); err != nil {
			return err
		}
		if len(b.batch) == batchItems {
			if err := b.flush(ctx); err != nil {
				return err
			}
		}
	}
	if n > mostItems {
		b.report.BatchErrors = append(b.report.BatchErrors, Issue{
			Field: "conversations", Code: codeTooMany, Message: fmt.Sprintf("has %d: the first %d were processed", n, mostItems), Context: &IssueContext{Given: fmt.Sprint(n)},
		})
	}
	if _, err := d.Token(); err != nil {
		return errors.Join(malformed(err), b.flush(ctx))
	}
	return b.flush(ctx)
}

// flush writes what was taken, and reports it.
func (b *bulk) flush(ctx context.Context) error {
	if err := b.items.flush(ctx); err != nil {
		return err
	}
	c := &b.report.Counts
	for _, of := range b.batch {
		c.Total++
		switch {
		case len(of.Errors) > 0:
			c.Errors++
		case of.duplicate:
			c.Duplicates++
		default:
			c.Successful++
		}
		if len(of.Warnings) > 0 {
			c.Warnings++
		}
		if len(of.Errors) > 0 || len(of.Warnings) > 0 || of.duplicate {
			b.report.ItemsIssues = append(b.report.ItemsIssues, *of)
		}
	}
	b.batch = b.batch[:0]
	return nil
}

// broken says why a request could not be read to its end, and what is kept of it.
func (b *bulk) broken(err error) error {
	var fault *envelope.Fault
	var large *http.MaxBytesError
	kept := ""
	if n := b.report.Counts.Total; n > 0 {
		kept = fmt.Sprintf("; the first %d conversations were processed, and what was made of them is not made twice when the request is sent again", n)
	}
	switch bad, ok := errors.AsType[*malformedError](err); {
	case ok:
		fault = envelope.Bad("validation failed" + kept)
		fault.Details = map[string]string{bad.field: bad.message}
	case errors.Is(err, store.ErrUnavailable):
		fault = envelope.Busy("the database is not available, try again later"+kept, err)
	case errors.As(err, &large):
		fault = &envelope.Fault{Status: http.StatusRequestEntityTooLarge, Message: fmt.Sprintf("the body is too large: %d MiB at most", mostBulk>>20) + kept}
	case errors.Is(err, os.ErrDeadlineExceeded):
		fault = &envelope.Fault{Status: http.StatusRequestTimeout, Message: fmt.Sprintf("nothing of the body came for %v", envelope.IdleTime) + kept}
	case errors.Is(err, envelope.ErrArrival):
		fault = envelope.Bad("the body did not arrive whole" + kept)
	default:
		return failed(err, "conversation")
	}
	if fault.Cause == nil {
		fault.Cause = err
	}
	return fault
}

// decode reads an item. What does not fit is complained about elsewhere; what is unknown is warned of.
func decode(text json.RawMessage, into any, of *ItemIssues) bool {
	var all map[string]json.RawMessage
	if json.Unmarshal(text, &all) != nil || all == nil {
		of.Errors = append(of.Errors, Issue{Field: "conversation", Message: "must be an object", Code: codeType})
		return false
	}
	if err := json.Unmarshal(text, into); err != nil {
		of.Errors = append(of.Errors, Issue{Field: "conversation", Message: "does not fit", Code: codeType})
		return false
	}
	known := names(reflect.TypeOf(into).Elem())
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !known[name] && len(of.Warnings) < mostUnknown {
			of.Warnings = append(of.Warnings, unknown(name))
		}
	}
	return true
}

const mostUnknown = 20 // fields of one item, or of the request, that are named

// names are the fields that a type has in JSON.
func names(t reflect.Type) map[string]bool {
	all := map[string]bool{}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			maps.Copy(all, names(f.Type))
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		all[name] = true
	}
	return all
}

func unknown(name string) Issue {
	name = clip(name)
	return Issue{Field: name, Message: "unknown field: it changes nothing", Code: codeUnknown, Context: &IssueContext{Given: name}}
}

// clip is a text of the client's, as it is told back.
func clip(text string) string {
	if runes := []rune(text); len(runes) > 100 {
		return string(runes[:100]) + "..."
	}
	return text
}

// creations are the items of BulkCreate.
type creations struct {
	*bulk

	drafts []store.FunnelDraft
	of     []*ItemIssues
}

func (c *creations) take(ctx context.Context, text json.RawMessage, of *ItemIssues) error {
	var body FunnelCreate
	if !decode(text, &body, of) {
		return nil
	}
	if of.Errors = append(of.Errors, body.complaints()...); len(of.Errors) > 0 {
		return nil
	}
	d, bad, err := draft(ctx, c.fields, c.org, &body)
	if err != nil {
		return err
	}
	if of.Errors = append(of.Errors, bad...); len(of.Errors) > 0 {
		return nil
	}
	if body.ContactID.Set && !body.ContactID.Null && d.Contact == 0 {
		of.Warnings = append(of.Warnings, Issue{Field: "contactId", Message: "is no contact's id: contact tells whom it is with", Code: codeIgnored,
			Context: &IssueContext{Given: decimal(&body.ContactID.Value)}})
	}
	c.drafts, c.of = append(c.drafts, d), append(c.of, of)
	return nil
}

func (c *creations) flush(ctx context.Context) error {
	if len(c.drafts) == 0 {
		return nil
	}
	out, err := c.h.Store.BeginFunnels(ctx, c.org, now(), c.drafts)
	if err != nil {
		return fmt.Errorf("begin conversations: %w", err)
	}
	for i, o := range out {
		of := c.of[i]
		if o.Err != nil {
			of.Errors = append(of.Errors, issueOf(o.Err, "contactId", c.drafts[i].Contact))
			continue
		}
		of.ItemID = &o.Number
		if of.duplicate = o.Was; o.Was {
			of.ExistingEntities = &ExistingEntities{ConversationID: &o.Number, ContactID: &o.Contact}
		}
		if len(o.Others) > 0 {
			of.Warnings = append(of.Warnings, Issue{
				Field: "contact", Message: "several contacts have one of the addresses: the oldest is meant", Code: codeSeveral, Context: &IssueContext{ContactIDs: o.Others},
			})
			of.ExistingEntities = &ExistingEntities{ConversationID: &o.Number, ContactID: &o.Contact}
		}
	}
	c.drafts, c.of = c.drafts[:0], c.of[:0]
	return nil
}

// alterations are the items of BulkUpdate.
type alterations struct {
	*bulk

	changes []store.FunnelChange
	of      []*ItemIssues
}

func (a *alterations) take(ctx context.Context, text json.RawMessage, of *ItemIssues) error {
	var body FunnelUpdate
	if !decode(text, &body, of) {
		return nil
	}
	n := whole(body.ID)
	if n != 0 {
		of.ItemID = &n
	}
	bad := body.complaints()
	if n == 0 && len(bad) == 0 {
		bad.add("id", codeMissing, "there is no such conversation")
	}
	if of.Errors = append(of.Errors, bad...); len(of.Errors) > 0 {
		return nil
	}
	var wrong complaints
	fields, err := wrong.values(ctx, a.fields, a.org, store.OfFunnelConversations, "", body.CustomFields)
	if err != nil {
		return err
	}
	theirs, err := wrong.values(ctx, a.fields, a.org, store.OfContacts, "contact.", body.Contact.Value.CustomFields)
	if err != nil {
		return err
	}
	if of.Errors = append(of.Errors, wrong...); len(of.Errors) > 0 {
		return nil
	}
	change := store.FunnelChange{Number: n, Change: func(c *store.FunnelConversation) error { return body.apply(c, fields) }}
	if body.Contact.Set && !body.Contact.Null {
		change.Person = func(c *store.Contact) error {
			if id := body.Contact.Value.ID; id.Set && !id.Null && whole(id) != c.Number {
				return &refusal{Issue{Field: "contact.id", Message: "is not the conversation's contact", Code: codeValue, Context: &IssueContext{ContactIDs: []int64{c.Number}}}}
			}
			return body.Contact.Value.apply(c, theirs)
		}
	}
	a.changes, a.of = append(a.changes, change), append(a.of, of)
	return nil
}

func (a *alterations) flush(ctx context.Context) error {
	if len(a.changes) == 0 {
		return nil
	}
	out, err := a.h.Store.ChangeFunnels(ctx, a.org, now(), a.changes)
	if err != nil {
		return fmt.Errorf("change conversations: %w", err)
	}
	for i, o := range out {
		of := a.of[i]
		switch {
		case errors.Is(o.Err, store.ErrConflict):
			of.Errors = append(of.Errors, Issue{Field: "archivedAt", Message: "cannot be null: the contact has another conversation in the funnel", Code: codeDuplicate})
			of.ExistingEntities = &ExistingEntities{ConversationID: &o.Number, ContactID: &o.Contact}
		case o.Err != nil:
			of.Errors = append(of.Errors, issueOf(o.Err, "id", a.changes[i].Number))
		}
	}
	a.changes, a.of = a.changes[:0], a.of[:0]
	return nil
}
