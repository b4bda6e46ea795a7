package providers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"parley/media"
	"parley/pipeline"
)

// A Recogniser is one of several.
type Recogniser struct {
	pipeline.Transcriber
	// Turns says whether it finds the ends of turns itself where it is to listen so, and may let an Ended wait for that; nil: it never does.
	Turns func(pipeline.Listening) bool
}

// Recognisers are a Transcriber that hears with the next recogniser when one fails: when it cannot be opened, in time; when it dies in the
// middle of a call; when it leaves an Ended unanswered, understands nothing again and again, or cannot keep up. The next one is told again
// what was not understood yet, at most the last 8 s, so that no words are lost; what had been told is not told a second time. At a pause
// the call goes back to a better one that is well again.
//
//	Write, Mark ──▶ tape ──▶ the recogniser of now ──▶ Results
//	                 │             ✕
//	                 └──again──▶ the next one ──▶ Results, but for what was told
//
// Its fields are set before the first use and not changed after. All methods may be called by any goroutine; Close when all calls have ended.
type Recognisers struct {
	All      []Recogniser                          // the best one first
	Opening  time.Duration                         // how long opening one may take while there is another; 0: DefaultPatience
	Patience time.Duration                         // from an Ended to its answer; not of one that finds turns itself; 0: DefaultPatience
	Rest     time.Duration                         // how long one that failed is passed over; 0: DefaultRest
	Probe    time.Duration                         // how often one that rests is opened: when that succeeds, it has rested; 0: never
	Failed   func(recogniser, next int, err error) // told of each failure that the call is spared; nil: nobody

	rota  rota
	spare sync.Pool // of *tapeBlock, of all calls
}

// Why recognisers are given up.
var (
	errUnanswered = &unheardError{"no words in time"}
	errDeaf       = &unheardError{"nothing is understood"}
	errBehind     = &unheardError{"it does not keep up"}
	errOver       = errors.New("the transcription has ended by itself")
	errClosed     = errors.New("the transcription is closed")
)

// An unheardError says that a recogniser does not do its work, though it is there.
type unheardError struct{ why string }

func (e *unheardError) Error() string { return e.why }

// Timeout says what kind of failure that is.
func (*unheardError) Timeout() bool { return true }

// Close ends what goes on in the background.
func (r *Recognisers) Close() error {
	r.rota.close()
	return nil
}

// Transcribe implements [pipeline.Transcriber]. The last recogniser has as long as ctx lasts.
func (r *Recognisers) Transcribe(ctx context.Context, o pipeline.Listening) (pipeline.Transcription, error) {
	var wrong []error
	order := r.rota.order(len(r.All))
	for i, n := range order {
		open, err := r.open(ctx, n, o, i < len(order)-1)
		if err == nil {
			return r.dictate(ctx, n, open, o), nil
		}
		wrong = append(wrong, err)
		if ctx.Err() != nil { // which is not the recogniser's fault
			return nil, errors.Join(context.Cause(ctx), err)
		}
		r.fails(n, err)
		if i < len(order)-1 && r.Failed != nil {
			r.Failed(n, order[i+1], err)
		}
	}
	return nil, errors.Join(wrong...)
}

// open opens one recogniser's transcription, with a bound unless it is the last that there is.
func (r *Recognisers) open(ctx context.Context, n int, o pipeline.Listening, bounded bool) (pipeline.Transcription, error) {
	if !bounded {
		return r.All[n].Transcribe(ctx, o)
	}
	limit := cmp.Or(r.Opening, DefaultPatience)
	one, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not open within %v: %w", limit, context.DeadlineExceeded))
	defer cancel()
	return r.All[n].Transcribe(one, o)
}

func (r *Recognisers) fails(n int, err error) {
	if blames(err) {
		r.rota.fails(n, err, r.Rest, r.Probe, r.probe)
	}
}

// probe opens a recogniser and closes it.
func (r *Recognisers) probe(ctx context.Context, n int) error {
	open, err := r.All[n].Transcribe(ctx, pipeline.Listening{Rate: 8000})
	if err != nil {
		return err
	}
	return open.Close()
}

// dictate begins a call's transcription.
func (r *Recognisers) dictate(ctx context.Context, n int, open pipeline.Transcription, o pipeline.Listening) *dictation {
	d := &dictation{
		of: r, how: o, tape: newTape(o.Rate, &r.spare), out: results{news: make(chan struct{}, 1)}, calm: make(chan struct{}, 1),
	}
	life, stop := context.WithCancelCause(context.WithoutCancel(ctx)) // its values may live on, the opening's deadline may not
	d.stop = stop
	h := &hearer{Transcription: open, n: n}
	d.now, d.live = h, h
	d.work.Go(func() { d.read(life, h) })
	d.again = func(f func(ctx context.Context)) { d.work.Go(func() { f(life) }) }
	return d
}

// A hearer is a recogniser's transcription of a call.
type hearer struct {
	pipeline.Transcription
	n      int           // the recogniser
	until  time.Duration // what it was told again goes to there, in call time
	behind int           // frames in a row that it could not take
}

// A dictation is a call's transcription, by one recogniser after the other. Its state is in the hands of whoever holds mu; recognisers are
// not called under it.
type dictation struct {
	of    *Recognisers
	how   pipeline.Listening
	out   results
	stop  context.CancelCauseFunc
	again func(f func(ctx context.Context)) // does something in the background, until the call's transcription is closed
	work  sync.WaitGroup
	calm  chan struct{} // holds something when nobody speaks and nothing is awaited

	mu       sync.Mutex
	tape     tape
	now      *hearer // whose words count; nil: the next one is being sought
	live     *hearer // who is told what comes; nil: the next one is still told what came before
	expected []string
	awaited  []awaited     // Endeds without an answer, in their order
	open     int           // the stretch of speech that is going on; 0: none
	began    time.Duration // when it began
	pending  bool          // words were told that are not final
	settled  time.Duration // up to where words were told for good
	mute     int           // stretches in a row of which nothing was understood
	tried    uint64        // a bit for each recogniser that has failed since words were last told
	laps     int           // how often all have
	seeking  bool          // a better one is being opened
	timer    *time.Timer   // of the first that is awaited
	closing  bool
	err      error
}

// awaited is an Ended that waits for its words.
type awaited struct {
	n        int
	from, to time.Duration // its stretch of speech
	since    time.Time
}

// How dictations go on.
const (
	muteLeast   = 800 * time.Millisecond // speech of which some word should be understood
	muteMost    = 2                      // such stretches in a row
	behindMost  = 150                    // frames in a row that are dropped: 3 s
	mostLaps    = 3                      // before the call is deaf
	betweenLaps = time.Second
	calmLimit   = 30 * time.Second // a better recogniser waits so long for a pause
)

// Write implements [pipeline.Transcription].
func (d *dictation) Write(f media.Frame) error {
	d.mu.Lock()
	if err := d.usable(); err != nil {
		d.mu.Unlock()
		return err
	}
	if f.Rate != d.tape.rate {
		d.mu.Unlock()
		return fmt.Errorf("frame of %d Hz, transcription of %d", f.Rate, d.tape.rate)
	}
	most := tapeMost
	if d.idle() {
		most = tapeIdle
	}
	d.tape.add(f, most)
	to := d.live
	d.mu.Unlock()
	if to == nil {
		return nil
	}
	err := to.Write(f)
	switch {
	case err == nil:
		to.behind = 0
	case errors.Is(err, pipeline.ErrBehind):
		if to.behind++; to.behind >= behindMost {
			to.behind = 0
			d.fails(to, errBehind)
		}
		return err
	default:
		d.fails(to, err)
	}
	return nil
}

// Mark implements [pipeline.Transcription].
func (d *dictation) Mark(e pipeline.Edge) error {
	d.mu.Lock()
	if err := d.usable(); err != nil {
		d.mu.Unlock()
		return err
	}
	d.tape.mark(e)
	switch e.Kind {
	case pipeline.Began, pipeline.Resumed:
		if d.open != e.N {
			d.open, d.began = e.N, e.At
		}
	case pipeline.Ended:
		d.open = 0
		d.awaited = append(d.awaited, awaited{n: e.N, from: d.began, to: e.At, since: time.Now()})
		d.arm()
	}
	to := d.live
	d.mu.Unlock()
	if to != nil {
		if err := to.Mark(e); err != nil {
			d.fails(to, err)
		}
	}
	return nil
}

// Expect implements [pipeline.Transcription].
func (d *dictation) Expect(words []string) {
	d.mu.Lock()
	d.expected = words
	to := d.live
	d.mu.Unlock()
	if to != nil {
		to.Expect(words)
	}
}

// Results implements [pipeline.Transcription].
func (d *dictation) Results() iter.Seq2[pipeline.Transcript, error] { return d.out.all() }

// Close implements [pipeline.Transcription].
func (d *dictation) Close() (err error) {
	d.mu.Lock()
	d.closing = true
	to := d.live
	if d.timer != nil {
		d.timer.Stop()
	}
	d.mu.Unlock()
	if to == nil { // what nobody hears cannot be waited for
		d.stop(errClosed)
	} else {
		err = to.Close()
	}
	d.stop(errClosed)
	d.work.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, a := range d.awaited {
		d.out.put(pipeline.Transcript{Kind: pipeline.Final, Edge: a.n})
	}
	d.awaited = nil
	d.tape.forget(d.tape.head)
	d.out.end(d.err)
	return err
}

func (d *dictation) usable() error {
	if d.closing {
		return errClosed
	}
	return d.err
}

// turns says whether a recogniser finds the ends of this call's turns itself.
func (d *dictation) turns(n int) bool {
	finds := d.of.All[n].Turns
	return finds != nil && finds(d.how)
}

// idle says whether nobody speaks and no words are awaited.
func (d *dictation) idle() bool { return d.open == 0 && len(d.awaited) == 0 && !d.pending }

// arm sets the timer to when the first that is awaited has waited for too long. Who finds turns itself has its reasons, and nobody is
// hurried who hears a recording.
func (d *dictation) arm() {
	if d.timer != nil {
		d.timer.Stop()
	}
	if len(d.awaited) == 0 || d.live == nil || d.turns(d.live.n) || d.how.Patient || d.closing {
		return
	}
	due := time.Until(d.awaited[0].since.Add(cmp.Or(d.of.Patience, DefaultPatience)))
	if d.timer == nil {
		d.timer = time.AfterFunc(due, d.look)
		return
	}
	d.timer.Reset(due)
}

// look is the timer's. Where all others have failed, too, there is nothing but waiting.
func (d *dictation) look() {
	d.mu.Lock()
	late := d.live
	if late == nil || len(d.awaited) == 0 || time.Since(d.awaited[0].since) < cmp.Or(d.of.Patience, DefaultPatience) || d.exhausted(late.n) {
		late = nil
	}
	d.mu.Unlock()
	if late != nil {
		d.fails(late, errUnanswered)
	}
}

// exhausted says whether all recognisers but one have failed since words were last told.
func (d *dictation) exhausted(n int) bool { return d.tried|1<<n == 1<<len(d.of.All)-1 }
