package sql

import (
	"context"
	"time"

	"parley/store"
	"parley/store/sql/db"
)

// MessageAnywhere implements store.Notes.
func (s *Store) MessageAnywhere(ctx context.Context, org, id string) (m store.ThreadMessage, told time.Time, err error) {
	err = s.read(ctx, "read message", func(ctx context.Context, u unit) error {
		r, err := u.MessageAnywhere(ctx, db.MessageAnywhereParams{Org: org, ID: id})
		if err != nil {
			return err
		}
		m = toldOf(r.ThreadMessage, r.Told, r.ToldError)
		var at db.Time
		err = at.Scan(r.ToldAt)
		told = time.Time(at)
		return err
	})
	return m, told, err
}

// MessageNote implements store.Notes.
func (s *Store) MessageNote(ctx context.Context, org, message string) (n store.MessageNote, err error) {
	err = s.read(ctx, "read note", func(ctx context.Context, u unit) error {
		r, err := u.MessageNote(ctx, db.MessageNoteParams{Org: org, Message: message})
		n = store.MessageNote{
			Message: r.Message, Org: r.Org, User: r.UserRef, Fields: r.Fields, Words: r.Words, Summary: r.Summary, Failure: r.Failure, Heard: time.Time(r.Heard),
		}
		return err
	})
	return n, err
}

// NoteMessage implements store.Notes.
func (s *Store) NoteMessage(ctx context.Context, n store.MessageNote) error {
	return s.write(ctx, "note message", func(ctx context.Context, u unit) error {
		if _, err := u.MessageAnywhere(ctx, db.MessageAnywhereParams{Org: n.Org, ID: n.Message}); err != nil {
			return err
		}
		return u.NoteMessage(ctx, db.NoteMessageParams{Message: n.Message, Org: n.Org, UserRef: n.User, Fields: n.Fields})
	})
}

// Told implements store.Notes.
func (s *Store) Told(ctx context.Context, j store.Job, t store.Telling, at time.Time) error {
	return s.write(ctx, "note words", func(ctx context.Context, u unit) error {
		if err := u.endJob(ctx, j, "", at); err != nil {
			return err
		}
		return u.noteWords(ctx, j, t, at)
	})
}

// noteWords keeps what was said in a message.
func (u unit) noteWords(ctx context.Context, j store.Job, t store.Telling, at time.Time) error {
	return u.NoteWords(ctx, db.NoteWordsParams{Message: j.Key, Org: j.Org, Words: t.Words, Summary: t.Summary, Failure: t.Failure, Heard: db.Time(at)})
}

// ThreadWith implements store.Notes.
func (s *Store) ThreadWith(ctx context.Context, org, bot, peer string) (c store.Conversation, err error) {
	err = s.read(ctx, "find thread", func(ctx context.Context, u unit) error {
		id, err := u.ThreadOfPeer(ctx, db.ThreadOfPeerParams{Bot: bot, Peer: peer})
		if err != nil {
			return err
		}
		c, err = u.conversation(ctx, org, id)
		return err
	})
	return c, err
}
