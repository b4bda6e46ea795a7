package media

import "time"

// A Source is live sound that a Playout sends on: another leg's, or music.
type Source interface {
	// Next fills pcm with the next 20 ms, or says false: then there is silence. It is called by the Playout alone, under its lock, every 20 ms
	// by the send clock: it returns at once, allocates nothing, and calls nothing of the Playout.
	Next(pcm []int16) (sounds bool)
}

// Patch lets s sound wherever no utterance does, from now on and without Lead: each 20 ms are sent when they are due. Utterances come
// first, and what s has to say meanwhile is not asked for. The tap is given what was sent of s. Nil ends it, with whatever the carrier has
// still to play of it.
func (p *Playout) Patch(s Source) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.err != nil {
		return
	}
	now := time.Now()
	p.source = s
	if s != nil {
		p.lapse(now, 0)
	}
	p.run(now)
}

// flows says whether something is sent also where no utterance sounds.
func (p *Playout) flows() bool { return p.info.Comfort || p.source != nil }
