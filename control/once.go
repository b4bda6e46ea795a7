package control

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"parley/control/access"
	"parley/control/envelope"
	"parley/store"
)

const (
	answerLife = 24 * time.Hour
	claimLife  = time.Minute      // how long a claim outlives the node that made it
	claimHeld  = 20 * time.Second // how often a node says that it lives
	claimWait  = 5 * time.Second  // for the database, once the answer is there
	maxIdemKey = 255
)

// once makes a POST with an Idempotency-Key happen once: whoever asks the same again gets the first answer, status and body, for 24 hours.
// A key belongs to an organisation and a route. With another request (path, query, body, or whoever asks) it is 409, and while the first
// one is being answered 409 with Retry-After.
//
//	claim (one conditional insert) ──▶ handler ──▶ answer kept, sealed ──▶ sent
//	  │ somebody's, or answered           │ 503: claim dropped, for nothing was done
//	  ▼                                   ▼ crash: the claim ends a minute later, and the next request is a first one
//	409 or the first answer
//
// A 500 is kept like any answer: what became of the request is not known, so it is not made twice. Hence 503 is for handlers that have
// done nothing. /auth is left out: its answers are cookies. So are files, which
// are not held in memory: what takes them knows its rows again.
func (c *Control) once(ctx huma.Context, next func(huma.Context)) {
	r, _ := humago.Unwrap(ctx)
	keys := r.Header.Values("Idempotency-Key")
	who, known := access.From(ctx.Context())
	if len(keys) == 0 || !c.repeatable(ctx.Operation()) || !known {
		next(ctx)
		return
	}
	if fault := checkIdemKey(keys); fault != nil {
		_ = huma.WriteErr(c.api, ctx, fault.Status, fault.Message, fault)
		return
	}
	in := &reading{humaContext: ctx}
	if in.read() != nil {
		next(in) // huma says what is wrong with the body
		return
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%s", r.URL.Path, r.URL.RawQuery, who.Who(), in.body))
	op := ctx.Operation()
	claim := store.Answer{
		Org: who.Org, Route: op.Method + " " + op.Path, Hash: access.Hash(keys[0]), Fingerprint: hex.EncodeToString(sum[:]), Holder: store.NewID(),
		Expires: later(claimLife),
	}
	first, claimed, err := c.options.Answers.ClaimAnswer(ctx.Context(), claim, time.Now())
	switch {
	case err != nil:
		fault := envelope.FaultOf(fmt.Errorf("claim answer: %w", err))
		_ = huma.WriteErr(c.api, ctx, fault.Status, fault.Message, fault)
	case claimed:
		c.answer(in, claim, next)
	default:
		c.repeat(ctx, claim, first)
	}
}

// repeatable says whether an operation heeds the header.
func (c *Control) repeatable(op *huma.Operation) bool {
	p := pages[op.OperationID]
	return c.options.Answers != nil && op.Method == http.MethodPost && !strings.HasPrefix(op.Path, "/api/v1/auth/") && !p.takesCSV && !p.takesFile && p.streams == nil
}

// checkIdemKey wants one key of 1 to 255 printable ASCII characters.
func checkIdemKey(keys []string) *envelope.Fault {
	bad := len(keys) != 1 || keys[0] == "" || len(keys[0]) > maxIdemKey
	bad = bad || strings.ContainsFunc(keys[0], func(r rune) bool { return r < ' ' || r > '~' })
	if bad {
		return envelope.Wrong("Idempotency-Key", "give one of 1 to 255 printable ASCII characters")
	}
	return nil
}

func later(d time.Duration) time.Time { return time.Now().Add(d).UTC().Truncate(time.Microsecond) }

// label says which answer a sealed text is.
func label(a store.Answer) string {
	return strings.Join([]string{a.Org, a.Route, a.Hash, a.Fingerprint}, "\n")
}

// repeat answers a request that was made before.
func (c *Control) repeat(ctx huma.Context, claim, first store.Answer) {
	var fault *envelope.Fault
	body, err := []byte(nil), error(nil)
	switch {
	case first.Fingerprint != claim.Fingerprint:
		fault = envelope.Again("the Idempotency-Key was used for another request")
	case first.Status == 0:
		fault = envelope.Again("the request with this Idempotency-Key is still being answered: ask again in a moment")
		fault.Retry = time.Second
	default:
		if body, err = c.seal.Open(first.Body, label(first)); err != nil {
			fault = envelope.Again("the first answer cannot be read here: the nodes do not share one PARLEY_SECRET")
			fault.Cause = err
		}
	}
	if fault != nil {
		_ = huma.WriteErr(c.api, ctx, fault.Status, fault.Message, fault)
		return
	}
	ctx.SetHeader("Content-Type", "application/json")
	ctx.SetHeader("Idempotent-Replayed", "true")
	ctx.SetStatus(first.Status)
	_, _ = ctx.BodyWriter().Write(body) // who does not read it any more is not told
}

// answer lets the handler answer, and keeps what it says before it is sent. While it works the claim is held; that the client has gone
// does not stop it: it will ask again.
func (c *Control) answer(in *reading, claim store.Answer, next func(huma.Context)) {
	work := context.WithoutCancel(in.Context())
	release := c.hold(work, claim)
	func() {
		defer release()                  // also if it panics: what became of it is not known, and the claim ends by itself
		next(huma.WithContext(in, work)) // what it answers goes to in
	}()
	if in.status == 0 {
		return // it went out by another way: no operation that takes a POST does that
	}
	c.keep(work, claim, in)
	in.send()
}

// hold says again and again that this node lives, until it is released.
func (c *Control) hold(ctx context.Context, claim store.Answer) (release func()) {
	ctx, cancel := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		tick := time.NewTicker(claimHeld)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			claim.Expires = later(claimLife)
			if err := c.options.Answers.HoldAnswer(ctx, claim); err != nil && ctx.Err() == nil {
				c.options.Log.WarnContext(ctx, "claim of an answer not held", "route", claim.Route, "error", err)
			}
		}
	}()
	return func() { cancel(); <-over }
}

// keep writes down what was answered.
func (c *Control) keep(ctx context.Context, claim store.Answer, in *reading) {
	ctx, cancel := context.WithTimeout(ctx, claimWait)
	defer cancel()
	var err error
	if in.status == http.StatusServiceUnavailable {
		err = c.options.Answers.DropAnswer(ctx, claim)
	} else {
		claim.Status, claim.Body, claim.Expires = in.status, c.seal.Close(in.answer.Bytes(), label(claim)), later(answerLife)
		err = c.options.Answers.KeepAnswer(ctx, claim)
	}
	if err != nil {
		c.options.Log.WarnContext(ctx, "first answer not kept", "route", claim.Route, "status", in.status, "error", err)
	}
}

// humaContext is huma.Context under a name that does not hide its method Context when it is embedded.
type humaContext huma.Context

// A reading is a request whose body was read ahead, and whose answer waits to be sent.
type reading struct {
	humaContext
	body   []byte
	failed error // what came instead of the rest of the body
	status int
	answer bytes.Buffer
}

// read takes in the body, in the time that the operation gives it.
func (r *reading) read() error {
	if d := r.Operation().BodyReadTimeout; d > 0 {
		_ = r.SetReadDeadline(time.Now().Add(d)) // huma does as it likes, too
	}
	r.body, r.failed = io.ReadAll(r.humaContext.BodyReader())
	return r.failed
}

// Unwrap is for humago.Unwrap.
func (r *reading) Unwrap() huma.Context { return r.humaContext }

// BodyReader gives the body once more, and what was wrong with it.
func (r *reading) BodyReader() io.Reader {
	if r.failed == nil {
		return bytes.NewReader(r.body)
	}
	return io.MultiReader(bytes.NewReader(r.body), broken{r.failed})
}

// SetStatus keeps the status. A body that could not be read is answered at once.
func (r *reading) SetStatus(code int) {
	if r.failed != nil {
		r.humaContext.SetStatus(code)
		return
	}
	r.status = code
}

// BodyWriter keeps the answer.
func (r *reading) BodyWriter() io.Writer {
	if r.failed != nil {
		return r.humaContext.BodyWriter()
	}
	return &r.answer
}

// send sends the answer.
func (r *reading) send() {
	r.humaContext.SetStatus(r.status)
	_, _ = r.humaContext.BodyWriter().Write(r.answer.Bytes()) // who does not read it any more is not told
}

// broken is a reader that fails.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }
