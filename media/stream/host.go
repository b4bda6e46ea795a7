package stream

import (
	"bytes"
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"parley/media"
)

// A Host is what the streams of any carrier need of a server: who answers them, how many there may be, and how they end. Each carrier's
// side has one of its own.
type Host struct {
	// PublicURL is what the carrier calls this server, such as "https://gw.example.net". A path is put before the paths of Paths. When
	// empty, it is made of the request's own Host and TLS; forwarding headers are never believed.
	PublicURL string

	// Answer is the call: it runs on a goroutine of the socket's own once the stream has proved itself, and when it returns the socket is
	// closed. Nobody may use the leg after that. ctx ends with Close.
	Answer func(ctx context.Context, leg media.Leg)
	// Accepting says whether a new call is welcome, and says so itself where that is of interest; nil: always. When it is not, the call is
	// turned away. The carrier waits for its answer.
	Accepting func(context.Context, Incoming) bool
	// Rejecting says of a call that was not welcome whether the caller is told that it is not wanted, in place of that the line is busy; nil:
	// never.
	Rejecting func(callSID string) bool
	Ended     func(callSID string) // called when a call's stream is over and its socket closed; nil: nobody asks

	Lead   time.Duration // how far ahead of real time sound is sent; 0: 200 ms
	Chunk  time.Duration // the most sound in one message, at most 1 s; 0: 100 ms
	Limits Limits
	Log    *slog.Logger // nil: silent

	Stats Stats

	tokens   tokens
	sockets  sockets
	draining atomic.Bool
}

// An Incoming is a call that asks Voice what to do.
type Incoming struct {
	CallSID  string
	From, To string
	Owners   []string   // as Info.Owners
	Params   url.Values // of the URL that it asks
}

// Limits bound what the far end can make us do. Zeros mean the value given here.
type Limits struct {
	Start    time.Duration // from the upgrade to the start message: 5 s
	Token    time.Duration // from the webhook's answer to the start message: 60 s
	Ping     time.Duration // between pings: 20 s
	Silence  time.Duration // a peer from whom nothing came for so long is lost, at the ping before it at the latest: 60 s
	Patience time.Duration // for the carrier to take a message that waits: 5 s
	Linger   time.Duration // for the closing handshake: 1 s
	Message  int           // bytes of a WebSocket message: 64 KiB
	Form     int64         // bytes of a webhook's body: 64 KiB
	Tokens   int           // tokens given and not yet used: 4096
	Sockets  int           // sockets at once: 16384
}

func (l Limits) orDefaults() Limits {
	return Limits{
		Start: cmp.Or(l.Start, 5*time.Second), Token: cmp.Or(l.Token, time.Minute),
		Ping: cmp.Or(l.Ping, 20*time.Second), Silence: cmp.Or(l.Silence, time.Minute),
		Patience: cmp.Or(l.Patience, 5*time.Second), Linger: cmp.Or(l.Linger, time.Second),
		Message: cmp.Or(l.Message, 64<<10), Form: cmp.Or(l.Form, 64<<10),
		Tokens: cmp.Or(l.Tokens, 4096), Sockets: cmp.Or(l.Sockets, 16384),
	}
}

// judgement says why a start is refused; "": it has begun the leg.
type judgement func(*Leg, *start) (string, Refusal)

// take makes a socket of a request that has proved whose it is, and holds the call on it once judge lets it begin.
func (h *Host) take(w http.ResponseWriter, r *http.Request, speaks *dialect, judge judgement) {
	if leg := h.upgrade(w, r, speaks); leg != nil {
		h.carry(r.Context(), leg, func() error { return h.open(leg, judge) })
	}
}

// upgrade makes a socket of a request; nil: it was answered, and is none.
func (h *Host) upgrade(w http.ResponseWriter, r *http.Request, speaks *dialect) *Leg {
	if r.Header.Get("Origin") != "" {
		h.refuse(w, RefusedOrigin, http.StatusForbidden)
		return nil
	}
	limits := h.Limits.orDefaults()
	if !h.sockets.enter(limits.Sockets) {
		h.refuse(w, RefusedBusy, http.StatusServiceUnavailable)
		return nil
	}
	upgrader := websocket.Upgrader{HandshakeTimeout: limits.Start}
	if speaks.protocol != "" {
		upgrader.Subprotocols = []string{speaks.protocol}
	}
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		h.sockets.leave()
		h.refused(RefusedHandshake, slog.Any("error", err))
		return nil
	}
	// Upgrade fails if anything came before its answer, so nothing is buffered: from here on the connection is ours.
	leg := newLeg(ws.NetConn(), speaks, limits, &h.Stats)
	if small, ok := leg.out.tcp.(interface{ SetWriteBuffer(bytes int) error }); ok {
		_ = small.SetWriteBuffer(sendBuffer) // an optimisation
	}
	return leg
}

// carry serves a socket for which there was a place, which Close waits for. It does so on a goroutine of its own: as long as a handler runs, net/http keeps
// the request and its buffers, 15 KB a call.
func (h *Host) carry(ctx context.Context, leg socket, open func() error) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	h.sockets.attach(leg, cancel)
	go h.serve(ctx, cancel, leg, open)
}

// serve is a socket from where it is the Host's to its end; open begins its call. A panic ends that socket alone.
func (h *Host) serve(ctx context.Context, cancel context.CancelCauseFunc, l socket, open func() error) {
	defer h.sockets.leave()
	defer cancel(nil)
	defer h.finish(l)
	defer func() {
		if p := recover(); p != nil {
			h.Stats.Panics.Add(1)
			h.log().Error("call panicked", "carrier_id", l.Info().ID, "panic", p, "stack", string(debug.Stack()))
			_ = l.Hangup(media.CausePanic)
		}
	}()
	if err := open(); err == nil {
		h.Answer(ctx, l.face())
	}
}

// finish closes the leg's socket and lets go of its call.
func (h *Host) finish(l socket) {
	l.finish()
	h.sockets.detach(l)
	if l.mailbox().failed() != nil {
		h.Stats.Dropped.Add(1)
	}
	if l.begun() && h.Ended != nil {
		h.Ended(l.Info().ID)
	}
}

// open waits for start and judges it.
func (h *Host) open(l *Leg, judge judgement) error {
	s, err := l.awaitStart()
	if err != nil {
		h.refused(RefusedNoStart, slog.Any("error", err))
		return err
	}
	why, reason := "", RefusedFormat
	if l.sounds, err = l.speaks.sound(s); err != nil {
		why = err.Error()
	} else {
		why, reason = judge(l, s)
	}
	if why != "" {
		h.refused(reason, slog.String("carrier_id", s.call), slog.String("why", why))
		l.out.close(closePolicy, why)
		return fmt.Errorf("open stream: %s", why)
	}
	h.log().Info("stream started", "carrier_id", l.info.ID, "stream", l.stream)
	return nil
}

// usualChunk is the most sound in one message where nobody says otherwise.
const usualChunk = 100 * time.Millisecond

// begin makes a leg its call's, or says why it is not.
func (h *Host) begin(l *Leg, s *start) (string, Refusal) {
	if !h.sockets.claim(s.call, l) {
		return "the call has a stream", RefusedSecondStream
	}
	lead, chunk := cmp.Or(h.Lead, 200*time.Millisecond), min(cmp.Or(h.Chunk, usualChunk), time.Second)
	if l.speaks.live {
		lead, chunk = 0, media.FrameTime
	}
	if least := l.speaks.leastOf(l.says); least > 0 {
		chunk = max(chunk, least)
		lead = max(lead, 2*chunk) // while one sounds, the next is there
	}
	if err := l.start(s, lead, chunk); err != nil {
		return err.Error(), RefusedNoStart
	}
	return "", 0
}

// reason is what a caller is told whose call is turned away.
func (h *Host) reason(call string) string {
	if h.Rejecting != nil && h.Rejecting(call) {
		return "rejected"
	}
	return "busy"
}

// plainID says that s can be a carrier's id: short, and safe in JSON, logs and file names.
func plainID(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '-' && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

// Drain refuses new calls from now on. Streams of calls that were answered before still come in.
func (h *Host) Drain() { h.draining.Store(true) }

// Coming is how many calls were answered within the last d whose streams have not come yet.
func (h *Host) Coming(d time.Duration) int { return h.tokens.since(time.Now().Add(-d)) }

// Wait waits until no socket is left, or returns ctx's error.
func (h *Host) Wait(ctx context.Context) error { return h.sockets.wait(ctx) }

// Close drains, hangs up every call and waits until the last socket is closed. When ctx ends first it cuts the
// connections and says how many sockets are still open.
func (h *Host) Close(ctx context.Context) error {
	h.Drain()
	h.sockets.close()
	if err := h.sockets.wait(ctx); err != nil {
		return fmt.Errorf("close: %d streams still open: %w", h.sockets.cut(), err)
	}
	return nil
}

// refuse answers a request with status and nothing that would help whoever guesses.
func (h *Host) refuse(w http.ResponseWriter, why Refusal, status int) {
	h.refused(why)
	http.Error(w, http.StatusText(status), status)
}

func (h *Host) refused(why Refusal, more ...any) {
	h.Stats.Refused[why].Add(1)
	h.log().Warn("refused", append(more, "reason", why.String())...)
}

func (h *Host) log() *slog.Logger {
	if h.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return h.Log
}

// base is the outside's idea of this server's root, with scheme http or https. Only PublicURL or the request itself are believed,
// never a forwarding header.
func (h *Host) base(r *http.Request) string {
	if h.PublicURL != "" {
		return strings.TrimRight(h.PublicURL, "/")
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// target is the URL that the carrier asked for.
func (h *Host) target(r *http.Request) string {
	uri := r.RequestURI
	if !strings.HasPrefix(uri, "/") {
		uri = r.URL.RequestURI()
	}
	return h.base(r) + uri
}

// overSocket is an http URL as that of a WebSocket: http becomes ws, https wss.
func overSocket(target string) string {
	if rest, ok := strings.CutPrefix(target, "http"); ok {
		return "ws" + rest
	}
	return target
}

// body reads a webhook's body; what it refuses it has answered.
func (h *Host) body(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, h.Limits.orDefaults().Form))
	if err != nil {
		status := http.StatusBadRequest
		var big *http.MaxBytesError
		if errors.As(err, &big) {
			status = http.StatusRequestEntityTooLarge
		}
		h.refuse(w, RefusedForm, status)
		return nil, false
	}
	return body, true
}

// badForm answers a signed webhook that makes no sense, naming the field.
func (h *Host) badForm(w http.ResponseWriter, field, value string) {
	h.refused(RefusedForm, slog.String("field", field))
	http.Error(w, fmt.Sprintf("bad %s: %.64q", field, value), http.StatusBadRequest)
}

// respond answers a webhook with what the carrier is to do.
func (h *Host) respond(w http.ResponseWriter, doc any) {
	var b bytes.Buffer
	b.WriteString(xml.Header)
	if err := xml.NewEncoder(&b).Encode(doc); err != nil {
		h.log().Error("instructions not written", "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	_, _ = w.Write(b.Bytes()) // a caller who has gone cannot be told
}
