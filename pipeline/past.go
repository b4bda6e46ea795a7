package pipeline

import (
	"errors"
	"time"
)

// A Past is what a call was before its leg was lost, for the Call that goes on with it on another leg: what was said is in the history that
// the Responder is given, times count from the first answer, and turns from the last one's number.
//
// What only the goroutines of the first leg knew is gone: words that were being said, tools that ran, who had been joined with the caller, and
// where a script stood.
type Past struct {
	Call      string            // its id
	Answered  time.Time         // by whichever clock it was
	History   []Message         // what was said before
	Turns     int               // that have ended
	Collected map[string]string // so far
	Answer    Answer            // who had answered, of an outbound call
}

// errLive says that a call cannot go on, since it does.
var errLive = errors.New("the call is live already")

// since is how long a call has lasted.
func (p *Past) since() time.Duration {
	if p == nil {
		return 0
	}
	return max(time.Since(p.Answered), 0)
}

// recall makes a new dialog the continuation of an earlier one.
func (d *dialog) recall(p *Past) {
	d.onceCut, d.callee.answer = true, p.Answer
	d.history = append(d.history, p.History...)
	d.written, d.turns, d.ended = len(d.history), p.Turns, p.Turns
	if len(p.Collected) > 0 {
		d.collected.agreed, d.collected.slots = p.Collected, p.Collected
	}
	d.notes = append(d.notes, pastNote)
	for _, m := range p.History {
		if m.Role == ToolRole && m.CallID == "" && m.Text != "" { // of which no model knows that it asked
			d.history = append(d.history, Message{Role: Narrator, Text: "Before that, a tool had told: " + m.Text, Quoted: true, Turn: p.Turns, At: d.now})
		}
	}
}

// pastNote is what the responder is told of a call that goes on.
const pastNote = "The line was lost for a moment, and is back: the conversation goes on where it was. What was said last may not have been heard."
