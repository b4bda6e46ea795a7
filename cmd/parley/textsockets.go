package main

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"parley/control/lines"
	"parley/media/stream"
	"parley/pipeline"
	"parley/providers/callapi"
	"parley/providers/plivo"
)

// textSockets are the carriers whose streams are JSON, besides Twilio and Telnyx.
type textSockets struct {
	PlivoAuthID    string `name:"plivo-auth-id" help:"Plivo account; empty: any with the right signature." var:"PLIVO_AUTH_ID"`
	PlivoAuthToken string `name:"plivo-auth-token" help:"Plivo auth token, which signs webhooks. Empty: only calls by organisations' own accounts are taken, where --public-url is set." var:"PLIVO_AUTH_TOKEN"`

	ExotelStreamAuth string `name:"exotel-stream-auth" help:"User and password, with a colon between them, that the URL of Exotel's applet has. Empty: calls of Exotel's are not taken." placeholder:"USER:PASSWORD" var:"EXOTEL_STREAM_AUTH"`

	SignalWireSigningKey  string `name:"signalwire-signing-key" help:"Signing key of the SignalWire project, which signs webhooks. Empty: only those of organisations' own projects are believed, where --public-url is set." var:"SIGNALWIRE_SIGNING_KEY"`
	SignalWireStreamToken string `name:"signalwire-stream-token" help:"Bearer token of streams that SWML documents ask for. Empty: they are refused." var:"SIGNALWIRE_STREAM_TOKEN"`
}

// leastSecret is how long a secret must be that alone lets streams in.
const leastSecret = 16

// check says what is wrong with it.
func (c *textSockets) check() (bad []error) {
	user, password, _ := strings.Cut(c.ExotelStreamAuth, ":")
	if c.ExotelStreamAuth != "" && (user == "" || len(password) < leastSecret) {
		bad = append(bad, errors.New("--exotel-stream-auth: want user:password, the password of 16 characters or more: nothing else keeps strangers out"))
	}
	if c.SignalWireStreamToken != "" && len(c.SignalWireStreamToken) < leastSecret {
		bad = append(bad, errors.New("--signalwire-stream-token: want 16 characters or more: nothing else keeps strangers out"))
	}
	return bad
}

// listenText takes the calls of those of the carriers that are set up.
func (s *server) listenText() error {
	c := s.cfg.textSockets
	own := s.cfg.PublicURL != "" // else no carrier could tell what becomes of a call of an organisation's own account
	if !own && c.PlivoAuthToken == "" && c.ExotelStreamAuth == "" && c.SignalWireSigningKey == "" && c.SignalWireStreamToken == "" {
		return nil
	}
	master, err := s.cfg.master(s.cfg.DataDir)
	if err != nil {
		return err
	}
	secret := []byte(master)
	if own || c.PlivoAuthToken != "" {
		p := &stream.Plivo{
			Host: s.host("plivo"), AuthID: c.PlivoAuthID, AuthToken: c.PlivoAuthToken, Secret: secret, Admit: s.expected, Progress: s.progress(plivo.State),
			Lead: s.leads(lines.Plivo), Accounts: s.signed(lines.Plivo),
		}
		s.doors = append(s.doors, door{p, &p.Host})
	}
	if user, password, ok := strings.Cut(c.ExotelStreamAuth, ":"); ok {
		e := &stream.Exotel{Host: s.host("exotel"), User: user, Password: password, Secret: secret, Token: pipeline.TokenParam}
		if s.exotel != nil {
			e.Order, e.Admit = s.whose(s.exotel), s.expected
			e.Progress = func(ctx context.Context, u stream.StatusUpdate) {
				s.exotel.note(u.Params.Get(pipeline.TokenParam), u.CallSID)
				s.progress(callapi.State)(ctx, u)
			}
		}
		s.doors = append(s.doors, door{e, &e.Host})
	}
	if own || c.SignalWireSigningKey != "" || c.SignalWireStreamToken != "" {
		w := &stream.SignalWire{
			Host: s.host("signalwire"), SigningKey: c.SignalWireSigningKey, Bearer: c.SignalWireStreamToken, Secret: secret, Admit: s.expected,
			Progress: s.progress(callapi.State), Lead: s.leads(lines.SignalWire), Accounts: s.signed(lines.SignalWireSigning),
		}
		s.doors = append(s.doors, door{w, &w.Host})
	}
	return nil
}

// leads serves the documents that lead calls of a carrier on.
func (s *server) leads(vendor string) http.Handler { return restOf(vendor).leader(s.cfg) }

// signed says by whose secrets at a vendor webhooks of an account may be signed.
func (s *server) signed(vendor string) func(account string) []stream.Account {
	return func(account string) []stream.Account { return s.office.accounts.signers(vendor, account) }
}
