package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"parley/control"
	"parley/control/access"
	"parley/control/assignee"
	"parley/control/bots"
	"parley/control/directory"
	"parley/control/live"
	"parley/control/nodes"
	"parley/control/records"
	"parley/control/talk"
	"parley/control/tracing"
	"parley/store"
)

// construction is an office that is being built, and what only that needs.
//
//	doors: who may come in, who answers ──▶ archive: what calls leave ──▶ lines: other nodes, dialling, watching ──▶ API ──▶ database
type construction struct {
	*office

	node    string // names this machine's data directory
	boot    string // names this process
	began   time.Time
	secrets [][]byte // the first one signs and seals; those of before are read
	line    line
	observe observe
}

// signers are the secret that signs and seals, and that of before.
func (c *config) signers(now string) [][]byte {
	all := [][]byte{[]byte(now)}
	if c.FormerSecret != "" {
		all = append(all, []byte(c.FormerSecret))
	}
	return all
}

// all builds everything; the database comes last, for what it makes is shown once, by a server that runs.
func (in *construction) all(ctx context.Context) error {
	for _, open := range []func() error{in.doors, in.archive, in.lines, in.publish} {
		if err := open(); err != nil {
			return err
		}
	}
	if !in.directory.Ready() { // without what was known there is no going on: new tables take the time that they take, and a dead server is told in time
		return in.reach(ctx)
	}
	first, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := in.reach(first)
	if errors.Is(err, store.ErrUnavailable) {
		in.log.Error("the database does not answer: calls go on with what was known", "error", err)
		if err := in.join(ctx); err != nil {
			in.log.Warn("other nodes are not heard until the database answers", "error", err)
		}
		return nil
	}
	return err
}

// doors makes what knows who may come in, who answers, and by whose accounts.
func (in *construction) doors() (err error) {
	in.auth = &access.Authenticator{Keys: in.store, Log: in.log}
	in.limiter = &access.Limiter{Rates: in.store, Limit: in.cfg.RateLimit, Log: in.log}
	in.directory = directory.New(directory.Options{
		Router: in.store, Path: filepath.Join(in.cfg.DataDir, "directory.json"), SIP: len(in.cfg.SIPListen) > 0, SIPElsewhere: in.cfg.shared(), Log: in.log,
		Changed: func() { in.auth.ForgetAll() }, // another node may have changed keys
	})
	if err := in.directory.Load(); err != nil {
		return fmt.Errorf("load directory: %w", err)
	}
	if in.vault, err = in.cfg.newVault(string(in.secrets[0])); err != nil {
		return err
	}
	in.accounts, err = newAccounts(in.cfg, in.directory, in.vault, in.log)
	return err
}

// archive makes what keeps calls: their sound, their records, their reports.
func (in *construction) archive() (err error) {
	if err := in.openSounds(in.began); err != nil {
		return err
	}
	in.reports = in.newReports(in.company.vendors)
	in.fetcher = in.newFetcher(in.node)
	in.records, err = records.New(records.Options{
		Dir: filepath.Join(in.cfg.DataDir, "spool"), Node: in.node, Boot: in.boot, Store: in.store, Log: in.log,
		Applied:   func(e []store.Entry) { in.feed.Recorded(e) },
		Recording: in.finished, Cost: in.line.cost, Found: func() map[string]store.Recording { return in.found(in.began) },
	})
	return err
}

// lines makes what reaches calls, here and on other nodes, and what places them.
func (in *construction) lines() error {
	if err := in.cfg.newBus(in.office, in.node); err != nil {
		return err
	}
	in.feed = &bots.Feed{Store: in.store, Calls: in.store, Bus: in.bus, Log: in.log}
	in.calls = &hangUp{board: in.line.board, giveUp: in.line.giveUp, letGo: in.line.letGo, news: func(o nodes.Order) error { return in.channels.calls.hear(o) }}
	in.office.node = in.newNode(in.boot, in.node, in.line, in.calls)
	in.dialer = in.newDialer(in.boot, in.line, in.calls, in.observe.dialler)
	in.calls.node, in.calls.dialer = in.office.node, in.dialer
	in.desk = live.New(live.Options{
		Calls: in.store, Bus: in.bus, Boot: in.boot, PerCall: in.cfg.LiveReaders, PerOrg: in.cfg.LiveOrgReaders, Follow: in.line.follow, Log: in.log,
	})
	return nil
}

// publish makes the API, and what tells of calls unasked.
func (in *construction) publish() error {
	proxies, err := in.cfg.proxies()
	if err != nil {
		return err
	}
	hooks, err := in.newHooks(in.boot, in.observe.webhook)
	if err != nil {
		return err
	}
	if err := in.newPreanswers(hooks, in.observe.asked); err != nil {
		return err
	}
	db := in.store
	in.drafts.Boot = in.boot
	if in.talk, err = talk.NewTokens(db, in.log, in.secrets...); err != nil {
		return err
	}
	tokens := in.talk
	if in.cfg.WebRTCUDP == noBrowsers {
		tokens = nil
	}
	files, err := in.newEnclosures()
	if err != nil {
		return err
	}
	in.inbox = in.newInbox(files)
	in.assignee = assignee.New(assignee.Options{Store: db, Inbox: in.inbox, Drafter: in.company, Reports: in.reports, Log: in.log})
	in.api, err = control.New(control.Options{
		Agents: db, Calls: db, Tasks: db, Campaigns: db, Contacts: db, DoNotCall: db, Lines: db, Bots: db, Webhooks: db, People: db, Answers: db,
		Dialer: in.dialer, Hooks: hooks, Hooked: in.hooks.Wake, Assigned: in.assignee.Wake, House: in.company, Library: in.library,
		Auth: in.auth, Limiter: in.limiter, Trusted: proxies, Forget: in.forget,
		Vault: in.vault, Trunks: in.line.trunkState, Gate: in.accounts.gate, Asker: in.accounts.verifier(),
		Talk: tokens, Drafts: &in.drafts, Anyones: in.directory.AgentOf, Relays: in.line.relays, Fetch: in.fetcher.Wake, Health: in.observe.vendors, Live: in.calls, Gauge: in.calls, Desk: in.desk, Reports: in.reports,
		Recordings: in.sounds, Files: db, Kept: files, Feed: in.feed, Drafter: in.company, Messenger: in.inbox,
		Prober: &probes{accounts: in.accounts, trunks: in.line.trunkState, channels: in.channels, messenger: in.inbox},
		Secret: in.secrets[0], Former: in.secrets[1:], PublicURL: in.cfg.PublicURL, Version: version(),
		Default: func(_ context.Context, org string) (string, error) { return in.directory.Default(org) },
		Changed: in.changed, Observe: in.observe.request, Answered: tracing.Answered, Log: in.log,
	})
	return err
}
