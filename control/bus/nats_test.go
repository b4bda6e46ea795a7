package bus_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"parley/control/bus"
	"parley/control/bus/bustest"
)

// natsServer starts a NATS server; port 0 is any.
func natsServer(t *testing.T, port int, user, password string) *server.Server {
	t.Helper()
	if port == 0 {
		port = server.RANDOM_PORT
	}
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, NoLog: true, NoSigs: true, Username: user, Password: password})
	if err != nil {
		t.Fatalf("nats server: %v", err)
	}
	s.Start()
	if !s.ReadyForConnections(patience) {
		t.Fatal("the nats server does not start")
	}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s
}

const patience = time.Minute

func connect(t *testing.T, url, installation string, log *slog.Logger) *bus.NATS {
	t.Helper()
	n, err := bus.NewNATS(bus.NATSOptions{URL: url, Name: t.Name(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := n.Connect(installation); err != nil {
		t.Fatal(err)
	}
	return n
}

// until waits for something that happens elsewhere.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

func up(t *testing.T, n *bus.NATS) {
	t.Helper()
	until(t, "connected", func() bool { return n.Stats().Well })
}

// TestNATS runs the suite over two connections, which are two nodes.
func TestNATS(t *testing.T) {
	t.Parallel()
	s := natsServer(t, 0, "", "")
	var n atomic.Int64
	bustest.Run(t, func(t *testing.T) (a, b bus.Bus) {
		own := "i" + strconv.FormatInt(n.Add(1), 10) // the suite's tests use the same subjects at the same time
		first, second := connect(t, s.ClientURL(), own, nil), connect(t, s.ClientURL(), own, nil)
		up(t, first)
		up(t, second)
		return first, second
	})
}

// TestInstallationsDoNotMix: two that share one NATS do not hear one another.
func TestInstallationsDoNotMix(t *testing.T) {
	t.Parallel()
	s := natsServer(t, 0, "", "")
	ours, theirs, other := connect(t, s.ClientURL(), "one", nil), connect(t, s.ClientURL(), "two", nil), connect(t, s.ClientURL(), "one", nil)
	for _, n := range []*bus.NATS{ours, theirs, other} {
		up(t, n)
	}
	sub, err := ours.Subscribe("call.1.events")
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	stop, err := theirs.Answer("node.1.commands", func(context.Context, []byte) []byte { t.Error("asked by another installation"); return nil })
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	arrived := make(chan string, 1)
	go func() {
		m, _ := sub.Next(t.Context())
		arrived <- string(m.Data)
	}()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for got := ""; got == ""; {
		_ = theirs.Publish("call.1.events", []byte("theirs"))
		_ = other.Publish("call.1.events", []byte("ours"))
		select {
		case got = <-arrived:
			if got != "ours" {
				t.Errorf("heard %q", got)
			}
		case <-tick.C:
		}
	}
	if _, err := ours.Ask(t.Context(), "node.1.commands", nil); !errors.Is(err, bus.ErrNoAnswer) {
		t.Errorf("asked another installation: %v", err)
	}
}

// TestServerComesLaterAndAgain: a node starts without NATS, goes on without it, and is connected again by itself, with all that it
// listened to. Within the node messages go on.
func TestServerComesLaterAndAgain(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := ln.Addr().(*net.TCPAddr).Port
	ln.Close()
	url := "nats://127.0.0.1:" + strconv.Itoa(port)
	a, b := connect(t, url, "one", nil), connect(t, url, "one", nil)
	sub, err := b.Subscribe("call.1.events")
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	if err := a.Publish("call.1.events", []byte("early")); !errors.Is(err, bus.ErrAway) {
		t.Errorf("published without a server: %v", err)
	}
	if _, err := a.Ask(t.Context(), "node.1.commands", nil); !errors.Is(err, bus.ErrNoAnswer) {
		t.Errorf("asked without a server: %v", err)
	}
	if err := b.Publish("call.1.events", []byte("at home")); !errors.Is(err, bus.ErrAway) {
		t.Errorf("published without a server: %v", err)
	}
	if m, err := sub.Next(t.Context()); err != nil || string(m.Data) != "at home" {
		t.Errorf("within the node: %q, %v", m.Data, err)
	}

	s := natsServer(t, port, "", "")
	up(t, a)
	up(t, b)
	if m := comes(t, a, sub); m.Gap {
		t.Error("there was no gap: nothing had been connected")
	}
	s.Shutdown()
	s.WaitForShutdown()
	until(t, "away", func() bool { return !a.Stats().Well && !b.Stats().Well })
	before := a.Stats().Dropped
	if err := a.Publish("call.1.events", []byte("lost")); !errors.Is(err, bus.ErrAway) {
		t.Errorf("published while the server was away: %v", err)
	}
	if got := a.Stats().Dropped; got != before+1 {
		t.Errorf("dropped %d, want %d", got, before+1)
	}
	natsServer(t, port, "", "")
	up(t, a)
	up(t, b)
	if m := comes(t, a, sub); !m.Gap {
		t.Error("the reader was not told of the gap")
	}
}

// comes publishes until something arrives, and returns the first that did.
func comes(t *testing.T, from bus.Bus, sub *bus.Subscription) bus.Message {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		_ = from.Publish("call.1.events", []byte("x"))
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		m, err := sub.Next(ctx)
		cancel()
		if err == nil {
			for err == nil { // what else was published
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				_, err = sub.Next(ctx)
				cancel()
			}
			return m
		}
	}
	t.Fatal("nothing arrives")
	return bus.Message{}
}

// TestStuckServer: a server that takes no bytes any more holds up nobody. Messages are dropped, and counted.
func TestStuckServer(t *testing.T) {
	t.Parallel()
	s := natsServer(t, 0, "", "")
	stuck := newStuck(t, strings.TrimPrefix(s.ClientURL(), "nats://"))
	a := connect(t, "nats://"+stuck.addr, "one", nil)
	up(t, a)
	stuck.hold()
	data := make([]byte, bus.MaxData)
	longest := time.Duration(0)
	const many = 10_000 // 640 MB: more than the sockets and the outbox hold
	for range many {
		began := time.Now()
		_ = a.Publish("call.1.events", data)
		longest = max(longest, time.Since(began))
	}
	if longest > time.Second {
		t.Errorf("publishing took %v", longest)
	}
	if a.Stats().Dropped == 0 {
		t.Error("nothing was dropped")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := a.Ask(ctx, "node.1.commands", nil); !errors.Is(err, bus.ErrNoAnswer) {
		t.Errorf("asked: %v", err)
	}
}

// A stuck is a way to a server that can stop to carry.
type stuck struct {
	addr string
	held chan struct{}
	once sync.Once
}

func (s *stuck) hold() { s.once.Do(func() { close(s.held) }) }

func newStuck(t *testing.T, to string) *stuck {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &stuck{addr: ln.Addr().String(), held: make(chan struct{})}
	done := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				c.Close()
				continue
			}
			all.Go(func() { <-done; c.Close(); server.Close() })
			all.Go(func() { _, _ = io.Copy(c, server) })
			all.Go(func() {
				for buf := make([]byte, 4096); ; {
					select {
					case <-s.held:
						return
					default:
					}
					n, err := c.Read(buf)
					if err != nil {
						return
					}
					_, _ = server.Write(buf[:n])
				}
			})
		}
	})
	t.Cleanup(func() { ln.Close(); close(done); all.Wait() })
	return s
}

// TestSecretsStayHome: nothing that lets one in is logged, or told by an error.
func TestSecretsStayHome(t *testing.T) {
	t.Parallel()
	s := natsServer(t, 0, "parley", "s3cret")
	var logged safe
	log := slog.New(slog.NewTextHandler(&logged, nil))
	host := strings.TrimPrefix(s.ClientURL(), "nats://")
	host = host[strings.LastIndex(host, "@")+1:]
	good := connect(t, "nats://parley:s3cret@"+host, "one", log)
	up(t, good)
	bad := connect(t, "nats://parley:wr0ng@"+host, "one", log)
	until(t, "the refusal is logged", func() bool { return strings.Contains(logged.String(), "cannot be reached") })
	if bad.Stats().Well {
		t.Error("a wrong password lets in")
	}
	for _, u := range []string{"s3cret@", "http://parley:s3cret@host", "nats://parley:s3cret@ho st:1", "nats://parley:s3cret@", ""} {
		if _, err := bus.NewNATS(bus.NATSOptions{URL: u}); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v", u, err)
		}
	}
	if text := logged.String(); strings.Contains(text, "s3cret") || strings.Contains(text, "wr0ng") {
		t.Errorf("a secret is logged:\n%s", text)
	}
	if err := good.Connect("no.word"); !errors.Is(err, bus.ErrSubject) {
		t.Errorf("connect below a bad name: %v", err)
	}
}

// safe is a buffer for any number of goroutines.
type safe struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *safe) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *safe) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// TestProbe: a server tells its version; what is wrong is told without the password.
func TestProbe(t *testing.T) {
	t.Parallel()
	s := natsServer(t, 0, "parley", "s3cret")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	p, err := bus.ProbeNATS(ctx, "nats://parley:s3cret@"+s.Addr().String())
	if err != nil || p.Version != server.VERSION || p.Server != s.Addr().String() || p.Took <= 0 {
		t.Errorf("%+v, %v", p, err)
	}
	for url, want := range map[string]string{
		"nats://parley:wr0ng@" + s.Addr().String(): "Authorization", "nats://parley:wr0ng@127.0.0.1:1": "connect to NATS", "parley:wr0ng": "nats://user",
	} {
		if _, err := bus.ProbeNATS(ctx, url); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "wr0ng") {
			t.Errorf("%s: %v, want %s", url, err, want)
		}
	}
}
