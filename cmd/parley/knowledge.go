package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"parley/control/document"
	"parley/control/library"
	"parley/pipeline"
	"parley/pipeline/knowledge"
	"parley/providers/openai"
	"parley/store"
	"parley/store/sql"
)

// openAI is the server of a language model, and its key.
type openAI struct {
	OpenAIKey     string `name:"openai-api-key" help:"Key of the language model." var:"OPENAI_API_KEY"`
	OpenAIBaseURL string `name:"openai-base-url" help:"Any OpenAI-compatible server, such as http://localhost:11434/v1. Empty: OpenAI's own, if there is a key." var:"OPENAI_BASE_URL"`
}

// embeddings is where vectors of documents and questions are made.
type embeddings struct {
	EmbeddingsModel   string `help:"Model that makes vectors of documents and questions, such as text-embedding-3-small. Empty: words alone are searched." var:"PARLEY_EMBEDDINGS_MODEL"`
	EmbeddingsBaseURL string `name:"embeddings-base-url" help:"Its OpenAI-compatible server. Empty: the language model's." var:"PARLEY_EMBEDDINGS_BASE_URL"`
	EmbeddingsKey     string `name:"embeddings-api-key" help:"Its key. Empty: the language model's, if it is the same server." var:"PARLEY_EMBEDDINGS_API_KEY"`
}

// embedder makes vectors; nil if no model for them is named.
func (e embeddings) embedder(o openAI) (*openai.Client, error) {
	if e.EmbeddingsModel == "" {
		return nil, nil
	}
	c := &openai.Client{BaseURL: e.EmbeddingsBaseURL, Key: e.EmbeddingsKey, Model: e.EmbeddingsModel}
	if c.BaseURL == "" || c.BaseURL == o.OpenAIBaseURL { // a key goes to no other server
		c.BaseURL = o.OpenAIBaseURL
		if c.Key == "" {
			c.Key = o.OpenAIKey
		}
	}
	if err := c.Check(); err != nil {
		return nil, usageError{fmt.Errorf("embeddings: %w", err)}
	}
	return c, nil
}

// library is what agents know.
func (e embeddings) library(s store.Knowledge, c *openai.Client, log *slog.Logger) *library.Library {
	l := &library.Library{Store: s, Model: e.EmbeddingsModel, Log: log}
	if c != nil {
		l.Embedder = c
	}
	return l
}

// informed lets the model of a call know what its agent does. It asks nothing of the database.
func (s *server) informed(call string, row store.Agent) informed {
	return func(model pipeline.Responder) pipeline.Responder {
		if s.cfg.KnowledgeBudget == 0 || !s.office.directory.Knows(row.ID) {
			return model
		}
		s.office.library.Warm(row.Org, row.ID)
		return knowledge.Responder(model, knowledge.Options{
			Librarian: library.Desk{Library: s.office.library, Org: row.Org, Agent: row.ID},
			Budget:    s.cfg.KnowledgeBudget, Tokens: s.cfg.KnowledgeTokens,
			Failed: func(err error) { s.log.Warn("knowledge not searched", "call", call, "agent", row.ID, "error", err) },
		})
	}
}

// knowledgeCmd keeps what agents know from files. It works on the database; a server heeds it with the next call, within a second or two.
type knowledgeCmd struct {
	Add    knowledgeAddCmd    `cmd:"" help:"Let an agent know files: text, Markdown, HTML, PDF. One of the same name takes the place of the one before."`
	List   knowledgeListCmd   `cmd:"" help:"List the documents that an agent knows."`
	Remove knowledgeRemoveCmd `cmd:"" help:"Let an agent forget documents."`
	Search knowledgeSearchCmd `cmd:"" help:"Show what a model would be offered for a question."`
}

// reading is what the commands that use vectors have in common.
type reading struct {
	desk
	openAI
	embeddings

	Agent string `arg:"" help:"Id or name of the agent."`
}

// at runs f at an agent's shelf.
func (r *reading) at(ctx context.Context, con console, f func(*library.Library, store.Agent) error) error {
	e, err := r.embedder(r.openAI)
	if err != nil {
		return err
	}
	if e != nil {
		defer e.Close()
	}
	return r.with(ctx, con, func(s *sql.Store) error {
		a, err := agentOf(ctx, s, r.Org, r.Agent)
		if err != nil {
			return err
		}
		return f(r.library(s, e, newLogger("warn", "text", con.err)), a)
	})
}

type knowledgeAddCmd struct {
	reading
	Files []string `arg:"" help:"Files. The name without its folder is what the document is called." type:"path"`
}

// A documentRow is what is shown of a document.
type documentRow struct {
	ID      string    `json:"id"`
	Number  int64     `json:"number"`
	Name    string    `json:"name"`
	Kind    string    `json:"kind"`
	Title   string    `json:"title"`
	Bytes   int64     `json:"bytes"`
	Chunks  int       `json:"chunks"`
	Vectors int       `json:"vectors"`
	Created time.Time `json:"created_at"`
	State   string    `json:"state,omitempty"` // of add: added, replaced, unchanged, failed
	Error   string    `json:"error,omitempty"`
}

func newDocumentRow(d store.Document) documentRow {
	return documentRow{ID: d.ID, Number: d.Number, Name: d.Name, Kind: d.Kind, Title: d.Title, Bytes: d.Bytes, Chunks: d.Chunks, Created: d.Created}
}

// Run adds files, one after the other. What cannot be added is told and leaves the others alone.
func (c *knowledgeAddCmd) Run(ctx context.Context, con console) error {
	return c.at(ctx, con, func(l *library.Library, a store.Agent) error {
		var all []documentRow
		failed := 0
		for _, path := range c.Files {
			row, err := c.add(ctx, con, l, a, path)
			if err != nil {
				failed++
				row.Error = err.Error()
				fmt.Fprintf(con.err, "parley: %s: %v\n", path, err)
			}
			if all = append(all, row); ctx.Err() != nil {
				return context.Cause(ctx)
			}
		}
		rows := make([][]string, len(all))
		for i, r := range all {
			rows[i] = []string{r.Name, r.State, r.Kind, fmt.Sprint(r.Chunks), r.Title}
		}
		if err := c.show(con.out, all, []string{"DOCUMENT", "STATE", "KIND", "CHUNKS", "TITLE"}, rows); err != nil {
			return err
		}
		if failed > 0 {
			return fmt.Errorf("%d of %d files were not added in full", failed, len(c.Files))
		}
		return nil
	})
}

// add adds one file.
func (c *knowledgeAddCmd) add(ctx context.Context, con console, l *library.Library, a store.Agent, path string) (documentRow, error) {
	f := library.File{Name: filepath.Base(path)}
	row := documentRow{Name: f.Name, State: "failed"}
	var err error
	if f.Data, err = readFile(path, document.MostBytes); err != nil {
		return row, err
	}
	tell := progress{w: con.err, name: f.Name}
	o, err := l.Add(ctx, c.Org, a.ID, f, document.Limits{}, tell.step)
	if o.State != "" {
		row = newDocumentRow(o.Document)
		row.State, row.Vectors = string(o.State), o.Vectors
	}
	return row, err
}

// readFile reads a file that is not larger than a document may be.
func readFile(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, pe.Err // its path is said by others
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if i, err := f.Stat(); err != nil {
		return nil, err
	} else if i.IsDir() {
		return nil, errors.New("it is a folder: name the files in it")
	}
	return io.ReadAll(io.LimitReader(f, most+1)) // one more: Add says that it is too big
}

// progress tells of work that takes more than a moment.
type progress struct {
	w     io.Writer
	name  string
	began time.Time
	told  time.Time
}

const moment = 2 * time.Second

func (p *progress) step(step string, done, all int) {
	now := time.Now()
	if p.began.IsZero() {
		p.began, p.told = now, now
	}
	if now.Sub(p.told) < moment {
		return
	}
	p.told = now
	if all == 0 {
		fmt.Fprintf(p.w, "%s: %s\n", p.name, step)
		return
	}
	fmt.Fprintf(p.w, "%s: %s, %d of %d chunks\n", p.name, step, done, all)
}

type knowledgeListCmd struct {
	reading
}

// Run lists documents by name.
func (c *knowledgeListCmd) Run(ctx context.Context, con console) error {
	return c.at(ctx, con, func(l *library.Library, a store.Agent) error {
		documents, err := l.Store.Documents(ctx, c.Org, a.ID)
		if err != nil {
			return err
		}
		counts, err := l.Store.CountVectors(ctx, c.Org, a.ID, c.EmbeddingsModel)
		if err != nil {
			return err
		}
		all, rows := make([]documentRow, len(documents)), make([][]string, len(documents))
		for i, d := range documents {
			all[i] = newDocumentRow(d)
			all[i].Vectors = counts[d.ID]
			rows[i] = []string{d.Name, d.Kind, fmt.Sprint(d.Chunks), fmt.Sprint(counts[d.ID]), d.Created.Local().Format(time.DateTime), d.Title}
		}
		return c.show(con.out, all, []string{"DOCUMENT", "KIND", "CHUNKS", "VECTORS", "ADDED", "TITLE"}, rows)
	})
}

type knowledgeRemoveCmd struct {
	desk
	Agent     string   `arg:"" help:"Id or name of the agent."`
	Documents []string `arg:"" help:"Names of documents, as parley knowledge list shows them."`
}

// Run lets an agent forget documents. A name that it does not know is told and leaves the others alone.
func (c *knowledgeRemoveCmd) Run(ctx context.Context, con console) error {
	return c.with(ctx, con, func(s *sql.Store) error {
		a, err := agentOf(ctx, s, c.Org, c.Agent)
		if err != nil {
			return err
		}
		var failed []error
		for _, name := range c.Documents {
			if err := s.RemoveDocument(ctx, c.Org, a.ID, name); err != nil {
				if errors.Is(err, store.ErrNotFound) {
					err = usageError{fmt.Errorf("%s knows no such document; `parley knowledge list` shows what it knows", a.Name)}
				}
				failed = append(failed, fmt.Errorf("%s: %w", name, err))
				continue
			}
			fmt.Fprintf(con.out, "%s no longer knows %s\n", a.Name, name)
		}
		return errors.Join(failed...)
	})
}

type knowledgeSearchCmd struct {
	reading
	Question []string `arg:"" help:"What a caller might say."`
	Most     int      `help:"How many passages." default:"5"`
}

// A passageRow is what is shown of a passage.
type passageRow struct {
	Score    float64 `json:"score"`
	Document string  `json:"document"`
	Place    string  `json:"place"`
	Text     string  `json:"text"`
}

// Run shows passages, best first.
func (c *knowledgeSearchCmd) Run(ctx context.Context, con console) error {
	if c.Most < 1 {
		return usageError{fmt.Errorf("--most is %d: want 1 or more", c.Most)}
	}
	return c.at(ctx, con, func(l *library.Library, a store.Agent) error {
		if err := l.Load(ctx, c.Org, a.ID); err != nil {
			return err
		}
		began := time.Now()
		found, err := l.Look(ctx, c.Org, a.ID, strings.Join(c.Question, " "), c.Most)
		took := time.Since(began)
		if err != nil {
			fmt.Fprintf(con.err, "parley: not all could be searched: %v\n", err)
			if len(found) == 0 {
				return err
			}
		}
		all := make([]passageRow, len(found))
		for i, p := range found {
			all[i] = passageRow{p.Score, p.Name, p.Place, p.Text}
		}
		if c.JSON {
			return c.show(con.out, all, nil, nil)
		}
		for i, p := range all {
			fmt.Fprintf(con.out, "%d. %s  (score %.3f)\n   %s\n\n", i+1, where(p.Document, p.Place), p.Score, strings.ReplaceAll(p.Text, "\n", "\n   "))
		}
		fmt.Fprintf(con.out, "%d passages in %v\n", len(all), took.Round(100*time.Microsecond))
		return nil
	})
}

// where is a source as people read it.
func where(document, place string) string {
	if place == "" {
		return document
	}
	return document + ", " + place
}
