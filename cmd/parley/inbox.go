package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"parley/control/bots"
	"parley/control/inbox"
	"parley/control/lines"
	channel "parley/providers/message"
	"parley/providers/whatsapp"
	"parley/store"
)

// messaging is how bots reach the messaging channels.
type messaging struct {
	WhatsAppBaseURL string `name:"whatsapp-base-url" help:"Server of Meta's Graph API, with its version, by which bots of WhatsApp read and write." default:"https://graph.facebook.com/v23.0" var:"WHATSAPP_BASE_URL"`
}

// newInbox makes what serves the bots of messaging channels.
func (in *construction) newInbox(files inbox.Files) *inbox.Inbox {
	in.channels = &channels{accounts: in.accounts, bots: in.store}
	return inbox.New(inbox.Options{
		Store: in.store, Node: in.boot, Lines: in.channels, Feed: in.feed, Drafter: in.company, Files: files, Voice: in.company, Secret: in.secrets[0], Public: in.cfg.PublicURL, Observe: in.observe.inbox, Log: in.log,
	})
}

// channels are the ways of bots to their messaging channels, by their organisations' credentials. They are an inbox.Lines.
type channels struct {
	accounts *accounts
	bots     store.Bots
	calls    *chatCalls // set before anything is worked off; nil: none are taken

	mu      sync.Mutex
	numbers map[string]*whatsapp.Number // Meta's, by bot: each keeps to the rates that Meta allows it
}

// Line implements inbox.Lines.
func (c *channels) Line(b store.Bot) (inbox.Line, error) {
	w := bots.ChannelOf(b)
	switch {
	case w == nil:
		return nil, errors.New("config.whatsapp is missing")
	case w.Provider == bots.Twilio:
		return checked(c.twilio(b, w))
	}
	return checked(c.meta(b, w))
}

// checked is a line, or none if there is something wrong with it.
func checked[L inbox.Line](l L, err error) (inbox.Line, error) {
	if err != nil {
		return nil, err
	}
	return l, nil
}

// meta is the way to a number of Meta's.
func (c *channels) meta(b store.Bot, w *bots.WhatsApp) (*metaLine, error) {
	_, secret, err := c.accounts.ofVendor(b.Org, lines.WhatsAppApp, w.App)
	if err != nil {
		return nil, fmt.Errorf("the app's secret: %w", err)
	}
	n, err := c.number(b, w)
	if err != nil {
		return nil, err
	}
	return &metaLine{number: n, secret: secret, bot: b, calls: c.calls}, nil
}

// number is a number of Meta's, which is made anew when its settings change.
func (c *channels) number(b store.Bot, w *bots.WhatsApp) (*whatsapp.Number, error) {
	row, token, err := c.accounts.ofVendor(b.Org, lines.WhatsApp, w.Credential)
	if err != nil {
		return nil, fmt.Errorf("the access token: %w", err)
	}
	base := cmp.Or(row.BaseURL, c.accounts.cfg.WhatsAppBaseURL)
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := c.numbers[b.ID]; n != nil && n.ID == w.PhoneNumberID && n.Token == token && n.Base == base {
		return n, nil
	}
	n := &whatsapp.Number{ID: w.PhoneNumberID, Token: token, Base: base}
	if row.BaseURL != "" {
		n.Client = c.accounts.guardedClient()
	}
	if err := n.Check(); err != nil {
		return nil, err
	}
	if c.numbers == nil {
		c.numbers = map[string]*whatsapp.Number{}
	}
	c.numbers[b.ID] = n
	return n, nil
}

// ofVendor is the credential of a vendor that something names, else the organisation's default one, and its secret. The error may be shown.
func (a *accounts) ofVendor(org, vendor, id string) (store.Credential, string, error) {
	c, ok := a.directory.DefaultCredential(org, vendor)
	if id != "" {
		named, err := a.directory.Credential(org, id)
		c, ok = named, err == nil && named.Vendor == vendor
	}
	if !ok {
		return store.Credential{}, "", fmt.Errorf("there is no such credential: add one of %s with POST /api/v1/credentials", vendor)
	}
	secret, err := a.open(c)
	if err != nil {
		a.log.Warn("a credential cannot be opened", "org", org, "credential", c.ID, "error", err)
		return store.Credential{}, "", fmt.Errorf("credential %s cannot be opened: enter its secret anew", c.Name)
	}
	return c, secret, nil
}

// A metaLine is a bot's way to WhatsApp by Meta's Cloud API.
type metaLine struct {
	number *whatsapp.Number
	secret string // the app's
	bot    store.Bot
	calls  *chatCalls
}

// Signed implements inbox.Line.
func (l *metaLine) Signed(w inbox.Webhook) bool {
	return whatsapp.Signed(l.secret, w.Header.Get(whatsapp.SignatureHeader), w.Body)
}

// Read implements inbox.Line. Calls are taken at once, and are nothing that is written down: they make records of their own. Tasks that have waited
// for somebody's leave to call are told of it.
func (l *metaLine) Read(_ string, body []byte) ([]inbox.Event, error) {
	told, err := whatsapp.Parse(body)
	for _, e := range told {
		switch {
		case e.Call != nil:
			l.calls.take(l.bot, e)
		case e.Message != nil && e.Message.Permission != nil:
			l.calls.permitted(l.bot, e)
		}
	}
	return happened(told), err
}

// composed is a message as Meta takes it, but that its files are still ours.
func (l *metaLine) composed(m inbox.Outgoing) (channel.Outgoing, error) {
	o, err := written(m)
	if err == nil && m.Details.Template != nil {
		o.Template, err = templateOf(m.Details.Template)
	}
	return o, err
}

// Check implements inbox.Line.
func (l *metaLine) Check(ctx context.Context, m inbox.Outgoing) error {
	o, err := l.composed(m)
	if err != nil {
		return unsentFor(err)
	}
	for _, a := range attachments(&o) {
		f, ours, err := ourFile(ctx, m, a)
		if err == nil && ours {
			err = whatsapp.CheckFile(upload(f, nil))
		}
		if err != nil {
			return unsentFor(err)
		}
	}
	return unsentFor(whatsapp.Check(&o))
}

// Longest implements inbox.Line.
func (l *metaLine) Longest() int { return whatsapp.LongestText }

// Send implements inbox.Line.
func (l *metaLine) Send(ctx context.Context, m inbox.Outgoing) (string, error) {
	o, err := l.composed(m)
	if err == nil {
		err = o.Check(m.Last, time.Now())
	}
	if err == nil {
		err = l.uploaded(ctx, m, &o)
	}
	if err != nil {
		return "", unsentFor(err)
	}
	got, err := l.number.Send(ctx, &o)
	return got.ID, unsentFor(err)
}

// uploaded gives Meta the files of a message.
func (l *metaLine) uploaded(ctx context.Context, m inbox.Outgoing, o *channel.Outgoing) error {
	if m.Note != nil {
		id, err := l.number.Upload(ctx, whatsapp.File{
			Kind: channel.Audio, Type: "audio/ogg; codecs=opus", Name: "note.ogg", Size: int64(len(m.Note)), Content: bytes.NewReader(m.Note),
		})
		if err != nil {
			return unkept(err)
		}
		o.Text, o.Media = "", &channel.Attachment{Kind: channel.Audio, ID: id, Voice: true}
	}
	for _, a := range attachments(o) {
		f, ours, err := ourFile(ctx, m, a)
		if err != nil || !ours {
			if err != nil {
				return err
			}
			continue
		}
		if a.ID, err = l.upload(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

func (l *metaLine) upload(ctx context.Context, f inbox.File) (string, error) {
	content, err := unshelve(ctx, f)
	if err != nil {
		return "", err
	}
	defer content.Close() //nolint:errcheck // it was only read
	id, err := l.number.Upload(ctx, upload(f, content))
	return id, unkept(err)
}

// unkept is why Meta has not taken a file. Whether it has it all the same or not, nothing was sent: it may be given again.
func unkept(err error) error {
	if e := channel.As(err); e != nil && e.Unsure() {
		return &inbox.Refusal{Message: "the file: " + e.Error(), Again: true, After: e.After}
	}
	return err
}

// Fetch implements inbox.Line.
func (l *metaLine) Fetch(ctx context.Context, kind, data string, to io.Writer) error {
	m, err := mediaOf(data)
	if err != nil {
		return err
	}
	return unfetched(l.number.Fetch(ctx, channel.Kind(kind), m, to))
}

// unfetched is an error of a file in the inbox's words. One that is there no more is gone for good.
func unfetched(err error) error {
	e := channel.As(err)
	if e == nil {
		return err
	}
	if e.Reason == channel.MediaGone {
		return &inbox.Refusal{Message: "the file is there no more: " + e.Error()}
	}
	return &inbox.Refusal{Message: e.Error(), Again: e.Retry || e.Reason == channel.Unconnected || e.Reason == channel.Unavailable || e.Reason == channel.Token, After: e.After}
}

// mediaOf is the file that a message's details tell of.
func mediaOf(data string) (channel.Media, error) {
	d, err := bots.ReadDetails(data)
	if err != nil || d.Media == nil {
		return channel.Media{}, &inbox.Refusal{Message: "the message has no file"}
	}
	f := d.Media
	return channel.Media{ID: f.ID, URL: f.URL, Type: f.Type, SHA256: f.SHA256, Filename: f.Filename, Voice: f.Voice}, nil
}

// Seen implements inbox.Line.
func (l *metaLine) Seen(ctx context.Context, external string, typing bool) error {
	return l.number.Read(ctx, external, typing)
}

// happened are the events of a channel in the inbox's words.
func happened(told []channel.Event) (all []inbox.Event) {
	for _, e := range told {
		at := cmp.Or(e.Line.ID, e.Line.Number)
		switch {
		case e.Message != nil:
			all = append(all, inbox.Event{At: at, Message: incoming(e)})
		case e.Status != nil:
			all = append(all, inbox.Event{At: at, Receipt: receipt(e)})
		}
	}
	return all
}

func incoming(e channel.Event) *inbox.Incoming {
	m := e.Message
	in := &inbox.Incoming{ID: m.ID, Name: m.From.Name, Type: string(m.Kind), Text: wording(m), Data: details(m), Sent: e.At}
	in.File = m.Media != nil
	in.Voice = m.Kind == channel.Audio && m.Media != nil && strings.HasPrefix(m.Media.Type, "audio/ogg")
	switch m.Kind {
	case channel.Reacted, channel.System, channel.Unsupported, channel.Permitted:
		in.Quiet = true
	}
	if m.Group != "" { // to which nothing of ours is sent
		in.Peers, in.Voice, in.Quiet = []string{"group " + m.Group}, false, true
		return in
	}
	parties := []channel.Party{m.From}
	if m.Change != nil { // who has another number is in the thread of before
		parties = append(parties, m.Change.New, m.Change.Old)
	}
	for _, p := range parties {
		for _, name := range []string{p.Number, p.User} {
			if name != "" {
				in.Peers = append(in.Peers, name)
			}
		}
	}
	return in
}

// wording is what people read of a message.
func wording(m *channel.Incoming) string {
	switch {
	case m.Text != "":
		return m.Text
	case m.Place != nil:
		p := m.Place
		at := []string{p.Name, p.Address, fmt.Sprintf("%.6f, %.6f", p.Latitude, p.Longitude)}
		return strings.Join(strings.FieldsFunc(strings.Join(at, "\n"), func(r rune) bool { return r == '\n' }), ", ")
	case len(m.Cards) > 0:
		var all []string
		for _, c := range m.Cards {
			line := c.Name.Full
			for _, p := range c.Phones {
				line += " " + p.Phone
			}
			all = append(all, line)
		}
		return strings.Join(all, "\n")
	case m.Reaction != nil:
		return m.Reaction.Emoji
	case m.Order != nil:
		all := []string{m.Order.Note}
		for _, i := range m.Order.Items {
			all = append(all, fmt.Sprintf("%d x %s at %s %s", i.Quantity, i.Product, i.Price, i.Currency))
		}
		return strings.TrimSpace(strings.Join(all, "\n"))
	case m.Change != nil:
		return m.Change.Note
	}
	return ""
}

// details are what a message has besides its words, for those who show it.
func details(m *channel.Incoming) string {
	all := map[string]any{}
	if f := m.Media; f != nil {
		d := bots.FileDetails{ID: f.ID, Type: f.Type, Filename: f.Filename, SHA256: f.SHA256, Voice: f.Voice}
		if d.ID == "" {
			d.URL = f.URL
		}
		all["media"] = d
	}
	if p := m.Place; p != nil {
		all["place"] = map[string]any{"latitude": p.Latitude, "longitude": p.Longitude, "name": p.Name, "address": p.Address, "url": p.URL}
	}
	if c := m.Choice; c != nil {
		all["choice"] = map[string]any{"id": c.ID, "title": c.Title, "description": c.Description}
	}
	if f := m.Form; f != nil && f.Data != nil {
		all["form"] = f.Data
	}
	if p := m.Permission; p != nil {
		all["permission"] = map[string]any{"granted": p.Granted, "permanent": p.Permanent}
	}
	if o := m.Order; o != nil {
		items := make([]map[string]any, len(o.Items))
		for i, one := range o.Items {
			items[i] = map[string]any{"product": one.Product, "quantity": one.Quantity, "price": one.Price.String(), "currency": one.Currency}
		}
		all["order"] = map[string]any{"catalog": o.Catalog, "note": o.Note, "items": items}
	}
	if r := m.Reaction; r != nil {
		all["reaction"] = map[string]any{"message": r.Message, "emoji": r.Emoji}
	}
	if q := m.Quote; q != nil && q.Message != "" {
		all["quote"] = map[string]any{"message": q.Message}
	}
	if q := m.Quote; q != nil && q.Product != "" {
		all["product"] = map[string]any{"catalog": q.Catalog, "id": q.Product}
	}
	if r := m.Referral; r != nil {
		all["referral"] = map[string]any{"url": r.URL, "type": r.Type, "source": r.Source, "headline": r.Headline, "body": r.Body}
	}
	if len(m.Errors) > 0 {
		all["error"] = m.Errors[0].Error()
	}
	if len(all) == 0 {
		return ""
	}
	text, err := json.Marshal(all)
	if err != nil { // a form whose answers are no JSON
		return ""
	}
	return string(text)
}

func receipt(e channel.Event) *inbox.Receipt {
	s := e.Status
	r := &inbox.Receipt{ID: s.Message, Tag: s.Tag, At: e.At, Status: map[channel.State]store.MessageStatus{
		channel.Accepted: store.MessagePending, channel.Sent: store.MessageSent, channel.Delivered: store.MessageDelivered, channel.Read: store.MessageRead,
		channel.Played: store.MessagePlayed, channel.Failed: store.MessageFailed,
	}[s.State]}
	for _, err := range s.Errors {
		r.Error = strings.TrimPrefix(r.Error+"; "+err.Error(), "; ")
	}
	return r
}
