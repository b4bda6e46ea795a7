package deepgram

import (
	"strings"
	"time"

	"parley/pipeline"
	"parley/providers/wire"
)

// graceWhenCovered is how long an Ended waits for Deepgram's answer when all of its speech is settled already: Finalize is answered
// only when there is "a noticeable amount of audio" left (docs/finalize).
const graceWhenCovered = 300 * time.Millisecond

// staleMargin is how far an answer's audio may fall short of its question's before it is taken for an older question's answer.
const staleMargin = 250 * time.Millisecond

// hearing makes transcripts of results. Settled segments are gathered until the stretch of speech that they belong to has ended, which
// the call's Ear decides; while it is open, Deepgram's own endpointing counts for nothing. It does no I/O and has no clock.
type hearing struct {
	open       int // the N of the stretch of speech that is going on; 0: none
	questions  []question
	unanswered int // questions that were answered without Deepgram, whose own answers may still come
	heard      int // messages since the socket was opened

	text     []string // settled segments that no Final has carried yet
	words    []pipeline.Word
	lang     string
	interim  *message      // the words that are not settled yet; nil: none
	given    time.Duration // unsettled words were given away up to here, in call time: they must not be told again
	settled  time.Duration // how far results are settled, in call time
	endpoint time.Duration // how far Deepgram's last endpoint reached, in call time
}

// A question is a Finalize that waits for its answer: an Ended of the Ear's, or our own (edge 0).
type question struct {
	edge  int
	at    time.Duration // the last voiced frame, in call time
	head  uint64        // the frames that are to be sent before it
	reach time.Duration // how much audio the socket had been sent, in call time, when it was asked
	asked bool
	due   time.Time

	patient bool          // not to be asked: Flux answers by itself, unless that takes until due
	limit   time.Duration // of its patience
}

// expect adds a question; one that is answered already is answered at once.
func (h *hearing) expect(q question, out *wire.Outbox) {
	if h.endpoint > 0 && h.endpoint >= q.at && len(h.questions) == 0 {
		h.final(q.edge, out)
		return
	}
	h.questions = append(h.questions, q)
	h.hasten(time.Now())
}

// unasked is the first question that has not been sent.
func (h *hearing) unasked() *question {
	for i := range h.questions {
		if !h.questions[i].asked && !h.questions[i].patient {
			return &h.questions[i]
		}
	}
	return nil
}

// due is when the oldest question has waited long enough.
func (h *hearing) due() (time.Time, bool) {
	if len(h.questions) == 0 {
		return time.Time{}, false
	}
	return h.questions[0].due, true
}

// expire answers the questions that were due.
func (h *hearing) expire(now time.Time, out *wire.Outbox) {
	for len(h.questions) > 0 && !h.questions[0].due.After(now) {
		if h.questions[0].patient && h.interim != nil { // Flux has words, and takes too long to end the turn
			h.questions[0].patient, h.questions[0].due = false, now.Add(forceLimit)
			continue
		}
		if h.questions[0].asked {
			h.unanswered++
		}
		h.giveAway()
		h.answer(out)
	}
}

// giveAway takes the words that are not settled for settled.
func (h *hearing) giveAway() {
	if m := h.interim; m != nil {
		h.text = append(h.text, m.text)
		h.words = append(h.words, m.words...)
		h.given, h.interim = m.end, nil
	}
}

// fresh leaves of a result only the words that were not given away.
func (h *hearing) fresh(m *message) {
	if h.given == 0 || m.text == "" {
		return
	}
	if len(m.words) == 0 && m.end <= h.given+staleMargin {
		m.text = ""
		return
	}
	i := 0
	for i < len(m.words) && m.words[i].Start < h.given {
		i++
	}
	if i == 0 {
		return
	}
	m.words = m.words[i:]
	left := make([]string, len(m.words))
	for i, w := range m.words {
		left[i] = w.Text
	}
	m.text = strings.Join(left, " ")
}

// hasten shortens the wait of a question whose speech is settled.
func (h *hearing) hasten(now time.Time) {
	if len(h.questions) == 0 {
		return
	}
	q := &h.questions[0]
	if soon := now.Add(graceWhenCovered); h.settled > 0 && h.settled >= q.at && soon.Before(q.due) {
		q.due = soon
	}
}

// restart forgets what the lost socket had been asked and had not settled.
func (h *hearing) restart() {
	h.heard, h.unanswered, h.interim = 0, 0, nil
	for i := range h.questions {
		h.questions[i].asked = false
	}
}

// conclude answers all that is open when no more can come.
func (h *hearing) conclude(out *wire.Outbox) {
	h.giveAway()
	for len(h.questions) > 0 {
		h.answer(out)
	}
	h.stray(out)
}

// result takes one Results message, whose times are in call time already.
func (h *hearing) result(m *message, now time.Time, out *wire.Outbox) {
	if m.lang != "" {
		h.lang = m.lang
	}
	h.fresh(m)
	h.interim = nil
	if !m.final {
		if m.text != "" {
			h.interim = m
			h.partial(m, out)
		}
		return
	}
	h.settled = max(h.settled, m.end)
	if m.text != "" {
		h.text = append(h.text, m.text)
		h.words = append(h.words, m.words...)
	}
	if m.speechFinal {
		h.endpoint = max(h.endpoint, m.end)
	}
	switch {
	case m.fromFinalize && len(h.questions) > 0 && h.questions[0].asked && !h.stale(m):
		h.unanswered = 0
		h.answer(out)
	case m.fromFinalize:
		if h.unanswered > 0 {
			h.unanswered--
		}
		if len(h.questions) == 0 && h.open == 0 {
			h.stray(out)
		}
	case m.speechFinal && len(h.questions) > 0 && m.end >= h.questions[0].at:
		if h.questions[0].asked {
			h.unanswered++
		}
		h.answer(out)
	case m.speechFinal && len(h.questions) == 0 && h.open == 0:
		h.stray(out)
	case m.text != "":
		h.partial(&message{}, out)
	}
	h.hasten(now)
}

// stale says that m answers an older Finalize than the one that waits: its audio ends well before that was asked.
func (h *hearing) stale(m *message) bool {
	return h.unanswered > 0 && m.end+staleMargin < h.questions[0].reach
}

// quiet says that there are words that nobody will ask for: the Ear heard no speech. They deserve a question of our own.
func (h *hearing) quiet() bool {
	return h.open == 0 && len(h.questions) == 0 && (len(h.text) > 0 || h.interim != nil)
}

// partial tells the words so far, those of m among them.
func (h *hearing) partial(m *message, out *wire.Outbox) {
	text := h.text
	if m.text != "" {
		text = append(text[:len(text):len(text)], m.text)
	}
	words := append(h.words[:len(h.words):len(h.words)], m.words...)
	out.Put(pipeline.Transcript{Kind: pipeline.Partial, Text: strings.Join(text, " "), Words: words, Lang: h.lang})
}

// answer gives the oldest question the words so far.
func (h *hearing) answer(out *wire.Outbox) {
	q := h.questions[0]
	h.questions = append(h.questions[:0], h.questions[1:]...)
	if q.edge == 0 {
		h.stray(out)
		return
	}
	h.final(q.edge, out)
}

// stray tells words that answer no Ended, if there are any.
func (h *hearing) stray(out *wire.Outbox) {
	if len(h.text) > 0 {
		h.final(0, out)
	}
}

func (h *hearing) final(edge int, out *wire.Outbox) {
	out.Put(pipeline.Transcript{Kind: pipeline.Final, Text: strings.Join(h.text, " "), Words: h.words, Lang: h.lang, Edge: edge})
	h.text, h.words = nil, nil
}
