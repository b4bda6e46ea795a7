package webhook_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/control/webhook"
	"parley/store"
	"parley/store/storetest/litetest"
)

// redeliver turns redelivery on.
func (h *house) redeliver() {
	h.t.Helper()
	_, err := h.db.UpdateWebhookSettings(h.t.Context(), h.org, func(w *store.WebhookSettings) error { w.Redelivery = true; return nil })
	must(h.t, err)
}

// soon is the schedule in milliseconds.
func soon() webhook.Timing {
	t := webhook.Timing{Every: 10 * time.Millisecond}
	for range webhook.Schedule() {
		t.Retries = append(t.Retries, time.Millisecond)
	}
	return t
}

// TestOneTry: without redelivery there is one try, as the page has it; a replay is another.
func TestOneTry(t *testing.T) {
	t.Parallel()
	h := newHouse(t, litetest.New(t, ""))
	var status atomic.Int64
	status.Store(500)
	e := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(status.Load())) })
	s, _ := h.run(func(o *webhook.Options) { o.Timing = soon() })
	_, call := h.call(e.at("a"))
	h.until("it has failed", func() bool { return h.count(store.DeliveryFilter{Status: store.DeliveryFailed}) == 1 })
	all, _, err := h.db.Deliveries(t.Context(), h.org, store.DeliveryFilter{Call: call}, store.Page{Limit: 1})
	must(t, err)
	if got := e.all(); len(got) != 1 || all[0].Attempts != 1 || all[0].Kind != store.CallStarted {
		t.Fatalf("%d tries: %+v", len(got), all[0])
	}
	status.Store(410) // which disables nothing here
	for range 2 {
		_, err = h.db.ReplayDelivery(t.Context(), h.org, all[0].ID, time.Now().UTC())
		must(t, err)
		s.Wake()
		h.settled(all[0].ID)
		status.Store(200)
	}
	got := e.all()
	if d := h.settled(all[0].ID); d.Status != store.DeliveryDelivered || d.Attempts != 3 || len(h.attempts(d.ID)) != 3 || len(got) != 3 {
		t.Fatalf("after two replays: %+v, %d requests", d, len(got))
	}
	if got[0].id != got[2].id || got[0].body != got[2].body || got[0].id != all[0].ID {
		t.Errorf("what was replayed differs: %+v", got)
	}
}

// TestRedelivery: what fails is tried ten times, under one id and with one body; the events of a call stay in order while it does not
// fail for long.
func TestRedelivery(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		h := newHouse(t, url)
		h.redeliver()
		dead := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
		var mu sync.Mutex
		tries := map[string]int{}
		slow := newEndpoint(t, func(w http.ResponseWriter, r *http.Request) { // the third try is taken
			mu.Lock()
			defer mu.Unlock()
			if tries[r.Header.Get("webhook-id")]++; tries[r.Header.Get("webhook-id")] < store.HoldTries {
				w.WriteHeader(500)
			}
		})
		_, call := h.call(dead.at("a"))
		_, other := h.call(slow.at("b"))
		h.end(other, store.Completed)
		h.run(func(o *webhook.Options) { o.Timing = soon() })
		h.until("the dead one is given up", func() bool { return h.count(store.DeliveryFilter{Status: store.DeliveryFailed}) == 1 })
		h.until("the other has all", func() bool { return h.count(store.DeliveryFilter{Status: store.DeliveryDelivered}) == 2 })
		got := dead.all()
		if len(got) != 10 {
			t.Errorf("%d tries", len(got))
		}
		for _, one := range got {
			if one.id != got[0].id || one.body != got[0].body || !verifies(one, h.secret) {
				t.Errorf("a try differs: %+v", one)
			}
		}
		all, _, err := h.db.Deliveries(t.Context(), h.org, store.DeliveryFilter{Call: call}, store.Page{Limit: 1})
		must(t, err)
		if d := all[0]; d.Attempts != 10 || d.Tries != 10 || d.Code != 503 || len(h.attempts(d.ID)) != 10 {
			t.Errorf("%+v", d)
		}
		var order []string
		for _, one := range slow.all() {
			order = append(order, one.event)
		}
		want := strings.Repeat(store.CallStarted+" ", 3) + strings.TrimSpace(strings.Repeat(store.CallCompleted+" ", 3))
		if got := strings.Join(order, " "); got != want {
			t.Errorf("order %s, want %s", got, want)
		}
	})
}

// TestGone: an answer of 410 disables a URL, and no other of the same host, until it is enabled.
func TestGone(t *testing.T) {
	t.Parallel()
	h := newHouse(t, litetest.New(t, ""))
	h.redeliver()
	var status atomic.Int64
	status.Store(410)
	e := newEndpoint(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hook" {
			w.WriteHeader(int(status.Load()))
		}
	})
	h.run(func(o *webhook.Options) { o.Timing = soon() })
	_, call := h.call(e.at("a"))
	h.until("it is gone", func() bool { return h.count(store.DeliveryFilter{Status: store.DeliveryFailed}) == 1 })
	h.end(call, store.Completed)
	_, other := h.call(e.at("a") + "/other")
	h.until("the other is told", func() bool { return h.count(store.DeliveryFilter{Status: store.DeliveryDelivered}) == 1 })
	h.until("the end is not", func() bool { return h.count(store.DeliveryFilter{Status: store.DeliveryFailed}) == 2 })
	if n := len(e.all()); n != 2 {
		t.Errorf("%d requests", n)
	}
	ends, _, err := h.db.Deliveries(t.Context(), h.org, store.DeliveryFilter{Call: call, Kind: store.CallCompleted}, store.Page{Limit: 1})
	must(t, err)
	if d := ends[0]; d.Attempts != 0 || !strings.Contains(d.Error, "disabled") || !strings.Contains(d.Error, "410") {
		t.Errorf("what was not sent: %+v", d)
	}
	status.Store(200)
	must(t, h.db.EnableEndpoints(t.Context(), h.org, []string{e.at("a")}))
	_, err = h.db.ReplayDelivery(t.Context(), h.org, ends[0].ID, time.Now().UTC())
	must(t, err)
	if d := h.settled(ends[0].ID); d.Status != store.DeliveryDelivered || other == "" {
		t.Errorf("after it was enabled: %+v", d)
	}
}

// TestRotation: for a while both secrets sign, then the new one alone. What nobody has made a secret for is signed all the same.
func TestRotation(t *testing.T) {
	t.Parallel()
	h := newHouse(t, litetest.New(t, ""))
	e := newEndpoint(t, nil)
	_, stop := h.run(nil)
	next, w, err := h.secrets.Rotate(t.Context(), h.org, time.Hour)
	must(t, err)
	if left := time.Until(w.FormerUntil); left > time.Hour || left < 50*time.Minute {
		t.Errorf("the former secret signs for %v", left)
	}
	h.settled(h.test(e.URL).ID)
	last, _, err := h.secrets.Rotate(t.Context(), h.org, 0)
	must(t, err)
	h.settled(h.test(e.URL).ID)
	got := e.all()
	if !verifies(got[0], h.secret) || !verifies(got[0], next) || len(got[0].signatures) != 2 {
		t.Errorf("while it is rotated: %+v", got[0])
	}
	if verifies(got[1], next) || !verifies(got[1], last) || len(got[1].signatures) != 1 {
		t.Errorf("after it was rotated: %+v", got[1])
	}
	stop()

	d := h.test(e.URL)
	_, stop = h.run(func(o *webhook.Options) { // a node that does not share the secret sends nothing, and loses nothing
		o.Secrets = &webhook.Secrets{Rules: h.db, Vault: newVault(t, []byte("another secret, of another node"))}
	})
	h.until("it waits", func() bool {
		d, err := h.db.Delivery(t.Context(), h.org, d.ID)
		must(t, err)
		return d.Status == store.DeliveryPending && strings.Contains(d.Error, "secret")
	})
	stop()
	if n := len(e.all()); n != 2 {
		t.Errorf("%d requests", n)
	}
	fresh := &webhook.Secrets{Rules: h.db, Vault: newVault(t, []byte("another secret, of another node"))}
	if _, w, err = fresh.Rotate(t.Context(), h.org, time.Hour); err != nil || w.Former != (store.Sealed{}) || !w.FormerUntil.IsZero() {
		t.Errorf("a secret that cannot be opened is to sign on: %+v, %v", w, err)
	}
	org, err := h.db.CreateOrganisation(t.Context(), store.Organisation{ID: store.NewID(), Name: "New", Created: time.Now()})
	must(t, err)
	h.org = org.ID
	h.run(nil)
	h.settled(h.test(e.URL).ID)
	if settings, err := h.db.WebhookSettings(t.Context(), h.org); err != nil || settings.Secret.Text == "" || len(e.all()) != 3 {
		t.Errorf("settings of one that has none: %+v, %v", settings, err)
	}
}

// TestDeadBesideGood: an endpoint that does not answer holds a few slots, and none of a hundred others waits for it.
func TestDeadBesideGood(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		h := newHouse(t, url)
		var now, most atomic.Int64
		release := make(chan struct{})
		dead := newEndpoint(t, func(http.ResponseWriter, *http.Request) {
			most.Store(max(most.Load(), now.Add(1)))
			<-release
			now.Add(-1)
		})
		answer := sync.OnceFunc(func() { close(release) })
		t.Cleanup(answer) // before the endpoint waits for its handlers
		good := newEndpoint(t, nil)
		const each, waiting = 2, 20
		for range waiting { // they have been waiting for longer than any other
			h.test(dead.at("dead"))
		}
		var wanted []store.Delivery
		for i := range 100 * each {
			wanted = append(wanted, h.test(good.at(fmt.Sprint("good", i%100))))
		}
		_, stop := h.run(func(o *webhook.Options) { o.Timing.Timeout, o.Timing.Lease = 10*time.Minute, 20*time.Minute })
		h.until("all that can be told is", func() bool {
			h.noneFailed()
			return h.count(store.DeliveryFilter{Status: store.DeliveryDelivered}) == len(wanted)
		})
		if n := h.count(store.DeliveryFilter{Status: store.DeliveryPending}); n != waiting {
			t.Errorf("%d of %d are pending: the dead one was not", n, waiting)
		}
		if got := len(good.all()); got != len(wanted) || most.Load() > 4 {
			t.Errorf("%d requests for %d deliveries; the dead one held %d slots", got, len(wanted), most.Load())
		}
		answer()
		stop()
	})
}

// TestTwoNodes: of nodes that send from one database, one sends each delivery.
func TestTwoNodes(t *testing.T) {
	t.Parallel()
	h := newHouse(t, postgres.URL(t))
	e := newEndpoint(t, nil)
	const many = 200
	for i := range many {
		h.test(e.at(fmt.Sprint("host", i%20)))
	}
	var by [2]atomic.Int64
	var stops []func()
	for i := range by {
		_, stop := h.run(func(o *webhook.Options) {
			o.Timing.Lease = 3 * time.Minute // no node is so slow
			o.Observe = func(string, string, time.Duration) { by[i].Add(1) }
		})
		stops = append(stops, stop)
	}
	h.until("all is told", func() bool {
		h.noneFailed()
		return h.count(store.DeliveryFilter{Status: store.DeliveryDelivered}) == many
	})
	for _, stop := range stops {
		stop()
	}
	seen := map[string]int{}
	for _, one := range e.all() {
		if seen[one.id]++; seen[one.id] > 1 {
			t.Errorf("%s was sent %d times", one.id, seen[one.id])
		}
	}
	if len(seen) != many || by[0].Load()+by[1].Load() != many {
		t.Errorf("%d deliveries, %d by one node and %d by the other", len(seen), by[0].Load(), by[1].Load())
	}
	t.Logf("one node sent %d, the other %d", by[0].Load(), by[1].Load())
}

// TestForgotten: what was settled long ago leaves the log; what is pending stays.
func TestForgotten(t *testing.T) {
	t.Parallel()
	h := newHouse(t, litetest.New(t, ""))
	e := newEndpoint(t, nil)
	_, stop := h.run(nil)
	d := h.settled(h.test(e.URL).ID)
	stop()
	waiting := h.test(newEndpoint(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }).URL)
	h.run(func(o *webhook.Options) {
		o.Timing.Keep, o.Timing.Every, o.Timing.Timeout = time.Nanosecond, time.Hour, time.Hour
	})
	h.until("it is forgotten", func() bool { return h.count(store.DeliveryFilter{Status: store.DeliveryDelivered}) == 0 })
	if _, err := h.db.Delivery(t.Context(), h.org, d.ID); err == nil {
		t.Errorf("%s is there", d.ID)
	}
	if _, err := h.db.Delivery(t.Context(), h.org, waiting.ID); err != nil {
		t.Error(err)
	}
}
