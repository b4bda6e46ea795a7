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
			row, err = u.insertDocument(ctx, agent, d, chunks)
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
		before, err := u.Shelved(ctx, db.ShelvedParams{Org: d.Org, Agent: agent, Name: d.Name})
		if err != nil {
			return err
		}
		if err := u.Shelve(ctx, db.ShelveParams{Org: d.Org, Agent: agent, Name: d.Name, Document: row.ID}); err != nil {
			return err
		}
		put = document(row)
		return u.settle(ctx, d.Org, append(before, row.ID)...)
	})
	if err != nil {
		return store.Document{}, err
	}
	return put, nil
}

func (u unit) insertDocument(ctx context.Context, agent string, d store.Document, chunks []store.Chunk) (db.Document, error) {
	row, err := u.InsertDocument(ctx, db.InsertDocumentParams{ID: d.ID, Org: d.Org, Name: d.Name, Kind: d.Kind, Title: d.Title,
		Hash: d.Hash, Bytes: d.Bytes, Chunks: int64(len(chunks)), Created: db.Time(d.Created)})
	if err != nil {
		return row, err
	}
	r := rows{before: "INSERT INTO chunks (document, seq, place, text, words, owners) VALUES ", casts: make([]string, 6)}
	for i, c := range chunks {
		r.add(row.ID, int64(i), c.Place, c.Text, c.Words, agent)
	}
	return row, r.write(ctx, u, nil)
}

// settle brings documents in order of which agents know them, or no longer do: what nobody knows is deleted.
func (u unit) settle(ctx context.Context, org string, documents ...string) error {
	if err := u.DropVectors(ctx, org); err != nil {
		return err
	}
	if err := u.DropChunks(ctx, org); err != nil {
		return err
	}
	if err := u.DropDocuments(ctx, org); err != nil {
		return err
	}
	for _, d := range documents {
		agents, err := u.AgentsKnowing(ctx, d)
		if err != nil {
			return err
		}
		if err := u.SetOwners(ctx, db.SetOwnersParams{Document: d, Owners: strings.Join(agents, " ")}); err != nil {
			return err
		}
	}
	return nil
}

// RemoveDocument implements store.Knowledge.
func (s *Store) RemoveDocument(ctx context.Context, org, agent, name string) error {
	return s.configure(ctx, "remove document", func(ctx context.Context, u unit) error {
		before, err := u.Shelved(ctx, db.ShelvedParams{Org: org, Agent: agent, Name: name})
		if err != nil {
			return err
		}
		n, err := u.Unshelve(ctx, db.UnshelveParams{Org: org, Agent: agent, Name: name})
		if err != nil {
			return err
		}
		if n == 0 {
			return store.ErrNotFound
		}
		return u.settle(ctx, org, before...)
	})
}

// forget takes all documents from an agent.
func (u unit) forget(ctx context.Context, org, agent string) error {
	known, err := u.Documents(ctx, db.DocumentsParams{Org: org, Agent: agent})
	if err != nil {
		return err
	}
	if err := u.UnshelveAll(ctx, agent); err != nil {
		return err
	}
	return u.settle(ctx, org, each(known, func(d db.Document) string { return d.ID })...)
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

// ranked ends the query of Search, which begins with hits: for each term, the chunks of the agent that hold it. A term counts as much as it
// is rare among the agent's chunks (the idf of BM25); one that is in a quarter of them, and in more than 200, tells little and costs
// most of the time, so it counts only where there is no other. How often a chunk says a word does not count: chunks are of about
// one length, and neither database tells it cheaply. Their own ranks would not do: Postgres' knows no rarity, and SQLite's is over the
// chunks of all organisations.
const ranked = `,
total AS MATERIALIZED (
  SELECT CAST(SUM(d.chunks) AS DOUBLE PRECISION) AS n FROM shelves s JOIN documents d ON d.id = s.document WHERE s.org = $1 AND s.agent = $2
),
known AS MATERIALIZED (SELECT term, COUNT(*) AS n FROM hits GROUP BY term),
telling AS MATERIALIZED (
  SELECT k.term, ln(1 + (t.n - k.n + 0.5) / (k.n + 0.5)) AS weight FROM known k CROSS JOIN total t
  WHERE k.n <= 200 OR k.n * 4 <= t.n OR k.n = (SELECT MIN(n) FROM known)
),
scored AS (
  SELECT h.chunk, SUM(k.weight) AS score FROM telling k JOIN hits h ON h.term = k.term
  GROUP BY h.chunk ORDER BY score DESC, h.chunk LIMIT $4
)
SELECT d.id, d.name, d.title, c.seq, c.place, c.text, CAST(f.score AS DOUBLE PRECISION)
FROM scored f JOIN chunks c ON c.number = f.chunk JOIN documents d ON d.id = c.document
WHERE d.org = $1
ORDER BY f.score DESC, f.chunk`

// searchSQLite asks the index for one term at a time. FTS5 takes the endings off (https://sqlite.org/fts5.html#porter_tokenizer).
const searchSQLite = `WITH mine AS MATERIALIZED (
  SELECT c.number FROM shelves s JOIN chunks c ON c.document = s.document WHERE s.org = $1 AND s.agent = $2
),
hits AS MATERIALIZED (
  SELECT t.key AS term, w.rowid AS chunk
  FROM json_each($3) t JOIN chunk_words w ON w.chunk_words MATCH '"' || t.value || '"'
  WHERE w.rowid BETWEEN (SELECT MIN(number) FROM mine) AND (SELECT MAX(number) FROM mine) AND +w.rowid IN (SELECT number FROM mine)
)` + ranked

// searchPostgres finds lexemes: a term's and the agent's, which stand in the same index. A term that is a stop word of its own comes to none,
// and finds nothing.
const searchPostgres = `WITH asked AS MATERIALIZED (
  SELECT DISTINCT plainto_tsquery('english', value) AS term FROM json_array_elements_text(CAST($3 AS json))
),
hits AS MATERIALIZED (
  SELECT a.term, c.number AS chunk
  FROM asked a CROSS JOIN LATERAL (SELECT number FROM chunks WHERE terms @@ (a.term && CAST('''' || $2 || '''' AS tsquery)) OFFSET 0) c
  WHERE numnode(a.term) > 0
)` + ranked

// Search implements store.Knowledge.
func (s *Store) Search(ctx context.Context, org, agent string, terms []string, most int) (found []store.Passage, err error) {
	terms = slices.DeleteFunc(slices.Clone(terms), func(t string) bool { return t == "" || strings.ContainsFunc(t, breaks) })
	asked, err := json.Marshal(terms)
	if err != nil || len(terms) == 0 || strings.ContainsAny(agent, `'\`) { // which is no agent's id
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
