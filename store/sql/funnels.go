package sql

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/store"
	"parley/store/sql/db"
)

// BeginFunnels implements store.Funnels.
func (s *Store) BeginFunnels(ctx context.Context, org string, at time.Time, drafts []store.FunnelDraft) (out []store.FunnelOutcome, err error) {
	err = s.write(ctx, "begin conversations", func(ctx context.Context, u unit) error {
		if _, err := u.Organisation(ctx, org); err != nil {
			return err
		}
		if err := u.TakeMatchingTurn(ctx, org); err != nil {
			return err
		}
		m, err := u.meet(ctx, org, at, drafts)
		if err != nil {
			return err
		}
		plans := make([]plan, len(drafts))
		for i, d := range drafts {
			plans[i] = m.begin(d)
		}
		if err := m.keep(ctx, u); err != nil {
			return err
		}
		out = each(plans, plan.outcome)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// A meeting is who the drafts of a transaction are about, and what becomes of them.
type meeting struct {
	org    string
	at     time.Time
	people map[int64]*person    // those who were there before
	named  map[string][]*person // by an address of theirs, as terms have it
	fresh  []*person
	begun  []*store.FunnelConversation
	places map[*store.FunnelConversation]*person
}

// A person is a contact as the database has it, and as it is to be.
type person struct {
	was, is store.Contact // of somebody new, was is zero
	place   int           // of somebody new: among these
	talks   map[talk]*store.FunnelConversation
}

// A talk is what a contact has one conversation of: a funnel, and when it was archived.
type talk struct{ funnel, archived string }

func talkOf(c *store.FunnelConversation) talk { return talk{c.Funnel, db.Time(c.Archived).String()} }

// older orders people by who was there first.
func older(a, b *person) int {
	if a.was.Number == 0 || b.was.Number == 0 {
		return cmp.Or(cmp.Compare(b.was.Number, a.was.Number), cmp.Compare(a.place, b.place))
	}
	return cmp.Compare(a.was.Number, b.was.Number)
}

// termOf is an address as contacts are found by it.
func termOf(address string) string { return clipped(store.Fold(address)) }

// meet reads all whom drafts may be about. Nobody else writes these contacts until the transaction ends.
func (u unit) meet(ctx context.Context, org string, at time.Time, drafts []store.FunnelDraft) (*meeting, error) {
	terms, numbers := map[string]bool{}, map[int64]bool{}
	for _, d := range drafts {
		if d.Contact != 0 {
			numbers[d.Contact] = true
			continue
		}
		for _, a := range d.Addresses {
			terms[termOf(a)] = true
		}
	}
	const query = "SELECT DISTINCT contact FROM contact_terms WHERE org = $ORG AND field = '" + store.ContactAddress + "' AND text IN ($KEYS)"
	err := amongOf(ctx, u, query, org, slices.Sorted(maps.Keys(terms)), func(scan func(...any) error) error {
		var n int64
		err := scan(&n)
		numbers[n] = true
		return err
	})
	if err != nil {
		return nil, err
	}
	m := &meeting{org: org, at: at, people: map[int64]*person{}, named: map[string][]*person{}, places: map[*store.FunnelConversation]*person{}}
	all, err := u.contactsHeld(ctx, org, slices.Sorted(maps.Keys(numbers)))
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		p := &person{was: c, is: c, talks: map[talk]*store.FunnelConversation{}}
		m.people[c.Number] = p
		m.name(p)
	}
	rows, err := u.funnels(ctx, "contact", slices.Sorted(maps.Keys(m.people)))
	for _, c := range rows {
		m.people[c.Contact].talks[talkOf(&c)] = &c
	}
	return m, err
}

// contactsHeld reads contacts of an organisation, which nobody else writes until the transaction ends.
func (u unit) contactsHeld(ctx context.Context, org string, numbers []int64) ([]store.Contact, error) {
	var held []int64
	err := amongOf(ctx, u, "SELECT number FROM contacts WHERE org = $ORG AND number IN ($KEYS) ORDER BY number"+u.forUpdate, org, numbers,
		func(scan func(...any) error) error {
			var n int64
			err := scan(&n)
			held = append(held, n)
			return err
		})
	if err != nil {
		return nil, err
	}
	return u.contacts(ctx, held)
}

// amongOf is among with an organisation, which the query names by $ORG before the keys.
func amongOf[K any](ctx context.Context, u unit, query, org string, keys []K, got func(scan func(...any) error) error) error {
	for len(keys) > 0 {
		n := most
		for n > len(keys) {
			n /= 2
		}
		args, in := []any{org}, make([]string, n)
		for i, k := range keys[:n] {
			args, in[i] = append(args, k), u.param(i+2)
		}
		text := strings.NewReplacer("$ORG", u.param(1), "$KEYS", strings.Join(in, ", ")).Replace(query)
		if err := u.query(ctx, text, args, got); err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}

// funnels reads conversations by a column that has numbers, oldest first.
func (u unit) funnels(ctx context.Context, column string, keys []int64) (all []store.FunnelConversation, err error) {
	query := "SELECT " + db.FunnelColumns + " FROM funnel_conversations WHERE " + column + " IN ($KEYS) ORDER BY number"
	err = among(ctx, u, query, keys, func(scan func(...any) error) error {
		var row db.FunnelConversation
		err := scan(row.Fields()...)
		all = append(all, funnel(row))
		return err
	})
	return all, err
}

// name has a person be found by their addresses.
func (m *meeting) name(p *person) {
	for _, a := range p.is.Addresses {
		if t := termOf(a.Address); !slices.Contains(m.named[t], p) {
			m.named[t] = append(m.named[t], p)
		}
	}
}

// find is whom a draft is about, and who else has one of its addresses; nil: nobody.
func (m *meeting) find(d store.FunnelDraft) (who *person, others []*person) {
	if d.Contact != 0 {
		return m.people[d.Contact], nil
	}
	var all []*person
	for _, a := range d.Addresses {
		for _, p := range m.named[termOf(a)] {
			if !slices.Contains(all, p) {
				all = append(all, p)
			}
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	slices.SortFunc(all, older)
	return all[0], all[1:]
}

// A plan is what is to become of a draft.
type plan struct {
	who    *person
	others []*person
	row    *store.FunnelConversation
	was    bool
	err    error
}

// begin plans a draft.
func (m *meeting) begin(d store.FunnelDraft) plan {
	who, others := m.find(d)
	if who == nil && d.Contact != 0 {
		return plan{err: fmt.Errorf("find contact: %w", store.ErrNotFound)}
	}
	stranger := who == nil
	if stranger {
		who = &person{is: store.Contact{ID: store.NewID(), Org: m.org, Created: m.at}, place: len(m.fresh), talks: map[talk]*store.FunnelConversation{}}
	}
	if d.Person != nil {
		next, err := altered(who.is, d.Person)
		if err != nil {
			return plan{err: err}
		}
		who.is = next
	}
	if stranger {
		m.fresh = append(m.fresh, who)
	}
	m.name(who)
	c := d.Conversation
	if had := who.talks[talkOf(&c)]; had != nil {
		return plan{who: who, others: others, row: had, was: true}
	}
	c.Org, c.Fields = m.org, fieldsOf(c.Fields)
	who.talks[talkOf(&c)], m.places[&c] = &c, who
	m.begun = append(m.begun, &c)
	return plan{who: who, others: others, row: &c}
}

// keep writes all that was planned.
func (m *meeting) keep(ctx context.Context, u unit) (err error) {
	for _, p := range m.fresh {
		if p.is, err = u.createContact(ctx, p.is); err != nil {
			return err
		}
	}
	for _, n := range slices.Sorted(maps.Keys(m.people)) {
		p := m.people[n]
		if reflect.DeepEqual(p.was, p.is) {
			continue
		}
		if p.is, err = u.rewrite(ctx, p.was, p.is, m.at); err != nil {
			return err
		}
	}
	return m.keepTalks(ctx, u)
}

// keepTalks writes the conversations that have begun.
func (m *meeting) keepTalks(ctx context.Context, u unit) error {
	const columns = "id, org, contact, user_ref, funnel, stage, archived, created, updated"
	r := rows{before: "INSERT INTO funnel_conversations (" + columns + ") VALUES ", after: " RETURNING number, id", casts: make([]string, 9)}
	byID := make(map[string]*store.FunnelConversation, len(m.begun))
	for _, c := range m.begun {
		c.Contact, c.Updated, byID[c.ID] = m.places[c].is.Number, c.Created, c
		r.add(c.ID, c.Org, c.Contact, c.User, c.Funnel, c.Stage, db.Time(c.Archived), db.Time(c.Created), db.Time(c.Created))
	}
	err := r.write(ctx, u, func(scan func(...any) error) error {
		var n int64
		var id string
		err := scan(&n, &id)
		if c := byID[id]; c != nil {
			c.Number = n
		}
		return err
	})
	if err != nil {
		return err
	}
	var fields fieldRows
	for _, c := range m.begun {
		fields.add(*c)
	}
	return fields.write(ctx, u)
}

// fieldRows are the custom fields of conversations that have none yet.
type fieldRows struct{ rows }

func (r *fieldRows) add(c store.FunnelConversation) {
	for _, key := range slices.Sorted(maps.Keys(c.Fields)) {
		r.rows.add(c.Org, store.OfFunnelConversations, c.ID, key, c.Fields[key])
	}
}

func (r *fieldRows) write(ctx context.Context, u unit) error {
	r.before, r.casts = "INSERT INTO entity_fields (org, entity, owner, key, value) VALUES ", make([]string, 5)
	return r.rows.write(ctx, u, nil)
}

// outcome is what became of a plan that was kept.
func (p plan) outcome() store.FunnelOutcome {
	if p.err != nil {
		return store.FunnelOutcome{Err: p.err}
	}
	o := store.FunnelOutcome{Number: p.row.Number, Contact: p.who.is.Number, Met: p.who.was.Number != 0, Was: p.was}
	for _, other := range p.others {
		o.Others = append(o.Others, other.is.Number)
	}
	return o
}

// ChangeFunnels implements store.Funnels.
func (s *Store) ChangeFunnels(ctx context.Context, org string, at time.Time, changes []store.FunnelChange) (out []store.FunnelOutcome, err error) {
	err = s.write(ctx, "change conversations", func(ctx context.Context, u unit) error {
		if err := u.TakeMatchingTurn(ctx, org); err != nil {
			return err
		}
		r, err := u.review(ctx, org, at, changes)
		if err != nil {
			return err
		}
		out = make([]store.FunnelOutcome, len(changes))
		for i, c := range changes {
			if out[i], err = r.change(ctx, u, c); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// A review is what the changes of a transaction are about.
type review struct {
	at     time.Time
	talks  map[int64]store.FunnelConversation
	people map[int64]store.Contact
}

// review reads the conversations that are to change, and the contacts.
func (u unit) review(ctx context.Context, org string, at time.Time, changes []store.FunnelChange) (*review, error) {
	r := &review{at: at, talks: map[int64]store.FunnelConversation{}, people: map[int64]store.Contact{}}
	numbers, contacts := map[int64]bool{}, map[int64]bool{}
	for _, c := range changes {
		numbers[c.Number] = true
	}
	rows, err := u.funnels(ctx, "number", slices.Sorted(maps.Keys(numbers)))
	if err != nil {
		return nil, err
	}
	rows = slices.DeleteFunc(rows, func(c store.FunnelConversation) bool { return c.Org != org })
	if err := u.completeFunnels(ctx, rows); err != nil {
		return nil, err
	}
	for _, c := range rows {
		r.talks[c.Number], contacts[c.Contact] = c, true
	}
	all, err := u.contactsHeld(ctx, org, slices.Sorted(maps.Keys(contacts)))
	for _, c := range all {
		r.people[c.Number] = c
	}
	return r, err
}

// completeFunnels gives conversations their custom fields.
func (u unit) completeFunnels(ctx context.Context, all []store.FunnelConversation) error {
	ids, at := make([]string, len(all)), make(map[string]int, len(all))
	for i, c := range all {
		ids[i], at[c.ID] = c.ID, i
	}
	const query = "SELECT owner, key, value FROM entity_fields WHERE entity = '" + store.OfFunnelConversations + "' AND owner IN ($KEYS)"
	return u.among(ctx, query, ids, func(scan func(...any) error) error {
		var id, key, value string
		err := scan(&id, &key, &value)
		c := &all[at[id]]
		if c.Fields == nil {
			c.Fields = map[string]string{}
		}
		c.Fields[key] = value
		return err
	})
}

// change makes one change. The error is the database's; what else is wrong is the outcome's.
func (r *review) change(ctx context.Context, u unit, c store.FunnelChange) (o store.FunnelOutcome, err error) {
	was, ok := r.talks[c.Number]
	if !ok {
		return store.FunnelOutcome{Err: fmt.Errorf("find conversation: %w", store.ErrNotFound)}, nil
	}
	next, person := was, r.people[was.Contact]
	next.Fields = maps.Clone(was.Fields)
	if c.Change != nil {
		if o.Err = c.Change(&next); o.Err != nil {
			return o, nil //nolint:nilerr // it is the outcome's
		}
		next.ID, next.Number, next.Org, next.Contact, next.Funnel, next.Created, next.Updated = was.ID, was.Number, was.Org, was.Contact, was.Funnel, was.Created, was.Updated
		next.Fields = fieldsOf(next.Fields)
	}
	met := person
	if c.Person != nil {
		if met, o.Err = altered(person, c.Person); o.Err != nil {
			return o, nil //nolint:nilerr // as above
		}
	}
	if next.Archived.IsZero() && !was.Archived.IsZero() {
		first, err := u.openFunnel(ctx, was)
		if err != nil || first != 0 {
			return store.FunnelOutcome{Number: first, Contact: was.Contact, Met: true, Err: fmt.Errorf("%w: the contact has another conversation in the funnel", store.ErrConflict)}, err
		}
	}
	if !reflect.DeepEqual(next, was) {
		if next, err = u.rewriteFunnel(ctx, was, next, r.at); err != nil {
			return o, err
		}
	}
	if !reflect.DeepEqual(met, person) {
		if met, err = u.rewrite(ctx, person, met, r.at); err != nil {
			return o, err
		}
	}
	r.talks[c.Number], r.people[was.Contact] = next, met
	return store.FunnelOutcome{Number: was.Number, Contact: was.Contact, Met: true}, nil
}

// openFunnel is the conversation that a contact has in a conversation's funnel and that is not archived; 0: there is none.
func (u unit) openFunnel(ctx context.Context, c store.FunnelConversation) (int64, error) {
	n, err := u.OpenFunnel(ctx, db.OpenFunnelParams{Org: c.Org, Contact: c.Contact, Funnel: c.Funnel})
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return n, err
}

// rewriteFunnel makes a conversation what it is to be.
func (u unit) rewriteFunnel(ctx context.Context, was, next store.FunnelConversation, at time.Time) (store.FunnelConversation, error) {
	next.Updated = at
	err := u.UpdateFunnelConversation(ctx, db.UpdateFunnelConversationParams{
		Number: next.Number, UserRef: next.User, Stage: next.Stage, Archived: db.Time(next.Archived), Updated: db.Time(at),
	})
	if err != nil || maps.Equal(was.Fields, next.Fields) {
		return next, err
	}
	if err := u.DeleteEntityFields(ctx, db.DeleteEntityFieldsParams{Entity: store.OfFunnelConversations, Owner: next.ID}); err != nil {
		return next, err
	}
	var fields fieldRows
	fields.add(next)
	return next, fields.write(ctx, u)
}

// FunnelConversation implements store.Funnels.
func (s *Store) FunnelConversation(ctx context.Context, org string, number int64) (store.FunnelConversation, error) {
	return s.funnelBy(ctx, func(ctx context.Context, u unit) (db.FunnelConversation, error) {
		return u.FunnelConversation(ctx, db.FunnelConversationParams{Org: org, Number: number})
	})
}

// FunnelOf implements store.Funnels.
func (s *Store) FunnelOf(ctx context.Context, org string, contact int64) (store.FunnelConversation, error) {
	return s.funnelBy(ctx, func(ctx context.Context, u unit) (db.FunnelConversation, error) {
		return u.FunnelOfContact(ctx, db.FunnelOfContactParams{Org: org, Contact: contact})
	})
}

// funnelBy reads a conversation with its custom fields.
func (s *Store) funnelBy(ctx context.Context, find func(context.Context, unit) (db.FunnelConversation, error)) (c store.FunnelConversation, err error) {
	err = s.view(ctx, "read conversation", func(ctx context.Context, u unit) error {
		row, err := find(ctx, u)
		if err != nil {
			return err
		}
		all := []store.FunnelConversation{funnel(row)}
		err = u.completeFunnels(ctx, all)
		c = all[0]
		return err
	})
	return c, err
}

// ChannelSessions implements store.Funnels: ErrNotFound if there is no such contact.
func (s *Store) ChannelSessions(ctx context.Context, org string, contact int64, most int) (all []store.ChannelSession, err error) {
	err = s.view(ctx, "list sessions", func(ctx context.Context, u unit) error {
		limit, _ := bounds(store.Page{Limit: most})
		c, err := u.contactOf(ctx, org, contact)
		if err != nil {
			return err
		}
		if all, err = u.threadsWith(ctx, c, limit); err != nil {
			return err
		}
		calls, err := u.callsWith(ctx, c, limit)
		all = append(all, calls...)
		slices.SortFunc(all, func(a, b store.ChannelSession) int { return cmp.Compare(b.ID, a.ID) })
		return err
	})
	return all, err
}

// threadsWith are a contact's threads.
func (u unit) threadsWith(ctx context.Context, c store.Contact, most int32) (all []store.ChannelSession, err error) {
	rows, err := u.ThreadsOfContact(ctx, db.ThreadsOfContactParams{Org: c.Org, Contact: optional(strconv.FormatInt(c.Number, 10)), HowMany: most})
	for _, r := range rows {
		one := store.ChannelSession{
			Number: r.Number, ID: r.ID, Channel: store.ChannelWhatsApp, Peer: r.External, Ours: r.Bot, Created: time.Time(r.Created), Updated: time.Time(r.Updated),
		}
		if s := store.ConversationStatus(r.Status); s == store.ConversationCompleted || s == store.ConversationFailed {
			one.Ended = one.Updated
		}
		all = append(all, one)
	}
	return all, err
}

// callsWith are a contact's calls, by the numbers that they are called at.
func (u unit) callsWith(ctx context.Context, c store.Contact, most int32) (all []store.ChannelSession, err error) {
	seen := map[string]bool{}
	for _, a := range c.Addresses {
		if a.Channel == store.ChannelEmail || seen[a.Address] {
			continue
		}
		seen[a.Address] = true
		from, err := u.CallsFrom(ctx, db.CallsFromParams{Org: c.Org, Peer: a.Address, HowMany: most})
		if err != nil {
			return nil, err
		}
		for _, r := range from {
			all = append(all, callSession(r.Number, r.ID, a.Address, r.Ours, r.Created, r.Ended))
		}
		to, err := u.CallsTo(ctx, db.CallsToParams{Org: c.Org, Peer: a.Address, HowMany: most})
		if err != nil {
			return nil, err
		}
		for _, r := range to {
			all = append(all, callSession(r.Number, r.ID, a.Address, r.Ours, r.Created, r.Ended))
		}
	}
	slices.SortFunc(all, func(a, b store.ChannelSession) int { return cmp.Compare(b.ID, a.ID) })
	return all[:min(len(all), int(most))], nil
}

func callSession(number int64, id, peer string, ours int64, created, ended db.Time) store.ChannelSession {
	s := store.ChannelSession{Number: number, ID: id, Channel: store.ChannelPhone, Peer: peer, Ours: ours, Created: time.Time(created), Ended: time.Time(ended)}
	if s.Updated = s.Ended; s.Ended.IsZero() {
		s.Updated = s.Created
	}
	return s
}

func funnel(r db.FunnelConversation) store.FunnelConversation {
	return store.FunnelConversation{
		ID: r.ID, Number: r.Number, Org: r.Org, Contact: r.Contact, User: r.UserRef, Funnel: r.Funnel, Stage: r.Stage, Archived: time.Time(r.Archived),
		Created: time.Time(r.Created), Updated: time.Time(r.Updated),
	}
}
