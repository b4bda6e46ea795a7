package score_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/media"
	"parley/media/legtest"
	"parley/pipeline"
	. "parley/pipeline/score"
)

// story has words of one syllable and of six.
const story = "The library is open on weekdays from nine to six. Unfortunately, the children's department closes at half past four, " +
	"and on Saturdays only the reading room is available. You can reserve books by telephone, or return them at any station. " +
	"Is there an organisation or a particular title that you are interested in?"

// lines are the ways in which a leg can differ from another as to what is known of its playout. Those that are not proven by marks are
// believed to sound when they were sent, so that what the line itself delays is not seen.
func lines() map[string]func(*rand.Rand) legtest.Line {
	lead := media.Info{Kind: "socket", ID: "socket", Lead: 400 * time.Millisecond, Chunk: 100 * time.Millisecond}
	return map[string]func(*rand.Rand) legtest.Line{
		"rtp":       func(*rand.Rand) legtest.Line { return plain() },
		"rtp, wide": func(*rand.Rand) legtest.Line { l := plain(); l.Info.Rate = 16000; return l },
		"rtp, far": func(*rand.Rand) legtest.Line {
			l := plain()
			l.Down, l.Up = 60*time.Millisecond, 60*time.Millisecond
			return l
		},
		"marks": func(*rand.Rand) legtest.Line { return legtest.Line{Info: lead, Marks: true} },
		"marks, far": func(*rand.Rand) legtest.Line {
			return legtest.Line{Info: lead, Marks: true, Down: 60 * time.Millisecond, Up: 80 * time.Millisecond}
		},
		"marks, prebuffered": func(*rand.Rand) legtest.Line {
			return legtest.Line{Info: lead, Marks: true, Prebuffer: 120 * time.Millisecond}
		},
		"marks, unreliable": func(r *rand.Rand) legtest.Line {
			fate := rand.New(rand.NewPCG(r.Uint64(), 1))
			return legtest.Line{Info: lead, Marks: true, Mark: func(int) (time.Duration, bool) {
				return time.Duration(fate.IntN(150)) * time.Millisecond, fate.IntN(4) == 0
			}}
		},
		"lead without marks": func(*rand.Rand) legtest.Line { return legtest.Line{Info: lead} },
	}
}

// What the call believes was heard is what sounded at the far end. Callers who interrupt at any time, cough, rustle, press keys and put
// us on hold; voices that stall; every kind of leg. The error of a turn is at most one word where the voice tells word times, and where it
// does not, 300 ms of audio, beside the half of a word that is lost or won because history is made of whole words.
func TestHeardLedger(t *testing.T) {
	t.Parallel()
	const calls = 12 // of each kind
	const bound = 300 * time.Millisecond
	type kind struct {
		times, human, reads bool
	}
	for name, line := range lines() {
		for _, k := range []kind{{true, true, false}, {true, false, false}, {true, true, true}, {false, true, false}, {false, true, true}} {
			t.Run(fmt.Sprintf("%s, times %v, human %v, reads %v", name, k.times, k.human, k.reads), func(t *testing.T) {
				t.Parallel()
				var all []off
				for seed := range uint64(calls) {
					r := rand.New(rand.NewPCG(seed, 11))
					s := interrupting(r)
					s.Line, s.Voice.Times, s.Voice.Human, s.Voice.Reads = line(r), k.times, k.human, k.reads
					if k.reads {
						s.Model.PerWord = 0.02 // or it would be late with its first sound
					}
					s.Play(t, func(t *testing.T, p *Performance) { all = append(all, ledger(t, p)...) })
				}
				slices.SortFunc(all, func(a, b off) int { return cmp.Compare(a.audio, b.audio) })
				for _, e := range all {
					if k.times && e.words > 1 || !k.times && e.audio > bound {
						t.Errorf("turn %d: heard %q, off by %d words, %v of %v beside the word that was cut", e.turn.N, e.turn.Heard, e.words, e.audio, e.turn.Sounded)
					}
				}
				if n := len(all); n < calls {
					t.Errorf("only %d turns were cut", n)
				} else {
					t.Logf("%d turns cut: off by %v at p50, %v at p95, %v at most", n, all[n/2].audio, all[n*95/100].audio, all[n-1].audio)
				}
			})
		}
	}
}

// off is by how much the record of a turn that was cut differs from what sounded.
type off struct {
	turn  *pipeline.Turn
	words int
	audio time.Duration
}

// ledger holds every turn that was cut against the wire.
func ledger(t *testing.T, p *Performance) (errors []off) {
	t.Helper()
	var turns []*pipeline.Turn
	for _, e := range p.Events {
		if e.Turn != nil && e.Turn.At > 0 {
			turns = append(turns, e.Turn)
		}
	}
	for i, u := range turns {
		until := time.Duration(1 << 62)
		if i+1 < len(turns) {
			until = turns[i+1].At
		}
		if !u.Cut {
			continue
		}
		text, heard := strings.Fields(u.Text), strings.Fields(u.Heard)
		at, far, took := -1, -1, time.Duration(0) // the word that sounds, the furthest that did, and how much of it
		full := make(map[int]time.Duration)
		for _, s := range p.Wire {
			if from := s.From + p.Origin; from < u.At || from >= until || s.Word == Tone || s.Rest && at < 0 { // the rest is the last turn's
				continue
			}
			if !s.Rest {
				at = next(text, at, s.Word)
			}
			if at < 0 {
				t.Errorf("turn %d: the wire had %q, which was not said there: %q", u.N, s.Word, u.Text)
				break
			}
			full[at] = s.Full
			switch {
			case at > far:
				far, took = at, s.Took
			case at == far:
				took += s.Took
			}
		}
		if far < 0 {
			continue
		}
		whole, sounded, believed := far, min(took, full[far]), time.Duration(0)
		if took > full[far]/2 {
			whole++
		}
		for j := range max(far, len(heard)) {
			length, ok := full[j]
			if !ok {
				length = p.Wire[0].Full // of a word that never sounded: about as long as any
			}
			if j < far {
				sounded += length
			}
			if j < len(heard) {
				believed += length
			}
		}
		errors = append(errors, off{u, max(whole-len(heard), len(heard)-whole), max(0, max(believed-sounded, sounded-believed)-full[far]/2)})
	}
	return errors
}

// next is where in text word is said, at or about the place behind at: a leg that is unsure of what was heard says some words again.
func next(text []string, at int, word string) int {
	for _, step := range []int{1, 0, 2, -1, -2, -3, 3, -4, -5} {
		if i := at + step; i >= 0 && i < len(text) && text[i] == word {
			return i
		}
	}
	return -1
}

// interrupting is a call with much to be interrupted.
func interrupting(r *rand.Rand) Score {
	s := Score{
		Manners:    pipeline.Manners{Filler: pipeline.Filler{After: -1}},
		Model:      Model{Think: 0.1 + 0.5*r.Float64(), PerWord: 0.01 + 0.1*r.Float64(), Answer: func(pipeline.Talk) []pipeline.Delta { return Text(story) }},
		Voice:      Voice{PerWord: 0.28 + 0.16*r.Float64(), Delay: 0.05 + 0.3*r.Float64()},
		Recogniser: Recogniser{Eager: r.IntN(2) == 0, Mute: r.IntN(4) == 0, Delay: 0.05 + 0.3*r.Float64()},
	}
	if r.IntN(3) == 0 {
		s.Voice.Stalls = 3 + r.IntN(5)
	}
	at := 1 + 3*r.Float64()
	for range 3 + r.IntN(5) {
		length := 0.5 + r.Float64()
		switch r.IntN(8) {
		default:
			s.Caller = append(s.Caller, Says("please stop that now", at, at+length))
		case 0:
			s.Caller = append(s.Caller, Coughs(at, at+length/4))
		case 1:
			s.Caller = append(s.Caller, Rustles(at, at+length))
		case 2:
			s.Caller = append(s.Caller, Presses("1#", at))
		case 3:
			s.Caller = append(s.Caller, Parks(at, at+length))
		}
		at += length + 1.5 + 5*r.Float64()
	}
	s.Caller = append(s.Caller, HangsUp(at+2))
	return s
}
