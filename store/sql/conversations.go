package sql

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"parley/store"
	"parley/store/sql/db"
)

// CreateConversation implements store.Conversations.
func (s *Store) CreateConversation(ctx context.Context, c store.Conversation) (made store.Conversation, err error) {
	err = s.write(ctx, "create conversation", func(ctx context.Context, u unit) error {
		if _, err := u.bot(ctx, c.Org, c.Bot); err != nil {
			return fmt.Errorf("find bot: %w", err)
		}
		if err := u.InsertConversation(ctx, db.InsertConversationParams{
			ID: c.ID, Org: c.Org, Bot: c.Bot, Channel: string(c.Channel), External: c.External, Status: string(c.Status), Length: int64(c.Length),
			Metadata: c.Metadata, Autoreply: c.AutoReply, ContactID: optional(c.Contact), Created: db.Time(c.Created), Updated: db.Time(c.Created),
		}); err != nil {
			return err
		}
		if err := u.countBots(ctx, map[string]int64{c.Bot: 1}); err != nil {
			return err
		}
		made, err = u.conversation(ctx, c.Org, c.ID)
		return err
	})
	if err != nil {
		return store.Conversation{}, err
	}
	return made, nil
}

// optional is a text that may be missing.
func optional(text string) sql.NullString { return sql.NullString{String: text, Valid: text != ""} }

// countBots adds to how many conversations bots have had, in the order of their ids.
func (u unit) countBots(ctx context.Context, steps map[string]int64) error {
	r := rows{before: "INSERT INTO bot_counts (bot, n) VALUES ", after: " ON CONFLICT (bot) DO UPDATE SET n = bot_counts.n + excluded.n", casts: make([]string, 2)}
	for _, bot := range slices.Sorted(maps.Keys(steps)) {
		r.add(bot, steps[bot])
	}
	return r.write(ctx, u, nil)
}

func (u unit) conversation(ctx context.Context, org, id string) (store.Conversation, error) {
	row, err := u.Conversation(ctx, db.ConversationParams{Org: org, ID: id})
	return conversation(row), err
}

// Conversation implements store.Conversations.
func (s *Store) Conversation(ctx context.Context, org, id string) (c store.Conversation, err error) {
	err = s.read(ctx, "read conversation", func(ctx context.Context, u unit) error {
		c, err = u.conversation(ctx, org, id)
		return err
	})
	return c, err
}

// Conversations implements store.Conversations.
func (s *Store) Conversations(ctx context.Context, org string, f store.ConversationFilter, p store.Page) (all []store.Conversation, err error) {
	l := listConversations(org, f)
	err = s.read(ctx, "list conversations", func(ctx context.Context, u unit) error {
		found, err := list(ctx, u, l, p, (*db.ConversationRow).Fields)
		all = each(found, conversation)
		return err
	})
	return all, err
}

func listConversations(org string, f store.ConversationFilter) listing {
	l := listing{table: "conversations", columns: db.ConversationColumns}
	l.only("org", org)
	if f.Bot != "" {
		l.only("bot", f.Bot)
	}
	if f.Channel != "" {
		l.only("channel", string(f.Channel))
	}
	if f.Status != "" {
		l.only("status", string(f.Status))
	}
	return l
}

// UpdateConversation implements store.Conversations.
func (s *Store) UpdateConversation(
	ctx context.Context, org, id string, at time.Time, change func(*store.Conversation) error,
) (c store.Conversation, err error) {
	var refusal error
	err = s.write(ctx, "update conversation", func(ctx context.Context, u unit) error {
		if c, err = u.conversation(ctx, org, id); err != nil {
			return err
		}
		next := c
		if refusal = change(&next); refusal != nil || next == c {
			return errUnchanged
		}
		if _, err := u.UpdateConversation(ctx, db.UpdateConversationParams{
			Org: org, ID: id, Status: string(next.Status), Autoreply: next.AutoReply, ContactID: optional(next.Contact), Updated: db.Time(at),
		}); err != nil {
			return err
		}
		c, err = u.conversation(ctx, org, id)
		return err
	})
	if refusal != nil || err != nil {
		return store.Conversation{}, or(refusal, err)
	}
	return c, nil
}

// AddThreadMessage implements store.Conversations.
func (s *Store) AddThreadMessage(ctx context.Context, org string, m store.ThreadMessage) (made store.ThreadMessage, err error) {
	err = s.write(ctx, "add message", func(ctx context.Context, u unit) error {
		n, err := u.TouchConversation(ctx, db.TouchConversationParams{Org: org, ID: m.Conversation, Updated: db.Time(m.Created)})
		if err != nil {
			return err
		}
		if n == 0 {
			return store.ErrNotFound
		}
		row, err := u.addMessage(ctx, m)
		made = threadMessage(row)
		return err
	})
	if err != nil {
		return store.ThreadMessage{}, err
	}
	return made, nil
}

// addMessage writes a message of a conversation: ErrConflict if that has it already.
func (u unit) addMessage(ctx context.Context, m store.ThreadMessage) (db.ThreadMessage, error) {
	row, err := u.InsertThreadMessage(ctx, db.InsertThreadMessageParams{
		ID: m.ID, Conversation: m.Conversation, Role: m.Role, Content: m.Content, Kind: m.Type, Tokens: m.Tokens, Author: m.Author, External: m.External,
		Status: string(m.Status), Error: m.Error, Data: m.Data, Created: db.Time(m.Created),
	})
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("%w: the message is there already", store.ErrConflict)
	}
	return row, err
}

// ThreadMessages implements store.Conversations: ErrNotFound if there is no such conversation.
func (s *Store) ThreadMessages(ctx context.Context, org, conversation string, p store.Page) (all []store.ThreadMessage, err error) {
	err = s.read(ctx, "list messages", func(ctx context.Context, u unit) error {
		limit, offset := bounds(p)
		found, err := u.ThreadMessages(ctx, db.ThreadMessagesParams{Org: org, ID: conversation, HowMany: limit, After: offset})
		all = each(found, func(r db.ThreadMessagesRow) store.ThreadMessage { return toldOf(r.ThreadMessage, r.Told, r.ToldError) })
		if err != nil || len(found) > 0 {
			return err
		}
		_, err = u.conversation(ctx, org, conversation)
		return err
	})
	return all, err
}

// converse keeps the conversations of calls that are bots', or whose agents are: each begins, ends and goes on with its call. A call that is
// transferred has been handed to a human.
func (u unit) converse(ctx context.Context, l *ledger) error {
	bots, err := u.botsOf(ctx, l)
	if err != nil {
		return err
	}
	told := func(a *account) bool { return a.call.Bot != "" || bots[a.call.Agent] != nil }
	if !slices.ContainsFunc(l.order, told) {
		return nil
	}
	if err := u.beginConversations(ctx, l, bots); err != nil {
		return err
	}
	const text, number = "TEXT", "BIGINT"
	r := rows{
		before: "UPDATE conversations SET status = CASE WHEN conversations.status = v.column2 THEN v.column3 ELSE conversations.status END, " +
			"length = v.column4, updated = v.column5 FROM (VALUES ",
		after: ") AS v WHERE conversations.id = v.column1 AND conversations.channel = 'voice'",
		casts: []string{text, text, text, number, text},
	}
	for _, a := range slices.SortedFunc(slices.Values(l.order), func(a, b *account) int { return cmp.Compare(a.id, b.id) }) {
		switch {
		case !told(a):
		case a.ended != nil && a.known:
			was := store.ConversationActive
			if a.again {
				was = store.ConversationFailed
			}
			e := a.ended.End
			r.add(a.id, string(was), string(threadStatus(a.ended.Status, e)), int64(e.Length), db.Time(e.Ended))
		case a.again:
			r.add(a.id, string(store.ConversationFailed), string(store.ConversationActive), int64(store.NoLength), db.Time(time.Now()))
		}
	}
	return r.write(ctx, u, nil)
}

// threadStatus is where the conversation of a call stands when that is over.
func threadStatus(s store.Status, e store.End) store.ConversationStatus {
	switch {
	case !s.Final():
		return store.ConversationActive
	case s == store.Failed:
		return store.ConversationFailed
	case e.Cause == causeTransfer:
		return store.ConversationEscalated
	}
	return store.ConversationCompleted
}

// causeTransfer is media.CauseTransfer.
const causeTransfer = "transfer"

// An employer is a bot of an agent, as far as calls are concerned.
type employer struct {
	id   string
	kind store.BotType
	gone bool
}

// botsOf are the bots of the agents of a ledger's calls, oldest first: also those that are gone, whose calls may go on.
func (u unit) botsOf(ctx context.Context, l *ledger) (map[string][]employer, error) {
	var agents []string
	for _, a := range l.order {
		if a.call.Agent != "" && !slices.Contains(agents, a.call.Agent) {
			agents = append(agents, a.call.Agent)
		}
	}
	bots := map[string][]employer{}
	err := u.among(ctx, "SELECT agent, id, kind, gone FROM bots WHERE agent IN ($KEYS) ORDER BY number", agents, func(scan func(...any) error) error {
		var agent, gone string
		var e employer
		err := scan(&agent, &e.id, &e.kind, &gone)
		e.gone = gone != ""
		bots[agent] = append(bots[agent], e)
		return err
	})
	return bots, err
}

// beginConversations makes those of the calls that the database had not.
func (u unit) beginConversations(ctx context.Context, l *ledger, bots map[string][]employer) error {
	const columns = "id, org, bot, channel, external, status, length, metadata, autoreply, contact_id, created, updated"
	r := rows{before: "INSERT INTO conversations (" + columns + ") VALUES ", after: " ON CONFLICT (id) DO NOTHING", casts: make([]string, 12)}
	steps := map[string]int64{}
	for _, a := range l.order {
		c := a.call
		if a.known {
			continue
		}
		bot, contact, err := u.partiesOf(ctx, c, bots[c.Agent])
		if err != nil {
			return err
		}
		if bot == "" {
			continue
		}
		external, length, updated := c.From, store.NoLength, c.Created
		if c.Direction == store.Outbound {
			external = c.To
		}
		if c.Status.Final() {
			length, updated = c.Length, c.Ended
		}
		metadata, err := json.Marshal(map[string]string{"call_id": c.ID, "direction": string(c.Direction)})
		if err != nil {
			return err
		}
		r.add(c.ID, c.Org, bot, string(store.Voice), external, string(threadStatus(c.Status, c.End)), int64(length), string(metadata), true, contact,
			db.Time(c.Created), db.Time(updated))
		steps[bot]++
	}
	if err := r.write(ctx, u, nil); err != nil {
		return err
	}
	return u.countBots(ctx, steps)
}

// partiesOf are the bot whose conversation a call is, empty: nobody's, and, on a channel, the contact at the other end. A call's own bot is not
// believed to be its organisation's.
func (u unit) partiesOf(ctx context.Context, c store.Call, bots []employer) (bot string, contact sql.NullString, err error) {
	if c.Bot == "" {
		if i := slices.IndexFunc(bots, func(e employer) bool { return !e.gone && e.kind.Takes(c.Direction) }); i >= 0 {
			bot = bots[i].id
		}
		return bot, contact, nil
	}
	if _, err := u.bot(ctx, c.Org, c.Bot); errors.Is(err, sql.ErrNoRows) {
		return "", contact, nil
	} else if err != nil {
		return "", contact, err
	}
	with := c.From
	if c.Direction == store.Outbound {
		with = c.To
	}
	number, err := u.ContactAt(ctx, db.ContactAtParams{Org: c.Org, Text: store.Fold(clipped(with))})
	if errors.Is(err, sql.ErrNoRows) {
		return c.Bot, contact, nil
	}
	return c.Bot, optional(strconv.FormatInt(number, 10)), err
}

func conversation(r db.ConversationRow) store.Conversation {
	return store.Conversation{
		ID: r.ID, Number: r.Number, Org: r.Org, Bot: r.Bot, BotName: r.BotName, Agent: r.Agent, Channel: store.Channel(r.Channel), External: r.External,
		Status: store.ConversationStatus(r.Status), Length: time.Duration(r.Length), Metadata: r.Metadata, AutoReply: r.Autoreply,
		Contact: r.ContactID.String, Created: time.Time(r.Created), Updated: time.Time(r.Updated),
	}
}

func threadMessage(r db.ThreadMessage) store.ThreadMessage {
	return store.ThreadMessage{
		ID: r.ID, Number: r.Number, Conversation: r.Conversation, Role: r.Role, Content: r.Content, Type: r.Kind, Tokens: r.Tokens, Author: r.Author,
		External: r.External, Status: store.MessageStatus(r.Status), Error: r.Error, Data: r.Data, Created: time.Time(r.Created),
	}
}

// toldOf is a message with what its channel has told of it.
func toldOf(r db.ThreadMessage, told, reason string) store.ThreadMessage {
	m := threadMessage(r)
	if s := store.MessageStatus(told); m.Status != "" && s.Rank() > m.Status.Rank() {
		m.Status, m.Error = s, reason
	}
	return m
}
