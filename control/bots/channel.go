package bots

import (
	"cmp"
	"context"
	"encoding/json"
	"regexp"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/envelope"
	"parley/store"
)

// The providers of WhatsApp.
const (
	Meta   = "meta"   // the Cloud API
	Twilio = "twilio" // Twilio's Messages API
)

// WhatsApp is what the config of a whatsapp or whatsapp_voice bot says of its channel, as config.whatsapp.
type WhatsApp struct {
	Provider      string `json:"provider"`            // empty: meta
	PhoneNumberID string `json:"phone_number_id"`     // Meta's id of the number
	AccountID     string `json:"business_account_id"` // of the WhatsApp Business Account, to be asked whether it tells us of its events
	Number        string `json:"number"`              // in E.164: the sender at Twilio
	Credential    string `json:"credential_id"`       // of whatsapp (an access token) or twilio; empty: the organisation's default one
	App           string `json:"app_credential_id"`   // of whatsapp_app (the app's secret); empty: the organisation's default one
}

// Is says whether a name of our end is that of this channel: a phone_number_id or a number in E.164.
func (w *WhatsApp) Is(at string) bool {
	return w != nil && at != "" && (at == w.PhoneNumberID || at == w.Number)
}

// ChannelOf is what a bot's config says of its channel; nil: nothing, or it is a bot of calls.
func ChannelOf(b store.Bot) *WhatsApp {
	if b.Type != store.WhatsAppBot && b.Type != store.WhatsAppVoiceBot {
		return nil
	}
	w := readConfig(Object(b.Config)).WhatsApp
	if w != nil {
		w.Provider = cmp.Or(w.Provider, Meta)
	}
	return w
}

// NoCaller says why a bot cannot call people on its channel; empty: it can.
func NoCaller(b store.Bot) string {
	switch w := ChannelOf(b); {
	case w == nil:
		return "is not a bot of WhatsApp"
	case w.Provider != Meta:
		return "is not at Meta: calls on WhatsApp go by Meta's numbers alone"
	case w.Number == "":
		return "needs its number, from which it calls: config.whatsapp.number"
	}
	return ""
}

var allDigits = regexp.MustCompile(`^\d{5,30}$`)

// checkWhatsApp names what is wrong with config.whatsapp.
func checkWhatsApp(part json.RawMessage, say func(field, message string)) {
	var w WhatsApp
	if part == nil || string(part) == "null" {
		return
	}
	if part[0] != '{' || json.Unmarshal(part, &w) != nil {
		say("config.whatsapp", "must be an object of texts: provider, phone_number_id, business_account_id, number, credential_id, app_credential_id")
		return
	}
	switch w.Provider {
	case "", Meta:
		if !allDigits.MatchString(w.PhoneNumberID) {
			say("config.whatsapp.phone_number_id", "must be Meta's id of the number, which is digits")
		}
	case Twilio:
		if !envelope.E164(w.Number) {
			say("config.whatsapp.number", envelope.NoE164)
		}
	default:
		say("config.whatsapp.provider", "must be meta or twilio")
	}
	if w.AccountID != "" && !allDigits.MatchString(w.AccountID) {
		say("config.whatsapp.business_account_id", "must be the id of a WhatsApp Business Account, which is digits")
	}
	if w.Provider != Twilio && w.Number != "" && !envelope.E164(w.Number) {
		say("config.whatsapp.number", envelope.NoE164)
	}
}

// A Messenger serves the channels of bots: an inbox.Inbox.
type Messenger interface {
	// Write keeps what a person has written in a thread that is no call, to be sent at once. A *envelope.Fault says why it cannot be, and names
	// the field that is wrong. The customer's last message must not be older than 24 hours, but for a template.
	Write(ctx context.Context, c store.Conversation, w Writing) (store.ThreadMessage, error)
	// Begin is the conversation of a bot with somebody who is known by a number in E.164, and perhaps has never written.
	Begin(ctx context.Context, b store.Bot, number, name string) (store.Conversation, error)
	// VerifyToken is what Meta must show before it is told that a bot's webhook is ours.
	VerifyToken(bot string) string
	// WebhookURL is where a bot's channel is to send what happens; empty: this server does not know its own address.
	WebhookURL(provider, bot string) string
}

// Channel is what whoever sets up a bot's channel must know.
type Channel struct {
	BotID       string  `json:"bot_id" format:"uuid"`
	Provider    *string `json:"provider" enum:"meta,twilio" doc:"Of config.whatsapp; null: the bot has no channel."`
	WebhookURL  *string `json:"webhook_url" doc:"Where the channel is to send messages and statuses; null: it is not known, since the server was started without PARLEY_PUBLIC_URL." example:"https://voice.example.com/whatsapp/meta/b1f2c3d4-5678-90ab-cdef-1234567890ab"`
	VerifyToken *string `json:"verify_token" doc:"For Meta, beside the callback URL; null: of another provider."`
}

// TransformSchema implements huma.SchemaTransformer.
func (Channel) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	envelope.OrNull(s, "provider")
	return s
}

// Channel handles GET /bots/{id}/channel.
func (h *Bots) Channel(ctx context.Context, in *envelope.ID) (*envelope.Bare[Channel], error) {
	b, err := h.bot(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if h.Messenger == nil {
		return nil, envelope.Busy("this server serves no messaging channels", nil)
	}
	c := Channel{BotID: b.ID}
	if w := ChannelOf(b); w != nil {
		c.Provider, c.WebhookURL = &w.Provider, envelope.Optional(h.Messenger.WebhookURL(w.Provider, b.ID))
		if w.Provider == Meta {
			c.VerifyToken = envelope.Optional(h.Messenger.VerifyToken(b.ID))
		}
	}
	return &envelope.Bare[Channel]{Body: c}, nil
}
