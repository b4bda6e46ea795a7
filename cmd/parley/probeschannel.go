package main

import (
	"context"
	"fmt"
	"strings"

	"parley/control/bots"
	channel "parley/providers/message"
	"parley/providers/whatsapp"
	"parley/store"
)

// ProbeChannel looks at the WhatsApp channel of a bot: its token, its number, and whether what happens there is told to this server.
func (p *probes) ProbeChannel(ctx context.Context, b store.Bot) []bots.Check {
	w := bots.ChannelOf(b)
	line, err := p.channels.Line(b)
	if err != nil {
		return []bots.Check{bots.Fail("whatsapp", "", "the channel is not set up: "+err.Error(), "see config.whatsapp in docs/bots.md")}
	}
	switch l := line.(type) {
	case *metaLine:
		return p.meta(ctx, b, w, l.number)
	case *twilioLine:
		return p.twilioChannel(ctx, b, l)
	}
	return []bots.Check{{Name: "whatsapp", Status: bots.NotSupported, Detail: "this server cannot look at this channel"}}
}

// meta looks at a number of Meta's.
func (p *probes) meta(ctx context.Context, b store.Bot, w *bots.WhatsApp, n *whatsapp.Number) []bots.Check {
	profile, err := n.Profile(ctx)
	if err != nil {
		return []bots.Check{metaRefusal(n.ID, err)}
	}
	checks := []bots.Check{bots.Pass("token", n.ID, "Meta takes the access token for this number"), metaNumber(profile)}
	return append(checks, p.metaWebhook(b, profile), metaSubscription(ctx, w, n))
}

// metaRefusal is why Meta does not tell of a number.
func metaRefusal(id string, err error) bots.Check {
	e := channel.As(err)
	switch {
	case e == nil || e.Retry || e.Reason == channel.Unconnected || e.Reason == channel.Unanswered:
		return bots.Fail("token", id, "Meta does not answer", "try again; see that this server reaches graph.facebook.com")
	case e.Reason == channel.Token || e.Status == 401:
		return bots.Fail("token", id, "Meta refuses the access token: "+e.Error(), "make a token of a system user that does not expire, and put it into the credential of whatsapp")
	case e.Reason == channel.Forbidden:
		return bots.Fail("token", id, "the access token may not use this number: "+e.Error(), "give the token's user the number's account, with whatsapp_business_messaging and whatsapp_business_management")
	}
	return bots.Fail("whatsapp", id, "Meta does not know the number: "+e.Error(), "see that config.whatsapp.phone_number_id is Meta's id of the number, not the number itself, and the token's account has it")
}

// metaNumber is whether a number is ready.
func metaNumber(p whatsapp.Profile) bots.Check {
	about := p.Number
	if p.Name != "" {
		about += " (" + p.Name + ")"
	}
	switch {
	case p.Platform != "" && p.Platform != "CLOUD_API":
		return bots.Fail("whatsapp", about, "the number is not registered at the Cloud API: "+p.Platform, "register it: https://developers.facebook.com/docs/whatsapp/cloud-api/reference/registration")
	case p.Status != "" && p.Status != "CONNECTED":
		return bots.Fail("whatsapp", about, "the number is "+strings.ToLower(p.Status), "see the number's page in WhatsApp Manager: https://business.facebook.com/wa/manage/phone-numbers/")
	case p.Quality == "RED":
		return bots.Fail("whatsapp", about, "many people have blocked or reported the number", "see its quality rating in WhatsApp Manager, and send less that nobody asked for")
	}
	return bots.Pass("whatsapp", about, "the number is connected")
}

// metaWebhook is whether what happens on a number is told to this server.
func (p *probes) metaWebhook(b store.Bot, profile whatsapp.Profile) bots.Check {
	ours := p.messenger.WebhookURL(bots.Meta, b.ID)
	if ours == "" {
		return bots.Fail("webhook", "", "this server does not know its own address", "start it with PARLEY_PUBLIC_URL")
	}
	fix := fmt.Sprintf("in the app's dashboard, WhatsApp, Configuration: set the callback URL to %s with the verify token that GET /api/v1/bots/%s/channel shows, and subscribe to messages", ours, b.ID)
	base, _ := strings.CutSuffix(ours, b.ID)
	switch {
	case profile.Webhook == "":
		return bots.Fail("webhook", ours, "Meta names no webhook for the number", fix)
	case !strings.HasPrefix(profile.Webhook, base): // that of another bot of the same app will do
		return bots.Fail("webhook", ours, fmt.Sprintf("the number's webhook is %q", profile.Webhook), fix)
	}
	return bots.Pass("webhook", profile.Webhook, "the number's webhook leads here")
}

// metaSubscription is whether Meta tells anybody of the account's events.
func metaSubscription(ctx context.Context, w *bots.WhatsApp, n *whatsapp.Number) bots.Check {
	if w.AccountID == "" {
		return bots.Fail("subscription", "", "it is not known whose events are told", "name the WhatsApp Business Account in config.whatsapp.business_account_id")
	}
	apps, err := n.Apps(ctx, w.AccountID)
	if e := channel.As(err); err != nil {
		detail := "Meta does not tell of the account's apps"
		if e != nil {
			detail += ": " + e.Error()
		}
		return bots.Fail("subscription", w.AccountID, detail, "see that config.whatsapp.business_account_id is right, and the token has whatsapp_business_management")
	}
	if len(apps) == 0 {
		return bots.Fail("subscription", w.AccountID, "no app is told of the account's events: nothing comes in",
			"subscribe the token's app: curl -X POST -H \"Authorization: Bearer TOKEN\" https://graph.facebook.com/v23.0/"+w.AccountID+"/subscribed_apps")
	}
	var names []string
	for _, a := range apps {
		names = append(names, a.Name)
	}
	return bots.Pass("subscription", w.AccountID, "the account's events are told to "+strings.Join(names, ", "))
}
