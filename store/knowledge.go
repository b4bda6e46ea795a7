package store

import (
	"context"
	"time"
)

// A Document is a file of an organisation that agents know. It never changes: another text is another document, with an id of its own.
// A document that no agent knows any more is gone.
type Document struct {
	ID      string
	Number  int64
	Org     string
	Name    string // the file's, as people know it; an agent knows one document of each name
	Kind    string // text, markdown, html, pdf
	Title   string
	Hash    string // of what the chunks were made of, and how
	Bytes   int64  // of the file
	Chunks  int
	Created time.Time
}

// A Chunk is a stretch of a document: what is found, and what a model is shown.
type Chunk struct {
	Place string // where in the document: its headings ("Fees > Blood tests"), its page ("page 3"), or both; empty: the whole
	Text  string
	Words string // what full-text search looks at: folded words with spaces between them
}

// A Passage is a chunk that was found.
type Passage struct {
	Document string // its id
	Name     string
	Title    string
	Seq      int // place of the chunk in its document, from 0
	Place    string
	Text     string
	Score    float64 // higher is better; only passages of one answer can be compared
}

// A Lookup is what was looked up in an agent's knowledge for a turn, and what of it the model was offered.
type Lookup struct {
	Took    time.Duration `json:"took"`
	Sources []Source      `json:"sources,omitempty"` // best first
	Error   string        `json:"error,omitempty"`   // why there is nothing, or not all: late, failed, ...
}

// A Source is where a passage came from.
type Source struct {
	Document string `json:"document"` // its name
	Place    string `json:"place,omitempty"`
}

// Knowledge is what agents know from files.
type Knowledge interface {
	// PutDocument keeps a document and lets an agent know it, in place of the one of the same name that it knew. If the organisation has
	// one of that name and hash already, that one is taken, and chunks are not looked at. ErrNotFound if there is no such agent;
	// ErrConflict if the agent would know more than most chunks in all.
	PutDocument(ctx context.Context, agent string, d Document, chunks []Chunk, most int) (Document, error)
	// RemoveDocument lets an agent forget the document of that name; ErrNotFound if it knows none.
	RemoveDocument(ctx context.Context, org, agent, name string) error
	Documents(ctx context.Context, org, agent string) ([]Document, error)        // by name
	Chunks(ctx context.Context, org, document string) ([]Chunk, error)           // by Seq; ErrNotFound if there is no such document
	Excerpt(ctx context.Context, org, document string, seq int) (Passage, error) // one chunk, with Score 0

	// Search finds the chunks of an agent that hold any of the terms, best first: the more of them, and the rarer among the agent's
	// chunks, the better. Terms are single folded words; both databases take English endings off them.
	Search(ctx context.Context, org, agent string, terms []string, most int) ([]Passage, error)

	// PutVectors keeps what a model made of chunks of a document, the first of which is chunk from.
	PutVectors(ctx context.Context, org, document, model string, from int, vectors [][]float32) error
	// Vectors are those of a document, by Seq; a chunk that has none is missing. None at all is no error.
	Vectors(ctx context.Context, org, document, model string) (map[int][]float32, error)
	// CountVectors says how many chunks of each of an agent's documents have a vector of a model; documents with none are missing.
	CountVectors(ctx context.Context, org, agent, model string) (map[string]int, error)
}
