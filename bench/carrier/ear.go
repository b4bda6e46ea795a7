package carrier

// How the caller's ear tells speech from silence: the energy of 10 ms windows. The line carries mu-law silence or speech, so a
// fixed bar does.
const (
	window  = Rate / 100        // samples
	voiced  = 184 * 184         // mean square of -45 dBFS
	joins   = 300 * Rate / 1000 // a shorter silence does not end a stretch of speech
	onsets  = 2                 // voiced windows in a row that begin one: a click is not speech
	edgePad = 50 * Rate / 1000  // kept on either side of a trimmed recording
)

// A stretch is speech from sample start to sample end (exclusive).
type stretch struct{ start, end int64 }

// An ear hears one direction of a call and keeps the stretches of speech, to the sample.
type ear struct {
	heard       int64 // samples
	sum         int64 // of squares in the window so far
	first, last int64 // loud samples in the window so far
	run         int   // voiced windows in a row
	onset       int64 // of that run
	talk        []stretch
	open        bool // the last stretch may still go on
}

func newEar() ear { return ear{first: -1} }

// hear takes the next samples.
func (e *ear) hear(pcm []int16) {
	for _, s := range pcm {
		square := int64(s) * int64(s)
		if square >= voiced {
			if e.last = e.heard + 1; e.first < 0 {
				e.first = e.heard
			}
		}
		e.sum += square
		if e.heard++; e.heard%window == 0 {
			e.judge(e.sum >= voiced*window)
			e.sum, e.first = 0, -1
		}
	}
}

// judge adds a finished window.
func (e *ear) judge(loud bool) {
	switch {
	case !loud:
		e.run = 0
		if e.open && e.heard-e.latest().end >= joins {
			e.open = false
		}
	case e.open:
		e.latest().end = e.last
	default:
		if e.run++; e.run == 1 {
			e.onset = e.first
		}
		if e.run == onsets {
			e.talk = append(e.talk, stretch{start: e.onset, end: e.last})
			e.open = true
		}
	}
}

func (e *ear) latest() *stretch { return &e.talk[len(e.talk)-1] }

// split ends the stretch that is sounding: what follows is another one, however close.
func (e *ear) split() { e.open, e.run = false, 0 }

// quiet is how many samples ago speech was last heard; ok is false when it never was.
func (e *ear) quiet() (n int64, ok bool) {
	if len(e.talk) == 0 {
		return 0, false
	}
	return e.heard - e.latest().end, true
}

// trim cuts silence off both ends of a recording, up to a small pad. It is empty when nothing in it is loud enough to be speech.
func trim(pcm []int16) []int16 {
	e := newEar()
	e.hear(pcm)
	if len(e.talk) == 0 {
		return nil
	}
	from, to := max(0, e.talk[0].start-edgePad), min(int64(len(pcm)), e.latest().end+edgePad)
	return pcm[from:to]
}
