package echo

// What the suppressor goes by. A block is 10 ms, a power the mean square of its samples. Where the bars are was measured on recorded
// callers who talk over a synthetic agent with echoes of -10 to -30 dB (bench/turns, tuned half): single blocks of what an echo left
// were up to 13 dB above its mean, and soon gone; the second block of a caller's speech was 12 to 40 dB above it.
const (
	reach     = 55    // blocks in which an echo of what was played comes back
	loudest   = 0.25  // share of what was played that comes back: ITU-T G.168 is for echo return losses of 6 dB and more
	faintest  = 3e-5  // share that is left at least, -45 dB: so quiet a caller nobody hears
	apart     = 16    // times what is left on the average is a caller: 12 dB
	removed   = 0.1   // share of what came back that is left, or less, if the filter knows it for an echo
	learned   = 60    // blocks of echo alone after which their means are trusted: by then the echo has come
	following = 0.015 // share of a block in these means: they are of two thirds of a second
	rising    = 1.007 // a block: should an echo on a new way have been taken for a caller, it is 3 dB a second less of one
	begins    = 2     // blocks in which a caller is heard before it is believed
	lasts     = 25    // blocks for which it then is: the pauses within words
	shut      = 0.01  // gain: -40 dB

	playing = 100 * 100 // power of a block that may echo: -50 dBFS
	audible = 32 * 32   // power of a block that may be a caller: -60 dBFS
	nothing = 16 * 16   // mean power of what comes back on a line without echo: -66 dBFS
)

// suppressor is the nonlinear processor behind the filter (ITU-T G.168, 04/2000, 3.18): while the agent sounds, and half a second
// longer, it shuts out what is left of the echo, unless the caller speaks. A line on which nothing comes back is left as it is.
//
// The caller is what is clearly louder than what was left of late, as a share of what was played. Until that is known, for the first
// 0.6 s that the agent speaks in a call, the line is held for as bad as lines get: so long it is half duplex, but for callers who are
// louder than an echo may be.
type suppressor struct {
	played [reach]float32 // power of the blocks played; a ring
	newest int
	leak   float32 // share of what was played that is left, at most loudest
	sent   float32 // means, fading, of the blocks of echo alone: of the loudest block whose echo it may be,
	back   float32 // of what came back,
	left   float32 // and of what the filter has left
	blocks int     // of echo alone, so far
	came   float32 // power of the block before
	heard  int     // blocks in which there was a caller, lately
	open   int     // blocks for which the caller is believed to speak
	gain   float32
}

func newSuppressor() suppressor { return suppressor{leak: loudest / apart, gain: 1} }

// relearn forgets what the filter has taken out: it begins anew.
func (s *suppressor) relearn() {
	if s.left = s.back; s.blocks > learned {
		s.leak = max(s.leak, min(s.left/s.sent, loudest/apart))
	}
}

// run takes a block: what was played, what came back, and what the filter has left of it, which is changed in place.
func (s *suppressor) run(far, near, out []int16) {
	s.newest = (s.newest + 1) % reach
	s.played[s.newest] = power(far)
	most := float32(0)
	for _, p := range s.played {
		most = max(most, p)
	}
	came, rest := power(near), power(out)
	if rest > 2*max(came, s.came) { // the filter does harm
		copy(out, near)
		rest = came
	}
	rest, s.came = min(rest, max(came, s.came)), came
	gain := s.judge(most, came, rest)
	if s.free() {
		copy(out, near)
		gain = 1
	}
	s.amplify(out, gain)
}

// free says whether the line has no echo: nothing audible comes back of the agent.
func (s *suppressor) free() bool { return s.blocks > learned && s.back < nothing }

// judge is the gain for a block whose rest is all, or the echo of something as loud as most.
func (s *suppressor) judge(most, came, rest float32) float32 {
	if most < playing {
		s.heard, s.open = 0, 0
		return 1
	}
	if rest > max(apart*s.leak*most, removed*came, audible) {
		s.heard = min(s.heard+1, begins+1)
	} else {
		s.heard = max(s.heard-1, 0)
	}
	switch {
	case s.heard >= begins:
		s.open = lasts
	case s.open > 0:
		s.open--
	}
	if s.open > 0 {
		s.leak = min(s.leak*rising, loudest/apart)
		return 1
	}
	if s.heard == 0 {
		s.sent += following * (most - s.sent)
		s.back += following * (came - s.back)
		s.left += following * (rest - s.left)
		if s.blocks++; s.blocks > learned {
			s.leak = max(faintest, min(s.left/s.sent, loudest/apart))
		}
	}
	return shut
}

// amplify changes pcm by a gain, into which it glides.
func (s *suppressor) amplify(pcm []int16, gain float32) {
	if s.gain == 1 && gain == 1 {
		return
	}
	step := (gain - s.gain) / float32(len(pcm))
	for i, v := range pcm {
		s.gain += step
		pcm[i] = int16(s.gain * float32(v))
	}
	s.gain = gain
}

// power is the mean square of pcm.
func power(pcm []int16) float32 {
	sum := 0
	for _, v := range pcm {
		sum += int(v) * int(v)
	}
	return float32(sum) / float32(max(len(pcm), 1))
}
