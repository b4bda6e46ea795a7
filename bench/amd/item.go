package main

import (
	"math"
	"math/rand/v2"
	"time"

	"parley/bench/corpus"
	"parley/pipeline"
)

// An item is one call that is answered, and what is true of it.
type item struct {
	set      string // the items of a set are told together
	name     string // unique
	recorded bool   // every voice, and all music, is a recording; else a synthetic voice speaks, or there are only made tones

	pcm   []int16        // what is heard from the answer on
	truth pipeline.Party // who has answered
	last  pipeline.Party // who is there in the end, if that is somebody else
	until time.Duration  // when the one hands over to the other

	spoke  time.Duration // of a person: when their first words are over; 0: not told
	began  time.Duration // when the first speech begins
	spoken time.Duration // when the last speech before rest is over
	beeps  []corpus.Span // after the last of them the message begins
	tones  []corpus.Span // other tones: no beeps
	leave  bool          // a message is to be left
}

// held says that an item is not for tuning. Halves are fixed by the names alone.
func (i item) held() bool { return corpus.Digest("half/amd/" + i.name)[0]&1 == 1 }

func (i item) half() string {
	if i.held() {
		return "held out"
	}
	return "tuned"
}

func (i item) origin() string {
	if i.recorded {
		return "recorded"
	}
	return "synthetic"
}

// tape is an item while it is put together.
type tape struct {
	item item
	dice *rand.Rand
	db   float64 // of its speech, dBFS
}

func newTape(set, name string, recorded bool, truth pipeline.Party) *tape {
	t := &tape{item: item{set: set, name: set + "/" + name, recorded: recorded, truth: truth}, dice: corpus.Dice("amd/" + set + "/" + name)}
	t.db = -30 + 14*t.dice.Float64()
	return t
}

func (t *tape) now() time.Duration { return corpus.Length(t.item.pcm) }

// quiet lets between least and most go by.
func (t *tape) quiet(least, most time.Duration) {
	t.item.pcm = append(t.item.pcm, corpus.Silence(corpus.Between(t.dice, least, most))...)
}

// say adds speech, at the item's level, without the silence at its ends.
func (t *tape) say(pcm []int16) {
	if talk := corpus.Talk(pcm); len(talk) > 0 {
		pcm = pcm[corpus.Samples(talk[0].From):min(corpus.Samples(talk[len(talk)-1].To), len(pcm))]
	}
	if t.item.spoken == 0 {
		t.item.began = t.now()
	}
	t.item.pcm = append(t.item.pcm, corpus.Level(corpus.Fade(pcm, 5*time.Millisecond), t.db)...)
	t.item.spoken = t.now()
}

// sound adds a sound as it is, and says where.
func (t *tape) sound(pcm []int16) corpus.Span {
	from := t.now()
	t.item.pcm = append(t.item.pcm, pcm...)
	return corpus.Span{From: from, To: t.now()}
}

// beep adds a beep: the recorded one, or one of any frequency and length that machines use.
func (t *tape) beep(recorded []int16) {
	db := -24 + 14*t.dice.Float64()
	if t.item.recorded && t.dice.IntN(3) == 0 {
		t.item.beeps = append(t.item.beeps, t.sound(corpus.Level(recorded, db)))
		return
	}
	hz, length := 400+1700*t.dice.Float64(), corpus.Between(t.dice, 150*time.Millisecond, time.Second)
	t.item.beeps = append(t.item.beeps, t.sound(tone(length, db, hz)))
}

// tone is sines of so many dBFS each, with 5 ms to swell and to fade.
func tone(length time.Duration, db float64, hz ...float64) []int16 {
	pcm := corpus.Silence(length)
	for i := range pcm {
		v := 0.
		for _, f := range hz {
			v += 32768 * math.Sqrt2 * math.Pow(10, db/20) * math.Sin(2*math.Pi*f*float64(i)/corpus.Rate)
		}
		pcm[i] = corpus.Clip(v)
	}
	return corpus.Fade(pcm, 5*time.Millisecond)
}

// done is the item: with its line's noise, for rest longer, as it comes out of mu-law.
func (t *tape) done(rest time.Duration) item {
	t.item.pcm = append(t.item.pcm, corpus.Silence(rest)...)
	if db := []float64{0, -60, -52, -45}[t.dice.IntN(4)]; db != 0 {
		t.item.pcm = corpus.Mix(t.item.pcm, corpus.Pink(t.dice, t.now(), db), 0)
	}
	t.item.pcm = corpus.PhoneLine(t.item.pcm)
	return t.item
}
