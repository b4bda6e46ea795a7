package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/google/uuid"

	"parley/media"
)

// AudioSocket is the server's side of Asterisk's AudioSocket: a TCP port, and the webhook by which a dialplan announces a call before it
// connects it. Fill in the fields, Mount it and Serve; do not change a field afterwards. It must not be copied.
//
//	dialplan: CURL(…) ──▶ POST /audiosocket/calls: key, numbers ──▶ Announced ──▶ a UUID
//	dialplan: AudioSocket(UUID, host:port) ──▶ Serve: Networks, UUID ──▶ Answer(ctx, leg)
//
// The protocol has neither passwords nor encryption, and tells nobody's number: all that a connection says of itself is its UUID. So this is
// a ticket that the server gives, to whom Announced believes: 122 random bits, good for one connection within Limits.Token. Networks keeps
// out those whose sound would cross networks in the clear that are nobody's; it is no proof of anything.
type AudioSocket struct {
	Host

	Networks []netip.Prefix // from which connections are taken; none: no connection is
	// Announced says whose call is announced, by the key that its request has, and may change what is told of it; its error says why it is not
	// welcome, and is told. Without it no call is.
	Announced func(ctx context.Context, key string, in *Incoming) (Refusal, error)

	mu       sync.Mutex
	expected map[string]expectation // by UUID
	nameless atomic.Int64           // connections that have not said theirs
}

// An expectation is a call that was announced and has not come.
type expectation struct {
	Incoming
	secret  string // of the Host's tokens, which count those that are to come
	expires time.Time
}

// AudioSocketKind is the kind of its legs.
const AudioSocketKind = "audiosocket"

const (
	audioSocketCalls = "/audiosocket/calls"
	// audioSocketNameless is how many connections may be open that have not said their UUID.
	audioSocketNameless = 256
	// audioSocketParams is how many parameters an announcement may have, and how long their names, and numbers, may be.
	audioSocketParams = 32
	audioSocketName   = 128
	// firstSound is how long the first sound is waited for, whose kind tells its rate.
	firstSound = time.Second
)

// alive is how a far end is noticed that has died: AudioSocket has no pings.
var alive = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 6}

// errNoName says that a connection began with something else than its UUID.
var errNoName = &violation{closePolicy, "no UUID first"}

// Mount puts the webhook at /audiosocket/calls.
func (a *AudioSocket) Mount(mux *http.ServeMux) {
	mux.HandleFunc("POST "+audioSocketCalls, a.Announce)
}

// Announce takes a call's numbers and parameters (POST, a form) and answers the UUID to connect it with, as plain text and nothing besides: so
// CURL() of a dialplan has it. Its key is a bearer's, or a password.
func (a *AudioSocket) Announce(w http.ResponseWriter, r *http.Request) {
	body, ok := a.body(w, r)
	if !ok {
		return
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		a.refuse(w, RefusedForm, http.StatusBadRequest)
		return
	}
	if len(form) > audioSocketParams {
		a.badForm(w, "form", fmt.Sprintf("%d fields", len(form)))
		return
	}
	in := Incoming{CallSID: uuid.NewString(), From: form.Get("from"), To: form.Get("to"), Params: form}
	for field, values := range form {
		if !shortText(field) || (field == "from" || field == "to") && !shortText(values[0]) {
			a.badForm(w, field, values[0])
			return
		}
	}
	delete(form, "from")
	delete(form, "to")
	if a.draining.Load() || a.Announced == nil {
		a.refuse(w, RefusedBusy, http.StatusServiceUnavailable)
		return
	}
	if why, err := a.Announced(r.Context(), presentedKey(r), &in); err != nil {
		a.refused(why, slog.Any("error", err))
		http.Error(w, err.Error(), announcedStatus(why))
		return
	}
	if !a.expect(in, time.Now()) {
		a.log().Warn("too many calls were announced whose connections do not come")
		a.refuse(w, RefusedBusy, http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(in.CallSID)) // a dialplan that has gone cannot be told
}

// announcedStatus is how an announcement is refused.
func announcedStatus(why Refusal) int {
	switch why {
	case RefusedSignature:
		return http.StatusForbidden
	case RefusedBusy:
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}

// presentedKey is the key of a request: Authorization's, as a bearer's or as a password, which is what older dialplans can send.
func presentedKey(r *http.Request) string {
	if _, password, ok := r.BasicAuth(); ok {
		return password
	}
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(key)
}

// shortText says that s can stand in logs and records.
func shortText(s string) bool {
	return len(s) <= audioSocketName && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }) < 0
}

// expect waits for an announced call; false: too many have not come.
func (a *AudioSocket) expect(in Incoming, now time.Time) bool {
	limits := a.Limits.orDefaults()
	secret, ok := a.tokens.give(in.CallSID, now, limits.Token, limits.Tokens)
	if !ok {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	maps.DeleteFunc(a.expected, func(_ string, e expectation) bool { return !now.Before(e.expires) })
	if a.expected == nil {
		a.expected = make(map[string]expectation)
	}
	a.expected[in.CallSID] = expectation{in, secret, now.Add(limits.Token)}
	return true
}

// arrives is the call that was announced with a UUID, which is good once.
func (a *AudioSocket) arrives(id string, now time.Time) (Incoming, bool) {
	a.mu.Lock()
	e, ok := a.expected[id]
	delete(a.expected, id)
	a.mu.Unlock()
	return e.Incoming, ok && a.tokens.redeem(id, e.secret, now)
}

// Serve takes connections until ctx ends, and closes ln. Calls go on: Close ends them.
func (a *AudioSocket) Serve(ctx context.Context, ln *net.TCPListener) error {
	defer context.AfterFunc(ctx, func() { _ = ln.Close() })()
	var wait time.Duration
	for {
		conn, err := ln.AcceptTCP()
		if err == nil {
			wait = 0
			a.connected(ctx, conn)
			continue
		}
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("accept: %w", err)
		}
		wait = min(max(2*wait, 5*time.Millisecond), time.Second) // such as too many files: others may close theirs
		a.log().Warn("connection not accepted", "error", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// connected makes a socket of a connection, if it may be one.
func (a *AudioSocket) connected(ctx context.Context, conn *net.TCPConn) {
	limits := a.Limits.orDefaults()
	from := conn.RemoteAddr()
	switch {
	case !a.near(from):
		a.refused(RefusedOrigin, slog.String("from", from.String()))
	case a.nameless.Load() >= audioSocketNameless || !a.sockets.enter(limits.Sockets):
		a.refused(RefusedBusy, slog.String("from", from.String()))
	default:
		_ = conn.SetKeepAliveConfig(alive) // without it, the dead are noticed when they take nothing
		leg, err := newSlinLeg(conn, limits, &a.Stats)
		if err != nil {
			a.sockets.leave()
			break
		}
		a.nameless.Add(1)
		a.carry(ctx, leg, func() error { return a.begin(leg) })
		return
	}
	_ = conn.Close()
}

// near says whether an address is of Networks.
func (a *AudioSocket) near(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return false
	}
	from := tcp.AddrPort().Addr().Unmap()
	for _, n := range a.Networks {
		if n.Contains(from.WithZone("")) {
			return true
		}
	}
	return false
}

// begin reads whose connection it is, and makes the leg its call's.
func (a *AudioSocket) begin(l *slinLeg) error {
	id, err := l.name()
	a.nameless.Add(-1)
	if err != nil {
		a.refused(RefusedNoStart, slog.Any("error", err))
		return l.ended(err)
	}
	in, ok := a.arrives(id, time.Now())
	if !ok { // the UUID may be a slip of another's: it is not logged
		a.refused(RefusedToken)
		return errors.New("open audiosocket: bad UUID")
	}
	l.info.ID = id
	if !a.sockets.claim(id, l) {
		a.refused(RefusedSecondStream, slog.String("carrier_id", id))
		return errors.New("open audiosocket: the call has a stream")
	}
	rate, err := l.rate(firstSound)
	if err != nil {
		a.refused(RefusedFormat, slog.String("carrier_id", id), slog.Any("error", err))
		return l.ended(err)
	}
	params := make(map[string]string)
	for name, values := range in.Params {
		params[name] = values[0]
	}
	l.start(media.Info{
		Kind: AudioSocketKind, ID: id, From: in.From, To: in.To, Rate: rate, Chunk: media.FrameTime, Comfort: true, Owners: in.Owners, Params: params,
	})
	a.log().Info("stream started", "carrier_id", id, "rate", rate)
	return nil
}
