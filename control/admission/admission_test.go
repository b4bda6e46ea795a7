package admission_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"parley/control/admission"
	"parley/media"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestGate is a call's way through: a place, kept while it comes, and asked for twice; live; over.
func TestGate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &admission.Gate{Limits: admission.Limits{Calls: 2, OrgCalls: 1}}
		want := func(got, want admission.Reason) {
			t.Helper()
			if got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
		one, two, three := admission.Request{Key: "CA1", Org: "a"}, admission.Request{Key: "CA2", Org: "a"}, admission.Request{Key: "CA3", Org: "b"}
		want(g.Admit(one), "")
		want(g.Admit(one), "") // the carrier has asked again
		want(g.Admit(two), admission.OrgCalls)
		want(g.Admit(three), "")
		want(g.Admit(admission.Request{Key: "CA4", Org: "c"}), admission.MaxCalls)
		want(g.Begin("CA1", one), "")
		time.Sleep(20 * time.Second)
		want(g.Refusing(false), "") // CA3 should have come
		want(g.Admit(two), admission.OrgCalls)
		want(g.Begin("CA3", three), "") // and has its place all the same
		want(g.Begin("CA5", admission.Request{Key: "CA5", Org: "c"}), admission.MaxCalls)
		if s := g.Standing(); s.Live != 2 || s.Coming != 0 || s.Calls != 1 {
			t.Errorf("%+v", s)
		}
		g.End("CA1")
		g.End("CA1") // again is harmless
		g.End("CA5") // was never let in
		want(g.Admit(two), "")
		g.Forget("CA2") // has been given up by its caller
		want(g.Admit(admission.Request{Key: "CA6", Org: "c"}), "")
		if g.Refused(admission.OrgCalls) != 2 || g.Refused(admission.MaxCalls) != 2 || g.Refused(admission.CPU) != 0 {
			t.Errorf("%d and %d refused", g.Refused(admission.OrgCalls), g.Refused(admission.MaxCalls))
		}
	})
}

// TestPlacedCall: a call that was placed keeps its place as long as it rings, and is what it was when it was dialled.
func TestPlacedCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &admission.Gate{Limits: admission.Limits{OrgCalls: 1}}
		if why := g.Admit(admission.Request{Key: "token", Org: "a", Speech: true, Wait: 2 * time.Minute}); why != "" {
			t.Fatal(why)
		}
		time.Sleep(100 * time.Second)
		if why := g.Admit(admission.Request{Key: "CA1", Org: "a"}); why != admission.OrgCalls {
			t.Errorf("while it rings: %q", why)
		}
		answered := admission.Request{Key: "token", Answered: true} // nothing is known of it when the database is away
		if g.Admit(answered) != "" || g.Begin("CA2", answered) != "" {
			t.Error("it is refused when it is answered")
		}
		if why := g.Admit(admission.Request{Key: "CA1", Org: "a"}); why != admission.OrgCalls {
			t.Errorf("while it is live: %q", why)
		}
		g.End("CA2")
		if why := g.Admit(admission.Request{Key: "CA1", Org: "a"}); why != "" {
			t.Errorf("when it is over: %q", why)
		}
	})
}

// TestDraining: a node that goes down takes no calls, but those who were told to come.
func TestDraining(t *testing.T) {
	t.Parallel()
	var drains atomic.Bool
	g := &admission.Gate{Draining: drains.Load}
	if why := g.Admit(admission.Request{Key: "CA1"}); why != "" {
		t.Fatal(why)
	}
	drains.Store(true)
	if why := g.Admit(admission.Request{Key: "CA2"}); why != admission.Draining {
		t.Errorf("a new call: %q", why)
	}
	for _, key := range []string{"CA1", "CA3"} { // CA3 was told by another node
		if why := g.Begin(key, admission.Request{Key: key}); why != "" {
			t.Errorf("%s comes: %q", key, why)
		}
	}
	if why := g.Refusing(false); why != admission.Draining {
		t.Errorf("refusing: %q", why)
	}
}

// TestGateLooks: Run learns what the signals say; refusals are counted each and logged once a second.
func TestGateLooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var frames media.Times
		var log bytes.Buffer
		began := time.Now()
		g := &admission.Gate{
			Limits: admission.Limits{Lateness: 20 * time.Millisecond, CPU: 0.85, Wait: time.Second},
			Signals: admission.Signals{
				Late:      frames.Counts,
				Processor: func() admission.Processor { return admission.Processor{Used: time.Since(began) / 2, Allowed: 1} },
				Speech:    func() admission.Work { return admission.Work{Workers: 1, Busy: time.Since(began) / 10} },
			},
			Log: slog.New(slog.NewTextHandler(&log, nil)),
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- g.Run(ctx) }()
		time.Sleep(3 * time.Second)
		if s := g.Standing(); s.CPU < 0.55 || s.CPU > 0.65 || s.Allowed != 1 || s.Speech < 0.1 || s.Speech > 0.2 {
			t.Errorf("%+v", s)
		}
		for range 100 {
			frames.Shard().Add(50 * time.Millisecond)
		}
		time.Sleep(time.Second)
		for range 500 {
			if why := g.Admit(admission.Request{Key: "CA1", Org: "o"}); why != admission.Late {
				t.Fatalf("while frames are late: %q", why)
			}
			time.Sleep(5 * time.Millisecond)
		}
		time.Sleep(10 * time.Second)
		if why := g.Admit(admission.Request{Key: "CA1"}); why != "" {
			t.Errorf("when all is well again: %q", why)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if n := strings.Count(log.String(), "calls are refused"); g.Refused(admission.Late) != 500 || n != 3 || !strings.Contains(log.String(), "reason=lateness") {
			t.Errorf("500 refusals in 2.5 s are %d counted and %d lines:\n%s", g.Refused(admission.Late), n, &log)
		}
	})
}

// TestManyAtOnce: a limit holds, however many ask at once.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	g := &admission.Gate{Limits: admission.Limits{Calls: 100}}
	var asking sync.WaitGroup
	var in atomic.Int64
	for i := range 50 {
		asking.Go(func() {
			for j := range 50 {
				key := string(rune('A'+i)) + string(rune('A'+j))
				if g.Admit(admission.Request{Key: key}) != "" {
					continue
				}
				in.Add(1)
				if j%2 == 0 {
					if why := g.Begin(key, admission.Request{Key: key}); why != "" {
						t.Errorf("a call that has a place is refused: %s", why)
					}
				}
			}
		})
	}
	asking.Wait()
	if s := g.Standing(); in.Load() != 100 || s.Live+s.Coming != 100 {
		t.Errorf("%d of 100 are let in: %+v", in.Load(), s)
	}
}

// BenchmarkAdmit is a decision on a node with 1,000 calls live and 100 coming.
func BenchmarkAdmit(b *testing.B) {
	g := &admission.Gate{Limits: admission.Limits{Calls: 1100, OrgCalls: 10_000, CPU: 0.85, Lateness: time.Second}}
	for i := range 1100 {
		r := admission.Request{Key: string(rune(i + 1000)), Org: "o"}
		g.Admit(r)
		if i < 1000 {
			g.Begin(r.Key, r)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if g.Admit(admission.Request{Key: "one more", Org: "o"}) == "" {
			b.Fatal("a full node takes a call")
		}
	}
}
