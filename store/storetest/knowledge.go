package storetest

import (
	"fmt"
	"strings"
	"testing"

	"parley/store"
)

func newDocument(org, name string) store.Document {
	return store.Document{ID: store.NewID(), Org: org, Name: name, Kind: "markdown", Title: "Title of " + name, Hash: "hash of " + name,
		Bytes: 1234, Created: start}
}

func newChunk(text string) store.Chunk {
	return store.Chunk{Place: "Place", Text: text, Words: strings.ToLower(strings.NewReplacer(".", "", ",", "").Replace(text))}
}

func testDocuments(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	ada := h.Setup.Agent.ID
	bo, err := s.CreateAgent(ctx, store.Agent{ID: store.NewID(), Org: h.Org, Name: "Bo", Created: start})
	ok(t, err)
	known := func(agent string, want ...store.Document) {
		t.Helper()
		got, err := s.Documents(ctx, h.Org, agent)
		ok(t, err)
		same(t, "documents", got, want)
	}
	known(ada, h.Document)
	known(bo.ID)

	fees := newDocument(h.Org, "fees.md")
	chunks := []store.Chunk{newChunk("A visit is 40 euros."), newChunk("A blood test is 25 euros.")}
	put, err := s.PutDocument(ctx, ada, fees, chunks, 100)
	ok(t, err)
	fees.Number, fees.Chunks = put.Number, 2
	same(t, "document", put, fees)
	known(ada, fees, h.Document)
	got, err := s.Chunks(ctx, h.Org, fees.ID)
	ok(t, err)
	same(t, "chunks", got, chunks)
	p, err := s.Excerpt(ctx, h.Org, fees.ID, 1)
	ok(t, err)
	same(t, "chunk", p, store.Passage{Document: fees.ID, Name: fees.Name, Title: fees.Title, Seq: 1, Place: "Place", Text: chunks[1].Text})
	_, err = s.Excerpt(ctx, h.Org, fees.ID, 2)
	is(t, err, store.ErrNotFound)

	// The same text for another agent is the same document; another text of that name is that agent's alone.
	again := newDocument(h.Org, "fees.md")
	put, err = s.PutDocument(ctx, bo.ID, again, nil, 100)
	ok(t, err)
	same(t, "document for another agent", put, fees)
	d, err := s.Directory(ctx)
	ok(t, err)
	same(t, "agents that know something", d.Knowing, []string{ada, bo.ID})
	again.Hash = "another"
	newer, err := s.PutDocument(ctx, bo.ID, again, chunks[:1], 100)
	ok(t, err)
	known(bo.ID, newer)
	known(ada, fees, h.Document)

	// What no agent knows is gone.
	ok(t, s.RemoveDocument(ctx, h.Org, ada, "fees.md"))
	is(t, s.RemoveDocument(ctx, h.Org, ada, "fees.md"), store.ErrNotFound)
	known(ada, h.Document)
	_, err = s.Chunks(ctx, h.Org, fees.ID)
	is(t, err, store.ErrNotFound)
	ok(t, s.DeleteAgent(ctx, h.Org, bo.ID))
	_, err = s.Chunks(ctx, h.Org, newer.ID)
	is(t, err, store.ErrNotFound)
	d, err = s.Directory(ctx)
	ok(t, err)
	same(t, "agents that still know something", d.Knowing, []string{ada})
}

func testDocumentsRefused(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	before, err := s.Revision(ctx)
	ok(t, err)
	two := []store.Chunk{newChunk("One."), newChunk("Two.")}
	_, err = s.PutDocument(ctx, store.NewID(), newDocument(h.Org, "a.md"), two, 100)
	is(t, err, store.ErrNotFound)
	_, err = s.PutDocument(ctx, h.Setup.Agent.ID, newDocument(h.Org, "a.md"), two, 2) // it knows one
	is(t, err, store.ErrConflict)
	replaced := newDocument(h.Org, h.Document.Name)
	replaced.Hash = "longer"
	put, err := s.PutDocument(ctx, h.Setup.Agent.ID, replaced, two, 2) // in its place
	ok(t, err)
	documents, err := s.Documents(ctx, h.Org, h.Setup.Agent.ID)
	ok(t, err)
	same(t, "documents", documents, []store.Document{put})
	if now, err := s.Revision(ctx); err != nil || now != before+1 {
		t.Errorf("revision %d after one change (%v), want %d", now, err, before+1)
	}
}

func testSearch(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	other, err := s.CreateAgent(ctx, store.Agent{ID: store.NewID(), Org: h.Org, Name: "Bo", Created: start})
	ok(t, err)
	texts := []string{"appointments are made by telephone", "the doctor sees children on mondays", "the doctor speaks spanish",
		"an appointment with the doctor takes ten minutes", "parking is free", "vaccinations for travel need an appointment"}
	var chunks []store.Chunk
	for _, x := range texts {
		chunks = append(chunks, newChunk(x))
	}
	d, err := s.PutDocument(ctx, other.ID, newDocument(h.Org, "clinic.txt"), chunks, 100)
	ok(t, err)
	find := func(agent string, most int, terms ...string) (found []int) {
		t.Helper()
		passages, err := s.Search(ctx, h.Org, agent, terms, most)
		ok(t, err)
		for i, p := range passages {
			if p.Document != d.ID || p.Name != d.Name || p.Title != d.Title || p.Text != texts[p.Seq] || p.Place != "Place" {
				t.Errorf("passage %+v", p)
			}
			if p.Score <= 0 || i > 0 && p.Score > passages[i-1].Score {
				t.Errorf("score %v after %v", p.Score, passages[max(i-1, 0)].Score)
			}
			found = append(found, p.Seq)
		}
		return found
	}
	same(t, "one word", find(other.ID, 9, "parking"), []int{4})
	same(t, "other endings", find(other.ID, 9, "vaccination", "parked"), []int{4, 5})
	same(t, "the rarer word first", find(other.ID, 2, "doctor", "spanish"), []int{2, 1})
	same(t, "both words before one", find(other.ID, 1, "doctor", "appointment"), []int{3})
	same(t, "words that are nowhere", find(other.ID, 9, "helicopter"), []int(nil))
	same(t, "no words", find(other.ID, 9), []int(nil))
	same(t, "what is no word", find(other.ID, 9, `"`, `free" OR "doctor`, "a:b", "", "*", "-", "parking"), []int{4})
	same(t, "another agent", find(h.Setup.Agent.ID, 9, "parking"), []int(nil))
	if passages, err := s.Search(ctx, store.NewID(), other.ID, []string{"parking"}, 9); err != nil || len(passages) > 0 {
		t.Errorf("another organisation finds %v (%v)", passages, err)
	}
	ok(t, s.RemoveDocument(ctx, h.Org, other.ID, d.Name))
	same(t, "a document that is gone", find(other.ID, 9, "parking"), []int(nil))
}

func testVectors(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	var chunks []store.Chunk
	for i := range 5 {
		chunks = append(chunks, newChunk(fmt.Sprint("chunk ", i)))
	}
	d, err := s.PutDocument(ctx, h.Setup.Agent.ID, newDocument(h.Org, "long.txt"), chunks, 100)
	ok(t, err)
	ok(t, s.PutVectors(ctx, h.Org, d.ID, "model", 0, [][]float32{{1, 2}, {3, 4}}))
	ok(t, s.PutVectors(ctx, h.Org, d.ID, "model", 1, [][]float32{{-0.25, 1e-30}, {5, 6}}))
	ok(t, s.PutVectors(ctx, h.Org, d.ID, "other", 0, [][]float32{{7}}))
	got, err := s.Vectors(ctx, h.Org, d.ID, "model")
	ok(t, err)
	same(t, "vectors", got, map[int][]float32{0: {1, 2}, 1: {-0.25, 1e-30}, 2: {5, 6}})
	counts, err := s.CountVectors(ctx, h.Org, h.Setup.Agent.ID, "model")
	ok(t, err)
	same(t, "counts", counts, map[string]int{d.ID: 3, h.Document.ID: 1})
	got, err = s.Vectors(ctx, h.Org, d.ID, "nobody")
	ok(t, err)
	same(t, "vectors of no model", got, map[int][]float32{})
	is(t, s.PutVectors(ctx, h.Org, d.ID, "model", 4, [][]float32{{1}, {2}}), store.ErrRefused)
	is(t, s.PutVectors(ctx, h.Org, d.ID, "model", -1, [][]float32{{1}}), store.ErrRefused)
	is(t, s.PutVectors(ctx, h.Org, store.NewID(), "model", 0, [][]float32{{1}}), store.ErrNotFound)
	ok(t, s.RemoveDocument(ctx, h.Org, h.Setup.Agent.ID, d.Name))
	got, err = s.Vectors(ctx, h.Org, d.ID, "model")
	ok(t, err)
	same(t, "vectors of a document that is gone", got, map[int][]float32{})
}
