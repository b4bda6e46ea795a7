package carrier

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Times of a caller, in samples.
const (
	slot     = Rate / 50    // what one media message carries
	outlasts = Rate * 3 / 2 // an agent that speaks on for so long after the caller's act has something to be heard out
	keyWait  = Rate / 2     // what w in a list of keys waits
)

// A caller follows a script. It knows no clock and no socket: every 20 ms it is asked what to do next, and it judges by what its
// ear has heard so far.
type caller struct {
	script  []Step
	prompts map[string]Prompt // by Step.What
	ear     *ear
	log     func(Event)
	stepped func(step int) // told of each step as it begins; nil: nobody asks

	step  int
	since int64 // the end of what the caller last did or heard out: what the agent says from here on is an answer

	// Of the step in progress:
	entered bool
	began   int64
	rest    []int16 // of the recording
	start   int64   // the sample at which the recording began
	over    int     // of a Barge: the agent's stretch that it talks over, or -1
	keys    string
	nextKey int64
	sounded bool // the next of keys has sounded
	acts    []act
}

// An act is something that the caller did: from the first to past the last voiced sample, or at the key.
type act struct {
	step       Step
	start, end int64
	said       string
	over       int // of a Barge: index of the agent's stretch that it talked over; else -1
}

// move is what the caller does in the next 20 ms.
type move struct {
	voice []int16 // at most slot samples; silence where it is short
	key   byte
	leave bool
}

// unmet says that the agent did not do what a step waited for.
type unmet struct {
	step Step
	why  string
}

func (u *unmet) Error() string { return fmt.Sprintf("%s: %s: %s", u.step.Place, u.step, u.why) }

// next is the caller's move for the 20 ms that begin at sample now.
func (c *caller) next(now int64) (move, error) {
	for c.step < len(c.script) {
		s := c.script[c.step]
		if !c.entered {
			c.enter(s, now)
		}
		m, done, err := c.do(s, now)
		if err != nil {
			return move{}, &unmet{s, err.Error()}
		}
		if done {
			c.step++
			c.entered = false
		}
		if m.leave || m.key != 0 || len(m.voice) > 0 || !done {
			return m, nil
		}
	}
	return move{leave: true}, nil
}

// forsaken judges the agent's hang-up: it is what the script wants if nothing is left but to hear, and the agent has spoken.
func (c *caller) forsaken() error {
	for i, step := range c.script[min(c.step, len(c.script)):] {
		_, spoke := c.answer()
		if step.Verb != HangUp && (i > 0 || step.Verb != Hear || !spoke) {
			return &unmet{step, "the agent hung up"}
		}
	}
	return nil
}

func (c *caller) enter(s Step, now int64) {
	c.entered, c.began, c.over, c.rest = true, now, -1, nil
	if c.stepped != nil {
		c.stepped(c.step)
	}
	switch s.Verb {
	case Say:
		c.rest, c.start = c.prompts[s.What].PCM, now
	case Press, Sound:
		c.keys, c.nextKey = s.What, now
	}
}

// do takes one move of step s; done says that the step ends with it.
func (c *caller) do(s Step, now int64) (m move, done bool, err error) {
	switch s.Verb {
	case Hear:
		done, err = c.hearOut(s, now)
		return move{}, done, err
	case Silent:
		return move{}, now-c.began >= sampleAt(s.For), nil
	case Press, Sound:
		return c.press(s, now)
	case Say:
		m, done = c.speak(s, now)
		return m, done, nil
	case Barge:
		return c.barge(s, now)
	}
	return move{leave: true}, true, nil
}

// answer is the first stretch of the agent's that answers what the caller last did: one that began since, or that has outlasted
// it by so much that it cannot be the tail of what the caller interrupted.
func (c *caller) answer() (i int, ok bool) {
	for i, t := range c.ear.talk {
		if t.start >= c.since || t.end >= c.since+outlasts {
			return i, true
		}
	}
	return 0, false
}

func (c *caller) hearOut(s Step, now int64) (done bool, err error) {
	waited := now - c.began
	if _, ok := c.answer(); !ok {
		if waited > sampleAt(s.Within) {
			return false, fmt.Errorf("the agent said nothing within %v", s.Within)
		}
		return false, nil
	}
	if quiet, _ := c.ear.quiet(); quiet >= sampleAt(s.Quiet) {
		c.since = now
		return true, nil
	}
	if waited > sampleAt(s.Most) {
		return false, fmt.Errorf("the agent was still speaking after %v", s.Most)
	}
	return false, nil
}

func (c *caller) press(s Step, now int64) (m move, done bool, err error) {
	for len(c.rest) == 0 && c.keys != "" && now >= c.nextKey {
		key := c.keys[0]
		if key == 'w' {
			c.keys = c.keys[1:]
			c.nextKey = now + keyWait
			continue
		}
		if s.Tone > 0 && !c.sounded {
			c.rest, c.sounded = Tone(key, s.Tone), true
			break
		}
		c.keys, c.sounded = c.keys[1:], false
		c.nextKey = now + sampleAt(s.Gap)
		c.since = now
		c.pressed(s, key, now)
		c.log(Event{At: at(now), Who: "caller", What: "pressed", Text: string(key)})
		if s.Verb == Sound {
			key = 0
		}
		return move{key: key}, c.keys == "", nil
	}
	n := min(slot, len(c.rest))
	m.voice, c.rest = c.rest[:n], c.rest[n:]
	return m, c.keys == "", nil
}

// Tone is how a key sounds, at Rate: the two tones of its row and column (ITU-T Q.23), 10 dB below the loudest each. The key must be one of
// 0-9 * # A-D.
func Tone(key byte, length time.Duration) []int16 {
	i := strings.IndexByte("123A456B789C*0#D", key)
	row := [...]float64{697, 770, 852, 941}[i/4]
	column := [...]float64{1209, 1336, 1477, 1633}[i%4]
	pcm := make([]int16, sampleAt(length))
	for n := range pcm {
		at := 2 * math.Pi * float64(n) / Rate
		pcm[n] = int16(10000 * (math.Sin(row*at) + math.Sin(column*at)))
	}
	return pcm
}

// pressed keeps the keys of one step as one act.
func (c *caller) pressed(s Step, key byte, now int64) {
	if n := len(c.acts); n > 0 && c.acts[n-1].step == s && c.acts[n-1].start >= c.began {
		c.acts[n-1].end = now
		c.acts[n-1].said += string(key)
		return
	}
	c.acts = append(c.acts, act{step: s, start: now, end: now, said: string(key), over: -1})
}

// speak sends the next of the recording.
func (c *caller) speak(s Step, now int64) (m move, done bool) {
	n := min(slot, len(c.rest))
	m.voice, c.rest = c.rest[:n], c.rest[n:]
	if len(c.rest) > 0 {
		return m, false
	}
	p := c.prompts[s.What]
	a := act{step: s, start: c.start + p.voice.start, end: c.start + p.voice.end, said: p.String(), over: c.over}
	c.acts = append(c.acts, a)
	c.since = a.end
	c.log(Event{At: at(a.start), For: at(a.end - a.start), Who: "caller", What: "spoke", Text: p.String()})
	return m, true
}

// barge waits for the agent to be well under way, then speaks over it and, where a time was set, demands that it falls silent.
func (c *caller) barge(s Step, now int64) (m move, done bool, err error) {
	if c.over < 0 {
		if ready, err := c.mayBarge(s, now); !ready {
			return move{}, false, err
		}
		c.rest, c.start, c.over = c.prompts[s.What].PCM, now, len(c.ear.talk)-1
	}
	said := len(c.rest) == 0
	if !said {
		m, said = c.speak(s, now)
	}
	if s.Hush == 0 {
		return m, said, nil
	}
	late := c.start + c.prompts[s.What].voice.start + sampleAt(s.Hush)
	if c.ear.talk[c.over].end > late {
		return move{}, false, fmt.Errorf("the agent did not fall silent within %v", s.Hush)
	}
	silenced := !c.ear.open || len(c.ear.talk) > c.over+1
	return m, said && (silenced || now > late), nil
}

// mayBarge says whether the agent has been speaking for long enough to be spoken over.
func (c *caller) mayBarge(s Step, now int64) (bool, error) {
	i, ok := c.answer()
	if !ok {
		if now-c.began > sampleAt(s.Within) {
			return false, fmt.Errorf("the agent said nothing within %v", s.Within)
		}
		return false, nil
	}
	spoke := now - max(c.ear.talk[i].start, c.since)
	if quiet, _ := c.ear.quiet(); quiet >= Rate {
		return false, fmt.Errorf("the agent fell silent after %v, before the caller was to speak",
			timeOf(spoke-quiet).Round(100*time.Millisecond))
	}
	return spoke >= sampleAt(s.After) && c.ear.open, nil
}
