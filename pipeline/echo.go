package pipeline

import (
	"slices"
	"strings"
	"time"
)

// echo is what a call has shown of its leg: whether the far end sends the agent's own voice back, as a speakerphone does.
//
//	             1.5 s of the agent's speech, undisturbed
//	not known ───────────────────────────────────────────▶ free of echo
//	    │ ▲                                                   │
//	    │ └── 10 s undisturbed ──┐                            │
//	    └── 2 echoes, or a long one ──▶ echoing ◀── the same ─┘
type echo struct {
	verdicts  int           // stretches of the caller's speech that were the agent's own words
	clean     time.Duration // how long the agent has spoken without a sound from the caller, since the last of them: see meet
	disturbed bool          // there was a sound from the caller while the turn in progress sounded
}

// What proves a leg to be free of echo, to echo, to echo no more; and how long an echo is that proves it alone, in words. An echo comes
// back within 700 ms, and the ear notices its first loud syllable: recorded ones within 620 ms after the agent began, but for a few
// at -30 dB after up to 1.3 s.
const (
	provenFree    = 1500 * time.Millisecond
	provenEchoing = 2
	echoesNoMore  = 10 * time.Second
	longEcho      = 4
)

func (e *echo) echoing() bool { return e.verdicts >= provenEchoing }

// spokeFor takes note that a turn has sounded for so long.
func (e *echo) spokeFor(d time.Duration) {
	if !e.disturbed {
		e.clean += d
	}
	if e.clean >= echoesNoMore {
		e.verdicts = 0
	}
}

// found takes note of an echo of so many words.
func (e *echo) found(words int) {
	if e.verdicts++; words >= longEcho {
		e.verdicts = max(e.verdicts, provenEchoing)
	}
	e.clean = 0
}

// overlap is where in the agent's words a stretch of the caller's speech began.
type overlap struct {
	words int  // of the agent that had been heard; -1: it had said nothing for some time
	after bool // it had just finished
	soon  bool // it began just after the agent did, or after it went on: as an echo does
	echo  bool // of its words some were the agent's own, which is noted
}

// An echo comes back at most 700 ms after it was said, and the ear needs some time to notice it: so many words of the agent before
// the speech began may be in it, and as many as that after what is known to be heard. Only the end of a sentence can come back when it
// is finished: an echo of two words or more begins no later than just after it.
const (
	echoBefore, echoAhead = 5, 3
	echoAfter             = 200 * time.Millisecond
	echoSoon              = 800 * time.Millisecond
	echoBlip              = 800 * time.Millisecond // the sound of an echo that ended because the agent was held
	echoTail              = 400 * time.Millisecond // speech that lasts longer than that after the agent's is not all echo
)

// meet notes how a new stretch of the caller's speech meets the agent's.
func (d *dialog) meet() {
	c, m := &d.caller, &d.mouth
	c.met = overlap{words: -1}
	switch gap := c.from - m.until; {
	case m.sounds || m.until > 0 && gap <= 0:
		spoke := c.from - m.since
		c.met.words, c.met.soon = m.heard, spoke <= echoSoon
		if m.sounds && !d.echo.disturbed && !c.met.soon { // an echo would have disturbed it earlier
			d.echo.clean += spoke
		}
		d.echo.disturbed = m.sounds
	case m.until > 0 && gap <= echoAfter:
		c.met.words, c.met.after = m.heard, true
	case d.bridged():
		c.met.words = m.heard
	}
	c.met.soon = c.met.soon || d.bridged()
}

// bridged says whether the stretch of speech began when a filler had just sounded.
func (d *dialog) bridged() bool {
	return d.mouth.filled > 0 && d.caller.from-d.mouth.filled <= echoSoon
}

// free says whether the leg is free of echo: the agent has spoken for long without being heard back.
func (d *dialog) free() bool { return d.echo.verdicts == 0 && d.echo.clean >= provenFree }

// mayEcho says whether what is heard while the agent speaks may be the agent. It is not held then: an echo that is allowed to go on
// tells by its words what it is, whereas of one that is cut short at once nothing is left but a sound that the recogniser takes for a word.
func (d *dialog) mayEcho() bool {
	return d.mouth.sounds && d.caller.met.words >= 0 && !d.free() && !d.manners.Interrupt.NoEcho
}

// heardBack takes out of the caller's words the agent's own voice coming back, and says how many words that were.
//
// Echo is told by words and by time: it can only be of what sounded right before. A caller who answers "Friday" when the agent has
// asked "Tuesday or Friday?" has waited for its end; an echo would have begun earlier. Recognition garbles echoes, so that a share of
// the words has to be found, in order; how large a share depends on what is known of the leg. Over says that text is final.
func (d *dialog) heardBack(text string, over bool) (own string, echoes int) {
	c, m := &d.caller, &d.mouth
	said := strings.Fields(plain(text))
	if len(said) == 0 || c.met.words < 0 || d.manners.Interrupt.NoEcho {
		return text, 0
	}
	from, to := max(0, min(c.met.words, len(m.text))-echoBefore), min(len(m.text), m.heard+echoAhead)
	window := strings.Fields(plain(strings.Join(m.text[from:max(from, to)], " ")))
	if d.bridged() {
		window = append(window, strings.Fields(plain(strings.Join(m.filler, " ")))...)
	}
	found := common(said, window)
	n, last := 0, 0
	for i, f := range found {
		if f {
			n, last = n+1, i+1
		}
	}
	switch {
	case n > 0 && d.plausible(n, last, len(said), window, said):
	case !over && d.mayEcho(): // until more is known only what is surely not an echo counts
		return strings.Join(unfound(spelled(text), found), " "), 0
	default:
		return text, 0
	}
	if !c.met.echo && (n > 1 || c.met.soon) { // one word may be the caller's own
		c.met.echo = true
		d.echo.found(n)
	}
	if d.ownWords(said[last:]) {
		return strings.Join(spelled(text)[last:], " "), n
	}
	return between(spelled(text), found), n
}

// between is what somebody said while the agent spoke on: the words that are not found, from where they are half of all.
func between(said []string, found []bool) string {
	const window = 8
	for i := range said {
		var own []string
		for j := i; j < len(said); j++ {
			if !found[j] {
				own = append(own, said[j])
			}
			if j == i+window-1 && len(own) < window/2 {
				break
			}
		}
		if !found[i] && len(own) >= window/2 && len(said)-i <= 2*len(own) {
			return strings.Join(own, " ")
		}
	}
	return ""
}

// unfound are the words that are not found.
func unfound(said []string, found []bool) (rest []string) {
	for i, w := range said {
		if !found[i] {
			rest = append(rest, w)
		}
	}
	return rest
}

// plausible says whether n words of said, the last of them at last, are an echo of the window.
func (d *dialog) plausible(n, last, all int, window, said []string) bool {
	met := d.caller.met
	share := float64(n) / float64(all)
	begins := n >= 3 && n >= last-1 // with an echo, and goes on with something else
	switch {
	case met.after:
		return d.echo.echoing() && n == all && n >= 2 && alike(said[n-1], window[len(window)-1])
	case d.echo.echoing():
		return share >= 0.5 || begins
	case d.free():
		return share >= 0.8 && n >= longEcho
	case n == 1: // anything but a leg's very first sound would have been heard back earlier
		return share == 1 && (met.words < 3 || met.soon)
	}
	return share >= 0.6 || begins
}

// ownWords says whether what follows an echo is the caller, and not a word of it garbled.
func (d *dialog) ownWords(rest []string) bool {
	least := 2
	if d.echo.echoing() {
		least = 3
	}
	late := d.turn == nil && d.caller.floor != speaking && d.caller.spoke-d.mouth.until > echoTail
	return len(rest) >= least || d.always.in(rest) || late && len(rest) > 0
}

// spelled are the words of text as they are written; plain has as many.
func spelled(text string) []string {
	return slices.DeleteFunc(strings.Fields(text), func(w string) bool { return plain(w) == "" })
}

// common marks the words of said that are in the longest sequence of words that it has in common with window, in order.
func common(said, window []string) []bool {
	length := make([][]int, len(said)+1) // of the longest common sequence of what follows
	for i := range length {
		length[i] = make([]int, len(window)+1)
	}
	for i := len(said) - 1; i >= 0; i-- {
		for j := len(window) - 1; j >= 0; j-- {
			length[i][j] = max(length[i+1][j], length[i][j+1])
			if alike(said[i], window[j]) {
				length[i][j] = max(length[i][j], length[i+1][j+1]+1)
			}
		}
	}
	found := make([]bool, len(said))
	for i, j := 0, 0; i < len(said) && j < len(window); {
		switch {
		case alike(said[i], window[j]) && length[i][j] == length[i+1][j+1]+1:
			found[i] = true
			i, j = i+1, j+1
		case length[i+1][j] >= length[i][j+1]:
			i++
		default:
			j++
		}
	}
	return found
}

// alike says whether one plain word may be the other, misheard: a third of its letters may differ, none in a short one.
func alike(a, b string) bool {
	return a == b || min(len(a), len(b)) >= 4 && distance(strings.Split(a, ""), strings.Split(b, ""))[len(b)]*3 <= max(len(a), len(b))
}

// distance is the edit distance of a from every beginning of b: the last row of Levenshtein's table.
func distance(a, b []string) []int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		above := row[0] // of the row before, one to the left
		row[0] = i + 1
		for j := range b {
			cost := above
			if a[i] != b[j] {
				cost++
			}
			above = row[j+1]
			row[j+1] = min(cost, above+1, row[j]+1)
		}
	}
	return row
}
