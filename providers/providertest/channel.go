package providertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// A channel is what the stand-ins of messaging channels have in common: troubles, and an end that waits for its handlers.
type channel struct {
	mu      sync.Mutex
	trouble Trouble
	struck  int
	running handlers
}

// Misbehave has a channel misbehave from now on, or as NoFault says behave.
func (c *channel) Misbehave(t Trouble) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trouble, c.struck = t, 0
}

// next is the trouble that strikes a request.
func (c *channel) next() Trouble {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.struck++; c.trouble.Times > 0 && c.struck > c.trouble.Times {
		return Trouble{}
	}
	return c.trouble
}

// An answer is what a channel says to a request: JSON, or bytes of another type.
type answer struct {
	status int // 0: 200
	header http.Header
	body   any
}

// serve answers requests, as the trouble will have it. Complain makes the answer to Trouble.Code.
func (c *channel) serve(ctx context.Context, complain func(code int) answer, obey func(*http.Request) answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !c.running.begin() {
			return
		}
		defer c.running.done()
		t := c.next()
		var a answer
		switch t.Fault {
		case Refuse: // by something on the way that knows no JSON
			status := t.Status
			if status == 0 {
				status = http.StatusBadGateway
			}
			http.Error(w, "<html>"+http.StatusText(status)+"</html>", status)
			return
		case Mute:
			select {
			case <-ctx.Done():
			case <-r.Context().Done():
			}
			return
		case Complain:
			a = complain(t.Code)
		default:
			a = obey(r)
		}
		switch t.Fault {
		case Unheard:
			breakOff(ctx, w, ModelReset)
			return
		case Garbage:
			a.body = []byte(`{"messages":` + "\x00\xff")
		case Giant:
			a.body = bytes.Repeat([]byte{'{'}, 9<<20)
		}
		a.write(w)
	}
}

func (a answer) write(w http.ResponseWriter) {
	for k, vs := range a.header {
		w.Header()[k] = vs
	}
	content, raw := a.body.([]byte)
	if !raw {
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		content, _ = json.Marshal(a.body) // maps of strings always encode
	}
	if a.status != 0 {
		w.WriteHeader(a.status)
	}
	_, _ = w.Write(content) // a client who has gone is not told
}

// run serves on ln until ctx ends, then closes every connection and waits for their goroutines.
func (c *channel) run(ctx context.Context, ln net.Listener, routes http.Handler) error {
	server := &http.Server{Handler: routes, ReadHeaderTimeout: 10 * time.Second}
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() })
	err := server.Serve(ln)
	stopped()
	c.running.end()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve: %w", err)
}

// startChannel runs a channel on a loopback port until the test ends, and returns its address as a URL without a path.
func startChannel(t testing.TB, run func(context.Context, net.Listener) error) string {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- run(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("run a channel's stand-in: %v", err)
		}
	})
	return "http://" + ln.Addr().String()
}

// A window remembers when people have last written, and how often we have written to them.
type window struct {
	last  map[string]time.Time   // by address
	pairs map[string][]time.Time // ours, of late
	all   []time.Time
}

// open says whether anything may be said to somebody.
func (w *window) open(to string, now time.Time) bool {
	at, wrote := w.last[to]
	return wrote && now.Sub(at) < 24*time.Hour
}

// since counts the times after one, and forgets those before it.
func since(times []time.Time, at time.Time) []time.Time {
	for len(times) > 0 && times[0].Before(at) {
		times = times[1:]
	}
	return times
}
