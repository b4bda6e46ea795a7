package sql

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"parley/store"
	"parley/store/sql/db"
)

// PutDocument implements store.Knowledge.
func (s *Store) PutDocument(ctx context.Context, agent string, d store.Document, chunks []store.Chunk, most int) (put store.Document, err error) {
	err = s.configure(ctx, "put document", func(ctx context.Context, u unit) error {
		if _, err := u.Agent(ctx, db.AgentParams{Org: d.Org, ID: agent}); err != nil {
			return err
		}
		row, err := u.DocumentByHash(ctx, db.DocumentByHashParams{Org: d.Org, Name: d.Name, Hash: d.Hash})
		if errors.Is(err, sql.ErrNoRows) {
			row, err = u.insertDocument(ctx, d, chunks)
		}
		if err != nil {
			return err
		}
		known, err := u.CountChunks(ctx, db.CountChunksParams{Agent: agent, Name: d.Name})
		if err != nil {
			return err
		}
		if known+row.Chunks > int64(most) {
			return fmt.Errorf("%w: the agent knows %d chunks besides, and this would be %d more than the %d that it may",
				store.ErrConflict, known, known+row.Chunks-int64(most), most)
		}
		if err := u.Shelve(ctx, db.ShelveParams{Org: d.Org, Agent: agent, Name: d.Name, Document: row.ID}); err != nil {
			return err
		}
		put = document(row)
		return u.dropForgotten(ctx, d.Org)
	})
	if err != nil {
		return store.Document{}, err
	}
	return put, nil
}

func (u unit) insertDocument(ctx context.Context, d store.Document, chunks []store.Chunk) (db.Document, error) {
	row, err := u.InsertDocument(ctx, db.InsertDocumentParams{ID: d.ID, Org: d.Org, Name: d.Name, Kind: d.Kind, Title: d.Title,
		Hash: d.Hash, Bytes: d.Bytes, Chunks: int64(len(chunks)), Created: db.Time(d.Created)})
	if err != nil {
		return row, err
	}
	r := rows{before: "INSERT INTO chunks (document, seq, place, text, words) VALUES ", casts: make([]string, 5)}
	for i, c := range chunks {
		r.add(row.ID, int64(i), c.Place, c.Text, c.Words)
	}
	return row, r.write(ctx, u, nil)
}

// dropForgotten deletes the documents of an organisation that no agent knows any more.
func (u unit) dropForgotten(ctx context.Context, org string) error {
	if err := u.DropVectors(ctx, org); err != nil {
		return err
	}
	if err := u.DropChunks(ctx, org); err != nil {
		return err
	}
	return u.DropDocuments(ctx, org)
}

// RemoveDocument implements store.Knowledge.
func (s *Store) RemoveDocument(ctx context.Context, org, agent, name string) error {
	return s.configure(ctx, "remove document", func(ctx context.Context, u unit) error {
		n, err := u.Unshelve(ctx, db.UnshelveParams{Org: org, Agent: agent, Name: name})
		if err != nil {
			return err
		}
		if n == 0 {
			return store.ErrNotFound
		}
		return u.dropForgotten(ctx, org)
	})
}

// Documents implements store.Knowledge.
func (s *Store) Documents(ctx context.Context, org, agent string) (documents []store.Document, err error) {
	err = s.read(ctx, "list documents", func(ctx context.Context, u unit) error {
		found, err := u.Documents(ctx, db.DocumentsParams{Org: org, Agent: agent})
		documents = each(found, document)
		return err
	})
	return documents, err
}

// Chunks implements store.Knowledge.
func (s *Store) Chunks(ctx context.Context, org, id string) (chunks []store.Chunk, err error) {
	err = s.read(ctx, "read chunks", func(ctx context.Context, u unit) error {
		found, err := u.Chunks(ctx, db.ChunksParams{Org: org, Document: id})
		if err == nil && len(found) == 0 {
			return store.ErrNotFound
		}
		chunks = each(found, func(r db.ChunksRow) store.Chunk { return store.Chunk{Place: r.Place, Text: r.Text, Words: r.Words} })
		return err
	})
	return chunks, err
}

// Excerpt implements store.Knowledge.
func (s *Store) Excerpt(ctx context.Context, org, id string, seq int) (p store.Passage, err error) {
	err = s.read(ctx, "read chunk", func(ctx context.Context, u unit) error {
		r, err := u.Excerpt(ctx, db.ExcerptParams{Org: org, Document: id, Seq: int64(seq)})
		p = store.Passage{Document: r.ID, Name: r.Name, Title: r.Title, Seq: int(r.Seq), Place: r.Place, Text: r.Text}
		return err
	})
	return p, err
}

// ranked ends the query of Search, which begins with hits: for each term, the chunks of the agent that hold it, and how much they are about
// it. A term counts as much as it is rare among the agent's chunks (the idf of BM25), in full where a chunk is about it more than any
// other, and 0.6 of that at least: chunks are of about one length, so that holding a word says more than holding it twice. Neither
// database's own rank does that: Postgres' knows no rarity, and SQLite's is over the chunks of all organisations.
const ranked = `, known AS (SELECT term, COUNT(*) AS n, MAX(weight) AS most FROM hits GROUP BY term),
total AS (SELECT CAST(SUM(d.chunks) AS DOUBLE PRECISION) AS n FROM shelves s JOIN documents d ON d.id = s.document WHERE s.org = $1 AND s.agent = $2),
scored AS (
  SELECT h.chunk, SUM(ln(1 + (t.n - k.n + 0.5) / (k.n + 0.5)) * (0.6 + 0.4 * h.weight / k.most)) AS score
  FROM hits h JOIN known k ON k.term = h.term CROSS JOIN total t
  GROUP BY h.chunk ORDER BY score DESC, h.chunk LIMIT $4
)
SELECT d.id, d.name, d.title, c.seq, c.place, c.text, CAST(f.score AS DOUBLE PRECISION)
FROM scored f JOIN chunks c ON c.number = f.chunk JOIN documents d ON d.id = c.document
ORDER BY f.score DESC, f.chunk`

// searchSQLite asks the index for one term at a time. FTS5 takes the endings off (https://sqlite.org/fts5.html#porter_tokenizer).
const searchSQLite = `WITH mine AS MATERIALIZED (
  SELECT c.number FROM shelves s JOIN chunks c ON c.document = s.document WHERE s.org = $1 AND s.agent = $2
),
hits AS MATERIALIZED (
  SELECT t.value AS term, w.rowid AS chunk, -bm25(chunk_words) AS weight
  FROM json_each($3) t JOIN chunk_words w ON w.chunk_words MATCH '"' || t.value || '"'
  WHERE +w.rowid IN (SELECT number FROM mine)
)` + ranked

// searchPostgres finds lexemes. A term that is a stop word of its own comes to none.
const searchPostgres = `WITH asked AS MATERIALIZED (
  SELECT DISTINCT plainto_tsquery('english', value) AS term FROM json_array_elements_text(CAST($3 AS json))
),
hits AS MATERIALIZED (
  SELECT a.term, c.number AS chunk, ts_rank(c.terms, a.term, 1) AS weight
  FROM shelves s JOIN chunks c ON c.document = s.document JOIN asked a ON c.terms @@ a.term
  WHERE s.org = $1 AND s.agent = $2
)` + ranked

// Search implements store.Knowledge.
func (s *Store) Search(ctx context.Context, org, agent string, terms []string, most int) (found []store.Passage, err error) {
	terms = slices.DeleteFunc(slices.Clone(terms), func(t string) bool { return t == "" || strings.ContainsFunc(t, breaks) })
	asked, err := json.Marshal(terms)
	if err != nil || len(terms) == 0 {
		return nil, err
	}
	err = s.read(ctx, "search knowledge", func(ctx context.Context, u unit) error {
		return u.query(ctx, s.search, []any{org, agent, string(asked), int64(most)}, func(scan func(...any) error) error {
			var p store.Passage
			err := scan(&p.Document, &p.Name, &p.Title, &p.Seq, &p.Place, &p.Text, &p.Score)
			found = append(found, p)
			return err
		})
	})
	return found, err
}

// breaks says whether a letter is none of a term's: it might be read as syntax.
func breaks(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) }

// PutVectors implements store.Knowledge.
func (s *Store) PutVectors(ctx context.Context, org, id, model string, from int, vectors [][]float32) error {
	return s.write(ctx, "put vectors", func(ctx context.Context, u unit) error {
		d, err := u.DocumentOf(ctx, db.DocumentOfParams{Org: org, ID: id})
		if err != nil {
			return err
		}
		if from < 0 || from+len(vectors) > int(d.Chunks) {
			return fmt.Errorf("%w: vectors of chunks %d to %d, and the document has %d", store.ErrRefused, from, from+len(vectors)-1, d.Chunks)
		}
		for i, v := range vectors {
			if err := u.PutVector(ctx, db.PutVectorParams{Document: id, Model: model, Seq: int64(from + i), Vector: v}); err != nil {
				return err
			}
		}
		return nil
	})
}

// Vectors implements store.Knowledge.
func (s *Store) Vectors(ctx context.Context, org, id, model string) (vectors map[int][]float32, err error) {
	err = s.read(ctx, "read vectors", func(ctx context.Context, u unit) error {
		found, err := u.Vectors(ctx, db.VectorsParams{Org: org, Document: id, Model: model})
		vectors = make(map[int][]float32, len(found))
		for _, r := range found {
			vectors[int(r.Seq)] = r.Vector
		}
		return err
	})
	return vectors, err
}

// CountVectors implements store.Knowledge.
func (s *Store) CountVectors(ctx context.Context, org, agent, model string) (counts map[string]int, err error) {
	err = s.read(ctx, "count vectors", func(ctx context.Context, u unit) error {
		found, err := u.CountVectors(ctx, db.CountVectorsParams{Org: org, Agent: agent, Model: model})
		counts = make(map[string]int, len(found))
		for _, r := range found {
			counts[r.Document] = int(r.N)
		}
		return err
	})
	return counts, err
}

func document(r db.Document) store.Document {
	return store.Document{ID: r.ID, Number: r.Number, Org: r.Org, Name: r.Name, Kind: r.Kind, Title: r.Title, Hash: r.Hash,
		Bytes: r.Bytes, Chunks: int(r.Chunks), Created: time.Time(r.Created)}
}
