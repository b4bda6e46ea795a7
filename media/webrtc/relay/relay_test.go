package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pion/turn/v5"
	"go.uber.org/goleak"

	"parley/media/rtp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo is a port that sends back what comes.
func echo(t *testing.T) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for b := make([]byte, 1500); ; {
			n, from, err := conn.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			_, _ = conn.WriteToUDPAddrPort(b[:n], from)
		}
	}()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return netip.MustParseAddrPort(conn.LocalAddr().String())
}

func listen(t *testing.T, o Options) *Relay {
	t.Helper()
	server := httptest.NewUnstartedServer(nil) // whose certificate is for 127.0.0.1
	server.StartTLS()
	o.Secure, o.TLS = "127.0.0.1:0", &tls.Config{Certificates: server.TLS.Certificates, MinVersion: tls.VersionTLS12}
	server.Close()
	o.Address, o.Secret = "127.0.0.1:0", []byte("a secret of 32 characters or more")
	r, err := Listen(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// client is a browser's TURN client, over UDP, TCP or TLS.
func client(t *testing.T, r *Relay, network, name, password string) *turn.Client {
	t.Helper()
	at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), r.Port()).String()
	var conn net.PacketConn
	switch network {
	case "tls":
		at = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), r.Secure()).String()
		stream, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}).DialContext(t.Context(), "tcp", at) //nolint:gosec // the test's own
		if err != nil {
			t.Fatal(err)
		}
		conn = turn.NewSTUNConn(stream)
	case "tcp":
		stream, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		conn = turn.NewSTUNConn(stream)
	default:
		var err error
		if conn, err = (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = conn.Close() })
	c, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: at, TURNServerAddr: at, Conn: conn, Username: name, Password: password, Realm: realm, RTO: 100 * time.Millisecond,
		LoggerFactory: rtp.Logs(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Listen(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// ask sends a word to an address by way of the relay, until it comes back or the time is over.
func ask(t *testing.T, conn net.PacketConn, to netip.AddrPort, patience time.Duration) (answer string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for b := make([]byte, 100); ctx.Err() == nil; {
		if _, err := conn.WriteTo([]byte("hello"), net.UDPAddrFromAddrPort(to)); err != nil {
			return "", err
		}
		if err := conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			return "", err
		}
		n, from, err := conn.ReadFrom(b)
		if err == nil && from.String() == to.String() {
			return string(b[:n]), nil
		}
	}
	return "", os.ErrDeadlineExceeded
}

// TestRelay: the port is reached by the name that pages are told, over UDP, TCP and TLS; nobody else is, not even another port of the same machine.
func TestRelay(t *testing.T) {
	t.Parallel()
	port, stranger := echo(t), echo(t)
	told := netip.AddrPortFrom(netip.MustParseAddr("203.0.113.9"), port.Port())
	r := listen(t, Options{Ways: map[netip.AddrPort]netip.AddrPort{told: port}})
	for _, network := range []string{"udp", "tcp", "tls"} {
		name, password := r.Credentials(network, time.Now().Add(time.Minute))
		conn, err := client(t, r, network, name, password).Allocate()
		if err != nil {
			t.Fatalf("%s: %v", network, err)
		}
		if got, err := ask(t, conn, told, 10*time.Second); got != "hello" || err != nil {
			t.Errorf("%s: the port says %q, %v", network, got, err)
		}
		denied := r.Stats.Denied.Load()
		if got, err := ask(t, conn, stranger, 500*time.Millisecond); err == nil {
			t.Errorf("%s: another address was reached, and says %q", network, got)
		}
		if got, err := ask(t, conn, netip.AddrPortFrom(told.Addr(), stranger.Port()), 500*time.Millisecond); err == nil {
			t.Errorf("%s: another port was reached, and says %q", network, got)
		}
		if r.Stats.Denied.Load() < denied+2 {
			t.Errorf("%s: the refusals were not counted", network)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestCredentials: those that are wrong, changed or late open nothing; what one has opened goes on after its time.
func TestCredentials(t *testing.T) {
	t.Parallel()
	port := echo(t)
	r := listen(t, Options{Ways: map[netip.AddrPort]netip.AddrPort{port: port}})
	name, password := r.Credentials("a", time.Now().Add(time.Minute))
	late, latePassword := r.Credentials("a", time.Now().Add(-time.Second))
	other, _ := r.Credentials("b", time.Now().Add(time.Minute))
	for what, c := range map[string][2]string{
		"late": {late, latePassword}, "another's": {other, password}, "wrong": {name, "guess"}, "no time": {"a", password}, "prolonged": {"9" + name, password},
	} {
		if _, err := client(t, r, "udp", c[0], c[1]).Allocate(); err == nil {
			t.Errorf("%s credentials open an allocation", what)
		}
	}
	if r.Stats.Strangers.Load() == 0 {
		t.Error("strangers were not counted")
	}
	soon, soonPassword := r.Credentials("c", time.Now().Add(2*time.Second))
	conn, err := client(t, r, "udp", soon, soonPassword).Allocate()
	if err != nil {
		t.Fatal(err)
	}
	for !expired(soon) { // until its time is over, it is used
		if _, err := ask(t, conn, port, time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := ask(t, conn, port, 10*time.Second); got != "hello" {
		t.Errorf("after its time the port says %q, %v", got, err)
	}
	if _, err := client(t, r, "udp", soon, soonPassword).Allocate(); err == nil {
		t.Error("late credentials open another allocation")
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

// TestQuota: a credential, and all of them, have so many allocations at once, and no more.
func TestQuota(t *testing.T) {
	t.Parallel()
	port := echo(t)
	r := listen(t, Options{Ways: map[netip.AddrPort]netip.AddrPort{port: port}, Limits: Limits{Each: 2, All: 3}})
	allocate := func(id string) (net.PacketConn, error) {
		name, password := r.Credentials(id, time.Unix(4102444800, 0))
		return client(t, r, "udp", name, password).Allocate()
	}
	var open []net.PacketConn
	for n, c := range []struct {
		id string
		ok bool
	}{{"a", true}, {"a", true}, {"a", false}, {"b", true}, {"c", false}} {
		conn, err := allocate(c.id)
		if (err == nil) != c.ok || err != nil && !strings.Contains(err.Error(), "486") {
			t.Errorf("allocation %d, of %s: %v", n, c.id, err)
		}
		if err == nil {
			open = append(open, conn)
		}
	}
	for _, conn := range open {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
	for end := time.Now().Add(time.Minute); r.Allocations() > 0; time.Sleep(5 * time.Millisecond) { // a real socket
		if time.Now().After(end) {
			t.Fatalf("%d allocations are left", r.Allocations())
		}
	}
	conn, err := allocate("c")
	if err != nil {
		t.Errorf("there is room again: %v", err)
	} else if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

// TestDoor: connections beyond the limit are closed, those that say nothing too, and what is free is given again.
func TestDoor(t *testing.T) {
	t.Parallel()
	port := echo(t)
	r := listen(t, Options{Ways: map[netip.AddrPort]netip.AddrPort{port: port}, Limits: Limits{Connections: 1, Idle: time.Second}})
	at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), r.Port()).String()
	ended := func() time.Duration {
		t.Helper()
		began := time.Now()
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.SetReadDeadline(began.Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) || err == nil {
			t.Fatalf("it was not closed: %v", err)
		}
		return time.Since(began)
	}
	first := make(chan time.Duration, 1)
	silent, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	began := time.Now()
	go func() {
		_, _ = io.Copy(io.Discard, silent)
		first <- time.Since(began)
	}()
	second := ended() // sent away, or served once the first was: either way it ends
	if took := <-first; took < 900*time.Millisecond {
		t.Errorf("who said nothing was sent away after %v", took)
	}
	t.Logf("the second ended after %v", second)
}

func TestOptions(t *testing.T) {
	t.Parallel()
	port := netip.MustParseAddrPort("127.0.0.1:9")
	for what, o := range map[string]Options{
		"no ways":   {Address: "127.0.0.1:0", Secret: []byte("x")},
		"no secret": {Address: "127.0.0.1:0", Ways: map[netip.AddrPort]netip.AddrPort{port: port}},
		"no port":   {Address: "127.0.0.1", Secret: []byte("x"), Ways: map[netip.AddrPort]netip.AddrPort{port: port}},
	} {
		if _, err := Listen(t.Context(), o); err == nil {
			t.Errorf("%s: it listens", what)
		}
	}
}

// expired says whether the time in a name is over.
func expired(name string) bool {
	text, _, _ := strings.Cut(name, ":")
	var until int64
	for _, digit := range text {
		until = until*10 + int64(digit-'0')
	}
	return time.Now().Unix() >= until
}
