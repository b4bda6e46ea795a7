package webrtc

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/pion/ice/v4"

	"parley/media"
	"parley/media/opus"
	"parley/media/rtp"
)

// Options say where browsers come in, and what becomes of them. UDP, Gate and Answer are needed.
type Options struct {
	UDP    string       // host:port of all calls' sound; without a host: all addresses of the machine
	TCP    string       // host:port for browsers that have no UDP; "": none
	Public []netip.Addr // where browsers reach this machine, if that is none of its own addresses; none: its own
	Path   string       // of the endpoint; "": /webrtc/whip

	Gate Gate
	// Answer is the call: it runs on the call's goroutine once the browser is connected, and when it returns the browser is let go. Nobody may
	// use the leg after that. ctx ends with Close.
	Answer func(ctx context.Context, leg *Leg)
	// Accepting says whether a new call, whose leg will have that id, is welcome; nil: always. It must answer at once.
	Accepting func(ctx context.Context, id string, g Grant) bool
	// Relays are what a page is told of, besides our own candidates, by the answer to its offer (RFC 9725, section 4.6); nil: nothing is.
	Relays func(r *http.Request, g Grant) []Relay
	// Message takes what a page has sent on its data channel, 16 KiB at most; nil: nothing is. The text is lent; nil stands for a message that
	// was no text. It runs on the channel's goroutine.
	Message func(leg *Leg, text []byte)

	Jitter rtp.Jitter
	Limits Limits
	Log    *slog.Logger // nil: silent
}

// Limits bound what a page can make us do. Zeros mean the value given here.
type Limits struct {
	Body    int64         // bytes of an offer or a fragment: 64 KiB
	Connect time.Duration // from the answer until the browser is there, with keys: 15 s
	Lost    time.Duration // a browser from which nothing has come for so long is lost: 30 s (RFC 7675)
	Calls   int           // at once, those that are not connected yet included: 16384
}

func (l Limits) orDefaults() Limits {
	return Limits{
		Body: cmp.Or(l.Body, 64<<10), Connect: cmp.Or(l.Connect, 15*time.Second), Lost: cmp.Or(l.Lost, 30*time.Second), Calls: cmp.Or(l.Calls, 16384),
	}
}

// A Grant is what a token allows: one call.
type Grant struct {
	ID      string            // of the token: nobody else's
	Owner   string            // the organisation, as in media.Info.Owners
	From    string            // of the leg's Info: who calls, as whoever made the token says; empty: not told
	Params  map[string]string // of the leg's Info: the agent, and what fills the places of its words
	Expires time.Time
}

// A Relay is a TURN server that a page may use, and by which credentials.
type Relay struct {
	URLs       []string // RFC 7065
	Name       string
	Credential string
}

// ErrToken is what a Gate says of a token that opens nothing: it is wrong, was used, or its time has run out.
var ErrToken = errors.New("the token is wrong, used, or has run out")

// An Absent is what a Gate says of a good token, where what it opens is not here. The token is not used up.
type Absent struct {
	Why  string // as the page is told
	Over bool   // it is nowhere any more; else another node has it, and may be asked
}

func (a *Absent) Error() string { return a.Why }

// A Gate knows who may call.
type Gate interface {
	// Look says what a token allows, and leaves it as it is. The error is ErrToken, an *Absent, or what keeps the gate from knowing.
	Look(token string) (Grant, error)
	// Spend uses a token up, for all nodes; ErrToken if it has been before.
	Spend(ctx context.Context, g Grant) error
}

// A Server takes calls from browsers. Its methods may be called by any goroutine.
type Server struct {
	Stats Stats

	o           Options
	doors       doors
	certificate *rtp.Certificate
	sound       bool // there is Opus

	mu       sync.Mutex
	calls    map[string]*call // by their secrets
	draining bool
	closed   bool
	running  sync.WaitGroup
	ctx      context.Context //nolint:containedctx // of calls, which outlive the requests that open them; ends with Close
	cancel   context.CancelCauseFunc
}

// errShutdown is the cause with which a call's context ends in Close.
var errShutdown = errors.New("the server is shutting down")

// Listen opens the ports. The Server must be closed. ctx is that of the calls, too.
func Listen(ctx context.Context, o Options) (*Server, error) {
	if o.Gate == nil || o.Answer == nil {
		return nil, errors.New("listen for browsers: want a Gate and an Answer")
	}
	o.Path, o.Limits = cmp.Or(o.Path, "/webrtc/whip"), o.Limits.orDefaults()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{o: o, doors: doors{log: rtp.Logs(o.Log)}, calls: make(map[string]*call), sound: opus.Available() == nil}
	var err error
	if s.certificate, err = rtp.NewCertificate(); err != nil {
		return nil, fmt.Errorf("listen for browsers: %w", err)
	}
	if s.doors.udp, err = openPort(ctx, o.UDP); err != nil {
		return nil, fmt.Errorf("listen for browsers: %w", err)
	}
	if o.TCP != "" {
		ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.TCP)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("listen for browsers: %w", err), s.doors.udp.Close())
		}
		s.doors.tcp = ice.NewTCPMuxDefault(ice.TCPMuxParams{
			Listener: ln, Logger: s.doors.log.NewLogger("ice-tcp"), ReadBufferSize: 32, WriteBufferSize: 64 << 10, // so that a slow browser holds up nobody
			FirstStunBindTimeout: 5 * time.Second, AliveDurationForConnFromStun: 15 * time.Second,
		})
	}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	return s, nil
}

// Addrs are where the sound of all calls comes in over UDP.
func (s *Server) Addrs() []net.Addr { return s.doors.udp.GetListenAddresses() }

// localKey is where a context says that the page is of this machine.
type localKey struct{}

// advertised are the candidates that a page is told of: its own machine's loopback addresses only if it is on this one, and the public
// addresses in place of all others where there are any.
func (s *Server) advertised(ctx context.Context, all []candidate) (told []candidate) {
	local, _ := ctx.Value(localKey{}).(bool)
	seen := make(map[candidate]bool)
	add := func(c candidate) {
		if !seen[c] {
			seen[c] = true
			told = append(told, c)
		}
	}
	for _, c := range all {
		switch {
		case c.addr.Addr().IsLoopback() && local:
			add(c)
		case c.addr.Addr().IsLoopback(), c.addr.Addr().IsLinkLocalUnicast():
		case len(s.o.Public) == 0:
			add(c)
		}
		for _, p := range s.o.Public {
			if p.Is4() == c.addr.Addr().Is4() {
				add(candidate{netip.AddrPortFrom(p, c.addr.Port()), c.tcp})
			}
		}
	}
	if len(told) == 0 { // there is nothing but loopback
		return all
	}
	return told
}

// Ways are the addresses of the port as pages are told of them, and where they are in truth, which differs behind a NAT: for whoever relays to the
// port on the same machine.
func (s *Server) Ways() map[netip.AddrPort]netip.AddrPort {
	ways := make(map[netip.AddrPort]netip.AddrPort)
	var free []netip.AddrPort // that no way leads to
	for _, socket := range s.doors.udp.sockets {
		at := localOf(socket)
		if at.Addr().IsLoopback() || len(s.o.Public) == 0 {
			ways[at] = at
		}
		if !at.Addr().IsLoopback() || len(s.doors.udp.sockets) == 1 {
			free = append(free, at)
		}
	}
	for _, p := range s.o.Public {
		i := slices.IndexFunc(free, func(at netip.AddrPort) bool { return at.Addr().Is4() == p.Is4() })
		if i < 0 {
			continue
		}
		delete(ways, free[i]) // one name each
		ways[netip.AddrPortFrom(p, free[i].Port())] = free[i]
		free = slices.Delete(free, i, i+1)
	}
	return ways
}

// enter makes a call one of those that Close waits for; false: there are too many.
func (s *Server) enter(c *call) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.draining || len(s.calls) >= s.o.Limits.Calls {
		return false
	}
	s.calls[c.secret] = c
	s.running.Go(func() {
		defer s.leave(c)
		c.run(s.ctx)
	})
	return true
}

func (s *Server) leave(c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.calls, c.secret)
}

// find is the call of a URL; nil: there is none.
func (s *Server) find(secret string) *call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[secret]
}

// full says whether no further call is taken.
func (s *Server) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed || s.draining || len(s.calls) >= s.o.Limits.Calls
}

// answer runs the call. A panic ends that call alone.
func (s *Server) answer(ctx context.Context, l *Leg, log *slog.Logger) {
	defer func() {
		if p := recover(); p != nil {
			s.Stats.Panics.Add(1)
			log.Error("call panicked", "panic", p, "stack", string(debug.Stack()))
			_ = l.Hangup(media.CausePanic)
		}
	}()
	s.o.Answer(ctx, l)
}

// message hands on what a page has sent. A panic of whoever takes it ends that call alone.
func (s *Server) message(l *Leg, text []byte) {
	defer func() {
		if p := recover(); p != nil {
			s.Stats.Panics.Add(1)
			s.o.Log.Error("a message panicked", "panic", p, "stack", string(debug.Stack()))
			_ = l.Hangup(media.CausePanic)
		}
	}()
	s.Stats.Messages.Add(1)
	if s.o.Message != nil {
		s.o.Message(l, text)
	}
}

// Live is how many calls there are, those that are not connected yet included.
func (s *Server) Live() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls)
}

// Drain refuses new calls from now on.
func (s *Server) Drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining = true
}

// Close drains, hangs up every call, waits until nothing of them is left, or ctx ends, and closes the ports.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	s.draining, s.closed = true, true
	calls := slices.Collect(maps.Values(s.calls))
	s.mu.Unlock()
	for _, c := range calls {
		_ = c.leg.Hangup(media.CauseShutdown)
	}
	s.cancel(errShutdown)
	done := make(chan struct{})
	go func() { s.running.Wait(); close(done) }()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = fmt.Errorf("close: %d browsers still connected: %w", s.Live(), context.Cause(ctx))
	}
	err = errors.Join(err, s.doors.udp.Close())
	if s.doors.tcp != nil {
		err = errors.Join(err, s.doors.tcp.Close())
	}
	return err
}

// newSecret is a word that nobody can guess.
func newSecret() string {
	var b [24]byte
	_, _ = rand.Read(b[:]) // it never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b[:])
}
