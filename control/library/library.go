// Package library keeps what agents know from files, and finds in it what a caller asks for.
//
//	file ──▶ document.Read ──▶ chunks ──▶ store.Knowledge.PutDocument ──▶ Embedder (if there is one) ──▶ PutVectors
//
//	question ──▶ terms ───────▶ store.Knowledge.Search ─────────────────────┐
//	         └─▶ Embedder ────▶ the nearest of the vectors kept in memory ──┴──▶ ranks joined ──▶ passages, best first
//
// Looking has no patience of its own: its context's deadline is what there is. What one of the two ways has not found by then is left
// out, and said. A Library never writes while a call waits for it.
package library

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"parley/pipeline/knowledge"
	"parley/store"
)

// An Embedder makes vectors of texts, one of each, all of one length.
type Embedder interface {
	Embed(ctx context.Context, texts []string) ([][]float32, error)
}

// A Library is an organisation's knowledge as calls use it, and all others. Its methods may be called by any goroutine.
type Library struct {
	Store    store.Knowledge
	Embedder Embedder     // nil: words alone are looked for
	Model    string       // the Embedder's; vectors of other models are left alone
	Memory   int          // bytes of vectors that are kept in memory; 0: 256 MiB
	Log      *slog.Logger // nil: nothing is logged

	once    sync.Once
	vectors cache
	wanted  chan shelf
}

// A shelf is what one agent knows.
type shelf struct{ org, agent string }

// Errors by which a Found says what is missing.
var (
	errVectors  = errors.New("vectors")
	errText     = errors.New("text search")
	errEmbedded = errors.New("the embedder gave no vector")
)

func (l *Library) setUp() {
	l.once.Do(func() {
		l.vectors.most = cmp.Or(l.Memory, 256<<20)
		l.vectors.rows = map[string]*matrix{}
		l.wanted = make(chan shelf, 64)
		l.Log = cmp.Or(l.Log, slog.New(slog.DiscardHandler))
	})
}

const (
	candidates = 20   // that each way of searching may bring
	rankBase   = 60   // of reciprocal rank fusion: Cormack, Clarke and Büttcher, SIGIR 2009
	faint      = 0.25 // of the best passage's score: what is below it, by words alone, is not worth being shown
)

// Look finds what an agent knows about a question, at most most passages, best first. What came of it is of use even with an error, which
// then says what is missing: a deadline that passed, a database or an endpoint that does not answer. Where both ways of searching
// brought something, Score is that of joined ranks (at most 2/61); else that of the words.
func (l *Library) Look(ctx context.Context, org, agent, question string, most int) ([]store.Passage, error) {
	l.setUp()
	asked := terms(question)
	if len(asked) == 0 {
		return nil, nil // a greeting, a yes: there is nothing to be looked for
	}
	var near []place
	var nearErr error
	var beside sync.WaitGroup
	if l.Embedder != nil {
		beside.Go(func() {
			defer func() {
				if v := recover(); v != nil { // which nobody above would catch
					nearErr = fmt.Errorf("panicked: %v", v)
				}
			}()
			near, nearErr = l.near(ctx, org, agent, question)
		})
	}
	found, err := l.Store.Search(ctx, org, agent, asked, candidates)
	beside.Wait()
	if err != nil {
		err = fmt.Errorf("%w: %w", errText, err)
	}
	if nearErr != nil {
		nearErr = fmt.Errorf("%w: %w", errVectors, nearErr)
	}
	err = errors.Join(err, nearErr)
	if len(near) == 0 {
		found = slices.DeleteFunc(found, func(p store.Passage) bool { return p.Score < faint*found[0].Score })
		return found[:min(len(found), most)], err
	}
	joined, jerr := l.join(ctx, org, found, near, most)
	return joined, errors.Join(err, jerr)
}

// join ranks what was found by words and by vectors.
func (l *Library) join(ctx context.Context, org string, found []store.Passage, near []place, most int) ([]store.Passage, error) {
	scores, known := map[place]float64{}, map[place]store.Passage{}
	for i, p := range found {
		at := place{p.Document, p.Seq}
		scores[at], known[at] = 1/float64(rankBase+1+i), p
	}
	for i, at := range near {
		scores[at] += 1 / float64(rankBase+1+i)
	}
	ranked := make([]place, 0, len(scores))
	for at := range scores {
		ranked = append(ranked, at)
	}
	slices.SortFunc(ranked, func(a, b place) int {
		return cmp.Or(cmp.Compare(scores[b], scores[a]), cmp.Compare(a.document, b.document), cmp.Compare(a.seq, b.seq))
	})
	var all []store.Passage
	var err error
	for _, at := range ranked {
		if len(all) == most {
			break
		}
		p, ok := known[at]
		if !ok {
			var missed error
			if p, missed = l.Store.Excerpt(ctx, org, at.document, at.seq); missed != nil {
				if !errors.Is(missed, store.ErrNotFound) { // else it has been removed a moment ago
					err = missed
				}
				continue
			}
		}
		p.Score = scores[at]
		all = append(all, p)
	}
	return all, err
}

// near are the chunks whose vectors are nearest to the question's. Documents whose vectors are not in memory are asked for, and left out.
func (l *Library) near(ctx context.Context, org, agent, question string) ([]place, error) {
	vectors, err := l.Embedder.Embed(ctx, []string{question})
	if err != nil {
		return nil, err
	}
	documents, err := l.Store.Documents(ctx, org, agent)
	if err != nil {
		return nil, err
	}
	if len(vectors) != 1 || len(vectors[0]) == 0 {
		return nil, errEmbedded
	}
	best, cold := l.vectors.nearest(documents, unit(vectors[0]), candidates)
	if cold {
		l.Warm(org, agent)
		err = knowledge.ErrCold
	}
	return best, err
}

// Warm has an agent's vectors read, soon, if Run runs: at the beginning of a call, so that its first question finds them. It does not wait.
func (l *Library) Warm(org, agent string) {
	l.setUp()
	if l.Embedder == nil {
		return
	}
	select {
	case l.wanted <- shelf{org, agent}:
	default: // many are waited for already; the next question asks again
	}
}

// Run reads vectors that are asked for, until ctx is done.
func (l *Library) Run(ctx context.Context) error {
	l.setUp()
	for {
		select {
		case s := <-l.wanted:
			if err := l.Load(ctx, s.org, s.agent); err != nil && ctx.Err() == nil {
				l.Log.Warn("vectors not read", "agent", s.agent, "error", err)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// Load reads an agent's vectors into memory, as far as they are not there.
func (l *Library) Load(ctx context.Context, org, agent string) error {
	l.setUp()
	if l.Embedder == nil {
		return nil
	}
	documents, err := l.Store.Documents(ctx, org, agent)
	if err != nil {
		return fmt.Errorf("load vectors: %w", err)
	}
	counts, err := l.Store.CountVectors(ctx, org, agent, l.Model)
	if err != nil {
		return fmt.Errorf("load vectors: %w", err)
	}
	for _, d := range documents {
		if l.vectors.has(d.ID, counts[d.ID]) {
			continue
		}
		rows := map[int][]float32{}
		if counts[d.ID] > 0 {
			if rows, err = l.Store.Vectors(ctx, org, d.ID, l.Model); err != nil {
				return fmt.Errorf("load vectors of %s: %w", d.Name, err)
			}
		}
		l.vectors.put(d.ID, newMatrix(rows))
	}
	return nil
}
