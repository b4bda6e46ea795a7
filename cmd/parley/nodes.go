package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"parley/control/bus"
	"parley/control/nodes"
	"parley/store"
	"parley/store/sql"
)

// newBus makes what carries messages between nodes: without NATS, within this process.
func (c *config) newBus(o *office, node string) error {
	if c.NATSURL == "" {
		o.bus = &bus.Local{}
		return nil
	}
	n, err := bus.NewNATS(bus.NATSOptions{URL: c.NATSURL, Name: "parley " + node, Log: o.log})
	if err != nil {
		return fmt.Errorf("--nats-url: %w", err)
	}
	o.bus, o.nats = n, n
	return nil
}

// installationFile is where the database's name is kept, under the data directory, for a start without the database.
const installationFile = "installation"

// join connects to the other nodes, once it is known which database they share. A database that cannot be reached is remembered.
func (o *office) join(ctx context.Context) error {
	if o.nats == nil {
		return nil
	}
	path := filepath.Join(o.cfg.DataDir, installationFile)
	name, err := o.store.Installation(ctx)
	if err != nil {
		text, rerr := os.ReadFile(path)
		if rerr != nil {
			return fmt.Errorf("join the other nodes: %w", errors.Join(err, rerr))
		}
		name = strings.TrimSpace(string(text))
	} else if err := os.WriteFile(path, []byte(name+"\n"), 0o600); err != nil {
		return fmt.Errorf("keep %s: %w", path, err)
	}
	return o.nats.Connect(name)
}

// newNode makes this process one of several.
func (o *office) newNode(boot, node string, l line, live *hangUp) *nodes.Node {
	return nodes.New(nodes.Options{
		Store: o.store, Bus: o.bus, Self: store.Node{Boot: boot, Node: node, Version: version()},
		Calls: l.board.Live, Draining: l.draining, Do: live.here, Log: o.log,
	})
}

// nodesCmd lists the processes that serve from one database.
type nodesCmd struct{ desk }

// A nodeRow is what is shown of a node.
type nodeRow struct {
	ID       string     `json:"id"`   // of the process
	Node     string     `json:"node"` // of its data directory
	Version  string     `json:"version"`
	Since    time.Time  `json:"since"`
	LastSeen time.Time  `json:"last_seen"`
	Calls    int        `json:"calls"`
	State    string     `json:"state"` // serving, draining, gone
	Gone     *time.Time `json:"gone_at"`
}

func newNodeRow(n store.Node) nodeRow {
	r := nodeRow{ID: n.Boot, Node: n.Node, Version: n.Version, Since: n.Started, LastSeen: n.Beat, Calls: n.Calls, State: "serving"}
	if n.Draining {
		r.State = "draining"
	}
	if !n.Gone.IsZero() {
		r.State, r.Gone = "gone", &n.Gone
	}
	return r
}

// Run lists nodes, oldest first.
func (c *nodesCmd) Run(ctx context.Context, con console) error {
	return c.with(ctx, con, func(s *sql.Store) error {
		all, err := everything(func(p store.Page) ([]store.Node, int64, error) { return s.Nodes(ctx, p) })
		if err != nil {
			return err
		}
		shown, rows := make([]nodeRow, len(all)), make([][]string, len(all))
		for i, n := range all {
			r := newNodeRow(n)
			shown[i] = r
			rows[i] = []string{r.ID, r.State, strconv.Itoa(r.Calls), r.Since.Local().Format(time.DateTime), r.LastSeen.Local().Format(time.DateTime), r.Version}
		}
		return c.show(con.out, shown, []string{"NODE", "STATE", "CALLS", "SINCE", "LAST SEEN", "VERSION"}, rows)
	})
}
