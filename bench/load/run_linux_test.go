package load

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/bench/report"
	"parley/media"
	"parley/media/stream"
)

// conversation is a few seconds with a turn, a barge-in and a key.
const conversation = "hear quiet=200ms\nsay SPEECH\nbarge SPEECH after=200ms\nhear quiet=200ms\npress 5\nhear quiet=200ms\nhangup"

// Three callers at a time talk to the product's own leg, over plain sockets and over TLS: each figure is there, and none is a wonder.
func TestConversation(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		t.Run(map[bool]string{false: "plain", true: "TLS"}[secure], func(t *testing.T) {
			t.Parallel()
			a := newAgent(t, secure)
			p := a.plan(conversation, Step{Calls: 3, Ramp: 60 * time.Millisecond, Hold: 8 * time.Second}) // a call takes four
			p.Once = true
			p.Name = "product"
			if secure {
				roots := x509.NewCertPool()
				roots.AddCert(a.server.Certificate())
				p.TLS = &tls.Config{RootCAs: roots}
			}
			told := 0
			steps, err := p.Run(t.Context(), func(Progress) { told++ })
			if err != nil || len(steps) != 1 {
				t.Fatalf("%d steps: %v", len(steps), err)
			}
			s := steps[0]
			if s.Server != "product" || s.Round != 1 || s.Calls != 3 || s.Held < 8 || s.Void != "" || told < 10 {
				t.Errorf("step: %+v; progress was told %d times", s, told)
			}
			want := report.Tally{Offered: 3, Answered: 3, Refused: map[string]int64{}, Broken: map[string]int64{}}
			if diff := cmp.Diff(want, s.Tally); diff != "" {
				t.Errorf("tally: -want +got\n%s", diff)
			}
			for name, want := range map[string]int64{
				report.Turns: 9, report.BargeIns: 3, report.AfterClear: 0, report.Missed: 0, report.Unanswered: 0,
			} {
				if got := s.Counts[name]; got != want {
					t.Errorf("%s: %d, want %d", name, got, want)
				}
			}
			if in, out := s.Counts[report.FramesIn], s.Counts[report.FramesOut]; in < 3*150 || out < 3*60 {
				t.Errorf("%d frames in, %d out", in, out)
			}
			if spoken := s.Counts[report.Voiced]; spoken != 6*25 { // a recording of 500 ms in each turn that is spoken
				t.Errorf("%d frames of speech sent, want %d", spoken, 6*25)
			}
			for name, least := range map[string]int64{
				report.Lateness: 180, report.SendLate: 450, report.TTSToFrame: 9, report.ToClear: 3, report.SetUp: 3, report.Greeting: 3, report.VoiceVoice: 6,
			} {
				if d := s.Times[name]; d.N < least || d.Max > 5000 {
					t.Errorf("%s: %d, from %v to %v ms", name, d.N, d.Min, d.Max)
				}
			}
			if d := s.Times[report.VoiceVoice]; d.N != 6 || d.Max < float64(hangover/time.Millisecond)-25 {
				t.Errorf("voice to voice: %d, at most %v ms, with a hangover of %v", d.N, d.Max, hangover)
			}
			a.sound(3)
		})
	}
}

// A server that is late, slow to yield, and speaks on after it has cleared, each by a known amount, is told so.
func TestRudeAgent(t *testing.T) {
	t.Parallel()
	a := newAgent(t, false, func(a *agent) { a.rude = true })
	const script = "hear quiet=1s\nsay SPEECH\nbarge SPEECH after=200ms\nhear quiet=1s"
	p := a.plan(script, Step{Calls: 2, Hold: 10 * time.Second}) // a call takes eight
	p.Script, p.Once = scripted(t, script, 1500*time.Millisecond), true
	steps, err := p.Run(t.Context(), nil)
	if err != nil || len(steps) != 1 {
		t.Fatalf("%d steps: %v", len(steps), err)
	}
	s := steps[0]
	for name, want := range map[string]int64{report.BargeIns: 2, report.AfterClear: 2, report.Missed: 0} {
		if got := s.Counts[name]; got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
	if got := s.Counts[report.Dry]; got < 2 {
		t.Errorf("%d dry frames, want one a greeting at least", got)
	}
	for name, least := range map[string]time.Duration{
		report.Lateness: stall - 100*time.Millisecond, report.TTSToFrame: slow, report.ToClear: (slowYield - 1) * media.FrameTime,
	} {
		if got := s.Times[name]; got.Max < float64(least)/float64(time.Millisecond) {
			t.Errorf("%s: at most %v ms, want %v", name, got.Max, least)
		}
	}
	if got := s.Times[report.TTSToFrame]; got.Min < float64(slow)/float64(time.Millisecond) {
		t.Errorf("tts_to_frame: at least %v ms, want %v", got.Min, slow)
	}
}

// sound wants that the server has understood all that it was sent, by at least so many callers.
func (a *agent) sound(least int64) {
	a.t.Helper()
	stats := &a.host.Stats
	if n := stats.Malformed.Load() + stats.Unknown.Load() + stats.Violations.Load() + stats.ForeignMarks.Load() + stats.Gaps.Load() + stats.Dropped.Load(); n > 0 {
		for name, n := range stats.All() {
			a.t.Logf("%s %d", name, n)
		}
		a.t.Errorf("the server has %d complaints", n)
	}
	for name, got := range map[string]int64{
		"hung up in good order": a.ended.Load(), "keys": a.keys.Load(), "stamped frames": a.stamps.Load(), "marks that came back": a.played.Load(),
	} {
		if got < least {
			a.t.Errorf("%s: %d, want at least %d", name, got, least)
		}
	}
	if n := a.live.Load(); n != 0 {
		a.t.Errorf("%d calls are still there", n)
	}
}

// Calls that a server does not want, and calls that it cannot take, are told apart, each with its reason.
func TestRefused(t *testing.T) {
	t.Parallel()
	nobody := func(context.Context, stream.Incoming) bool { return false }
	for _, c := range []struct {
		name            string
		change          func(*agent)
		refused, broken string
	}{
		{"rejected", func(a *agent) { a.twilio.Accepting = nobody }, "busy", ""},
		{"told so", func(a *agent) {
			a.twilio.Accepting, a.twilio.Sorry = nobody, "All our agents are busy."
		}, "told so", ""},
		{"503", func(a *agent) { a.before = refuse("/twilio/voice", 503) }, "503 Service Unavailable", ""},
		{"429", func(a *agent) { a.before = refuse("/twilio/voice", 429) }, "429 Too Many Requests", ""},
		{"stream 503", func(a *agent) { a.before = refuse("/twilio/media", 503) }, "stream: 503 Service Unavailable", ""},
		{"404", func(a *agent) { a.before = refuse("/twilio/voice", 404) }, "", "webhook: 404 Not Found"},
		{"stream 404", func(a *agent) { a.before = refuse("/twilio/media", 404) }, "", "stream: 404 Not Found:"},
		{"another token", func(a *agent) { a.twilio.AuthToken = "another" }, "", "webhook: 403 Forbidden"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := newAgent(t, false, c.change)
			steps, err := a.plan("silent 1s", Step{Rate: 20, Hold: time.Second}).Run(t.Context(), nil)
			if err != nil || len(steps) != 1 {
				t.Fatalf("%d steps: %v", len(steps), err)
			}
			tally, refusal := steps[0].Tally, steps[0].Times[report.Refusal].N
			want := report.Tally{Offered: tally.Offered, Refused: map[string]int64{}, Broken: map[string]int64{}}
			if c.refused != "" {
				want.Refused[c.refused] = refusal
			} else {
				want.Broken[c.broken] = tally.Broken[c.broken]
			}
			if diff := cmp.Diff(want, tally); diff != "" || tally.Offered < 10 || refusal+tally.Broken[c.broken] < 1 {
				t.Errorf("%d refused: -want +got\n%s", refusal, diff)
			}
		})
	}
}

// What becomes of a call that the server ends depends on whether its caller was ready for it.
func TestServerHangsUp(t *testing.T) {
	t.Parallel()
	for script, broken := range map[string]map[string]int64{
		"hear within=10s quiet=5s\nhangup": {},
		"silent 10s":                       {"the agent hung up": 1},
	} {
		t.Run(strings.Fields(script)[0], func(t *testing.T) {
			t.Parallel()
			a := newAgent(t, false, func(a *agent) { a.leaves = 500 * time.Millisecond })
			p := a.plan(script, Step{Calls: 1, Hold: 2 * time.Second})
			p.Once = true
			steps, err := p.Run(t.Context(), nil)
			if err != nil || len(steps) != 1 {
				t.Fatalf("%d steps: %v", len(steps), err)
			}
			want := report.Tally{Offered: 1, Answered: 1, Refused: map[string]int64{}, Broken: broken}
			if diff := cmp.Diff(want, steps[0].Tally); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// A connection that breaks is no hang-up.
func TestDropped(t *testing.T) {
	t.Parallel()
	a := newAgent(t, false)
	p := a.plan("silent 10s", Step{Calls: 2, Hold: 2 * time.Second})
	p.Once = true
	a.came = func(n int64) {
		if n == 2 {
			ended, cancel := context.WithCancel(context.Background())
			cancel()
			go func() { _ = a.twilio.Close(ended) }() // it cuts what has not hung up by then, which is all
		}
	}
	steps, err := p.Run(t.Context(), nil)
	if err != nil || len(steps) != 1 {
		t.Fatalf("%d steps: %v", len(steps), err)
	}
	n := int64(0)
	for _, of := range steps[0].Tally.Broken {
		n += of
	}
	if n != 2 {
		t.Errorf("tally: %+v", steps[0].Tally)
	}
}

// A ladder goes up and down; calls go on from step to step.
func TestLadder(t *testing.T) {
	t.Parallel()
	a := newAgent(t, false)
	hold := 1500 * time.Millisecond
	p := a.plan("silent 1m", Step{Calls: 2, Hold: hold}, Step{Calls: 6, Ramp: 100 * time.Millisecond, Hold: hold}, Step{Calls: 1, Hold: hold})
	p.Poisson, p.Seed = true, 1
	last := map[int]int{}
	steps, err := p.Run(t.Context(), func(p Progress) {
		if p.Phase == "hold" {
			last[p.Step] = p.Calls
		}
	})
	if err != nil || len(steps) != 3 {
		t.Fatalf("%d steps: %v", len(steps), err)
	}
	if diff := cmp.Diff(map[int]int{1: 2, 2: 6, 3: 1}, last); diff != "" {
		t.Errorf("calls by step: -want +got\n%s", diff)
	}
	for i, want := range []int64{2, 4, 0} {
		if got := steps[i].Tally; got.Offered != want || got.Answered != want {
			t.Errorf("step %d: %+v, want %d answered", i+1, got, want)
		}
	}
	if got := a.ended.Load(); got != 6 {
		t.Errorf("%d calls were hung up in good order, want 6", got)
	}
}

// A generator that is at its end, or late itself, says so and claims nothing.
func TestVoid(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*Plan){
		"the generator was at its end":  func(p *Plan) { p.MostBusy = 1e-9 },
		"the generator was late itself": func(p *Plan) { p.MostLate = 1 },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			a := newAgent(t, false)
			p := a.plan("silent 1m", Step{Calls: 1, Hold: 500 * time.Millisecond})
			change(&p)
			steps, err := p.Run(t.Context(), nil)
			if err != nil || len(steps) != 1 || !strings.HasPrefix(steps[0].Void, want) {
				t.Errorf("%v: %+v", err, steps)
			}
		})
	}
}

// The bars themselves, on figures as they come out of a step.
func TestVoidBars(t *testing.T) {
	t.Parallel()
	p, err := Plan{URL: "http://localhost/voice", Steps: []Step{{Calls: 1, Hold: 1}}}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	p.MostOthers = 0.5
	r := running{Plan: p}
	for _, c := range []struct {
		used         time.Duration // of a second, by the engine's thread
		late, others float64
		void         bool
	}{{800 * time.Millisecond, 1, 0.5, false}, {860 * time.Millisecond, 1, 0, true}, {0, 5.1, 0, true}, {0, 0, 0.6, true}} {
		m := newMeasures()
		m.held, m.thread = time.Second, c.used
		s := report.Step{Times: map[string]report.Spread{}, Counts: map[string]int64{}}
		m.fill(&s)
		s.Times[report.SendLate], s.Others = report.Spread{P99: c.late}, c.others
		if got := r.void(&s); (got != "") != c.void {
			t.Errorf("%+v: void %q", c, got)
		}
	}
}

// Requests are signed for the server's public name, wherever it is reached, and carry what the plan says besides.
func TestConnect(t *testing.T) {
	t.Parallel()
	var with atomic.Int64
	a := newAgent(t, false, func(a *agent) {
		a.twilio.PublicURL = "https://gw.example.net"
		a.before = func(_ http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Tenant") == "one" {
				with.Add(1)
			}
		}
	})
	p := a.plan("silent 1m", Step{Calls: 2, Hold: 500 * time.Millisecond})
	p.URL, p.Connect, p.Header = "https://gw.example.net/twilio/voice", a.server.Listener.Addr().String(), http.Header{"X-Tenant": {"one"}}
	steps, err := p.Run(t.Context(), nil)
	if err != nil || len(steps) != 1 || steps[0].Tally.Answered != 2 || steps[0].Server != "gw.example.net" || with.Load() != 4 {
		t.Errorf("%v, %d requests with the header: %+v", err, with.Load(), steps)
	}
}

// Whoever ends a run early has what was measured so far, and nothing is left over.
func TestCancel(t *testing.T) {
	t.Parallel()
	a := newAgent(t, false)
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	p := a.plan("silent 1m", Step{Calls: 2, Hold: 500 * time.Millisecond}, Step{Calls: 3, Hold: time.Hour}, Step{Calls: 9, Hold: time.Hour})
	steps, err := p.Run(ctx, func(p Progress) {
		if p.Step == 2 && p.Phase == "hold" && p.Calls == 3 && p.Left < time.Hour-200*time.Millisecond {
			cancel(enough)
		}
	})
	if !errors.Is(err, enough) || len(steps) != 2 || steps[1].Held <= 0.2 || steps[1].Held > 60 {
		t.Errorf("%v: %+v", err, steps)
	}
	if got := a.ended.Load(); got != 3 {
		t.Errorf("%d calls were hung up in good order, want 3", got)
	}
}

// A call is counted from when it was due, however late it is placed.
func TestFromWhenItWasDue(t *testing.T) {
	t.Parallel()
	a := newAgent(t, false, func(a *agent) {
		a.before = func(_ http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/voice") {
				<-time.After(150 * time.Millisecond)
			}
		}
	})
	steps, err := a.plan("silent 1m", Step{Calls: 3, Hold: 2 * time.Second}).Run(t.Context(), nil)
	if err != nil || len(steps) != 1 {
		t.Fatalf("%d steps: %v", len(steps), err)
	}
	if d := steps[0].Times[report.SetUp]; d.N != 3 || d.Min < 150 {
		t.Errorf("set-up: %d, at least %v ms, want 3 of no less than 150", d.N, d.Min)
	}
}
