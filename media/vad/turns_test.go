package vad_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"parley/media/vad"
)

const ms = time.Millisecond

// verdicts are the probabilities that a letter of a script stands for: silence, a mumble that keeps speech going, speech, clear speech.
var verdicts = map[rune]float32{'.': 0, 'm': 0.4, 'o': 0.6, 'S': 0.9}

// play feeds script, one hop a letter, and returns the edges.
func play(t *vad.Turns, script string, hop time.Duration) []vad.Edge {
	var edges []vad.Edge
	for i, c := range []rune(script) {
		at := time.Duration(i) * hop
		if e, ok := t.Next(verdicts[c], at, at+hop); ok {
			edges = append(edges, e)
		}
	}
	return edges
}

func TestTurns(t *testing.T) {
	t.Parallel()
	quick := vad.Turns{Open: 2, Sure: 2, MaybeAfter: 60 * ms, EndAfter: 120 * ms}
	for _, tt := range []struct {
		name   string
		turns  vad.Turns
		script string // one letter a hop of 20 ms
		want   []vad.Edge
	}{
		{"silence", quick, "..........", nil},
		{"a click opens nothing", quick, "..S....S...", nil},
		{"mumbling opens nothing", quick, "mmmmmmmm", nil},
		{"speech that begins sure", quick, "..SSS......", []vad.Edge{
			{Kind: vad.Began, N: 1, At: 40 * ms, Sure: true},
			{Kind: vad.MaybeEnded, N: 1, At: 100 * ms},
			{Kind: vad.Ended, N: 1, At: 100 * ms},
		}},
		{"sure later", quick, "oooSS", []vad.Edge{
			{Kind: vad.Began, N: 1, At: 0},
			{Kind: vad.Began, N: 1, At: 0, Sure: true},
		}},
		{"sure is told once a stretch", quick, "SSoSS...SSS", []vad.Edge{
			{Kind: vad.Began, N: 1, At: 0, Sure: true},
			{Kind: vad.MaybeEnded, N: 1, At: 100 * ms},
			{Kind: vad.Resumed, N: 1, At: 160 * ms},
		}},
		{"sure on the hop of another edge is told on the next", quick, "oo...SS.", []vad.Edge{
			{Kind: vad.Began, N: 1, At: 0},
			{Kind: vad.MaybeEnded, N: 1, At: 40 * ms},
			{Kind: vad.Resumed, N: 1, At: 100 * ms},
			{Kind: vad.Began, N: 1, At: 0, Sure: true},
		}},
		{"mumbling keeps speech going", quick, "oommmmmmmm", []vad.Edge{{Kind: vad.Began, N: 1, At: 0}}},
		{"mumbling after a dip does not", quick, "oo.mmmmm", []vad.Edge{
			{Kind: vad.Began, N: 1, At: 0},
			{Kind: vad.MaybeEnded, N: 1, At: 40 * ms},
			{Kind: vad.Ended, N: 1, At: 40 * ms},
		}},
		{"one hop of speech bridges a dip", quick, "oo..o..o..", []vad.Edge{{Kind: vad.Began, N: 1, At: 0}}},
		{"a click does not resume", quick, "oo....S..", []vad.Edge{
			{Kind: vad.Began, N: 1, At: 0},
			{Kind: vad.MaybeEnded, N: 1, At: 40 * ms},
			{Kind: vad.Ended, N: 1, At: 40 * ms},
		}},
		{"a run under way holds back the ending", quick, "oo.....oo", []vad.Edge{
			{Kind: vad.Began, N: 1, At: 0},
			{Kind: vad.MaybeEnded, N: 1, At: 40 * ms},
			{Kind: vad.Resumed, N: 1, At: 140 * ms},
		}},
		{"stretches are numbered", quick, "oo......SS......", []vad.Edge{
			{Kind: vad.Began, N: 1, At: 0},
			{Kind: vad.MaybeEnded, N: 1, At: 40 * ms},
			{Kind: vad.Ended, N: 1, At: 40 * ms},
			{Kind: vad.Began, N: 2, At: 160 * ms, Sure: true},
			{Kind: vad.MaybeEnded, N: 2, At: 200 * ms},
			{Kind: vad.Ended, N: 2, At: 200 * ms},
		}},
		{"no guess from the hangover on", vad.Turns{MaybeAfter: 120 * ms, EndAfter: 120 * ms}, "oo......", []vad.Edge{
			{Kind: vad.Began, N: 1, At: 0},
			{Kind: vad.Ended, N: 1, At: 40 * ms},
		}},
		{"defaults", vad.Turns{}, "SS" + strings.Repeat(".", 25), []vad.Edge{
			{Kind: vad.Began, N: 1, At: 0, Sure: true},
			{Kind: vad.MaybeEnded, N: 1, At: 40 * ms},
			{Kind: vad.Ended, N: 1, At: 40 * ms},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			turns := tt.turns
			if diff := cmp.Diff(tt.want, play(&turns, tt.script, 20*ms)); diff != "" {
				t.Errorf("edges of %q (-want +got):\n%s", tt.script, diff)
			}
		})
	}
}

// The decision falls at the first hop whose end is a setting away from the last voiced one, whatever the hop.
func TestTurnsDecideInTime(t *testing.T) {
	t.Parallel()
	for _, hop := range []time.Duration{10 * ms, 16 * ms, 20 * ms, 30 * ms, 32 * ms} {
		turns := vad.Turns{Open: 1, MaybeAfter: 200 * ms, EndAfter: 500 * ms}
		var maybe, ended time.Duration
		for at := time.Duration(0); at < time.Second; at += hop {
			e, _ := turns.Next(vad.Likely(at == 0), at, at+hop)
			switch e.Kind {
			case vad.MaybeEnded:
				maybe = at + hop - e.At
			case vad.Ended:
				ended = at + hop - e.At
			}
		}
		if maybe < 200*ms || maybe >= 200*ms+hop {
			t.Errorf("hop %v: MaybeEnded after %v of silence, want 200 ms and less than a hop", hop, maybe)
		}
		if ended < 500*ms || ended >= 500*ms+hop {
			t.Errorf("hop %v: Ended after %v of silence, want 500 ms and less than a hop", hop, ended)
		}
	}
}

// A gap in media time is silence: the stretch before it ends, and what follows is a stretch of its own.
func TestTurnsGap(t *testing.T) {
	t.Parallel()
	turns := vad.Turns{Open: 2}
	var got []vad.Edge
	for _, at := range []time.Duration{0, 20 * ms, 2 * time.Second, 2*time.Second + 20*ms} {
		if e, ok := turns.Next(0.6, at, at+20*ms); ok {
			got = append(got, e)
		}
	}
	want := []vad.Edge{
		{Kind: vad.Began, N: 1, At: 0},
		{Kind: vad.Ended, N: 1, At: 40 * ms},
		{Kind: vad.Began, N: 2, At: 2 * time.Second},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("edges (-want +got):\n%s", diff)
	}
}

func TestTurnsReset(t *testing.T) {
	t.Parallel()
	turns := vad.Turns{}
	play(&turns, "SSS", 20*ms)
	if !turns.Talking() {
		t.Fatal("not talking after three clear hops")
	}
	turns.Reset()
	if turns.Talking() {
		t.Error("still talking after Reset")
	}
	if e, _ := turns.Next(0, 60*ms, 80*ms); e.Kind != vad.NoEdge {
		t.Errorf("edge %+v after Reset, want none", e)
	}
	turns.Next(0.9, 80*ms, 100*ms)
	if e, _ := turns.Next(0.9, 100*ms, 120*ms); e != (vad.Edge{Kind: vad.Began, N: 2, At: 80 * ms, Sure: true}) {
		t.Errorf("edge %+v, want the sure beginning of stretch 2", e)
	}
}

// Whatever is heard, edges come in the order that Edge promises, and never point ahead of the decision or back before the last one.
func TestTurnsOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		turns := vad.Turns{
			Open:       rapid.IntRange(0, 4).Draw(t, "open"),
			Sure:       rapid.IntRange(0, 4).Draw(t, "sure"),
			MaybeAfter: time.Duration(rapid.IntRange(0, 300).Draw(t, "maybe")) * ms,
			EndAfter:   time.Duration(rapid.IntRange(0, 300).Draw(t, "end")) * ms,
		}
		hop := time.Duration(rapid.IntRange(5, 40).Draw(t, "hop")) * ms
		script := rapid.StringOfN(rapid.SampledFrom([]rune(".moS")), 0, 300, -1).Draw(t, "script")
		follows := map[vad.EdgeKind][]vad.EdgeKind{
			vad.NoEdge:     {vad.Began},
			vad.Ended:      {vad.Began},
			vad.Began:      {vad.Began, vad.MaybeEnded, vad.Ended},
			vad.MaybeEnded: {vad.Resumed, vad.Ended},
			vad.Resumed:    {vad.Began, vad.MaybeEnded, vad.Ended},
		}
		var last vad.Edge
		var told bool
		for i, c := range []rune(script) {
			at := time.Duration(i) * hop
			e, ok := turns.Next(verdicts[c], at, at+hop)
			if ok != (e.Kind != vad.NoEdge) {
				t.Fatalf("hop %d: ok %v with edge %+v", i, ok, e)
			}
			if !ok {
				continue
			}
			if !slices.Contains(follows[last.Kind], e.Kind) {
				t.Fatalf("hop %d: %+v after %+v", i, e, last)
			}
			first := last.Kind == vad.NoEdge || last.Kind == vad.Ended
			if want := last.N; first && e.N != want+1 || !first && e.N != want {
				t.Fatalf("hop %d: stretch %d after %d", i, e.N, last.N)
			}
			if e.Kind == vad.Began && !first && (!e.Sure || told) {
				t.Fatalf("hop %d: a second Began that brings no news: %+v", i, e)
			}
			if e.At > at+hop || first && e.At < last.At {
				t.Fatalf("hop %d: %+v points out of order (decided at %v, last at %v)", i, e, at+hop, last.At)
			}
			told = e.Kind == vad.Began && e.Sure || told && !first
			last = e
		}
	})
}

func TestTurnsAllocateNothing(t *testing.T) {
	var turns vad.Turns
	i := 0
	if n := testing.AllocsPerRun(1000, func() {
		at := time.Duration(i) * 20 * ms
		turns.Next(vad.Likely(i%60 < 20), at, at+20*ms)
		i++
	}); n != 0 {
		t.Errorf("%v allocations a hop, want 0", n)
	}
}
