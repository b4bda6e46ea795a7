// Package control is the control plane: the HTTP API over what Parley keeps and does, on one net/http mux.
//
//	mux ──▶ envelope.Front ──▶ meet ──▶ routes ──▶ authorise ──▶ once ──▶ huma's checks ──▶ handlers ──▶ store, Live
//	 "/api/", "/openapi.json"  who, rate  (mux)    scope, session  POST     every bad field   voice, lines, people, crm
//	 "/crm/" (crm.Tolerant)
//	 "/ws/"                                  ├───▶ watchCall (scope, session, session token) ──▶ voice.Sockets ──▶ live.Desk
//	                                         ╰───▶ watchConversations (scope, JWT, session) ──▶ bots.Sockets ──▶ bots.Feed
//
// routes.go shows the whole API on one page. Where huma and http.ServeMux meet: huma registers each operation on a mux of our own as
// "METHOD /path/{id}", so it is net/http that knows which path exists (404) and which methods it has (405 with Allow; GET serves HEAD
// too). What it says of that in plain text, the Front says again in the envelope. The outer mux has only the two prefixes, without
// methods, so every request below /api/ comes here; a path that is not clean (/api//v1) it redirects by itself.
package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"parley/control/access"
	"parley/control/bots"
	"parley/control/bus"
	"parley/control/campaign"
	"parley/control/console"
	"parley/control/crm"
	"parley/control/envelope"
	"parley/control/health"
	"parley/control/library"
	"parley/control/lines"
	"parley/control/live"
	"parley/control/mcpapi"
	"parley/control/people"
	"parley/control/reference"
	"parley/control/report"
	"parley/control/seal"
	"parley/control/socket"
	"parley/control/talk"
	"parley/control/vault"
	"parley/control/voice"
	"parley/control/webhook"
	"parley/store"
)

// An Authenticator finds out who asks, by the secret of their key: access.ErrUnauthenticated if nobody has it, store.ErrUnavailable if
// that cannot be known now.
type Authenticator interface {
	Authenticate(ctx context.Context, secret string) (access.Identity, error)
}

// A Dialer places the calls of tasks, and knows how organisations may dial: a dialer.Dialer.
type Dialer interface {
	voice.Dialer
	voice.Ruler
	voice.Judge
	campaign.Vetter
}

// Options are what the API stands on. Agents, Calls, Tasks, Campaigns, Contacts, DoNotCall, Lines, Dialer, Webhooks, Hooks, Auth, People, Bots and Secret are needed.
type Options struct {
	Agents     store.Agents
	Calls      store.Calls
	Tasks      store.Tasks
	Campaigns  store.Campaigns
	Contacts   crm.MessageRows // and all else of the CRM: custom fields, conversations, tasks, what is known of calls and messages
	DoNotCall  store.DoNotCall
	Lines      lines.Rows // numbers, credentials and trunks
	Bots       bots.Rows
	Dialer     Dialer
	Webhooks   voice.HookStore
	Hooks      *webhook.Secrets // that sign webhooks
	Auth       Authenticator
	People     People
	Library    *library.Library                       // what agents know; nil: that has no API
	House      voice.House                            // knows which settings of agents can be used here; nil: what can be said anywhere is checked
	Answers    store.Answers                          // first answers to requests with an Idempotency-Key; nil: the header is not heeded
	Limiter    *access.Limiter                        // nil: this node alone counts requests, up to access.PerMinute a key
	Trusted    []netip.Prefix                         // proxies whose X-Forwarded-For is believed
	Live       voice.Live                             // ends calls; nil: none can be reached
	Gauge      voice.Gauge                            // how their sound travels; nil: none are here
	Desk       *live.Desk                             // shows them while they go on, and is run by whoever made it; nil: one that knows the store alone
	Sockets    socket.Limits                          // of the sockets that show them, and conversations
	Feed       *bots.Feed                             // tells of conversations; nil: one that knows of this API's changes alone
	Files      store.Files                            // of conversations; nil: they have no API
	Kept       bots.Keeping                           // where these lie; nil: none are kept here
	Drafter    bots.Drafter                           // drafts replies; nil: nobody does
	Prober     bots.Prober                            // asks carriers about bots' numbers; nil: nobody does
	Messenger  bots.Messenger                         // serves bots' messaging channels; nil: nobody does
	Reports    *report.Desk                           // makes reports and transcripts; nil: rules make reports, which are not kept
	Health     *health.Board                          // how vendors do; nil: there are none
	Talk       *talk.Tokens                           // lets pages call agents; nil: they cannot
	Anyones    func(agent string) (store.Agent, bool) // an agent of whatever organisation, for pages that nobody answers for; nil: they cannot call
	Drafts     *talk.Drafts                           // agents that are called as they are being written; nil: of this API alone
	Relays     func(host string) []voice.ICEServer    // what pages are told of that reach this server as host; nil: nothing
	Recordings voice.Sounds                           // the recordings' files; nil: none are kept here
	Secret     []byte                                 // signs links to recordings and tokens, and seals answers: 16 bytes or more; the same on every node
	Former     [][]byte                               // secrets of before, which still read the tokens and answers of their time
	Vault      *vault.Vault                           // seals credentials; nil: one made of Secret and Former
	Trunks     func(trunk string) *lines.TrunkState   // how a trunk stands; nil: nobody knows
	Gate       lines.Gate                             // which servers credentials may name; nil: none
	Asker      lines.Asker                            // finds out whether credentials work; nil: nobody does
	PublicURL  string                                 // where clients reach the API, such as https://voice.example.com; empty: as each request says
	Version    string                                 // of Parley, for the description

	// Undocumented leaves out the reference, which takes longer to make than all else, for an API that serves one command.
	Undocumented bool

	Default  func(ctx context.Context, org string) (agent string, err error) // an organisation's default agent; nil, or an error: not shown
	Changed  func(ctx context.Context)                                       // called after agents or organisations changed; may be nil
	Assigned func()                                                          // called when an AI employee has something to do; may be nil
	Fetch    func()                                                          // called when a recording is to be fetched; nil: none is
	Hooked   func()                                                          // called when a webhook is to be sent at once; may be nil
	Forget   func(hash string)                                               // called when the key with that hash changed, or any may have (""); may be nil
	Observe  func(route, method string, status int, took time.Duration)      // counts requests, by pattern; may be nil

	// Answered is told what came of a request, with the request's context; may be nil.
	Answered func(ctx context.Context, route, method string, status int)

	Log *slog.Logger // nil: slog.DiscardHandler
}

// People are those who work with the API, and what lets them in.
type People interface {
	people.Rows
	store.KeyRing
}

// Home is the page that a browser is led to: the console.
const Home = console.Root

// Control is the API. It is safe for any number of goroutines, and owns none but those of its sockets, which Close ends.
type Control struct {
	options  Options
	agents   *voice.Agents
	tickets  map[voice.Purpose]*voice.Tickets // to recordings and files
	passes   *voice.Tickets                   // to sockets
	sockets  *voice.Sockets
	threads  *bots.Sockets // of conversations
	sessions *access.Sessions
	origins  *http.CrossOriginProtection
	seal     *seal.Seal
	vault    *vault.Vault
	api      huma.API
	mux      *http.ServeMux // of the API's own routes, which front leads to
	front    http.Handler

	reference *reference.Reference
	models    func() (*mcpapi.Handler, error) // made when it is first asked for
	console   *console.Console
}

// New builds the API.
func New(o Options) (*Control, error) {
	if o.Agents == nil || o.Calls == nil || o.Tasks == nil || o.Campaigns == nil || o.Contacts == nil || o.DoNotCall == nil || o.Dialer == nil || o.Auth == nil || o.People == nil ||
		o.Lines == nil || o.Webhooks == nil || o.Hooks == nil || o.Bots == nil {
		return nil, errors.New("control needs Agents, Calls, Tasks, Campaigns, Contacts, DoNotCall, Lines, Dialer, Webhooks, Hooks, Auth, People and Bots")
	}
	tickets := map[voice.Purpose]*voice.Tickets{}
	for _, p := range []voice.Purpose{voice.ForRecording, voice.ForFile} {
		var err error
		if tickets[p], err = voice.NewTickets(o.Secret, p); err != nil {
			return nil, fmt.Errorf("sign recordings and files: %w", err)
		}
	}
	passes, err := voice.NewTickets(o.Secret, voice.ForLive)
	if err != nil {
		return nil, fmt.Errorf("sign session tokens: %w", err)
	}
	secrets := slices.Concat([][]byte{o.Secret}, o.Former)
	tokens, err := access.NewTokens(secrets...)
	if err != nil {
		return nil, fmt.Errorf("sign tokens: %w", err)
	}
	answers, err := seal.New("first answers", secrets...)
	if err != nil {
		return nil, fmt.Errorf("seal answers: %w", err)
	}
	if o.Vault == nil {
		if o.Vault, err = vault.New(secrets...); err != nil {
			return nil, fmt.Errorf("seal credentials: %w", err)
		}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Reports == nil {
		o.Reports = &report.Desk{Calls: o.Calls, Agents: o.Agents, Log: o.Log}
	}
	if o.Limiter == nil {
		o.Limiter = &access.Limiter{}
	}
	if o.Desk == nil {
		o.Desk = live.New(live.Options{Calls: o.Calls})
	}
	if o.Feed == nil {
		o.Feed = &bots.Feed{Store: o.Bots, Calls: o.Calls, Bus: &bus.Local{}, Log: o.Log}
	}
	o.PublicURL = strings.TrimSuffix(o.PublicURL, "/")
	origins, err := trustedOrigins(o.PublicURL)
	if err != nil {
		return nil, err
	}

	envelope.Install()
	mux := http.NewServeMux()
	c := &Control{
		options: o, tickets: tickets, passes: passes, sockets: &voice.Sockets{Desk: o.Desk, Limits: o.Sockets, Log: o.Log},
		threads:  &bots.Sockets{Feed: o.Feed, Limits: o.Sockets, Log: o.Log},
		sessions: access.NewSessions(o.People, tokens, o.Log), origins: origins, seal: answers, vault: o.Vault,
	}
	if o.Feed.Link == nil {
		o.Feed.Link = c.link
	}
	c.api = humago.New(mux, huma.Config{OpenAPI: describe(o), Formats: envelope.Formats, DefaultFormat: "application/json"})
	c.api.UseMiddleware(c.authorise, longBody, c.once)
	c.routes()
	mux.HandleFunc("GET /ws/calls/{id}", c.watchCall)
	mux.HandleFunc("GET /ws/conversations", c.watchConversations)
	c.complete()
	describeBeside(c.api.OpenAPI())
	if !o.Undocumented {
		c.reference = reference.New(c.api.OpenAPI(), o.Log)
		c.reference.Mount(mux)
	}
	if c.console, err = console.New(); err != nil {
		return nil, err
	}
	c.models = sync.OnceValues(func() (*mcpapi.Handler, error) {
		return mcpapi.New(mcpapi.Options{API: c.api.OpenAPI(), Next: http.HandlerFunc(c.again), Key: byKey, Version: o.Version, Log: o.Log})
	})
	c.mux = mux
	c.front = &envelope.Front{Next: c.meet(mux), Log: o.Log, Observe: o.Observe, Answered: o.Answered}
	return c, nil
}

// link is where a file of a conversation opens without a key, for five minutes: below the public address, or on this server.
func (c *Control) link(org, id string) string {
	ticket, _ := c.tickets[voice.ForFile].Issue(org, id, time.Now())
	return FileURL(c.options.PublicURL, id, ticket)
}

// FileURL is where a file of a conversation opens with a ticket.
func FileURL(public, id, ticket string) string {
	return strings.TrimSuffix(public, "/") + "/api/v1/media/" + id + "/content?token=" + url.QueryEscape(ticket)
}

// Close ends the sockets, and waits for them. Nobody gets a new one.
func (c *Control) Close() {
	c.sockets.Close()
	c.threads.Close()
}

// Mount registers "/api/", "/crm/", "/ws/", "/mcp", the reference ("/docs", "/openapi.json" and its other forms) the page of invites and the console on mux.
func (c *Control) Mount(mux *http.ServeMux) {
	people.MountPage(mux)
	c.console.Mount(mux)
	mux.Handle("/api/", c.front)
	mux.Handle("/crm/", crm.Tolerant(c.front))
	mux.Handle("/ws/", c.front)
	if c.reference == nil {
		return
	}
	mux.Handle("POST "+mcpPath, &envelope.Front{Next: http.HandlerFunc(c.serveModels), Log: c.options.Log, Observe: c.options.Observe, Answered: c.options.Answered})
	for _, path := range c.reference.Paths() {
		mux.Handle(path, c.front)
	}
}
