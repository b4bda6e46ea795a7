package score_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/pipeline"
	. "parley/pipeline/score"
)

// expectationsFile has a line for each fault: what misbehaves, and what comes of it.
const expectationsFile = "testdata/faults.txt"

// expected is what is to come of each fault.
type expected struct {
	mu    sync.Mutex
	lines map[string]string
}

func expectations(t *testing.T) *expected {
	t.Helper()
	e := &expected{lines: map[string]string{}}
	if *update {
		return e
	}
	b, err := os.ReadFile(expectationsFile)
	if err != nil {
		t.Fatalf("no expectations: run go test ./pipeline/score -update and read them: %v", err)
	}
	for l := range strings.Lines(string(b)) {
		name, what, ok := strings.Cut(strings.TrimSpace(l), ": ")
		if !ok {
			t.Fatalf("%s: %q is no expectation", expectationsFile, l)
		}
		e.lines[name] = what
	}
	return e
}

func (e *expected) of(name string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.lines[name]
}

func (e *expected) put(name, what string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lines[name] = what
}

func (e *expected) write(t *testing.T) {
	t.Helper()
	if !*update {
		return
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(e.lines)) {
		fmt.Fprintf(&b, "%s: %s\n", name, e.lines[name])
	}
	if err := os.WriteFile(expectationsFile, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// broken is the clock that misbehaves.
func broken(f Fault) pipeline.Tool {
	return pipeline.Tool{Name: "clock", Run: func(ctx context.Context, _ json.RawMessage) (string, *pipeline.Command, error) {
		switch f.Kind {
		case Hangs:
			<-ctx.Done()
			return "", nil, ctx.Err()
		case Ignores:
			time.Sleep(20 * time.Second)
			return "noon", nil, nil
		case Fails:
			return "", nil, errors.New("stopped")
		case Drips:
			time.Sleep(1900 * time.Millisecond)
			return "noon", nil, nil
		case Panics:
			panic("scripted panic")
		}
		return "", nil, nil
	}}
}
