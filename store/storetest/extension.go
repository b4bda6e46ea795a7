package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"parley/store"
)

func newExtension(org, username string) store.Extension {
	return store.Extension{ID: store.NewID(), Org: org, Username: username, Name: "Anna", Sealed: store.Sealed{Text: "sealed " + username, Key: "key 1"},
		Created: start, Updated: start}
}

// everyExtension is Every of the methods of extensions.
func (h House) everyExtension(org string) map[string]func(context.Context) error {
	id := h.Extension.ID
	return map[string]func(context.Context) error{
		"CreateExtension": func(ctx context.Context) error {
			_, err := h.CreateExtension(ctx, newExtension(h.Org, "anna"))
			return conflict(err)
		},
		"Extension": func(ctx context.Context) error { _, err := h.Store.Extension(ctx, org, id); return err },
		"Extensions": func(ctx context.Context) error {
			l, n, err := h.Extensions(ctx, org, all)
			return none(len(l), n, err)
		},
		"UpdateExtension": func(ctx context.Context) error {
			_, err := h.UpdateExtension(ctx, org, id, start, func(e *store.Extension) error { e.Name += "."; return nil })
			return err
		},
		"DeleteExtension": func(ctx context.Context) error { return h.DeleteExtension(ctx, org, id) },
	}
}

func testExtensions(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	want := newExtension(h.Org, "anna")
	want.ID, want.Number = h.Extension.ID, h.Extension.Number
	same(t, "made extension", h.Extension, want)
	_, err := s.CreateExtension(ctx, newExtension(h.Org, "anna"))
	is(t, err, store.ErrConflict)
	_, err = s.CreateExtension(ctx, newExtension(store.NewID(), "anna"))
	is(t, err, store.ErrNotFound)
	stranger := newExtension(h.Org, "bert")
	stranger.Agent = store.NewID()
	_, err = s.CreateExtension(ctx, stranger)
	is(t, err, store.ErrNotFound)
	other, err := s.CreateOrganisation(ctx, store.Organisation{ID: store.NewID(), Name: "Other", Created: start})
	ok(t, err)
	_, err = s.CreateExtension(ctx, newExtension(other.ID, "anna")) // another organisation's
	ok(t, err)

	bert := newExtension(h.Org, "bert")
	bert.Agent = h.Setup.Agent.ID
	bert, err = s.CreateExtension(ctx, bert)
	ok(t, err)
	list, total, err := s.Extensions(ctx, h.Org, store.Page{Limit: 1})
	ok(t, err)
	if same(t, "first extension", list, []store.Extension{bert}); total != 2 {
		t.Errorf("%d extensions, want 2", total)
	}

	refused := errors.New("refused")
	_, err = s.UpdateExtension(ctx, h.Org, want.ID, start, func(*store.Extension) error { return refused })
	is(t, err, refused)
	_, err = s.UpdateExtension(ctx, h.Org, want.ID, start, func(e *store.Extension) error { e.Agent = store.NewID(); return nil })
	is(t, err, store.ErrNotFound)
	before, err := s.Revision(ctx)
	ok(t, err)
	want.Name, want.Agent, want.Sealed, want.Updated = "Anna B.", h.Setup.Agent.ID, store.Sealed{Text: "anew", Key: "key 2"}, start.Add(time.Hour)
	got, err := s.UpdateExtension(ctx, h.Org, want.ID, want.Updated, func(e *store.Extension) error {
		*e = want
		e.ID, e.Org, e.Username = "other", "other", "other" // stay
		return nil
	})
	ok(t, err)
	same(t, "changed extension", got, want)
	got, err = s.Extension(ctx, h.Org, want.ID)
	ok(t, err)
	same(t, "changed extension, read", got, want)

	d, err := s.Directory(ctx)
	ok(t, err)
	if d.Revision <= before || len(d.Extensions) != 3 || d.Extensions[0] != want {
		t.Errorf("revision %d after %d, extensions %+v", d.Revision, before, d.Extensions)
	}
	cy, err := s.CreateAgent(ctx, store.Agent{ID: store.NewID(), Org: h.Org, Name: "Cy", Created: start})
	ok(t, err)
	leave := func(e *store.Extension) error { e.Agent = cy.ID; return nil }
	_, err = s.UpdateExtension(ctx, h.Org, bert.ID, start, leave)
	ok(t, err)
	ok(t, s.DeleteAgent(ctx, h.Org, cy.ID)) // its calls are the default agent's from now on
	got, err = s.UpdateExtension(ctx, h.Org, bert.ID, start, func(e *store.Extension) error { e.Sealed.Text = "anew"; return nil })
	ok(t, err)
	same(t, "password of an extension whose agent is gone", got.Sealed.Text, "anew")
	_, err = s.UpdateExtension(ctx, h.Org, want.ID, start, leave)
	is(t, err, store.ErrNotFound)

	ok(t, s.DeleteExtension(ctx, h.Org, want.ID))
	is(t, s.DeleteExtension(ctx, h.Org, want.ID), store.ErrNotFound)
}
