package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"parley/control/bots"
	"parley/control/inbox"
	"parley/control/lines"
	"parley/media/stream"
	"parley/pipeline"
	channel "parley/providers/message"
	"parley/providers/twilio"
	"parley/store"
)

// A twilioLine is a bot's way to WhatsApp by Twilio.
type twilioLine struct{ sender *twilio.Sender }

// twilio is the way to a number of Twilio's.
func (c *channels) twilio(b store.Bot, w *bots.WhatsApp) (*twilioLine, error) {
	a := c.accounts
	account, err := a.twilioOf(b.Org, w)
	if err != nil {
		return nil, fmt.Errorf("the account at Twilio: %w", err)
	}
	s := &twilio.Sender{Account: account, From: w.Number}
	if a.cfg.PublicURL != "" {
		s.Status = strings.TrimRight(a.cfg.PublicURL, "/") + "/whatsapp/twilio/" + b.ID
	}
	return &twilioLine{s}, s.Check()
}

// twilioOf is the account of a number of WhatsApp: the one that the bot's config names, else that of calls from the number. The server's own serves
// the numbers that calls to it would be an organisation's of: it is no way to others' senders.
func (a *accounts) twilioOf(org string, w *bots.WhatsApp) (*twilio.Account, error) {
	if w.Credential != "" {
		row, token, err := a.ofVendor(org, lines.Twilio, w.Credential)
		if err != nil {
			return nil, err
		}
		account := &twilio.Account{SID: row.Account, Token: token, Base: a.cfg.TwilioBaseURL}
		if row.BaseURL != "" {
			account.Base, account.Client = row.BaseURL, a.guardedClient()
		}
		return account, nil
	}
	n, _ := a.directory.Number(org, w.Number)
	if _, some := a.directory.DefaultCredential(org, lines.Twilio); n.Credential == "" && !some {
		if r, _ := a.directory.Route(w.Number); r.Org != org {
			return nil, fmt.Errorf("%s is not the organisation's number at the server's account: enter it with POST /api/v1/numbers, or an account with POST /api/v1/credentials", w.Number)
		}
	}
	return a.twilio(org, w.Number)
}

// Signed implements inbox.Line.
func (l *twilioLine) Signed(w inbox.Webhook) bool {
	form, err := url.ParseQuery(string(w.Body))
	return err == nil && stream.Signed(l.sender.Account.Token, w.Header.Get("X-Twilio-Signature"), w.URL, form)
}

// Read implements inbox.Line.
func (l *twilioLine) Read(query string, body []byte) ([]inbox.Event, error) {
	asked, err := url.ParseQuery(query)
	if err != nil {
		return nil, fmt.Errorf("read webhook's query: %w", err)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, fmt.Errorf("read webhook: %w", err)
	}
	told, err := twilio.ParseMessage(asked, form)
	return happened(told), err
}

// composed is a message as Twilio takes it: it fetches files of ours by their links.
func (l *twilioLine) composed(ctx context.Context, m inbox.Outgoing) (channel.Outgoing, error) {
	o, err := written(m)
	if err == nil && m.Details.Template != nil {
		o.Content, err = contentOf(m.Details.Template)
	}
	if l.sender.Status == "" { // Twilio cannot bring it back
		o.Tag = ""
	}
	for _, a := range attachments(&o) {
		var f inbox.File
		ours := false
		if err == nil {
			f, ours, err = ourFile(ctx, m, a)
		}
		switch {
		case err != nil:
			return o, err
		case ours && f.Link == "":
			return o, channel.Wrong("media.id", "Twilio fetches files itself, and this server does not know its own address: start it with PARLEY_PUBLIC_URL")
		case ours:
			a.ID, a.Link, a.Filename = "", f.Link, ""
		}
	}
	return o, err
}

// Check implements inbox.Line.
func (l *twilioLine) Check(ctx context.Context, m inbox.Outgoing) error {
	o, err := l.composed(ctx, m)
	if err == nil {
		err = l.sender.CheckMessage(&o)
	}
	return unsentFor(err)
}

// Longest implements inbox.Line.
func (l *twilioLine) Longest() int { return twilio.LongestText }

// Send implements inbox.Line.
func (l *twilioLine) Send(ctx context.Context, m inbox.Outgoing) (string, error) {
	if m.Note != nil { // Twilio would have to fetch it from an address of ours
		return "", inbox.ErrNoNotes
	}
	o, err := l.composed(ctx, m)
	if err == nil {
		err = o.Check(m.Last, time.Now())
	}
	if err != nil {
		return "", unsentFor(err)
	}
	got, err := l.sender.Send(ctx, &o)
	return got.ID, unsentFor(err)
}

// Fetch implements inbox.Line.
func (l *twilioLine) Fetch(ctx context.Context, _, data string, to io.Writer) error {
	m, err := mediaOf(data)
	if err != nil {
		return err
	}
	return unfetched(l.sender.Account.Fetch(ctx, m, to))
}

// Seen implements inbox.Line: Twilio has no read marks.
func (l *twilioLine) Seen(context.Context, string, bool) error { return nil }

// twilioChannel looks at a number of WhatsApp at Twilio.
func (p *probes) twilioChannel(ctx context.Context, b store.Bot, l *twilioLine) []bots.Check {
	a, number := l.sender.Account, l.sender.From
	no := (*pipeline.Refusal)(nil)
	switch status, err := a.Standing(ctx); {
	case errors.As(err, &no):
		return []bots.Check{bots.Fail("account", a.SID, fmt.Sprintf("Twilio refuses the account: %s (%d)", no.Message, no.Code), "see that its SID and auth token are right")}
	case err != nil:
		return []bots.Check{bots.Fail("account", a.SID, "Twilio does not answer", "try again; see that this server reaches api.twilio.com")}
	case status != "active":
		return []bots.Check{bots.Fail("account", a.SID, "the account is "+status, "see Twilio's console: https://console.twilio.com")}
	}
	checks := []bots.Check{bots.Pass("account", a.SID, "the account is active")}
	r, found, err := a.Registration(ctx, number)
	const senders = "https://console.twilio.com/us1/develop/sms/senders/whatsapp-senders"
	switch {
	case err != nil:
		detail := "Twilio does not say whether it knows the number"
		if e := channel.As(err); e != nil {
			detail += ": " + e.Error()
		}
		return append(checks, bots.Fail("whatsapp", number, detail, "try again"))
	case !found:
		return append(checks, bots.Fail("whatsapp", number, "the account has no such sender of WhatsApp", "register it: "+senders))
	case r.State != "ONLINE":
		checks = append(checks, bots.Fail("whatsapp", number, "the sender is "+strings.ToLower(r.State), "see "+senders))
	default:
		checks = append(checks, bots.Pass("whatsapp", number, "the sender is online"))
	}
	ours := p.messenger.WebhookURL(bots.Twilio, b.ID)
	fix := "set \"a message comes in\" and the status callback of the sender to " + ours + " (POST): " + senders
	switch {
	case ours == "":
		return append(checks, bots.Fail("webhook", "", "this server does not know its own address", "start it with PARLEY_PUBLIC_URL"))
	case r.Webhook != ours:
		return append(checks, bots.Fail("webhook", ours, fmt.Sprintf("the sender's messages go to %q", r.Webhook), fix))
	case r.Method != http.MethodPost:
		return append(checks, bots.Fail("webhook", ours, "the sender's webhook is asked by "+r.Method, fix))
	}
	return append(checks, bots.Pass("webhook", ours, "the sender's messages come here"))
}
