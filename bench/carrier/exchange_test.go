package carrier_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/bench/carrier"
	"parley/media"
	"parley/media/stream"
	"parley/pipeline"
	"parley/providers/twilio"
)

// A line is an exchange, a server that has calls placed, and what came of them.
type line struct {
	t        *testing.T
	exchange *carrier.Exchange
	account  *twilio.Account
	rings    *log

	mu      sync.Mutex
	heard   map[string][]string // states, by token
	spoken  map[string]media.Info
	changed chan struct{}
}

// A log can be read while it is written.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// to is how often each number rang.
func (l *log) to(t *testing.T) map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := map[string]int{}
	for text := range strings.Lines(l.b.String()) {
		var r carrier.Ring
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatalf("ring log: %q: %v", text, err)
		}
		all[r.To]++
	}
	return all
}

const account, secret = "AC00000000000000000000000000000001", "8f0c2b7d41e94f0ab0c1d2e3f4a5b6c7"

// newLine starts both sides on loopback. Numbers behave by their last digit.
func newLine(t *testing.T, faults map[string]carrier.Fault) *line {
	l := &line{t: t, rings: &log{}, heard: map[string][]string{}, spoken: map[string]media.Info{}, changed: make(chan struct{}, 1)}
	tw := &stream.Twilio{
		Host: stream.Host{
			Answer: func(_ context.Context, leg media.Leg) {
				l.note(func() { l.spoken[leg.Info().Params[pipeline.TokenParam]] = leg.Info() })
				if strings.HasSuffix(leg.Info().To, "9") { // talks on until somebody hangs up
					for {
						if _, err := leg.Receive(); err != nil {
							return
						}
					}
				}
				_ = leg.Hangup(media.CauseAgent)
			},
		},
		AccountSID: account, AuthToken: secret,
		Progress: func(_ context.Context, u stream.StatusUpdate) {
			l.note(func() {
				l.heard[u.Params.Get(pipeline.TokenParam)] = append(l.heard[u.Params.Get(pipeline.TokenParam)], u.Status)
			})
		},
	}
	mux := http.NewServeMux()
	tw.Mount(mux)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	l.exchange = &carrier.Exchange{
		AccountSID: account, AuthToken: secret, Rings: l.rings, Fault: func(to string) carrier.Fault { return faults[to] },
		Callee: func(to string) carrier.Callee {
			return map[string]carrier.Callee{"1": {Outcome: "busy"}, "2": {Outcome: "failed"}, "3": {Rings: time.Hour}}[to[len(to)-1:]]
		},
	}
	api := httptest.NewServer(l.exchange)
	t.Cleanup(api.Close)
	t.Cleanup(l.exchange.Close)
	l.account = &twilio.Account{SID: account, Token: secret, Base: api.URL, Voice: server.URL + "/twilio/voice", Status: server.URL + "/twilio/status"}
	if err := l.account.Check(); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *line) note(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// until waits for something to have happened.
func (l *line) until(what string, ok func() bool) {
	l.t.Helper()
	for limit := time.After(time.Minute); ; {
		l.mu.Lock()
		done := ok()
		l.mu.Unlock()
		if done {
			return
		}
		select {
		case <-l.changed:
		case <-limit:
			l.t.Fatalf("never: %s; heard %v", what, l.heard)
		}
	}
}

func order(token, to string) pipeline.Order {
	return pipeline.Order{Token: token, From: "+15550100001", To: to, Ring: time.Minute, Asked: time.Now()}
}

// TestExchangeAnswers: a placed call is answered, and its sound comes to the server with the token; hanging up ends it.
func TestExchangeAnswers(t *testing.T) {
	t.Parallel()
	l := newLine(t, nil)
	ended := make(chan *carrier.Result, 2)
	l.exchange.Ended = func(r *carrier.Result, _ error) { ended <- r }
	short, err := l.account.Place(t.Context(), order("a b&c", "+15550100010"))
	if err != nil {
		t.Fatal(err)
	}
	long, err := l.account.Place(t.Context(), order("long", "+15550100019"))
	if err != nil {
		t.Fatal(err)
	}
	l.until("both are heard", func() bool { return l.spoken["a b&c"].ID == short.ID && l.spoken["long"].ID == long.ID })
	if info := l.spoken["long"]; info.From != "+15550100001" || info.To != "+15550100019" {
		t.Errorf("the leg is from %s to %s", info.From, info.To)
	}
	if p, err := l.account.Look(t.Context(), long.ID); err != nil || p.State != pipeline.PlacedAnswered || p.To != "+15550100019" || time.Since(p.Made) > time.Minute {
		t.Errorf("a call that goes on is %+v (%v)", p, err)
	}
	if err := l.account.HangUp(t.Context(), long.ID); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		<-ended
	}
	for token, p := range map[string]pipeline.Placed{"a b&c": short, "long": long} {
		l.until("all is told", func() bool {
			return slices.Equal(l.heard[token], []string{"initiated", "ringing", "in-progress", "completed"})
		})
		if now, err := l.account.Look(t.Context(), p.ID); err != nil || now.State != pipeline.PlacedHungUp {
			t.Errorf("%s is %+v (%v)", token, now, err)
		}
	}
	if err := l.account.HangUp(t.Context(), long.ID); err != nil {
		t.Errorf("hanging up on a call that is over: %v", err)
	}
	if err := l.account.HangUp(t.Context(), "CA0"); err != nil {
		t.Errorf("hanging up on a call that is none: %v", err)
	}
	if _, err := l.account.Look(t.Context(), "CA0"); !errors.Is(err, pipeline.ErrNoCall) {
		t.Errorf("a call that is none: %v", err)
	}
}

// TestExchangeOutcomes: what becomes of calls that nobody answers.
func TestExchangeOutcomes(t *testing.T) {
	t.Parallel()
	l := newLine(t, nil)
	for to, want := range map[string]struct {
		state pipeline.PlacedState
		told  string
	}{"+15550100011": {pipeline.PlacedBusy, "busy"}, "+15550100012": {pipeline.PlacedFailed, "failed"}, "+15550100013": {pipeline.PlacedNoAnswer, "no-answer"}} {
		o := order(to, to)
		o.Ring = time.Second
		p, err := l.account.Place(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		l.until(want.told, func() bool { return slices.Contains(l.heard[to], want.told) })
		if now, err := l.account.Look(t.Context(), p.ID); err != nil || now.State != want.state {
			t.Errorf("%s: %+v (%v)", to, now, err)
		}
	}
	ringing, err := l.account.Place(t.Context(), order("withdrawn", "+15550100023"))
	if err != nil {
		t.Fatal(err)
	}
	l.until("it rings", func() bool { return slices.Contains(l.heard["withdrawn"], "ringing") })
	if err := l.account.HangUp(t.Context(), ringing.ID); err != nil {
		t.Fatal(err)
	}
	l.until("it is withdrawn", func() bool { return slices.Contains(l.heard["withdrawn"], "canceled") })
}

// TestExchangeFaults: of each fault the account tells whether there surely is no call, and what it lost it finds.
func TestExchangeFaults(t *testing.T) {
	t.Parallel()
	faults := map[string]carrier.Fault{}
	var refusal *pipeline.Refusal
	is := func(kind string, err error) bool {
		switch kind {
		case "untaken":
			return errors.Is(err, pipeline.ErrUntaken)
		case "refused":
			return errors.As(err, &refusal) && refusal.Code > 0
		}
		return err != nil && !errors.Is(err, pipeline.ErrUntaken) && !errors.As(err, &refusal)
	}
	cases := map[carrier.Fault]struct {
		kind  string
		rings int
	}{
		carrier.Unheard: {"unknown", 0}, carrier.LostAnswer: {"unknown", 1}, carrier.LateAnswer: {"unknown", 1}, carrier.Broken: {"unknown", 0},
		carrier.BrokenRang: {"unknown", 1}, carrier.TooMany: {"untaken", 0}, carrier.Refused: {"refused", 0},
	}
	number := map[carrier.Fault]string{}
	for f := range cases {
		number[f] = fmt.Sprintf("+155501%04d0", len(faults))
		faults[number[f]] = f
	}
	l := newLine(t, faults)
	for f, want := range cases {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		o := order(string(f), number[f])
		_, err := l.account.Place(ctx, o)
		cancel()
		if !is(want.kind, err) {
			t.Errorf("%s: %v, want an error that says %s", f, err, want.kind)
		}
		found, err := l.account.Find(t.Context(), o)
		if err != nil || len(found) != want.rings || l.rings.to(t)[o.To] != want.rings {
			t.Errorf("%s: found %v (%v), want %d", f, found, err, want.rings)
		}
	}
	nobody := *l.account //nolint:govet // it holds no lock
	nobody.Base = "http://127.0.0.1:1"
	if _, err := nobody.Place(t.Context(), order("x", "+15550100010")); !errors.Is(err, pipeline.ErrUntaken) {
		t.Errorf("nobody there: %v", err)
	}
	wrong := *l.account //nolint:govet // it holds no lock
	wrong.Token = "wrong"
	if _, err := wrong.Place(t.Context(), order("x", "+15550100010")); !is("refused", err) {
		t.Errorf("a wrong token: %v", err)
	}
	bad := order("x", "5550100")
	if _, err := l.account.Place(t.Context(), bad); !is("refused", err) {
		t.Errorf("a bad number: %v", err)
	}
}

// TestExchangeLists: lists have pages, and what is too old ends them.
func TestExchangeLists(t *testing.T) {
	t.Parallel()
	l := newLine(t, nil)
	o := order("many", "+15550100011")
	var want []string
	for range 120 {
		p, err := l.account.Place(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, p.ID)
	}
	if _, err := l.account.Place(t.Context(), order("other", "+15550100021")); err != nil {
		t.Fatal(err)
	}
	found, err := l.account.Find(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range found {
		got = append(got, p.ID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("found %d calls, want %d, oldest first", len(got), len(want))
	}
	o.Asked = time.Now().Add(time.Hour)
	if found, err := l.account.Find(t.Context(), o); err != nil || len(found) != 0 {
		t.Errorf("found %d calls of before (%v)", len(found), err)
	}
	if u, _ := url.Parse(l.account.Base); u.Host == "" {
		t.Error("no host")
	}
}
