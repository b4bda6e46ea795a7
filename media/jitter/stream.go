package jitter

// A stream knows the far end's numbers and times, and makes of them ones that never wrap, jump or begin anew.
type stream struct {
	begun  bool
	source uint32
	clock  int64 // units a tick
	seq    uint16
	time   uint32
	number int64 // of the newest packet, as of seq
	media  int64 // as of time
	odd    uint16
	oddly  bool // odd is what would follow a packet that followed nothing
	breaks uint64
}

// RFC 3550, appendix A.1, on what is still the same stream.
const (
	dropout  = 3000
	misorder = 100
)

// astray is how far off a packet's time may be before it is the timestamps that have jumped, and not the packet that is late: more than any delay.
const astray = 3 * unit / 2

// place finds where a packet belongs. ok: it belongs somewhere; fresh: it begins the stream, or begins it anew. due is when a packet that is
// sent now and was never delayed would have been spoken.
func (s *stream) place(p Packet, clock, due, length int64) (number, media int64, fresh, ok bool) {
	if !s.begun {
		s.restart(p, clock, int64(p.Seq)+1<<16, 0)
		return s.number, s.media, true, true
	}
	if p.Source != s.source || clock != s.clock {
		s.breaks++
		s.restart(p, clock, s.number+1, max(s.media+length, due))
		return s.number, s.media, true, true
	}
	step := int64(int16(p.Seq - s.seq))
	media = s.media + int64(int32(p.Time-s.time))*clock
	late := due - media
	off := late > astray || late < -astray
	switch {
	case step < -misorder || step > dropout || step <= 0 && off:
		if !s.oddly || p.Seq != s.odd {
			s.odd, s.oddly = p.Seq+1, true
			return 0, 0, false, false
		}
		s.breaks++
		s.restart(p, clock, s.number+1, max(s.media+length, due))
		return s.number, s.media, true, true
	case off:
		s.breaks++
		s.restart(p, clock, s.number+step, max(s.media+length, due))
		return s.number, s.media, true, true
	}
	number = s.number + step
	if step > 0 {
		s.restart(p, clock, number, media)
	}
	return number, media, false, true
}

// restart counts from a packet on.
func (s *stream) restart(p Packet, clock, number, media int64) {
	s.begun, s.oddly = true, false
	s.source, s.clock, s.seq, s.time = p.Source, clock, p.Seq, p.Time
	s.number, s.media = number, media
}

// count is the number of a packet whose time says nothing.
func (s *stream) count(p Packet) (number int64, ok bool) {
	step := int64(int16(p.Seq - s.seq))
	if !s.begun || p.Source != s.source || step < -misorder || step > dropout {
		return 0, false
	}
	if step > 0 { // its time stays that of the last sound
		s.seq, s.number = p.Seq, s.number+step
		return s.number, true
	}
	return s.number + step, true
}
