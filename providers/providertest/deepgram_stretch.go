package providertest

import (
	"encoding/binary"

	"parley/media/g711"
)

// How the fake recognisers hear.
const (
	loud       = 300 // mean magnitude of 20 ms that counts as voice, about -40 dBFS
	wordLength = 300 // ms of voice for each word so far
)

// ulawMagnitude is how loud each code of mu-law is.
var ulawMagnitude = func() (t [256]uint16) {
	for code := range t {
		var pcm [1]int16
		g711.Ulaw.Decode(pcm[:], []byte{byte(code)})
		t[code] = uint16(max(int(pcm[0]), -int(pcm[0])))
	}
	return t
}()

// A stretch tells voice from silence by energy, 20 ms at a time. All times are in samples since its socket was opened.
type stretch struct {
	rate, width   int
	pos           int // of the next sample
	onset, voiced int // of the stretch that is going on: its first sample (-1: there is none), and the end of its last voiced 20 ms
	heard         int // voiced samples of it
	loudness, run int // of the 20 ms that are being heard: magnitudes, and how many
}

// samples is how many samples sound for ms.
func (s *stretch) samples(ms int) int { return ms * s.rate / 1000 }

func (s *stretch) seconds(samples int) float64 { return float64(samples) / float64(s.rate) }

// hear takes audio in wire encoding.
func (s *stretch) hear(audio []byte) {
	window := s.samples(20)
	for len(audio) >= s.width {
		n := min(window-s.run, len(audio)/s.width)
		s.loudness += s.magnitudes(audio[:n*s.width])
		audio = audio[n*s.width:]
		s.run += n
		s.pos += n
		if s.run == window {
			s.judge(window)
		}
	}
}

func (s *stretch) magnitudes(audio []byte) (sum int) {
	if s.width == 1 {
		for _, code := range audio {
			sum += int(ulawMagnitude[code])
		}
		return sum
	}
	for i := 0; i+1 < len(audio); i += 2 {
		v := int(int16(binary.LittleEndian.Uint16(audio[i:])))
		sum += max(v, -v)
	}
	return sum
}

// judge decides on the 20 ms that have just been heard.
func (s *stretch) judge(window int) {
	if s.loudness >= loud*window {
		if s.onset < 0 {
			s.onset = s.pos - window
		}
		s.heard += window
		s.voiced = s.pos
	}
	s.loudness, s.run = 0, 0
}

// silence is how long the stretch has been silent.
func (s *stretch) silence() int { return s.pos - s.voiced }

// over ends the stretch.
func (s *stretch) over() { s.onset, s.heard = -1, 0 }

// spread is when word i of n was said, if they were said evenly.
func (s *stretch) spread(i, n int) (from, to float64) {
	word := s.seconds(s.voiced-s.onset) / float64(n)
	from = s.seconds(s.onset) + word*float64(i)
	return from, from + word
}
