package envelope

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"parley/store"
)

// This file has what the contracts of bots and conversations have in place of the envelope: an answer is the thing itself, a list a bare
// array, an error {error, details}.

// IsBare says whether a path belongs to one of these contracts.
func IsBare(path string) bool {
	for _, root := range []string{"/api/v1/bots", "/api/v1/conversations", "/ws/conversations"} {
		if rest, ok := strings.CutPrefix(path, root); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return false
}

// Bare is what a handler returns that answers with one thing.
type Bare[T any] struct{ Body T }

// BareList is what a handler returns that answers with a list.
type BareList[T any] struct {
	Link string `header:"Link" doc:"Where the next part of the list is, with rel=\"next\"; absent: this is its end."`
	Body []T
}

// BareMost is how many rows a bare list has where nobody asks for fewer: their ceiling.
const BareMost = 1000

// BarePage is what an operation asks that answers with a bare list.
type BarePage struct {
	Strict

	Limit  int `query:"limit" minimum:"1" maximum:"1000" default:"1000" doc:"The most rows to answer. Extension."`
	Offset int `query:"offset" minimum:"0" maximum:"2147483647" default:"0" doc:"How many rows to leave out first. Extension."`

	url url.URL
}

// Resolve implements huma.Resolver: it learns how to ask for the next part.
func (p *BarePage) Resolve(ctx huma.Context) []error {
	p.url = ctx.URL()
	return p.Strict.Resolve(ctx)
}

// Rows is the page for the store: one row more, which tells whether there is a next part.
func (p *BarePage) Rows() store.Page { return store.Page{Limit: p.Limit + 1, Offset: p.Offset} }

// BareRows answers with the rows that Rows asked for.
func BareRows[A, B any](p BarePage, rows []A, show func(A) B) *BareList[B] {
	list := &BareList[B]{Body: make([]B, 0, len(rows))}
	if len(rows) > p.Limit {
		rows = rows[:p.Limit]
		q := p.url.Query()
		q.Set("limit", strconv.Itoa(p.Limit))
		q.Set("offset", strconv.Itoa(p.Offset+p.Limit))
		list.Link = "<" + p.url.Path + "?" + q.Encode() + `>; rel="next"`
	}
	for _, row := range rows {
		list.Body = append(list.Body, show(row))
	}
	return list
}

// A BareFailure is a fault in the shape of these contracts.
type BareFailure struct {
	Message string            `json:"error" doc:"What went wrong, for people." example:"validation failed"`
	Details map[string]string `json:"details" doc:"Every bad field by its name, nested ones with dots, and what is wrong with it; empty where no field is."`

	status int
}

func (f *BareFailure) Error() string { return f.Message }

// GetStatus implements huma.StatusError.
func (f *BareFailure) GetStatus() int { return f.status }

// bare is a fault in that shape.
func bare(f *Fault) *BareFailure {
	b := &BareFailure{Message: f.Message, Details: f.Details, status: f.Status}
	if b.Details == nil {
		b.Details = map[string]string{}
	}
	return b
}
