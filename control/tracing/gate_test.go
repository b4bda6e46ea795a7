package tracing_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/control/tracing"
	"parley/media"
)

// buffer is a log that several goroutines write.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// flood is more turns than fit; it fails the test if telling of them waits for anybody.
func flood(t *testing.T, tracer *tracing.Tracer) (spans int64) {
	t.Helper()
	tracer.Watch(started())
	e := turned(greeting()) // four spans
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 4000 {
			tracer.Watch(e)
		}
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("a call waits for its trace")
	}
	tracer.Watch(ended(media.CauseCaller, ms(5000)))
	return 4000*4 + 1
}

// TestSlowCollector: a collector that does not answer keeps nobody waiting; what does not fit is dropped, and each span is counted once.
func TestSlowCollector(t *testing.T) {
	t.Parallel()
	tracer, collector := open(t, nil)
	release := collector.Hold()
	spans := flood(t, tracer)
	if n := tracer.Dropped(); n < spans-8192-1 || n >= spans {
		t.Errorf("%d of %d spans were dropped while the collector slept: want all beyond 8192", n, spans)
	}
	release()
	shut(t, tracer)
	if sent, dropped := tracer.Sent(), tracer.Dropped(); sent+dropped != spans || int(sent) != len(collector.Spans("")) {
		t.Errorf("%d sent, %d dropped of %d; %d arrived", sent, dropped, spans, len(collector.Spans("")))
	}
}

// TestDeadCollector: what is refused is counted, and told once.
func TestDeadCollector(t *testing.T) {
	t.Parallel()
	var b buffer
	tracer, collector := open(t, func(o *tracing.Options) { o.Log = slog.New(slog.NewTextHandler(&b, nil)) })
	collector.Break(true)
	spans := flood(t, tracer)
	shut(t, tracer)
	if sent, dropped := tracer.Sent(), tracer.Dropped(); sent != 0 || dropped != spans {
		t.Errorf("%d sent, %d dropped of %d: want all dropped", sent, dropped, spans)
	}
	if n := strings.Count(b.String(), "traces are not taken"); n != 1 {
		t.Errorf("told %d times, want once:\n%s", n, b.String())
	}
}

// TestCloseInTime: a collector that never answers does not keep a server from ending; what waited is counted.
func TestCloseInTime(t *testing.T) {
	t.Parallel()
	tracer, collector := open(t, nil)
	release := collector.Hold()
	defer release()
	tracer.Watch(started())
	tracer.Watch(turned(greeting()))
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := tracer.Close(ctx); err == nil {
		t.Error("closed, although nothing was taken")
	}
	if n := tracer.Dropped(); n != 4 {
		t.Errorf("%d dropped, want 4", n)
	}
}
