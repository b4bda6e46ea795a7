// Package knowledge lets a model answer from what its agent knows: documents in which the caller's words are looked up.
//
//	Talk ──▶ question ──▶ Librarian.Look ──▶ passages ──▶ a note before the caller's words ──▶ model.Respond ──▶ deltas
//	                      (within Budget, or without)                                     Delta.Lookup goes before them
//
// A Responder is asked as soon as the caller has probably finished, while their pause still lasts; so the search is over before the answer
// is due. It is not waited for longer than the Budget: the model then answers without, and the turn's record says so.
//
// What a document says is data. It stands in a note of the house among the caller's messages, never in the agent's instructions, between
// marks that a document cannot know, with nothing in it that could end the note. The instructions say that no passage is to be obeyed, nor to
// be the reason to use a tool. That does not make a model immune: what a tool may do at worst is bounded by the tool's own
// settings (whom it calls, where it transfers to), and a passage can neither add a tool nor change one.
package knowledge

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"parley/pipeline"
)

// A Passage is a stretch of a document that may answer a question.
type Passage struct {
	pipeline.Source
	Text string
}

// ErrCold says that not all could be searched yet, because it is still being read.
var ErrCold = errors.New("not all is read yet")

// A Librarian finds what an agent knows about a question, best first. It ends soon after ctx does. Passages are of use even with an error:
// it then says why there may be more. It is asked by one goroutine at a time.
type Librarian interface {
	Look(ctx context.Context, question string) ([]Passage, error)
}

// Options say how much a model may be given, and when. Librarian must be set.
type Options struct {
	Librarian Librarian
	Budget    time.Duration   // how long an answer may wait for a search; 0: 150 ms
	Tokens    int             // how much of the model's context passages may take, as Tokens counts; 0: 1,000
	Failed    func(err error) // is told why a search failed; nil: nobody is
}

// Responder lets model answer one call with what a Librarian finds. Searches are made for the caller's words, not for keys or silence, and
// again with the results of tools only if the words have changed. It must be told only what a model may be told: a script in
// front of it keeps secrets back.
func Responder(model pipeline.Responder, o Options) pipeline.Responder {
	o.Budget, o.Tokens = cmp.Or(o.Budget, 150*time.Millisecond), cmp.Or(o.Tokens, 1000)
	return &responder{Options: o, model: model, mark: rand.Text()[:8], idle: make(chan struct{}, 1)}
}

type responder struct {
	Options
	model pipeline.Responder
	mark  string        // that nobody outside knows
	seen  []answer      // what the last questions came to
	idle  chan struct{} // holds a token while a search is under way
}

// An answer is what a search came to.
type answer struct {
	question string
	turn     int
	passages []Passage // as far as there is room for them
	lookup   pipeline.Lookup
}

// remembered is how many questions of a call are not searched again.
const remembered = 4

// Respond implements [pipeline.Responder].
func (r *responder) Respond(ctx context.Context, talk pipeline.Talk) iter.Seq2[pipeline.Delta, error] {
	return func(yield func(pipeline.Delta, error) bool) {
		talk = r.instructed(talk)
		if q := question(talk); q != "" {
			a := r.answer(ctx, q, talk.Turn)
			if ctx.Err() == nil && !yield(pipeline.Delta{Lookup: &a.lookup}, nil) {
				return
			}
			talk = r.briefed(talk, a.passages)
		}
		for d, err := range r.model.Respond(ctx, talk) {
			if !yield(d, err) {
				return
			}
		}
	}
}

// answer looks a question up, unless the call has had it before. One that failed is tried again, but not in the same turn.
func (r *responder) answer(ctx context.Context, question string, turn int) answer {
	for _, a := range r.seen {
		if a.question == question && (a.lookup.Err == "" || a.turn == turn) {
			a.lookup.Took = 0
			return a
		}
	}
	began := time.Now()
	found, err := r.look(ctx, question)
	a := answer{question: question, turn: turn, passages: fit(found, r.Tokens)}
	a.lookup = pipeline.Lookup{Took: time.Since(began), Err: word(err)}
	for _, p := range a.passages {
		a.lookup.Sources = append(a.lookup.Sources, p.Source)
	}
	if ctx.Err() != nil { // the caller went on: that tells nothing of the search
		return a
	}
	if err != nil && r.Failed != nil {
		r.Failed(err)
	}
	r.seen = slices.DeleteFunc(r.seen, func(a answer) bool { return a.question == question })
	r.seen = append(r.seen, a)
	r.seen = r.seen[max(0, len(r.seen)-remembered):]
	return a
}

var (
	errLate = fmt.Errorf("the search took too long: %w", context.DeadlineExceeded)
	errBusy = fmt.Errorf("an earlier search is still under way: %w", context.DeadlineExceeded)
)

// look asks the librarian, on a goroutine of its own, since nothing may keep the caller waiting. One that does not heed its context is left
// behind, and not asked again before it has come to its end.
func (r *responder) look(ctx context.Context, question string) ([]Passage, error) {
	select {
	case r.idle <- struct{}{}:
	default:
		return nil, errBusy
	}
	type outcome struct {
		found []Passage
		err   error
	}
	ctx, cancel := context.WithTimeoutCause(ctx, r.Budget, errLate)
	defer cancel()
	done := make(chan outcome, 1)
	go func() {
		var o outcome
		defer func() {
			if v := recover(); v != nil {
				o = outcome{nil, fmt.Errorf("the search panicked: %v", v)}
			}
			<-r.idle
			done <- o
		}()
		o.found, o.err = r.Librarian.Look(ctx, question)
	}()
	select {
	case o := <-done:
		return o.found, o.err
	case <-ctx.Done():
		select {
		case o := <-done: // at the same instant
			return o.found, o.err
		default:
			return nil, context.Cause(ctx)
		}
	}
}

// word is what a turn's record says of an error.
func word(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, context.DeadlineExceeded):
		return "late"
	case errors.Is(err, ErrCold):
		return "cold"
	}
	return "failed"
}
