// Package db is what sqlc makes of queries/*.sql, and the few types of column that it needs. Run ../generate.sh after a change of the
// queries or of the schema.
package db

import (
	"database/sql/driver"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"parley/store"
)

// Time is a moment as both databases keep it: text in UTC, of one width, so that it sorts; the zero time is the empty text.
type Time time.Time

const layout = "2006-01-02T15:04:05.000000Z"

// String is the text in the database.
func (t Time) String() string {
	if time.Time(t).IsZero() {
		return ""
	}
	return time.Time(t).UTC().Format(layout)
}

// Value implements driver.Valuer. A year that has not four digits is an error.
func (t Time) Value() (driver.Value, error) {
	if y := time.Time(t).UTC().Year(); y < 0 || y > 9999 {
		return nil, fmt.Errorf("year %d out of range", y)
	}
	return t.String(), nil
}

// Scan implements sql.Scanner.
func (t *Time) Scan(v any) error {
	s, ok := v.(string)
	if !ok {
		return fmt.Errorf("time is a %T", v)
	}
	if s == "" {
		*t = Time{}
		return nil
	}
	if at, ok := quickly(s); ok {
		*t = Time(at)
		return nil
	}
	at, err := time.Parse(layout, s)
	*t = Time(at)
	return err
}

// Figures are numbers by name, kept as a JSON object; an empty one is the empty text.
type Figures map[string]int64

// Value implements driver.Valuer.
func (f Figures) Value() (driver.Value, error) {
	if len(f) == 0 {
		return "", nil
	}
	b, err := json.Marshal(f)
	return string(b), err
}

// Scan implements sql.Scanner.
func (f *Figures) Scan(v any) error {
	if s, ok := v.(string); ok {
		if read, ok := readFigures(s); ok {
			*f = read
			return nil
		}
	}
	return scanJSON(v, (*map[string]int64)(f))
}

// Slots are texts by name, kept as a JSON object; an empty one is the empty text.
type Slots map[string]string

// Value implements driver.Valuer.
func (s Slots) Value() (driver.Value, error) {
	if len(s) == 0 {
		return "", nil
	}
	b, err := json.Marshal(s)
	return string(b), err
}

// Scan implements sql.Scanner.
func (s *Slots) Scan(v any) error { return scanJSON(v, (*map[string]string)(s)) }

// Scopes is a list of words, kept as a JSON array; an empty one is the empty text.
type Scopes []string

// Value implements driver.Valuer.
func (s Scopes) Value() (driver.Value, error) {
	if len(s) == 0 {
		return "", nil
	}
	b, err := json.Marshal(s)
	return string(b), err
}

// Scan implements sql.Scanner.
func (s *Scopes) Scan(v any) error { return scanJSON(v, (*[]string)(s)) }

// Lookup is what was looked up for a turn, kept as a JSON object; nil is the empty text.
type Lookup struct{ *store.Lookup }

// Value implements driver.Valuer.
func (l Lookup) Value() (driver.Value, error) {
	if l.Lookup == nil {
		return "", nil
	}
	b, err := json.Marshal(l.Lookup)
	return string(b), err
}

// Scan implements sql.Scanner.
func (l *Lookup) Scan(v any) error { return scanJSON(v, &l.Lookup) }

// Quality is how a call's sound travelled, kept as a JSON object; nil is the empty text.
type Quality struct{ *store.Quality }

// Value implements driver.Valuer.
func (q Quality) Value() (driver.Value, error) {
	if q.Quality == nil {
		return "", nil
	}
	b, err := json.Marshal(q.Quality)
	return string(b), err
}

// Scan implements sql.Scanner.
func (q *Quality) Scan(v any) error { return scanJSON(v, &q.Quality) }

// Cost is what vendors charge for a call, kept as a JSON object; nil is the empty text.
type Cost struct{ *store.Cost }

// Value implements driver.Valuer.
func (c Cost) Value() (driver.Value, error) {
	if c.Cost == nil {
		return "", nil
	}
	b, err := json.Marshal(c.Cost)
	return string(b), err
}

// Scan implements sql.Scanner.
func (c *Cost) Scan(v any) error { return scanJSON(v, &c.Cost) }

// PreAnswer is what was said of a call before it was answered, kept as a JSON object; nil is the empty text.
type PreAnswer struct{ *store.PreAnswer }

// Value implements driver.Valuer.
func (p PreAnswer) Value() (driver.Value, error) {
	if p.PreAnswer == nil {
		return "", nil
	}
	b, err := json.Marshal(p.PreAnswer)
	return string(b), err
}

// Scan implements sql.Scanner.
func (p *PreAnswer) Scan(v any) error { return scanJSON(v, &p.PreAnswer) }

// Floats are a vector: 32-bit floats, little-endian.
type Floats []float32

// Value implements driver.Valuer.
func (v Floats) Value() (driver.Value, error) {
	b := make([]byte, 0, 4*len(v))
	for _, f := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return b, nil
}

// Scan implements sql.Scanner.
func (v *Floats) Scan(from any) error {
	b, ok := from.([]byte)
	if !ok || len(b)%4 != 0 {
		return fmt.Errorf("vector is a %T of %d bytes", from, len(b))
	}
	*v = make(Floats, len(b)/4)
	for i := range *v {
		(*v)[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return nil
}

func scanJSON[T any](v any, into *T) error {
	s, ok := v.(string)
	if !ok {
		return fmt.Errorf("JSON is a %T", v)
	}
	var t T
	if s != "" {
		if err := json.Unmarshal([]byte(s), &t); err != nil {
			return err
		}
	}
	*into = t
	return nil
}
