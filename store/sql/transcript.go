package sql

import (
	"context"
	"maps"
	"slices"

	"parley/store"
	"parley/store/sql/db"
)

// putMessages writes what fresh turns added, and the whole transcripts of calls that end. Nearly always those stand there already, as the
// turns brought them: they are read, and only what differs is written.
func (u unit) putMessages(ctx context.Context, l *ledger, fresh map[turnKey]bool) error {
	stood, err := u.transcripts(ctx, l)
	if err != nil {
		return err
	}
	var longer []string // calls with messages that their transcripts have not
	r := rows{before: "INSERT INTO messages (call, seq, role, text, cut, turn, at, length, words) VALUES ",
		after: " ON CONFLICT (call, seq) DO UPDATE SET role = excluded.role, text = excluded.text, cut = excluded.cut, " +
			"turn = excluded.turn, at = excluded.at, length = excluded.length, words = excluded.words", casts: make([]string, 9)}
	for _, a := range l.order {
		messages, old := a.messages(fresh), stood[a.id]
		for seq := range old {
			if _, ok := messages[seq]; !ok {
				longer, old = append(longer, a.id), nil
				break
			}
		}
		for _, seq := range slices.Sorted(maps.Keys(messages)) {
			m := messages[seq]
			if was, ok := old[seq]; !ok || was != m {
				r.add(a.id, int64(seq), m.Role, m.Text, m.Cut, int64(m.Turn), int64(m.At), int64(m.Length), m.Words)
			}
		}
	}
	if err := u.among(ctx, "DELETE FROM messages WHERE call IN ($KEYS)", longer, nil); err != nil {
		return err
	}
	return r.write(ctx, u, nil)
}

// messages are what a call's entries say of its transcript, by Seq: the last word counts. If the call ends, that is the whole.
func (a *account) messages(fresh map[turnKey]bool) map[int]store.Message {
	bySeq := map[int]store.Message{}
	add := func(messages []store.Message) {
		for _, m := range messages {
			m.Call, m.Role, m.Text = a.id, clean(m.Role), clean(m.Text)
			bySeq[m.Seq] = m
		}
	}
	if a.ended != nil && !a.ended.crashed {
		add(a.ended.Messages)
		return bySeq
	}
	for _, t := range a.turned {
		if fresh[turnKey{a.id, int64(t.Turn.N)}] {
			add(t.Messages)
		}
	}
	return bySeq
}

// transcripts are what the database has of the calls that end, by call and Seq.
func (u unit) transcripts(ctx context.Context, l *ledger) (map[string]map[int]store.Message, error) {
	var ending []string
	for _, a := range l.order {
		if a.known && a.ended != nil && !a.ended.crashed {
			ending = append(ending, a.id)
		}
	}
	stood := map[string]map[int]store.Message{}
	const query = "SELECT call, seq, role, text, cut, turn, at, length, words FROM messages WHERE call IN ($KEYS)"
	err := u.among(ctx, query, ending, func(scan func(...any) error) error {
		var m db.Message
		err := scan(&m.Call, &m.Seq, &m.Role, &m.Text, &m.Cut, &m.Turn, &m.At, &m.Length, &m.Words)
		if stood[m.Call] == nil {
			stood[m.Call] = map[int]store.Message{}
		}
		stood[m.Call][int(m.Seq)] = message(m)
		return err
	})
	return stood, err
}
