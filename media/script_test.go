package media_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"parley/media"
	"parley/media/legtest"
)

// act is one step of a random script.
type act struct {
	verb  string
	which int // of the utterances so far
	n     int // samples, or ms of waiting
}

func (a act) String() string { return fmt.Sprintf("%s(%d, %d)", a.verb, a.which, a.n) }

var acts = rapid.Custom(func(t *rapid.T) act {
	return act{
		verb: rapid.SampledFrom([]string{
			"begin", "write", "write", "write", "say", "close", "pause", "pause", "hold", "resume", "cut", "wait", "wait", "wait", "stale note",
		}).Draw(t, "verb"),
		which: rapid.IntRange(0, 20).Draw(t, "which"),
		n:     rapid.IntRange(1, 8000).Draw(t, "n"),
	}
})

// spoken is an utterance of a script and what was done to it.
type spoken struct {
	*media.Utterance
	k       int // its number, from 1, in the order of release
	written int
	closed  bool
	wasCut  bool
	heard   time.Duration // what Cut said
}

// sample is the ith sample of utterance k: one more than the sample before it, and more than all of the utterances before.
func sample(k, i int) int16 { return int16(k*2000 + i%1999) }

// trace is what a far end's samples tell: of each utterance, the sample after the last that sounded, and the widest jump.
type trace struct {
	at    map[int]int
	jumps map[int]int // in samples, forwards or back
}

// unfaded says of each sample whether it counts on from its neighbours, a dozen at a time: faded samples do not.
func unfaded(pcm []int16) []bool {
	clear := make([]bool, len(pcm))
	for begin, end := 0, 0; begin < len(pcm); begin = end {
		for end = begin + 1; end < len(pcm) && (pcm[end] == pcm[end-1]+1 || pcm[end] == pcm[end-1]-1998); end++ {
		}
		for i := begin; i < end && end-begin >= 12; i++ {
			clear[i] = true
		}
	}
	return clear
}

// follow reads the numbers of utterances and samples off what was heard. There may be only so many faded samples.
func follow(pcm []int16, allowed int) (trace, error) {
	tr := trace{at: map[int]int{}, jumps: map[int]int{}}
	k, faded, clear := 0, 0, unfaded(pcm)
	for j, v := range pcm {
		if n := int(v) / 2000; n > k { // the next utterance
			k, tr.at[n] = n, 0
		} else if clear[j] && n < k {
			return tr, fmt.Errorf("utterance %d sounds after utterance %d, at sample %d of the call", n, k, j)
		}
		if !clear[j] {
			if faded++; faded > allowed {
				return tr, fmt.Errorf("more than %d faded samples, the last of utterance %d", allowed, k)
			}
			tr.at[k]++
			continue
		}
		jump := (int(v)%2000 - tr.at[k]) % 1999
		if jump > 999 {
			jump -= 1999
		} else if jump < -999 {
			jump += 1999
		}
		tr.jumps[k] = max(tr.jumps[k], jump, -jump)
		tr.at[k] += jump + 1
	}
	return tr, nil
}

// limits are how wrong a Playout may be.
type limits struct {
	report time.Duration // how far what an utterance reports in the end may be from what the far end heard of it
	live   time.Duration // the same for Heard, while audio is on its way
	jump   time.Duration // how much a Hold may repeat or skip
}

// perform plays a script on a line and returns what was wrong.
func perform(t *testing.T, line legtest.Line, script []act, l limits) (wrong error) {
	synctest.Test(t, func(t *testing.T) {
		m, stop := newMouth(t, line)
		defer stop()
		s := stage{mouth: m, limits: l}
		for _, a := range script {
			if wrong = s.perform(a); wrong != nil {
				wrong = fmt.Errorf("%v after %v: %w", a, time.Since(m.start), wrong)
				return
			}
			time.Sleep(33 * time.Microsecond) // off every grid
		}
		wrong = s.curtain()
	})
	return wrong
}

// stage is where a script is performed.
type stage struct {
	*mouth
	limits
	all   []*spoken
	holds int
}

func (s *stage) perform(a act) error {
	if a.verb == "begin" || len(s.all) == 0 {
		if len(s.all) < 14 {
			u := &spoken{Utterance: s.Begin(), k: len(s.all) + 1}
			s.all = append(s.all, u)
			s.Release(u.Utterance)
		}
		return nil
	}
	u := s.all[max(0, len(s.all)-1-a.which%3)] // one of the newest
	switch a.verb {
	case "say", "write": // a sentence, or what it is made of
		if a.verb == "say" {
			a.n *= 4
		}
		n := min(a.n, 5*rate-u.written)
		if u.closed || u.wasCut || n <= 0 {
			return nil
		}
		pcm := make([]int16, n)
		for i := range pcm {
			pcm[i] = sample(u.k, u.written+i)
		}
		u.written += n
		return u.Write(s.t.Context(), pcm)
	case "close":
		u.closed = true
		u.CloseWrite()
	case "pause":
		s.holds++
		u.Hold()
		time.Sleep(time.Duration(a.n) * time.Millisecond / 10)
		u.Resume()
	case "hold":
		s.holds++
		u.Hold()
	case "resume":
		u.Resume()
	case "cut":
		if !u.wasCut {
			s.holds++ // what is spared fades in
			u.wasCut, u.heard = true, u.Cut()
		}
		if again := u.Cut(); again != u.heard {
			return fmt.Errorf("Cut says %v, then %v", u.heard, again)
		}
		select {
		case <-u.Done():
		default:
			return fmt.Errorf("Done is open after Cut")
		}
	case "stale note":
		s.Played(media.Note{Kind: media.Played, Through: time.Duration(a.n) * time.Millisecond, Epoch: 1 << 30})
	case "wait":
		time.Sleep(time.Duration(a.n) * time.Millisecond / 10)
		synctest.Wait()
		return s.compare(s.live)
	}
	return nil
}

// compare holds what utterances say of themselves against what the far end has heard.
func (s *stage) compare(bound time.Duration) error {
	// A hold fades 20 ms out and 20 ms in; the beginnings and ends of utterances are too short to tell.
	tr, err := follow(s.far.Heard(), s.holds*320+len(s.all)*24)
	if err != nil {
		return err
	}
	for _, u := range s.all {
		said, really := u.Heard(), media.Samples(tr.at[u.k], rate)
		if diff := max(said-really, really-said); diff > bound+time.Millisecond {
			return fmt.Errorf("utterance %d: %v heard, really %v", u.k, said, really)
		}
		if said > media.Samples(u.written, rate) {
			return fmt.Errorf("utterance %d: %v heard of %v", u.k, said, media.Samples(u.written, rate))
		}
		if jump := media.Samples(tr.jumps[u.k], rate); jump > s.jump {
			return fmt.Errorf("utterance %d: %v repeated or skipped", u.k, jump)
		}
	}
	return nil
}

// curtain lets everything finish, and checks that it did.
func (s *stage) curtain() error {
	for _, u := range s.all {
		u.CloseWrite()
		u.Resume()
	}
	time.Sleep(2 * time.Minute)
	synctest.Wait()
	for _, u := range s.all {
		select {
		case <-u.Done():
		default:
			return fmt.Errorf("utterance %d is not done", u.k)
		}
		if h := u.Heard(); !u.wasCut && h != media.Samples(u.written, rate) {
			return fmt.Errorf("utterance %d: %v heard in the end, of %v", u.k, h, media.Samples(u.written, rate))
		}
	}
	if err := s.compare(s.report); err != nil {
		return fmt.Errorf("in the end: %w", err)
	}
	var tapped, want []int16
	for _, p := range s.tapped {
		tapped = append(tapped, p.PCM...)
	}
	for _, u := range s.all {
		for i := range int(u.Heard() * rate / time.Second) {
			want = append(want, sample(u.k, i))
		}
	}
	clear, kept := unfaded(tapped), len(tapped) == len(want)
	for i := range tapped { // without Lead the tap hears fades, too
		kept = kept && (tapped[i] == want[i] || !clear[i])
	}
	if !kept {
		return fmt.Errorf("the tap was given %d samples, not the %d that were heard, in order", len(tapped), len(want))
	}
	return nil
}

// losing loses and delays marks at random, as seed decides.
func losing(seed, percent, late int) func(int) (time.Duration, bool) {
	return func(n int) (time.Duration, bool) {
		x := uint64(seed+1) * uint64(n+7) * 0x9e3779b97f4a7c15
		return time.Duration(x>>40%uint64(late+1)) * time.Millisecond, int(x>>20%100) < percent
	}
}

// TestScriptsOnASteadyLine: where the line's delay is constant a Hold neither repeats nor skips a sample, and reports are exact. On a
// leg without Lead they are within a frame: what follows a last chunk shorter than that may wait for the next beat.
func TestScriptsOnASteadyLine(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		line := legtest.Line{Info: rapid.SampledFrom([]media.Info{plain, carrier}).Draw(r, "info"), Marks: rapid.Bool().Draw(r, "marks")}
		if rapid.Bool().Draw(r, "far away") {
			line.Down = time.Duration(rapid.IntRange(0, 150).Draw(r, "down")) * time.Millisecond
			line.Up = time.Duration(rapid.IntRange(0, 150).Draw(r, "up")) * time.Millisecond
		} else {
			line.Mark = losing(rapid.IntRange(0, 1000).Draw(r, "seed"), 40, 0)
		}
		script := rapid.SliceOfN(acts, 5, 80).Draw(r, "script")
		bound := time.Duration(0)
		if line.Info.Lead == 0 {
			bound = media.FrameTime
		}
		if err := perform(t, line, script, limits{report: bound, live: bound + line.Down}); err != nil {
			r.Fatal(err)
		}
	})
}

// TestScriptsOnABadLine: with a carrier that begins late, notes that vary in their time or never come back, reports are within what
// the line adds: 100 ms where that is what it adds at the most.
func TestScriptsOnABadLine(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		line := legtest.Line{
			Info:      rapid.SampledFrom([]media.Info{plain, carrier}).Draw(r, "info"),
			Marks:     rapid.Bool().Draw(r, "marks"),
			Down:      time.Duration(rapid.IntRange(0, 20).Draw(r, "down")) * time.Millisecond,
			Up:        time.Duration(rapid.IntRange(0, 20).Draw(r, "up")) * time.Millisecond,
			Prebuffer: time.Duration(rapid.IntRange(0, 30).Draw(r, "prebuffer")) * time.Millisecond,
			Mark:      losing(rapid.IntRange(0, 1000).Draw(r, "seed"), 30, 35),
		}
		script := rapid.SliceOfN(acts, 5, 80).Draw(r, "script")
		if err := perform(t, line, script, limits{report: ms(100), live: ms(100), jump: ms(100)}); err != nil {
			r.Fatal(err)
		}
	})
}
