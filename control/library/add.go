package library

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"parley/control/document"
	"parley/store"
)

// MostChunks is how much one agent may know: what a question can look through within its time.
const MostChunks = 20_000

// A File is what an agent is to know.
type File struct {
	Name string // as people know it, without a folder; a file of the same name takes the place of the one before
	Data []byte
}

// State says what came of adding a file.
type State string

// The states.
const (
	Added     State = "added"
	Replaced  State = "replaced"
	Unchanged State = "unchanged" // the agent knows it already
)

// An Outcome tells of a file that an agent knows now.
type Outcome struct {
	State    State
	Document store.Document
	Vectors  int // that were made for it
}

// Progress is told how far a file has come: "reading", "indexing", "embedding", and done of all chunks where they are counted.
type Progress func(step string, done, all int)

// errEmbed wraps what kept vectors from being made: the document is known by its words nevertheless.
var errEmbed = errors.New("it is found by its words alone, until it is added again")

// Add lets an agent know a file. A file that cannot be read is a *FileError. With an Outcome whose State is not empty, an error says that its vectors are missing; adding the file
// again makes them. Of one file that is added twice, nothing is done the second time.
func (l *Library) Add(ctx context.Context, org, agent string, f File, limits document.Limits, progress Progress) (Outcome, error) {
	l.setUp()
	if err := checkName(f.Name); err != nil {
		return Outcome{}, &FileError{err}
	}
	known, err := l.Store.Documents(ctx, org, agent)
	if err != nil {
		return Outcome{}, err
	}
	o := Outcome{State: Added}
	hash := hashOf(f.Data)
	for _, d := range known {
		if d.Name == f.Name {
			if o.State = Replaced; d.Hash == hash {
				o.State, o.Document = Unchanged, d
			}
		}
	}
	if o.State != Unchanged {
		if o.Document, err = l.put(ctx, org, agent, f, hash, limits, progress); err != nil {
			return Outcome{}, err
		}
	}
	if l.Embedder != nil {
		if o.Vectors, err = l.embed(ctx, org, o.Document, progress); err != nil {
			return o, fmt.Errorf("make vectors: %w: %w", err, errEmbed)
		}
	}
	return o, nil
}

// A FileError says, for people, why a file cannot be known.
type FileError struct{ err error }

func (e *FileError) Error() string { return e.err.Error() }

// Unwrap is what document.Read found.
func (e *FileError) Unwrap() error { return e.err }

// checkName says what is wrong with a file's name.
func checkName(name string) error {
	switch {
	case name == "" || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("%q is no name for a document", name)
	case len(name) > 255:
		return errors.New("its name is longer than 255 bytes")
	}
	return nil
}

// hashOf tells what chunks were made of, and how.
func hashOf(data []byte) string {
	h := sha256.New()
	fmt.Fprintf(h, "%d\n", document.Form)
	h.Write(data)
	return hex.EncodeToString(h.Sum(nil))
}

// put reads a file and keeps it.
func (l *Library) put(ctx context.Context, org, agent string, f File, hash string, limits document.Limits, progress Progress) (store.Document, error) {
	progress.tell("reading", 0, 0)
	d, err := document.Read(ctx, f.Name, f.Data, limits)
	if err != nil {
		return store.Document{}, &FileError{err}
	}
	cut, err := d.Chunks(limits)
	if err != nil {
		return store.Document{}, &FileError{err}
	}
	progress.tell("indexing", 0, len(cut))
	chunks := make([]store.Chunk, len(cut))
	for i, c := range cut {
		chunks[i] = store.Chunk{Place: c.Place, Text: c.Text, Words: strings.Join(words(d.Title+" "+headings(c.Place)+" "+c.Text), " ")}
	}
	return l.Store.PutDocument(ctx, agent, store.Document{
		ID: store.NewID(), Org: org, Name: f.Name, Kind: string(d.Kind), Title: d.Title, Hash: hash, Bytes: int64(len(f.Data)), Created: time.Now(),
	}, chunks, MostChunks)
}

// headings are a place without its page, which nobody asks for.
func headings(place string) string {
	if i := strings.LastIndex(place, "page "); i >= 0 && strings.Trim(place[i+5:], "0123456789") == "" {
		return place[:i]
	}
	return place
}

// together is how many chunks an Embedder is given at once.
const together = 64

// embed makes the vectors that a document lacks.
func (l *Library) embed(ctx context.Context, org string, d store.Document, progress Progress) (made int, err error) {
	have, err := l.Store.Vectors(ctx, org, d.ID, l.Model)
	if err != nil || len(have) == d.Chunks {
		return 0, err
	}
	chunks, err := l.Store.Chunks(ctx, org, d.ID)
	if err != nil {
		return 0, err
	}
	for from := 0; from < len(chunks); from += together {
		progress.tell("embedding", from, len(chunks))
		part := chunks[from:min(from+together, len(chunks))]
		if whole(have, from, len(part)) {
			continue
		}
		texts := make([]string, len(part))
		for i, c := range part {
			texts[i] = strings.TrimSpace(d.Title + "\n" + c.Place + "\n" + c.Text)
		}
		vectors, err := l.Embedder.Embed(ctx, texts)
		if err != nil {
			return made, err
		}
		if len(vectors) != len(texts) {
			return made, errEmbedded
		}
		if err := l.Store.PutVectors(ctx, org, d.ID, l.Model, from, vectors); err != nil {
			return made, err
		}
		made += len(vectors)
	}
	return made, nil
}

// whole says whether each of n chunks has a vector.
func whole(have map[int][]float32, from, n int) bool {
	for i := range n {
		if have[from+i] == nil {
			return false
		}
	}
	return true
}

func (p Progress) tell(step string, done, all int) {
	if p != nil {
		p(step, done, all)
	}
}
