package library

import (
	"cmp"
	"math"
	"slices"
	"sync"

	"parley/store"
)

// A place is a chunk's.
type place struct {
	document string
	seq      int
}

// A matrix is a document's vectors, each of length one. It is not changed any more.
type matrix struct {
	rows  int // that the database has, also those of another width
	width int
	seqs  []int
	data  []float32 // width for each of seqs
}

func newMatrix(rows map[int][]float32) *matrix {
	m := &matrix{rows: len(rows)}
	for _, v := range rows {
		m.width = max(m.width, len(v))
	}
	for seq, v := range rows {
		if len(v) == m.width {
			m.seqs = append(m.seqs, seq)
		}
	}
	slices.Sort(m.seqs)
	m.data = make([]float32, 0, len(m.seqs)*m.width)
	for _, seq := range m.seqs {
		m.data = append(m.data, unit(rows[seq])...)
	}
	return m
}

// size is what a matrix takes, in bytes.
func (m *matrix) size() int { return 4*len(m.data) + 8*len(m.seqs) + 64 }

// cache holds the matrices of the documents that were asked for last.
type cache struct {
	most int // bytes

	mu    sync.Mutex
	rows  map[string]*matrix // by document
	used  []string           // documents, the one used last at the end
	bytes int
}

// has says whether n vectors of a document are here.
func (c *cache) has(document string, n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.rows[document]
	return m != nil && m.rows == n
}

func (c *cache) put(document string, m *matrix) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(document)
	c.rows[document], c.used, c.bytes = m, append(c.used, document), c.bytes+m.size()
	for c.bytes > c.most && len(c.used) > 1 {
		c.drop(c.used[0])
	}
}

func (c *cache) drop(document string) {
	if m := c.rows[document]; m != nil {
		delete(c.rows, document)
		c.bytes -= m.size()
		c.used = slices.DeleteFunc(c.used, func(d string) bool { return d == document })
	}
}

// take is a document's matrix; nil if it is not here.
func (c *cache) take(document string) *matrix {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.rows[document]
	if i := slices.Index(c.used, document); i >= 0 {
		c.used = append(slices.Delete(c.used, i, i+1), document)
	}
	return m
}

// nearest are the chunks of documents that are most like a vector of length one, best first. cold: not all vectors are here.
func (c *cache) nearest(documents []store.Document, to []float32, most int) (best []place, cold bool) {
	type near struct {
		place
		likeness float32
	}
	var top []near
	least := float32(math.Inf(-1))
	for _, d := range documents {
		m := c.take(d.ID)
		if m == nil {
			cold = true
			continue
		}
		if m.width != len(to) {
			continue
		}
		for i, seq := range m.seqs {
			s := dot(m.data[i*m.width:(i+1)*m.width], to)
			if len(top) == most && s <= least {
				continue
			}
			top = append(top, near{place{d.ID, seq}, s})
			slices.SortStableFunc(top, func(a, b near) int { return cmp.Compare(b.likeness, a.likeness) })
			top = top[:min(len(top), most)]
			least = top[len(top)-1].likeness
		}
	}
	for _, n := range top {
		best = append(best, n.place)
	}
	return best, cold
}

// dot multiplies vectors of one length. Four sums at once keep the processor busy.
func dot(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + s2 + s3
}

// unit is a vector of the same direction and length one; one of length zero stays.
func unit(v []float32) []float32 {
	n := math.Sqrt(float64(dot(v, v)))
	if n == 0 || math.IsInf(n, 0) || math.IsNaN(n) {
		return v
	}
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(float64(x) / n)
	}
	return out
}
