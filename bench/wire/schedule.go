package wire

import "time"

// FrameTime is what all counts are in: 20 ms of audio.
const FrameTime = 20 * time.Millisecond

// skip is how late a stream must be, twice in a row and without catching up, to be judged on a new line.
const skip = 15 * time.Millisecond

// A Schedule judges when one stream's audio arrives. Times are from any common origin. The zero Schedule is ready.
type Schedule struct {
	begun bool
	line  time.Duration // the earliest that audio at offset 0 could have come
	play  time.Duration // when audio at offset 0 sounds: at the first arrival, later after each time it ran dry
	audio time.Duration // that has come
	last  time.Duration // arrival
	slow  bool          // the last message was late by more than skip and was not catching up
}

// A Verdict is how one message did.
type Verdict struct {
	Late    time.Duration // against the stream's own schedule
	Dry     time.Duration // after it had to sound
	Skipped bool          // the stream goes on later than before, for good: by Late
}

// Arrive takes a message with so much audio.
func (s *Schedule) Arrive(at, audio time.Duration) (v Verdict) {
	if !s.begun {
		s.begun, s.line, s.play = true, at, at
	}
	offset := at - s.audio
	if s.line = min(s.line, offset); offset > s.line {
		v.Late = offset - s.line
	}
	if v.Dry = max(0, offset-s.play); v.Dry > 0 {
		s.play = offset
	}
	slow := v.Late > skip && at-s.last >= audio-3*time.Millisecond
	if slow && s.slow {
		s.line, v.Skipped, slow = offset, true, false
	}
	s.slow, s.last = slow, at
	s.audio += audio
	return v
}

// Join takes audio that was sent together with the last message: what that was judged by stands for both.
func (s *Schedule) Join(audio time.Duration) { s.audio += audio }

// End is when all that has come has sounded; 0 before anything has.
func (s *Schedule) End() time.Duration { return s.play + s.audio }

// Last is when something came last.
func (s *Schedule) Last() time.Duration { return s.last }

// Begun says whether anything has come.
func (s *Schedule) Begun() bool { return s.begun }
