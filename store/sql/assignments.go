package sql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"time"

	"parley/store"
	"parley/store/sql/db"
)

// CreateAssignment implements store.Assignments.
func (s *Store) CreateAssignment(ctx context.Context, a store.Assignment) (made store.Assignment, err error) {
	err = s.write(ctx, "create assignment", func(ctx context.Context, u unit) error {
		if _, err := u.Organisation(ctx, a.Org); err != nil {
			return err
		}
		if a.Agent != "" {
			if err := u.keepAgent(ctx, a.Org, a.Agent); err != nil {
				return err
			}
		}
		begin(&a)
		row, err := u.InsertAssignment(ctx, db.InsertAssignmentParams{
			ID: a.ID, Org: a.Org, Conversation: a.Conversation, Title: a.Title, Objective: a.Objective, CreatorType: a.CreatedBy.Type, Creator: a.CreatedBy.ID,
			HolderType: a.AssignedTo.Type, Holder: a.AssignedTo.ID, Agent: a.Agent, Status: string(a.Status), Published: db.Time(a.Published),
			Due: db.Time(a.Due), Completed: db.Time(a.Completed), Cancelled: db.Time(a.Cancelled), Reason: a.Reason, Work: string(a.Work),
			Look: db.Time(a.Look), Created: db.Time(a.Created), Updated: db.Time(a.Created),
		})
		if err != nil {
			return err
		}
		made = assignment(row)
		made.Fields, err = u.putFields(ctx, a.Org, store.OfAssignments, a.ID, a.Fields)
		return err
	})
	if err != nil {
		return store.Assignment{}, err
	}
	return made, nil
}

// begin has an assignment's agent work from the beginning, if there is something to be done.
func begin(a *store.Assignment) {
	a.Work, a.Look, a.Task, a.Call, a.Thread, a.Message, a.Outcome, a.Failure = store.WorkNone, a.Ready(), "", "", "", "", "", ""
	if a.Agent != "" && a.Status == store.AssignmentOpen {
		a.Work = store.WorkWaiting
	}
}

// Assignment implements store.Assignments.
func (s *Store) Assignment(ctx context.Context, org, id string) (a store.Assignment, err error) {
	err = s.view(ctx, "read assignment", func(ctx context.Context, u unit) error {
		row, err := u.Assignment(ctx, db.AssignmentParams{Org: org, ID: id})
		if err != nil {
			return err
		}
		a = assignment(row)
		a.Fields, err = u.fieldsOf(ctx, store.OfAssignments, id)
		return err
	})
	return a, err
}

// Assignments implements store.Assignments.
func (s *Store) Assignments(ctx context.Context, org string, f store.AssignmentFilter, before int64, most int) (found []store.Assignment, total int64, err error) {
	l := listAssignments(org, f)
	err = s.view(ctx, "list assignments", func(ctx context.Context, u unit) error {
		if total, err = l.number(ctx, u, "COUNT(*)", "assignments"); err != nil {
			return err
		}
		page := l
		page.where, page.args = slices.Clone(l.where), slices.Clone(l.args)
		if before > 0 {
			page.compare("number", "<", before)
		}
		limit, _ := bounds(store.Page{Limit: most})
		query := "SELECT " + db.AssignmentColumns + " FROM assignments WHERE " + page.conditions() + " ORDER BY number DESC LIMIT $" + strconv.Itoa(len(page.args)+1)
		found = nil
		err := u.query(ctx, query, append(page.args, limit), func(scan func(...any) error) error {
			var row db.Assignment
			err := scan(row.Fields()...)
			found = append(found, assignment(row))
			return err
		})
		if err != nil {
			return err
		}
		return u.completeAssignments(ctx, found)
	})
	return found, total, err
}

func listAssignments(org string, f store.AssignmentFilter) listing {
	l := listing{}
	l.only("org", org)
	switch f.State {
	case store.StateCompleted, store.StateCancelled:
		l.only("status", string(f.State))
	case store.StateScheduled, store.StateOverdue, store.StatePending:
		l.only("status", string(store.AssignmentOpen))
	}
	now := db.Time(f.Now).String()
	switch f.State {
	case store.StateOverdue:
		l.where = append(l.where, "due <> ''")
		l.compare("due", "<=", now)
	case store.StateScheduled:
		l.args = append(l.args, now)
		l.where = append(l.where, "(due = '' OR due > $"+strconv.Itoa(len(l.args))+")")
	}
	if !f.DueBefore.IsZero() {
		l.where = append(l.where, "due <> ''")
		l.compare("due", "<", db.Time(f.DueBefore).String())
	}
	if !f.DueAfter.IsZero() {
		l.compare("due", ">", db.Time(f.DueAfter).String())
	}
	for column, value := range map[string]string{"conversation": f.Conversation, "holder_type": f.AssignedTo.Type, "holder": f.AssignedTo.ID} {
		if value != "" {
			l.only(column, value)
		}
	}
	return l
}

// compare is a condition other than an equation.
func (l *listing) compare(column, sign string, value any) {
	l.args = append(l.args, value)
	l.where = append(l.where, column+" "+sign+" $"+strconv.Itoa(len(l.args)))
}

// completeAssignments gives assignments their custom fields.
func (u unit) completeAssignments(ctx context.Context, all []store.Assignment) error {
	ids, at := make([]string, len(all)), make(map[string]int, len(all))
	for i, a := range all {
		ids[i], at[a.ID] = a.ID, i
	}
	query := "SELECT owner, key, value FROM entity_fields WHERE entity = '" + store.OfAssignments + "' AND owner IN ($KEYS)"
	return u.among(ctx, query, ids, func(scan func(...any) error) error {
		var owner, key, value string
		err := scan(&owner, &key, &value)
		a := &all[at[owner]]
		if a.Fields == nil {
			a.Fields = map[string]string{}
		}
		a.Fields[key] = value
		return err
	})
}

// UpdateAssignment implements store.Assignments.
func (s *Store) UpdateAssignment(ctx context.Context, org, id string, at time.Time, change func(*store.Assignment) error) (a store.Assignment, calling string, err error) {
	var refusal error
	err = s.write(ctx, "update assignment", func(ctx context.Context, u unit) error {
		refusal, calling = nil, ""
		if a, err = u.holdAssignment(ctx, org, id); err != nil {
			return err
		}
		next := a
		next.Fields = maps.Clone(a.Fields)
		if refusal = change(&next); refusal != nil {
			return errUnchanged
		}
		if next.Fields = fieldsOf(next.Fields); reflect.DeepEqual(next, a) {
			return errUnchanged
		}
		if next.Agent != "" && next.Agent != a.Agent {
			if err := u.keepAgent(ctx, org, next.Agent); err != nil {
				return err
			}
		}
		if calling, err = u.redirect(ctx, a, &next); err != nil {
			return err
		}
		if _, err := u.putFields(ctx, org, store.OfAssignments, id, next.Fields); err != nil {
			return err
		}
		next.Updated = at
		fields := next.Fields
		a, err = u.saveAssignment(ctx, next)
		a.Fields = fields
		return err
	})
	if refusal != nil || err != nil {
		return store.Assignment{}, "", or(refusal, err)
	}
	return a, calling, nil
}

// holdAssignment reads an assignment whole, which nobody else changes until the transaction ends.
func (u unit) holdAssignment(ctx context.Context, org, id string) (store.Assignment, error) {
	row, err := u.HoldAssignment(ctx, db.HoldAssignmentParams{Org: org, ID: id})
	if err != nil {
		return store.Assignment{}, err
	}
	a := assignment(row)
	a.Fields, err = u.fieldsOf(ctx, store.OfAssignments, id)
	return a, err
}

// redirect has an agent's work begin anew, or end, if what it is to do has changed. calling is the task whose call is under way for nothing.
func (u unit) redirect(ctx context.Context, was store.Assignment, next *store.Assignment) (calling string, err error) {
	if next.Status == was.Status && next.Agent == was.Agent && next.Objective == was.Objective && next.Conversation == was.Conversation &&
		next.Due.Equal(was.Due) && next.Published.Equal(was.Published) {
		return "", nil
	}
	if calling, err = u.withdraw(ctx, was); err != nil {
		return "", err
	}
	if next.Status == store.AssignmentOpen || was.Work != store.WorkDone {
		begin(next)
	}
	return calling, nil
}

// withdraw removes the task that was to call for an assignment, unless its call is under way.
func (u unit) withdraw(ctx context.Context, a store.Assignment) (calling string, err error) {
	if a.Work != store.WorkCalling {
		return "", nil
	}
	row, err := u.HoldTask(ctx, db.HoldTaskParams{Org: a.Org, ID: a.Task})
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	switch t := task(row); t.Status {
	case store.Pending:
		return "", u.dropTask(ctx, t)
	case store.InProgress:
		return t.ID, nil
	}
	return "", nil
}

// saveAssignment writes a row that is held.
func (u unit) saveAssignment(ctx context.Context, a store.Assignment) (store.Assignment, error) {
	row, err := u.UpdateAssignment(ctx, db.UpdateAssignmentParams{
		ID: a.ID, Conversation: a.Conversation, Title: a.Title, Objective: a.Objective, HolderType: a.AssignedTo.Type, Holder: a.AssignedTo.ID, Agent: a.Agent,
		Status: string(a.Status), Published: db.Time(a.Published), Due: db.Time(a.Due), Completed: db.Time(a.Completed), Cancelled: db.Time(a.Cancelled),
		Reason: a.Reason, Work: string(a.Work), Look: db.Time(a.Look), Task: a.Task, Call: a.Call, Thread: a.Thread, Message: a.Message,
		Outcome: a.Outcome, Failure: a.Failure, Updated: db.Time(a.Updated),
	})
	return assignment(row), err
}

// DeleteAssignment implements store.Assignments.
func (s *Store) DeleteAssignment(ctx context.Context, org, id string) (a store.Assignment, calling string, err error) {
	err = s.write(ctx, "delete assignment", func(ctx context.Context, u unit) error {
		if a, err = u.holdAssignment(ctx, org, id); err != nil {
			return err
		}
		if calling, err = u.withdraw(ctx, a); err != nil {
			return err
		}
		if err := u.DeleteEntityFields(ctx, db.DeleteEntityFieldsParams{Entity: store.OfAssignments, Owner: id}); err != nil {
			return err
		}
		return u.DeleteAssignment(ctx, id)
	})
	if err != nil {
		return store.Assignment{}, "", err
	}
	return a, calling, nil
}

// TakeAssignments implements store.Assignments.
func (s *Store) TakeAssignments(ctx context.Context, now, until time.Time, most int) (taken []store.Assignment, err error) {
	err = s.write(ctx, "take assignments", func(ctx context.Context, u unit) error {
		limit, _ := bounds(store.Page{Limit: most})
		rows, err := u.TakeAssignments(ctx, db.TakeAssignmentsParams{Now: db.Time(now), Until: db.Time(until), HowMany: limit})
		if taken = each(rows, assignment); err == nil && len(taken) == 0 {
			return errUnchanged
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return taken, nil
}

// PutOffAssignment implements store.Assignments.
func (s *Store) PutOffAssignment(ctx context.Context, a store.Assignment, look time.Time) error {
	return s.write(ctx, "put off assignment", func(ctx context.Context, u unit) error {
		return u.PutOffAssignment(ctx, db.PutOffAssignmentParams{ID: a.ID, Org: a.Org, Work: string(a.Work), Updated: db.Time(a.Updated), Look: db.Time(look)})
	})
}

// unmoved holds an assignment that has not changed since it was taken.
func (u unit) unmoved(ctx context.Context, a store.Assignment) (store.Assignment, error) {
	row, err := u.HoldAssignment(ctx, db.HoldAssignmentParams{Org: a.Org, ID: a.ID})
	if err != nil {
		return store.Assignment{}, err
	}
	now := assignment(row)
	if now.Work != a.Work || now.Task != a.Task || now.Message != a.Message || !now.Updated.Equal(a.Updated) {
		return now, fmt.Errorf("%w: it has been changed", store.ErrConflict)
	}
	return now, nil
}

// CallFor implements store.Assignments.
func (s *Store) CallFor(ctx context.Context, a store.Assignment, t store.Task, look time.Time) error {
	return s.write(ctx, "call for assignment", func(ctx context.Context, u unit) error {
		now, err := u.unmoved(ctx, a)
		if err != nil {
			return err
		}
		made, err := u.createTask(ctx, t)
		if err != nil {
			return err
		}
		now.Work, now.Task, now.Look = store.WorkCalling, made.ID, look
		_, err = u.saveAssignment(ctx, now)
		return err
	})
}

// PostFor implements store.Assignments.
func (s *Store) PostFor(ctx context.Context, a store.Assignment, p store.Posting, look time.Time) (made store.ThreadMessage, err error) {
	err = s.write(ctx, "post for assignment", func(ctx context.Context, u unit) error {
		now, err := u.unmoved(ctx, a)
		if err != nil {
			return err
		}
		if made, err = u.post(ctx, p); err != nil {
			return err
		}
		now.Work, now.Thread, now.Message, now.Look = store.WorkWriting, made.Conversation, made.ID, look
		_, err = u.saveAssignment(ctx, now)
		return err
	})
	if err != nil {
		return store.ThreadMessage{}, err
	}
	return made, nil
}

// EndAssignment implements store.Assignments.
func (s *Store) EndAssignment(ctx context.Context, a store.Assignment, e store.AssignmentEnd) error {
	return s.write(ctx, "end assignment", func(ctx context.Context, u unit) error {
		now, err := u.unmoved(ctx, a)
		if err != nil {
			return err
		}
		now.Work, now.Look, now.Call, now.Outcome, now.Failure, now.Updated = store.WorkFailed, time.Time{}, e.Call, e.Outcome, e.Failure, e.At
		if e.Outcome != "" {
			now.Work, now.Status, now.Completed = store.WorkDone, store.AssignmentCompleted, e.At
		}
		_, err = u.saveAssignment(ctx, now)
		return err
	})
}

// Correspondence implements store.Assignments.
func (s *Store) Correspondence(ctx context.Context, org, number string) (c store.Correspondence, err error) {
	n, perr := strconv.ParseInt(number, 10, 64)
	if perr != nil {
		return c, fmt.Errorf("find conversation: %w", store.ErrNotFound)
	}
	err = s.view(ctx, "find conversation", func(ctx context.Context, u unit) error {
		f, err := u.FunnelConversation(ctx, db.FunnelConversationParams{Org: org, Number: n})
		if err == nil {
			return u.correspondence(ctx, f, &c)
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		id, err := u.ConversationID(ctx, db.ConversationIDParams{Org: org, Number: n})
		if err != nil {
			return err
		}
		if c.Conversation, err = u.conversation(ctx, org, id); err != nil {
			return err
		}
		if c.Contact, err = u.contactIn(ctx, c.Conversation); err != nil {
			return err
		}
		if c.Conversation.Channel == store.WhatsApp {
			c.Thread = &c.Conversation
			return nil
		}
		c.Thread, err = u.threadWith(ctx, c.Conversation)
		return err
	})
	if err != nil {
		return store.Correspondence{}, err
	}
	return c, nil
}

// correspondence is whom a conversation of the CRM is with, and their newest thread.
func (u unit) correspondence(ctx context.Context, f db.FunnelConversation, c *store.Correspondence) error {
	person, err := u.contactOf(ctx, f.Org, f.Contact)
	if err != nil {
		return err
	}
	c.Contact, c.Conversation = &person, store.Conversation{Org: f.Org, Contact: strconv.FormatInt(f.Contact, 10)}
	c.Thread, err = u.threadWith(ctx, c.Conversation)
	return err
}

// contactIn is whom a conversation is held with; nil if that is not known.
func (u unit) contactIn(ctx context.Context, c store.Conversation) (*store.Contact, error) {
	n, err := strconv.ParseInt(c.Contact, 10, 64)
	if err != nil {
		return nil, nil //nolint:nilerr // it names nobody
	}
	found, err := u.contactOf(ctx, c.Org, n)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &found, err
}

// threadWith is the newest thread by WhatsApp with a conversation's contact; nil if there is none.
func (u unit) threadWith(ctx context.Context, c store.Conversation) (*store.Conversation, error) {
	if c.Contact == "" {
		return nil, nil
	}
	id, err := u.LastThreadOf(ctx, db.LastThreadOfParams{Org: c.Org, ContactID: optional(c.Contact)})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	thread, err := u.conversation(ctx, c.Org, id)
	return &thread, err
}

// putFields makes the custom fields of an entity what they are to be, and gives them.
func (u unit) putFields(ctx context.Context, org, entity, owner string, want map[string]string) (map[string]string, error) {
	if err := u.DeleteEntityFields(ctx, db.DeleteEntityFieldsParams{Entity: entity, Owner: owner}); err != nil {
		return nil, err
	}
	want = fieldsOf(want)
	r := rows{before: "INSERT INTO entity_fields (org, entity, owner, key, value) VALUES ", casts: make([]string, 5)}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		r.add(org, entity, owner, key, want[key])
	}
	return want, r.write(ctx, u, nil)
}

// fieldsOf are the custom fields of an entity; nil if it has none.
func (u unit) fieldsOf(ctx context.Context, entity, owner string) (map[string]string, error) {
	rows, err := u.EntityFields(ctx, db.EntityFieldsParams{Entity: entity, Owner: owner})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	fields := make(map[string]string, len(rows))
	for _, r := range rows {
		fields[r.Key] = r.Value
	}
	return fields, nil
}

func assignment(r db.Assignment) store.Assignment {
	return store.Assignment{
		ID: r.ID, Number: r.Number, Org: r.Org, Conversation: r.Conversation, Title: r.Title, Objective: r.Objective,
		CreatedBy: store.Actor{Type: r.CreatorType, ID: r.Creator}, AssignedTo: store.Actor{Type: r.HolderType, ID: r.Holder}, Agent: r.Agent,
		Status: store.AssignmentStatus(r.Status), Published: time.Time(r.Published), Due: time.Time(r.Due), Completed: time.Time(r.Completed),
		Cancelled: time.Time(r.Cancelled), Reason: r.Reason, Work: store.WorkState(r.Work), Look: time.Time(r.Look), Task: r.Task, Call: r.Call,
		Thread: r.Thread, Message: r.Message, Outcome: r.Outcome, Failure: r.Failure, Created: time.Time(r.Created), Updated: time.Time(r.Updated),
	}
}
