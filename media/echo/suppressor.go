package echo

// What the suppressor goes by; powers are mean squares, a block is 10 ms. The bars were found on recorded callers who talk over a
// synthetic agent, with echoes of -10 to -30 dB (bench/turns, tuned half): there what an echo left was up to 13 dB above its mean, and
// the beginning of a caller's speech 15 to 35 dB.
const (
	reach      = 55        // blocks in which an echo of what was played comes back
	loudest    = 0.25      // of what was played that comes back: ITU-T G.168 (3.4.1) expects an echo return loss of 6 dB or more
	faintest   = 3e-5      // of what was played that the filter leaves: -45 dB
	apart      = 16        // times what is left on the average, 12 dB, is the caller
	removed    = 0.1       // of what came back, or less, is left of an echo that the filter knows
	forgetting = 0.985     // a block: the average is of two thirds of a second
	learning   = 60        // blocks before it is trusted: by then the echo has come
	rising     = 1.007     // a block: if the echo's way has changed while it was taken for the caller, 3 dB a second
	begins     = 2         // blocks in which the caller is heard before it is believed
	lasts      = 25        // blocks for which it then is: the pauses within words
	shut       = 0.01      // gain, -40 dB
	playing    = 100 * 100 // power of a block that may echo: -50 dBFS
	audible    = 32 * 32   // power of a block that may be a caller: -60 dBFS
)

// suppressor is the non-linear processor behind the filter (ITU-T G.168, 3.2.10): while the agent sounds, and half a second longer, it
// shuts out what is left of the echo, unless the caller speaks.
//
// The caller is who is clearly louder than what has been left of late, as a share of what was played. Until that is known, after 0.6 s
// of the agent's speech in the call, the line is held for as bad as lines get: for so long it is half duplex, but for callers louder
// than an echo can be.
type suppressor struct {
	played [reach]float32 // power of the blocks played; a ring
	newest int
	leak   float32 // share of what was played that is left, at most loudest
	left   float32 // fading sums: of what is left,
	sent   float32 // and of the loudest block whose echo it may be
	blocks int     // of echo alone, so far
	came   float32 // power of the block before
	heard  int     // blocks in which there was a caller, lately
	open   int     // blocks for which the caller is believed to speak
	gain   float32
}

func newSuppressor() suppressor { return suppressor{leak: loudest / apart, gain: 1} }

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
	s.amplify(out, s.judge(most, came, rest))
}

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
		s.left, s.sent = forgetting*s.left+rest, forgetting*s.sent+most
		if s.blocks++; s.blocks > learning {
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
