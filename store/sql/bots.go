package sql

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"parley/store"
	"parley/store/sql/db"
)

// CreateBot implements store.Bots: ErrNotFound also if there is no such organisation.
func (s *Store) CreateBot(ctx context.Context, b store.Bot) (made store.Bot, err error) {
	err = s.configure(ctx, "create bot", func(ctx context.Context, u unit) error {
		if _, err := u.Organisation(ctx, b.Org); err != nil {
			return err
		}
		next := b
		if err := u.employ(ctx, &next); err != nil {
			return err
		}
		if err := u.lead(ctx, next, nil, b.Created); err != nil {
			return err
		}
		if err := u.InsertBot(ctx, db.InsertBotParams{
			ID: b.ID, Org: b.Org, Agent: next.Agent, Own: next.Own, Name: b.Name, Kind: string(b.Type), Config: b.Config, Numbers: b.Numbers,
			Created: db.Time(b.Created), Updated: db.Time(b.Created),
		}); err != nil {
			return err
		}
		made, err = u.bot(ctx, b.Org, b.ID)
		return err
	})
	if err != nil {
		return store.Bot{}, err
	}
	return made, nil
}

// employ gives a new bot its agent.
func (u unit) employ(ctx context.Context, b *store.Bot) error {
	if b.Own = b.Agent == ""; b.Own {
		b.Agent = store.NewID()
		_, err := u.createAgent(ctx, store.Agent{
			ID: b.Agent, Org: b.Org, Name: b.Name, SystemPrompt: b.SystemPrompt, Settings: b.Settings, Enabled: true, Created: b.Created,
		})
		return err
	}
	row, err := u.Agent(ctx, db.AgentParams{Org: b.Org, ID: b.Agent})
	if err != nil {
		return fmt.Errorf("find agent: %w", err)
	}
	a := agent(row)
	return u.instruct(ctx, a, cmp.Or(b.SystemPrompt, a.SystemPrompt), cmp.Or(b.Settings, a.Settings), a.Enabled, b.Created)
}

// instruct changes what a bot has in common with its agent.
func (u unit) instruct(ctx context.Context, a store.Agent, prompt, settings string, enabled bool, at time.Time) error {
	if a.SystemPrompt == prompt && a.Settings == settings && a.Enabled == enabled {
		return nil
	}
	_, err := u.UpdateAgent(ctx, db.UpdateAgentParams{
		ID: a.ID, Version: int64(a.Version) + 1, Name: a.Name, Description: a.Description, SystemPrompt: prompt, StartingMessage: a.StartingMessage,
		Enabled: enabled, VoiceSettings: a.VoiceSettings, DtmfRules: a.DTMFRules, Settings: settings, Updated: db.Time(at),
	})
	if err != nil {
		return err
	}
	return u.KeepVersion(ctx, a.ID)
}

// lead leads a bot's numbers to its agent, and those of before that it has no more to the default agent, unless they lead elsewhere already.
func (u unit) lead(ctx context.Context, b store.Bot, before *store.Bot, at time.Time) error {
	for _, e164 := range b.Numbers {
		row, err := u.numberOf(ctx, b.Org, e164)
		if err != nil {
			return fmt.Errorf("find number %s: %w", e164, err)
		}
		if n := number(row); n.Agent != b.Agent {
			n.Agent = b.Agent
			if _, err := u.UpdateNumber(ctx, updated(n, at)); err != nil {
				return err
			}
		}
	}
	if before == nil {
		return nil
	}
	for _, e164 := range before.Numbers {
		if slices.Contains(b.Numbers, e164) {
			continue
		}
		row, err := u.numberOf(ctx, b.Org, e164)
		if errors.Is(err, sql.ErrNoRows) || errors.Is(err, store.ErrNotFound) {
			continue // it has been given up since
		}
		if err != nil {
			return err
		}
		if n := number(row); n.Agent == before.Agent {
			n.Agent = ""
			if _, err := u.UpdateNumber(ctx, updated(n, at)); err != nil {
				return err
			}
		}
	}
	return nil
}

// bot reads a bot.
func (u unit) bot(ctx context.Context, org, id string) (store.Bot, error) {
	row, err := u.Bot(ctx, db.BotParams{Org: org, ID: id})
	return bot(row), err
}

// Bot implements store.Bots.
func (s *Store) Bot(ctx context.Context, org, id string) (b store.Bot, err error) {
	err = s.read(ctx, "read bot", func(ctx context.Context, u unit) error {
		b, err = u.bot(ctx, org, id)
		return err
	})
	return b, err
}

// Bots implements store.Bots.
func (s *Store) Bots(ctx context.Context, org string, p store.Page) (all []store.Bot, err error) {
	err = s.read(ctx, "list bots", func(ctx context.Context, u unit) error {
		limit, offset := bounds(p)
		found, err := u.Bots(ctx, db.BotsParams{Org: org, HowMany: limit, After: offset})
		all = each(found, func(r db.BotsRow) store.Bot { return bot(db.BotRow(r)) })
		return err
	})
	return all, err
}

// UpdateBot implements store.Bots.
func (s *Store) UpdateBot(ctx context.Context, org, id string, at time.Time, change func(*store.Bot) error) (b store.Bot, err error) {
	var refusal error
	err = s.configure(ctx, "update bot", func(ctx context.Context, u unit) error {
		if b, err = u.bot(ctx, org, id); err != nil {
			return err
		}
		next := b
		next.Numbers = slices.Clone(b.Numbers)
		if refusal = change(&next); refusal != nil {
			return errUnchanged
		}
		next.ID, next.Org, next.Type = b.ID, b.Org, b.Type
		row, err := u.Agent(ctx, db.AgentParams{Org: org, ID: next.Agent})
		if err != nil {
			return fmt.Errorf("find agent: %w", err)
		}
		a := agent(row)
		if next.Agent != b.Agent { // of another agent, what was not changed stays
			next.Own = false
			next.SystemPrompt, next.Settings, next.Active = unless(next.SystemPrompt, b.SystemPrompt, a.SystemPrompt), unless(next.Settings, b.Settings, a.Settings), a.Enabled
		}
		if err := u.instruct(ctx, a, next.SystemPrompt, next.Settings, next.Active, at); err != nil {
			return err
		}
		if err := u.lead(ctx, next, &b, at); err != nil {
			return err
		}
		if err := u.UpdateBot(ctx, db.UpdateBotParams{
			ID: b.ID, Agent: next.Agent, Own: next.Own, Name: next.Name, Config: next.Config, Numbers: next.Numbers, Updated: db.Time(at),
		}); err != nil {
			return err
		}
		b, err = u.bot(ctx, org, id)
		return err
	})
	if refusal != nil || err != nil {
		return store.Bot{}, or(refusal, err)
	}
	return b, nil
}

// unless is a value, or another if it is as it was.
func unless(now, was, other string) string {
	if now == was {
		return other
	}
	return now
}

// DeleteBot implements store.Bots.
func (s *Store) DeleteBot(ctx context.Context, org, id string, at time.Time) error {
	return s.configure(ctx, "delete bot", func(ctx context.Context, u unit) error {
		b, err := u.bot(ctx, org, id)
		if err != nil {
			return err
		}
		if err := u.RemoveBot(ctx, db.RemoveBotParams{ID: b.ID, Gone: db.Time(at)}); err != nil {
			return err
		}
		left := b
		left.Numbers = nil
		if err := u.lead(ctx, left, &b, at); err != nil || !b.Own {
			return err
		}
		if reason, err := u.needed(ctx, org, b.Agent); err != nil || reason != "" {
			return err
		}
		return u.dismiss(ctx, org, b.Agent)
	})
}

func bot(r db.BotRow) store.Bot {
	b := store.Bot{
		ID: r.ID, Number: r.Number, Org: r.Org, Agent: r.Agent, Own: r.Own, Name: r.Name, Type: store.BotType(r.Kind), Config: r.Config, Numbers: r.Numbers,
		SystemPrompt: r.SystemPrompt, Active: r.Enabled, Settings: r.Settings, Conversations: r.Conversations,
		Created: time.Time(r.Created), Updated: time.Time(r.Updated),
	}
	if changed := time.Time(r.AgentUpdated); changed.After(b.Updated) {
		b.Updated = changed
	}
	return b
}
