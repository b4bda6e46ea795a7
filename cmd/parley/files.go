package main

import (
	"time"

	"parley/control"
	"parley/control/archive"
	"parley/control/voice"
	"parley/store"
)

// sendLife is how long a channel may fetch a file that is being sent.
const sendLife = time.Hour

// enclosures are the files of conversations, and their links for channels. They are an inbox.Files.
type enclosures struct {
	*archive.Files
	tickets *voice.Tickets
	public  string // where channels reach this server; empty: nowhere
}

// newEnclosures makes them of the server's secret.
func (in *construction) newEnclosures() (*enclosures, error) {
	t, err := voice.NewTickets(in.secrets[0], voice.ForFile)
	if err != nil {
		return nil, err
	}
	return &enclosures{Files: in.keptFiles(), tickets: t, public: in.cfg.PublicURL}, nil
}

// keptFiles are the files of conversations.
func (o *office) keptFiles() *archive.Files {
	return &archive.Files{Root: o.files, Bucket: o.sounds.Bucket}
}

// Link implements inbox.Files.
func (k *enclosures) Link(f store.File) string {
	if k.public == "" {
		return ""
	}
	ticket, _ := k.tickets.IssueUntil(f.Org, f.ID, time.Now().Add(sendLife))
	return control.FileURL(k.public, f.ID, ticket)
}
