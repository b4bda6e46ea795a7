package pgtest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// TestPause: who connects at the very moment is not answered either. A process that was missed would stand in no stopped state ever.
func TestPause(t *testing.T) {
	t.Parallel()
	s := New(t, Options{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	const connections, rounds = 20, 20
	for round := range rounds {
		connected := make(chan *pgx.Conn, connections)
		for range connections {
			go func() {
				c, err := pgx.Connect(ctx, s.URL())
				if err != nil {
					t.Error(err)
				}
				connected <- c
			}()
		}
		first := <-connected
		if err := s.Pause(); err != nil {
			t.Fatal(err)
		}
		for stopped := false; !stopped; {
			all := append(children(s.process.Pid), s.process.Pid)
			stopped = !slices.ContainsFunc(all, func(pid int) bool { return !standsStill(pid) })
			if ctx.Err() != nil {
				t.Fatalf("round %d: of the processes %v one still runs", round, all)
			}
		}
		if err := s.Resume(); err != nil {
			t.Fatal(err)
		}
		for c := range connections {
			conn := first
			if c > 0 {
				conn = <-connected
			}
			if conn != nil && conn.Close(ctx) != nil {
				t.Errorf("round %d: a connection was lost", round)
			}
		}
	}
}

// standsStill says whether a process is stopped; one that has ended, and that its stopped parent has not buried, stands as still.
func standsStill(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, state, _ := bytes.Cut(b, []byte(") "))
	return err != nil || bytes.HasPrefix(state, []byte("T")) || bytes.HasPrefix(state, []byte("Z"))
}
