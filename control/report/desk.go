package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"parley/store"
)

// What a caller of a Desk may have to decide by, besides package store's errors.
var (
	ErrNotOver        = errors.New("the call is not over")
	ErrClosed         = errors.New("the desk is closed")
	ErrNoRecording    = errors.New("the call was not recorded, and no conversation is known of it") // wrapped with why
	ErrNoConversation = errors.New("the vendor has no such conversation")
	ErrOtherCall      = errors.New("the conversation is of another call")
	ErrPending        = errors.New("the vendor has not finished the transcript")
	ErrAway           = errors.New("what the transcript is made with cannot be reached") // wrapped with what
	ErrBusy           = errors.New("too many recordings wait to be transcribed")
)

// Limits of what a Desk does.
const (
	modelLimit  = 45 * time.Second // for all tries of one report
	retellLimit = time.Hour        // for one transcript
	again       = 30 * time.Second // until a report by rules is made again, if a model is there
	waiting     = 8                // recordings that may wait for the one that is being heard
	drift       = 2 * time.Minute  // by which a vendor's clock may differ from ours
)

// A Conversation is what a vendor has of a call that it held.
type Conversation struct {
	Messages  []store.Message
	CarrierID string    // the carrier's id of the call; empty: the vendor does not tell
	Began     time.Time // zero: nor that
	Extracted map[string]any
	Assessment
}

// Conversations are the calls that a vendor held. id is the vendor's own. ErrNoConversation, ErrPending; other errors: it is away.
type Conversations interface {
	Conversation(ctx context.Context, org, id string) (Conversation, error)
}

// A ModelOf finds the model that reports on an agent's calls; nil: rules do. done lets go of it, and must be called. It opens nothing.
type ModelOf func(org string, agent store.Agent) (m Model, done func())

// A Desk makes what is made of calls, each thing once however many ask for it at the same time on this node; of two nodes, the first to
// finish is heeded. Its fields must not change once it is used. It is safe for any number of goroutines.
type Desk struct {
	Calls   store.Calls
	Agents  store.Agents
	Reports store.Reports // nil: nothing is kept

	Model         ModelOf                                                                        // nil: rules make all reports
	Conversations Conversations                                                                  // nil: no vendor is known
	Open          func(ctx context.Context, r store.Recording) (io.ReadCloser, error)            // a recording; nil: there are none here
	Hear          func(ctx context.Context, wav io.Reader, lang string) ([]store.Message, error) // nil: there is no recogniser
	Settings      func(store.Agent) string                                                       // an agent's settings, JSON; nil: none
	Log           *slog.Logger

	flights singleflight.Group
	once    sync.Once
	turn    chan struct{} // held by whoever hears a recording
	queue   chan struct{} // held by them and by who waits

	mu      sync.Mutex
	closed  bool
	running map[int]context.CancelFunc // work that outlives the request that began it
	n       int
	work    sync.WaitGroup
}

func (d *Desk) init() {
	d.once.Do(func() {
		d.running = map[int]context.CancelFunc{}
		if d.Reports == nil {
			d.Reports = unkept{}
		}
		d.turn, d.queue = make(chan struct{}, 1), make(chan struct{}, 1+waiting)
	})
}

// Close gives up what is being made, and waits until that has ended.
func (d *Desk) Close() {
	d.init()
	d.mu.Lock()
	d.closed = true
	for _, cancel := range d.running {
		cancel()
	}
	d.mu.Unlock()
	d.work.Wait()
}

// underway makes work end with the Desk; over says that it has ended.
func (d *Desk) underway(cancel context.CancelFunc) (over func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		cancel()
	}
	d.n++
	n := d.n
	d.running[n] = cancel
	return func() {
		cancel()
		d.mu.Lock()
		delete(d.running, n)
		d.mu.Unlock()
	}
}

// share does something once for all who ask for it by a key. It goes on when those have gone, so that the next finds it done.
func share[T any](ctx context.Context, d *Desk, key string, limit time.Duration, do func(context.Context) (T, error)) (T, error) {
	d.init()
	var none T
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return none, ErrClosed
	}
	d.work.Add(1)
	d.mu.Unlock()
	made := d.flights.DoChan(key, func() (_ any, err error) {
		works, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
		defer d.underway(cancel)()
		defer func() {
			if p := recover(); p != nil { // it would end the process: this goroutine is nobody's
				err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		return do(works)
	})
	landed := make(chan singleflight.Result, 1)
	go func() { // Close waits for it
		defer d.work.Done()
		landed <- <-made
	}()
	select {
	case r := <-landed:
		if r.Err != nil {
			return none, r.Err
		}
		return r.Val.(T), nil
	case <-ctx.Done():
		return none, context.Cause(ctx)
	}
}

// Report is the report on a call that is over. It is made if there is none, or if rules made it and there is a model now.
func (d *Desk) Report(ctx context.Context, call store.Call) (Report, error) {
	if !call.Status.Final() {
		return Report{}, ErrNotOver
	}
	r, stands, err := d.stored(ctx, call)
	if err != nil || stands {
		return r, err
	}
	return share(ctx, d, "report "+call.ID, modelLimit+time.Minute, func(ctx context.Context) (Report, error) {
		if r, stands, err := d.stored(ctx, call); err != nil || stands { // somebody was faster
			return r, err
		}
		c, err := d.gather(ctx, call)
		if err != nil {
			return Report{}, err
		}
		return d.keep(ctx, call.Org, call.ID, d.write(ctx, c))
	})
}

// unkept are the reports of a Desk that keeps none.
type unkept struct{}

func (unkept) Report(context.Context, string, string) (r store.Report, err error) {
	return r, store.ErrNotFound
}

func (unkept) Retelling(context.Context, string, string) (t store.Retelling, err error) {
	return t, store.ErrNotFound
}

func (unkept) PutReport(_ context.Context, _ string, r store.Report) (store.Report, error) {
	return r, nil
}

func (unkept) Retell(context.Context, string, store.Retelling, store.Report) error { return nil }

// Stored is the report that stands, if there is one; else a sketch of it by rules, which is not kept. It asks no model. messages and turns
// are the call's.
func (d *Desk) Stored(ctx context.Context, call store.Call, messages []store.Message, turns []store.Turn, source string) (Report, error) {
	d.init()
	r, err := d.Reports.Report(ctx, call.Org, call.ID)
	if errors.Is(err, store.ErrNotFound) {
		c := Call{Call: call, Messages: messages, Turned: turns, Source: source}
		if err := d.introduce(ctx, &c); err != nil {
			return Report{}, err
		}
		return d.compose(c, byRules(c), ByRules), nil
	}
	if err != nil {
		return Report{}, fmt.Errorf("read report: %w", err)
	}
	return decode(r)
}

// Excerpt is the summary of the report on a call that is over, as it stands, else as rules sketch it: said is what was said in the call. Of a
// call that is not over it is empty. It asks no model and is four small reads of the database, for webhooks, which wait for nobody.
func (d *Desk) Excerpt(ctx context.Context, org, id string, said []store.Message) (string, error) {
	call, err := d.Calls.Call(ctx, org, id)
	if err != nil {
		return "", fmt.Errorf("read call: %w", err)
	}
	if !call.Status.Final() {
		return "", nil
	}
	turns, err := d.Calls.Turns(ctx, org, id)
	if err != nil {
		return "", fmt.Errorf("read turns: %w", err)
	}
	r, err := d.Stored(ctx, call, said, turns, Live)
	return r.Summary, err
}

// Transcript is what was said in a call as it is known best: the second transcript if there is one, else the first.
func (d *Desk) Transcript(ctx context.Context, call store.Call) (messages []store.Message, source string, err error) {
	d.init()
	t, err := d.Reports.Retelling(ctx, call.Org, call.ID)
	if err == nil {
		return t.Messages, t.Source, nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return nil, "", fmt.Errorf("read second transcript: %w", err)
	}
	messages, err = d.Calls.Transcript(ctx, call.Org, call.ID)
	if err != nil {
		return nil, "", fmt.Errorf("read transcript: %w", err)
	}
	return messages, Live, nil
}

// stored is the report that is there, and whether it stands.
func (d *Desk) stored(ctx context.Context, call store.Call) (r Report, stands bool, err error) {
	d.init()
	row, err := d.Reports.Report(ctx, call.Org, call.ID)
	if errors.Is(err, store.ErrNotFound) {
		return r, false, nil
	}
	if err != nil {
		return r, false, fmt.Errorf("read report: %w", err)
	}
	if r, err = decode(row); err != nil {
		return r, false, err
	}
	if row.Made.Before(call.Ended) && time.Now().After(call.Ended) {
		return r, false, nil // the call was taken for over, and went on
	}
	if !row.Rules || d.Model == nil || time.Since(row.Made) < again {
		return r, true, nil
	}
	c := Call{Call: call}
	if err := d.introduce(ctx, &c); err != nil {
		return r, false, err
	}
	m, done := d.model(c)
	done()
	return r, m == nil, nil
}

// model is who may report on a call besides rules; nil: nobody.
func (d *Desk) model(c Call) (m Model, done func()) {
	if d.Model == nil {
		return nil, func() {}
	}
	return d.Model(c.Org, c.Agent)
}

func decode(row store.Report) (r Report, err error) {
	if err := json.Unmarshal([]byte(row.JSON), &r); err != nil {
		return r, fmt.Errorf("decode report: %w", err)
	}
	return r, nil
}

// gather reads what a report is made of.
func (d *Desk) gather(ctx context.Context, call store.Call) (c Call, err error) {
	c = Call{Call: call}
	if c.Messages, c.Source, err = d.Transcript(ctx, call); err != nil {
		return c, err
	}
	if c.Turned, err = d.Calls.Turns(ctx, call.Org, call.ID); err != nil {
		return c, fmt.Errorf("read turns: %w", err)
	}
	return c, d.introduce(ctx, &c)
}

// introduce finds the agent as it was, and what its reports are to find out.
func (d *Desk) introduce(ctx context.Context, c *Call) error {
	agent, err := d.Agents.AgentVersion(ctx, c.Org, c.Call.Agent, c.AgentVersion)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("read agent: %w", err)
	}
	if c.Agent = agent; err == nil && d.Settings != nil {
		c.Fields = Fields(d.Settings(agent))
	}
	return nil
}

// write makes a report: by the model, else by rules.
func (d *Desk) write(ctx context.Context, c Call) Report {
	m, done := d.model(c)
	defer done()
	if m != nil {
		ctx, cancel := context.WithTimeout(ctx, modelLimit)
		defer cancel()
		w, err := byModel(ctx, m, c)
		if err == nil {
			return d.compose(c, w, ByModel)
		}
		d.Log.WarnContext(ctx, "the model made no report: rules do", "call", c.ID, "error", err)
		if none, ok := errors.AsType[*noAnswer](err); ok {
			d.Log.DebugContext(ctx, "the model's last answer was refused", "call", c.ID, "reason", none.last)
		}
	}
	by := ByRules
	if c.Vendor != nil && c.Vendor.Summary != "" {
		by = ByVendor
	}
	return d.compose(c, byRules(c), by)
}

// compose puts the two halves together.
func (d *Desk) compose(c Call, w Words, by string) Report {
	r := figures(c)
	r.Summary, r.Outcome, r.Sentiment, r.MadeBy, r.Made = w.Summary, w.Outcome, w.Sentiment, by, time.Now().UTC().Truncate(time.Millisecond)
	for name, value := range w.Extracted {
		r.Extracted[name] = value
	}
	return r
}

// row is a report as it is stored. A vendor's counts as made by rules: a model may do better.
func (r Report) row(call string) (store.Report, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return store.Report{}, fmt.Errorf("encode report: %w", err)
	}
	return store.Report{Call: call, JSON: string(text), Rules: r.MadeBy != ByModel, Made: r.Made}, nil
}

// keep stores a report, and returns the one that stands then.
func (d *Desk) keep(ctx context.Context, org, call string, r Report) (Report, error) {
	row, err := r.row(call)
	if err != nil {
		return r, err
	}
	if row, err = d.Reports.PutReport(ctx, org, row); err != nil {
		return r, fmt.Errorf("keep report: %w", err)
	}
	return decode(row)
}
