//go:build e2e

package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	natsd "github.com/nats-io/nats-server/v2/server"

	"parley/bench/carrier"
	"parley/store"
	"parley/store/sql"
	"parley/store/storetest/pgtest"
)

const (
	nodesSID    = "AC00000000000000000000000000000001"
	nodesPublic = "https://parley.test" // where the carrier thinks that they are
)

// A relay carries connections to one of several addresses, in turn, as a load balancer does; or, to one alone, it is a wire that can be cut.
type relay struct {
	addr string

	mu   sync.Mutex
	to   []string
	next int
	open map[net.Conn]bool
	work sync.WaitGroup
}

func newRelay(t *testing.T, to ...string) *relay {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{addr: ln.Addr().String(), to: to, open: map[net.Conn]bool{}}
	r.work.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			r.work.Go(func() { r.carry(c) })
		}
	})
	t.Cleanup(func() { ln.Close(); r.lead(); r.work.Wait() })
	return r
}

// lead leads new connections elsewhere; nowhere cuts those that there are.
func (r *relay) lead(to ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.to = to
	if len(to) == 0 {
		for c := range r.open {
			c.Close()
		}
	}
}

func (r *relay) target() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.to) == 0 {
		return ""
	}
	r.next++
	return r.to[r.next%len(r.to)]
}

func (r *relay) carry(c net.Conn) {
	defer c.Close()
	to := r.target()
	if to == "" {
		return
	}
	far, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer far.Close()
	r.mu.Lock()
	r.open[c], r.open[far] = true, true
	r.mu.Unlock()
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{c, far}, {far, c}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], way[1]) // either end may go
			way[0].Close()
			way[1].Close()
		})
	}
	both.Wait()
	r.mu.Lock()
	delete(r.open, c)
	delete(r.open, far)
	r.mu.Unlock()
}

// A fleet is several nodes on one Postgres and one NATS, behind one carrier.
type fleet struct {
	t     *testing.T
	nodes []*node
	boots []string // as the nodes
	front *relay   // the carrier's way to them
	db    *sql.Store
	org   string
	env   []string
}

// newFleet starts n nodes; extra are more of their settings.
func newFleet(t *testing.T, n int, database func(url string) string, extra ...string) *fleet {
	t.Helper()
	pg := pgtest.New(t, pgtest.Options{TCP: true}).URL()
	broker, err := natsd.NewServer(&natsd.Options{Host: "127.0.0.1", Port: natsd.RANDOM_PORT, NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	broker.Start()
	t.Cleanup(func() { broker.Shutdown(); broker.WaitForShutdown() })
	if !broker.ReadyForConnections(30 * time.Second) {
		t.Fatal("NATS does not start")
	}
	f := &fleet{t: t, front: newRelay(t)}
	f.env = append([]string{
		"NATS_URL=" + broker.ClientURL(), "PARLEY_SECRET=" + strings.Repeat("s", 32), "PARLEY_PUBLIC_URL=" + nodesPublic, "PARLEY_RECORD=false",
		"PARLEY_SILENCE=10m", "PARLEY_LOG_FORMAT=json",
	}, extra...)
	for i := range n {
		from := pg
		if database != nil && i == 0 {
			from = database(pg)
		}
		f.nodes = append(f.nodes, serve(t, append([]string{"DATABASE_URL=" + from}, f.env...)...))
	}
	if f.db, err = sql.Open(t.Context(), sql.Options{URL: pg}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.db.Close() })
	orgs, err := f.db.Organisations(t.Context())
	if err != nil || len(orgs) != 1 {
		t.Fatalf("organisations %v: %v", orgs, err)
	}
	f.org = orgs[0].ID
	until(t, time.Minute, "the nodes know of one another", func() bool {
		rows := f.rows()
		f.boots = nil
		for _, r := range rows {
			f.boots = append(f.boots, r.Boot) // the oldest first, as they were started
		}
		return len(rows) == n
	})
	for _, n := range f.nodes {
		until(t, time.Minute, "the node is connected to NATS", func() bool { return n.metric("parley_bus_up") == 1 })
	}
	f.front.lead(f.addresses(f.nodes...)...)
	return f
}

func (f *fleet) addresses(nodes ...*node) (all []string) {
	for _, n := range nodes {
		all = append(all, strings.TrimPrefix(n.url, "http://"))
	}
	return all
}

func (f *fleet) rows() []store.Node {
	f.t.Helper()
	rows, _, err := f.db.Nodes(f.t.Context(), store.Page{Limit: 100})
	if err != nil {
		f.t.Fatal(err)
	}
	return rows
}

// calls are all calls of a direction, as the database has them.
func (f *fleet) calls(d store.Direction) (all []store.Call) {
	f.t.Helper()
	for {
		page, total, err := f.db.Calls(f.t.Context(), f.org, store.CallFilter{}, store.Page{Limit: 100, Offset: len(all)})
		if err != nil {
			f.t.Fatal(err)
		}
		all = append(all, page...)
		if len(page) == 0 || int64(len(all)) >= total {
			return slices.DeleteFunc(all, func(c store.Call) bool { return c.Direction != d })
		}
	}
}

// of are a node's calls.
func (f *fleet) of(node int) (all []store.Call) {
	for _, c := range f.calls(store.Inbound) {
		if c.Boot == f.boots[node] {
			all = append(all, c)
		}
	}
	return all
}

// dialIn places inbound calls, and tells each one's end.
func (f *fleet) dialIn(n int, steps ...string) (ended *sync.WaitGroup) {
	f.t.Helper()
	script, err := carrier.ParseScript("steps", strings.Join(steps, "\n"))
	if err != nil {
		f.t.Fatal(err)
	}
	ended = &sync.WaitGroup{}
	ctx, hangUp := context.WithCancel(context.WithoutCancel(f.t.Context()))
	f.t.Cleanup(func() { hangUp(); ended.Wait() })
	pace := time.NewTicker(20 * time.Millisecond)
	defer pace.Stop()
	for range n {
		<-pace.C
		ended.Go(func() { // a call may be meant to break off: what it should have come to, the records tell
			_, err := carrier.Call{
				URL: nodesPublic + "/twilio/voice", Connect: f.front.addr, AccountSID: nodesSID, AuthToken: testToken, Script: script,
			}.Place(ctx)
			if err != nil {
				f.t.Logf("a caller: %v", err)
			}
		})
	}
	return ended
}

// dsn is the database's URL as a node was told it.
func (f *fleet) dsn(n *node) string {
	for _, kv := range n.cmd.Env {
		if v, ok := strings.CutPrefix(kv, "DATABASE_URL="); ok {
			return v
		}
	}
	f.t.Fatal("no DATABASE_URL")
	return ""
}

// settled waits until every task has come to its end, and looks whether a number rang twice.
func (f *fleet) settled(want int, rings *syncBuffer) {
	f.t.Helper()
	states := map[store.Status]int{}
	until(f.t, 2*time.Minute, "every task has come to its end", func() bool {
		clear(states)
		all, _, err := f.db.Tasks(f.t.Context(), f.org, store.TaskFilter{}, store.Page{Limit: 1000})
		if err != nil {
			f.t.Fatal(err)
		}
		for _, task := range all {
			states[task.Status]++
		}
		return states[store.Completed]+states[store.Failed] == want
	})
	rang := map[string]int{}
	for line := range strings.Lines(rings.String()) {
		var r carrier.Ring
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			f.t.Fatal(err)
		}
		if rang[r.To]++; rang[r.To] > 1 {
			f.t.Errorf("%s rang %d times", r.To, rang[r.To])
		}
	}
	f.t.Logf("tasks: %v; %d numbers rang, none twice", states, len(rang))
}
