package pipeline

import "strings"

// listenFirst holds the opening until it is known who has answered.
func (d *dialog) listenFirst() {
	d.turns++
	o := &turn{n: d.turns, why: ForGreeting, guessed: true, steps: []*step{{message: -1, asking: max(d.now, 1)}}}
	d.callee = callee{phase: listening, opening: o, known: announcementsIn(d.agent), limit: d.now + d.manners.Answering.Longest}
	d.do(heedTones{true}, ask{talk: d.talk(o), held: true})
}

// openUp lets the opening be heard, after what was said to us.
func (d *dialog) openUp(said string) {
	c := &d.callee
	t := c.opening
	c.opening = nil
	fresh := t == nil
	if fresh {
		t = &turn{why: ForGreeting}
	}
	t.said, t.from, t.spoke = said, c.from, c.voiced
	if c.from = 0; fresh {
		d.begin(t)
		return
	}
	t.guessed = false
	d.dropGuess()
	d.start(t)
	d.do(carryOn{t.n})
	for _, n := range t.deferred {
		d.take(n)
	}
}

func (d *dialog) dropOpening() {
	if o := d.callee.opening; o != nil {
		d.callee.opening = nil
		d.do(cut{o.n})
	}
}

// silent says whether the opening is known to have no words: the other side speaks first.
func (t *turn) silent() bool {
	if t == nil {
		return false
	}
	for _, n := range t.deferred {
		if r, ok := n.(responded); ok {
			return !speakable(r.text)
		}
	}
	return false
}

// unopened takes back an opening that had no words: what was said to us is answered instead.
func (d *dialog) unopened(t *turn) {
	if _, text, _ := t.heard(); t.why == ForGreeting && t.said != "" && text == "" && t.err == "" && !t.cut && d.ending == nil {
		d.history = d.history[:t.mark]
		d.caller.said, d.caller.complete = append([]string{t.said}, d.caller.said...), true
		d.caller.began, t.said = t.from, ""
	}
}

// hadSaid notes the words of somebody who was spoken to before their words were known.
func (d *dialog) hadSaid(t Transcript) bool {
	if o := &d.callee; t.Edge == 0 || t.Edge != o.signal {
		return false
	}
	d.callee.signal = 0
	if text := strings.TrimSpace(t.Text); text != "" {
		d.tell(Event{Kind: Transcribed, Text: d.shown(text), Final: true})
		d.notes = append(d.notes, "Before you spoke, they said: "+d.shown(text))
	}
	return true
}

// postponeOpening keeps news of the opening until it is wanted. If it fails there is still time to ask again.
func (d *dialog) postponeOpening(n news) {
	if _, bad := n.(failed); bad {
		d.dropOpening()
		return
	}
	o := d.callee.opening
	o.deferred = append(o.deferred, n)
}
