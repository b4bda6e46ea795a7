package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"parley/bench/carrier"
	"parley/bench/load"
)

// Names of servers in the report besides kinds: each is the product in another situation.
const (
	plain       = "product, 500 calls"    // whose recogniser does not guess: no answer is prepared, so that all of its way is seen
	unrecorded  = "product, not recorded" // the same without recordings
	voices      = "product, voice to voice"
	interrupted = "product, interrupted"
	busy        = "product, at 80 %"    // of what it carries
	thousand    = "product, 1000 calls" // garbage collection
	listening   = "product, it listens" // 1000 calls that are silent after the greeting: memory
	neural      = "product, neural ear" // with gated Silero instead of the energy gate
	full        = "product, full"       // it has as many calls as it is allowed to
	overloaded  = "product, 150 %"      // and half as many again call
	alone       = "product, no API"     // 500 calls, and nothing else
	beside      = "product, API beside" // the same calls, while the API is asked
)

// How much of it.
const (
	atOnce      = 500 // calls of most points
	neuralCalls = 350 // shared/PERFORMANCE.md
	apiRate     = 2000.0
)

// What callers do besides conversation.
const (
	// barging is a caller who asks, cuts in a second after the answer has begun, hears the next one out, and is quiet for a while: of 500 callers some 35 cut in
	// a second, which is many, and leaves the core room.
	barging = `hear quiet=300ms most=40s
silent 3s
say queue-callswaiting
barge one-moment-please after=1s hush=3s`
	// silent is one who says nothing.
	silent = `hear quiet=300ms most=40s
silent 9m`
	// talkative is one who speaks for 40 % of the time.
	talkative = `hear quiet=300ms most=40s
say queue-callswaiting
say one-moment-please`
	// sudden is one whose sentences end with a frame that is speech to everybody, and then is nothing (abrupt_linux.go): generator and recogniser are
	// of one mind on when he fell silent.
	sudden = `hear quiet=300ms most=40s
say abrupt-0.wav
hear quiet=300ms most=40s
say abrupt-1.wav
hear quiet=300ms most=40s
say abrupt-2.wav
hear quiet=300ms most=40s
say abrupt-3.wav`
)

// A point is a scene or several that belong together, which are played one after the other in each round.
type point struct {
	name   string // of -point
	scenes func(s *session) ([]scene, error)
}

// points are all of them, in the order of a round.
var points = []point{
	{"way", wayScenes}, {"voice", voiceScene}, {"barge", bargeScene}, {"busy", busyScene}, {"thousand", thousandScene},
	{"listen", listenScene}, {"neural", neuralScene}, {"overload", overloadScene}, {"api", apiScene},
}

// chosen are the points of a list of names with commas between; of an empty one all.
func chosen(names string) (some []point, err error) {
	if names == "" {
		return points, nil
	}
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(points, func(p point) bool { return p.name == name })
		if i < 0 {
			var all []string
			for _, p := range points {
				all = append(all, p.name)
			}
			return nil, fmt.Errorf("-point has %q: want some of %s, with commas between", name, strings.Join(all, ","))
		}
		some = append(some, points[i])
	}
	return some, nil
}

// takePoints measures the product in other situations, all points in turn, round by round.
func (s *session) takePoints(ctx context.Context, some []point) error {
	var scenes []scene
	for _, p := range some {
		more, err := p.scenes(s)
		if err != nil {
			return fmt.Errorf("point %s: %w", p.name, err)
		}
		scenes = append(scenes, more...)
	}
	for round := 1; round <= s.o.rounds; round++ {
		for _, sc := range scenes {
			if err := s.play(ctx, sc, round); err != nil {
				return err
			}
		}
	}
	return nil
}

// few is how many calls a point of so many has: -calls has fewer of all, to try them.
func (s *session) few(calls int) int {
	if s.o.calls > 0 {
		return min(s.o.calls, calls)
	}
	return calls
}

// as is the usual scene of the product under another name, with so many callers; a script that is not "" is what these do.
func (s *session) as(name string, calls int, script string) (scene, error) {
	sc := s.scene("product", s.few(calls))
	sc.name = name
	if script == "" {
		return sc, nil
	}
	var err error
	sc.script, err = carrier.ParseScript(name, script)
	return sc, err
}

func wayScenes(s *session) ([]scene, error) {
	with, err := s.as(plain, atOnce, "")
	with.vendors.Reticent = true
	without := with
	without.name, without.env = unrecorded, []string{"PARLEY_RECORD=false"}
	return []scene{with, without}, err
}

func voiceScene(s *session) ([]scene, error) {
	const calls = 300 // of which each has a turn in five seconds
	sc, err := s.as(voices, calls, sudden)
	if err != nil {
		return nil, err
	}
	if err := writeAbrupt(s.scratch); err != nil {
		return nil, err
	}
	for i := range sc.script {
		if slices.Contains(abruptly[:], sc.script[i].What) {
			sc.script[i].What = filepath.Join(s.scratch, sc.script[i].What)
		}
	}
	sc.vendors.Words, sc.beyond = 6, hangover
	return []scene{sc}, nil
}

func bargeScene(s *session) ([]scene, error) {
	sc, err := s.as(interrupted, atOnce, barging)
	sc.steps[0].Hold += s.hold / 2 // there are fewer of them than of anything else
	return []scene{sc}, err
}

func busyScene(s *session) ([]scene, error) {
	most := s.found.Median("product")
	if most == 0 {
		most = guesses["product"] // there was no search
	}
	sc, err := s.as(busy, most*8/10, "")
	return []scene{sc}, err
}

func thousandScene(s *session) ([]scene, error) {
	sc, err := s.as(thousand, 1000, "")
	return []scene{sc}, err
}

func listenScene(s *session) ([]scene, error) {
	sc, err := s.as(listening, 1000, silent)
	sc.env = []string{"PARLEY_SILENCE=10m"}
	sc.steps[0].Hold, sc.steps[0].Ramp = 12*time.Second, 8*time.Second
	return []scene{sc}, err
}

// neuralScene has callers who speak for 40 % of the time, as the target has it; the goal's note says how much it was. Two lesser loads come first, to
// tell how far off it is where it is not carried.
func neuralScene(s *session) ([]scene, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("find local speech: %w", err)
	}
	if _, err := os.Stat(filepath.Join(cache, "parley", "speech", "libonnxruntime.so")); err != nil { // else the server would hear by less, and say nothing
		return nil, fmt.Errorf("find local speech: %w: make setup", err)
	}
	sc, err := s.as(neural, neuralCalls, talkative)
	sc.env, sc.vendors.Words, sc.settle = []string{"PARLEY_EAR=local"}, 15, 3*time.Second
	var before int
	var steps []load.Step
	for _, calls := range []int{150, 250, neuralCalls} {
		calls = s.few(calls)
		steps = append(steps, load.Step{Calls: calls, Ramp: max(time.Second, time.Duration(calls-before)*time.Second/comes), Hold: s.hold})
		before = calls
	}
	sc.steps = steps
	return []scene{sc}, err
}

// overloadScene fills the server to -max-calls, and then has half as many again call it in the same time, evenly, beside those that it has. So 150 %
// are offered, and exactly the excess is to be refused.
func overloadScene(s *session) ([]scene, error) {
	sc, err := s.as(full, atOnce, "")
	calls := sc.steps[0].Calls
	window := brief + s.hold
	sc.names, sc.settle = []string{"", full, overloaded}, brief
	sc.steps = []load.Step{
		{Calls: calls, Ramp: sc.steps[0].Ramp, Hold: warmUp}, {Calls: calls, Hold: s.hold},
		{Rate: (float64(calls/2) + 0.5) / window.Seconds(), Hold: s.hold},
	}
	sc.offered = calls + calls/2
	sc.env = []string{fmt.Sprintf("PARLEY_MAX_CALLS=%d", calls)}
	return []scene{sc}, err
}

// apiScene has the API asked for an agent 2,000 times a second beside calls, and not, and not, and again: what drifts falls on both.
func apiScene(s *session) ([]scene, error) {
	sc, err := s.as(alone, atOnce, "")
	sc.names, sc.settle, sc.ask = []string{"", beside, alone, alone, beside}, brief, beside
	sc.steps = []load.Step{{Calls: sc.steps[0].Calls, Ramp: sc.steps[0].Ramp, Hold: warmUp}}
	for range 4 {
		sc.steps = append(sc.steps, load.Step{Calls: sc.steps[0].Calls, Hold: s.hold * 8 / 10})
	}
	sc.env = []string{"PARLEY_RATE_LIMIT=1000000000"}
	return []scene{sc}, err
}

// play plays a scene and keeps what came of it.
func (s *session) play(ctx context.Context, sc scene, round int) error {
	began := time.Since(s.report.Made).Seconds()
	steps, err := s.run(ctx, sc, round)
	if err == nil && len(steps) == 0 {
		err = fmt.Errorf("%s: nothing was measured", sc.name)
	}
	for _, step := range steps {
		step.At += began
		s.report.Steps = append(s.report.Steps, step)
	}
	return err
}
