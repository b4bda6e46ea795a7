package envelope

import (
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"parley/store"
)

// This file has what the requests of all parts of the API have in common.

// Page is the part of a list that a request asks for.
type Page struct {
	Limit  int `query:"limit" minimum:"1" maximum:"100" default:"50" doc:"Number of results."`
	Offset int `query:"offset" minimum:"0" maximum:"2147483647" default:"0" doc:"Pagination offset."`
}

// Rows is the same for the store.
func (p Page) Rows() store.Page { return store.Page{Limit: p.Limit, Offset: p.Offset} }

// Pages is what an operation asks that lists and filters nothing.
type Pages struct {
	Strict
	Page
}

// Nothing is what an operation asks that has neither body nor parameters.
type Nothing struct{ Strict }

// ID is the thing that a path names.
type ID struct {
	Strict

	ID string `path:"id" doc:"Its id, a UUID. Ids of other organisations are as unknown as malformed ones: 404." example:"0193e7a1-6f0c-7d52-9d3c-3f4a5b6c7d8e"`
}

// Canonical is an id as the store writes it; what is no UUID is nobody's id.
func Canonical(id, noun string) (string, error) {
	u, err := uuid.Parse(id)
	if err != nil {
		return "", Missing("no such " + noun)
	}
	return u.String(), nil
}

// Plain writes an id as the store does. What is no UUID stays as it is, and is nobody's.
func Plain(id string) string {
	if u, err := uuid.Parse(id); err == nil {
		return u.String()
	}
	return id
}

// Optional is a text for JSON, where an empty one is null.
func Optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// Blank complains about a text that is blank, or has control characters.
func Blank(at *huma.PathBuffer, field, text string) []error {
	switch {
	case text != "" && strings.TrimSpace(text) == "":
		return []error{Complain(at, field, "must not be blank")}
	case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return []error{Complain(at, field, "must not contain control characters")}
	}
	return nil
}

// E164 says whether a text is a phone number, as numbers are written in the API: the pages' own +1234567890 passes.
func E164(text string) bool { return e164.MatchString(text) }

var e164 = regexp.MustCompile(`^\+[1-9]\d{6,14}$`)

// NoE164 is what is told of what is none.
const NoE164 = "is no phone number in E.164 format, such as +1234567890"
