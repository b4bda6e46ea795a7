package spool

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// A history is what a spool was asked and has answered, over many lives of its process.
type history struct {
	t       *rapid.T
	o       Options
	s       *Spool
	next    uint64            // the number of the next record
	made    map[uint64]string // by number: what was appended last under it
	acked   map[uint64]bool
	given   []Record // in the order of their first appearance
	seen    map[uint64]bool
	done    uint64 // applied, and not to come again
	applied uint64 // applied, maybe to come again
}

func (h *history) records(n int) []Record {
	var r []Record
	for range n {
		data := fmt.Sprintf("%d %s", h.next, rapid.StringMatching(`[^\n]{0,40}`).Draw(h.t, "data"))
		h.made[h.next] = data
		r = append(r, Record{Seq: h.next, At: at, Data: []byte(data)})
		h.next++
	}
	return r
}

func (h *history) append(*rapid.T) {
	r := h.records(rapid.IntRange(1, 8).Draw(h.t, "records"))
	if err := h.s.Append(r); err != nil {
		h.t.Fatal(err)
	}
	for _, r := range r {
		h.acked[r.Seq] = true
	}
}

func (h *history) read(*rapid.T) {
	got, err := h.s.Next(rapid.IntRange(1, 10).Draw(h.t, "limit"), rapid.IntRange(1, 200).Draw(h.t, "size"))
	if err != nil {
		h.t.Fatal(err)
	}
	for _, r := range got {
		if r.Seq <= h.done {
			h.t.Fatalf("record %d was applied and comes again", r.Seq)
		}
		if string(r.Data) != h.made[r.Seq] {
			h.t.Fatalf("record %d is %q, want %q", r.Seq, r.Data, h.made[r.Seq])
		}
		if h.seen[r.Seq] {
			continue
		}
		if n := len(h.given); n > 0 && h.given[n-1].Seq >= r.Seq {
			h.t.Fatalf("record %d comes first after %d", r.Seq, h.given[n-1].Seq)
		}
		h.seen[r.Seq], h.given = true, append(h.given, r)
	}
	if len(got) > 0 && rapid.Bool().Draw(h.t, "applied") {
		h.done = got[len(got)-1].Seq
		h.applied = max(h.applied, h.done)
		if err := h.s.Done(h.done); err != nil {
			h.t.Fatal(err)
		}
	}
}

func (h *history) open() {
	s, err := Open(h.o)
	if err != nil {
		h.t.Fatal(err)
	}
	h.s, h.next = s, s.Last()+1
	for n := range h.acked {
		if n >= h.next && !h.seen[n] {
			h.t.Fatalf("record %d was acknowledged, and is gone", n)
		}
	}
	for n := range h.acked { // when position and segments are gone, numbers begin anew: what had them was applied
		if n >= h.next {
			delete(h.acked, n)
		}
	}
	// What was given out and not applied must be given out again.
	maps.DeleteFunc(h.seen, func(n uint64, _ bool) bool { return n > h.applied || n >= h.next })
	h.given = slices.DeleteFunc(h.given, func(r Record) bool { return !h.seen[r.Seq] })
	h.applied = min(h.applied, s.Last())
}

func (h *history) restart(*rapid.T) {
	if err := h.s.Close(); err != nil {
		h.t.Fatal(err)
	}
	h.open()
}

// crash kills the process at a random step of an append, with what was being written on the disk up to a random byte.
func (h *history) crash(*rapid.T) {
	var torn []byte
	for _, r := range h.records(rapid.IntRange(0, 5).Draw(h.t, "unacknowledged")) {
		torn = appendLine(torn, r)
	}
	torn = torn[:rapid.IntRange(0, len(torn)).Draw(h.t, "torn at")]
	crash(h.s)
	number := h.s.number
	if h.s.out == nil || rapid.Bool().Draw(h.t, "in a new segment") {
		number++
	}
	f, err := os.OpenFile(h.s.path(number), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		h.t.Fatal(err)
	}
	_, err = f.Write(torn)
	if err = firstOf(err, f.Close()); err != nil {
		h.t.Fatal(err)
	}
	if rapid.IntRange(0, 3).Draw(h.t, "position is lost") == 0 {
		_ = os.Remove(filepath.Join(h.o.Dir, positionName))
		h.done = 0
	}
	h.open()
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestNothingAcknowledgedIsLost(t *testing.T) {
	t.Parallel()
	dir, lives := t.TempDir(), 0
	rapid.Check(t, func(t *rapid.T) {
		lives++
		sub := filepath.Join(dir, strconv.Itoa(lives))
		if err := os.Mkdir(sub, 0o700); err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(sub)
		h := &history{t: t, o: options(sub), made: map[uint64]string{}, acked: map[uint64]bool{}, seen: map[uint64]bool{}}
		h.o.SegmentSize = 200
		h.open()
		t.Repeat(map[string]func(*rapid.T){"append": h.append, "read": h.read, "restart": h.restart, "crash": h.crash})
		h.restart(t)
		for {
			before := len(h.given)
			if h.read(t); len(h.given) == before && h.drained() {
				break
			}
		}
		var lost []uint64
		for n := range h.acked {
			if !h.seen[n] {
				lost = append(lost, n)
			}
		}
		if len(lost) > 0 || h.s.Damaged() > 0 {
			t.Errorf("acknowledged and lost: %v; %d damaged", lost, h.s.Damaged())
		}
		if err := h.s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// drained says that there is nothing more to read.
func (h *history) drained() bool {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	return h.s.at.seq >= h.s.end.seq
}
