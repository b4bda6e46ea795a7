package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
)

// Read reads a report and checks it: that it is one, of a format that is known, whose figures can be true. The error names the field.
func Read(from io.Reader) (*Report, error) {
	dec := json.NewDecoder(from)
	var r Report
	if err := dec.Decode(&r); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("read report: it is empty")
		}
		return nil, fmt.Errorf("read report: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("read report: there is more after its end")
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("read report: %w", err)
	}
	return &r, nil
}

// Open reads the report in a file.
func Open(path string) (*Report, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open report: %w", err)
	}
	defer f.Close()
	r, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// Write writes the report, indented, with a line's end.
func (r *Report) Write(to io.Writer) error {
	enc := json.NewEncoder(to)
	enc.SetIndent("", " ")
	if err := enc.Encode(r); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// Save writes a file in one step: it is whole, or as it was before. Write is such as Report.Write, or that of a page.
func Save(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("save: %w", err)
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	err = errors.Join(write(f), f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("save %s: %w", path, err)
	}
	return nil
}

// SaveJSON saves any benchmark's figures, indented, as Save does; an empty path saves nothing.
func SaveJSON(path string, figures any) error {
	if path == "" {
		return nil
	}
	return Save(path, func(to io.Writer) error {
		enc := json.NewEncoder(to)
		enc.SetIndent("", "  ")
		return enc.Encode(figures)
	})
}

// check says what in the report cannot be.
func (r *Report) check() error {
	switch {
	case r.Format == 0:
		return errors.New("format is missing: this is no report of parley bench")
	case r.Format != Format:
		return fmt.Errorf("format is %d, and this version of parley knows %d: use the one that made it (%q)", r.Format, Format, r.Version)
	}
	var bad []error
	for i, s := range r.Steps {
		for _, err := range s.check() {
			bad = append(bad, fmt.Errorf("steps[%d].%w", i, err))
		}
	}
	for i, g := range r.Goals {
		if g.Name == "" {
			bad = append(bad, fmt.Errorf("goals[%d].name is missing", i))
		}
	}
	return errors.Join(bad...)
}

func (s Step) check() (bad []error) {
	if s.Server == "" {
		bad = append(bad, errors.New("server is missing"))
	}
	if s.Round < 1 {
		bad = append(bad, fmt.Errorf("round is %d: want 1 or more", s.Round))
	}
	for _, f := range []struct {
		name string
		n    float64
	}{
		{"calls", float64(s.Calls)}, {"rate", s.Rate}, {"held_seconds", s.Held}, {"tally.offered", float64(s.Tally.Offered)},
		{"tally.answered", float64(s.Tally.Answered)}, {"usage.cpu", s.Usage.CPU}, {"generator.busy", s.Generator.Busy}, {"others", s.Others},
	} {
		if f.n < 0 {
			bad = append(bad, fmt.Errorf("%s is %v: want 0 or more", f.name, f.n))
		}
	}
	for _, counts := range []struct {
		name string
		all  map[string]int64
	}{{"counts", s.Counts}, {"tally.refused", s.Tally.Refused}, {"tally.broken", s.Tally.Broken}} {
		for name, n := range counts.all {
			if n < 0 {
				bad = append(bad, fmt.Errorf("%s.%s is %d: want 0 or more", counts.name, name, n))
			}
		}
	}
	for name, t := range s.Times {
		if err := t.check(); err != nil {
			bad = append(bad, fmt.Errorf("times.%s: %w", name, err))
		}
	}
	return bad
}

// check says what in the distribution cannot be, its histogram too, if there is one.
func (s Spread) check() error {
	last := math.Inf(-1)
	for _, ms := range []float64{s.Min, s.P50, s.P90, s.P99, s.P999, s.Max} {
		if ms < last {
			return errors.New("min, p50, p90, p99, p999 and max do not rise")
		}
		last = ms
	}
	if _, err := s.Recorded(); err != nil && !errors.Is(err, ErrNoHistogram) {
		return err
	}
	return nil
}
