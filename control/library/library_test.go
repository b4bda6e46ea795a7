package library_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/control/document"
	"parley/control/library"
	"parley/pipeline"
	"parley/pipeline/knowledge"
	"parley/store"
)

// A meaning is an embedder that knows that some words mean the same.
type meaning struct {
	calls  atomic.Int32
	fails  atomic.Bool
	hangs  atomic.Bool
	breaks atomic.Bool
	groups map[string]string // word -> what it means
}

func (m *meaning) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	m.calls.Add(1)
	if m.hangs.Load() {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	if m.breaks.Load() {
		panic("scripted panic")
	}
	if m.fails.Load() {
		return nil, errors.New("no such key")
	}
	all := make([][]float32, len(texts))
	for i, text := range texts {
		v := make([]float32, 64)
		v[0] = 0.01
		for _, w := range strings.Fields(strings.ToLower(text)) {
			w = strings.Trim(w, ".,:")
			if g := m.groups[w]; g != "" {
				w = g
			}
			h := fnv.New32()
			h.Write([]byte(w))
			v[1+h.Sum32()%63]++
		}
		all[i] = v
	}
	return all, nil
}

const zoo = "# Zoo\n## Cats\nOur felines sleep by day.\n## Birds\nThe parrots shout at noon.\n## Fish\nThe carp are fed at three.\n"

func TestAdd(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		ctx, m := t.Context(), &meaning{}
		l := &library.Library{Store: h}
		o := add(t, l, h, "zoo.md", []byte(zoo))
		if o.State != library.Added || o.Document.Chunks != 3 || o.Document.Title != "Zoo" || o.Vectors != 0 {
			t.Errorf("the first time: %+v", o)
		}
		if again := add(t, l, h, "zoo.md", []byte(zoo)); again.State != library.Unchanged || again.Document != o.Document {
			t.Errorf("the second time: %+v", again)
		}
		with := &library.Library{Store: h, Embedder: m, Model: "m"}
		var steps []string
		again, err := with.Add(ctx, h.org, h.agent, library.File{Name: "zoo.md", Data: []byte(zoo)}, document.Limits{}, func(step string, done, all int) {
			steps = append(steps, fmt.Sprint(step, done, all))
		})
		if err != nil || again.State != library.Unchanged || again.Vectors != 3 {
			t.Errorf("with an embedder: %+v, %v", again, err)
		}
		if diff := cmp.Diff([]string{"embedding0 3"}, steps); diff != "" {
			t.Errorf("progress (-want +got):\n%s", diff)
		}
		if add(t, with, h, "zoo.md", []byte(zoo)); m.calls.Load() != 1 {
			t.Errorf("vectors were made %d times", m.calls.Load())
		}
		if o = add(t, with, h, "zoo.md", []byte(zoo+"## Apes\nThey know you.\n")); o.State != library.Replaced || o.Document.Chunks != 4 || o.Vectors != 4 {
			t.Errorf("another text: %+v", o)
		}

		m.fails.Store(true)
		o, err = with.Add(ctx, h.org, h.agent, library.File{Name: "new.md", Data: []byte("Newts are here.")}, document.Limits{}, nil)
		if o.State != library.Added || err == nil || !strings.Contains(err.Error(), "no such key") || !strings.Contains(err.Error(), "added again") {
			t.Errorf("without vectors: %+v, %v", o, err)
		}
		m.fails.Store(false)
		if o = add(t, with, h, "new.md", []byte("Newts are here.")); o.State != library.Unchanged || o.Vectors != 1 {
			t.Errorf("the vectors later: %+v", o)
		}

		before, err := h.Documents(ctx, h.org, h.agent)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range []library.File{{Name: "x.docx", Data: []byte("x")}, {Name: "", Data: []byte("x")}, {Name: "a\nb", Data: []byte("x")}, {Name: strings.Repeat("x", 256)}, {Name: "zoo.md"}} {
			if o, err := l.Add(ctx, h.org, h.agent, f, document.Limits{}, nil); err == nil || o.State != "" {
				t.Errorf("%.20q: %+v, %v", f.Name, o, err)
			}
		}
		if _, err := l.Add(ctx, h.org, store.NewID(), library.File{Name: "x.md", Data: []byte("x")}, document.Limits{}, nil); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("for no agent: %v", err)
		}
		after, err := h.Documents(ctx, h.org, h.agent)
		if diff := cmp.Diff(before, after); diff != "" || err != nil {
			t.Errorf("what was refused has changed something (%v):\n%s", err, diff)
		}
	})
}

func TestLookByMeaning(t *testing.T) {
	each(t, func(t *testing.T, h house) {
		ctx, m := t.Context(), &meaning{groups: map[string]string{"kittens": "cat", "felines": "cat", "cats": "cat"}}
		l := &library.Library{Store: h, Embedder: m, Model: "m"}
		add(t, l, h, "zoo.md", []byte(zoo))
		look := func(question string) (places []string, err error) {
			found, err := l.Look(ctx, h.org, h.agent, question, 2)
			for _, p := range found {
				places = append(places, p.Place)
			}
			return places, err
		}
		if got, err := look("parrots"); !errors.Is(err, knowledge.ErrCold) || cmp.Diff([]string{"Birds"}, got) != "" {
			t.Errorf("before vectors are read, found %v, %v; want Birds by its words", got, err)
		}
		if err := l.Load(ctx, h.org, h.agent); err != nil {
			t.Fatal(err)
		}
		if got, err := look("kittens"); err != nil || len(got) != 2 || got[0] != "Cats" {
			t.Errorf("by meaning, found %v, %v", got, err)
		}
		if got, err := look("parrots"); err != nil || len(got) != 2 || got[0] != "Birds" {
			t.Errorf("by both, found %v, %v", got, err)
		}
		if got, err := look("um hello yes"); err != nil || got != nil {
			t.Errorf("for no question, found %v, %v", got, err)
		}
		m.fails.Store(true)
		if got, err := look("parrots"); err == nil || cmp.Diff([]string{"Birds"}, got) != "" {
			t.Errorf("without the endpoint, found %v, %v", got, err)
		}
		m.breaks.Store(true)
		if got, err := look("parrots"); err == nil || cmp.Diff([]string{"Birds"}, got) != "" {
			t.Errorf("with an endpoint that panics, found %v, %v", got, err)
		}
		m.breaks.Store(false)
		m.hangs.Store(true)
		late, cancel := context.WithTimeout(ctx, 5*time.Second) // long enough for a busy database
		defer cancel()
		found, err := l.Look(late, h.org, h.agent, "parrots", 2)
		if !errors.Is(err, context.DeadlineExceeded) || len(found) != 1 || found[0].Place != "Birds" {
			t.Errorf("with an endpoint that hangs, found %v, %v", found, err)
		}
		m.hangs.Store(false)
		m.fails.Store(false)
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := look("parrots"); !errors.Is(err, store.ErrUnavailable) || got != nil {
			t.Errorf("without the database, found %v, %v", got, err)
		}
	})
}

// TestWarm: what a question finds cold is read beside it, by Run.
func TestWarm(t *testing.T) {
	t.Parallel()
	h := sqlite(t)
	l := &library.Library{Store: h, Embedder: &meaning{groups: map[string]string{"kittens": "cat", "felines": "cat"}}, Model: "m"}
	add(t, l, h, "zoo.md", []byte(zoo))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	l.Warm(h.org, h.agent)
	d := library.Desk{Library: l, Org: h.org, Agent: h.agent}
	for {
		found, err := d.Look(ctx, "kittens")
		if err == nil {
			want := knowledge.Passage{Source: pipeline.Source{Document: "zoo.md", Place: "Cats"}, Text: "Our felines sleep by day."}
			if len(found) == 0 || found[0] != want {
				t.Errorf("found %v, want %v first", found, want)
			}
			break
		}
		if !errors.Is(err, knowledge.ErrCold) {
			t.Fatal(err)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestVectorsAreBounded: memory holds the documents that were asked for last.
func TestVectorsAreBounded(t *testing.T) {
	t.Parallel()
	h := sqlite(t)
	l := &library.Library{Store: h, Embedder: &meaning{}, Model: "m", Memory: 1000} // a document takes 4 * 64 + 72
	for i := range 6 {
		add(t, l, h, fmt.Sprintf("%d.txt", i), fmt.Appendf(nil, "This is about topic%d alone.", i))
	}
	if err := l.Load(t.Context(), h.org, h.agent); err != nil {
		t.Fatal(err)
	}
	found, err := l.Look(t.Context(), h.org, h.agent, "topic5", 9)
	if !errors.Is(err, knowledge.ErrCold) || len(found) != 3 || found[0].Name != "5.txt" {
		t.Errorf("found %v, %v; want three of them, the sixth first", found, err)
	}
}

// TestRudeFiles: whatever is added, the library goes on.
func TestRudeFiles(t *testing.T) {
	t.Parallel()
	h := sqlite(t)
	l := &library.Library{Store: h}
	guide, err := os.ReadFile(filepath.Join("testdata", "clinic", "guide.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		rude := append([]byte(nil), guide...)
		for j := i * 7; j < len(rude); j += 97 + i {
			rude[j] ^= 0xff
		}
		_, _ = l.Add(t.Context(), h.org, h.agent, library.File{Name: fmt.Sprint(i, ".pdf"), Data: rude}, document.Limits{}, nil) // either way
	}
	add(t, l, h, "guide.pdf", guide)
	if found, err := l.Look(t.Context(), h.org, h.agent, "whom do I write complaints to", 9); err != nil || len(found) == 0 {
		t.Errorf("found %v, %v", found, err)
	}
}
