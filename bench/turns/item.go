package main

import (
	"cmp"
	"slices"
	"time"

	"parley/bench/corpus"
	"parley/pipeline"
)

// kind is what is asked of an item.
type kind string

const (
	endOfTurn kind = "end of turn"        // the caller speaks, then wants an answer, and not before
	falseStop kind = "false interruption" // something sounds while the agent speaks, which is to go on
	trueStop  kind = "interruption"       // the caller means to interrupt the agent
	selfStop  kind = "echo"               // the agent's own voice comes back, and it is to go on
	heardWhat kind = "heard ledger"       // the caller interrupts, and the history is to say what was heard
)

// An item is one thing that a caller does, and what is true of it.
type item struct {
	set     string // the items of a set are reported together
	name    string // unique
	kind    kind
	natural bool   // as it was recorded; else spliced, mixed or made up
	clean   bool   // without noise or echo
	text    string // what is said, as far as it is known

	pcm    []int16
	begin  time.Duration // of the speech, in pcm: the first sound that is the caller's
	end    time.Duration // of its last sound
	pauses []corpus.Span // within it, of 300 ms or more: the caller is not done

	ask    string           // what the agent says first
	expect *pipeline.Expect // what it then waits for
	after  time.Duration    // of an endOfTurn: when pcm begins, after the agent's last sample; else after its first one

	line  line
	echo  echo
	timed bool // of a heardWhat: the voice tells word times
}

// line is the kind of leg.
type line string

const (
	packets line = "RTP"    // no lead: what was not sent is not heard
	socket  line = "socket" // 200 ms ahead, 100 ms at a time, with marks: as parley serve speaks to Twilio
)

// echo is the agent's voice in the caller's microphone; the zero is none.
type echo struct {
	db    float64       // against the voice as it was sent
	delay time.Duration // from the carrier's loudspeaker back to the leg
	room  time.Duration // in which what a room returns has fallen by 60 dB; 0: it comes back once, as from a receiver
}

// held says that an item is not for tuning. Halves are fixed by the names alone.
func (i item) held() bool { return corpus.Digest("half/" + i.name)[0]&1 == 1 }

func (i item) half() string {
	if i.held() {
		return "held out"
	}
	return "tuned"
}

func (i item) origin() string {
	if i.natural {
		return "natural"
	}
	return "synthetic"
}

// order sorts items so that any beginning of the list has something of each set and of both halves.
func order(items []item) []item {
	type place struct {
		item item
		nth  int
	}
	seen := map[string]int{}
	var all []place
	for _, i := range items {
		key := i.set + i.half()
		all = append(all, place{i, seen[key]})
		seen[key]++
	}
	slices.SortStableFunc(all, func(a, b place) int { return cmp.Compare(a.nth, b.nth) })
	out := make([]item, len(all))
	for i, p := range all {
		out[i] = p.item
	}
	return out
}
