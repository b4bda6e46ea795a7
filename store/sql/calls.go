package sql

import (
	"context"
	"strings"
	"time"

	"parley/store"
	"parley/store/sql/db"
)

// Call implements store.Calls.
func (s *Store) Call(ctx context.Context, org, id string) (c store.Call, err error) {
	err = s.read(ctx, "read call", func(ctx context.Context, u unit) error {
		row, err := u.Call(ctx, db.CallParams{Org: org, ID: id})
		c = call(row)
		return err
	})
	return c, err
}

// Calls implements store.Calls. The total is a sum of counters.
func (s *Store) Calls(ctx context.Context, org string, f store.CallFilter, p store.Page) (calls []store.Call, total int64, err error) {
	l := listCalls(org, f)
	err = s.read(ctx, "list calls", func(ctx context.Context, u unit) error {
		found, err := list(ctx, u, l, p, (*db.Call).Fields)
		if err != nil {
			return err
		}
		calls = each(found, call)
		counters := "call_counts"
		if f.Task != "" {
			counters = "task_counts"
		}
		total, err = l.number(ctx, u, "COALESCE(SUM(n), 0)", counters)
		return err
	})
	return calls, total, err
}

// Plan tells how the database would find a page of calls: its EXPLAIN line by line, deeper steps further to the right.
func (s *Store) Plan(ctx context.Context, org string, f store.CallFilter, p store.Page) (lines []string, err error) {
	return s.explain(ctx, listCalls(org, f), p)
}

func (s *Store) explain(ctx context.Context, l listing, p store.Page) (lines []string, err error) {
	query, args := l.page(p)
	return s.plan(ctx, query, args)
}

func (s *Store) plan(ctx context.Context, query string, args []any) (lines []string, err error) {
	err = s.read(ctx, "explain list", func(ctx context.Context, u unit) error {
		if s.name == postgres {
			return u.query(ctx, "EXPLAIN "+query, args, func(scan func(...any) error) error {
				var line string
				err := scan(&line)
				lines = append(lines, line)
				return err
			})
		}
		depth := map[int]int{} // of steps, by their ids
		return u.query(ctx, "EXPLAIN QUERY PLAN "+query, args, func(scan func(...any) error) error {
			var id, parent, unused int
			var step string
			err := scan(&id, &parent, &unused, &step)
			depth[id] = depth[parent] + 1
			lines = append(lines, strings.Repeat("  ", depth[parent])+step)
			return err
		})
	})
	return lines, err
}

func listCalls(org string, f store.CallFilter) listing {
	l := listing{table: "calls", columns: db.CallColumns}
	l.only("org", org)
	if f.Agent != "" {
		l.only("agent", f.Agent)
	}
	if f.Status != "" {
		l.only("status", string(f.Status))
	}
	if f.Task != "" {
		l.only("task", f.Task)
		l.where = append(l.where, "task <> ''") // as the index says
	}
	return l
}

// Transcript implements store.Calls.
func (s *Store) Transcript(ctx context.Context, org, call string) (messages []store.Message, err error) {
	err = s.read(ctx, "read transcript", func(ctx context.Context, u unit) error {
		found, err := u.Messages(ctx, db.MessagesParams{Org: org, ID: call})
		messages = each(found, message)
		return u.orNoCall(ctx, org, call, len(found), err)
	})
	return messages, err
}

// Turns implements store.Calls.
func (s *Store) Turns(ctx context.Context, org, call string) (turns []store.Turn, err error) {
	err = s.read(ctx, "read turns", func(ctx context.Context, u unit) error {
		found, err := u.Turns(ctx, db.TurnsParams{Org: org, ID: call})
		turns = each(found, turn)
		return u.orNoCall(ctx, org, call, len(found), err)
	})
	return turns, err
}

// Recording implements store.Calls.
func (s *Store) Recording(ctx context.Context, org, call string) (r store.Recording, err error) {
	err = s.read(ctx, "read recording", func(ctx context.Context, u unit) error {
		row, err := u.Recording(ctx, db.RecordingParams{Org: org, ID: call})
		r = recording(row)
		return err
	})
	return r, err
}

// orNoCall tells a call that has no rows from a call that is none.
func (u unit) orNoCall(ctx context.Context, org, call string, rows int, err error) error {
	if err != nil || rows > 0 {
		return err
	}
	n, err := u.HasCall(ctx, db.HasCallParams{Org: org, ID: call})
	if err == nil && n == 0 {
		err = store.ErrNotFound
	}
	return err
}

func call(r db.Call) store.Call {
	return store.Call{
		ID: r.ID, Number: r.Number, Org: r.Org, Agent: r.Agent, AgentVersion: int(r.AgentVersion), Task: r.Task, Bot: r.Bot,
		Direction: store.Direction(r.Direction), Status: store.Status(r.Status), Leg: r.Leg, CarrierID: r.CarrierID,
		From: r.Caller, To: r.Callee, Node: r.Node, Boot: r.Boot, Created: time.Time(r.Created), Answered: time.Time(r.Answered),
		Collected: r.Collected, PreAnswer: r.Preanswer.PreAnswer,
		End: store.End{Ended: time.Time(r.Ended), Length: time.Duration(r.Length), Cause: r.Cause, Error: r.Error,
			Turns: int(r.Turns), Drops: int(r.Drops), Latency: r.Latency, AnsweredBy: r.AnsweredBy, Quality: r.Quality.Quality, Cost: r.Cost.Cost},
	}
}

func turn(r db.Turn) store.Turn {
	return store.Turn{Call: r.Call, N: int(r.N), Why: r.Why, Said: r.Said, Text: r.Text, Heard: r.Heard, Cut: r.Cut,
		At: time.Duration(r.At), Sounded: time.Duration(r.Sounded), Latency: r.Latency, Counts: r.Counts, Error: r.Error, Lookup: r.Lookup.Lookup, Remembered: r.Remembered}
}

func message(r db.Message) store.Message {
	return store.Message{Call: r.Call, Seq: int(r.Seq), Role: r.Role, Text: r.Text, Cut: r.Cut, Turn: int(r.Turn),
		At: time.Duration(r.At), Length: time.Duration(r.Length), Words: r.Words}
}

func recording(r db.Recording) store.Recording {
	return store.Recording{Call: r.Call, Path: r.Path, Rate: int(r.Rate), Channels: int(r.Channels), Bytes: r.Bytes,
		Length: time.Duration(r.Length)}
}

func each[A, B any](rows []A, f func(A) B) []B {
	if len(rows) == 0 {
		return nil
	}
	out := make([]B, len(rows))
	for i, r := range rows {
		out[i] = f(r)
	}
	return out
}
