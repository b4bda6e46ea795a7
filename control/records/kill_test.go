package records

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"parley/store"
)

// childDir names the directory of the spool that this process is to fill until it is killed.
const childDir = "PARLEY_TEST_RECORDS_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		child(dir)
	}
	os.Exit(m.Run())
}

// A news is one line of what a child tells: the numbers that are durable through Kept, or that were applied.
type news struct {
	Kept    int
	Applied []int
	Away    bool
}

// child puts numbered calls, forever. It tells which are on disk, and which its database has taken.
func child(dir string) {
	var first int
	fmt.Sscan(os.Getenv("FIRST"), &first)
	tell := func(n news) {
		line, err := json.Marshal(n)
		if err == nil {
			_, err = os.Stdout.Write(append(line, '\n'))
		}
		if err != nil {
			os.Exit(3)
		}
	}
	database := recorderFunc(func(_ context.Context, entries []store.Entry) error {
		if rand.IntN(2) == 0 {
			return errAway
		}
		n := news{Applied: []int{}}
		for _, e := range entries {
			if e.Began != nil {
				n.Applied = append(n.Applied, e.Began.AgentVersion)
			}
		}
		tell(n)
		if rand.IntN(4) == 0 {
			return errOdd // it is written, and the reply is lost
		}
		return nil
	})
	r, err := New(options(dir, database))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	go r.Run(context.Background())
	for n := first; ; n++ {
		c := begun(fmt.Sprint("c", n))
		c.AgentVersion, c.To = n, strings.Repeat("x", rand.IntN(2000))
		r.Begin(c)
		if n%8 == 0 {
			if err := r.await(context.Background(), (*queue).onDisk); err != nil {
				os.Exit(4)
			}
			tell(news{Kept: n})
		}
	}
}

type recorderFunc func(context.Context, []store.Entry) error

func (f recorderFunc) Record(ctx context.Context, entries []store.Entry) error {
	return f(ctx, entries)
}

// A process that fills the spool is killed, again and again. What it told to be durable is in the database in the end, in order.
func TestKilledProcessLosesNothingKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var kept, most int // told to be durable; the greatest number that was applied
	applied := make(map[int]bool)
	take := func(numbers []int) {
		for _, n := range numbers {
			if !applied[n] && n < most {
				t.Errorf("%d comes first after %d", n, most)
			}
			applied[n], most = true, max(most, n)
		}
	}
	acked := make(map[int]bool)
	for life := range 12 {
		first := 1_000_000*(life+1) + 1
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childDir+"="+dir, fmt.Sprint("FIRST=", first))
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(out)
		for left := rand.IntN(40); ; left-- {
			if left == 0 {
				if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
					t.Error(err)
				}
			}
			line, err := lines.ReadBytes('\n')
			if err != nil { // a torn last line was never told
				if err != io.EOF {
					t.Error(err)
				}
				break
			}
			var n news
			if err := json.Unmarshal(line, &n); err != nil {
				t.Fatalf("line %q: %v", line, err)
			}
			take(n.Applied)
			for i := first; i <= n.Kept; i++ {
				acked[i] = true
			}
			kept = max(kept, n.Kept)
		}
		if err := cmd.Wait(); err == nil || !cmd.ProcessState.Sys().(syscall.WaitStatus).Signaled() {
			t.Fatalf("the child ended by itself: %v", err)
		}
	}
	r := mustNew(t, options(dir, recorderFunc(func(_ context.Context, entries []store.Entry) error {
		for _, e := range entries {
			if e.Began != nil {
				take([]int{e.Began.AgentVersion})
			}
		}
		return nil
	})))
	stop := run(r)
	mustFlush(t, r)
	mustStop(t, stop)
	var lost []int
	for n := range acked {
		if !applied[n] {
			lost = append(lost, n)
		}
	}
	if len(lost) > 0 || len(acked) == 0 {
		t.Errorf("%d of %d that were on disk are lost: %v", len(lost), len(acked), lost)
	}
	t.Logf("%d told to be on disk, %d applied", len(acked), len(applied))
}
