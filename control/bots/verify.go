package bots

import (
	"context"
	"fmt"
	"time"

	"parley/control/access"
	"parley/control/envelope"
	"parley/store"
)

// A Prober asks the carriers of phone numbers whether calls reach this server.
type Prober interface {
	// ProbeNumber looks at a number that is to be answered here: its account or trunk, whether it is the account's, and where its calls go.
	ProbeNumber(ctx context.Context, n store.Number) []Check
	// ProbeOutbound looks at the account by which an organisation's calls are placed.
	ProbeOutbound(ctx context.Context, org string) []Check
	// ProbeChannel looks at the channel of a whatsapp or whatsapp_voice bot, which its config names.
	ProbeChannel(ctx context.Context, b store.Bot) []Check
}

// Outcome is what came of a check.
type Outcome string

// The outcomes of checks.
const (
	Passed       Outcome = "passed"
	Failed       Outcome = "failed"
	NotSupported Outcome = "not_supported" // nothing was asked
)

// A Check is one thing that was looked at.
type Check struct {
	Name   string  `json:"name" doc:"What was looked at: bot, menu, number, account, voice_url, trunk, whatsapp, token, webhook, subscription." example:"voice_url"`
	About  string  `json:"about,omitempty" doc:"Of which number or account." example:"+1234567890"`
	Status Outcome `json:"status" enum:"passed,failed,not_supported" doc:"not_supported: this server cannot look, and nothing was asked."`
	Detail string  `json:"detail" doc:"What was found." example:"calls to the number are sent elsewhere"`
	Fix    *string `json:"fix" doc:"What to do about it; null: nothing." example:"set the number's voice URL to https://voice.example.com/twilio/voice (POST)"`
}

// Pass is a check that found all well.
func Pass(name, about, detail string) Check {
	return Check{Name: name, About: about, Status: Passed, Detail: detail}
}

// Fail is a check that found something wrong, and what to do about it.
func Fail(name, about, detail, fix string) Check {
	return Check{Name: name, About: about, Status: Failed, Detail: detail, Fix: &fix}
}

// Deployment is what came of looking at a bot's channel.
type Deployment struct {
	BotID    string  `json:"bot_id" format:"uuid"`
	Verified bool    `json:"verified" doc:"Every check passed."`
	Checks   []Check `json:"checks" nullable:"false"`
}

// Verify handles POST /bots/{id}/deploy/verify.
func (h *Bots) Verify(ctx context.Context, in *envelope.ID) (*envelope.Bare[Deployment], error) {
	b, err := h.bot(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	checks := []Check{Pass("bot", b.Name, "the bot is active")}
	if !b.Active {
		checks[0] = Fail("bot", b.Name, "the bot is not active", "turn it on: POST /api/v1/bots/"+b.ID+"/toggle")
	}
	if mute(b) {
		checks = append(checks, Fail("menu", b.Name, noMenu, giveMenu))
	}
	switch {
	case h.Prober == nil:
		fix := "ask a running server: parley serve"
		checks = append(checks, Check{Name: "account", Status: NotSupported, Detail: "carriers cannot be asked from here", Fix: &fix})
	case b.Type == store.WhatsAppBot || b.Type == store.WhatsAppVoiceBot:
		if ChannelOf(b) == nil {
			checks = append(checks, Fail("whatsapp", "", "the bot has no channel", "name one in config.whatsapp: docs/bots.md"))
			break
		}
		checks = append(checks, h.Prober.ProbeChannel(ctx, b)...)
	case b.Type == store.OutboundCallBot:
		checks = append(checks, h.Prober.ProbeOutbound(ctx, b.Org)...)
	default:
		found, err := h.probeNumbers(ctx, b)
		if err != nil {
			return nil, err
		}
		checks = append(checks, found...)
	}
	v := Deployment{BotID: b.ID, Verified: true, Checks: checks}
	for _, c := range checks {
		v.Verified = v.Verified && c.Status == Passed
	}
	return &envelope.Bare[Deployment]{Body: v}, nil
}

const (
	probeTime  = 25 * time.Second // for all carriers together
	mostProbed = 20               // numbers of a bot that carriers are asked about
)

// probeNumbers looks at the numbers that lead to a bot's agent.
func (h *Bots) probeNumbers(ctx context.Context, b store.Bot) (checks []Check, err error) {
	var led []store.Number
	for p := (store.Page{Limit: 1000}); ; p.Offset += p.Limit {
		rows, _, err := h.Numbers.Numbers(ctx, access.Org(ctx), p)
		if err != nil {
			return nil, fmt.Errorf("list numbers: %w", err)
		}
		for _, n := range rows {
			if n.Agent == b.Agent {
				led = append(led, n)
			}
		}
		if len(rows) < p.Limit {
			break
		}
	}
	if len(led) == 0 {
		return []Check{Fail("number", "", "no phone number leads to the bot", "name one in config.numbers, or lead one to the bot's agent with PATCH /numbers/{id}")}, nil
	}
	for _, n := range led[:min(len(led), mostProbed)] {
		checks = append(checks, h.Prober.ProbeNumber(ctx, n)...)
	}
	if len(led) > mostProbed {
		checks = append(checks, Check{Name: "number", Status: NotSupported, Detail: fmt.Sprintf("only the first %d of %d numbers were looked at", mostProbed, len(led))})
	}
	return checks, nil
}
