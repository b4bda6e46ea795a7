package main

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"parley/control/lines"
	"parley/media"
	"parley/media/stream"
	"parley/pipeline"
	"parley/providers/callapi"
	"parley/providers/exotel"
	"parley/providers/plivo"
	"parley/providers/telnyx"
	"parley/providers/twilio"
	"parley/providers/vonage"
	"parley/store"
)

// dialling are the settings of accounts, besides Twilio's, by which this server places calls.
type dialling struct {
	DialCarrier string `help:"By whose account calls are placed where no number and no organisation names one: twilio, telnyx, plivo, signalwire, vonage or exotel. Empty: the first of these whose settings are there." enum:",twilio,telnyx,plivo,signalwire,vonage,exotel" default:"" var:"PARLEY_DIAL_CARRIER"`

	TelnyxAccountSID    string `name:"telnyx-account-sid" help:"Id of the Telnyx account, which its webhooks call AccountSid." var:"TELNYX_ACCOUNT_SID"`
	TelnyxAPIKey        string `name:"telnyx-api-key" help:"Key of Telnyx' API, which places calls: they are placed where account, key, application and --public-url are set." var:"TELNYX_API_KEY"`
	TelnyxApplicationID string `name:"telnyx-application-id" help:"Id of the TeXML application that Telnyx places calls by." var:"TELNYX_APPLICATION_ID"`
	TelnyxBaseURL       string `name:"telnyx-base-url" help:"Server of Telnyx' REST API." default:"https://api.telnyx.com" var:"TELNYX_BASE_URL"`

	PlivoBaseURL string `name:"plivo-base-url" help:"Server of Plivo's REST API, which places calls where auth id, auth token and --public-url are set." default:"https://api.plivo.com" var:"PLIVO_BASE_URL"`

	SignalWireProjectID string `name:"signalwire-project-id" help:"Id of the SignalWire project, which its webhooks call AccountSid." var:"SIGNALWIRE_PROJECT_ID"`
	SignalWireAPIToken  string `name:"signalwire-api-token" help:"Token of SignalWire's API, which places calls: they are placed where project, token, space and --public-url are set." var:"SIGNALWIRE_API_TOKEN"`
	SignalWireBaseURL   string `name:"signalwire-base-url" help:"Server of the SignalWire space, such as https://example.signalwire.com." var:"SIGNALWIRE_BASE_URL"`

	VonageApplicationID string `name:"vonage-application-id" help:"Id of the Vonage application that calls are placed by." var:"VONAGE_APPLICATION_ID"`
	VonagePrivateKey    string `name:"vonage-private-key" help:"Private key of that application: PEM, or PEM in base64 on one line. Calls are placed where application, key and --public-url are set." var:"VONAGE_PRIVATE_KEY"`
	VonageBaseURL       string `name:"vonage-base-url" help:"Server of Vonage's Voice API." default:"https://api.nexmo.com" var:"VONAGE_BASE_URL"`

	ExotelAccountSID string `name:"exotel-account-sid" help:"Sid of the Exotel account." var:"EXOTEL_ACCOUNT_SID"`
	ExotelAPIKey     string `name:"exotel-api-key" help:"Key of Exotel's API, which places calls: they are placed where account, key, token, flow, --exotel-stream-auth and --public-url are set." var:"EXOTEL_API_KEY"`
	ExotelAPIToken   string `name:"exotel-api-token" help:"Token of Exotel's API." var:"EXOTEL_API_TOKEN"`
	ExotelAppID      string `name:"exotel-app-id" help:"Id of the Exotel flow, with this server's Voicebot applet, that calls are connected to." var:"EXOTEL_APP_ID"`
	ExotelBaseURL    string `name:"exotel-base-url" help:"Server of Exotel's REST API; of accounts in Mumbai https://api.in.exotel.com." default:"https://api.exotel.com" var:"EXOTEL_BASE_URL"`
}

// A restAccount is one at a carrier that is asked by REST: it places calls, and leads live ones elsewhere.
type restAccount interface {
	pipeline.Carrier
	Transfer(ctx context.Context, id string, to pipeline.Onward) error
	Check() error
}

// A restCarrier is such a carrier.
type restCarrier struct {
	vendor string // of credentials, and the Kind of its legs
	lasts  bool   // a call may outlive its stream: the carrier is asked to end it
	stays  bool   // its live calls cannot be led elsewhere

	// user is who tells of calls, of a carrier that signs nothing: its URLs have them; nil: it signs.
	user func(c *config) *url.Userinfo

	voice, status string                                   // where a call asks, and is told of, below the vendor's path; empty: /voice, /status
	document      func(to pipeline.Onward) (string, error) // what leads a call on, of a carrier that takes the URL of it alone

	// account is one that somebody has there. The server's own settings are a credential like any.
	account func(a store.Credential, secret string, at urls, client *http.Client) restAccount
	// house is the server's own, as a credential, and where its API is; an empty account: it has none.
	house func(c *config) (a store.Credential, secret string)
	base  func(c *config) string
}

// urls are where a carrier asks and tells about calls.
type urls struct {
	base, voice, status string
	fallback, answered  string // of Twilio: asked where nobody answers, and told who has answered
	detect              string // of Twilio: how it finds that out; empty: it does not

	lead func(to pipeline.Onward) string // the URL of what leads a call on, where the carrier takes no more
}

// restCarriers are all, in the order in which one is chosen where nothing else is said.
var restCarriers = []restCarrier{
	{
		vendor: lines.Twilio,
		account: func(a store.Credential, secret string, at urls, client *http.Client) restAccount {
			return &twilio.Account{
				SID: a.Account, Token: secret, Base: at.base, Voice: at.voice, Fallback: at.fallback, Status: at.status, Machine: at.answered, Detect: at.detect, Client: client,
			}
		},
		house: func(c *config) (store.Credential, string) {
			return store.Credential{Account: c.TwilioAccountSID}, c.TwilioAuthToken
		},
		base: func(c *config) string { return c.TwilioBaseURL },
	},
	{
		vendor: lines.Telnyx, lasts: true,
		account: func(a store.Credential, secret string, at urls, client *http.Client) restAccount {
			return &telnyx.Account{SID: a.Account, Key: secret, Application: a.Application, Base: at.base, Voice: at.voice, Status: at.status, Client: client}
		},
		house: func(c *config) (store.Credential, string) {
			return store.Credential{Account: c.TelnyxAccountSID, Application: c.TelnyxApplicationID}, c.TelnyxAPIKey
		},
		base: func(c *config) string { return c.TelnyxBaseURL },
	},
	{
		vendor: lines.Plivo, lasts: true, document: plivo.Document,
		account: func(a store.Credential, secret string, at urls, client *http.Client) restAccount {
			if a.ID != "" { // an organisation's: no webhook would say so
				whose := "?" + stream.PlivoAccount + "=" + url.QueryEscape(a.Account)
				at.voice, at.status = at.voice+whose, at.status+whose
			}
			return &plivo.Account{ID: a.Account, Token: secret, Base: at.base, Voice: at.voice, Status: at.status, Lead: at.lead, Client: client}
		},
		house: func(c *config) (store.Credential, string) {
			return store.Credential{Account: c.PlivoAuthID}, c.PlivoAuthToken
		},
		base: func(c *config) string { return c.PlivoBaseURL },
	},
	{
		vendor: lines.SignalWire, document: func(to pipeline.Onward) (string, error) { return callapi.DialXML(to, "Sip", 5, 600) },
		account: func(a store.Credential, secret string, at urls, client *http.Client) restAccount {
			base := strings.TrimRight(at.base, "/") + "/api/laml"
			return &twilio.Account{SID: a.Account, Token: secret, Base: base, Voice: at.voice, Status: at.status, Compatible: true, Lead: at.lead, Client: client}
		},
		house: func(c *config) (store.Credential, string) {
			return store.Credential{Account: c.SignalWireProjectID}, c.SignalWireAPIToken
		},
		base: func(c *config) string { return c.SignalWireBaseURL },
	},
	{
		vendor: lines.Vonage, voice: "/answer", status: "/event",
		account: func(a store.Credential, secret string, at urls, client *http.Client) restAccount {
			return &vonage.Account{Application: a.Account, Key: secret, Base: at.base, Voice: at.voice, Status: at.status, Client: client}
		},
		house: func(c *config) (store.Credential, string) {
			return store.Credential{Account: c.VonageApplicationID}, c.VonagePrivateKey
		},
		base: func(c *config) string { return c.VonageBaseURL },
	},
	{
		vendor: exotelKind, stays: true,
		account: func(a store.Credential, secret string, at urls, client *http.Client) restAccount {
			key, token, _ := strings.Cut(secret, ":")
			return &exotel.Account{SID: a.Account, Key: key, Token: token, App: a.Application, Base: at.base, Status: at.status, Client: client}
		},
		house: func(c *config) (store.Credential, string) {
			return store.Credential{Account: c.ExotelAccountSID, Application: c.ExotelAppID}, c.ExotelAPIKey + ":" + c.ExotelAPIToken
		},
		base: func(c *config) string { return c.ExotelBaseURL },
		user: func(c *config) *url.Userinfo {
			user, password, _ := strings.Cut(c.ExotelStreamAuth, ":")
			return url.UserPassword(user, password)
		},
	},
}

// restOf is the carrier of a vendor, or of a kind of legs; nil: it is none that is asked by REST.
func restOf(vendor string) *restCarrier {
	for i := range restCarriers {
		if restCarriers[i].vendor == vendor {
			return &restCarriers[i]
		}
	}
	return nil
}

// at is where a carrier asks this server, and where it is asked itself.
func (r *restCarrier) at(c *config, base string) urls {
	public := strings.TrimRight(c.PublicURL, "/") + "/" + r.vendor
	at := urls{
		base: cmp.Or(base, r.base(c)), voice: public + cmp.Or(r.voice, "/voice"), status: public + cmp.Or(r.status, "/status"), fallback: public + "/fallback",
		answered: public + "/answered", detect: map[string]string{"start": "Enable", "end": "DetectMessageEnd"}[c.TwilioDetect],
	}
	if l := r.leader(c); l != nil {
		at.lead = l.Lead
	}
	if u, err := url.Parse(at.status); err == nil && r.user != nil {
		u.User = r.user(c)
		at.status = u.String()
	}
	return at
}

// leader is who leads calls on by documents' URLs; nil: the carrier needs none, or there is no secret to seal them with, which keeps the server from
// starting.
func (r *restCarrier) leader(c *config) *callapi.Leader {
	if r.document == nil {
		return nil
	}
	secret, err := c.master(c.DataDir)
	if err != nil {
		return nil
	}
	return &callapi.Leader{URL: strings.TrimRight(c.PublicURL, "/") + "/" + r.vendor + "/lead", Secret: []byte(secret), Document: r.document}
}

// restHouse are the server's own accounts, by their kind. Those whose settings are not all there are named in the log.
func (c *config) restHouse(log *slog.Logger) map[string]restAccount {
	all := map[string]restAccount{}
	for _, r := range restCarriers {
		house, secret := r.house(c)
		if house.Account == "" {
			continue
		}
		a := r.account(house, secret, r.at(c, ""), nil)
		if err := a.Check(); err != nil {
			log.Warn("no calls are placed: account, secret and public URL are needed", "carrier", r.vendor, "error", err)
			continue
		}
		all[r.vendor] = a
	}
	return all
}

// diallingKind is the kind of the carrier by which the server's own calls are placed, of those that it has; empty: it has none.
func (c *config) diallingKind(house map[string]restAccount) string {
	for _, r := range restCarriers {
		if _, ok := house[r.vendor]; ok && (c.DialCarrier == "" || c.DialCarrier == r.vendor) {
			return r.vendor
		}
	}
	return ""
}

// carrierCredential is the credential by which an organisation's calls from a number are placed, of one carrier or, if kind is empty, of any; false:
// it has none.
func (a *accounts) carrierCredential(org, from, kind string) (store.Credential, bool) {
	if n, _ := a.directory.Number(org, from); n.Credential != "" {
		if c, err := a.directory.Credential(org, n.Credential); err == nil && (kind == "" || c.Vendor == kind) {
			return c, true
		}
	}
	for _, r := range restCarriers {
		if c, ok := a.directory.DefaultCredential(org, r.vendor); ok && (kind == "" || c.Vendor == kind) {
			return c, true
		}
	}
	return store.Credential{}, false
}

// LegOf is the kind of the legs that calls by a credential come in by; empty: it is not known.
func (a *accounts) legOf(org, id string) string {
	c, _ := a.directory.Credential(org, id)
	return c.Vendor
}

// hangUpByREST has the carrier end a call whose stream is over, where it may outlive it. One that was led elsewhere is to.
func (s *server) hangUpByREST(info media.Info, why media.Cause) {
	r := restOf(info.Kind)
	if r == nil || !r.lasts || !s.byREST(info) || why == media.CauseTransfer || why == media.CauseCaller {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	org := ""
	if len(info.Owners) > 0 { // all of them have the same account
		org = info.Owners[0]
	}
	account, err := s.account(org, info)
	if err == nil {
		err = account.HangUp(ctx, info.ID)
	}
	if err != nil {
		s.log.Warn("a carrier is not asked to end a call", "carrier_id", info.ID, "error", err)
	}
}
