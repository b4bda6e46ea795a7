package sql

import (
	"context"
	"time"

	"parley/store"
	"parley/store/sql/db"
)

// chatCallKept is how long it is known who had a call.
const chatCallKept = 48 * time.Hour

// HoldChatCall implements store.ChatCalls.
func (s *Store) HoldChatCall(ctx context.Context, org, id, boot string, now time.Time) (held bool, err error) {
	err = s.write(ctx, "hold call", func(ctx context.Context, u unit) error {
		n, err := u.HoldChatCall(ctx, db.HoldChatCallParams{Org: org, ID: id, Boot: boot, Created: db.Time(now)})
		if held = n > 0; err != nil || !held {
			return err
		}
		return u.ForgetChatCalls(ctx, db.Time(now.Add(-chatCallKept)))
	})
	return held && err == nil, err
}

// ChatCallHolder implements store.ChatCalls.
func (s *Store) ChatCallHolder(ctx context.Context, org, id string) (boot string, err error) {
	err = s.read(ctx, "find call", func(ctx context.Context, u unit) error {
		boot, err = u.ChatCallHolder(ctx, db.ChatCallHolderParams{Org: org, ID: id})
		return err
	})
	return boot, err
}

// Introduce implements store.ChatCalls.
func (s *Store) Introduce(ctx context.Context, org string, peers []string, name string, now time.Time) error {
	return s.write(ctx, "introduce", func(ctx context.Context, u unit) error {
		_, err := u.acquaint(ctx, store.Received{Org: org, Peers: peers, Name: name, Message: store.ThreadMessage{Created: now}})
		return err
	})
}

// Permitted implements store.ChatCalls.
func (s *Store) Permitted(ctx context.Context, org, bot, to string, now time.Time) (tasks int, err error) {
	err = s.write(ctx, "hasten tasks", func(ctx context.Context, u unit) error {
		n, err := u.HastenTasks(ctx, db.HastenTasksParams{Org: org, Bot: bot, Callee: to, Due: db.Time(now)})
		tasks = int(n)
		return err
	})
	return tasks, err
}
