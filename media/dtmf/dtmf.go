// Package dtmf is the keypad: pairs of tones that stand for keys, made and recognised, and the packets that say the same.
//
//	key ──▶ Append ──▶ 100 ms of two tones, 80 ms of silence ──▶ the line
//	the line ──▶ Detector.Hear, frame by frame ──▶ key
//	RTP ──▶ Events.Hear, packet by packet ──▶ key ──┐
//	tones, signalling ───────────────────────────────┴─▶ Once.Heard ──▶ each key once
//
// Tones are for carriers that take or bring keys in no other way; RTP has packets for them (RFC 4733). Sound is mono 16-bit linear PCM, as
// everywhere in media; 0 dBm0 is a sine whose peak is 3.17 dB below the loudest that mu-law can say (ITU-T G.711).
//
// Sources: ITU-T Q.23 (the frequencies), Q.24 (what receivers of several countries accept), ETSI ES 201 235-2 and -3 (how long and how
// loud to send, and what to take for a key).
package dtmf

import (
	"math"
	"strings"
	"time"
)

// Keys are all there are, row by row of the keypad.
const Keys = "123A456B789C*0#D"

// The frequencies of the keypad's rows and columns, in Hz (Q.23).
var (
	rows    = [4]float64{697, 770, 852, 941}
	columns = [4]float64{1209, 1336, 1477, 1633}
)

// How keys are sent. ES 201 235-2 asks for 65 ms of either at least; Q.24 has receivers that want 40. These are whole frames, so that a
// line that loses one in the middle of a tone has not lost the key.
const (
	Tone = 100 * time.Millisecond // that a key sounds
	Gap  = 80 * time.Millisecond  // of silence after it
)

// The levels: the upper tone is 2 dB louder, because lines weaken it more (ES 201 235-2 asks for 1 to 4 dB).
const (
	rowLevel    = -9.0 // dBm0
	columnLevel = -7.0
	full        = 22303 // peak of a sine at 0 dBm0: 32124 less 3.17 dB
)

// ramp is how long a tone takes to swell and to fade: short enough for ES 201 235-2, which wants it there within 7 ms, and long enough
// not to click.
const ramp = 4 * time.Millisecond

// Append appends a key at rate samples a second to pcm: Tone of its tones and Gap of silence. What is no key is Tone+Gap of silence.
func Append(pcm []int16, key rune, rate int) []int16 {
	return append(AppendTone(pcm, key, rate, Tone), make([]int16, samples(Gap, rate))...)
}

// AppendTone appends a key that sounds as long as length, and no silence after it.
func AppendTone(pcm []int16, key rune, rate int, length time.Duration) []int16 {
	tone := samples(length, rate)
	row, column, ok := place(key)
	if !ok {
		return append(pcm, make([]int16, tone)...)
	}
	low, high := 2*math.Pi*rows[row]/float64(rate), 2*math.Pi*columns[column]/float64(rate)
	lowPeak, highPeak := full*gain(rowLevel), full*gain(columnLevel)
	edge := samples(ramp, rate)
	for i := range tone {
		swell := 1.0
		if near := min(i, tone-1-i); near < edge {
			swell = (1 - math.Cos(math.Pi*float64(near)/float64(edge))) / 2
		}
		x := lowPeak*math.Sin(low*float64(i)) + highPeak*math.Sin(high*float64(i))
		pcm = append(pcm, int16(math.Round(swell*x)))
	}
	return pcm
}

// Is says whether r is a key.
func Is(r rune) bool { return r != 0 && strings.ContainsRune(Keys, r) }

// place is where a key is on the keypad.
func place(key rune) (row, column int, ok bool) {
	i := strings.IndexRune(Keys, key)
	if i < 0 {
		return 0, 0, false
	}
	return i / 4, i % 4, true
}

// gain is what a level in decibels multiplies by.
func gain(db float64) float64 { return math.Pow(10, db/20) }

func samples(d time.Duration, rate int) int { return int(d * time.Duration(rate) / time.Second) }
