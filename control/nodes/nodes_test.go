package nodes_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"parley/control/bus"
	"parley/control/nodes"
	"parley/pipeline"
	"parley/store"
)

// A database is what store/sql promises of nodes and errands, in memory: without calls, of which store/storetest knows.
type database struct {
	mu      sync.Mutex
	nodes   map[string]store.Node
	steady  map[string]time.Time
	errands map[string]store.Errand
	answers map[string]string
	beats   map[string]int
	buried  map[string]string // by whom
	away    map[string]bool   // from a node, or "" from everybody
	deaf    bool              // errands are not taken
}

func newDatabase() *database {
	return &database{
		nodes: map[string]store.Node{}, steady: map[string]time.Time{}, errands: map[string]store.Errand{}, answers: map[string]string{},
		beats: map[string]int{}, buried: map[string]string{}, away: map[string]bool{},
	}
}

func (d *database) reach(boot string) error {
	if d.away[boot] || d.away[""] {
		return fmt.Errorf("reach: %w", store.ErrUnavailable)
	}
	return nil
}

func (d *database) set(boot string, away bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.away[boot] = away
}

// seen is a copy of what tests look at.
func (d *database) seen() *database {
	d.mu.Lock()
	defer d.mu.Unlock()
	return &database{nodes: maps.Clone(d.nodes), beats: maps.Clone(d.beats), buried: maps.Clone(d.buried), errands: maps.Clone(d.errands)}
}

func (d *database) refuse(errands bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.deaf = errands
}

func (d *database) Installation(context.Context) (string, error) { return "house", nil }

func (d *database) Beat(_ context.Context, n store.Node, v store.Vigil) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.reach(n.Boot); err != nil {
		return 0, err
	}
	d.beats[n.Boot]++
	was, known := d.nodes[n.Boot]
	now := time.Now()
	if !known || now.Sub(was.Beat) > v.Gap {
		d.steady[n.Boot] = now
	}
	n.Beat = now
	d.nodes[n.Boot] = n
	if !was.Gone.IsZero() {
		return 7, nil
	}
	return 0, nil
}

func (d *database) Bury(_ context.Context, by string, v store.Vigil) (store.Burial, bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.reach(by); err != nil {
		return store.Burial{}, false, err
	}
	us, now := d.nodes[by], time.Now()
	if us.Boot == "" || now.Sub(d.steady[by]) < v.Silent || now.Sub(us.Beat) > v.Gap {
		return store.Burial{}, false, nil
	}
	for boot, n := range d.nodes {
		if boot != by && n.Gone.IsZero() && now.Sub(n.Beat) > v.Silent {
			n.Gone = now
			d.nodes[boot], d.buried[boot] = n, by
			return store.Burial{Node: n, Calls: []string{"call"}}, true, nil
		}
	}
	return store.Burial{}, false, nil
}

func (d *database) Leave(_ context.Context, boot string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.nodes, boot)
	return d.reach(boot)
}

func (d *database) Nodes(context.Context, store.Page) ([]store.Node, int64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := slices.SortedFunc(maps.Values(d.nodes), func(a, b store.Node) int { return cmp.Compare(a.Boot, b.Boot) })
	return all, int64(len(all)), nil
}

func (d *database) SendErrand(_ context.Context, e store.Errand) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.deaf {
		return store.ErrUnavailable
	}
	d.errands[e.ID] = e
	return nil
}

func (d *database) Errands(_ context.Context, boot string, limit int) (all []store.Errand, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, e := range d.errands {
		if e.Boot == boot && d.answers[id] == "" && len(all) < limit {
			all = append(all, e)
		}
	}
	return all, d.reach(boot)
}

func (d *database) AnswerErrand(_ context.Context, id, answer string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answers[id] = answer
	return nil
}

func (d *database) ErrandAnswer(_ context.Context, id string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.errands[id]; !ok {
		return "", store.ErrNotFound
	}
	return d.answers[id], nil
}

func (d *database) DropErrand(_ context.Context, id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.errands, id)
	return nil
}

// A peer is a node at work.
type peer struct {
	*nodes.Node
	boot string
	kill func() // as SIGKILL: it says no word
	did  chan nodes.Order
	log  *bytes.Buffer // read when it is over
}

// join makes a node work. Its bus may be its own: then nobody hears it but by the database.
func join(t *testing.T, d *database, b bus.Bus, boot string, change func(*nodes.Options)) *peer {
	t.Helper()
	p := &peer{boot: boot, did: make(chan nodes.Order, 16), log: &bytes.Buffer{}}
	o := nodes.Options{
		Store: d, Bus: b, Self: store.Node{Boot: boot, Node: "dir"}, Calls: func() int { return 4 }, Draining: func() bool { return false },
		Do:  func(_ context.Context, o nodes.Order) error { p.did <- o; return nil },
		Log: slog.New(slog.NewTextHandler(p.log, nil)),
	}
	if change != nil {
		change(&o)
	}
	p.Node = nodes.New(o)
	ctx, kill := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	p.kill = sync.OnceFunc(func() {
		kill()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(p.kill)
	return p
}

// pass lets time pass, and all that happens in it.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// TestBuries: a node that dies is buried by one other, in time; those that live are not, and one that leaves is not either.
func TestBuries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, b := newDatabase(), &bus.Local{}
		one, two, dead, left := join(t, d, b, "one", nil), join(t, d, b, "two", nil), join(t, d, b, "dead", nil), join(t, d, b, "left", nil)
		pass(time.Minute)
		if len(d.seen().buried) != 0 || d.seen().beats["one"] != 12 && d.seen().beats["one"] != 13 {
			t.Errorf("in a minute: buried %v, one beat %d times", d.seen().buried, d.seen().beats["one"])
		}
		dead.kill()
		left.kill()
		if err := left.Leave(t.Context()); err != nil {
			t.Error(err)
		}
		died := time.Now()
		for d.seen().buried["dead"] == "" && time.Since(died) < time.Minute {
			pass(100 * time.Millisecond)
		}
		if took := time.Since(died); took > 23*time.Second || took < 15*time.Second {
			t.Errorf("buried after %v", took)
		}
		pass(time.Minute)
		if len(d.seen().buried) != 1 || one.Stats().Buried+two.Stats().Buried != 1 {
			t.Errorf("buried: %v", d.seen().buried)
		}
		if all, _, _ := d.Nodes(t.Context(), store.Page{}); len(all) != 3 {
			t.Errorf("nodes: %+v", all)
		}
	})
}

// TestDatabaseAway: while nobody reaches the database, and after it, nobody is buried. Who alone does not reach it is, and comes back.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, b := newDatabase(), &bus.Local{}
		one, two := join(t, d, b, "one", nil), join(t, d, b, "two", nil)
		pass(time.Minute)
		d.set("", true)
		pass(10 * time.Minute)
		d.set("", false)
		pass(time.Minute)
		if len(d.seen().buried) != 0 {
			t.Fatalf("buried %v", d.seen().buried)
		}
		d.set("two", true)
		pass(30 * time.Second)
		if d.seen().buried["two"] != "one" {
			t.Errorf("buried %v", d.seen().buried)
		}
		if age := two.Stats().Beat; age < 29*time.Second || age > 36*time.Second {
			t.Errorf("last heard of %v ago", age)
		}
		d.set("two", false)
		pass(1100 * time.Millisecond) // it has tried each second
		if !d.seen().nodes["two"].Gone.IsZero() || two.Stats().Reopened != 7 {
			t.Errorf("after it came back: %+v, %+v", d.seen().nodes["two"], two.Stats())
		}
		pass(time.Minute)
		one.kill()
		two.kill()
		if n := strings.Count(two.log.String(), "does not hear of this node"); n != 2 {
			t.Errorf("said %d times that it is not heard of:\n%s", n, two.log)
		}
		if len(d.seen().buried) != 1 {
			t.Errorf("buried %v", d.seen().buried)
		}
	})
}

// TestDrainIsTold: others hear soon how a node does.
func TestDrainIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, draining := newDatabase(), &atomic.Bool{}
		p := join(t, d, &bus.Local{}, "one", func(o *nodes.Options) { o.Draining = draining.Load })
		synctest.Wait()
		draining.Store(true)
		p.Touch()
		p.Touch()
		synctest.Wait()
		if n := d.seen().nodes["one"]; !n.Draining || n.Calls != 4 {
			t.Errorf("the others see %+v", n)
		}
	})
}

// TestTell: an order reaches its node by the bus, or else by the database; what comes of it comes back.
func TestTell(t *testing.T) {
	t.Parallel()
	for name, shared := range map[string]bool{"by the bus": true, "by the database": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d, b := newDatabase(), &bus.Local{}
				theirs := b
				if !shared {
					theirs = &bus.Local{}
				}
				var fails error
				asker := join(t, d, b, "asker", nil)
				asked := join(t, d, theirs, "asked", nil)
				failing := join(t, d, theirs, "failing", func(o *nodes.Options) {
					o.Do = func(context.Context, nodes.Order) error { return fails }
				})
				pass(10 * time.Second)
				order := nodes.Order{Act: nodes.Cancel, Call: "call"}
				began := time.Now()
				if err := asker.Tell(t.Context(), "asked", order); err != nil {
					t.Fatal(err)
				}
				took := time.Since(began)
				if got := <-asked.did; got != order {
					t.Errorf("it was asked for %+v", got)
				}
				fails = &nodes.Refusal{Reason: "transfer: this call cannot be transferred"}
				var no *nodes.Refusal
				err := asker.Tell(t.Context(), "failing", nodes.Order{Act: nodes.Do, Call: "call", Command: &pipeline.Command{Kind: pipeline.Transfer, To: "+15550100"}})
				if !errors.As(err, &no) || no.Reason != fails.Error() {
					t.Errorf("a refusal comes back as %v", err)
				}
				if shared && took != 0 || took > 1200*time.Millisecond {
					t.Errorf("that took %v", took)
				}
				fails = fmt.Errorf("do: %w", nodes.ErrNotLive)
				if err := asker.Tell(t.Context(), "failing", order); !errors.Is(err, nodes.ErrNotLive) {
					t.Errorf("of a call that is not live: %v", err)
				}
				fails = errors.New("out of order")
				if err := asker.Tell(t.Context(), "failing", order); err == nil || !strings.Contains(err.Error(), "out of order") {
					t.Errorf("of one that fails: %v", err)
				}
				if err := failing.Tell(t.Context(), "failing", order); !errors.Is(err, fails) {
					t.Errorf("of itself: %v", err)
				}
				if s := asker.Stats(); s.Told != 4 || s.Silent != 0 || shared != (s.Sent == 0) {
					t.Errorf("%+v", s)
				}
				if len(d.seen().errands) != 0 {
					t.Errorf("errands are left: %v", d.seen().errands)
				}
			})
		})
	}
}

// TestSilence: who does not answer is waited for no longer than promised, and does not do it later.
func TestSilence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, b := newDatabase(), &bus.Local{}
		asker := join(t, d, b, "asker", nil)
		join(t, d, b, "stuck", func(o *nodes.Options) {
			o.Do = func(ctx context.Context, _ nodes.Order) error { <-ctx.Done(); return ctx.Err() }
		})
		synctest.Wait()
		order := nodes.Order{Act: nodes.End, Call: "call"}
		for boot, longest := range map[string]time.Duration{"nobody": 4100 * time.Millisecond, "stuck": 6100 * time.Millisecond} {
			began := time.Now()
			if err := asker.Tell(t.Context(), boot, order); err == nil {
				t.Errorf("%s answered", boot)
			} else if boot == "nobody" && !errors.Is(err, nodes.ErrSilent) {
				t.Errorf("%s: %v", boot, err)
			}
			if took := time.Since(began); took > longest {
				t.Errorf("%s was waited for %v", boot, took)
			}
		}
		if len(d.seen().errands) != 0 {
			t.Errorf("errands are left: %v", d.seen().errands)
		}
		d.refuse(true)
		if err := asker.Tell(t.Context(), "nobody", order); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("without a database: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		d.refuse(false)
		if err := asker.Tell(ctx, "nobody", order); !errors.Is(err, nodes.ErrSilent) {
			t.Errorf("with a context that is over: %v", err)
		}
	})
}

// TestBadOrder: what is no order is answered as such.
func TestBadOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &bus.Local{}
		join(t, newDatabase(), b, "one", nil)
		synctest.Wait()
		answer, err := b.Ask(t.Context(), bus.NodeCommands("one"), []byte("nonsense"))
		var out struct {
			Done  bool   `json:"done"`
			Error string `json:"error"`
		}
		if err != nil || json.Unmarshal(answer, &out) != nil || out.Done || out.Error == "" {
			t.Errorf("answered %s, %v", answer, err)
		}
	})
}
