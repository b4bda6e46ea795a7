package sql

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"parley/store"
	"parley/store/sql/db"
)

// NumberedCall implements store.Cards.
func (s *Store) NumberedCall(ctx context.Context, org string, number int64) (c store.Call, err error) {
	err = s.read(ctx, "read call", func(ctx context.Context, u unit) error {
		row, err := u.NumberedCall(ctx, db.NumberedCallParams{Org: org, Number: number})
		c = call(row)
		return err
	})
	return c, err
}

// Card implements store.Cards.
func (s *Store) Card(ctx context.Context, org, call string) (k store.Card, err error) {
	err = s.read(ctx, "read card", func(ctx context.Context, u unit) error {
		row, err := u.Card(ctx, db.CardParams{Org: org, ID: call})
		if err == nil {
			k, err = card(row)
		}
		return err
	})
	return k, err
}

// PutCard implements store.Cards.
func (s *Store) PutCard(ctx context.Context, org string, k store.Card, at time.Time) (kept store.Card, err error) {
	err = s.write(ctx, "put card", func(ctx context.Context, u unit) error {
		if err := u.orNoCall(ctx, org, k.Call, 0, nil); err != nil {
			return err
		}
		kept, err = u.putCard(ctx, k, at)
		return err
	})
	if err != nil {
		return store.Card{}, err
	}
	return kept, nil
}

func (u unit) putCard(ctx context.Context, k store.Card, at time.Time) (store.Card, error) {
	text, err := json.Marshal(k)
	if err != nil {
		return k, fmt.Errorf("encode card: %w", err)
	}
	row, err := u.PutCard(ctx, db.PutCardParams{Call: k.Call, Card: string(text), Created: db.Time(at)})
	if err != nil {
		return k, err
	}
	return card(row)
}

// AddCall implements store.Cards.
func (s *Store) AddCall(ctx context.Context, c store.Call, k store.Card, load store.Load) (kept store.Call, err error) {
	began := c
	began.Status, began.End = store.InProgress, store.End{}
	entries := []store.Entry{{Began: &began}, {Ended: &store.Ended{Call: c.ID, Status: c.Status, End: c.End}}}
	err = s.write(ctx, "add call", func(ctx context.Context, u unit) error {
		if _, err := u.Organisation(ctx, c.Org); err != nil {
			return err
		}
		if err := s.record(ctx, u, entries); err != nil {
			return err
		}
		k.Call = c.ID
		if _, err := u.putCard(ctx, k, c.Created); err != nil {
			return err
		}
		if load.URL != "" {
			if err := u.InsertLoad(ctx, db.InsertLoadParams{Call: c.ID, Org: c.Org, Url: load.URL, Created: db.Time(load.Created)}); err != nil {
				return err
			}
		}
		row, err := u.Call(ctx, db.CallParams{Org: c.Org, ID: c.ID})
		kept = call(row)
		return err
	})
	if err != nil {
		return store.Call{}, err
	}
	return kept, nil
}

// NumberedAgent implements store.Cards.
func (s *Store) NumberedAgent(ctx context.Context, org string, number int64) (agent string, err error) {
	err = s.read(ctx, "read agent", func(ctx context.Context, u unit) (err error) {
		agent, err = u.NumberedAgent(ctx, db.NumberedAgentParams{Org: org, Number: number})
		return err
	})
	return agent, err
}

// CallAgent implements store.Cards.
func (s *Store) CallAgent(ctx context.Context, org, digest string) (agent string, err error) {
	err = s.read(ctx, "read agent of calls", func(ctx context.Context, u unit) (err error) {
		agent, err = u.CallAgent(ctx, db.CallAgentParams{Org: org, Digest: digest})
		return err
	})
	return agent, err
}

// PutCallAgent implements store.Cards.
func (s *Store) PutCallAgent(ctx context.Context, org, digest, agent string) error {
	return s.write(ctx, "put agent of calls", func(ctx context.Context, u unit) error {
		if _, err := u.Agent(ctx, db.AgentParams{Org: org, ID: agent}); err != nil {
			return err
		}
		return u.PutCallAgent(ctx, db.PutCallAgentParams{Org: org, Digest: digest, Agent: agent})
	})
}

// Load implements store.Cards.
func (s *Store) Load(ctx context.Context, org, call string) (l store.Load, err error) {
	err = s.read(ctx, "read load", func(ctx context.Context, u unit) error {
		row, err := u.Load(ctx, db.LoadParams{Org: org, Call: call})
		l = load(row)
		return err
	})
	return l, err
}

// TakeLoads implements store.Loads.
func (s *Store) TakeLoads(ctx context.Context, t store.LoadTaking) (taken []store.Load, err error) {
	err = s.write(ctx, "take loads", func(ctx context.Context, u unit) error {
		limit, _ := bounds(store.Page{Limit: t.Most})
		rows, err := u.TakeLoads(ctx, db.TakeLoadsParams{Node: t.Node, Now: db.Time(t.Now), Until: db.Time(t.Until), HowMany: limit})
		if taken = each(rows, load); err == nil && len(taken) == 0 {
			return errUnchanged
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return taken, nil
}

// FreeLoads implements store.Loads.
func (s *Store) FreeLoads(ctx context.Context, node string, at time.Time) error {
	return s.write(ctx, "free loads", func(ctx context.Context, u unit) error {
		return u.FreeLoads(ctx, db.FreeLoadsParams{Node: node, Due: db.Time(at)})
	})
}

// PutOffLoad implements store.Loads.
func (s *Store) PutOffLoad(ctx context.Context, l store.Load, due time.Time, failure string) error {
	return s.write(ctx, "put off load", func(ctx context.Context, u unit) error {
		return unsettled(u.PutOffLoad(ctx, db.PutOffLoadParams{Call: l.Call, Node: l.Node, Until: db.Time(l.Due), Due: db.Time(due), Error: failure}))
	})
}

// KeepLoad implements store.Loads.
func (s *Store) KeepLoad(ctx context.Context, l store.Load, r store.Recording) error {
	return s.write(ctx, "keep load", func(ctx context.Context, u unit) error {
		if err := unsettled(u.HasLoad(ctx, db.HasLoadParams{Call: l.Call, Node: l.Node, Until: db.Time(l.Due)})); err != nil {
			return err
		}
		err := u.AddRecording(ctx, db.AddRecordingParams{
			Call: l.Call, Path: r.Path, Rate: int64(r.Rate), Channels: int64(r.Channels), Bytes: r.Bytes, Length: int64(r.Length),
		})
		if err != nil {
			return err
		}
		c, err := u.Call(ctx, db.CallParams{Org: l.Org, ID: l.Call})
		if err != nil {
			return err
		}
		return u.LengthenCall(ctx, db.LengthenCallParams{ID: l.Call, Length: int64(r.Length), Ended: db.Time(time.Time(c.Answered).Add(r.Length))})
	})
}

// EndLoad implements store.Loads.
func (s *Store) EndLoad(ctx context.Context, l store.Load, failure string, at time.Time) error {
	return s.write(ctx, "end load", func(ctx context.Context, u unit) error {
		return unsettled(u.EndLoad(ctx, db.EndLoadParams{Call: l.Call, Node: l.Node, Until: db.Time(l.Due), Error: failure, Ended: db.Time(at)}))
	})
}

func card(r db.CallCard) (k store.Card, err error) {
	if err := json.Unmarshal([]byte(r.Card), &k); err != nil {
		return k, fmt.Errorf("decode card: %w", err)
	}
	k.Call, k.Changes, k.Created, k.Updated = r.Call, r.Changes, time.Time(r.Created), time.Time(r.Updated)
	return k, nil
}

func load(r db.Load) store.Load {
	return store.Load{
		Call: r.Call, Org: r.Org, URL: r.Url, Tries: int(r.Tries), Due: time.Time(r.Due), Node: r.Node, Error: r.Error, Created: time.Time(r.Created),
		Ended: time.Time(r.Ended),
	}
}
