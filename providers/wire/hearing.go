package wire

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"parley/pipeline"
)

// How answers are waited for.
const (
	graceWhenCovered = 300 * time.Millisecond // of an Ended all of whose speech is settled, where such an Ask may not be answered
	graceWhenQuiet   = time.Second            // of an Ended of whose speech no word is known, where such an Ask may not be answered
	graceWhenSoon    = 250 * time.Millisecond // of an Ended whose words are there, and come again in a better form
	strayAfter       = time.Second            // that words wait which the call's Ear did not hear
	lateAnswer       = 10 * time.Second       // after which an answer does not come any more

	// endMargin is how far before the last voiced frame the last word may end: an Ear and a recogniser differ by so much.
	endMargin = 400 * time.Millisecond
)

// hearing makes transcripts of what a recogniser tells. Settled words are gathered until the stretch of speech that they belong to has
// ended, which the call's Ear decides; while it is open, the recogniser's own endpointing counts for nothing. It does no I/O and has no
// clock. Times are in call time, but for since.
type hearing struct {
	exact     bool // every Ask is answered, in order
	turns     bool // the recogniser finds the ends of turns itself, and is not asked
	open      int  // the N of the stretch of speech that is going on; 0: none
	questions []question
	forgone   []forgone     // questions that were answered without the recogniser, whose own answers may still come; oldest first
	heard     int           // messages since the socket was opened
	since     time.Duration // where on the socket the last Ask that was answered had come

	text     []string // settled words that no Final has carried yet
	words    []pipeline.Word
	lang     string
	interim  *Heard        // the words that are not settled yet; nil: none
	stirred  time.Time     // when words were last told
	told     int           // words of a turn that were told before it was over
	given    time.Duration // words were told up to here: they must not be told again
	settled  time.Duration // how far results are settled
	endpoint time.Duration // how far the recogniser's last own end reached
}

// A question is an Ask that waits for its answer: an Ended of the Ear's, or our own (edge 0).
type question struct {
	edge  int
	at    time.Duration // the last voiced frame
	head  uint64        // the frames that are to be sent before it
	limit time.Duration // of its patience
	last  time.Time     // when that ends
	due   time.Time     // when it is answered with what there is
	asked bool
	reach time.Duration // where on the socket it came, once asked
	heard time.Duration // and how much of the call had been sent by then
}

// forgone is an Ask whose answer nobody waits for any more.
type forgone struct {
	since time.Time
	reach time.Duration
	gave  bool // its words were told as far as they were known
}

// expect adds a question; one that is answered already is answered at once.
func (h *hearing) expect(q question, now time.Time, out *Outbox) {
	if h.endpoint > 0 && h.endpoint+h.margin() >= q.at && q.edge != 0 && h.interim == nil && len(h.questions) == 0 {
		h.final(q.edge, out)
		return
	}
	q.last = now.Add(q.limit)
	q.due = q.last
	if !h.exact && len(h.questions) == 0 {
		switch {
		case h.interim != nil:
		case h.settled > 0 && h.settled+endMargin >= q.at:
			q.due = now.Add(min(graceWhenCovered, q.limit))
		case len(h.text) == 0:
			q.due = now.Add(min(graceWhenQuiet, q.limit))
		}
	}
	h.questions = append(h.questions, q)
}

// margin is how far an end may fall short of an Ended that it answers. That of a turn is told as the furthest that it may be.
func (h *hearing) margin() time.Duration {
	if h.turns {
		return 0
	}
	return endMargin
}

// unasked is the first question that has not been sent.
func (h *hearing) unasked() *question {
	for i := range h.questions {
		if !h.questions[i].asked && !h.turns {
			return &h.questions[i]
		}
	}
	return nil
}

// asking notes that q is being asked, after so much audio on the socket, and so much of the call.
func (h *hearing) asking(q *question, reach, heard time.Duration) {
	q.asked, q.reach, q.heard = true, reach, heard
}

// reach is where on the socket the oldest Ask came whose answer is still to come; 0: there is none.
func (h *hearing) reach() time.Duration {
	switch {
	case len(h.forgone) > 0:
		return h.forgone[0].reach
	case len(h.questions) > 0:
		return h.questions[0].reach
	}
	return 0
}

// due is when something has waited long enough.
func (h *hearing) due() (time.Time, bool) {
	switch {
	case len(h.questions) > 0:
		return h.questions[0].due, true
	case h.quiet():
		return h.stirred.Add(strayAfter), true
	}
	return time.Time{}, false
}

// expire answers the questions that were due. It says whether there are words that the Ear did not hear, and that are to be asked for.
func (h *hearing) expire(now time.Time, out *Outbox) (ask bool) {
	for len(h.questions) > 0 && !h.questions[0].due.After(now) {
		q := h.questions[0]
		if q.asked {
			h.forgone = append(h.forgone, forgone{since: now, reach: q.reach, gave: h.interim != nil})
		}
		h.giveAway(q.heard)
		h.answer(out)
	}
	if !h.quiet() || now.Before(h.stirred.Add(strayAfter)) {
		return false
	}
	if h.interim == nil {
		h.final(0, out)
		return false
	}
	return true
}

// giveAway takes the words that are not settled for settled. Where nobody knows how far they reach, it is not beyond heard.
func (h *hearing) giveAway(heard time.Duration) {
	if m := h.interim; m != nil {
		h.told += len(strings.Fields(m.Text))
		m.End = cmp.Or(m.End, heard)
		h.keep(m)
		h.interim = nil
	}
}

// keep adds words to those of the next Final.
func (h *hearing) keep(m *Heard) {
	if m.Text == "" {
		return
	}
	h.text = append(h.text, m.Text)
	h.words = append(h.words, m.Words...)
	h.given = max(h.given, m.End)
}

// fresh leaves of a message only the words that were not told yet.
func (h *hearing) fresh(m *Heard) {
	if h.given == 0 || m.Text == "" {
		return
	}
	if len(m.Words) == 0 {
		if m.End > 0 && m.End <= h.given {
			m.Text = ""
		}
		return
	}
	i := 0
	for i < len(m.Words) && (m.Words[i].Start+m.Words[i].End)/2 < h.given {
		i++
	}
	if i == 0 {
		return
	}
	m.Words = m.Words[i:]
	m.Text = Joined(m.Words)
}

// restart forgets what the lost socket had been asked and had not settled.
func (h *hearing) restart() {
	h.heard, h.since, h.interim, h.forgone, h.told = 0, 0, nil, nil, 0
	for i := range h.questions {
		h.questions[i].asked = false
	}
}

// conclude answers all that is open when no more can come.
func (h *hearing) conclude(out *Outbox) {
	h.giveAway(0)
	for len(h.questions) > 0 {
		h.answer(out)
	}
	if len(h.text) > 0 {
		h.final(0, out)
	}
}

// take takes one message.
func (h *hearing) take(m *Heard, now time.Time, out *Outbox) {
	if m.Lang != "" {
		h.lang = m.Lang
	}
	switch {
	case m.Turn != 0:
		h.turn(m, out)
		return
	case h.turns:
		m.Text = after(m.Text, h.told)
	case h.late(m, now):
		return
	}
	spoke := m.Text != ""
	h.fresh(m)
	if !h.exact && m.Answer && spoke && m.Text == "" && len(h.forgone) > 0 { // it answers what was given up
		h.forgone = h.forgone[1:]
		m.Answer = false
	}
	if m.Told && !m.Settled {
		h.unsettled(m, now, out)
		return
	}
	news := m.Text != ""
	if m.Told {
		h.interim = nil
		h.keep(m)
		h.settled = max(h.settled, m.End)
		if news {
			h.stirred = now
		}
	}
	if m.Over {
		h.endpoint = max(h.endpoint, m.End)
	}
	asked := len(h.questions) > 0 && h.questions[0].asked
	switch {
	case m.Answer && asked:
		if m.Told {
			h.since = h.questions[0].reach
		} else { // it says no more than that there is no more
			h.giveAway(h.questions[0].heard)
		}
		h.answer(out)
	case m.Over && len(h.questions) > 0 && m.End > 0 && m.End+endMargin >= h.questions[0].at:
		if asked {
			h.forgone = append(h.forgone, forgone{since: now, reach: h.questions[0].reach, gave: true})
		}
		h.answer(out)
	case m.Over && len(h.questions) == 0 && h.open == 0 && len(h.text) > 0:
		h.final(0, out)
	case news:
		h.partial(&Heard{}, out)
	}
}

// unsettled takes words that may change.
func (h *hearing) unsettled(m *Heard, now time.Time, out *Outbox) {
	known := ""
	if h.interim != nil {
		known = h.interim.Text
	}
	h.interim = nil
	if m.Text == "" {
		return
	}
	h.interim = m
	if m.Text != known {
		h.stirred = now
		h.partial(m, out)
	}
	if len(h.questions) == 0 {
		return
	}
	q := &h.questions[0]
	q.due = q.last
	if soon := now.Add(graceWhenSoon); m.Soon && soon.Before(q.due) {
		q.due = soon
	}
}

// late says that m belongs to an Ask that was given up, and whose words have been told. What is said before that answer comes is of the
// same audio. Where an Ask may not be answered at all, nobody knows, and the words' times decide what of them is fresh.
func (h *hearing) late(m *Heard, now time.Time) bool {
	h.forgone = slices.DeleteFunc(h.forgone, func(f forgone) bool { return now.Sub(f.since) > lateAnswer })
	switch {
	case !h.exact && m.Answer && len(h.forgone) > 0 && len(h.questions) == 0:
		h.forgone = h.forgone[1:]
		return false
	case !h.exact:
		return false
	case len(h.forgone) == 0: // an answer that nobody asked for is one that came twice
		return m.Answer && (len(h.questions) == 0 || !h.questions[0].asked)
	}
	if !m.Answer {
		return h.forgone[0].gave
	}
	f := h.forgone[0]
	h.forgone = h.forgone[1:]
	h.since = f.reach
	if f.gave {
		h.interim = nil
		return true
	}
	m.Answer, m.Over = false, true // its words are told as ones that nobody asked for
	return false
}

// quiet says that there are words that nobody will ask for: the Ear heard no speech. A turn's come to their end by themselves.
func (h *hearing) quiet() bool {
	return !h.turns && h.open == 0 && len(h.questions) == 0 && h.undecided()
}

// undecided says that there are words that no Final has carried.
func (h *hearing) undecided() bool { return len(h.text) > 0 || h.interim != nil }

// partial tells the words so far, those of m among them.
func (h *hearing) partial(m *Heard, out *Outbox) {
	text := h.text
	if m.Text != "" {
		text = append(text[:len(text):len(text)], m.Text)
	}
	words := append(h.words[:len(h.words):len(h.words)], m.Words...)
	out.Put(pipeline.Transcript{Kind: pipeline.Partial, Text: strings.Join(text, " "), Words: words, Lang: h.lang})
}

// answer gives the oldest question the words so far.
func (h *hearing) answer(out *Outbox) {
	q := h.questions[0]
	h.questions = append(h.questions[:0], h.questions[1:]...)
	if q.edge != 0 || len(h.text) > 0 {
		h.final(q.edge, out)
	}
}

func (h *hearing) final(edge int, out *Outbox) {
	out.Put(pipeline.Transcript{Kind: pipeline.Final, Text: strings.Join(h.text, " "), Words: h.words, Lang: h.lang, Edge: edge})
	h.text, h.words = nil, nil
}
