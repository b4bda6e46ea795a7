// Package relay lets browsers reach the port of their calls where networks let nothing else through: it is TURN (RFC 8656), to that port and to
// nobody else.
//
//	browser ═ UDP, TCP, TLS ═▶ Relay ── an allocation's line ──▶ webrtc.Server's one port
//	        ◀═════════════════       ◀──────────────────────────
//
// Credentials are made with the tokens of calls, and need no memory: a name says until when it may be used, and its password is a hash of both.
// Once it has an allocation a browser keeps it for as long as it refreshes it, however long the call.
package relay

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"

	"parley/media/rtp"
)

// realm is a name that browsers are told, and nothing more.
const realm = "parley"

// Options say where browsers come in, and where they get to. Of Address and Secure one is needed, and Ways and Secret.
type Options struct {
	Address string // host:port, of UDP and of TCP; empty: neither
	Secure  string // host:port, of TLS over TCP (turns:); empty: none
	TLS     *tls.Config
	// Ways are all that may be reached: the port's addresses as pages are told of them, and where they are in truth.
	Ways   map[netip.AddrPort]netip.AddrPort
	Secret []byte // of which passwords are made; all nodes share it
	Limits Limits
	Log    *slog.Logger // nil: silent
}

// Limits bound what browsers can make us do. Zeros mean the value given here.
type Limits struct {
	Each        int           // allocations of one credential, at once: 8
	All         int           // allocations of all: 2048
	Connections int           // over TCP, at once: 2048
	Idle        time.Duration // a connection over TCP on which nothing has come for so long is closed: 1 m
}

func (l Limits) orDefaults() Limits {
	return Limits{Each: cmp.Or(l.Each, 8), All: cmp.Or(l.All, 2048), Connections: cmp.Or(l.Connections, 2048), Idle: cmp.Or(l.Idle, time.Minute)}
}

// Stats counts what browsers have done. Anybody may read it at any time.
type Stats struct {
	Allocated atomic.Uint64 // allocations that were made
	Denied    atomic.Uint64 // permissions and datagrams for somebody else
	Strangers atomic.Uint64 // requests with credentials that are wrong, or late
}

// A Relay is a TURN server. Its methods may be called by any goroutine.
type Relay struct {
	Stats Stats

	o      Options
	key    []byte
	server *turn.Server
	port   uint16 // 0: there is none, as of secure
	secure uint16

	mu  sync.Mutex
	has map[string]int // allocations, by the names of credentials
	all int
}

// Listen opens the relay, which must be closed.
func Listen(ctx context.Context, o Options) (*Relay, error) {
	if len(o.Ways) == 0 || len(o.Secret) == 0 || o.Address == "" && o.Secure == "" || o.Secure != "" && o.TLS == nil {
		return nil, errors.New("listen for relaying: want an address, ways and a secret, and a certificate for TLS")
	}
	o.Limits = o.Limits.orDefaults()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	sum := hmac.New(sha256.New, o.Secret)
	_, _ = sum.Write([]byte("turn"))
	r := &Relay{o: o, key: sum.Sum(nil), has: make(map[string]int)}
	packets, streams, err := r.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("listen for relaying: %w", err)
	}
	four := false
	for told := range o.Ways {
		four = four || told.Addr().Is4()
	}
	r.server, err = turn.NewServer(turn.ServerConfig{
		Realm: realm, AuthHandler: r.authenticate, QuotaHandler: r.hasRoom, LoggerFactory: rtp.Logs(o.Log),
		StrictAddressFamily: four, // browsers name no family, and mean IPv4
		EventHandler: turn.EventHandler{
			OnAllocationCreated: func(_, _ net.Addr, _, name, _ string, _ net.Addr, _ int) { r.count(name, 1) },
			OnAllocationDeleted: func(_, _ net.Addr, _, name, _ string) { r.count(name, -1) },
		},
		PacketConnConfigs: packets, ListenerConfigs: streams,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen for relaying: %w", err), shut(packets, streams))
	}
	return r, nil
}

// open opens all that browsers come in by.
func (r *Relay) open(ctx context.Context) (packets []turn.PacketConnConfig, streams []turn.ListenerConfig, err error) {
	lines := &exchange{r}
	if r.o.Address != "" {
		udp, tcp, err := both(ctx, r.o.Address)
		if err != nil {
			return nil, nil, err
		}
		r.port = portOf(udp.LocalAddr())
		packets = append(packets, turn.PacketConnConfig{PacketConn: udp, RelayAddressGenerator: lines, PermissionHandler: r.permit})
		streams = append(streams, turn.ListenerConfig{Listener: newDoor(tcp, r.o.Limits), RelayAddressGenerator: lines, PermissionHandler: r.permit})
	}
	if r.o.Secure != "" {
		tcp, err := (&net.ListenConfig{}).Listen(ctx, "tcp", r.o.Secure)
		if err != nil {
			return nil, nil, errors.Join(err, shut(packets, streams))
		}
		r.secure = portOf(tcp.Addr())
		door := tls.NewListener(newDoor(tcp, r.o.Limits), r.o.TLS)
		streams = append(streams, turn.ListenerConfig{Listener: door, RelayAddressGenerator: lines, PermissionHandler: r.permit})
	}
	return packets, streams, nil
}

// shut closes what was opened.
func shut(packets []turn.PacketConnConfig, streams []turn.ListenerConfig) (err error) {
	for _, p := range packets {
		err = errors.Join(err, p.PacketConn.Close())
	}
	for _, s := range streams {
		err = errors.Join(err, s.Listener.Close())
	}
	return err
}

func portOf(a net.Addr) uint16 {
	at, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return 0
	}
	return at.Port()
}

// both opens a port over UDP, and the same over TCP.
func both(ctx context.Context, at string) (net.PacketConn, net.Listener, error) {
	host, port, err := net.SplitHostPort(at)
	if err != nil {
		return nil, nil, err
	}
	var listen net.ListenConfig
	for tries := 1; ; tries++ {
		udp, err := listen.ListenPacket(ctx, "udp", at)
		if err != nil {
			return nil, nil, err
		}
		_, number, _ := net.SplitHostPort(udp.LocalAddr().String())
		tcp, err := listen.Listen(ctx, "tcp", net.JoinHostPort(host, number))
		if err == nil {
			return udp, tcp, nil
		}
		if err = errors.Join(err, udp.Close()); port != "0" || tries == 10 {
			return nil, nil, err
		} // a port that is free for one may be taken for the other
	}
}

// Port is where the relay listens over UDP and TCP; 0: it does not.
func (r *Relay) Port() uint16 { return r.port }

// Secure is where the relay listens over TLS; 0: it does not.
func (r *Relay) Secure() uint16 { return r.secure }

// Close ends all that is relayed.
func (r *Relay) Close() error { return r.server.Close() }

// Allocations is how many there are now.
func (r *Relay) Allocations() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all
}

// URLs are where a page that reaches this machine as host finds the relay (RFC 7065).
func (r *Relay) URLs(host string) (all []string) {
	if r.port != 0 {
		at := net.JoinHostPort(host, strconv.Itoa(int(r.port)))
		all = append(all, "turn:"+at+"?transport=udp", "turn:"+at+"?transport=tcp")
	}
	if r.secure != 0 {
		all = append(all, "turns:"+net.JoinHostPort(host, strconv.Itoa(int(r.secure)))+"?transport=tcp")
	}
	return all
}

// Credentials are those by which allocations can be made until then, for whoever has that id.
func (r *Relay) Credentials(id string, until time.Time) (name, password string) {
	name = strconv.FormatInt(until.Unix(), 10) + ":" + id
	return name, r.password(name)
}

func (r *Relay) password(name string) string {
	sum := hmac.New(sha256.New, r.key)
	_, _ = sum.Write([]byte(name))
	return base64.StdEncoding.EncodeToString(sum.Sum(nil))
}

// authenticate says what the password of a name is, unless its time has run out: then what is allocated goes on, and nothing new is.
func (r *Relay) authenticate(a *turn.RequestAttributes) (name string, key []byte, ok bool) {
	text, _, found := strings.Cut(a.Username, ":")
	until, err := strconv.ParseInt(text, 10, 64)
	if !found || err != nil || a.Method == stun.MethodAllocate && !time.Now().Before(time.Unix(until, 0)) {
		r.Stats.Strangers.Add(1)
		return "", nil, false
	}
	return a.Username, turn.GenerateAuthKey(a.Username, a.Realm, r.password(a.Username)), true
}

// hasRoom says whether a credential may have another allocation.
func (r *Relay) hasRoom(name, _ string, _ net.Addr) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all < r.o.Limits.All && r.has[name] < r.o.Limits.Each
}

func (r *Relay) count(name string, change int) {
	if change > 0 {
		r.Stats.Allocated.Add(1)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all += change
	if r.has[name] += change; r.has[name] <= 0 {
		delete(r.has, name)
	}
}

// permit says whether an address is one of the port's. Which port it is to be is seen with each datagram.
func (r *Relay) permit(_ net.Addr, peer net.IP) bool {
	at, _ := netip.AddrFromSlice(peer)
	for told := range r.o.Ways {
		if told.Addr() == at.Unmap() {
			return true
		}
	}
	r.Stats.Denied.Add(1)
	return false
}
