package voice

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"parley/control/access"
	"parley/control/document"
	"parley/control/envelope"
	"parley/control/library"
	"parley/store"
)

// MostUpload is how many bytes an upload of a document may have: the largest document, and the form around it.
const MostUpload = document.MostBytes + 64<<10

// reading is how many documents are read at once on a node: PDF takes a process, and calls need the processors more.
const reading = 2

// Knowledge handles /agents/{id}/knowledge: what agents know from documents.
type Knowledge struct {
	Agents  store.Agents
	Library *library.Library
	Changed func(ctx context.Context) // called after each change; may be nil
	Log     *slog.Logger

	turns chan struct{} // one for each document that is being read
}

// NewKnowledge makes the handler ready.
func NewKnowledge(k Knowledge) *Knowledge {
	k.turns = make(chan struct{}, reading)
	return &k
}

// AgentDocument is a document that an agent knows, as the API shows it.
type AgentDocument struct {
	ID        string        `json:"id" format:"uuid"`
	Number    int64         `json:"number" doc:"Its second id, a number." example:"1"`
	Name      string        `json:"name" doc:"The file's. An agent knows one document of each name." example:"prices.pdf"`
	Kind      string        `json:"kind" enum:"text,markdown,html,pdf" example:"pdf"`
	Title     string        `json:"title" example:"Prices"`
	Bytes     int64         `json:"bytes" doc:"Of the file." example:"48213"`
	Chunks    int           `json:"chunks" doc:"The passages that it was cut into." example:"31"`
	Vectors   int           `json:"vectors" doc:"How many of its passages have a vector; 0 where none are made." example:"0"`
	CreatedAt envelope.Time `json:"created_at"`

	State   string  `json:"state,omitempty" enum:"added,replaced,unchanged" doc:"Of an upload: what came of it. Unchanged: the agent knows this very file already."`
	Warning *string `json:"warning,omitempty" doc:"Of an upload: what is missing though the document is known."`
}

func showDocument(d store.Document, vectors int) AgentDocument {
	return AgentDocument{
		ID: d.ID, Number: d.Number, Name: d.Name, Kind: d.Kind, Title: d.Title, Bytes: d.Bytes, Chunks: d.Chunks, Vectors: vectors,
		CreatedAt: envelope.Time(d.Created),
	}
}

// agent finds the agent that a path names.
func (h *Knowledge) agent(ctx context.Context, in envelope.ID) (store.Agent, error) {
	id, err := envelope.Canonical(in.ID, "agent")
	if err != nil {
		return store.Agent{}, err
	}
	a, err := h.Agents.Agent(ctx, access.Org(ctx), id)
	return a, noAgent(err)
}

// ListKnowledge is what GET /agents/{id}/knowledge asks.
type ListKnowledge struct {
	envelope.ID
	envelope.Page
}

// List handles GET /agents/{id}/knowledge.
func (h *Knowledge) List(ctx context.Context, in *ListKnowledge) (*envelope.Many[AgentDocument], error) {
	a, err := h.agent(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	all, err := h.documents(ctx, a)
	if err != nil {
		return nil, err
	}
	from := min(in.Offset, len(all))
	to := min(from+in.Limit, len(all))
	return envelope.List(ctx, all[from:to], int64(len(all)), in.Limit, in.Offset), nil
}

// documents are all that an agent knows, by name.
func (h *Knowledge) documents(ctx context.Context, a store.Agent) ([]AgentDocument, error) {
	known, err := h.Library.Store.Documents(ctx, a.Org, a.ID)
	if err != nil {
		return nil, fmt.Errorf("list documents: %w", err)
	}
	vectors, err := h.Library.Store.CountVectors(ctx, a.Org, a.ID, h.Library.Model)
	if err != nil {
		return nil, fmt.Errorf("count vectors: %w", err)
	}
	all := make([]AgentDocument, len(known))
	for i, d := range known {
		all[i] = showDocument(d, vectors[d.ID])
	}
	return all, nil
}

// KnownDocument is what a path to one document asks.
type KnownDocument struct {
	envelope.ID
	Document string `path:"document" doc:"The document's id, a UUID."`
}

// document finds the document that a path names among those that the agent knows.
func (h *Knowledge) document(ctx context.Context, in *KnownDocument) (store.Agent, AgentDocument, error) {
	a, err := h.agent(ctx, in.ID)
	if err != nil {
		return a, AgentDocument{}, err
	}
	id, err := envelope.Canonical(in.Document, "document")
	if err != nil {
		return a, AgentDocument{}, err
	}
	all, err := h.documents(ctx, a)
	for _, d := range all {
		if d.ID == id {
			return a, d, nil
		}
	}
	if err == nil {
		err = envelope.Missing("no such document")
	}
	return a, AgentDocument{}, err
}

// Get handles GET /agents/{id}/knowledge/{document}.
func (h *Knowledge) Get(ctx context.Context, in *KnownDocument) (*envelope.One[AgentDocument], error) {
	_, d, err := h.document(ctx, in)
	if err != nil {
		return nil, err
	}
	return envelope.Give(ctx, d), nil
}

// Remove handles DELETE /agents/{id}/knowledge/{document}.
func (h *Knowledge) Remove(ctx context.Context, in *KnownDocument) (*envelope.One[Deleted], error) {
	a, d, err := h.document(ctx, in)
	if err != nil {
		return nil, err
	}
	if err := h.Library.Store.RemoveDocument(ctx, a.Org, a.ID, d.Name); errors.Is(err, store.ErrNotFound) {
		return nil, envelope.Missing("no such document")
	} else if err != nil {
		return nil, fmt.Errorf("remove document: %w", err)
	}
	h.changed(ctx)
	return envelope.Give(ctx, Deleted{ID: d.ID, Deleted: true}), nil
}

func (h *Knowledge) changed(ctx context.Context) {
	if h.Changed != nil {
		h.Changed(ctx)
	}
}

// SearchKnowledge is what POST /agents/{id}/knowledge/search asks.
type SearchKnowledge struct {
	envelope.ID
	Body KnowledgeQuestion
}

// KnowledgeQuestion is the body of POST /agents/{id}/knowledge/search.
type KnowledgeQuestion struct {
	Question string `json:"question" minLength:"1" maxLength:"1000" doc:"What a caller might say." example:"how much is a sick note"`
	Limit    int    `json:"limit,omitempty" minimum:"1" maximum:"20" default:"5" doc:"How many passages."`
}

// A Passage is what a model would be offered.
type Passage struct {
	Score      float64 `json:"score" doc:"Higher is better; only those of one answer can be compared." example:"4.2"`
	Document   string  `json:"document" doc:"Its name." example:"fees.html"`
	DocumentID string  `json:"document_id" format:"uuid"`
	Place      string  `json:"place" doc:"Its headings and page; empty: the whole." example:"Fees > Letters"`
	Text       string  `json:"text"`
}

// Found is what was found for a question, best first.
type Found struct {
	Passages []Passage `json:"passages" nullable:"false"`
	Took     int64     `json:"took_ms" doc:"How long it took, in milliseconds." example:"7"`
	Warning  *string   `json:"warning" doc:"Why not all could be searched; null: all was."`
}

// Search handles POST /agents/{id}/knowledge/search.
func (h *Knowledge) Search(ctx context.Context, in *SearchKnowledge) (*envelope.One[Found], error) {
	a, err := h.agent(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	err = h.Library.Load(ctx, a.Org, a.ID)
	if err != nil {
		return nil, err
	}
	passages, err := h.Library.Look(ctx, a.Org, a.ID, in.Body.Question, in.Body.Limit)
	if errors.Is(err, store.ErrUnavailable) && len(passages) == 0 {
		return nil, err
	}
	f := Found{Passages: make([]Passage, len(passages)), Took: time.Since(began).Milliseconds()}
	for i, p := range passages {
		f.Passages[i] = Passage{p.Score, p.Name, p.Document, p.Place, p.Text}
	}
	if err != nil {
		h.Log.WarnContext(ctx, "knowledge not searched in full", "agent", a.ID, "error", err)
		f.Warning = new("not all could be searched: the vectors, or the text search, did not answer")
	}
	return envelope.Give(ctx, f), nil
}
