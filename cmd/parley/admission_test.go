package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"parley/bench/carrier"
	"parley/control/admission"
	"parley/media"
	"parley/media/stream"
	"parley/store"
	"parley/store/storetest/litetest"
)

// crowded is a server in this process whose signals are made up.
type crowded struct {
	*server
	t      *testing.T
	url    string
	oldest atomic.Int64 // how long local speech has let somebody wait (time.Duration)
}

// crowd starts a server of whose processor each call uses so much, and an empty node a hundredth. What this machine is busy with is no matter.
func crowd(t *testing.T, cost float64, args ...string) *crowded {
	t.Helper()
	cfg, err := parseServe(t, nil, append([]string{"--data-dir", t.TempDir(), "--database-url", litetest.New(t, ""), "--speech-dir", t.TempDir(), "--ear", "energy", "--no-record", "--twilio-auth-token", "t0ken",
		"--max-lateness", "0s", "--max-speech-wait", "0s", "--webrtc-udp", "127.0.0.1:0"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	c := &crowded{t: t}
	if c.server, err = newServer(t.Context(), &cfg, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	began, used, last := time.Now(), time.Duration(0), time.Now()
	c.gate.Signals.Processor = func() admission.Processor { // one goroutine's
		now := time.Now()
		used += time.Duration(cost * float64(c.gate.Standing().Live) * float64(now.Sub(last)))
		last = now
		return admission.Processor{Used: used + now.Sub(began)/100, Allowed: 1}
	}
	c.gate.Signals.Speech = func() admission.Work {
		return admission.Work{Workers: 1, Oldest: time.Duration(c.oldest.Load())}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.url = "http://" + ln.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.run(ctx, ctx, ln) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	c.await("the signals are known", func() bool { return c.gate.Standing().Allowed == 1 })
	return c
}

// place makes a call that says nothing for a while.
func (c *crowded) place(ctx context.Context, lasts time.Duration) (*carrier.Result, error) {
	return carrier.Call{
		URL: c.url + "/twilio/voice", AuthToken: "t0ken", Script: []carrier.Step{{Verb: carrier.Silent, For: lasts}, {Verb: carrier.HangUp}},
	}.Place(ctx)
}

// get asks for a page.
func (c *crowded) get(path string) (int, string) {
	c.t.Helper()
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get(c.url + path)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// await looks until a condition holds.
func (c *crowded) await(what string, cond func() bool) {
	c.t.Helper()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(time.Minute); !cond(); <-look.C {
		if time.Now().After(end) {
			c.t.Fatalf("not within a minute: %s; %+v", what, c.gate.Standing())
		}
	}
}

// TestCapacityChecked: settings that cannot be are named, all of them.
func TestCapacityChecked(t *testing.T) {
	t.Parallel()
	c, err := parseServe(t, nil, "--org-calls=-1", "--max-cpu=1.5", "--max-lateness=2s", "--max-speech-wait=-1s")
	if err != nil {
		t.Fatal(err)
	}
	err = c.check()
	for _, name := range []string{"--org-calls", "--max-cpu", "--max-lateness", "--max-speech-wait"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
}

// TestCrowdedServer offers 150 % of what a node carries, over real sockets: the excess is refused, within 100 ms, with a reason that readyz
// and the metrics have, and the carrier is told that it is busy.
func TestCrowdedServer(t *testing.T) {
	t.Parallel()
	const cost, carries, offered = 0.05, 16, 24 // 0.85 of a processor, of which an empty node uses 0.01
	c := crowd(t, cost)
	if code, text := c.get("/readyz"); code != http.StatusOK {
		t.Fatalf("an empty node is not ready: %d %s", code, text)
	}
	learn(c, cost)
	calling, hangUp := context.WithCancel(t.Context())
	var mu sync.Mutex
	var calls sync.WaitGroup
	var took []time.Duration // of refusals, more than a request that decides nothing
	offer := func(ctx context.Context) {
		began := time.Now()
		c.get("/healthz")
		usual := time.Since(began)
		r, err := c.place(ctx, time.Hour)
		if !errors.Is(err, carrier.ErrRejected) {
			return // it was hung up on, in the end
		}
		mu.Lock()
		defer mu.Unlock()
		took = append(took, time.Duration(r.Webhook)-usual)
	}
	for range offered {
		calls.Go(func() { offer(calling) })
	}
	c.await("all have been judged", func() bool {
		return c.gate.Standing().Live+int(c.gate.Refused(admission.CPU)) == offered
	})
	if live := c.gate.Standing().Live; live < carries-1 || live > carries+2 { // what one costs is known to a tenth or so
		t.Errorf("%d calls are live where %d can be carried: %+v", live, carries, c.gate.Standing())
	}
	code, text := c.get("/readyz")
	if code != http.StatusServiceUnavailable || !strings.Contains(text, "cpu") {
		t.Errorf("readyz of a full node: %d %s", code, text)
	}
	if _, metrics := c.get("/metrics"); !strings.Contains(metrics, `parley_admission_refused_total{reason="cpu"} `) || !strings.Contains(metrics, "parley_accepting 0") {
		t.Error("the metrics do not tell")
	}
	const soon = 100 * time.Millisecond
	c.await("a refusal takes 100 ms at most", func() bool { // this machine may be busy with other things: the quickest says how it is without them
		mu.Lock()
		quick := slices.ContainsFunc(took, func(d time.Duration) bool { return d <= soon })
		mu.Unlock()
		if !quick {
			ctx, cancel := context.WithTimeout(calling, 10*time.Second) // should there be room for it
			defer cancel()
			offer(ctx)
		}
		return quick
	})
	hangUp()
	calls.Wait()
	if n := len(took); n != int(c.gate.Refused(admission.CPU)) || n != int(c.twilio.Stats.Refused[stream.RefusedBusy].Load()) || n == 0 {
		t.Fatalf("%d were told that it is busy, %d were refused", n, c.gate.Refused(admission.CPU))
	}
	slices.Sort(took)
	t.Logf("%d were refused, half of them within %v", len(took), took[len(took)/2])
	c.await("the node is empty", func() bool { return c.gate.Standing().Live == 0 })
	c.await("it is ready again", func() bool { code, _ := c.get("/readyz"); return code == http.StatusOK })
}

// learn has a few calls show the gate what one costs.
func learn(c *crowded, cost float64) {
	c.t.Helper()
	ctx, cancel := context.WithCancel(c.t.Context())
	var calls sync.WaitGroup
	for range 14 {
		calls.Go(func() { _, _ = c.place(ctx, time.Hour) }) // they are hung up on
	}
	c.await("the cost of a call is known", func() bool { return c.gate.Standing().Cost > 0.94*cost })
	cancel()
	calls.Wait()
	c.await("they are gone, and what they used", func() bool { s := c.gate.Standing(); return s.Live == 0 && s.CPU < 0.05 })
}

// TestLateServer: while frames are late nobody is let in, though there is room, and readyz says why. Who was let in before stays.
func TestLateServer(t *testing.T) {
	t.Parallel()
	c := crowd(t, 0, "--max-lateness", "500ms")
	ctx, hangUp := context.WithCancel(t.Context())
	var staying sync.WaitGroup
	staying.Go(func() { _, _ = c.place(ctx, time.Hour) }) // it is hung up on
	c.await("a call is live", func() bool { return c.gate.Standing().Live == 1 })
	c.await("it is noticed", func() bool {
		c.punctuality.Late.Shard().Add(900 * time.Millisecond)
		return c.gate.Standing().Late > 1
	})
	if code, text := c.get("/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(text, "lateness") {
		t.Errorf("readyz: %d %s", code, text)
	}
	if _, err := c.place(t.Context(), time.Second); !errors.Is(err, carrier.ErrRejected) || c.gate.Refused(admission.Late) == 0 {
		t.Errorf("a call: %v, %d refused", err, c.gate.Refused(admission.Late))
	}
	if c.board.Live() != 1 {
		t.Error("who was there is gone")
	}
	hangUp()
	staying.Wait()
}

// TestSpeechIsFull: while callers wait for local speech, those are refused who would need it, and nobody else.
func TestSpeechIsFull(t *testing.T) {
	t.Parallel()
	c := crowd(t, 0, "--max-speech-wait", "1s")
	c.oldest.Store(int64(3 * time.Second))
	c.await("it is noticed", func() bool { return c.gate.Standing().Speech > 1 })
	if code, text := c.get("/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(text, "speech") {
		t.Errorf("readyz: %d %s", code, text)
	}
	if _, err := c.place(t.Context(), time.Second); !errors.Is(err, carrier.ErrRejected) || c.gate.Refused(admission.Speech) == 0 {
		t.Errorf("a call: %v, %d refused", err, c.gate.Refused(admission.Speech))
	}
	if c.dialled("a placed call", c.office.directory.Agents()[0], time.Minute) {
		t.Error("a call that needs local speech may be placed")
	}
	if why := c.gate.Admit(admission.Request{Key: "another", Org: "one with vendors"}); why != "" {
		t.Errorf("a call that does not need it is refused: %s", why)
	}
}

// TestOneTenant: an organisation that has all the calls that it may is refused, and the node is ready for others.
func TestOneTenant(t *testing.T) {
	t.Parallel()
	c := crowd(t, 0, "--org-calls", "2")
	ctx, hangUp := context.WithCancel(t.Context())
	var staying sync.WaitGroup
	for range 2 {
		staying.Go(func() { _, _ = c.place(ctx, time.Hour) }) // they are hung up on
	}
	c.await("two calls are live", func() bool { return c.gate.Standing().Live == 2 })
	if _, err := c.place(t.Context(), time.Second); !errors.Is(err, carrier.ErrRejected) || c.gate.Refused(admission.OrgCalls) != 1 {
		t.Errorf("a third: %v, %d refused", err, c.gate.Refused(admission.OrgCalls))
	}
	if code, text := c.get("/readyz"); code != http.StatusOK {
		t.Errorf("readyz: %d %s", code, text)
	}
	if c.dialled("a placed call of its", c.office.directory.Agents()[0], time.Minute) {
		t.Error("a call of the same organisation may be placed")
	}
	if other := (store.Agent{ID: store.NewID(), Org: store.NewID()}); !c.dialled("a placed call of another's", other, time.Minute) {
		t.Error("another organisation's call may not be placed")
	}
	hangUp()
	staying.Wait()
	c.await("they are gone", func() bool { return c.gate.Standing().Live == 0 })
	if !c.dialled("a placed call of its", c.office.directory.Agents()[0], time.Minute) {
		t.Error("no call may be placed when there is room again")
	}
}

// TestTimesAreBothHistograms: what the sharded counts become can be read by old scrapers and new ones, and both say the same.
func TestTimesAreBothHistograms(t *testing.T) {
	t.Parallel()
	var times media.Times
	for _, d := range []time.Duration{0, 100 * time.Nanosecond, time.Millisecond, 1500 * time.Microsecond, 30 * time.Millisecond, 2 * time.Minute} {
		times.Shard().Add(d)
	}
	var out dto.Metric
	if err := timesMetric(frameLateness, times.Counts(), time.Now()).Write(&out); err != nil {
		t.Fatal(err)
	}
	h := out.Histogram
	if h.GetSampleCount() != 6 || h.GetZeroCount() != 2 || h.GetSchema() != 3 || len(h.PositiveSpan) == 0 {
		t.Errorf("native: %v", h)
	}
	upTo := map[float64]uint64{}
	last := 0.0
	for _, b := range h.Bucket {
		if b.GetUpperBound() <= last {
			t.Errorf("bounds do not grow: %v after %v", b.GetUpperBound(), last)
		}
		last = b.GetUpperBound()
		upTo[b.GetUpperBound()] = b.GetCumulativeCount()
	}
	if upTo[1.0/1024] != 2 || upTo[1.0/512] != 4 || upTo[1.0/32] != 5 || upTo[64] != 5 {
		t.Errorf("classic: %v", upTo)
	}
}
