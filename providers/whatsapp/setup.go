package whatsapp

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"parley/providers/message"
)

// A Profile is what Meta knows of a number.
type Profile struct {
	ID       string
	Number   string
	Name     string // verified
	Quality  string // GREEN, YELLOW, RED, UNKNOWN
	Verified bool   // its code was entered
	Status   string // CONNECTED, PENDING, FLAGGED, RESTRICTED, ...; "": Meta has not said
	Platform string // CLOUD_API, ON_PREMISE, NOT_APPLICABLE: not registered
	Webhook  string // where Meta tells of its events; "": Meta has not said
}

// Profile asks about the number: that it answers proves token and id to fit.
func (n *Number) Profile(ctx context.Context) (Profile, error) {
	const fields = "id,display_phone_number,verified_name,quality_rating,code_verification_status,status,platform_type,webhook_configuration"
	var told struct {
		ID       loose  `json:"id"`
		Number   string `json:"display_phone_number"`
		Name     string `json:"verified_name"`
		Quality  string `json:"quality_rating"`
		Code     string `json:"code_verification_status"`
		Status   string `json:"status"`
		Platform string `json:"platform_type"`
		Webhook  struct {
			Number      string `json:"phone_number"`
			Account     string `json:"whatsapp_business_account"`
			Application string `json:"application"`
		} `json:"webhook_configuration"`
	}
	err := n.patiently(ctx, func() error { return n.ask(ctx, http.MethodGet, "/"+n.ID+"?fields="+fields, nil, &told) })
	if err != nil {
		return Profile{}, err
	}
	p := Profile{
		ID: string(told.ID), Number: message.E164(strings.NewReplacer(" ", "", "-", "", "(", "", ")", "").Replace(told.Number)), Name: told.Name,
		Quality: told.Quality, Verified: told.Code == "VERIFIED", Status: told.Status, Platform: told.Platform,
	}
	for _, at := range []string{told.Webhook.Number, told.Webhook.Account, told.Webhook.Application} { // the nearest one counts
		if p.Webhook == "" {
			p.Webhook = at
		}
	}
	return p, nil
}

// An App is one that is told of an account's events.
type App struct {
	ID, Name, Link string
	Webhook        string // in place of the app's own; "": none
}

// Apps are those that are told of the events of a WhatsApp Business Account. If there are none, nothing comes in.
func (n *Number) Apps(ctx context.Context, account string) ([]App, error) {
	if account == "" || strings.Trim(account, "0123456789") != "" {
		return nil, message.Wrong("account", "%q: want digits", account)
	}
	var told struct {
		Data []struct {
			App struct {
				ID   loose  `json:"id"`
				Name string `json:"name"`
				Link string `json:"link"`
			} `json:"whatsapp_business_api_data"`
			Webhook string `json:"override_callback_uri"`
		} `json:"data"`
	}
	err := n.patiently(ctx, func() error { return n.ask(ctx, http.MethodGet, "/"+account+"/subscribed_apps", nil, &told) })
	if err != nil {
		return nil, err
	}
	var all []App
	for _, a := range told.Data {
		all = append(all, App{string(a.App.ID), a.App.Name, a.App.Link, a.Webhook})
	}
	return all, nil
}

// Subscribe has the token's own app told of the events of an account.
func (n *Number) Subscribe(ctx context.Context, account string) error {
	if account == "" || strings.Trim(account, "0123456789") != "" {
		return message.Wrong("account", "%q: want digits", account)
	}
	return n.patiently(ctx, func() error { return n.did(ctx, http.MethodPost, "/"+account+"/subscribed_apps", nil) })
}

// A Ticket is what a token is good for.
type Ticket struct {
	App     string // its id
	Valid   bool
	Expires time.Time // zero: it does not
	Scopes  []string  // whatsapp_business_messaging is needed to send, whatsapp_business_management to look at accounts
	Accuse  string    // what is wrong with it
}

// Ticket asks what the number's own token is good for.
func (n *Number) Ticket(ctx context.Context) (Ticket, error) {
	var told struct {
		Data struct {
			App     loose    `json:"app_id"`
			Valid   bool     `json:"is_valid"`
			Expires loose    `json:"expires_at"`
			Scopes  []string `json:"scopes"`
			Error   struct {
				Message string `json:"message"`
			} `json:"error"`
		} `json:"data"`
	}
	err := n.patiently(ctx, func() error {
		return n.ask(ctx, http.MethodGet, "/debug_token?input_token="+url.QueryEscape(n.Token), nil, &told)
	})
	if err != nil {
		return Ticket{}, err
	}
	d := told.Data
	return Ticket{string(d.App), d.Valid, d.Expires.seconds(), d.Scopes, d.Error.Message}, nil
}

// Calling says whether the number takes calls over the API, and whether it does so by SIP in place of webhooks.
func (n *Number) Calling(ctx context.Context) (enabled, bySIP bool, err error) {
	var told struct {
		Calling struct {
			Status string `json:"status"`
			SIP    struct {
				Status string `json:"status"`
			} `json:"sip"`
		} `json:"calling"`
	}
	if err := n.patiently(ctx, func() error { return n.ask(ctx, http.MethodGet, "/"+n.ID+"/settings", nil, &told) }); err != nil {
		return false, false, err
	}
	return strings.EqualFold(told.Calling.Status, "enabled"), strings.EqualFold(told.Calling.SIP.Status, "enabled"), nil
}
