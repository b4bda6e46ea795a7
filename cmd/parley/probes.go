package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"parley/control/bots"
	"parley/control/lines"
	"parley/pipeline"
	"parley/providers/twilio"
	"parley/store"
)

// probes look at whether calls to numbers, and messages to bots, reach this server. They are a bots.Prober.
type probes struct {
	accounts *accounts
	trunks   func(id string) *lines.TrunkState // nil: there are none

	channels  *channels
	messenger bots.Messenger
}

// ProbeNumber looks at a number: its trunk if it has one, else its account at Twilio, whether it is that account's, and its voice URL.
func (p *probes) ProbeNumber(ctx context.Context, n store.Number) []bots.Check {
	if n.Trunk != "" {
		return []bots.Check{p.trunk(n)}
	}
	t, check := p.account(ctx, n.Org, n.E164)
	if t == nil {
		return []bots.Check{check}
	}
	return append([]bots.Check{check}, p.number(ctx, t, n.E164)...)
}

// ProbeOutbound looks at the account by which an organisation's calls are placed.
func (p *probes) ProbeOutbound(ctx context.Context, org string) []bots.Check {
	_, check := p.account(ctx, org, "")
	checks := []bots.Check{check}
	if p.accounts.cfg.PublicURL == "" {
		checks = append(checks, bots.Fail("voice_url", "", "no carrier can tell this server what becomes of a call", "start it with PARLEY_PUBLIC_URL"))
	}
	return checks
}

// trunk looks at the trunk of a number.
func (p *probes) trunk(n store.Number) bots.Check {
	if p.trunks == nil {
		return bots.Fail("trunk", n.E164, "this server has no SIP", "start it with PARLEY_SIP_LISTEN")
	}
	s := p.trunks(n.Trunk)
	switch {
	case s == nil:
		return bots.Fail("trunk", n.E164, "the trunk has not answered yet", "wait a minute; then see that its host is right: GET /api/v1/trunks/"+n.Trunk)
	case !s.Up:
		return bots.Fail("trunk", n.E164, "the trunk does not answer: "+cmp.Or(s.Error, "no reason is known"), "see that its host, transport and password are right")
	case s.Registers && !s.Registered:
		return bots.Fail("trunk", n.E164, "this server is not registered at the trunk: "+cmp.Or(s.Error, "no reason is known"), "see that its username and password are right")
	}
	return bots.Pass("trunk", n.E164, "the trunk answers")
}

// account finds the Twilio account of a number, or that of an organisation's calls, and asks it how it stands. Nil: it cannot be used.
func (p *probes) account(ctx context.Context, org, e164 string) (*twilio.Account, bots.Check) {
	t, err := p.accounts.twilio(org, e164)
	if err != nil {
		return nil, bots.Fail("account", "", "there is no usable account at Twilio: "+err.Error(),
			"add a credential of twilio with POST /api/v1/credentials, or start the server with TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN")
	}
	status, err := t.Standing(ctx)
	no := (*pipeline.Refusal)(nil)
	switch {
	case errors.As(err, &no):
		return nil, bots.Fail("account", t.SID, fmt.Sprintf("Twilio refuses the account: %s (%d)", no.Message, no.Code), "see that its SID and auth token are right")
	case err != nil:
		return nil, bots.Fail("account", t.SID, "Twilio does not answer", "try again; see that this server reaches api.twilio.com")
	case status != "active":
		return nil, bots.Fail("account", t.SID, "the account is "+status, "see Twilio's console: https://console.twilio.com")
	}
	return t, bots.Pass("account", t.SID, "the account is active")
}

// number asks an account whether a number is its own, and where the number's calls go.
func (p *probes) number(ctx context.Context, t *twilio.Account, e164 string) []bots.Check {
	n, found, err := t.Number(ctx, e164)
	switch {
	case err != nil:
		return []bots.Check{bots.Fail("number", e164, "Twilio does not say whether it knows the number", "try again")}
	case !found:
		return []bots.Check{bots.Fail("number", e164, "the number is not the account's", "buy it there, or name the account that has it: credential_id of PATCH /api/v1/numbers/{id}")}
	}
	known := bots.Pass("number", e164, "the number is the account's")
	if p.accounts.cfg.PublicURL == "" {
		return []bots.Check{known, bots.Fail("voice_url", e164, "this server does not know its own address", "start it with PARLEY_PUBLIC_URL")}
	}
	fix := "set \"a call comes in\" of the number to the webhook " + t.Voice + " (POST)"
	switch {
	case n.Trunk != "" || n.Application != "":
		return []bots.Check{known, bots.Fail("voice_url", e164, "the number's calls go to a trunk or an application of Twilio's", fix)}
	case n.VoiceURL != t.Voice:
		return []bots.Check{known, bots.Fail("voice_url", e164, fmt.Sprintf("the number's calls go to %q", n.VoiceURL), fix)}
	case n.VoiceMethod != "" && n.VoiceMethod != http.MethodPost:
		return []bots.Check{known, bots.Fail("voice_url", e164, "the number's webhook is asked by "+n.VoiceMethod, fix)}
	}
	return []bots.Check{known, bots.Pass("voice_url", e164, "the number's calls come here")}
}

// twilio is the account of a number, else the organisation's default, else the server's, as far as it can ask something of Twilio.
func (a *accounts) twilio(org, e164 string) (*twilio.Account, error) {
	n, _ := a.directory.Number(org, e164)
	c, ok := store.Credential{}, false
	if n.Credential != "" {
		var err error
		if c, err = a.directory.Credential(org, n.Credential); err != nil {
			return nil, fmt.Errorf("the number's credential: %w", err)
		}
		if c.Vendor != lines.Twilio {
			return nil, fmt.Errorf("the number's credential is of %s, which is asked when it places a call", c.Vendor)
		}
		ok = true
	} else {
		c, ok = a.directory.DefaultCredential(org, lines.Twilio)
	}
	public := strings.TrimRight(a.cfg.PublicURL, "/")
	t := &twilio.Account{Base: a.cfg.TwilioBaseURL, Voice: public + "/twilio/voice"}
	if !ok {
		if t.SID, t.Token = a.cfg.TwilioAccountSID, a.cfg.TwilioAuthToken; t.SID == "" || t.Token == "" {
			return nil, errors.New("neither the organisation nor the server has one")
		}
		return t, nil
	}
	secret, err := a.open(c)
	if err != nil {
		return nil, err
	}
	t.SID, t.Token = c.Account, secret
	if c.BaseURL != "" {
		t.Base, t.Client = c.BaseURL, a.guardedClient()
	}
	return t, nil
}
