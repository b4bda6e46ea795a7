package pipeline

import (
	"slices"
	"strings"
	"time"
	"unicode"
)

// write puts a step into the history, or brings its message there up to date. Until the step has been heard to its end or was cut,
// its message says what is meant to be heard.
func (d *dialog) write(t *turn, s *step) {
	if s.keys != "" {
		d.writePressed(s)
		return
	}
	a := s.account
	if s.message < 0 {
		if a.text == "" && len(s.calls) == 0 {
			return
		}
		s.message = len(d.history)
		d.history = append(d.history, Message{Role: Assistant, Turn: t.n, At: d.now})
	}
	m := &d.history[s.message]
	if a.began != 0 {
		m.At, m.Length = a.began, a.length
	}
	m.Text, m.Calls = strings.TrimSpace(a.text), s.calls
	if s.voiced {
		m.Text, m.Words = a.heard, a.words
		m.Cut = a.heard != strings.TrimSpace(a.text)
	}
}

// follow puts the results of a step's tools right behind it, as models want them, before what was noted meanwhile; missing stands for those
// that have none.
func (d *dialog) follow(t *turn, s *step, missing string) {
	if s.followed {
		return
	}
	s.followed = true
	if len(s.calls) == 0 {
		return
	}
	results := make([]Message, 0, len(s.calls))
	for _, c := range s.calls {
		text, ok := s.results[c.ID]
		if !ok {
			text = missing
		}
		results = append(results, Message{Role: ToolRole, Text: text, CallID: c.ID, Turn: t.n, At: d.now})
	}
	d.history = slices.Insert(d.history, s.message+1, results...)
	for _, later := range t.steps {
		if later.message > s.message {
			later.message += len(results)
		}
	}
}

// forget takes out of the history what t meant to say or press and nobody heard any of. Nothing was put behind t yet.
func (d *dialog) forget(t *turn) {
	d.history = append(d.history[:t.mark], slices.DeleteFunc(d.history[t.mark:], Message.unheard)...)
}

// unheard says of a message that nobody heard any of it, and that nothing follows from it.
func (m Message) unheard() bool {
	return m.Role != Caller && m.Role != ToolRole && m.Text == "" && len(m.Calls) == 0
}

// record is what is told of a turn that has ended.
func (t *turn) record() *Turn {
	r := &Turn{N: t.n, Why: t.why, Said: t.shown(), Cut: t.cut, Usage: t.usage, Counts: t.counts, Lookup: t.lookup, Remembered: t.remembered, Err: t.err}
	r.Heard, r.Text, r.Sounded = t.heard()
	r.Pressed, _ = t.pressed()
	for _, s := range t.steps {
		if s.account.began == 0 {
			continue
		}
		r.At = s.account.began
		if t.why == ForWords && t.spoke != 0 {
			r.Latency = t.latency(s.account)
		}
		break
	}
	return r
}

// latency divides the time from the caller's last voiced frame to the first frame of a. A stage that was over before the one
// before it, as with a prepared answer, took no time.
func (t *turn) latency(a account) Latency {
	from := t.spoke
	stage := func(to time.Duration) time.Duration {
		took := max(to-from, 0)
		from = max(to, from)
		return took
	}
	return Latency{
		VoiceToVoice: max(a.began-t.spoke, 0),
		Endpoint:     stage(t.judged),
		Transcript:   stage(t.final),
		FirstToken:   stage(a.token),
		FirstAudio:   stage(a.audio),
		FirstFrame:   stage(a.began),
	}
}

// speakable says whether there is anything in text that a voice could make audible.
func speakable(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsSymbol(r) })
}
