package sql

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/store"
	"parley/store/sql/db"
)

// mostNames are how many names somebody is looked for by.
const mostNames = 16

// Remember implements store.Memories.
func (s *Store) Remember(ctx context.Context, org string, r store.Remembering) (all []store.Remembered, err error) {
	err = s.view(ctx, "remember", func(ctx context.Context, u unit) error {
		all = nil
		names, err := u.namesOf(ctx, org, r.Names)
		if err != nil {
			return err
		}
		forgotten, err := u.forgottenUntil(ctx, org, names)
		if err != nil {
			return err
		}
		found, err := u.conversationsWith(ctx, org, names, r)
		if err != nil {
			return err
		}
		for _, c := range found {
			if len(all) == r.Most {
				break
			}
			one, err := u.remembered(ctx, c, r, forgotten)
			if err != nil {
				return err
			}
			if len(one.Spoken)+len(one.Written) > 0 {
				all = append(all, one)
			}
		}
		return nil
	})
	return all, err
}

// namesOf are the names of somebody, with the others of the one contact who has them.
func (u unit) namesOf(ctx context.Context, org string, given []string) (names []string, err error) {
	add := func(name string) {
		if name != "" && len(names) < mostNames && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, name := range given {
		add(name)
	}
	for _, name := range slices.Clone(names) {
		contacts, err := u.ContactsAt(ctx, db.ContactsAtParams{Org: org, Text: store.Fold(clipped(name))})
		if err != nil {
			return nil, err
		}
		if len(contacts) != 1 {
			continue
		}
		addresses, err := u.AddressesOf(ctx, db.AddressesOfParams{Contact: contacts[0], HowMany: mostNames})
		if err != nil {
			return nil, err
		}
		for _, a := range addresses {
			add(a)
		}
	}
	return names, nil
}

// forgottenUntil is when somebody of these names was last deleted from the contacts; zero: never.
func (u unit) forgottenUntil(ctx context.Context, org string, names []string) (until time.Time, err error) {
	for _, name := range names {
		made, err := u.Forgotten(ctx, db.ForgottenParams{Org: org, Name: name})
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return until, err
		}
		if at := time.Time(made); err == nil && at.After(until) {
			until = at
		}
	}
	return until, nil
}

// conversationsWith are the conversations with somebody, the one in which something happened last first.
func (u unit) conversationsWith(ctx context.Context, org string, names []string, r store.Remembering) (all []store.Conversation, err error) {
	channels, since := "", db.Time(r.Since)
	for _, c := range r.Channels {
		channels += "," + string(c)
	}
	if channels != "" {
		channels += ","
	}
	limit, _ := bounds(store.Page{Limit: 2 * r.Most}) // some may have nothing in them
	for _, name := range names {
		with, err := u.ConversationsWith(ctx, db.ConversationsWithParams{Org: org, External: name, Since: since, Besides: r.Except, Channels: channels, HowMany: limit})
		if err != nil {
			return nil, err
		}
		threads, err := u.ThreadsWith(ctx, db.ThreadsWithParams{Org: org, Peer: name, Since: since, Besides: r.Except, Channels: channels, HowMany: limit})
		if err != nil {
			return nil, err
		}
		for _, row := range with {
			all = append(all, conversation(db.ConversationRow(row)))
		}
		for _, row := range threads {
			all = append(all, conversation(db.ConversationRow(row)))
		}
	}
	slices.SortFunc(all, func(a, b store.Conversation) int {
		if n := b.Updated.Compare(a.Updated); n != 0 {
			return n
		}
		return strings.Compare(b.ID, a.ID)
	})
	return slices.CompactFunc(all, func(a, b store.Conversation) bool { return a.ID == b.ID }), nil
}

// remembered is what was said last in a conversation, and what was made of it.
func (u unit) remembered(ctx context.Context, c store.Conversation, r store.Remembering, forgotten time.Time) (one store.Remembered, err error) {
	one.Conversation = c
	limit, _ := bounds(store.Page{Limit: r.Messages})
	if c.Channel != store.Voice {
		rows, err := u.LastMessages(ctx, db.LastMessagesParams{Org: c.Org, ID: c.ID, HowMany: limit})
		for _, row := range rows {
			if m := threadMessage(row.ThreadMessage); m.Created.After(forgotten) && !m.Created.Before(r.Since) {
				one.Written = append(one.Written, m)
			}
		}
		slices.Reverse(one.Written)
		return one, err
	}
	if !c.Created.After(forgotten) {
		return one, nil
	}
	spoken, err := u.LastSpoken(ctx, db.LastSpokenParams{Org: c.Org, ID: c.ID, HowMany: limit})
	if err != nil {
		return one, err
	}
	one.Spoken = each(spoken, message)
	slices.Reverse(one.Spoken)
	report, err := u.Report(ctx, db.ReportParams{Org: c.Org, ID: c.ID})
	if one.Report = report.Report; errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return one, err
}

// forgetContact has what was said with a contact until now remembered no more: by their addresses, and by what they are called in their threads.
func (u unit) forgetContact(ctx context.Context, c store.Contact, at time.Time) error {
	names, err := u.NamesInThreads(ctx, db.NamesInThreadsParams{Org: c.Org, ContactID: optional(strconv.FormatInt(c.Number, 10))})
	if err != nil {
		return err
	}
	for _, a := range c.Addresses {
		if a.Channel != store.ChannelEmail {
			names = append(names, a.Address)
		}
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if name == "" {
			continue
		}
		if err := u.Forget(ctx, db.ForgetParams{Org: c.Org, Name: name, Made: db.Time(at)}); err != nil {
			return err
		}
	}
	return nil
}

// SetMemory implements store.Organisations.
func (s *Store) SetMemory(ctx context.Context, org, memory string) error {
	return s.configure(ctx, "set memory", func(ctx context.Context, u unit) error {
		n, err := u.SetMemory(ctx, db.SetMemoryParams{ID: org, Memory: memory})
		if err == nil && n == 0 {
			err = store.ErrNotFound
		}
		return err
	})
}
