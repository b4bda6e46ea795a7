package records

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/media"
	"parley/pipeline"
	"parley/store"
)

// A database is a Recorder in memory that keeps its contract, and has moods.
type database struct {
	mu      sync.Mutex
	fail    error                  // what it answers instead
	late    error                  // what it answers although it has written
	refused func(store.Entry) bool // what it will never take
	hang    chan struct{}          // when not nil, it does not answer until this is closed

	first   []string // the keys of what was written, in the order in which they came first
	written map[string]store.Entry
	tries   []time.Time
}

func newDatabase() *database { return &database{written: map[string]store.Entry{}} }

func (d *database) set(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
}

// keys are what was written, in order.
func (d *database) keys() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.first)
}

func (d *database) entry(t testing.TB, key string) store.Entry {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	e, ok := d.written[key]
	if !ok {
		t.Fatalf("no %s in %v", key, d.first)
	}
	return e
}

// keyOf names an entry: what makes it the same when it is written again.
func keyOf(e store.Entry) string {
	switch {
	case e.Began != nil:
		return e.Began.ID + " began"
	case e.Turned != nil:
		return fmt.Sprintf("%s turn %d", e.Turned.Turn.Call, e.Turned.Turn.N)
	case e.Ended != nil:
		return e.Ended.Call + " ended"
	case e.Crashed != nil:
		return e.Crashed.Boot + " crashed"
	}
	return ""
}

func (d *database) Record(ctx context.Context, entries []store.Entry) error {
	d.mu.Lock()
	hang := d.hang
	d.tries = append(d.tries, time.Now())
	d.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		return d.fail
	}
	for _, e := range entries {
		if keyOf(e) == "" || d.refused != nil && d.refused(e) {
			return fmt.Errorf("%w: %q", store.ErrRefused, keyOf(e))
		}
	}
	for _, e := range entries {
		if key := keyOf(e); d.written[key] == (store.Entry{}) {
			d.first = append(d.first, key)
			d.written[key] = e
		}
	}
	return d.late
}

// A book collects log lines.
type book struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *book) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *book) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func (b *book) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func options(dir string, d store.Recorder) Options {
	return Options{Dir: dir, Node: "node", Boot: "boot", Store: d, Log: slog.New(slog.DiscardHandler)}
}

func mustNew(t testing.TB, o Options) *Records {
	t.Helper()
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// run runs r; the function it returns stops it, waits, and tells Run's error.
func run(r *Records) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	return func() error {
		cancel()
		return <-done
	}
}

func mustStop(t testing.TB, stop func() error) {
	t.Helper()
	if err := stop(); err != nil {
		t.Errorf("run: %v", err)
	}
}

func mustFlush(t testing.TB, r *Records) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := r.Flush(ctx); err != nil {
		t.Fatal(err)
	}
}

// answered is when the calls of these tests begin.
var answered = time.Date(2026, 11, 21, 8, 30, 0, 123456789, time.FixedZone("", 3600))

func begun(id string) store.Call {
	return store.Call{ID: id, Org: "org", Agent: "agent", AgentVersion: 3, Direction: store.Inbound, Leg: "twilio", From: "+1555", Created: answered, Answered: answered}
}

func turned(id string, n int) pipeline.Event {
	return pipeline.Event{Call: id, Kind: pipeline.TurnEnded, Turn: &pipeline.Turn{
		N: n, Why: pipeline.ForWords, Said: "hello", Text: "Good day, and welcome.", Heard: "Good day", Cut: true, At: time.Second, Sounded: 800 * time.Millisecond,
		Latency: pipeline.Latency{VoiceToVoice: time.Duration(100*n) * time.Millisecond, Endpoint: 80 * time.Millisecond},
		Usage:   pipeline.Usage{Input: 900}, Counts: pipeline.Counts{Held: 2, Drops: n - 1},
		Lookup: &pipeline.Lookup{Took: 8 * time.Millisecond, Sources: []pipeline.Source{{Document: "fees\x00.pdf", Place: "page 2"}}, Err: "late"},
		First:  2 * (n - 1), Messages: []pipeline.Message{
			{Role: pipeline.Caller, Text: "hello", Turn: n, At: 300 * time.Millisecond, Length: 400 * time.Millisecond},
			{Role: pipeline.Assistant, Text: "Good day", Cut: true, Turn: n, At: time.Second, Length: 800 * time.Millisecond},
		},
	}}
}

func ended(id string, turns int, cause media.Cause) pipeline.Event {
	var history []pipeline.Message
	for n := 1; n <= turns; n++ {
		history = append(history, turned(id, n).Turn.Messages...)
	}
	return pipeline.Event{Call: id, Kind: pipeline.CallEnded, Ending: &pipeline.Ending{
		Call: id, Cause: cause, Answered: answered, Length: 12 * time.Second, Turns: turns, Drops: 2, History: history,
	}}
}

// talk makes a whole call of some turns.
func talk(r *Records, id string, turns int) {
	r.Begin(begun(id))
	for n := 1; n <= turns; n++ {
		r.Watch(turned(id, n))
	}
	r.Watch(ended(id, turns, media.CauseCaller))
}

// talked is what a database has of it.
func talked(id string, turns int) []string {
	keys := []string{id + " began"}
	for n := 1; n <= turns; n++ {
		keys = append(keys, fmt.Sprintf("%s turn %d", id, n))
	}
	return append(keys, id+" ended")
}

var errAway = fmt.Errorf("%w: no route to host", store.ErrUnavailable)

var errOdd = errors.New("something odd")
