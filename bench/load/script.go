package load

import (
	"fmt"
	"slices"
	"time"

	"parley/bench/carrier"
	"parley/bench/wire"
	"parley/media/g711"
)

// voiced is the mean square of -45 dBFS: what is as loud is speech, the caller's or the agent's.
const voiced = 184 * 184

// A program is a script, compiled: all calls share it, and it never changes.
type program struct {
	acts    []act
	silence *wire.Payload
}

// An act is a step of it.
type act struct {
	carrier.Step
	slots []slot // what is sent, 20 ms each
	sure  int    // of slots: the third voiced one, by which a server can be sure of speech; -1: there is none
	last  int    // of slots: the last that is voiced or has a key; -1: none is
}

// slot is 20 ms of what a caller does.
type slot struct {
	sound  *wire.Payload
	spoken bool // it is of a recording
	key    byte // 0: none
}

// form is how slots are written.
type form struct {
	*wire.Dialect
	key wire.Key
}

// compile makes slots of a script.
func compile(d *wire.Dialect, k wire.Key, script []carrier.Step, library carrier.Library) (*program, error) {
	if n := len(script); n > 0 && script[n-1].Verb == carrier.HangUp {
		script = script[:n-1] // the end of a program is one
	}
	if len(script) == 0 {
		return nil, fmt.Errorf("script: nothing in it but a hang-up")
	}
	p := &program{}
	form := form{d, k}
	quiet, err := sounds(form, make([]int16, wire.Samples))
	if err != nil {
		return nil, err
	}
	p.silence = quiet[0].sound
	spoken := map[string]act{}
	for _, s := range script {
		a := act{Step: s, sure: -1, last: -1}
		switch s.Verb {
		case carrier.Say, carrier.Barge:
			known, ok := spoken[s.What]
			if !ok {
				if known, err = speech(form, s.What, library); err != nil {
					return nil, fmt.Errorf("%s: %s: %w", s.Place, s.Verb, err)
				}
				spoken[s.What] = known
			}
			a.slots, a.sure, a.last = known.slots, known.sure, known.last
		case carrier.Press, carrier.Sound:
			if a.slots, err = p.keys(form, s); err != nil {
				return nil, fmt.Errorf("%s: %s: %w", s.Place, s.Verb, err)
			}
			a.last = len(a.slots) - 1
		case carrier.Silent:
			a.slots = p.rest(s.For)
		case carrier.Hear, carrier.HangUp:
		default:
			return nil, fmt.Errorf("%s: %s: no such step", s.Place, s.Verb)
		}
		p.acts = append(p.acts, a)
	}
	return p, nil
}

// speech is a recording in slots.
func speech(f form, name string, library carrier.Library) (a act, err error) {
	prompt, err := library.Open(name)
	if err != nil {
		return a, err
	}
	a.sure, a.last = -1, -1
	n := 0
	for i, piece := range slices.Collect(slices.Chunk(prompt.PCM, wire.Samples)) {
		if loud(piece) {
			a.last = i
			if n++; n == 3 {
				a.sure = i
			}
		}
	}
	if a.last < 0 {
		return a, fmt.Errorf("%s: nothing in it is as loud as speech (-45 dBFS)", name)
	}
	a.slots, err = sounds(f, prompt.PCM)
	for i := range a.slots {
		a.slots[i].spoken = true
	}
	return a, err
}

// loud says whether pcm is speech.
func loud(pcm []int16) bool {
	sum := 0
	for _, v := range pcm {
		sum += int(v) * int(v)
	}
	return sum >= voiced*wire.Samples
}

// sounds are slots of pcm, the last filled up with silence.
func sounds(f form, pcm []int16) (slots []slot, err error) {
	law := make([]byte, (len(pcm)+wire.Samples-1)/wire.Samples*wire.Samples)
	for i := g711.Ulaw.Encode(law, pcm); i < len(law); i++ {
		law[i] = g711.Ulaw.Silence()
	}
	for piece := range slices.Chunk(law, wire.Samples) {
		sound, err := f.NewPayload(f.key, piece)
		if err != nil {
			return nil, err
		}
		slots = append(slots, slot{sound: sound})
	}
	return slots, nil
}

// rest is d of silence.
func (p *program) rest(d time.Duration) []slot {
	return slices.Repeat([]slot{{sound: p.silence}}, int(max(0, d)/wire.FrameTime))
}

// keys are pressed one after the other, as carrier's caller does it.
func (p *program) keys(f form, s carrier.Step) (slots []slot, err error) {
	const wait = 500 * time.Millisecond // of a w
	gap := time.Duration(0)
	for _, key := range []byte(s.What) {
		if key == 'w' {
			slots = append(slots, p.rest(wait)...)
			gap = 0
			continue
		}
		slots = append(slots, p.rest(gap-wire.FrameTime)...)
		if s.Tone > 0 {
			tone, err := sounds(f, carrier.Tone(key, s.Tone))
			if err != nil {
				return nil, err
			}
			slots = append(slots, tone...)
		}
		pressed := slot{sound: p.silence}
		if s.Verb == carrier.Press {
			pressed.key = key
		}
		slots = append(slots, pressed)
		gap = s.Gap
	}
	return slots, nil
}
