package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/control"
	"parley/control/access"
	"parley/control/archive"
	"parley/control/assignee"
	"parley/control/bots"
	"parley/control/bus"
	"parley/control/dialer"
	"parley/control/directory"
	"parley/control/fetch"
	"parley/control/health"
	"parley/control/inbox"
	"parley/control/library"
	"parley/control/live"
	"parley/control/nodes"
	"parley/control/records"
	"parley/control/report"
	"parley/control/talk"
	"parley/control/vault"
	"parley/control/webhook"
	"parley/media"
	"parley/pipeline"
	"parley/store"
	"parley/store/sql"
)

// office keeps the server's records: what calls leave behind, who answers which number, and the API over both.
//
//	calls ──▶ records ──▶ spool on disk ──▶ store ◀── API
//	calls ◀── directory ◀── snapshot on disk ◀──┤
//	clients ◀── hooks ◀── deliveries ◀───────────┘
type office struct {
	cfg       *config
	log       *slog.Logger
	company   *company
	library   *library.Library // what agents know
	store     *sql.Store
	records   *records.Records
	directory *directory.Directory
	dialer    *dialer.Dialer
	calls     *hangUp // that are live, here or elsewhere
	bus       bus.Bus
	nats      *bus.NATS // the bus, if it is one over NATS
	node      *nodes.Node
	home      string // the data directory's id, as in the rows of its calls
	boot      string // this process's, as in the rows of its calls
	hooks     *webhook.Sender
	pre       preanswers
	vault     *vault.Vault
	accounts  *accounts
	auth      *access.Authenticator
	limiter   *access.Limiter
	desk      *live.Desk
	feed      *bots.Feed
	inbox     *inbox.Inbox
	assignee  *assignee.Assignee
	channels  *channels
	talk      *talk.Tokens // with which pages call
	drafts    talk.Drafts  // agents that are tried before they are saved
	api       *control.Control
	files     *os.Root // the data directory
	tapes     tapes
	sounds    *archive.Archive
	courier   *archive.Courier // nil: recordings stay in the data directory
	reports   *report.Desk
	fetcher   *fetch.Fetcher // of recordings
	ends      sync.WaitGroup // of calls, on their way to those who watch
	founded   access.Founded // what is to be told once
	ready     bool           // the database has been reached, and its schema is up to date
}

// patience is how long a start waits for the database, before it goes on with what it knows of it.
const patience = 10 * time.Second

// newOffice opens the database. One that cannot be reached now is no reason not to answer calls, if this node has known it before.
func newOffice(ctx context.Context, c *config, company *company, l line, observe observe, log *slog.Logger) (*office, error) {
	node, err := keep(c.DataDir, nodeFile, store.NewID)
	if err != nil {
		return nil, err
	}
	secret, err := c.master(c.DataDir)
	if err != nil {
		return nil, err
	}
	s, err := sql.Open(ctx, sql.Options{URL: c.url(), Log: log})
	if err != nil {
		return nil, err
	}
	files, err := os.OpenRoot(c.DataDir)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open --data-dir: %w", err), s.Close())
	}
	o := &office{
		cfg: c, log: log, company: company, store: s, library: c.library(s, company.vendors.embedder, log), files: files, tapes: tapes{c.DataDir, observe.taped, log},
	}
	o.boot, o.home = store.NewID(), node
	in := construction{office: o, node: node, boot: o.boot, began: time.Now(), secrets: c.signers(secret), line: l, observe: observe}
	if err := in.all(ctx); err != nil {
		return nil, errors.Join(err, o.close())
	}
	return o, nil
}

// observe counts.
type observe struct {
	request func(route, method string, status int, took time.Duration) // to the API, by the pattern of its route
	webhook func(event, outcome string, took time.Duration)            // tries of webhooks
	asked   func(outcome string, took time.Duration)                   // before calls were answered
	taped   func(outcome string, lost int)                             // recordings, and frames that they lost
	dialler dialer.Observe
	inbox   inbox.Observe
	vendors *health.Board // how they do; nil: nobody knows
}

// reach brings the database's schema up to date, founds an organisation if there is none, and learns who answers.
func (o *office) reach(ctx context.Context) error {
	if err := migrate(ctx, o.store, o.log); err != nil {
		return err
	}
	if err := o.join(ctx); err != nil {
		return err
	}
	founded, err := access.Found(ctx, o.store, access.Founding{
		APIKey: access.Secret(o.cfg.APIKey), OwnerEmail: o.cfg.OwnerEmail, OwnerPassword: access.Secret(o.cfg.OwnerPassword), Log: o.log,
		Agent: store.Agent{Name: "Receptionist", SystemPrompt: o.cfg.Prompt, Enabled: true},
	})
	if err != nil {
		return fmt.Errorf("found organisation: %w", err)
	}
	o.founded, o.ready = founded, true
	if err := o.directory.Refresh(ctx); err != nil {
		return fmt.Errorf("read directory: %w", err)
	}
	return nil
}

// run works until ctx is done; then what was recorded is written down.
func (o *office) run(ctx context.Context) error {
	works := context.WithoutCancel(ctx)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return o.records.Run(ctx) })
	g.Go(func() error { return o.node.Run(ctx) })
	g.Go(func() error { return o.auth.Run(ctx) })
	g.Go(func() error { return o.limiter.Run(ctx) })
	g.Go(func() error { return (&access.Sweeper{Store: o.store, Log: o.log}).Run(ctx) })
	g.Go(func() error { return o.directory.Run(ctx) })
	g.Go(func() error { return o.dialer.Run(ctx) })
	o.runSounds(ctx, g)
	g.Go(func() error { return o.desk.Run(ctx) })
	g.Go(func() error { return o.hooks.Run(ctx) })
	g.Go(func() error { return o.inbox.Run(ctx) })
	g.Go(func() error { return o.fetcher.Run(ctx) })
	g.Go(func() error { return o.assignee.Run(ctx) })
	g.Go(func() error {
		if !o.ready && !o.reachAtLast(ctx) {
			return nil
		}
		return (&vault.Rotator{Vault: o.vault, Rows: o.store, Log: o.log}).Run(ctx)
	})
	err := g.Wait()
	o.ends.Wait()
	if lerr := o.node.Leave(works); lerr != nil {
		o.log.Warn("the other nodes are not told that this one stops: they will notice", "error", lerr)
	}
	return err
}

// reachAtLast tries until the database is there; false: ctx was done first.
func (o *office) reachAtLast(ctx context.Context) bool {
	for again := time.NewTicker(time.Second); ; {
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
			return false
		}
		switch err := o.reach(ctx); {
		case err == nil:
			o.log.Info("the database answers")
			if o.founded.New {
				o.log.Warn("the database was empty: its key and its owner's password were not shown; make a key with parley keys create")
			}
			again.Stop()
			return true
		case !errors.Is(err, store.ErrUnavailable):
			o.log.Error("the database cannot be used", "error", err)
		}
	}
}

// forget is told when a key has changed, by the hash of its secret, or when any may have.
func (o *office) forget(hash string) {
	if hash == "" {
		o.auth.ForgetAll()
		return
	}
	o.auth.Forget(hash)
}

// changed is told when the API has changed an agent or a number.
func (o *office) changed(ctx context.Context) {
	if err := o.directory.Refresh(ctx); err != nil {
		o.log.Warn("directory not refreshed", "error", err)
	}
}

// begin finds who speaks on a call, and opens its record. A call that nobody answers is recorded too, and refused. The info that it
// returns has in its parameters what fills the places of the agent's words.
func (o *office) begin(ctx context.Context, call string, info media.Info, now time.Time) (store.Agent, media.Info, error) {
	if r := resumptionOf(ctx); r != nil {
		return o.beginAgain(ctx, r, info)
	}
	if token := info.Params[pipeline.TokenParam]; token != "" {
		return o.beginPlaced(ctx, call, token, info, now)
	}
	route, err := o.route(info)
	said := o.pre.take(info, route.Org)
	if route.Org != "" {
		o.opened(store.Call{
			ID: call, Org: route.Org, Agent: route.Agent.ID, AgentVersion: route.Agent.Version, Bot: botOf(info), Direction: store.Inbound, Status: store.InProgress,
			Leg: info.Kind, CarrierID: info.ID, From: info.From, To: info.To, Created: now, Answered: now, PreAnswer: said,
		})
	}
	if err != nil {
		return store.Agent{}, info, fmt.Errorf("route: %w", err)
	}
	agent, info := asSaid(said, route.Agent, info)
	return agent, info, nil
}

// route is who answers a call: whom the organisation's server has chosen for it, or else number's.
func (o *office) route(info media.Info) (directory.Route, error) {
	r, err := o.number(info)
	return o.heed(info, r, err)
}

// number is who answers a call about which nobody is asked: of a page, the agent that it was opened for; of a softphone, by its line; of all others, by the number that was called.
func (o *office) number(info media.Info) (directory.Route, error) {
	if len(info.Owners) == 0 {
		return o.directory.RouteAmong(nil, info.To)
	}
	switch agent := info.Params[agentParam]; {
	case info.Params[draftParam] != "" && len(info.Owners) == 1:
		return o.routeToDraft(info.Owners[0], info.Params[draftParam])
	case agent != "" && len(info.Owners) == 1:
		return o.routeTo(info.Owners[0], agent)
	case info.Line != "":
		return o.directory.RouteFrom(info.Owners[0], info.From, info.To)
	}
	return o.directory.RouteAmong(info.Owners, info.To)
}

// opened opens the record of a call, and lets it be watched.
func (o *office) opened(c store.Call) {
	o.records.Begin(c)
	o.desk.Begin(c)
}

// watch is told of every call's events.
func (o *office) watch(e pipeline.Event) {
	o.records.Watch(e)
	if e.Kind != pipeline.CallEnded {
		o.desk.Watch(e)
		return
	}
	o.ends.Go(func() { // who is told that the call is over may ask for its report at once
		ctx, cancel := context.WithTimeout(context.Background(), endWait)
		defer cancel()
		if err := o.records.Flush(ctx); err != nil {
			o.log.Debug("a call's end is told before it is written", "call", e.Call, "error", err)
		}
		o.desk.Watch(e)
	})
}

// endWait is how long the readers of a call wait for its end to be in the database, before they are told of it all the same.
const endWait = 2 * time.Second

// greet tells, once, what was made for an empty database, and how to use it.
func (o *office) greet(w io.Writer, url string) {
	f := o.founded
	if !f.New {
		return
	}
	fmt.Fprintf(w, "A new database. Organisation %q, owner %s", f.Organisation.Name, f.OwnerEmail)
	if f.OwnerPassword != "" {
		fmt.Fprintf(w, ", password %s (shown this once)", string(f.OwnerPassword))
	}
	key := "$PARLEY_API_KEY"
	if f.APIKey != "" {
		key = string(f.APIKey)
		fmt.Fprintf(w, ",\nAPI key %s (shown this once)", key)
	}
	fmt.Fprintf(w, ".\nThe API:  curl -H \"Authorization: Bearer %s\" %s/api/v1/calls\n", key, url)
}

// close lets go of the database, the spool and the data directory.
func (o *office) close() error {
	errs := []error{o.store.Close(), o.closeSounds(), o.files.Close()}
	if o.bus != nil {
		errs = append(errs, o.bus.Close())
	}
	if o.records != nil {
		errs = append(errs, o.records.Close())
	}
	if o.accounts != nil {
		o.accounts.close()
	}
	return errors.Join(errs...)
}

// The files of the data directory that hold one made word.
const (
	nodeFile   = "node_id"
	secretFile = "secret"
)

// keep reads a word from a file of the data directory, or makes it once (0600).
func keep(dir, name string, make func() string) (string, error) {
	path := filepath.Join(dir, name)
	text, err := os.ReadFile(path)
	if word := strings.TrimSpace(string(text)); err == nil && word != "" {
		return word, nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	word := make()
	if err := os.WriteFile(path, []byte(word+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keep %s: %w", path, err)
	}
	return word, nil
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	rand.Read(b)
	return hex.EncodeToString(b)
}
