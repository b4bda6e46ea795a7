package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"parley/control"
	"parley/control/document"
	"parley/control/library"
	"parley/pipeline"
	"parley/pipeline/knowledge"
	"parley/providers/openai"
	"parley/store"
	"parley/store/sql"
)

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

// knowledgeCmd keeps what agents know from files. By the API of a server, or on its database, where a server
// heeds it with the next call, within a second or two.
type knowledgeCmd struct {
	Add    knowledgeAddCmd    `cmd:"" help:"Let an agent know files: text, Markdown, HTML, PDF. One of the same name takes the place of the one before."`
	List   knowledgeListCmd   `cmd:"" help:"List the documents that an agent knows."`
	Remove knowledgeRemoveCmd `cmd:"" help:"Let an agent forget documents."`
	Search knowledgeSearchCmd `cmd:"" help:"Show what a model would be offered for a question."`
}

// reading is what the commands that use vectors have in common. A server has its own model for them.
type reading struct {
	teller
	openAI
	embeddings

	Agent string `arg:"" help:"Id or name of the agent."`
}

// at runs f at an agent's shelf: the API's path of what the agent knows.
func (r *reading) at(ctx context.Context, con console, f func(a *api, path string) error) error {
	var e *openai.Client
	if !r.remote() {
		var err error
		if e, err = r.embedder(r.openAI); err != nil {
			return err
		}
		if e != nil {
			defer e.Close()
		}
	}
	fit := func(s *sql.Store, o *control.Options) { o.Library = r.library(s, e, o.Log) }
	return r.reach(ctx, con, fit, func(a *api) error {
		_, path, err := agentAt(ctx, a, r.Agent)
		if err != nil {
			return err
		}
		return f(a, path+"/knowledge")
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

// Run adds files, one after the other. What cannot be added is told and leaves the others alone.
func (c *knowledgeAddCmd) Run(ctx context.Context, con console) error {
	return c.at(ctx, con, func(a *api, path string) error {
		var all []documentRow
		failed := 0
		for _, file := range c.Files {
			row, err := c.add(ctx, con, a, path, file)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil {
				failed++
				row.Error = err.Error()
				fmt.Fprintf(con.err, "parley: %s: %v\n", file, err)
			}
			all = append(all, row)
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
func (c *knowledgeAddCmd) add(ctx context.Context, con console, a *api, path, file string) (documentRow, error) {
	row := documentRow{Name: filepath.Base(file), State: "failed"}
	data, err := readFile(file, document.MostBytes)
	if err != nil {
		return row, err
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", row.Name)
	if err == nil {
		_, err = part.Write(data)
	}
	if err = errors.Join(err, form.Close()); err != nil {
		return row, err
	}
	if terminal(con.err) {
		fmt.Fprintf(con.err, "%s is being read\n", row.Name)
	}
	told := struct {
		documentRow
		Warning *string `json:"warning"`
	}{}
	_, err = a.exchange(ctx, http.MethodPost, path, form.FormDataContentType(), &body, &told)
	if no, ok := errors.AsType[*refusal](err); ok && no.details["file"] != "" {
		return row, errors.New(no.details["file"])
	}
	if err != nil {
		return row, err
	}
	if told.Warning != nil {
		err = errors.New(*told.Warning)
	}
	return told.documentRow, err
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

type knowledgeListCmd struct {
	reading
}

// Run lists documents by name.
func (c *knowledgeListCmd) Run(ctx context.Context, con console) error {
	return c.at(ctx, con, func(a *api, path string) error {
		all, err := list[documentRow](ctx, a, path, 0)
		if err != nil {
			return err
		}
		rows := make([][]string, len(all))
		for i, d := range all {
			rows[i] = []string{d.row.Name, d.row.Kind, fmt.Sprint(d.row.Chunks), fmt.Sprint(d.row.Vectors), clock(&d.row.Created), d.row.Title}
		}
		return c.show(con.out, all, []string{"DOCUMENT", "KIND", "CHUNKS", "VECTORS", "ADDED", "TITLE"}, rows)
	})
}

type knowledgeRemoveCmd struct {
	teller
	Agent     string   `arg:"" help:"Id or name of the agent."`
	Documents []string `arg:"" help:"Names of documents, as parley knowledge list shows them."`
}

// Run lets an agent forget documents. A name that it does not know is told and leaves the others alone.
func (c *knowledgeRemoveCmd) Run(ctx context.Context, con console) error {
	return c.reach(ctx, con, nil, func(a *api) error {
		agent, path, err := agentAt(ctx, a, c.Agent)
		if err != nil {
			return err
		}
		all, err := list[documentRow](ctx, a, path+"/knowledge", 0)
		if err != nil {
			return err
		}
		var failed []error
		for _, name := range c.Documents {
			i := slices.IndexFunc(all, func(d seen[documentRow]) bool { return d.row.Name == name })
			if i < 0 {
				failed = append(failed, usageError{fmt.Errorf("%s: %s knows no such document; `parley knowledge list` shows what it knows", name, agent.Name)})
				continue
			}
			if err := a.ask(ctx, http.MethodDelete, path+"/knowledge/"+all[i].row.ID, nil, nil); err != nil {
				failed = append(failed, fmt.Errorf("%s: %w", name, err))
				continue
			}
			fmt.Fprintf(con.out, "%s no longer knows %s\n", agent.Name, name)
		}
		return errors.Join(failed...)
	})
}

type knowledgeSearchCmd struct {
	reading
	Question []string `arg:"" help:"What a caller might say."`
	Most     int      `help:"How many passages; 1 to 20." default:"5"`
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
	return c.at(ctx, con, func(a *api, path string) error {
		var found struct {
			Passages []seen[passageRow] `json:"passages"`
			Took     int64              `json:"took_ms"`
			Warning  *string            `json:"warning"`
		}
		body := map[string]any{"question": strings.Join(c.Question, " "), "limit": c.Most}
		if err := a.ask(ctx, http.MethodPost, path+"/search", body, &found); err != nil {
			return misused(err, func(field string) string {
				return map[string]string{"limit": "--most", "question": "the question"}[field]
			})
		}
		if found.Warning != nil {
			fmt.Fprintln(con.err, "parley:", *found.Warning)
			if len(found.Passages) == 0 {
				return errors.New(*found.Warning)
			}
		}
		if c.JSON {
			return c.show(con.out, found.Passages, nil, nil)
		}
		for i, p := range found.Passages {
			fmt.Fprintf(con.out, "%d. %s  (score %.3f)\n   %s\n\n", i+1, where(p.row.Document, p.row.Place), p.row.Score, strings.ReplaceAll(p.row.Text, "\n", "\n   "))
		}
		fmt.Fprintf(con.out, "%d passages in %d ms\n", len(found.Passages), found.Took)
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
