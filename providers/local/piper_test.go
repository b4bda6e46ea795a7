//go:build cgo

package local

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// TestClauseIsBrokenOff: a clause in the making ends when it is not wanted any more, so that the worker is free for the caller who
// cut in, and the next clause is made as ever.
func TestClauseIsBrokenOff(t *testing.T) {
	t.Parallel()
	f := filesIn(DefaultDir(), "tiny")
	if why := absent(f.runtime); why != "" {
		t.Fatalf("%s: run make setup", why)
	}
	if err := openRuntime(f.runtime); err != nil {
		t.Fatal(err)
	}
	defer closeRuntime()
	p, err := openPiper(f, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatalf("%v: run make setup", err)
	}
	defer p.close()
	long := script{text: strings.Repeat("ænd soʊ ɒn, ", 60)}
	cut := errors.New("barge-in")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(20*time.Millisecond, func() { cancel(cut) })
	if pcm, _, err := p.say(ctx, long, 1); !errors.Is(err, cut) {
		t.Errorf("%d samples, error %v: want none and %v", len(pcm), err, cut)
	}
	if pcm, _, err := p.say(t.Context(), script{text: "wʌn"}, 1); err != nil || len(pcm) == 0 {
		t.Errorf("afterwards: %d samples, %v", len(pcm), err)
	}
}
