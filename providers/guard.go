package providers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"sync"
	"time"

	"parley/pipeline"
)

// What zero fields of a Guard mean.
const (
	DefaultTrip    = 5
	DefaultCooling = 10 * time.Second
	DefaultWait    = 500 * time.Millisecond
	DefaultRetries = 0.1
)

const (
	mostCooling = 2 * time.Minute
	mostRetries = 10 // beyond their share
)

// What a Guard tells.
const (
	BreakerOpened = "opened" // nothing reaches the vendor for a while
	BreakerTries  = "tries"  // one request does, to see how it is
	BreakerClosed = "closed" // all do
	Broken        = "broken" // a request was turned away by the breaker
	Full          = "full"   // a request was turned away, since no more may be made at once
	Retried       = "retried"
)

// A Guard stands before one account of a vendor's, for one kind of work, and is shared by all calls. It turns away what would not be served:
// requests beyond a limit that find no room in time, and all for a while when so many in a row have failed. What is turned away costs
// no time, so that a fallback is as quick as it can be. A voice or a recogniser that fails at once, before it did anything, is asked a
// second time, as long as few are: a vendor in trouble is not asked twice as often. (Clients of models do that themselves.)
//
//	          ┌──fails Trip times in a row──▶ open ──Cooling──▶ one request tries
//	closed ◀──┴───────────────it was answered──────────────────┤
//	                          open, for twice as long ◀──it failed
//
// Its fields are set before the first use and not changed after. Its methods may be called by any goroutine.
type Guard struct {
	Provider, Kind string

	Limit   int           // requests at once: answers, utterances, transcriptions; 0: any number
	Wait    time.Duration // how long a request waits for room; 0: DefaultWait
	Trip    int           // failures in a row that open the breaker; 0: DefaultTrip; negative: it never opens
	Cooling time.Duration // how long it is open at first; 0: DefaultCooling
	Retries float64       // second tries for each request, in the long run; 0: DefaultRetries; negative: none
	Told    func(news string)

	once  sync.Once
	rooms chan struct{}

	mu     sync.Mutex
	failed int       // requests in a row
	opened int       // times in a row
	till   time.Time // the breaker is open until then; zero: it is closed
	trying bool      // the one request that tries is on its way
	spent  float64   // second tries that others have to make up for
}

// A TurnedAway error says that a request did not reach the vendor.
type TurnedAway struct {
	Provider, Kind string
	Full           bool // there was no room; else the breaker is open
}

// Error says why.
func (e *TurnedAway) Error() string {
	if e.Full {
		return fmt.Sprintf("%s: no more %s requests may be made at once", e.Provider, e.Kind)
	}
	return fmt.Sprintf("%s: %s has failed too often, and is given a rest", e.Provider, e.Kind)
}

// Overloaded says whether there was no room.
func (e *TurnedAway) Overloaded() bool { return e.Full }

// StatusCode is what the vendor would have said.
func (e *TurnedAway) StatusCode() int {
	if e.Full {
		return 0
	}
	return 503
}

// blames says whether an error is a reason not to ask who it is of for a while.
func blames(err error) bool {
	_, turned := errors.AsType[*TurnedAway](err)
	return !turned && Class(err) != Refused && !errors.Is(err, errEmpty)
}

func (g *Guard) tell(news string) {
	if g.Told != nil {
		g.Told(news)
	}
}

// A pass is that of a request that was let in.
type pass struct {
	guard *Guard
	tries bool // it is the one by which the vendor is tried
}

// enter lets a request in, or turns it away.
func (g *Guard) enter(ctx context.Context) (*pass, error) {
	if err := g.room(ctx); err != nil {
		return nil, err
	}
	tries, ok := g.closed()
	if !ok {
		g.leave()
		g.tell(Broken)
		return nil, &TurnedAway{Provider: g.Provider, Kind: g.Kind}
	}
	return &pass{g, tries}, nil
}

// done is the end of a request.
func (p *pass) done(outcome string) {
	p.guard.leave()
	p.judge(outcome)
}

// judge notes how the request does: its outcome, or how it is before that.
func (p *pass) judge(outcome string) {
	p.guard.judge(outcome, p.tries)
	p.tries = false
}

// room waits for room, if there is a limit.
func (g *Guard) room(ctx context.Context) error {
	if g.Limit <= 0 {
		return nil
	}
	g.once.Do(func() { g.rooms = make(chan struct{}, g.Limit) })
	select {
	case g.rooms <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(cmp.Or(g.Wait, DefaultWait))
	defer timer.Stop()
	select {
	case g.rooms <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		g.tell(Full)
		return &TurnedAway{Provider: g.Provider, Kind: g.Kind, Full: true}
	}
}

func (g *Guard) leave() {
	if g.Limit > 0 {
		<-g.rooms
	}
}

// closed says whether a request may pass the breaker, and whether it is the one that tries.
func (g *Guard) closed() (tries, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.spent = max(0, g.spent-g.retries())
	switch {
	case g.till.IsZero():
		return false, true
	case g.trying || time.Now().Before(g.till):
		return false, false
	}
	g.trying = true
	g.tell(BreakerTries)
	return true, true
}

func (g *Guard) retries() float64 {
	if g.Retries < 0 {
		return 0
	}
	return cmp.Or(g.Retries, DefaultRetries)
}

// judge notes how a request ended. One that was cut, or refused for what it asked, says nothing of the vendor.
func (g *Guard) judge(outcome string, tried bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if tried {
		g.trying = false
	}
	switch outcome {
	case Cut, Refused:
		return
	case OK:
		g.failed = 0
		if tried {
			g.opened, g.till = 0, time.Time{}
			g.tell(BreakerClosed)
		}
		return
	}
	g.failed++
	if trip := cmp.Or(g.Trip, DefaultTrip); tried || trip > 0 && g.failed >= trip && g.till.IsZero() {
		g.till = time.Now().Add(min(cmp.Or(g.Cooling, DefaultCooling)<<min(g.opened, 10), mostCooling))
		g.opened++
		g.failed = 0
		g.tell(BreakerOpened)
	}
}

// spend says whether a request may be made a second time.
func (g *Guard) spend(err error) bool {
	if class := Class(err); class != Connection && class != Unavailable {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.retries() == 0 || g.spent+1 > mostRetries || !g.till.IsZero() {
		return false
	}
	g.spent++
	g.tell(Retried)
	return true
}

// retryPause is before a second try, give or take a half: those of many calls do not come all at once.
const retryPause = 60 * time.Millisecond

func pauseBeforeRetry(ctx context.Context) { rest(ctx, retryPause/2+rand.N(retryPause)) }

// Unguarded is what a Guard stands before, for who wants to know who that is; anything else as it is.
func Unguarded[T any](p T) T {
	if g, ok := any(p).(interface{ unguarded() any }); ok {
		if of, ok := g.unguarded().(T); ok {
			return of
		}
	}
	return p
}

func (m guardedModel) unguarded() any      { return m.model }
func (s guardedVoice) unguarded() any      { return s.voice }
func (t guardedRecogniser) unguarded() any { return t.recogniser }

// Responder guards a model.
func (g *Guard) Responder(r pipeline.Responder) pipeline.Responder { return guardedModel{g, r} }

type guardedModel struct {
	guard *Guard
	model pipeline.Responder
}

// Respond implements [pipeline.Responder].
func (m guardedModel) Respond(ctx context.Context, talk pipeline.Talk) iter.Seq2[pipeline.Delta, error] {
	return func(yield func(pipeline.Delta, error) bool) {
		p, err := m.guard.enter(ctx)
		if err != nil {
			yield(pipeline.Delta{}, err)
			return
		}
		how := Other // if it panics
		defer func() { p.done(how) }()
		failure, left := error(nil), false
		for d, err := range m.model.Respond(ctx, talk) {
			if err != nil {
				failure = err
			}
			if left = !yield(d, err); left {
				break
			}
		}
		how = outcome(ctx, "responder", failure, left)
	}
}

// Synthesizer guards a voice.
func (g *Guard) Synthesizer(s pipeline.Synthesizer) pipeline.Synthesizer { return guardedVoice{g, s} }

type guardedVoice struct {
	guard *Guard
	voice pipeline.Synthesizer
}

// Speak implements [pipeline.Synthesizer].
func (s guardedVoice) Speak(ctx context.Context, text iter.Seq2[string, error], v pipeline.Voice) iter.Seq2[pipeline.Speech, error] {
	return func(yield func(pipeline.Speech, error) bool) {
		p, err := s.guard.enter(ctx)
		if err != nil {
			yield(pipeline.Speech{}, err)
			return
		}
		how := Other // if it panics
		defer func() { p.done(how) }()
		k := newKept(text)
		defer k.stop()
		how = s.speak(ctx, k, v, yield)
	}
}

// speak speaks, a second time if the first failed at once and that may be, and says how it ended.
func (s guardedVoice) speak(ctx context.Context, k *kept, v pipeline.Voice, yield func(pipeline.Speech, error) bool) string {
	for try := 1; ; try++ {
		failure, left, sounds := error(nil), false, false
		for sp, err := range s.voice.Speak(ctx, k.again(), v) {
			if failure = err; err != nil && try == 1 && !sounds && ctx.Err() == nil && k.err == nil && s.guard.spend(err) {
				break
			}
			try = max(try, 2)
			sounds = sounds || len(sp.PCM) > 0
			if left = !yield(sp, err); left {
				break
			}
		}
		if failure != nil && try == 1 {
			pauseBeforeRetry(ctx)
			continue
		}
		switch {
		case k.err != nil: // which is its author's failure
			return Cut
		case failure == nil && !left && !sounds && k.speakable():
			failure = errNoSound
		}
		return outcome(ctx, "voice", failure, left)
	}
}

// Transcriber guards a recogniser.
func (g *Guard) Transcriber(t pipeline.Transcriber) pipeline.Transcriber {
	return guardedRecogniser{g, t}
}

type guardedRecogniser struct {
	guard      *Guard
	recogniser pipeline.Transcriber
}

// Transcribe implements [pipeline.Transcriber].
func (t guardedRecogniser) Transcribe(ctx context.Context, o pipeline.Listening) (pipeline.Transcription, error) {
	p, err := t.guard.enter(ctx)
	if err != nil {
		return nil, err
	}
	open, err := t.recogniser.Transcribe(ctx, o)
	if err != nil && ctx.Err() == nil && t.guard.spend(err) {
		pauseBeforeRetry(ctx)
		open, err = t.recogniser.Transcribe(ctx, o)
	}
	if err != nil {
		p.done(outcome(ctx, "transcriber", err, false))
		return nil, err
	}
	return &guardedTranscription{Transcription: open, pass: p}, nil
}

// guardedTranscription is one call's.
type guardedTranscription struct {
	pipeline.Transcription

	mu      sync.Mutex
	pass    *pass
	well    bool // it has understood something
	failed  bool
	closing bool
}

// Results implements [pipeline.Transcription].
func (t *guardedTranscription) Results() iter.Seq2[pipeline.Transcript, error] {
	return func(yield func(pipeline.Transcript, error) bool) {
		for r, err := range t.Transcription.Results() {
			t.note(err)
			if !yield(r, err) {
				return
			}
		}
	}
}

// note notes how it does, when that changes.
func (t *guardedTranscription) note(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closing, t.failed:
	case err != nil:
		t.failed = true
		t.pass.judge(Class(err))
	case !t.well:
		t.well = true
		t.pass.judge(OK)
	}
}

// Close implements [pipeline.Transcription].
func (t *guardedTranscription) Close() error {
	t.mu.Lock()
	t.closing = true
	t.mu.Unlock()
	err := t.Transcription.Close()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failed || t.well {
		t.pass.done(Cut) // it has been judged
	} else {
		t.pass.done(OK)
	}
	return err
}
