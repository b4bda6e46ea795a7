package stream

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"parley/media"
)

// Twilio is the server's side of Twilio: the voice webhook, which answers a call with a stream, and the socket of that stream.
// Fill in the fields and mount the handlers (Mount, or each at its Path); do not change a field afterwards. It must not be copied.
//
// Every request must be signed with AuthToken, or with the token of one of its account's Accounts. Without either, every request is refused.
type Twilio struct {
	AccountSID string // when set, calls of other accounts are refused
	AuthToken  string // the account's; signs all that comes from Twilio
	// Accounts are those of an AccountSid that may call besides, each with a token of its own; nil: there are none. Whose account a call
	// came by is told with it, and it is for the server to see that it gets no further than they may.
	Accounts func(accountSID string) []Account

	// PublicURL is what Twilio calls this server, such as "https://gw.example.net". A path is put before the paths of Paths. When
	// empty, it is made of the request's own Host and TLS; forwarding headers are never believed.
	PublicURL string
	Paths     Paths

	// Answer is the call: it runs on a goroutine of the socket's own once the stream has proved itself, and when it returns the socket is
	// closed. Nobody may use the leg after that. ctx ends with Close.
	Answer func(ctx context.Context, leg media.Leg)
	// Accepting says whether a new call is welcome, and says so itself where that is of interest; nil: always. When it is not, the caller
	// hears Sorry and is hung up on. It must answer at once.
	Accepting func(context.Context, Incoming) bool
	Sorry     string // what refused callers are told; empty: <Reject reason="busy"/>, which costs nobody anything

	// Admit says whether a call that asks Voice what to do is still wanted, by the parameters of the URL that it asks; nil: all are. One
	// that is not is hung up on: for calls that were placed, which cannot be rejected. owners are as Info.Owners.
	Admit func(ctx context.Context, callSID string, owners []string, params url.Values) bool

	Ended    func(callSID string)                // called when a call's stream is over and its socket closed; nil: nobody asks
	Progress func(context.Context, StatusUpdate) // called with each call status callback, as it comes; nil: nobody asks

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

// Paths are where the handlers are mounted. Empty ones mean the name given here.
type Paths struct {
	Voice        string // /twilio/voice
	Media        string // /twilio/media; of other accounts than the server's own, with their AccountSid below it
	Status       string // /twilio/status
	StreamStatus string // /twilio/stream-status
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

// Media is the stream's socket (GET): signature, upgrade, and then, when it has returned, start, token, and the call.
func (t *Twilio) Media(w http.ResponseWriter, r *http.Request) {
	owners, ours := t.upgrade(r)
	switch {
	case !ours:
		t.refuse(w, RefusedSignature, http.StatusForbidden)
		return
	case r.Header.Get("Origin") != "":
		t.refuse(w, RefusedOrigin, http.StatusForbidden)
		return
	}
	limits := t.Limits.orDefaults()
	if !t.sockets.enter(limits.Sockets) {
		t.refuse(w, RefusedBusy, http.StatusServiceUnavailable)
		return
	}
	upgrader := websocket.Upgrader{HandshakeTimeout: limits.Start}
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		t.sockets.leave()
		t.refused(RefusedHandshake, slog.Any("error", err))
		return
	}
	// Upgrade fails if anything came before its answer, so nothing is buffered: from here on the connection is ours.
	leg := newLeg(ws.NetConn(), limits, &t.Stats)
	leg.account, leg.owners = r.PathValue("account"), owners
	if small, ok := leg.out.tcp.(interface{ SetWriteBuffer(bytes int) error }); ok {
		_ = small.SetWriteBuffer(sendBuffer) // an optimisation
	}
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(r.Context()))
	t.sockets.attach(leg, cancel)
	go t.serve(ctx, cancel, leg) // not here: as long as a handler runs, net/http keeps the request and its buffers, 15 KB a call; Close waits for it
}

// serve is a socket from its upgrade to its end. A panic ends that socket alone.
func (t *Twilio) serve(ctx context.Context, cancel context.CancelCauseFunc, l *Leg) {
	defer t.sockets.leave()
	defer cancel(nil)
	defer t.finish(l)
	defer func() {
		if p := recover(); p != nil {
			t.Stats.Panics.Add(1)
			t.log().Error("call panicked", "carrier_id", l.info.ID, "panic", p, "stack", string(debug.Stack()))
			_ = l.Hangup(media.CausePanic)
		}
	}()
	if err := t.open(l); err == nil {
		t.log().Info("stream started", "carrier_id", l.info.ID, "stream", l.stream)
		t.Answer(ctx, l)
	}
}

// finish closes the leg's socket and lets go of its call.
func (t *Twilio) finish(l *Leg) {
	l.finish()
	t.sockets.detach(l)
	if l.out.failed() != nil {
		t.Stats.Dropped.Add(1)
	}
	if l.started && t.Ended != nil {
		t.Ended(l.info.ID)
	}
}

// open waits for start and judges it.
func (t *Twilio) open(l *Leg) error {
	s, err := l.awaitStart()
	if err != nil {
		t.refused(RefusedNoStart, slog.Any("error", err))
		return err
	}
	if why, reason := t.judge(l, s); why != "" {
		t.refused(reason, slog.String("carrier_id", s.call), slog.String("why", why))
		l.out.close(closePolicy, why)
		return fmt.Errorf("open stream: %s", why)
	}
	return nil
}

// judge says why a start is refused; "": the leg is now its call's.
func (t *Twilio) judge(l *Leg, s *start) (string, Refusal) {
	switch {
	case !plainID(s.call) || !plainID(s.stream):
		return "bad callSid or streamSid", RefusedFormat
	case l.account != "" && s.account != l.account, len(l.owners) == 0 && t.AccountSID != "" && s.account != t.AccountSID:
		return "another account's", RefusedFormat
	case s.encoding != "audio/x-mulaw" || s.rate != rate || s.channels != 1:
		return "want audio/x-mulaw, 8000, 1", RefusedFormat
	case !slices.Contains(s.tracks, "inbound"):
		return "want track inbound", RefusedFormat
	}
	outbound, ok := t.redeem(s.call, s.params["token"], time.Now())
	if !ok {
		return "bad token", RefusedToken
	}
	s.outbound = outbound
	if !t.sockets.claim(s.call, l) {
		return "the call has a stream", RefusedSecondStream
	}
	lead, chunk := cmp.Or(t.Lead, 200*time.Millisecond), min(cmp.Or(t.Chunk, 100*time.Millisecond), time.Second)
	if err := l.start(s, lead, chunk); err != nil {
		return err.Error(), RefusedNoStart
	}
	return "", 0
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

// Mount puts the handlers where Paths says.
func (t *Twilio) Mount(mux *http.ServeMux) {
	p := t.Paths.orDefaults()
	mux.HandleFunc("POST "+p.Voice, t.Voice)
	mux.HandleFunc("GET "+p.Media, t.Media)
	mux.HandleFunc("GET "+p.Media+"/{account}", t.Media)
	mux.HandleFunc("POST "+p.Status, t.Status)
	mux.HandleFunc("POST "+p.StreamStatus, t.StreamStatus)
}

func (p Paths) orDefaults() Paths {
	return Paths{
		Voice: cmp.Or(p.Voice, "/twilio/voice"), Media: cmp.Or(p.Media, "/twilio/media"),
		Status: cmp.Or(p.Status, "/twilio/status"), StreamStatus: cmp.Or(p.StreamStatus, "/twilio/stream-status"),
	}
}

// Drain makes Voice refuse new calls from now on. Streams of calls that were answered before still come in.
func (t *Twilio) Drain() { t.draining.Store(true) }

// Coming is how many calls Voice has answered within the last d whose streams have not come yet.
func (t *Twilio) Coming(d time.Duration) int { return t.tokens.since(time.Now().Add(-d)) }

// Wait waits until no socket is left, or returns ctx's error.
func (t *Twilio) Wait(ctx context.Context) error { return t.sockets.wait(ctx) }

// Close drains, hangs up every call and waits until the last socket is closed. When ctx ends first it cuts the
// connections and says how many sockets are still open.
func (t *Twilio) Close(ctx context.Context) error {
	t.Drain()
	t.sockets.close()
	if err := t.sockets.wait(ctx); err != nil {
		return fmt.Errorf("close: %d streams still open: %w", t.sockets.cut(), err)
	}
	return nil
}

// refuse answers a request with status and nothing that would help whoever guesses.
func (t *Twilio) refuse(w http.ResponseWriter, why Refusal, status int) {
	t.refused(why)
	http.Error(w, http.StatusText(status), status)
}

func (t *Twilio) refused(why Refusal, more ...any) {
	t.Stats.Refused[why].Add(1)
	t.log().Warn("refused", append(more, "reason", why.String())...)
}

func (t *Twilio) log() *slog.Logger {
	if t.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return t.Log
}
