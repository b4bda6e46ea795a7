package providers

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"parley/pipeline"
	"parley/providers/chat"
)

// What zero fields of Models mean.
const (
	DefaultTokenPatience = 3 * time.Second
	DefaultTokenStall    = 1500 * time.Millisecond
)

var errEmpty = errors.New("an empty answer")

// Models are a Responder that answers with the next model when one fails: when it refuses, breaks, answers nothing or lets the caller wait.
//
//	talk ──▶ first ·········✕            it failed before its first word: the next one answers
//	     ──▶ first ··Hedge···▶ next too  it is slow: the next one is asked as well; who is first answers, the other is cancelled
//	     ──▶ first ──"We are open"──✕    it broke off: the next one is asked to go on from there
//
// What keeps a model that streams from being late is each event of its stream, so that the arguments of a tool call may take their time.
// What one has said stays said: the next is shown it, told that it broke off, and of what it repeats nothing is yielded. After a tool call
// nobody is asked: the answer ends there in good order, as the tool's result brings the model back. The tools' own turns are not hedged.
//
// Its fields are set before the first use and not changed after. All methods may be called by any goroutine; Close when all have ended.
type Models struct {
	All      []pipeline.Responder             // the best one first
	Hedge    time.Duration                    // without a first word or tool call for so long, the next one is asked as well; 0: never
	Patience time.Duration                    // from the question to the first sign of life; 0: DefaultTokenPatience
	Stall    time.Duration                    // from one to the next; 0: DefaultTokenStall
	Rest     time.Duration                    // how long a model that failed is passed over; 0: DefaultRest
	Probe    time.Duration                    // how often one that rests is asked for a word: when it answers, it has rested; 0: never
	Failed   func(model, next int, err error) // told of each failure that the caller is spared; nil: nobody
	Hedged   func(model, next int, won bool)  // told of each hedge, and whether the second was first; nil: nobody

	rota rota
}

// Close ends what goes on in the background.
func (m *Models) Close() error {
	m.rota.close()
	return nil
}

// Respond implements [pipeline.Responder].
func (m *Models) Respond(ctx context.Context, talk pipeline.Talk) iter.Seq2[pipeline.Delta, error] {
	return func(yield func(pipeline.Delta, error) bool) {
		a := answer{models: m, talk: talk, order: m.rota.order(len(m.All)), yield: yield}
		defer a.leave()
		a.run(ctx)
	}
}

// fails notes that a model did.
func (m *Models) fails(n int, err error) {
	if blames(err) {
		m.rota.fails(n, err, m.Rest, m.Probe, m.probe)
	}
}

// probe asks a model for a word.
func (m *Models) probe(ctx context.Context, n int) error {
	talk := pipeline.Talk{
		Turn: 1, Why: pipeline.ForWords, Text: "Say yes.", Agent: &pipeline.Agent{Prompt: "Answer in one word."},
		History: []pipeline.Message{{Role: pipeline.Caller, Text: "Say yes.", Turn: 1}},
	}
	for d, err := range m.All[n].Respond(ctx, talk) {
		if err != nil || begins(d) {
			return err
		}
	}
	return cmp.Or(context.Cause(ctx), errEmpty)
}

// begins says whether a delta is what the caller, or a tool, waits for.
func begins(d pipeline.Delta) bool { return d.Text != "" || d.Call != nil || d.Do != nil }

// An answer is one Respond of Models. It is its caller's goroutine's.
type answer struct {
	models *Models
	talk   pipeline.Talk
	order  []int
	yield  func(pipeline.Delta, error) bool

	asked  int             // of order
	racers []*racer        // who are asked and have not failed
	said   strings.Builder // what was yielded of text
	part   string          // of a word, which was not
	called bool            // a tool call was yielded
	spent  sync.WaitGroup  // racers
}

// leave waits until nobody answers any more.
func (a *answer) leave() {
	for _, r := range a.racers {
		r.cancel(errLost)
	}
	a.spent.Wait()
}

var errLost = errors.New("another one was first")

// run asks one model after the other until one has answered.
func (a *answer) run(ctx context.Context) {
	for {
		first := a.ask(ctx)
		if first == nil {
			return
		}
		err := a.pass(ctx, first)
		if err == nil {
			return
		}
		a.models.fails(first.n, err)
		a.part = ""
		switch next, some := a.next(); {
		case a.called:
			a.yield(pipeline.Delta{Finish: "tool_calls"}, nil)
			return
		case !some:
			a.yield(pipeline.Delta{}, err)
			return
		default:
			a.told(first.n, next, err)
		}
	}
}

// next is whom to ask next; false: nobody is left.
func (a *answer) next() (int, bool) {
	if a.asked == len(a.order) {
		return 0, false
	}
	return a.order[a.asked], true
}

func (a *answer) told(model, next int, err error) {
	if a.models.Failed != nil {
		a.models.Failed(model, next, err)
	}
}

// ask asks the next model, and those after it as it fails or is slow, until one begins to answer; nil: the failure has been yielded.
func (a *answer) ask(ctx context.Context) *racer {
	news, settled := make(chan *racer), make(chan struct{})
	defer close(settled)
	wait := func(r *racer) { a.spent.Go(func() { r.first(news, settled) }) }
	wait(a.begin(ctx))
	hedge := time.NewTimer(time.Hour)
	defer hedge.Stop()
	a.arm(hedge)
	hedged := -1
	for {
		select {
		case <-hedge.C:
			if next, ok := a.next(); ok {
				hedged = next
				wait(a.begin(ctx))
			}
			continue
		case r := <-news:
			if r.crash != nil {
				panic(r.crash) // on the goroutine of the call whose answer it is
			}
			if r.err == nil {
				a.won(r, hedged)
				return r
			}
			a.racers = slices.DeleteFunc(a.racers, func(o *racer) bool { return o == r })
			r.end()
			if ctx.Err() != nil { // not the model's fault
				a.yield(pipeline.Delta{}, cmp.Or(context.Cause(ctx), r.err))
				return nil
			}
			a.models.fails(r.n, r.err)
			next, some := a.next()
			switch {
			case errors.Is(r.err, errEmpty) && (a.said.Len() > 0 || !some && len(a.racers) == 0): // there is nothing to say
				a.replay(r)
				return nil
			case some:
				a.told(r.n, next, r.err)
				wait(a.begin(ctx))
				a.arm(hedge)
			case len(a.racers) > 0:
				a.told(r.n, a.racers[0].n, r.err)
			default:
				a.yield(pipeline.Delta{}, r.err)
				return nil
			}
		}
	}
}

// replay yields what an answer without words has.
func (a *answer) replay(r *racer) {
	for _, d := range r.begun {
		if !a.yield(d, nil) {
			return
		}
	}
}

// arm sets when the next model is asked as well. What a tool has brought is for the model that asked for it.
func (a *answer) arm(hedge *time.Timer) {
	hedge.Stop()
	if _, some := a.next(); some && a.models.Hedge > 0 && a.talk.Step == 0 && a.said.Len() == 0 {
		hedge.Reset(a.models.Hedge)
	}
}

// begin asks the next model.
func (a *answer) begin(ctx context.Context) *racer {
	one, cancel := context.WithCancelCause(ctx)
	n := a.order[a.asked]
	a.asked++
	r := &racer{n: n, cancel: cancel}
	if a.asked < len(a.order) { // the last one has as long as the call gives it
		r.stall = cmp.Or(a.models.Stall, DefaultTokenStall)
		r.patience = time.AfterFunc(cmp.Or(a.models.Patience, DefaultTokenPatience), func() { cancel(errStalled) })
		one = chat.Watched(one, r.lives)
	}
	r.next, r.stop = iter.Pull2(a.models.All[n].Respond(one, a.forModel(n)))
	r.cause = func() error { return context.Cause(one) }
	a.racers = append(a.racers, r)
	return r
}

// won cancels those who were not first: they end by themselves.
func (a *answer) won(r *racer, hedged int) {
	for _, o := range a.racers {
		if o != r {
			o.cancel(errLost)
		}
	}
	a.racers = nil
	if hedged >= 0 && a.models.Hedged != nil {
		a.models.Hedged(a.order[slices.Index(a.order, hedged)-1], hedged, r.n == hedged)
	}
}

// pass yields what a model answers. An error says that it has failed.
func (a *answer) pass(ctx context.Context, r *racer) error {
	defer r.end()
	var again *repeats
	if a.said.Len() > 0 {
		again = &repeats{said: a.said.String()}
	}
	for d, err, ok := r.again(); ok; d, err, ok = r.again() {
		r.rests()
		switch {
		case err != nil && ctx.Err() != nil: // not the model's fault
			a.yield(d, err)
			return nil
		case err != nil:
			return cmp.Or(r.cause(), err)
		case d.Text != "" && again != nil:
			if d.Text = again.fresh(d.Text); d.Text == "" {
				continue
			}
		}
		if !a.give(d, r.n) {
			return nil
		}
		r.lives()
	}
	if err := r.cause(); err != nil && ctx.Err() == nil {
		return err
	}
	if again != nil {
		a.part += again.rest()
	}
	if a.flush() {
		a.models.rota.well(r.n)
	}
	return nil
}

// mostPart is how many bytes of text are held back at most: there are languages without spaces.
const mostPart = 40

// whole is what of the text so far can be yielded: a word that may go on waits for the rest of it. If that never comes, whoever goes on
// says the word anew.
func (a *answer) whole(text string) string {
	a.part += text
	end := len(a.part)
	if end <= mostPart {
		end = len(strings.TrimRightFunc(a.part, func(r rune) bool { return (unicode.IsLetter(r) || unicode.IsNumber(r)) && !isGlyph(r) }))
	}
	text, a.part = a.part[:end], a.part[end:]
	return text
}

// flush yields what was held back; false: the caller wants no more.
func (a *answer) flush() bool {
	text := a.part
	a.part = ""
	a.said.WriteString(text)
	return text == "" || a.yield(pipeline.Delta{Text: text}, nil)
}

// give yields a delta; false: the caller wants no more.
func (a *answer) give(d pipeline.Delta, n int) bool {
	if d.Text != "" {
		if d.Text = a.whole(d.Text); d.Text == "" {
			return true
		}
	} else if !a.flush() {
		return false
	}
	a.said.WriteString(d.Text)
	if d.Call != nil {
		a.called = true
		d.Call = sealed(d.Call, n)
	}
	return a.yield(d, nil)
}

// forModel is the talk as a model is to see it.
func (a *answer) forModel(n int) pipeline.Talk {
	talk := a.talk
	talk.History = unsealed(talk.History, n)
	if said := strings.TrimSpace(a.said.String()); said != "" {
		talk.History = append(slices.Clip(talk.History),
			pipeline.Message{Role: pipeline.Assistant, Text: said, Cut: true, Turn: talk.Turn},
			pipeline.Message{Role: pipeline.Narrator, Text: goOn, Turn: talk.Turn})
	}
	return talk
}

// goOn is what a model is told that has to finish what another began.
const goOn = "The line to you was lost in the middle of your last message; the caller has heard its words as they stand. " +
	"Go on with the very next word, as if nothing had happened. Repeat nothing, and do not apologise."
