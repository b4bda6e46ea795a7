package storetest

import (
	"context"
	"testing"
	"time"

	"parley/store"
)

// everyNote is Every of the methods of notes.
func (h House) everyNote(org string) map[string]func(context.Context) error {
	message := func(ctx context.Context) (string, error) {
		all, err := h.ThreadMessages(ctx, h.Org, h.Thread.ID, all)
		if err != nil {
			return "", err
		}
		return all[0].ID, nil
	}
	return map[string]func(context.Context) error{
		"MessageAnywhere": func(ctx context.Context) error {
			id, err := message(ctx)
			if err != nil {
				return err
			}
			_, _, err = h.MessageAnywhere(ctx, org, id)
			return err
		},
		"NoteMessage": func(ctx context.Context) error {
			id, err := message(ctx)
			if err != nil {
				return err
			}
			return h.NoteMessage(ctx, store.MessageNote{Message: id, Org: org})
		},
		"MessageNote": func(ctx context.Context) error {
			id, err := message(ctx)
			if err != nil {
				return err
			}
			if err := h.NoteMessage(ctx, store.MessageNote{Message: id, Org: h.Org}); err != nil {
				return err
			}
			_, err = h.MessageNote(ctx, org, id)
			return err
		},
		"Told": func(ctx context.Context) error {
			return conflict(h.Told(ctx, store.Job{ID: store.NewID()}, store.Telling{}, start))
		},
		"ThreadWith": func(ctx context.Context) error {
			if _, err := h.Begin(ctx, store.Received{Org: h.Org, Bot: h.Bot.ID, Peers: []string{"+5551"}, Message: store.ThreadMessage{Created: start}}); err != nil {
				return err
			}
			_, err := h.ThreadWith(ctx, org, h.Bot.ID, "+5551")
			return err
		},
	}
}

// testNotes: what the CRM knows of a message is kept besides it, and its words once they are heard.
func testNotes(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	m, err := s.AddThreadMessage(ctx, h.Org, newThreadMessage(h.Thread.ID, "Hello?"))
	ok(t, err)
	got, told, err := s.MessageAnywhere(ctx, h.Org, m.ID)
	ok(t, err)
	same(t, "message", got, m)
	if !told.IsZero() {
		t.Errorf("it was told of at %v", told)
	}
	_, _, err = s.MessageAnywhere(ctx, store.NewID(), m.ID)
	is(t, err, store.ErrNotFound)

	_, err = s.MessageNote(ctx, h.Org, m.ID)
	is(t, err, store.ErrNotFound)
	is(t, s.NoteMessage(ctx, store.MessageNote{Message: m.ID, Org: store.NewID()}), store.ErrNotFound)
	want := store.MessageNote{Message: m.ID, Org: h.Org, User: "7", Fields: `{"a":1}`}
	ok(t, s.NoteMessage(ctx, want))
	later := start.Add(time.Hour)
	_, err = s.AddJob(ctx, store.Job{ID: store.NewID(), Org: h.Org, Bot: h.Bot.ID, Kind: store.WordsJob, Key: m.ID, Thread: h.Thread.ID, Due: start, Latest: start, Created: start})
	ok(t, err)
	jobs := takeJobs(t, s, store.WordsJob, later)
	if len(jobs) != 1 {
		t.Fatalf("%d jobs, want one", len(jobs))
	}
	ok(t, s.Told(ctx, jobs[0], store.Telling{Words: "Hello", Summary: "Hello"}, later))
	is(t, s.Told(ctx, jobs[0], store.Telling{Words: "Again"}, later), store.ErrConflict)
	want.Words, want.Summary, want.Heard = "Hello", "Hello", later
	note, err := s.MessageNote(ctx, h.Org, m.ID)
	ok(t, err)
	same(t, "note", note, want)
	_, err = s.MessageNote(ctx, store.NewID(), m.ID)
	is(t, err, store.ErrNotFound)

	_, err = s.ThreadWith(ctx, h.Org, h.Bot.ID, "+5550")
	is(t, err, store.ErrNotFound)
	begun, err := s.Begin(ctx, store.Received{Org: h.Org, Bot: h.Bot.ID, Peers: []string{"+5550"}, Message: store.ThreadMessage{Created: start}})
	ok(t, err)
	c, err := s.ThreadWith(ctx, h.Org, h.Bot.ID, "+5550")
	ok(t, err)
	same(t, "thread", c, begun.Conversation)
	_, err = s.ThreadWith(ctx, store.NewID(), h.Bot.ID, "+5550")
	is(t, err, store.ErrNotFound)
}
