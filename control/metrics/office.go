package metrics

import (
	"database/sql"
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"parley/control/bus"
	"parley/control/dialer"
	"parley/control/directory"
	"parley/control/live"
	"parley/control/nodes"
	"parley/control/records"
	"parley/control/webhook"
)

// An Office is what there is to be read of the control plane. All of it must be set.
type Office struct {
	Records   *records.Records
	Directory *directory.Directory
	Desk      *live.Desk
	Node      *nodes.Node
	Bus       bus.Bus
	Hooks     *webhook.Sender
	Dialer    *dialer.Dialer
	Pools     func() map[string]sql.DBStats // the database's connections, by what they do
}

// Office has Prometheus read an Office.
func (m *Metrics) Office(o Office) {
	m.records(o)
	m.nodes(o)
	m.pools(o.Pools)
	read(m.Registry, func() Office { return o },
		gauge("parley_directory_age_seconds", "Time since the database last agreed with what this node knows of agents and numbers.", nil, func(o Office) float64 { return o.Directory.State().Age.Seconds() }),
		gauge("parley_webhooks_sending", "Webhooks that this node is sending.", nil, func(o Office) float64 { return float64(o.Hooks.InHand()) }),
		gauge("parley_dials_in_hand", "Calls that this node is asking carriers for.", nil, func(o Office) float64 { return float64(o.Dialer.InHand()) }),
	)
	read(m.Registry, o.Desk.Stats,
		gauge("parley_live_readers", "Sockets that watch calls here.", nil, func(s live.Stats) float64 { return float64(s.Readers) }),
		gauge("parley_live_mirrors", "Calls on other nodes that are watched here.", nil, func(s live.Stats) float64 { return float64(s.Mirrors) }),
	)
}

// records shows how the records of calls stand.
func (m *Metrics) records(o Office) {
	type stats = records.Stats
	read(m.Registry, o.Records.Stats,
		gauge("parley_records_waiting", "Entries of the records that the database does not have yet.", nil, func(s stats) float64 { return float64(s.Waiting) }),
		gauge("parley_records_oldest_seconds", "Age of the oldest entry of the records that waits.", nil, func(s stats) float64 { return s.Oldest.Seconds() }),
		gauge("parley_database_up", "1 while the database takes records.", nil, func(s stats) float64 { return count(s.Well) }),
		gauge("parley_spool_up", "1 while the disk takes records.", nil, func(s stats) float64 { return count(s.Disk) }),
		counter("parley_records_lost_total", "Entries that neither disk nor memory could hold.", nil, func(s stats) int64 { return s.Lost }),
		counter("parley_records_refused_total", "Entries that the database will never take; they are in refused.jsonl.", nil, func(s stats) int64 { return s.Refused }),
		counter("parley_records_damaged_total", "Stretches of the spool that could not be read.", nil, func(s stats) int64 { return s.Damaged }),
	)
}

// nodes shows how this node stands among others.
func (m *Metrics) nodes(o Office) {
	read(m.Registry, o.Node.Stats,
		gauge("parley_node_beat_age_seconds", "Time since the database last heard of this node; after 20 s another ends its calls.", nil, func(s nodes.Stats) float64 { return s.Beat.Seconds() }),
		counter("parley_nodes_buried_total", "Other nodes that were silent, and whose calls this one has ended.", nil, func(s nodes.Stats) int64 { return s.Buried }),
		counter("parley_calls_reopened_total", "Calls of this node that another had ended, and that went on.", nil, func(s nodes.Stats) int64 { return s.Reopened }),
		counter("parley_node_orders_total", "What other nodes were asked to do.", nil, func(s nodes.Stats) int64 { return s.Told }),
		counter("parley_node_orders_stored_total", "Of what other nodes were asked to do, what they were asked by the database, since the bus brought no answer.", nil, func(s nodes.Stats) int64 { return s.Sent }),
		counter("parley_node_orders_unanswered_total", "Of what other nodes were asked to do, what had no answer.", nil, func(s nodes.Stats) int64 { return s.Silent }),
	)
	read(m.Registry, o.Bus.Stats,
		gauge("parley_bus_up", "1 while messages reach other nodes; without NATS, always.", nil, func(s bus.Stats) float64 { return count(s.Well) }),
		counter("parley_bus_published_total", "Messages published on the bus.", nil, func(s bus.Stats) int64 { return s.Published }),
		counter("parley_bus_dropped_total", "Messages to other nodes that were lost: NATS was away, or too slow.", nil, func(s bus.Stats) int64 { return s.Dropped }),
		counter("parley_bus_missed_total", "Messages that slow readers of this node missed.", nil, func(s bus.Stats) int64 { return s.Missed }),
		counter("parley_bus_refused_total", "Requests of other nodes that were not answered: too many at once.", nil, func(s bus.Stats) int64 { return s.Refused }),
	)
}

// pools shows who holds and who waits for the database's connections.
func (m *Metrics) pools(ask func() map[string]sql.DBStats) {
	for _, pool := range slices.Sorted(maps.Keys(ask())) {
		with := func(state string) prometheus.Labels {
			if state == "" {
				return prometheus.Labels{"pool": pool}
			}
			return prometheus.Labels{"pool": pool, "state": state}
		}
		const open, help = "parley_database_connections", "Connections to the database that are open, by pool and whether one is in use."
		read(m.Registry, func() sql.DBStats { return ask()[pool] },
			gauge(open, help, with("used"), func(s sql.DBStats) float64 { return float64(s.InUse) }),
			gauge(open, help, with("idle"), func(s sql.DBStats) float64 { return float64(s.Idle) }),
			gauge("parley_database_connections_limit", "Most connections to the database at once, by pool.", with(""), func(s sql.DBStats) float64 { return float64(s.MaxOpenConnections) }),
			counter("parley_database_waits_total", "Statements that waited for a connection, by pool.", with(""), func(s sql.DBStats) int64 { return s.WaitCount }),
			row[sql.DBStats]{prometheus.NewDesc("parley_database_wait_seconds_total", "Time that statements waited for a connection, by pool.", nil, with("")), prometheus.CounterValue, func(s sql.DBStats) float64 { return s.WaitDuration.Seconds() }},
		)
	}
}
