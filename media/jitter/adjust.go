package jitter

// How far the delay may be from what is aimed at. Where nothing goes wrong, it never is.
const (
	slack    = 40 * unit / 1000  // too long: in silence it shrinks beyond that, until it is within a frame
	patience = 100 * unit / 1000 // and in speech beyond that
	starving = 20 * unit / 1000  // too short: in silence it grows at once, in speech beyond that
	rest     = 3                 // frames between two changes in speech
	alike    = 0.5               // correlation of what speech is put in after, or left out before
)

// adjust brings the delay nearer to what is aimed at, by a pitch period at most, before the next n samples sound.
func (b *Buffer) adjust(n int) {
	b.apart++
	over := b.delay() - b.target()
	short := b.ahead()%b.grid - over
	b.easing = over > slack || b.easing && over > frame
	if short <= bucket && !b.easing {
		return
	}
	quiet := b.floor.quiet(b.line.pcm[b.line.at : b.line.at+n])
	if !quiet && (b.apart < rest || short <= starving && over <= patience) {
		return
	}
	s := b.pitch
	if quiet { // no period is to be kept, so no more is changed than is needed
		s.most = max(s.least, min(s.most, int(max(short, over-frame)/b.tick)))
	}
	if short > bucket {
		b.grow(s, quiet)
	} else {
		b.shrink(s, quiet, n)
	}
}

func (b *Buffer) grow(s search, quiet bool) {
	lag, like := s.lag(b.line.pcm, b.line.at, false)
	if !quiet && like < alike {
		return
	}
	b.line.grow(lag)
	b.stats.Stretched += uint64(lag)
	b.apart = 0
}

// shrink leaves a period out, if what is after it has come.
func (b *Buffer) shrink(s search, quiet bool, n int) {
	for b.line.ahead() < n+s.most+s.window {
		next := b.queue.first()
		if next == nil || next.coding < 0 || next.number != b.queue.next || next.media != b.head || b.over(next) {
			return
		}
		b.play(next)
	}
	lag, like := s.lag(b.line.pcm, b.line.at, true)
	if !quiet && like < alike {
		return
	}
	b.line.shrink(lag, min(lag, s.window))
	b.stats.Skipped += uint64(lag)
	b.apart = 0
}
