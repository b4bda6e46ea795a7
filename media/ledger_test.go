package media

import (
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// TestLedger is the arithmetic of runs and notes; what it means for a call is in the tests of Playout.
func TestLedger(t *testing.T) {
	t.Parallel()
	const rate = 8000
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	u, v := new(Utterance), new(Utterance)
	// sent has two runs of u, of 100 ms and 300 ms, with a gap of 50 ms between them, and one of v, of 200 ms, after them.
	sent := func() *ledger {
		l := &ledger{rate: rate, end: start}
		l.add(u, 0, 800)
		l.end = at(150)
		l.add(u, 800, 1600)
		l.add(u, 2400, 800)
		l.add(v, 0, 1600)
		return l
	}
	note := func(through int, epoch uint32) Note {
		return Note{Kind: Played, Through: time.Duration(through) * time.Millisecond, Epoch: epoch}
	}
	for _, test := range []struct {
		name   string
		before func(*ledger)
		now    int
		u, v   int // heard, in ms
	}{
		{"nothing has sounded", nil, -5, 0, 0},
		{"in the first run", nil, 30, 30, 0},
		{"in the gap", nil, 120, 100, 0},
		{"in the second run", nil, 250, 200, 0},
		{"in the third", nil, 500, 400, 50},
		{"past everything", nil, 5000, 400, 200},
		{"a note says that it is late", func(l *ledger) { l.played(note(300, 0), at(430)) }, 500, 370, 0},
		{"late, then less so", func(l *ledger) { l.played(note(200, 0), at(330)); l.played(note(300, 0), at(370)) }, 400, 330, 0},
		{"the gap takes up lateness", func(l *ledger) { l.played(note(100, 0), at(170)) }, 250, 180, 0},
		{"the gap takes up all lateness", func(l *ledger) { l.played(note(100, 0), at(130)) }, 250, 200, 0},
		{"the first run is late", func(l *ledger) { l.played(note(50, 0), at(90)) }, 120, 80, 0},
		{"what is sent next is late too", func(l *ledger) {
			l.played(note(600, 0), at(730))
			l.add(v, 1600, 800) // contiguous: the same run
		}, 750, 400, 220},
		{"a new run is late by what its gap leaves", func(l *ledger) {
			l.played(note(600, 0), at(730))
			l.end = at(700)
			l.add(v, 1600, 800)
		}, 750, 400, 220},
		{"a note proves more than the send clock", func(l *ledger) { l.played(note(450, 0), at(100)) }, 100, 400, 50},
		{"and what follows waits for the clock", func(l *ledger) { l.played(note(350, 0), at(300)) }, 310, 350, 0},
		{"a note takes its time", func(l *ledger) {
			l.opened = at(0)
			l.played(note(0, 0), at(60)) // before the first sample
			l.played(note(100, 0), at(200))
		}, 150 + 40, 100 + 40, 0},
		{"a note of another epoch", func(l *ledger) { l.played(note(600, 1), at(100)) }, 100, 100, 0},
		{"a note of more than was sent", func(l *ledger) { l.played(note(9000, 0), at(100)) }, 100, 400, 200},
		{"an old note after a new one", func(l *ledger) { l.played(note(600, 0), at(700)); l.played(note(50, 0), at(700)) }, 700, 400, 200},
	} {
		l := sent()
		if test.before != nil {
			test.before(l)
		}
		gotU, gotV := Samples(l.unsettled(u, at(test.now)), rate), Samples(l.unsettled(v, at(test.now)), rate)
		if wantU, wantV := at(test.u).Sub(start), at(test.v).Sub(start); gotU != wantU || gotV != wantV {
			t.Errorf("%s: at %d ms %v and %v are heard, want %v and %v", test.name, test.now, gotU, gotV, wantU, wantV)
		}
		var settled [2]int
		report := func(of *Utterance, n int, _ time.Time) { settled[slices.Index([]*Utterance{u, v}, of)] += n }
		l.settle(nil, at(test.now-20), report)
		l.settle(nil, at(test.now), report)
		if u, v := Samples(settled[0], rate), Samples(settled[1], rate); u != gotU || v != gotV {
			t.Errorf("%s: %v and %v are settled, want %v and %v", test.name, u, v, gotU, gotV)
		}
	}
}

func TestTape(t *testing.T) {
	t.Parallel()
	s := &shelf{size: 160}
	tp := tape{shelf: s}
	next, dropped := 0, 0
	for round := range 2000 {
		pcm := make([]int16, round%411)
		for i := range pcm {
			pcm[i] = int16(next)
			next++
		}
		tp.write(pcm)
		if tp.end != next {
			t.Fatalf("round %d: the end is %d, want %d", round, tp.end, next)
		}
		got := make([]int16, next-dropped)
		tp.read(got, dropped)
		for i, v := range got {
			if v != int16(dropped+i) {
				t.Fatalf("round %d: sample %d is %d", round, dropped+i, v)
			}
		}
		if next-dropped > 3000 {
			dropped += (next - dropped) * 3 / 4
			tp.drop(dropped)
		}
	}
	if n := len(tp.blocks); n > 60 {
		t.Errorf("%d blocks for 3,400 samples", n)
	}
	tp.free()
	if n := len(s.free); n != handy {
		t.Errorf("the shelf keeps %d blocks, want %d", n, handy)
	}
	s.rest()
	if len(tp.blocks)+len(s.free) != 0 {
		t.Errorf("%d and %d blocks are kept", len(tp.blocks), len(s.free))
	}
	tp.write(make([]int16, 500))
	tp.read(make([]int16, 500), next)
}

// Blocks that one tape has given back are other tapes', and never two tapes' at once.
func TestBlocksBelongToOne(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			s := &shelf{size: 160}
			for round := range 500 {
				tp := tape{shelf: s}
				mark := int16(n*1000 + round)
				pcm := slices.Repeat([]int16{mark}, 160*7+n)
				tp.write(pcm)
				tp.drop(160 * (round % 5))
				runtime.Gosched()
				got := make([]int16, len(pcm)-160*(round%5))
				tp.read(got, 160*(round%5))
				if slices.ContainsFunc(got, func(v int16) bool { return v != mark }) {
					t.Errorf("tape %d, round %d, has another's samples", n, round)
					return
				}
				tp.free()
				s.rest()
			}
		})
	}
	all.Wait()
}
