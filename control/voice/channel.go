package voice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/access"
	"parley/control/bots"
	"parley/control/envelope"
	"parley/store"
)

// The channels by which tasks call.
const (
	byPhone    = "phone"
	byWhatsApp = "whatsapp"
)

// TaskChannel is what POST /tasks says of how to call. Extension.
type TaskChannel struct {
	Channel    string      `json:"channel,omitempty" enum:"phone,whatsapp" default:"phone" doc:"How to call: whatsapp calls from a bot's number there (docs/whatsapp.md). Extension."`
	BotID      string      `json:"bot_id,omitempty" nullable:"true" format:"uuid" doc:"Of whatsapp: the bot from whose number it calls; null: the agent's own. Extension."`
	Permission *Permission `json:"permission,omitempty" doc:"Of whatsapp: how somebody is asked who has not allowed to be called; null: they are not asked, and the task fails. Extension."`
}

// A Permission is how somebody is asked whether they may be called.
type Permission struct {
	Text     string              `json:"text,omitempty" maxLength:"1024" doc:"The words of the question, which WhatsApp takes within 24 hours of the person's last message." example:"May we call you about your order?"`
	Template *PermissionTemplate `json:"template,omitempty" doc:"An approved template that asks, for any other time."`
}

// TransformSchema implements huma.SchemaTransformer.
func (Permission) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	envelope.OrNull(s, "template")
	return s
}

// A PermissionTemplate is a template that asks for permission to call.
type PermissionTemplate struct {
	Name     string   `json:"name" minLength:"1" maxLength:"512" pattern:"^[a-z0-9_]+$" example:"may_we_call"`
	Language string   `json:"language" pattern:"^[a-z]{2,3}(_[A-Za-z]{2,4})?$" example:"en_US"`
	Body     []string `json:"body,omitempty" maxItems:"20" nullable:"true" doc:"What fills the places of its body, in order."`
}

// wrong names what does not go together.
func (c *TaskChannel) wrong(at *huma.PathBuffer) (bad []error) {
	if c.Channel != byWhatsApp {
		if c.BotID != "" {
			bad = append(bad, envelope.Complain(at, "bot_id", "is of channel whatsapp alone"))
		}
		if c.Permission != nil {
			bad = append(bad, envelope.Complain(at, "permission", "is of channel whatsapp alone"))
		}
		return bad
	}
	if p := c.Permission; p != nil && (strings.TrimSpace(p.Text) == "") == (p.Template == nil) {
		bad = append(bad, envelope.Complain(at, "permission", "wants either text or template"))
	}
	return bad
}

// row is a permission as it is kept; empty: none.
func (p *Permission) row() string {
	if p == nil {
		return ""
	}
	text, _ := json.Marshal(p) // it has no field that cannot be
	return string(text)
}

// readPermission is a permission as it is shown; nil: none.
func readPermission(row string) (*Permission, error) {
	if row == "" {
		return nil, nil
	}
	p := &Permission{}
	return p, json.Unmarshal([]byte(row), p)
}

// channelOf is how a task calls.
func channelOf(t store.Task) string {
	if t.Bot != "" {
		return byWhatsApp
	}
	return byPhone
}

// caller is the bot from whose number a task is to call; empty: it calls by telephone. Unless it is named it is the agent's own: the newest that can.
func (h *Tasks) caller(ctx context.Context, agent string, c TaskChannel) (string, error) {
	if c.Channel != byWhatsApp {
		return "", nil
	}
	org := access.Org(ctx)
	if id := envelope.Plain(c.BotID); id != "" {
		b, err := h.Bots.Bot(ctx, org, id)
		if errors.Is(err, store.ErrNotFound) {
			return "", cannotCall(envelope.Missing("no such bot"), "no such bot")
		}
		if err != nil {
			return "", fmt.Errorf("read bot: %w", err)
		}
		if why := bots.NoCaller(b); why != "" {
			return "", cannotCall(envelope.Bad("the bot cannot call"), why)
		}
		return b.ID, nil
	}
	why := "the agent has no bot of WhatsApp: name one"
	for p := (store.Page{Limit: 500}); ; p.Offset += p.Limit {
		all, err := h.Bots.Bots(ctx, org, p)
		if err != nil {
			return "", fmt.Errorf("list bots: %w", err)
		}
		for _, b := range all {
			if b.Agent != agent || bots.ChannelOf(b) == nil {
				continue
			}
			if why = bots.NoCaller(b); why == "" {
				return b.ID, nil
			}
		}
		if len(all) < p.Limit {
			return "", cannotCall(envelope.Bad("no bot can call"), why)
		}
	}
}

func cannotCall(f *envelope.Fault, why string) error {
	f.Details = map[string]string{"bot_id": why}
	return f
}
