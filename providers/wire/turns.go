package wire

import (
	"strings"

	"parley/pipeline"
)

// A Turn is what a recogniser that finds the ends of turns itself (Listening.Turns) says of one.
type Turn uint8

// What is said of turns, with all the words so far, but for TurnGoesOn.
const (
	TurnLikelyOver Turn = iota + 1
	TurnGoesOn          // it was not over
	TurnOver
)

// turn takes what is said of a turn. m.End is how far it may reach. Endeds that lie in a turn which is over are answered after its words,
// without any: theirs have been told.
func (h *hearing) turn(m *Heard, out *Outbox) {
	m.Text = after(m.Text, h.told)
	switch m.Turn {
	case TurnLikelyOver:
		if h.interim = m; m.Text != "" {
			out.Put(pipeline.Transcript{Kind: pipeline.EagerEnd, Text: m.Text, Words: m.Words, Lang: h.lang})
		}
	case TurnGoesOn:
		out.Put(pipeline.Transcript{Kind: pipeline.TurnResumed, Lang: h.lang})
	case TurnOver:
		h.interim, h.told = nil, 0
		h.endpoint, h.settled = m.End, m.End
		if m.Text != "" {
			out.Put(pipeline.Transcript{Kind: pipeline.EndOfTurn, Text: m.Text, Words: m.Words, Lang: h.lang})
		}
		for len(h.questions) > 0 && h.questions[0].at <= m.End {
			h.answer(out)
		}
	}
}

// goesOn answers what waits for the end of a turn when the caller speaks again: their words come with that end.
func (h *hearing) goesOn(out *Outbox) {
	for h.turns && len(h.questions) > 0 {
		h.answer(out)
	}
}

// after is text without its first n words.
func after(text string, n int) string {
	if n == 0 {
		return text
	}
	words := strings.Fields(text)
	return strings.Join(words[min(n, len(words)):], " ")
}
