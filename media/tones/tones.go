// Package tones recognises the tones of telephone networks and of machines in what a leg hears: the beep after which a message is left,
// fax, ringback, busy, special information tones.
//
//	frame ──▶ spectrum of 64 ms ──▶ sight: one or two pure tones ──▶ burst: it stays ──▶ train: one after the other ──▶ Tone
//
// A machine's tone is told from a vowel or a flute by three things: nearly all the power is at one frequency (or two), its phase runs on
// from frame to frame as that of one frequency does, within 4 Hz, and it lasts. A Detector belongs to one call and to the goroutine that
// reads its leg. Hear allocates nothing.
//
// Keys (DTMF) are not told: they are media/dtmf's.
package tones

import (
	"math"
	"time"

	"parley/media"
)

// Kind says what a Tone is.
type Kind uint8

// The kinds of Tone, with the recommendations that define them.
const (
	Single   Kind = iota + 1 // one steady frequency and nothing else about it: an answering machine's beep, as a rule
	Ringback                 // ITU-T E.180: North America's 440+480 Hz, the United Kingdom's 400+450 Hz, 425 Hz elsewhere; of one burst
	Busy                     // busy or congestion, ITU-T E.180: two bursts of 480+620 Hz, three of another
	Special                  // special information tone, ITU-T E.180: 950, 1,400, 1,800 Hz in a row; the number cannot be reached
	Calling                  // a calling fax, ITU-T T.30 (CNG): 1,100 Hz for 0.5 s. A beep may sound the same: it repeats after 3 s
	Called                   // a called fax or modem, ITU-T V.25 (CED, ANSam): 2,100 Hz for more than 2.3 s
	Endless                  // any other tone of more than 2.3 s, such as a dial tone
	Sound                    // no tone, but no silence either: speech, music or noise of more than -36 dBFS in half of 2 s
)

func (k Kind) String() string {
	return [...]string{"none", "single", "ringback", "busy", "special", "calling", "called", "endless", "sound"}[k]
}

// A Tone is one that has ended, or is known for what it is before it does (Called, Endless).
type Tone struct {
	Kind     Kind
	Freq     float64       // Hz; of Special the last; of two, the lower one
	Other    float64       // the higher one; 0: there is one
	From, To time.Duration // media time, to a frame; To is never before its end, unless it goes on
}

// Length is how long it lasted.
func (t Tone) Length() time.Duration { return t.To - t.From }

// Beep says whether it can be the beep after which a message is left: one frequency, up to 2.3 s.
func (t Tone) Beep() bool {
	return t.Other == 0 && (t.Kind == Single || t.Kind == Ringback || t.Kind == Calling)
}

// Network says whether it has a frequency at which networks tell how a call gets on, so that as the first sound of a call it is no beep.
func (t Tone) Network() bool {
	return t.Other != 0 || near(t.Freq, 400, 6) || near(t.Freq, 425, 8) || near(t.Freq, 450, 6)
}

func near(f, want, within float64) bool { return math.Abs(f-want) <= within }

// What makes a burst: how long it lasts, how far it may be from the burst before it to be one train with it, and from when on a tone
// counts as one that does not end.
const (
	shortest = 120 * time.Millisecond
	apart    = 60 * time.Millisecond
	endless  = 2300 * time.Millisecond
)

// A Detector hears one call. The zero value is ready for use.
type Detector struct {
	sound  sound
	open   bool
	burst  burst
	levels [lookBack]float64 // of the last frames, the newest last
	heard  time.Duration     // end of the last frame
	train  [3]burst          // the last bursts of the train, the newest last
	bursts int               // of the train
	loud   int               // frames of the last noisy that were no silence
	since  time.Duration     // when these began
	past   [2]burst          // the last trains that may be busy tones, the newest last
	busy   int
}

// burst is a stretch of one tone, or of two at once.
type burst struct {
	low, high float64 // Hz; high is 0 of one
	from, to  time.Duration
	level     float64 // the loudest frame
	frames    int     // in which it was seen
	told      bool
}

func (b burst) length() time.Duration { return b.to - b.from }

// lookBack is how many frames a window of sound reaches back.
const lookBack = 4

// A tone is as loud as this; within a burst, no frame is so much quieter than its loudest, or it has ended. All in decibels.
const (
	quietest = -45
	drop     = 9
	fall     = 12 // how far it is to the quiet after a tone
)

// noisy is how long a sound is that is told as Sound, and loudFrom what is no silence.
const (
	noisy    = 2 * time.Second
	loudFrom = -36
)

// noise tells the sound that is no tone.
func (d *Detector) noise(level float64, to time.Duration) (Tone, bool) {
	if level > loudFrom {
		d.loud++
	}
	if to-d.since < noisy {
		return Tone{}, false
	}
	t := Tone{Kind: Sound, From: d.since, To: to}
	enough := d.loud > int(noisy/media.FrameTime/2)
	d.loud, d.since = 0, to
	return t, enough
}

// Hear takes the next 20 ms. A tone is told when it has been over for 60 ms, or for a frame if it is not to be part of a train; frames
// come in order.
func (d *Detector) Hear(f media.Frame) (Tone, bool) {
	s := d.sound.look(f)
	from, to := f.At, f.At+f.Duration()
	d.heard = to
	copy(d.levels[:], d.levels[1:])
	d.levels[lookBack-1] = s.level
	switch {
	case d.open && d.burst.goesOn(s):
		d.burst.add(s, to)
		if !d.burst.told && d.burst.length() > endless {
			d.burst.told = true
			d.bursts, d.busy = 0, 0
			return d.burst.unending(), true
		}
		return Tone{}, false
	case d.open:
		d.close(s, to)
	}
	if s.pure() {
		d.begin(s, from, to)
	}
	if t, ok := d.finish(); ok || d.open || d.bursts > 0 {
		return t, ok
	}
	return d.noise(s.level, to)
}

// begin opens a burst. The window has shown a tone before this frame: those frames before it that are as loud are part of it.
func (d *Detector) begin(s sight, from, to time.Duration) {
	d.open, d.burst = true, burst{low: s.low, high: s.high, from: from, to: to, level: s.level, frames: 1}
	for i := lookBack - 2; i >= 0 && d.levels[i] >= s.level-drop; i-- {
		d.burst.from -= media.FrameTime
	}
	d.burst.from = max(d.burst.from, 0)
}

// goesOn says whether what is seen is still the burst.
func (b *burst) goesOn(s sight) bool {
	if s.level < b.level-drop || !s.pure() || (s.high == 0) != (b.high == 0) {
		return false
	}
	if b.high == 0 {
		return near(s.low, b.low, 4)
	}
	return near(s.low, b.low, 12) && near(s.high, b.high, 12)
}

func (b *burst) add(s sight, to time.Duration) {
	b.frames++
	b.low += (s.low - b.low) / float64(b.frames)
	if b.high > 0 {
		b.high += (s.high - b.high) / float64(b.frames)
	}
	b.to, b.level = to, max(b.level, s.level)
}

// seen is in how many frames a burst has to be seen: less, and it was a vowel.
const seen = 4

// close ends the burst. A frame in which it faded, or was cut off, is its last.
func (d *Detector) close(s sight, to time.Duration) {
	d.open = false
	if b := &d.burst; b.frames >= seen && b.length() >= shortest && !b.told {
		if s.level < b.level-drop && s.level > b.level-2*drop {
			b.to = to
		}
		if d.bursts == len(d.train) {
			copy(d.train[:], d.train[1:])
			d.bursts--
		}
		d.train[d.bursts] = *b
		d.bursts++
	}
}

// finish tells the train that is over.
func (d *Detector) finish() (Tone, bool) {
	if d.bursts == 0 {
		return Tone{}, false
	}
	last := d.train[d.bursts-1]
	if d.open && d.burst.from-last.to <= apart || d.heard-last.to < apart {
		return Tone{}, false
	}
	n := d.bursts
	d.bursts = 0
	if d.levels[lookBack-1] > last.level-fall { // it was a note, and the music goes on
		return Tone{}, false
	}
	t := d.name(d.train[:n])
	return t, t.Kind != 0
}

// The bands in which E.180 has the three tones of Special.
func special(train []burst) bool {
	return len(train) == 3 && near(train[0].low, 950, 60) && near(train[1].low, 1400, 60) && near(train[2].low, 1800, 60)
}

// deepest is the lowest frequency of a beep: below, a voice may hold a note.
const deepest = 370

// name says what a train is; the zero Tone is nothing that is told.
func (d *Detector) name(train []burst) Tone {
	first, last := train[0], train[len(train)-1]
	t := Tone{Kind: Single, Freq: last.low, Other: last.high, From: first.from, To: last.to}
	switch length := t.Length(); {
	case special(train):
		t.Kind = Special
	case len(train) == 1 && d.engaged(last):
		t.Kind = Busy
	case ringback(last) && length >= 350*time.Millisecond && len(train) == 1 && (last.high > 0 || length >= 700*time.Millisecond):
		t.Kind = Ringback
	case last.high == 0 && near(last.low, 1100, 38) && length >= 420*time.Millisecond && length <= 580*time.Millisecond:
		t.Kind = Calling
	case last.high != 0 || last.low < deepest:
		return Tone{}
	}
	return t
}

func ringback(b burst) bool {
	if b.high == 0 {
		return near(b.low, 425, 8) || near(b.low, 400, 6) || near(b.low, 450, 6)
	}
	return near(b.low, 440, 15) && near(b.high, 480, 15) || near(b.low, 400, 15) && near(b.high, 450, 15)
}

// engaged says whether a burst is the last of those that make a busy tone: as long as the one before it, and as far from it.
func (d *Detector) engaged(b burst) bool {
	const least, most, off = 150 * time.Millisecond, 750 * time.Millisecond, 60 * time.Millisecond
	before := d.past[1]
	gap := b.from - before.to
	alike := near(b.low, before.low, 10) && near(b.high, before.high, 15) && (b.length()-before.length()).Abs() <= off
	if d.busy == 0 || !alike || gap < least || gap > most || (gap-b.length()).Abs() > 3*off {
		d.busy = 0
	}
	if b.length() > most {
		return false
	}
	d.busy++
	d.past[0], d.past[1] = before, b
	if near(b.low, 480, 15) && near(b.high, 620, 15) {
		return d.busy >= 2
	}
	return d.busy >= 3
}

// unending is what a tone is that does not end.
func (b *burst) unending() Tone {
	t := Tone{Kind: Endless, Freq: b.low, Other: b.high, From: b.from, To: b.to}
	if b.high == 0 && near(b.low, 2100, 20) {
		t.Kind = Called
	}
	return t
}
