package library_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/control/library"
	"parley/store"
)

// vocabulary makes text in which words are as unevenly common as in a language (Zipf).
type vocabulary struct {
	r *rand.Rand
	z *rand.Zipf
}

func newVocabulary() vocabulary {
	r := rand.New(rand.NewPCG(1, 2))
	return vocabulary{r, rand.NewZipf(r, 1.1, 4, 20_000)}
}

// text is of so many words; those commoner than common are left out, as they are of questions.
func (v vocabulary) text(words int, common uint64) string {
	var b strings.Builder
	for words > 0 {
		if w := v.z.Uint64(); w >= common {
			fmt.Fprintf(&b, "word%x ", w)
			words--
		}
	}
	return strings.TrimSpace(b.String())
}

// stock gives an agent documents of so many chunks in all, of 160 words each.
func stock(tb testing.TB, h house, agent string, chunks int, v vocabulary) {
	tb.Helper()
	for i := 0; i < chunks; i += 500 {
		var some []store.Chunk
		for range 500 {
			t := v.text(160, 0)
			some = append(some, store.Chunk{Place: "Place", Text: t, Words: t})
		}
		d := store.Document{ID: store.NewID(), Org: h.org, Name: fmt.Sprint("document ", i), Kind: "text", Hash: fmt.Sprint(agent, i), Created: time.Now()}
		if _, err := h.PutDocument(tb.Context(), agent, d, some, 1<<20); err != nil {
			tb.Fatal(err)
		}
	}
}

// BenchmarkLook: a question of some words that tell something, of an agent with 5,000 chunks (5 MB), beside 20,000 chunks of others.
func BenchmarkLook(b *testing.B) {
	for _, c := range []struct {
		name string
		open func() house
	}{{"SQLite", func() house { return sqlite(b) }}, {"Postgres", func() house { return open(b, postgres.URL(b)) }}} {
		b.Run(c.name, func(b *testing.B) {
			h, v := c.open(), newVocabulary()
			other, err := h.CreateAgent(b.Context(), store.Agent{ID: store.NewID(), Org: h.org, Name: "Bo", Created: time.Now()})
			if err != nil {
				b.Fatal(err)
			}
			stock(b, h, other.ID, 20_000, v)
			stock(b, h, h.agent, 5000, v)
			l := &library.Library{Store: h}
			for _, words := range []int{5, 15} {
				b.Run(fmt.Sprint(words, "-words"), func(b *testing.B) {
					var took []time.Duration
					for b.Loop() {
						question := v.text(words, 50)
						began := time.Now()
						if p, err := l.Look(b.Context(), h.org, h.agent, question, 6); err != nil || len(p) == 0 {
							b.Fatal(len(p), err)
						}
						took = append(took, time.Since(began))
					}
					slices.Sort(took)
					b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
					b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
				})
			}
		})
	}
}

// still is an embedder that knows one vector.
type still []float32

func (s still) Embed(_ context.Context, texts []string) ([][]float32, error) {
	return slices.Repeat([][]float32{s}, len(texts)), nil
}

// BenchmarkVectors: the nearest of 5,000 vectors of 1,536 numbers, which are in memory.
func BenchmarkVectors(b *testing.B) {
	h, r := sqlite(b), rand.New(rand.NewPCG(1, 2))
	random := func() []float32 {
		v := make([]float32, 1536)
		for i := range v {
			v[i] = float32(r.NormFloat64() / math.Sqrt(1536))
		}
		return v
	}
	stock(b, h, h.agent, 5000, newVocabulary())
	l := &library.Library{Store: h, Embedder: still(random()), Model: "m"}
	documents, err := h.Documents(b.Context(), h.org, h.agent)
	if err != nil {
		b.Fatal(err)
	}
	for _, d := range documents {
		vectors := make([][]float32, d.Chunks)
		for i := range vectors {
			vectors[i] = random()
		}
		if err := h.PutVectors(b.Context(), h.org, d.ID, "m", 0, vectors); err != nil {
			b.Fatal(err)
		}
	}
	began := time.Now()
	if err := l.Load(b.Context(), h.org, h.agent); err != nil {
		b.Fatal(err)
	}
	loaded := time.Since(began)
	for b.Loop() {
		if p, err := l.Look(b.Context(), h.org, h.agent, "nothingofthesort", 6); err != nil || len(p) != 6 {
			b.Fatal(len(p), err)
		}
	}
	b.ReportMetric(float64(loaded.Milliseconds()), "load-ms")
}
