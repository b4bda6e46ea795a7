// Package db is what sqlc makes of queries/*.sql, and the few types of column that it needs. Run ../generate.sh after a change of the
// queries or of the schema.
package db

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"time"
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
func (f *Figures) Scan(v any) error { return scanJSON(v, (*map[string]int64)(f)) }

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
