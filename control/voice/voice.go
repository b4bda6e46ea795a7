// Package voice serves the voice-agents contract: agents, calls and what calls leave behind.
//
//	HTTP ──▶ control.routes ──▶ Agents.List, Get, Create, Update, Delete ──▶ store.Agents ──▶ Changed (the directory reads anew)
//	                        ──▶ Tasks.List, Get, Create, Update, Delete ───▶ store.Tasks
//	                        ──▶ Tasks.Execute, Reset ──▶ Dialer ──▶ the carrier
//	                        ──▶ Calls.List, Get, Transcript, Recording ────▶ store.Calls
//	                        ──▶ Calls.Stream (key or ticket) ──▶ os.Root ──▶ the WAV file
//	                        ──▶ Calls.End, Cancel ──▶ Live ──▶ the call's own goroutine, on whichever node
//	                        ──▶ Sockets.Serve (key, session or ticket) ──▶ live.Desk ──▶ the call's transcript, while it goes on
//
// Its types are the contract: huma makes the checks and the OpenAPI description from their tags, and what a tag cannot say, their
// Resolve does, so that every bad field of a request is named at once. Handlers decode, call and encode; they own no goroutine. Every
// row is asked for by the organisation of the key, so a foreign id is as unknown as one that never was.
//
// testdata/contract.json holds the whole page as data: operations, parameters, fields, words and sample requests. The tests are driven
// by it, and, where shared/ is at hand, it is compared with the page itself.
package voice

import (
	"context"

	"github.com/google/uuid"

	"parley/control/access"
	"parley/control/envelope"
)

// Page is the part of a list that a request asks for.
type Page struct {
	Limit  int `query:"limit" minimum:"1" maximum:"100" default:"50" doc:"Number of results."`
	Offset int `query:"offset" minimum:"0" maximum:"2147483647" default:"0" doc:"Pagination offset."`
}

// ID is the thing that a path names.
type ID struct {
	envelope.Strict

	ID string `path:"id" doc:"Its id, a UUID. Ids of other organisations are as unknown as malformed ones: 404." example:"0193e7a1-6f0c-7d52-9d3c-3f4a5b6c7d8e"`
}

// org is whose rows a request may see. The middleware lets nobody through without one.
func org(ctx context.Context) string {
	i, _ := access.From(ctx)
	return i.Org
}

// canonical is an id as the store writes it; what is no UUID is nobody's id.
func canonical(id, noun string) (string, error) {
	u, err := uuid.Parse(id)
	if err != nil {
		return "", envelope.Missing("no such " + noun)
	}
	return u.String(), nil
}

// CallID is a call's id as the store writes it. What is no UUID is no call's: it stays as it is.
func CallID(id string) string { return plain(id) }

// or is a text for JSON, where an empty one is null.
func or(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
