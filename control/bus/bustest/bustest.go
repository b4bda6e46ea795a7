// Package bustest is the suite that every bus passes: what bus.Bus promises, by two users of one bus.
package bustest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/control/bus"
)

// patience is how long something may take that happens at once on a machine that has nothing else to do.
const patience = 30 * time.Second

// Run tests a bus. pair makes two users of one bus, such as two nodes' connections, or the same bus twice; it closes them at the
// test's end.
func Run(t *testing.T, pair func(t *testing.T) (a, b bus.Bus)) {
	for name, test := range map[string]func(*testing.T, bus.Bus, bus.Bus){
		"publishes in order":        inOrder,
		"tells all who listen":      toAll,
		"keeps subjects apart":      apart,
		"tells a slow reader":       slow,
		"bounds what is held":       bounded,
		"refuses bad messages":      refuses,
		"asks and answers":          asks,
		"does not wait for nobody":  nobody,
		"gives up in time":          inTime,
		"answers many at once":      many,
		"stops answering":           stops,
		"ends what it was given":    closes,
		"is used by many":           busy,
		"a closed reader is at end": unread,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := pair(t)
			test(t, a, b)
		})
	}
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// listen subscribes, and waits until what the other user publishes arrives: over a network that takes a moment.
func listen(t *testing.T, to, from bus.Bus, s bus.Subject) *bus.Subscription {
	t.Helper()
	sub, err := to.Subscribe(s)
	if err != nil {
		t.Fatalf("subscribe: %v", err)
	}
	t.Cleanup(sub.Close)
	arrive(t, sub, from, s)
	return sub
}

// arrive publishes marks until one comes, and reads them all.
func arrive(t *testing.T, sub *bus.Subscription, from bus.Bus, s bus.Subject) {
	t.Helper()
	ctx := within(t)
	for sent := 0; ; {
		sent++
		if err := from.Publish(s, []byte("mark "+strconv.Itoa(sent))); err != nil && !errors.Is(err, bus.ErrAway) {
			t.Fatalf("publish: %v", err)
		}
		short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		m, err := sub.Next(short)
		for err == nil && string(m.Data) != "mark "+strconv.Itoa(sent) {
			m, err = sub.Next(short)
		}
		cancel()
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatal("what is published does not arrive")
		}
	}
}

func publish(t *testing.T, b bus.Bus, s bus.Subject, text string) {
	t.Helper()
	if err := b.Publish(s, []byte(text)); err != nil {
		t.Fatalf("publish %q: %v", text, err)
	}
}

func next(t *testing.T, sub *bus.Subscription) bus.Message {
	t.Helper()
	m, err := sub.Next(within(t))
	if err != nil {
		t.Fatalf("next: %v", err)
	}
	return m
}

func inOrder(t *testing.T, a, b bus.Bus) {
	sub := listen(t, b, a, "call.1.events")
	for i := range 200 {
		publish(t, a, "call.1.events", strconv.Itoa(i))
	}
	for i := range 200 {
		if m := next(t, sub); string(m.Data) != strconv.Itoa(i) || m.Missed != 0 || m.Gap {
			t.Fatalf("message %d is %q, missed %d, gap %v", i, m.Data, m.Missed, m.Gap)
		}
	}
}

func toAll(t *testing.T, a, b bus.Bus) {
	subs := []*bus.Subscription{listen(t, a, a, "call.2.events"), listen(t, b, a, "call.2.events"), listen(t, b, a, "call.2.events")}
	publish(t, a, "call.2.events", "hello")
	for i, sub := range subs {
		m := next(t, sub)
		for bytes.HasPrefix(m.Data, []byte("mark")) { // of those that subscribed after it
			m = next(t, sub)
		}
		if string(m.Data) != "hello" {
			t.Errorf("subscription %d got %q", i, m.Data)
		}
	}
}

func apart(t *testing.T, a, b bus.Bus) {
	one, two := listen(t, b, a, "call.3.events"), listen(t, b, a, "call.4.events")
	publish(t, a, "call.3.events", "three")
	publish(t, a, "call.4.events", "four")
	publish(t, a, "call.34.events", "neither")
	publish(t, a, "call.4.events", "end")
	publish(t, a, "call.3.events", "end")
	for _, w := range []struct {
		sub  *bus.Subscription
		want string
	}{{one, "three"}, {one, "end"}, {two, "four"}, {two, "end"}} {
		if m := next(t, w.sub); string(m.Data) != w.want {
			t.Errorf("got %q, want %q", m.Data, w.want)
		}
	}
}

// slow: who does not read loses the oldest, is told how many, and holds up nobody.
func slow(t *testing.T, a, b bus.Bus) {
	idle, quick := listen(t, b, a, "call.5.events"), listen(t, b, a, "call.5.events")
	for m := ""; m != "through"; { // marks of the second
		publish(t, a, "call.5.events", "through")
		m = string(next(t, quick).Data)
	}
	const all = 2000
	for i := range all {
		publish(t, a, "call.5.events", strconv.Itoa(i))
		for m := ""; m != strconv.Itoa(i); {
			m = string(next(t, quick).Data)
		}
	}
	publish(t, a, "call.5.events", "last")
	if m := next(t, quick); string(m.Data) != "last" || m.Missed != 0 {
		t.Fatalf("the quick reader got %q and missed %d", m.Data, m.Missed)
	}
	first, read := next(t, idle), 1
	if first.Missed < 1 {
		t.Fatal("the slow reader was not told that it missed something")
	}
	for m := first; string(m.Data) != "last"; read++ {
		if m = next(t, idle); m.Missed != 0 {
			t.Fatalf("told again of %d missed", m.Missed)
		}
	}
	if sent := first.Missed + read; sent < all+2 {
		t.Errorf("missed %d and read %d, which is less than the %d that were sent", first.Missed, read, all+2)
	}
	if got := b.Stats().Missed; got < int64(first.Missed) {
		t.Errorf("the bus counts %d missed, the reader %d", got, first.Missed)
	}
}

// bounded: large messages fill a queue before many do.
func bounded(t *testing.T, a, b bus.Bus) {
	sub, quick := listen(t, b, a, "call.6.events"), listen(t, b, a, "call.6.events")
	for m := ""; m != "through"; {
		publish(t, a, "call.6.events", "through")
		m = string(next(t, quick).Data)
	}
	const all = 40
	for range all {
		publish(t, a, "call.6.events", string(make([]byte, bus.MaxData)))
		for n := 0; n != bus.MaxData; {
			n = len(next(t, quick).Data)
		}
	}
	publish(t, a, "call.6.events", "last")
	if m := next(t, quick); string(m.Data) != "last" {
		t.Fatalf("got %d bytes", len(m.Data))
	}
	held := 0
	for m := next(t, sub); string(m.Data) != "last"; m = next(t, sub) {
		held += len(m.Data)
	}
	if held > 1<<20 || held == 0 {
		t.Errorf("%d bytes were held", held)
	}
}

func refuses(t *testing.T, a, _ bus.Bus) {
	for _, s := range []bus.Subject{"", ".", "a.", ".a", "a..b", "a.*", "a.>", "a b", "a\r\nPUB x", "\u00e9", "$SYS.a"} {
		if err := a.Publish(s, nil); !errors.Is(err, bus.ErrSubject) {
			t.Errorf("publish to %q: %v", s, err)
		}
		if sub, err := a.Subscribe(s); !errors.Is(err, bus.ErrSubject) || sub != nil {
			t.Errorf("subscribe to %q: %v", s, err)
		}
		if _, err := a.Ask(t.Context(), s, nil); !errors.Is(err, bus.ErrSubject) {
			t.Errorf("ask %q: %v", s, err)
		}
		if _, err := a.Answer(s, nil); !errors.Is(err, bus.ErrSubject) {
			t.Errorf("answer %q: %v", s, err)
		}
	}
	large := make([]byte, bus.MaxData+1)
	if err := a.Publish("a", large); !errors.Is(err, bus.ErrTooLarge) {
		t.Errorf("publish too much: %v", err)
	}
	if _, err := a.Ask(t.Context(), "a", large); !errors.Is(err, bus.ErrTooLarge) {
		t.Errorf("ask too much: %v", err)
	}
}

// answer serves a subject, and waits until the other user's requests reach it.
func answer(t *testing.T, b, asker bus.Bus, s bus.Subject, f bus.Handler) (stop func()) {
	t.Helper()
	stop, err := b.Answer(s, func(ctx context.Context, data []byte) []byte {
		if string(data) == "mark" {
			return data
		}
		return f(ctx, data)
	})
	if err != nil {
		t.Fatalf("answer: %v", err)
	}
	stop = sync.OnceFunc(stop)
	t.Cleanup(stop)
	for ctx := within(t); ; {
		if _, err := asker.Ask(ctx, s, []byte("mark")); err == nil {
			return stop
		} else if ctx.Err() != nil {
			t.Fatalf("requests do not arrive: %v", err)
		}
	}
}

func asks(t *testing.T, a, b bus.Bus) {
	answer(t, b, a, "node.1.commands", func(ctx context.Context, data []byte) []byte {
		if _, ok := ctx.Deadline(); !ok {
			t.Error("the handler does not know how long it is waited for")
		}
		return append([]byte("did "), data...)
	})
	for i := range 100 {
		want := fmt.Sprintf("did %d", i)
		if got, err := a.Ask(within(t), "node.1.commands", []byte(strconv.Itoa(i))); err != nil || string(got) != want {
			t.Fatalf("asked %d: %q, %v", i, got, err)
		}
	}
	if got, err := b.Ask(within(t), "node.1.commands", []byte("itself")); err != nil || string(got) != "did itself" {
		t.Errorf("asked by itself: %q, %v", got, err)
	}
}

func nobody(t *testing.T, a, b bus.Bus) {
	listen(t, b, a, "node.2.events") // the bus is there
	before := time.Now()
	if _, err := a.Ask(within(t), "node.2.commands", nil); !errors.Is(err, bus.ErrNoAnswer) {
		t.Errorf("asked nobody: %v", err)
	}
	if took := time.Since(before); took > patience/2 {
		t.Errorf("to learn that took %v", took)
	}
	if a.Stats().Unanswered == 0 {
		t.Error("it was not counted")
	}
}

func inTime(t *testing.T, a, b bus.Bus) {
	gone, given := make(chan struct{}), make(chan struct{})
	answer(t, b, a, "node.3.commands", func(ctx context.Context, _ []byte) []byte {
		<-ctx.Done()
		close(gone)
		<-given
		return nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := a.Ask(ctx, "node.3.commands", []byte("slowly")); !errors.Is(err, bus.ErrNoAnswer) {
		t.Errorf("asked one that is slow: %v", err)
	}
	close(given)
	select {
	case <-gone:
	case <-within(t).Done():
		t.Error("the handler was not told that nobody waits")
	}
}

// many: 64 requests are in hand at once, and the next is not answered.
func many(t *testing.T, a, b bus.Bus) {
	release, inHand := make(chan struct{}), make(chan struct{}, 100)
	answer(t, b, a, "node.4.commands", func(_ context.Context, data []byte) []byte {
		inHand <- struct{}{}
		<-release
		return data
	})
	var asked sync.WaitGroup
	var good atomic.Int64
	ctx := within(t)
	for range 64 {
		asked.Go(func() {
			if _, err := a.Ask(ctx, "node.4.commands", []byte("x")); err == nil {
				good.Add(1)
			}
		})
	}
	for range 64 {
		select {
		case <-inHand:
		case <-ctx.Done():
			t.Fatal("they are not answered together")
		}
	}
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	if _, err := a.Ask(short, "node.4.commands", []byte("x")); !errors.Is(err, bus.ErrNoAnswer) {
		t.Errorf("asked for one too many: %v", err)
	}
	close(release)
	asked.Wait()
	if good.Load() != 64 {
		t.Errorf("%d of 64 were answered", good.Load())
	}
	if b.Stats().Refused == 0 {
		t.Error("what was refused is not counted")
	}
}

func stops(t *testing.T, a, b bus.Bus) {
	began, over := make(chan struct{}), atomic.Bool{}
	stop := answer(t, b, a, "node.5.commands", func(ctx context.Context, _ []byte) []byte {
		close(began)
		<-ctx.Done()
		over.Store(true)
		return nil
	})
	var asked sync.WaitGroup
	asked.Go(func() { _, _ = a.Ask(within(t), "node.5.commands", []byte("x")) })
	<-began
	stop()
	if !over.Load() {
		t.Error("stop did not wait for the handler")
	}
	asked.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := a.Ask(ctx, "node.5.commands", []byte("x")); !errors.Is(err, bus.ErrNoAnswer) {
		t.Errorf("asked one that has stopped: %v", err)
	}
}

func closes(t *testing.T, a, b bus.Bus) {
	sub := listen(t, b, a, "call.7.events")
	waiting := make(chan error, 1)
	go func() { _, err := sub.Next(t.Context()); waiting <- err }()
	answer(t, b, a, "node.6.commands", func(context.Context, []byte) []byte { return nil })
	if err := b.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	if err := <-waiting; !errors.Is(err, bus.ErrClosed) {
		t.Errorf("a reader was told: %v", err)
	}
	if err := b.Publish("call.7.events", nil); !errors.Is(err, bus.ErrClosed) {
		t.Errorf("publish: %v", err)
	}
	if _, err := b.Subscribe("call.7.events"); !errors.Is(err, bus.ErrClosed) {
		t.Errorf("subscribe: %v", err)
	}
	if _, err := b.Ask(t.Context(), "node.6.commands", nil); !errors.Is(err, bus.ErrClosed) {
		t.Errorf("ask: %v", err)
	}
	if _, err := b.Answer("node.6.commands", nil); !errors.Is(err, bus.ErrClosed) {
		t.Errorf("answer: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Errorf("close again: %v", err)
	}
}

func unread(t *testing.T, a, b bus.Bus) {
	sub := listen(t, b, a, "call.8.events")
	sub.Close()
	sub.Close()
	publish(t, a, "call.8.events", "late")
	if _, err := sub.Next(t.Context()); !errors.Is(err, bus.ErrClosed) {
		t.Errorf("read after the end: %v", err)
	}
	again := listen(t, b, a, "call.8.events")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := again.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("read with a context that is over: %v", err)
	}
}

// busy: users come and go while others publish; with -race this is where it would show.
func busy(t *testing.T, a, b bus.Bus) {
	var all sync.WaitGroup
	for i := range 4 {
		s := bus.CallEvents(strconv.Itoa(i % 2))
		all.Go(func() {
			for range 500 {
				_ = a.Publish(s, []byte("x")) // it may be dropped
			}
		})
		all.Go(func() {
			for range 50 {
				sub, err := b.Subscribe(s)
				if err != nil {
					t.Errorf("subscribe: %v", err)
					return
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
				_, _ = sub.Next(ctx) // there may be nothing
				cancel()
				sub.Close()
			}
		})
		all.Go(func() {
			for range 20 {
				stop, err := b.Answer(bus.NodeCommands(strconv.Itoa(i%2)), func(context.Context, []byte) []byte { return nil })
				if err != nil {
					t.Errorf("answer: %v", err)
					return
				}
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
				_, _ = a.Ask(ctx, bus.NodeCommands(strconv.Itoa(i%2)), nil) // whoever answers may be gone
				cancel()
				stop()
			}
		})
	}
	all.Wait()
}
