package sip

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	gosip "github.com/emiago/sipgo/sip"

	"parley/media"
	"parley/media/rtp"
	"parley/media/sip/digest"
	"parley/media/sip/edge"
	"parley/media/sip/sdp"
)

// Options are what an Agent is made of. Listen, Ports, Admit and Answer must be set.
type Options struct {
	Listen   []Listener
	TLS      *tls.Config // of listeners over TLS; nil: there are none
	Roots    *tls.Config // for connections to trunks over TLS; nil: the machine's roots
	External netip.Addr  // where far ends outside of private networks reach us; invalid: the address of the interface that leads to them

	Ports  *rtp.Ports
	Codecs []sdp.Codec // in order of preference; nil: sdp.Codecs
	SRTP   sdp.Mode    // None: nor is DTLS taken
	DTLS   bool        // our offers are of DTLS alone; SRTP must be Require

	// Trunks are all there are, at this moment. It answers from memory, and what it returns is not changed.
	Trunks func() []Trunk
	Open   []netip.Prefix // networks from which anybody may call, as by the server's own account

	// Digest are the algorithms of our challenges, in order, of digest.Algorithms; nil: MD5.
	Digest []string

	// Account finds who may call by a name, from wherever; false: nobody. It answers from memory; nil: all are known by their addresses alone.
	Account func(user string) (Account, bool)

	// Lines are what softphones register with that have a name: one of each organisation at most. It answers from memory; nil: none register.
	Lines func(user string) []Line

	// Admit says what is to become of a call before it is answered. The far end knows meanwhile that we are trying (100): it may take
	// seconds, but not many.
	Admit func(context.Context, Incoming) Verdict
	// Answer holds the call: it runs on a goroutine of the Agent's own, and when it returns the call is hung up. ctx ends with Close.
	Answer func(context.Context, media.Leg)
	// Ended is called when nothing of a leg is left, whether it was answered or not; nil: nobody asks.
	Ended func(End)

	// Session is how long a session lasts without a sign of life (RFC 4028): 90 s or more; 0: 30 min.
	Session time.Duration
	// Silence is how long a far end's media may be missing before the call is lost; 0: 30 s. A call on hold waits without end.
	Silence time.Duration
	Jitter  rtp.Jitter // how long packets are held back; zero: as rtp has it
	// Redirects says how many times a call that we place follows a 3xx; 0: never.
	Redirects int
	// Refer judges a REFER: the far end of a leg asks us to go on with somebody else, a number or an address such as sip:desk@example.com. It
	// returns the trunk by which they are called, and what is shown to them as who calls; or why not, which the far end is told. It runs on a
	// goroutine of the Agent's own, and ctx ends after 5 s, or with the call. nil: every REFER is declined.
	Refer    func(ctx context.Context, leg media.Info, to string) (by Trunk, from string, err error)
	Resolver Resolver     // nil: the machine's
	Log      *slog.Logger // nil: silent
}

// An Agent is a user agent. Its methods may be called by any goroutine.
type Agent struct {
	o      Options
	log    *slog.Logger
	ua     *sipgo.UserAgent
	tx     *gosip.TransactionLayer
	edge   *edge.Edge
	digest *digest.Server

	certificate *rtp.Certificate // of DTLS; nil: SRTP is not wanted

	wires  []*wire
	hosts  *hosts
	phones *phones

	Stats Stats

	ctx    context.Context //nolint:containedctx // of all that the Agent begins: sipgo's callbacks bring none
	cancel context.CancelCauseFunc
	work   sync.WaitGroup // goroutines: handlers, loops, conversations, transactions

	mu      sync.Mutex
	leaving bool // Close has begun: no call begins any more
	closed  bool // nothing does
	legs    map[dialogKey]*Leg
	parting map[dialogKey]chan struct{}  // old dialogs of legs that have gone on with somebody else; closed by their BYE
	vigils  map[string]*vigil            // by their trunks
	known   map[string]int               // dialogs and calls that are being placed, by Call-ID
	calls   map[string]*Leg              // live legs, by their ids
	placed  map[string]*call             // calls that are being placed, by their Call-ID
	deafs   map[netip.AddrPort]time.Time // until when a far end is not asked for a connection that it has refused
	invites map[string]string            // branches of INVITEs under way, by what makes them one (RFC 3261, section 8.2.2.2)
}

// process is done by the first New: what sipgo keeps in variables is the whole process's.
var process sync.Once

// setUp lets sipgo send more than 1,300 bytes over UDP: an answer with a long Record-Route, and a request to who takes no connection (see
// overTCP). And it keeps to itself its warnings of its own counts of references, which are too low of a connection that the far end has closed
// while a transaction still had it; all else it tells the Agent's log.
func setUp() {
	gosip.UDPMTUSize = edge.MaxMessage
	gosip.SetDefaultLogger(slog.New(slog.DiscardHandler))
}

// ErrClosed says that a user agent takes and places no calls any more.
var ErrClosed = errors.New("the user agent is closed")

// New opens the sockets: what goes wrong with them is said at once. Serve begins to read them.
func New(o Options) (*Agent, error) {
	process.Do(setUp)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Trunks == nil {
		o.Trunks = func() []Trunk { return nil }
	}
	if o.Codecs == nil {
		o.Codecs = sdp.Codecs()
	}
	o.Session, o.Silence = cmp.Or(o.Session, 30*time.Minute), cmp.Or(o.Silence, 30*time.Second)
	a := &Agent{o: o, log: o.Log, legs: map[dialogKey]*Leg{}, parting: map[dialogKey]chan struct{}{}, known: map[string]int{}, vigils: map[string]*vigil{}, calls: map[string]*Leg{}, placed: map[string]*call{}, deafs: map[netip.AddrPort]time.Time{}, invites: map[string]string{}}
	a.phones = newPhones()
	a.hosts = newHosts(cmp.Or[Resolver](o.Resolver, net.DefaultResolver))
	a.ctx, a.cancel = context.WithCancelCause(context.Background())
	a.edge, a.digest = edge.New(a.policy()), digest.New(digest.Options{Algorithms: o.Digest})
	if o.DTLS && o.SRTP != sdp.Require {
		return nil, errors.New("make user agent: offers of DTLS alone need SRTP to be required")
	}
	if o.SRTP != sdp.None {
		var err error
		if a.certificate, err = rtp.NewCertificate(); err != nil {
			return nil, fmt.Errorf("make user agent: %w", err)
		}
	}
	if err := a.openAll(o.Listen, o.TLS); err != nil {
		return nil, err
	}
	quiet := slog.New(below{a.log.Handler()})
	var err error
	a.ua, err = sipgo.NewUA(append(edge.Sealed(),
		sipgo.WithUserAgent("Parley"),
		sipgo.WithUserAgentTransportLayerOptions(gosip.WithTransportLayerLogger(quiet), gosip.WithTransportLayerTransports(gosip.TransportsConfig{
			TCP: unconnected(), TLS: &gosip.TransportTLS{TransportTCP: unconnected()},
		})),
		sipgo.WithUserAgentTransactionLayerOptions(gosip.WithTransactionLayerLogger(quiet), gosip.WithTransactionLayerUnhandledResponseHandler(a.stray)),
	)...)
	if err != nil {
		a.closeAll()
		return nil, fmt.Errorf("make user agent: %w", err)
	}
	for _, w := range a.wires {
		w.enrol(a.ua.TransportLayer())
	}
	a.tx = a.ua.TransactionLayer()
	a.tx.OnRequest(a.handle)
	return a, nil
}

// Addresses are those that the Agent listens on, in the order of Options.Listen.
func (a *Agent) Addresses() (all []netip.AddrPort) {
	for _, w := range a.wires[:len(a.o.Listen)] {
		all = append(all, w.local)
	}
	return all
}

// Run reads the sockets, and keeps the addresses of trunks known, until ctx is done. Then it ends every call, as Close does.
func (a *Agent) Run(ctx context.Context) error {
	failed := make(chan error, len(a.wires))
	for _, w := range a.wires {
		a.work.Go(func() { failed <- w.serve(a.ua.TransportLayer()) })
	}
	a.work.Go(func() { a.lookAround(a.ctx) })
	var err error
	select {
	case err = <-failed:
		if a.ctx.Err() != nil {
			err = nil
		}
	case <-ctx.Done():
	case <-a.ctx.Done():
	}
	bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), lingering)
	defer cancel()
	a.Close(bye)
	return err
}

// lingering is how long the last goodbyes may take.
const lingering = 5 * time.Second

// errShutdown is why calls end that Close ends.
var errShutdown = errors.New("the node goes down")

// Close hangs up every call, waits until their far ends and the trunks have been told, or ctx is done, and lets go of the sockets.
func (a *Agent) Close(ctx context.Context) {
	a.mu.Lock()
	a.leaving = true
	var over []<-chan struct{}
	for _, v := range a.vigils {
		v.stop()
		over = append(over, v.over)
	}
	for _, c := range a.placed {
		c.drop()
		over = append(over, c.tried)
	}
	legs := slices.Collect(maps.Values(a.legs))
	a.mu.Unlock()
	for _, l := range legs {
		_ = l.Hangup(media.CauseShutdown)
		over = append(over, l.gone)
	}
	for _, c := range over {
		select {
		case <-c:
		case <-ctx.Done(): // a far end that does not answer is gone itself
		}
	}
	a.mu.Lock()
	first := !a.closed
	a.closed = true
	a.mu.Unlock()
	a.cancel(errShutdown)
	if first {
		a.closeAll()
		_ = a.ua.Close() // it says what it has closed already
	}
	a.work.Wait()
}

// enter counts a goroutine of the Agent's; false: it is closed.
func (a *Agent) enter() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return false
	}
	a.work.Add(1)
	return true
}

// begin runs f on a goroutine of the Agent's; false: it is closed, and f does not run.
func (a *Agent) begin(f func()) bool {
	if !a.enter() {
		return false
	}
	go func() {
		defer a.work.Done()
		f()
	}()
	return true
}

// handle takes every request, on a goroutine of sipgo's. It returns when the request has its final answer: the transaction ends with it.
func (a *Agent) handle(req *gosip.Request, tx *gosip.ServerTx) {
	defer tx.TerminateGracefully()
	if !a.enter() {
		a.answer(req, tx, busy(gosip.StatusServiceUnavailable, retryLater))
		return
	}
	defer a.work.Done()
	defer a.caught(req, tx)
	switch within := a.within(req); {
	case req.Method == gosip.ACK:
		a.acked(req)
	case req.Method == gosip.CANCEL: // sipgo has found no transaction for it
		a.refuse(req, tx, gosip.StatusCallTransactionDoesNotExists)
	case misplaced(req, within):
		a.refuse(req, tx, gosip.StatusBadRequest)
	case within && inDialog(req.Method):
		a.inDialog(req, tx)
	case req.Method == gosip.INVITE:
		a.invited(req, tx)
	case req.Method == gosip.REGISTER && a.o.Lines != nil:
		a.registered(req, tx)
	case inDialog(req.Method):
		a.refuse(req, tx, gosip.StatusCallTransactionDoesNotExists)
	default:
		a.refuse(req, tx, gosip.StatusMethodNotAllowed)
	}
}

// within says that a request belongs to a dialog: its To has a tag, and not the one that the edge gives to what opens one.
func (a *Agent) within(req *gosip.Request) bool {
	tag, _ := req.To().Params.Get("tag")
	branch, _ := req.Via().Params.Get("branch")
	return tag != "" && tag != a.edge.Tag(req.CallID().Value(), branch, req.CSeq().SeqNo)
}

// inDialog says whether a method means something inside a dialog.
func inDialog(m gosip.RequestMethod) bool {
	switch m {
	case gosip.INVITE, gosip.BYE, gosip.INFO, gosip.UPDATE, gosip.PRACK, gosip.REFER, gosip.NOTIFY, gosip.OPTIONS:
		return true
	}
	return false
}

// caught ends the request whose handling has panicked, and nothing else.
func (a *Agent) caught(req *gosip.Request, tx *gosip.ServerTx) {
	if p := recover(); p != nil {
		a.Stats.Panics.Add(1)
		a.log.Error("handling a request panicked", "method", req.Method, "panic", p, "stack", stack())
		a.refuse(req, tx, gosip.StatusInternalServerError)
	}
}

// below makes what sipgo says no louder than debug: what it complains of is the far end's, or said again by us.
type below struct{ slog.Handler }

func (b below) Enabled(ctx context.Context, _ slog.Level) bool {
	return b.Handler.Enabled(ctx, slog.LevelDebug)
}

func (b below) Handle(ctx context.Context, r slog.Record) error {
	r.Level = slog.LevelDebug
	return b.Handler.Handle(ctx, r)
}

func (b below) WithAttrs(as []slog.Attr) slog.Handler { return below{b.Handler.WithAttrs(as)} }
func (b below) WithGroup(name string) slog.Handler    { return below{b.Handler.WithGroup(name)} }

// word is a random word for tags, branches and Call-IDs: 128 bits.
func word() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

func stack() string { return string(debug.Stack()) }
