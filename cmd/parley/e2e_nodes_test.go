//go:build e2e

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/bench/carrier"
	"parley/store"
)

// TestEndToEndThreeNodes: three nodes hold 50 calls, and place others for tasks. Calls are ended and cancelled by asking another node than
// theirs. One node is killed: its calls are closed within 30 s. One drains: its calls end well. The third goes on. No number rings twice, and
// every task comes to an end.
func TestEndToEndThreeNodes(t *testing.T) {
	t.Parallel()
	const calls, tasks, promised = 50, 40, 30 * time.Second
	talk, err := carrier.ParseScript("callee", "silent 4s\nhangup")
	if err != nil {
		t.Fatal(err)
	}
	var rings syncBuffer
	exchange := &carrier.Exchange{
		AccountSID: nodesSID, AuthToken: testToken, Rings: &rings,
		Callee: func(to string) carrier.Callee {
			switch to[len(to)-1] {
			case '3':
				return carrier.Callee{Outcome: "busy", Rings: time.Second}
			case '7':
				return carrier.Callee{Rings: time.Hour}
			}
			return carrier.Callee{Rings: time.Second, Script: talk}
		},
		Fault: func(to string) carrier.Fault {
			if to[len(to)-1] == '5' {
				return carrier.LostAnswer
			}
			return ""
		},
	}
	api := httptest.NewServer(exchange)
	t.Cleanup(api.Close)
	t.Cleanup(exchange.Close)
	f := newFleet(t, 3, nil, append(mockVendors(t), "TWILIO_ACCOUNT_SID="+nodesSID, "TWILIO_BASE_URL="+api.URL, "PARLEY_CALLER_ID=+15550100002",
		"PARLEY_DIAL_RATE=4", "PARLEY_DIAL_CALLS=100", "PARLEY_DIAL_RING=5s")...)
	exchange.Connect = f.front.addr
	dead, drained, kept := f.nodes[0], f.nodes[1], f.nodes[2]

	ended := f.dialIn(calls, "hear within=1m", "silent 50s", "hangup")
	until(t, time.Minute, "all calls are up", func() bool {
		up := 0
		for _, c := range f.calls(store.Inbound) {
			if c.Status == store.InProgress {
				up++
			}
		}
		return up == calls
	})
	t.Logf("%d calls are up: %d, %d and %d", calls, len(f.of(0)), len(f.of(1)), len(f.of(2)))
	for i := range f.nodes {
		if len(f.of(i)) < calls/10 {
			t.Fatalf("node %d has %d calls: they are not spread", i, len(f.of(i)))
		}
	}

	// Ended and cancelled by asking another node.
	byEnd, byCancel := f.of(1)[0], f.of(2)[0]
	for _, c := range []struct{ call, how, status, cause string }{{byEnd.ID, "end", "completed", "agent"}, {byCancel.ID, "cancel", "failed", "cancelled"}} {
		began := time.Now()
		if a := dead.api(http.MethodPost, "/api/v1/calls/"+c.call+"/"+c.how, nil); a.Status != http.StatusOK {
			t.Errorf("%s at another node: %d %s", c.how, a.Status, a.Error)
		}
		took := time.Since(began)
		var row callRow
		until(t, time.Minute, "the call is over", func() bool {
			dead.into(dead.api(http.MethodGet, "/api/v1/calls/"+c.call, nil), &row)
			return row.Status == "completed" || row.Status == "failed"
		})
		if row.Status != c.status || row.Cause != c.cause {
			t.Errorf("%s: the call is %s by %s", c.how, row.Status, row.Cause)
		}
		t.Logf("%s at another node was answered after %v", c.how, took.Round(time.Millisecond))
	}
	if n := dead.metric("parley_node_orders_stored_total"); n != 0 {
		t.Errorf("%v orders went by the database, though NATS is there", n)
	}

	// Tasks are being dialled.
	var agents []struct {
		ID string `json:"id"`
	}
	kept.into(kept.api(http.MethodGet, "/api/v1/agents", nil), &agents)
	for i := range tasks {
		a := kept.api(http.MethodPost, "/api/v1/tasks", map[string]any{
			"agent_id": agents[0].ID, "name": "Call", "to_number": fmt.Sprintf("+12125550%03d", i), "scheduled_at": time.Now().UTC().Format(time.RFC3339),
		})
		if !a.Success {
			t.Fatalf("task %d: %d %s %v", i, a.Status, a.Error, a.Details)
		}
	}
	until(t, time.Minute, "some tasks ring", func() bool { return strings.Count(rings.String(), "\n") >= tasks/4 })

	theirs, others := f.of(0), append(f.of(1), f.of(2)...)
	f.front.lead(f.addresses(kept)...)
	if err := dead.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	died := time.Now()
	if err := drained.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-dead.done
	dead.done = nil
	until(t, promised, "the calls of the node that was killed are closed", func() bool {
		for _, c := range f.of(0) {
			if !c.Status.Final() {
				return false
			}
		}
		return true
	})
	t.Logf("the %d calls of the node that was killed were closed after %v", len(theirs), time.Since(died).Round(100*time.Millisecond))
	for _, c := range f.of(0) {
		if c.Status != store.Failed || c.Cause != store.CauseCrash {
			t.Errorf("a call of the node that was killed is %s by %s", c.Status, c.Cause)
		}
	}

	ended.Wait()
	select {
	case err := <-drained.done:
		if err != nil {
			t.Errorf("the node that drained ended: %v", err)
		}
		drained.done = nil
	case <-time.After(60 * time.Second):
		t.Error("the node that drained does not end")
	}
	until(t, time.Minute, "all calls are written down", func() bool {
		return !slices.ContainsFunc(f.calls(store.Inbound), func(c store.Call) bool { return !c.Status.Final() })
	})
	for _, was := range others {
		c, err := f.db.Call(t.Context(), f.org, was.ID)
		if err != nil {
			t.Fatal(err)
		}
		if c.ID != byEnd.ID && c.ID != byCancel.ID && (c.Status != store.Completed || c.Cause != "caller") {
			t.Errorf("a call of another node is %s by %s (%s)", c.Status, c.Cause, c.Error)
		}
	}

	f.settled(tasks, &rings)
	states := map[string]int{}
	for _, r := range f.rows() {
		states[newNodeRow(r).State]++
	}
	if states["serving"] != 1 || states["gone"] != 1 || len(states) != 2 {
		t.Errorf("nodes: %v", states)
	}
	out, code := command(t, []string{"DATABASE_URL=" + f.dsn(kept)}, "nodes", "--json")
	var rows []nodeRow
	if err := json.Unmarshal([]byte(out), &rows); err != nil || code != 0 || len(rows) != 2 {
		t.Errorf("parley nodes: exit code %d, %v:\n%s", code, err, out)
	}
}

// TestEndToEndCutOff: two nodes without NATS. A call is ended by asking the other. A node that does not reach the database is thought dead, and its calls are closed. It goes on nevertheless; when it is
// back, its calls are in progress again, and their records are whole. So are those of a call that came and went meanwhile.
func TestEndToEndCutOff(t *testing.T) {
	t.Parallel()
	var wire *relay
	f := newFleet(t, 2, func(dsn string) string {
		u, err := url.Parse(dsn)
		if err != nil {
			t.Fatal(err)
		}
		wire = newRelay(t, u.Host)
		u.Host = wire.addr
		return u.String()
	}, append(mockVendors(t), "NATS_URL=")...)
	lone := f.nodes[0]
	database := wire.target()
	f.front.lead(f.addresses(lone)...)
	ended := f.dialIn(6, "hear within=1m", "silent 40s", "say agent-pass", "hear within=1m", "hangup")
	until(t, time.Minute, "the calls are up", func() bool { return len(f.of(0)) == 6 })
	before := f.of(0)[1:]
	first, began := f.of(0)[0], time.Now()
	if a := f.nodes[1].api(http.MethodPost, "/api/v1/calls/"+first.ID+"/end", nil); a.Status != http.StatusOK {
		t.Errorf("end at the other node: %d %s", a.Status, a.Error)
	}
	t.Logf("end at another node, by the database, was answered after %v", time.Since(began).Round(time.Millisecond))
	if n := f.nodes[1].metric("parley_node_orders_stored_total"); n != 1 {
		t.Errorf("%v orders went by the database, want 1", n)
	}
	until(t, time.Minute, "the call has ended", func() bool {
		c, err := f.db.Call(t.Context(), f.org, first.ID)
		return err == nil && c.Status == store.Completed && c.Cause == "agent"
	})

	wire.lead()
	cut := time.Now()
	short := f.dialIn(1, "hear within=1m", "say agent-pass", "hear within=1m", "hangup")
	until(t, 40*time.Second, "its calls are closed", func() bool {
		return !slices.ContainsFunc(f.of(0), func(c store.Call) bool { return c.ID != first.ID && c.Cause != store.CauseCrash })
	})
	t.Logf("closed after %v", time.Since(cut).Round(100*time.Millisecond))
	short.Wait()
	if n := lone.metric("parley_calls_live"); n != 5 {
		t.Errorf("%v calls are live on the node that was cut off, want 5", n)
	}
	wire.lead(database)
	until(t, time.Minute, "its calls go on", func() bool {
		return !slices.ContainsFunc(before, func(was store.Call) bool {
			c, err := f.db.Call(t.Context(), f.org, was.ID)
			return err != nil || c.Cause == store.CauseCrash
		})
	})
	until(t, time.Minute, "it is thought dead no more", func() bool {
		return !slices.ContainsFunc(f.rows(), func(n store.Node) bool { return !n.Gone.IsZero() })
	})
	t.Logf("%v calls were reopened by its beat, the others by their records", lone.metric("parley_calls_reopened_total"))
	ended.Wait()
	until(t, time.Minute, "all six calls have ended well", func() bool {
		all := slices.DeleteFunc(f.of(0), func(c store.Call) bool { return c.ID == first.ID })
		return len(all) == 6 && !slices.ContainsFunc(all, func(c store.Call) bool { return c.Status != store.Completed || c.Cause != "caller" })
	})
	for _, c := range slices.DeleteFunc(f.of(0), func(c store.Call) bool { return c.ID == first.ID }) {
		turns, err := f.db.Turns(t.Context(), f.org, c.ID)
		if err != nil {
			t.Fatal(err)
		}
		messages, err := f.db.Transcript(t.Context(), f.org, c.ID)
		if err != nil {
			t.Fatal(err)
		}
		if len(turns) < 2 || c.Turns != len(turns) || len(messages) < 3 {
			t.Errorf("a call has %d turns, of %d, and %d messages: %+v, %+v, %+v", len(turns), c.Turns, len(messages), c, turns, messages)
		}
	}
}
