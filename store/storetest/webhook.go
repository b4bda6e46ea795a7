package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/store"
)

// newDelivery is one that belongs to no call.
func newDelivery(org, url string) store.Delivery {
	return store.Delivery{ID: store.NewID(), Org: org, Kind: store.WebhookTest, URL: url, Payload: `{"event_type":"test"}`, Created: start}
}

func addDelivery(t *testing.T, s Store, d store.Delivery) store.Delivery {
	t.Helper()
	made, err := s.AddDelivery(t.Context(), d)
	ok(t, err)
	return made
}

// takeAll takes what is due at a time, without limits, until a minute later.
func takeAll(t *testing.T, s Store, node string, now time.Time) []store.Delivery {
	t.Helper()
	hosts, err := s.DueHosts(t.Context(), now)
	ok(t, err)
	taking := store.DeliveryTaking{Node: node, Now: now, Until: now.Add(time.Minute)}
	for _, h := range hosts {
		taking.Hosts = append(taking.Hosts, store.HostShare{Host: h, Most: 100})
	}
	taken, err := s.TakeDeliveries(t.Context(), taking)
	ok(t, err)
	return taken
}

// tried is an attempt that failed at a time, and is to be made again.
func tried(d store.Delivery, at, again time.Time) store.Outcome {
	return store.Outcome{Delivery: d, Attempt: &store.DeliveryAttempt{Created: at, Took: 3 * time.Millisecond, Code: 500, Error: "status 500", Answer: "oh\x00 no"},
		Status: store.DeliveryPending, Due: again, Code: 500, Error: "status 500", At: at}
}

func delivered(d store.Delivery, at time.Time) store.Outcome {
	return store.Outcome{Delivery: d, Attempt: &store.DeliveryAttempt{Created: at, Took: time.Second, Code: 204}, Status: store.DeliveryDelivered, Code: 204, At: at}
}

// testOutbox: an event of a task's call has its delivery, if the task wants it told; once, however often it is written.
func testOutbox(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	some := makeTask(t, h, func(task *store.Task) { task.WebhookURL = "https://Example.COM:443/hook?a=b" }) // call_started, call_failed
	every := makeTask(t, h, func(task *store.Task) {
		task.WebhookURL, task.WebhookEvents = "https://hooks.example.com:8443/", nil
	})
	silent := makeTask(t, h, func(task *store.Task) { task.WebhookURL = "" })
	for i, task := range []store.Task{some, every, silent} {
		execute(t, s, task)
		d := take(t, s, h.Org, 1)[0]
		ok(t, s.UnaskDial(ctx, d.Call, d.Node, time.Time{}))
		if again := take(t, s, h.Org, 1); len(again) != 1 || again[0].Call != d.Call {
			t.Fatalf("taken again: %+v", again)
		}
		e := store.Ended{Call: d.Call, Status: []store.Status{store.Completed, store.Completed, store.Failed}[i], End: store.End{Ended: start.Add(2 * time.Hour)}}
		for range 2 {
			ok(t, s.Record(ctx, []store.Entry{{Ended: &e}}))
		}
	}
	list := func(f store.DeliveryFilter) (all []string) {
		rows, total, err := s.Deliveries(ctx, h.Org, f, store.Page{Limit: 3})
		ok(t, err)
		if int(total) < len(rows) {
			t.Errorf("%+v: %d rows, total %d", f, len(rows), total)
		}
		for _, d := range rows {
			all = append(all, fmt.Sprint(d.Host, " ", d.Kind, " ", d.Status))
		}
		return all
	}
	same(t, "deliveries of the task that wants some", list(store.DeliveryFilter{Task: some.ID}), []string{"example.com call_started pending"})
	same(t, "deliveries of the task that wants all", list(store.DeliveryFilter{Task: every.ID}),
		[]string{"hooks.example.com:8443 call_completed pending", "hooks.example.com:8443 call_started pending"})
	same(t, "deliveries of the task without a webhook", list(store.DeliveryFilter{Task: silent.ID}), []string(nil))
	same(t, "all", len(list(store.DeliveryFilter{})), 3)
	same(t, "by kind", len(list(store.DeliveryFilter{Kind: store.CallStarted, Status: store.DeliveryPending})), 2)
	same(t, "none", list(store.DeliveryFilter{Status: store.DeliveryFailed}), []string(nil))
	rows, total, err := s.Deliveries(ctx, h.Org, store.DeliveryFilter{}, store.Page{Limit: 1, Offset: 1})
	ok(t, err)
	same(t, "page", []int{len(rows), int(total)}, []int{1, 4}) // with the house's own

	call := readTask(t, s, some).Call
	got, _, err := s.Deliveries(ctx, h.Org, store.DeliveryFilter{Call: call}, all)
	ok(t, err)
	want := store.Delivery{ID: got[0].ID, Number: got[0].Number, Org: h.Org, Task: some.ID, Call: call, Kind: store.CallStarted, URL: some.WebhookURL, Host: "example.com",
		Status: store.DeliveryPending, Due: start.Add(time.Hour), Created: start.Add(time.Hour)}
	same(t, "delivery", got[0], want)
}

// testDeliveryOrder: what is told of a call waits for what was told before, but not for long.
func testDeliveryOrder(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	task := makeTask(t, h, func(task *store.Task) { task.WebhookEvents = nil })
	execute(t, s, task)
	d := take(t, s, h.Org, 1)[0]
	ok(t, s.Record(ctx, []store.Entry{{Ended: &store.Ended{Call: d.Call, Status: store.Completed, End: store.End{Ended: start.Add(time.Hour)}}}}))
	due := func(now time.Time) (kinds []string, taken []store.Delivery) {
		for _, d := range takeAll(t, s, "a", now) {
			if d.Task == task.ID {
				kinds, taken = append(kinds, d.Kind), append(taken, d)
			}
		}
		return kinds, taken
	}
	now := start.Add(2 * time.Hour)
	for try := range store.HoldTries {
		kinds, taken := due(now)
		same(t, fmt.Sprint("taken before try ", try), kinds, []string{store.CallStarted})
		same(t, "nothing more while it is being sent", len(takeAll(t, s, "a", now)), 0)
		now = now.Add(time.Hour)
		ok(t, s.SettleDelivery(ctx, tried(taken[0], now, now)))
	}
	kinds, taken := due(now)
	same(t, "taken after some tries", kinds, []string{store.CallStarted, store.CallCompleted})
	ok(t, s.SettleDelivery(ctx, delivered(taken[1], now)))
	ok(t, s.SettleDelivery(ctx, delivered(taken[0], now)))
	kinds, _ = due(now.Add(time.Hour))
	same(t, "what is left", kinds, []string(nil))
}

// testDeliveryTries: what is taken is its taker's until the lease is over; what became of it is kept, and it can be replayed.
func testDeliveryTries(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	ok(t, s.SettleDelivery(ctx, delivered(takeAll(t, s, "a", start)[0], start))) // the house's own
	made := addDelivery(t, s, newDelivery(h.Org, "https://example.com/a"))
	same(t, "nothing is due before", len(takeAll(t, s, "a", start.Add(-time.Second))), 0)
	now := start
	first := takeAll(t, s, "a", now)
	want := made
	want.Node, want.Due = "a", now.Add(time.Minute)
	same(t, "taken", first, []store.Delivery{want})
	same(t, "taken by another", len(takeAll(t, s, "b", now.Add(59*time.Second))), 0)

	now = now.Add(time.Minute) // the first has crashed, or is slow
	second := takeAll(t, s, "a", now)[0]
	is(t, s.KeepPayload(ctx, first[0], "other"), store.ErrConflict)
	is(t, s.SettleDelivery(ctx, delivered(first[0], now)), store.ErrConflict)
	ok(t, s.KeepPayload(ctx, second, `{"a":1}`))
	ok(t, s.SettleDelivery(ctx, tried(second, now, now.Add(time.Hour))))
	is(t, s.SettleDelivery(ctx, tried(second, now, now)), store.ErrConflict)
	same(t, "nothing is due before the next try", len(takeAll(t, s, "a", now.Add(59*time.Minute))), 0)

	now = now.Add(time.Hour)
	third := takeAll(t, s, "b", now)[0]
	same(t, "what is sent again", []string{third.ID, third.Payload}, []string{made.ID, `{"a":1}`})
	gone := tried(third, now, time.Time{})
	gone.Status, gone.Disable, gone.Code = store.DeliveryFailed, "status 410", 410
	ok(t, s.SettleDelivery(ctx, gone))
	got, err := s.Delivery(ctx, h.Org, made.ID)
	ok(t, err)
	want = made
	want.Status, want.Tries, want.Attempts, want.Due, want.Payload, want.Code, want.Error, want.Settled =
		store.DeliveryFailed, 2, 2, time.Time{}, `{"a":1}`, 410, "status 500", now
	same(t, "after it failed", got, want)
	attempts, total, err := s.DeliveryAttempts(ctx, h.Org, made.ID, store.Page{Limit: 1})
	ok(t, err)
	same(t, "attempts", attempts, []store.DeliveryAttempt{{Delivery: made.ID, N: 2, Created: now, Took: 3 * time.Millisecond, Code: 500, Error: "status 500", Answer: "oh\uFFFD no"}})
	same(t, "number of attempts", total, int64(2))
	testDisabled(t, s, h, made.URL, now)

	again, err := s.ReplayDelivery(ctx, h.Org, made.ID, now.Add(time.Hour))
	ok(t, err)
	want.Status, want.Tries, want.Due, want.Settled = store.DeliveryPending, 0, now.Add(time.Hour), time.Time{}
	same(t, "replayed", again, want)
	_, err = s.ReplayDelivery(ctx, h.Org, made.ID, now)
	is(t, err, store.ErrConflict)
	now = now.Add(time.Hour)
	unsent := store.Outcome{Delivery: takeAll(t, s, "a", now)[0], Status: store.DeliveryFailed, Error: "disabled", At: now}
	ok(t, s.SettleDelivery(ctx, unsent))
	got, err = s.Delivery(ctx, h.Org, made.ID)
	ok(t, err)
	same(t, "without an attempt", []any{got.Status, got.Attempts, got.Error}, []any{store.DeliveryFailed, 2, "disabled"})

	for _, c := range []struct {
		before time.Time
		want   int64
	}{{now, 1}, {now.Add(time.Microsecond), 1}, {now.AddDate(1, 0, 0), 0}} {
		n, err := s.SweepDeliveries(ctx, c.before, 10)
		ok(t, err)
		same(t, fmt.Sprint("swept before ", c.before), n, c.want)
	}
	_, err = s.Delivery(ctx, h.Org, made.ID)
	is(t, err, store.ErrNotFound)
}

// testDisabled: a URL that was disabled stays so until it is enabled.
func testDisabled(t *testing.T, s Store, h House, url string, at time.Time) {
	ctx := t.Context()
	disabled := store.DisabledEndpoint{Org: h.Org, URL: url, Reason: "status 410", Created: at}
	e, err := s.Endpoint(ctx, h.Org, url)
	ok(t, err)
	same(t, "endpoint", e.Disabled, &disabled)
	list, total, err := s.DisabledEndpoints(ctx, h.Org, all)
	ok(t, err)
	same(t, "disabled", list, []store.DisabledEndpoint{disabled})
	same(t, "how many", total, int64(1))
	ok(t, s.EnableEndpoints(ctx, h.Org, []string{"https://nobody.example.com/", url}))
	e, err = s.Endpoint(ctx, h.Org, url)
	ok(t, err)
	same(t, "endpoint", e, store.Endpoint{WebhookSettings: store.WebhookSettings{Org: h.Org, Secret: store.Sealed{Text: "sealed", Key: "key 1"}}})
}

// testDueHosts: hosts come in the order of who waits longest, each once; and no more than its share is taken of one.
func testDueHosts(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	ok(t, s.SettleDelivery(ctx, delivered(takeAll(t, s, "a", start)[0], start)))
	none, err := s.DueHosts(ctx, start.AddDate(1, 0, 0))
	ok(t, err)
	same(t, "hosts of none", none, []string(nil))
	for i := range 30 {
		d := newDelivery(h.Org, fmt.Sprintf("https://host%d.example.com/", i%3))
		d.Created = start.Add(time.Duration(3-i%3)*time.Second + time.Duration(i)*time.Millisecond)
		addDelivery(t, s, d)
	}
	future := newDelivery(h.Org, "https://later.example.com/")
	future.Created = start.Add(time.Hour)
	addDelivery(t, s, future)
	hosts, err := s.DueHosts(ctx, start.Add(time.Minute))
	ok(t, err)
	same(t, "hosts", hosts, []string{"host2.example.com", "host1.example.com", "host0.example.com"})
	taken, err := s.TakeDeliveries(ctx, store.DeliveryTaking{Node: "a", Now: start.Add(time.Minute), Until: start.Add(time.Hour),
		Hosts: []store.HostShare{{Host: "host2.example.com", Most: 2}, {Host: "host0.example.com", Most: 3}, {Host: "nowhere", Most: 9}}})
	ok(t, err)
	var urls []string
	for _, d := range taken {
		urls = append(urls, d.Host)
	}
	slices.Sort(urls)
	same(t, "taken", strings.Join(urls, " "), "host0.example.com host0.example.com host0.example.com host2.example.com host2.example.com")
	if taken[0].Created.After(start.Add(3*time.Second+10*time.Millisecond)) || len(taken) != 5 {
		t.Errorf("not the oldest: %+v", taken[0])
	}
}

// testTakeDeliveriesAtOnce: of nodes that take at once, one gets each delivery.
func testTakeDeliveriesAtOnce(t *testing.T, s Store) {
	h := fill(t, s)
	const many = 60
	for i := range many - 1 { // and the house's own
		addDelivery(t, s, newDelivery(h.Org, fmt.Sprintf("https://host%d.example.com/", i%4)))
	}
	var nodes sync.WaitGroup
	var mu sync.Mutex
	got := map[string]string{}
	for n := range 4 {
		nodes.Go(func() {
			for {
				hosts, err := s.DueHosts(t.Context(), start)
				taking := store.DeliveryTaking{Node: fmt.Sprint(n), Now: start, Until: start.Add(time.Minute)}
				for _, host := range hosts {
					taking.Hosts = append(taking.Hosts, store.HostShare{Host: host, Most: 3})
				}
				var taken []store.Delivery
				if err == nil {
					taken, err = s.TakeDeliveries(t.Context(), taking)
				}
				if err != nil {
					t.Error(err)
				}
				if err != nil || len(hosts) == 0 {
					return
				}
				mu.Lock()
				for _, d := range taken {
					if other := got[d.ID]; other != "" {
						t.Errorf("%s was taken by %s and by %d", d.ID, other, n)
					}
					got[d.ID] = fmt.Sprint(n)
				}
				mu.Unlock()
			}
		})
	}
	nodes.Wait()
	same(t, "taken", len(got), many)
}

func testWebhookSettings(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	other, err := s.CreateOrganisation(ctx, store.Organisation{ID: store.NewID(), Name: "Other", Created: start})
	ok(t, err)
	w, err := s.WebhookSettings(ctx, other.ID)
	ok(t, err)
	same(t, "settings of none", w, store.WebhookSettings{Org: other.ID})
	want := store.WebhookSettings{Org: other.ID, Redelivery: true, Secret: store.Sealed{Text: "new", Key: "key 2"}, Rotated: start,
		Former: store.Sealed{Text: "old", Key: "key 1"}, FormerUntil: start.Add(time.Hour)}
	w, err = s.UpdateWebhookSettings(ctx, other.ID, func(w *store.WebhookSettings) error {
		*w = want
		w.Org = h.Org // cannot be altered
		return nil
	})
	ok(t, err)
	same(t, "settings", w, want)
	refusal := errors.New("no")
	_, err = s.UpdateWebhookSettings(ctx, other.ID, func(w *store.WebhookSettings) error { w.Redelivery = false; return refusal })
	is(t, err, refusal)
	e, err := s.Endpoint(ctx, other.ID, "https://example.com/")
	ok(t, err)
	same(t, "settings of an endpoint", e, store.Endpoint{WebhookSettings: want})
	_, err = s.UpdateWebhookSettings(ctx, store.NewID(), func(*store.WebhookSettings) error { return nil })
	is(t, err, store.ErrNotFound)
}

// everyWebhook is Every of the methods of webhooks. Those of store.Outbox name a row by its id, and are no organisation's.
func (h House) everyWebhook(org string) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"AddDelivery": func(ctx context.Context) error {
			_, err := h.AddDelivery(ctx, store.Delivery{ID: h.Delivery.ID, Org: org, Created: start})
			return conflict(err)
		},
		"Delivery": func(ctx context.Context) error { _, err := h.Store.Delivery(ctx, org, h.Delivery.ID); return err },
		"Deliveries": func(ctx context.Context) error {
			l, n, err := h.Deliveries(ctx, org, store.DeliveryFilter{}, all)
			return none(len(l), n, err)
		},
		"DeliveryAttempts": func(ctx context.Context) error {
			_, _, err := h.DeliveryAttempts(ctx, org, h.Delivery.ID, all)
			return err
		},
		"ReplayDelivery": func(ctx context.Context) error {
			_, err := h.ReplayDelivery(ctx, org, h.Delivery.ID, start)
			return conflict(err)
		},
		"WebhookSettings": func(ctx context.Context) error {
			w, err := h.WebhookSettings(ctx, org)
			return none(len(w.Secret.Text), 0, err)
		},
		"UpdateWebhookSettings": func(ctx context.Context) error {
			_, err := h.UpdateWebhookSettings(ctx, org, func(w *store.WebhookSettings) error {
				if w.Secret.Text == "" {
					return store.ErrNotFound // the other's, which it has not
				}
				return nil
			})
			return err
		},
		"DisabledEndpoints": func(ctx context.Context) error { _, _, err := h.DisabledEndpoints(ctx, org, all); return err },
		"EnableEndpoints":   func(ctx context.Context) error { return h.EnableEndpoints(ctx, org, []string{"https://example.com/"}) },
		"DueHosts":          func(ctx context.Context) error { _, err := h.DueHosts(ctx, start); return err },
		"TakeDeliveries": func(ctx context.Context) error {
			_, err := h.TakeDeliveries(ctx, store.DeliveryTaking{Now: start, Hosts: []store.HostShare{{Host: "nowhere", Most: 1}}})
			return err
		},
		"Endpoint": func(ctx context.Context) error { _, err := h.Endpoint(ctx, org, "https://example.com/"); return err },
		"KeepPayload": func(ctx context.Context) error {
			return conflict(h.KeepPayload(ctx, store.Delivery{ID: h.Delivery.ID, Node: "nobody"}, "{}"))
		},
		"SettleDelivery": func(ctx context.Context) error {
			return conflict(h.SettleDelivery(ctx, store.Outcome{Delivery: store.Delivery{ID: h.Delivery.ID, Node: "nobody"}, Status: store.DeliveryFailed, At: start}))
		},
		"SweepDeliveries": func(ctx context.Context) error { _, err := h.SweepDeliveries(ctx, start, 1); return err },
	}
}
