package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"parley/control/directory"
	"parley/control/lines"
	"parley/control/suppliers"
	"parley/control/vault"
	"parley/media/stream"
	"parley/pipeline"
	"parley/providers/chat"
	"parley/providers/httptool"
	"parley/store"
)

// accounts are what organisations have of their own at carriers and vendors: from the directory, which is in memory, and opened by the
// vault. It is a dialer.Accounts.
//
//	directory (sealed) ──▶ vault ──▶ signers: who has signed a webhook      Carrier: who places a call
//	                                 own ──▶ players: who hears, thinks and speaks on an organisation's calls
type accounts struct {
	cfg       *config
	directory *directory.Directory
	vault     *vault.Vault
	gate      *httptool.Gate
	guarded   *http.Transport // to servers that organisations have named
	log       *slog.Logger

	trunk func(org, id string) (pipeline.Carrier, error)  // by SIP; nil: this server has none
	chat  func(org, bot string) (pipeline.Carrier, error) // on WhatsApp
}

func newAccounts(c *config, d *directory.Directory, v *vault.Vault, log *slog.Logger) (*accounts, error) {
	gate, err := httptool.NewGate(c.CredentialsAllow)
	if err != nil {
		return nil, usageError{fmt.Errorf("--credentials-allow: %w", err)}
	}
	guarded := gate.Transport()
	guarded.MaxConnsPerHost = 0 // each call may need one
	return &accounts{cfg: c, directory: d, vault: v, gate: gate, guarded: guarded, log: log}, nil
}

func (a *accounts) close() { a.guarded.CloseIdleConnections() }

// verifier asks vendors whether secrets work.
func (a *accounts) verifier() *lines.Verifier { return a.cfg.verifier(a.guarded) }

// verifier asks vendors where this server does, and organisations' own servers by a guarded way.
func (c *config) verifier(guarded http.RoundTripper) *lines.Verifier {
	bases := map[string]string{
		lines.Twilio: c.TwilioBaseURL, lines.Telnyx: c.TelnyxBaseURL, lines.Plivo: c.PlivoBaseURL, lines.SignalWire: c.SignalWireBaseURL, lines.Vonage: c.VonageBaseURL,
		lines.WhatsApp: c.WhatsAppBaseURL, lines.WhatsAppApp: c.WhatsAppBaseURL,
	}
	for _, e := range table {
		if s, _ := suppliers.Of(e.name); e.account != nil && s.Probe != nil && !s.Probe.Apart {
			bases[e.name] = *e.account(c).base
		}
	}
	return &lines.Verifier{Bases: bases, Guarded: &http.Client{Transport: guarded}}
}

// open is a credential's secret.
func (a *accounts) open(c store.Credential) (string, error) {
	secret, err := a.vault.Open(c.Sealed, vault.PlaceOf(store.CredentialSecret, c.Org, c.ID))
	if err != nil {
		return "", fmt.Errorf("open credential %s: %w", c.ID, err)
	}
	return secret, nil
}

// Account implements dialer.Accounts: the number's account, else the organisation's default, else the server's. Another node may have SIP where
// this one has none.
func (a *accounts) Account(org, from string) (string, error) {
	n, _ := a.directory.Number(org, from)
	if n.Trunk != "" && a.trunk == nil && !a.cfg.shared() {
		return "", errNoSIP
	}
	if n.Trunk != "" {
		return store.TrunkAccount + n.Trunk, nil
	}
	if a.cfg.PublicURL == "" { // no carrier could tell what becomes of a call
		return "", nil
	}
	if n.Credential != "" {
		return n.Credential, nil
	}
	c, _ := a.carrierCredential(org, from, "")
	return c.ID, nil
}

// Carrier implements dialer.Accounts. An account that is not known may have been made on another node just now.
func (a *accounts) Carrier(org, id string) (pipeline.Carrier, error) {
	if trunk, ok := strings.CutPrefix(id, store.TrunkAccount); ok {
		if a.trunk == nil {
			return nil, errNoSIP
		}
		return a.trunk(org, trunk)
	}
	if bot, ok := strings.CutPrefix(id, store.ChatAccount); ok {
		return a.chat(org, bot)
	}
	c, err := a.directory.Credential(org, id)
	if err != nil {
		return nil, fmt.Errorf("%w: the credential that the call is to be placed by is not known: %w", store.ErrUnavailable, err)
	}
	return a.rest(c)
}

// rest is the account of a credential, at a carrier that is asked by REST.
func (a *accounts) rest(c store.Credential) (restAccount, error) {
	r := restOf(c.Vendor)
	if r == nil {
		return nil, fmt.Errorf("use credential %s: %s is no carrier", c.ID, c.Vendor)
	}
	secret, err := a.open(c)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	var client *http.Client
	if c.BaseURL != "" {
		client = a.guardedClient()
	}
	account := r.account(c, secret, r.at(a.cfg, c.BaseURL), client)
	if err := account.Check(); err != nil {
		return nil, fmt.Errorf("use credential %s: %w", c.ID, err)
	}
	return account, nil
}

// guardedClient asks servers that organisations have named. It follows no redirects, which would take the secret along.
func (a *accounts) guardedClient() *http.Client {
	return &http.Client{Transport: a.guarded, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// signers are the accounts at a vendor whose secrets may have signed a webhook.
func (a *accounts) signers(vendor, account string) (all []stream.Account) {
	for _, c := range a.directory.Accounts(vendor, account) {
		secret, err := a.open(*c)
		if err != nil {
			a.log.Warn("a carrier's signature cannot be checked", "org", c.Org, "error", err)
			continue
		}
		all = append(all, stream.Account{Token: secret, Owner: c.Org})
	}
	return all
}

// keys are the public keys that may have signed a webhook of an account at a vendor's.
func (a *accounts) keys(vendor, account string) (all []stream.Account) {
	for _, c := range a.directory.Accounts(vendor, account) {
		all = append(all, stream.Account{Token: c.PublicKey, Owner: c.Org})
	}
	return all
}

// own is what an organisation has of its own for its calls, by vendor.
type own map[string]ownAccount

// An ownAccount is an organisation's at a vendor; a server that it does not name is empty.
type ownAccount struct{ key, base, place string }

// own opens an organisation's default credentials. One that cannot be opened is as none: the call is held with the server's own.
func (a *accounts) own(org string) own {
	var o own
	for _, e := range table {
		if e.account == nil {
			continue
		}
		c, ok := a.directory.DefaultCredential(org, e.name)
		if !ok {
			continue
		}
		secret, err := a.open(c)
		if err != nil {
			a.log.Warn("calls are held with the server's own account: the organisation's cannot be opened", "org", org, "vendor", e.name, "error", err)
			continue
		}
		if o == nil {
			o = own{}
		}
		o[e.name] = ownAccount{key: secret, base: c.BaseURL, place: c.Account}
	}
	return o
}

// settings are the server's, with what is an organisation's in its place.
func (o own) settings(c *config) *config {
	mine := *c
	for name, has := range o {
		entryOf(name).account(&mine).put(has)
	}
	return &mine
}

// ways lead to servers that an organisation has named, past the gate.
func (a *accounts) ways(o own) ways {
	w := ways{}
	for name, has := range o {
		if has.base != "" {
			w[name] = road{http: &http.Client{Transport: a.guarded, CheckRedirect: chat.Stay}, dial: a.guarded.DialContext}
		}
	}
	return w
}

// players are the vendors of all organisations, on top of the server's.
func (a *accounts) players(base *vendors) *players {
	return &players{
		base: base, own: a.own, log: a.log,
		make: func(o own) (*vendors, error) { return assemble(o.settings(a.cfg), base, a.ways(o), base.tally, a.log) },
	}
}
