package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"parley/store"
)

// TestQuick runs the whole program, small, on both databases.
func TestQuick(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "report.json")
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-quick", "-calls", "600", "-json", file}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"SQLITE: SQLite 3.", "POSTGRES: PostgreSQL ", "fsync on", "synchronous 2", "600 calls by Recorder.Record"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, &out)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got report
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Databases) != 2 {
		t.Fatalf("%d databases in the report, want 2", len(got.Databases))
	}
	for _, o := range got.Databases {
		if len(o.Lists) != len(queries(tenant{org: store.NewID(), agents: []string{"a"}})) || len(o.Writes) != len(sizes()) || len(o.Reads) != 4 || o.Calls <= 600 {
			t.Errorf("%s: %d lists, %d sizes of transaction, %d reads, %d calls", o.Name, len(o.Lists), len(o.Writes), len(o.Reads), o.Calls)
		}
		for _, w := range o.Writes {
			if w.Product <= 0 || w.Floor <= 0 || w.Each.Count == 0 || w.Bare.Count == 0 {
				t.Errorf("%s: %d entries a transaction: %+v", o.Name, w.Entries, w)
			}
		}
		for _, l := range o.Lists {
			if p := l.Pages[0]; p.Product.Count == 0 || p.Floor.Count == 0 || p.Product.P50 <= 0 || p.Floor.P50 <= 0 {
				t.Errorf("%s: lists by %s: %+v", o.Name, l.Name, p)
			}
		}
	}
}

// TestCopies fills by copying too, keeps the database and measures it again.
func TestCopies(t *testing.T) {
	t.Parallel()
	ctx, dir := t.Context(), t.TempDir()
	const calls, copies = 300, 4
	d, err := open(ctx, "sqlite", dir)
	if err != nil {
		t.Fatal(err)
	}
	tenants, err := d.found(ctx)
	if err != nil {
		t.Fatal(err)
	}
	const window = 0x18c0ffee
	if _, err := d.seed(ctx, newTraffic(7, tenants), window, calls); err != nil {
		t.Fatal(err)
	}
	if err := d.multiply(ctx, window, copies, func(int) {}); err != nil {
		t.Fatal(err)
	}
	if err := d.verify(ctx, tenants); err != nil {
		t.Error(err)
	}
	first, total, err := d.store.Calls(ctx, tenants[0].org, store.CallFilter{}, store.Page{Limit: 1})
	if err != nil || len(first) != 1 || total < calls*copies/3 {
		t.Fatalf("calls: %d of %d, %v", len(first), total, err)
	}
	if want := fmt.Sprintf("%08x", window+copies-1); !strings.HasPrefix(first[0].ID, want) {
		t.Errorf("the newest call is %s, want one of the last copy, %s", first[0].ID, want)
	}
	messages, err := d.store.Transcript(ctx, tenants[0].org, first[0].ID)
	if err != nil || first[0].Status != store.Initiated && len(messages) != 2*turnsFill {
		t.Errorf("transcript of a copy: %d messages, %v", len(messages), err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}

	var out bytes.Buffer
	if err := run(ctx, []string{"-quick", "-db", "sqlite", "-calls", "1200", "-dir", dir}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "filled by an earlier run") {
		t.Errorf("it was filled again:\n%s", &out)
	}
	if err := run(ctx, []string{"-quick", "-db", "sqlite", "-calls", "9000", "-dir", dir}, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "use another -dir") {
		t.Errorf("a directory with too few calls: %v", err)
	}
}

// TestVerify shows that a wrong counter and a missing row are found.
func TestVerify(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	d, err := open(ctx, "sqlite", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	_, tenants, err := d.fill(ctx, 200, func(string, ...any) {})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.bare.write.ExecContext(ctx, "UPDATE call_counts SET n = n + 1 WHERE org = $1 AND status = 'completed'", tenants[0].org); err != nil {
		t.Fatal(err)
	}
	if err := d.verify(ctx, tenants); err == nil || !strings.Contains(err.Error(), "the total of calls by none is") {
		t.Errorf("counters that are wrong: %v", err)
	}
	if err := d.bare.prepareTables(ctx); err != nil {
		t.Fatal(err)
	}
	if err := d.bare.prepareLists(ctx, queries(tenants[0])); err != nil {
		t.Fatal(err)
	}
	if err := d.check(ctx, tenants[0], page{query: query{name: "none"}}); err == nil || !strings.Contains(err.Error(), "the total is") {
		t.Errorf("a page whose total is wrong: %v", err)
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, plan string
		rare       bool
		want       string
	}{
		{name: "sqlite", plan: "CO-ROUTINE page\n  SEARCH calls USING COVERING INDEX calls_org (org=?)\nSCAN page\nSEARCH calls USING INDEX sqlite_autoindex_calls_1 (id=?)\nUSE TEMP B-TREE FOR ORDER BY"},
		{name: "sqlite sorts", plan: "CO-ROUTINE page\n  SEARCH calls USING INDEX calls_org (org=?)\n  USE TEMP B-TREE FOR ORDER BY\nSCAN page", want: "sorted"},
		{name: "sqlite scans", plan: "CO-ROUTINE page\n  SCAN calls USING INDEX calls_open\nSCAN page", want: "whole table"},
		{name: "postgres", plan: "Sort  (cost=1 rows=50)\n  Sort Key: calls.id DESC\n  ->  Nested Loop\n        ->  Limit  (cost=1 rows=50)\n              ->  Index Only Scan Backward using calls_org on calls calls_1\n        ->  Index Scan using calls_id_key on calls"},
		{name: "postgres sorts", plan: "Nested Loop\n  ->  Limit  (cost=1)\n        ->  Sort  (cost=1)\n              ->  Bitmap Heap Scan on calls", want: "sorted"},
		{name: "postgres sorts little", plan: "Nested Loop\n  ->  Limit  (cost=1)\n        ->  Sort  (cost=1)\n              ->  Bitmap Heap Scan on calls", rare: true},
		{name: "postgres scans", plan: "Limit  (cost=1)\n  ->  Gather\n        ->  Parallel Seq Scan on calls", rare: true, want: "whole table"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := judge(strings.Split(c.plan, "\n"), c.rare)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestTally(t *testing.T) {
	t.Parallel()
	all := newTally()
	for _, round := range []int{3, 1, 2} {
		for i := range 100 {
			all.add(time.Duration(round*(i+1)) * time.Millisecond)
		}
		all.turn()
	}
	all.turn() // a round without a count is none
	got := all.latency([]int{0, 1, 2})
	if math.Abs(got.P50-100) > 2 || math.Abs(got.P99-198) > 4 || got.Worst != 300 || got.Count != 300 {
		t.Errorf("got %+v, want p50 100, p99 198: those of the round in the middle; and the worst of all", got)
	}
	if got := all.latency([]int{1}); math.Abs(got.P50-50) > 1 {
		t.Errorf("got %+v, want p50 50, of the one round that counts", got)
	}
	if got := newTally().latency([]int{0}); got != (latency{}) {
		t.Errorf("nothing counted: %+v", got)
	}
}

// TestPaced shows that a pause is charged to all that it delays, and nothing else is.
func TestPaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		times := newTally()
		var all []side
		for i := range 10 {
			all = append(all, side{tally: times, do: func(context.Context) error {
				time.Sleep(map[bool]time.Duration{false: time.Millisecond, true: 45 * time.Millisecond}[i == 2])
				return nil
			}})
		}
		if err := paced(t.Context(), 10*time.Millisecond, all); err != nil {
			t.Fatal(err)
		}
		var got []int
		for _, bar := range times.now.Distribution() {
			for range bar.Count {
				got = append(got, int(math.Round(float64(bar.To)/1e6)))
			}
		}
		// The third takes 45 ms; the next four were due meanwhile.
		if diff := cmp.Diff([]int{1, 1, 1, 1, 1, 9, 18, 27, 36, 45}, got); diff != "" {
			t.Errorf("ms, -want +got\n%s", diff)
		}
	})
}

func TestLive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := live{late: newTally()}
		stream := newStream(newTraffic(1, []tenant{{org: store.NewID(), agents: []string{"a"}}}))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var batches []int
		err := l.run(ctx, func(_ context.Context, entries []store.Entry) error {
			batches = append(batches, len(entries))
			if len(batches) == 100 {
				time.Sleep(time.Second)
			}
			return nil
		}, stream, 10)
		if err != nil {
			t.Fatal(err)
		}
		if want := 10 * 10 * entriesEach; math.Abs(float64(l.entries)-want) > 3 {
			t.Errorf("%d entries in 10 s, want %.0f: what came during a pause is written after it", l.entries, want)
		}
		if l.transactions != len(batches) || slices.Max(batches) < 50 || l.late.worst < 990*time.Millisecond {
			t.Errorf("%d transactions, the largest %d, the latest entry after %v", l.transactions, slices.Max(batches), l.late.worst)
		}
		gone := errors.New("gone")
		if err := l.run(t.Context(), func(context.Context, []store.Entry) error { return gone }, stream, 10); !errors.Is(err, gone) {
			t.Errorf("a writer that fails: %v", err)
		}
	})
}

// TestTraffic holds the calls to what the lists count on.
func TestTraffic(t *testing.T) {
	t.Parallel()
	tenants := make([]tenant, len(shares()))
	for i := range tenants {
		tenants[i].org = store.NewID()
		tenants[i].campaign = campaign(tenants[i].org)
		for range agentsEach {
			tenants[i].agents = append(tenants[i].agents, store.NewID())
		}
	}
	traffic := newTraffic(1, tenants)
	at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	const calls = 20000
	counts, entries, last := map[string]int{}, 0, ""
	for i := range calls {
		all := traffic.call(at.Add(time.Duration(i)*time.Millisecond), turnsEach)
		entries += len(all)
		c := all[0].Began
		if id, err := uuid.Parse(c.ID); err != nil || id.Version() != 7 || id.Variant() != uuid.RFC4122 || c.ID <= last {
			t.Fatalf("call %s after %s: %v", c.ID, last, err)
		}
		last = c.ID
		status := c.Status
		if e := all[len(all)-1].Ended; e != nil {
			status = e.Status
			if got := len(e.Messages); got != 2*turnsEach {
				t.Fatalf("a call of %d turns ends with %d messages", turnsEach, got)
			}
		}
		counts[string(status)]++
		if c.Org == tenants[0].org {
			counts["measured"]++
			if c.Agent == tenants[0].agents[0] {
				counts["busiest"]++
			}
			if c.Task == tenants[0].campaign {
				counts["campaign"]++
			}
		}
	}
	for name, want := range map[string]float64{
		"completed": 0.9, "failed": 0.08, "in_progress": 0.015, "initiated": 0.005, "measured": 0.5, "busiest": 0.18, "campaign": 0.025,
	} {
		if got := float64(counts[name]) / calls; math.Abs(got-want) > 0.012 {
			t.Errorf("%s: %.3f of the calls, want %.3f", name, got, want)
		}
	}
	if got := float64(entries) / calls; math.Abs(got-entriesEach) > 0.02 {
		t.Errorf("%.3f entries a call, want %.3f", got, entriesEach)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"-calls 0":   "-calls",
		"-rounds 0":  "-rounds",
		"-passes 0":  "-passes",
		"-full 0s":   "-full",
		"-live 0":    "-live",
		"-db oracle": `"oracle" is neither sqlite nor postgres`,
	} {
		if err := run(t.Context(), strings.Fields(args), io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", args, err, want)
		}
	}
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	page := func(p99 float64) comparison { return comparison{Product: latency{P99: p99}} }
	r := report{Databases: []*outcome{{Name: "sqlite", Lists: []listed{
		{Name: "none", Pages: map[int]comparison{0: page(1), 10000: page(2)}, Flat: 2},
		{Name: "task_id", Pages: map[int]comparison{0: page(1), 10000: page(flatBar + 1)}, Flat: flatBar + 1},
		{Name: "status", Pages: map[int]comparison{0: page(deepBar + 1)}},
	}}}}
	err := r.verdict()
	if err == nil || strings.Contains(err.Error(), "none") || !strings.Contains(err.Error(), "calls by task_id: p99 grows") || !strings.Contains(err.Error(), "calls by status from 0") {
		t.Errorf("got %v", err)
	}
	r.Databases[0].Disturbed = true
	if err := r.verdict(); err != nil {
		t.Errorf("neighbours are not the store's fault: %v", err)
	}
	r.Databases[0].Disturbed, r.Quick = false, true
	if err := r.verdict(); err != nil {
		t.Errorf("quick tells no times: %v", err)
	}
}
