// Package crm serves the CRM contract, under /crm/api/v1: contacts and their custom fields, conversations and messages, tasks, calls and their
// recordings.
//
//	HTTP ──▶ Tolerant ──▶ control.routes ──┬▶ Contacts ──▶ addresses, custom values (by type) ──▶ store.Contacts
//	         (raw ";")                     │     ╰── list, search ──▶ query ──▶ store.ContactQuery
//	                                       ├▶ Fields ──▶ definitions and options ──▶ store.Fields
//	                                       ├▶ Conversations ──▶ drafts, 200 of a bulk at once ──▶ store.Funnels
//	                                       ├▶ Messages ──▶ bots.Messenger; store.Notes
//	                                       ├▶ Assignments ──▶ store.Assignments ──▶ control/assignee
//	                                       ╰▶ Calls ──▶ the rows that the voice contract shows ──▶ store.Calls, store.Cards
//	                                            ├── StartAgentCall ──▶ an agent and a task ──▶ Dialer
//	                                            ╰── LoadRecording ──▶ store.Load ──▶ control/fetch
//
// Answers are bare objects, with names in camelCase and numbers for ids; an error is {code, error, message, details}. Of a contact, the
// addresses are the truth; phone and email show the first of them. Handlers decode, call and encode; they own no goroutine.
package crm

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"parley/control/access"
	"parley/control/envelope"
	"parley/store"
)

// Rows are what the handlers read and write.
type Rows interface {
	store.Contacts
	store.Fields
	store.Cards
	store.Assignments
	store.Funnels
}

// One is what a handler returns that answers with one thing.
type One[T any] struct{ Body T }

func give[T any](data T) *One[T] { return &One[T]{data} }

// Tenant is the organisation that a request may name, beside its key.
type Tenant struct {
	TenantID string `query:"tenantId" maxLength:"100" doc:"The caller's own organisation, which is the default; another one is not found."`
}

// org is whose rows the request is about.
func (t Tenant) org(ctx context.Context) (string, error) {
	own := access.Org(ctx)
	if t.TenantID != "" && t.TenantID != own {
		return "", envelope.Missing("no such tenant")
	}
	return own, nil
}

// ID is the thing that a path names.
type ID struct {
	envelope.Strict
	Tenant

	ID string `path:"id" doc:"Its id, a number. Ids of other organisations are as unknown as malformed ones: 404." example:"1"`
}

// number is an id; what is no number is nobody's.
func number(id, noun string) (int64, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || n <= 0 || id[0] == '+' {
		return 0, envelope.Missing("no such " + noun)
	}
	return n, nil
}

// of is whose row the path names, and which.
func (i ID) of(ctx context.Context, noun string) (org string, n int64, err error) {
	if org, err = i.org(ctx); err != nil {
		return "", 0, err
	}
	n, err = number(i.ID, noun)
	return org, n, err
}

// List is what an operation asks that lists.
type List struct {
	envelope.Strict
	Tenant

	FilterBy  string  `query:"filterBy" maxLength:"2000" doc:"Only rows of which all these are so, such as firstName:John;email:john@example.com."`
	SearchBy  string  `query:"searchBy" maxLength:"200" doc:"Only rows in which all these words stand somewhere."`
	SortBy    string  `query:"sortBy" maxLength:"500" doc:"By what to sort, such as createdAt=desc; further ones after a semicolon."`
	Page      float64 `query:"page" minimum:"1" maximum:"1000000" doc:"Which page, from 1; instead of pageToken."`
	PageSize  float64 `query:"pageSize" exclusiveMinimum:"0" maximum:"100" default:"20" doc:"Rows of a page."`
	PageToken string  `query:"pageToken" maxLength:"4000" doc:"The nextPageToken of the page before."`
}

// size and offset are the page's; a part of a row is a row.
func (l List) size() int { return int(math.Ceil(l.PageSize)) }

func (l List) offset() int { return (int(math.Ceil(max(l.Page, 1))) - 1) * l.size() }

// Page is a page of a list.
type Page[T any] struct {
	Items         []T     `json:"items" nullable:"false"`
	NextPageToken *string `json:"nextPageToken" doc:"Asks for the next page, as pageToken; null: this is the last." example:"eyJuIjoxfQ"`
	TotalCount    *int64  `json:"totalCount" doc:"How many rows match, on all pages; null: it was not asked for." example:"1"`
}

// failed names what was not found, and passes on what else went wrong.
func failed(err error, noun string) error {
	var f *envelope.Fault
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, store.ErrNotFound):
		return envelope.Missing("no such " + noun)
	}
	return fmt.Errorf("%s: %w", noun, err)
}

// invalid refuses a request for fields, each with what is wrong with it; nil if there are none.
func invalid(bad map[string]string) error {
	if len(bad) == 0 {
		return nil
	}
	f := envelope.Bad("validation failed")
	f.Details = bad
	return f
}

// now is a moment as rows keep it.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// queryKey is where a context has a request's query as it came.
type queryKey struct{}

// Tolerant takes a query with plain semicolons, as filterBy has them, which net/http would take for a mistake.
func Tolerant(next http.Handler) http.Handler {
	kept := http.AllowQuerySemicolons(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query, _ := r.Context().Value(queryKey{}).(string)
		plain, address := *r, *r.URL
		address.RawQuery = strings.ReplaceAll(query, ";", "%3B")
		plain.URL = &address
		next.ServeHTTP(w, &plain)
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.URL.RawQuery, ";") {
			next.ServeHTTP(w, r)
			return
		}
		kept.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), queryKey{}, r.URL.RawQuery)))
	})
}
