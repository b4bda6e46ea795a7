package pipeline

import (
	"strings"
	"time"
)

// pausing is what the dialog knows of the end of the caller's turn.
type pausing struct {
	at      time.Duration // media time of the last voiced frame before the pause going on
	spoke   time.Duration // the same since the answer
	eager   string        // the words of the stretch as they stood then; empty: not known
	known   time.Duration // when they were, since the answer
	likely  float64       // that the caller has finished, by how it sounds; 0: not known
	pending bool          // said may be complete: if nothing follows, it is
	boss    bool          // the recogniser finds the ends of turns itself
	wentOn  int           // after so many pauses in this turn
	early   early
	pace    pace
}

// early is a stretch of speech that was taken for over before the ear said so: its words may come again.
type early struct {
	edge  int
	words []string
}

// pace is how long the caller's pauses inside of turns are.
type pace struct {
	average time.Duration
	pauses  int
}

// usualPause is a pause inside of a turn, of those of leastPause or more; paceKnown is how many tell how somebody speaks.
const leastPause, usualPause, paceKnown = 200 * time.Millisecond, 350 * time.Millisecond, 3

func (p *pace) paused(d time.Duration) {
	if d < leastPause || d > 3*time.Second {
		return
	}
	if p.pauses++; p.pauses == 1 {
		p.average = d
	}
	p.average += (d - p.average) * 3 / 10
}

// slow is how much longer than usual the caller's pauses are; negative: shorter.
func (p *pace) slow() time.Duration {
	if p.pauses < paceKnown {
		return 0
	}
	return p.average - usualPause
}

// toldMore is after how many pauses that did not end their turn somebody counts as telling a story: a full stop ends it no sooner than
// Hangover then.
const toldMore = 2

// endpoint is how long after its last voiced frame a turn ends that consists of these words.
func (d *dialog) endpoint(said string) time.Duration {
	m, c := &d.manners, &d.caller
	p := m.Patience
	if p.Fixed || !c.lively {
		return m.Hangover
	}
	r := remark{text: said, asked: d.asked, entity: d.expect.Kind, answers: d.expect.Words}
	if r.entity == EntityDigits {
		r.digits = d.expect.Digits
	}
	if lang, _, _ := strings.Cut(strings.ToLower(d.agent.Lang), "-"); lang == "" || lang == "en" {
		r.words = inEnglish
	}
	words := r.judge()
	wait, slow := p.wait(words, cadenceOf(c.pause.likely), m.Hangover), c.pause.pace.slow()
	if words == claimed && wait < m.Hangover { // one sentence after the other may follow
		wait += (m.Hangover - wait) * time.Duration(min(c.pause.wentOn, toldMore)) / toldMore
	}
	switch {
	case words == piece:
		return wait
	case words == incomplete:
		return min(wait+max(slow, 0), p.Entity)
	case wait < m.Hangover:
		return min(wait+max(slow, 0)/2, m.Hangover)
	case wait > m.Hangover:
		return min(wait+max(slow, 0), p.Most)
	}
	return min(max(wait+slow, m.Hangover*4/5), 2*m.Hangover)
}

// pauses: the caller has paused, or the words of a pause are known. If these are complete, the turn ends before the ear says so.
func (d *dialog) pauses() {
	c := &d.caller
	p := &c.pause
	if !c.paused || p.eager == "" || p.boss || c.floor != speaking || d.turn != nil || d.ending != nil || c.monologue.edge == c.edge {
		return
	}
	own, _ := d.heardBack(p.eager, true)
	said := d.words(own)
	if own == "" || d.manners.Patience.Fixed {
		return
	}
	if after := d.endpoint(said); after < d.manners.Hangover {
		d.set(patienceAlarm, max(p.spoke+after, d.now))
	}
	if at := d.alarms[patienceAlarm]; at != 0 && at <= d.now {
		d.clear(patienceAlarm)
		d.patienceOver()
	}
}

// resumed: the caller goes on in the same stretch of speech. A turn that was ended in its pause is not over.
func (d *dialog) resumed(n edged) {
	c := &d.caller
	c.paused, c.pause.likely = false, 0
	d.goesOn()
	if d.turn == nil || !d.turn.sounding {
		c.pause.pace.paused(n.edge.At - c.pause.at)
	}
	reopened := c.pause.early.edge == c.edge && c.forgot >= c.edge
	if reopened {
		c.forgot = c.edge - 1
	}
	c.pause.wentOn++
	if reopened || d.held() {
		d.doubt(n.spoke)
	}
}

// again: the caller begins another stretch of speech before what they have said was taken for all of it.
func (d *dialog) again(onset time.Duration) {
	c := &d.caller
	if len(c.said) > 0 && (d.turn == nil || !d.turn.sounding) {
		c.pause.pace.paused(onset - c.onset - c.length)
	}
	if c.pause.pending {
		c.pause.pending = false
		c.pause.wentOn++
		d.clear(patienceAlarm)
	}
}

// more says whether a final has words beyond those that were taken before it, so that the answer to these is to be withdrawn.
func (d *dialog) more(t Transcript) bool {
	return t.Text != "" && t.Edge == d.caller.pause.early.edge && d.turn != nil && d.turn.why == ForWords && !d.turn.sounding
}

// goesOn: what was heard of a pause does not count any more.
func (d *dialog) goesOn() {
	d.caller.pause.eager = ""
	if !d.caller.pause.pending {
		d.clear(patienceAlarm)
	}
}

// patienceOver ends the caller's turn: with the words that are settled, or with those of the pause.
func (d *dialog) patienceOver() {
	c := &d.caller
	p := &c.pause
	switch {
	case p.pending && c.keys != "": // which may be what the words announced
		d.set(patienceAlarm, d.now+d.manners.Hangover)
	case p.pending:
		p.pending = false
		c.complete, c.judged = len(c.said) > 0, d.now
	case p.eager != "" && c.floor == speaking && d.turn == nil:
		text := p.eager
		c.forgot, p.early = c.edge, early{c.edge, append(p.early.of(c.edge), strings.Fields(text)...)}
		c.spoke, c.judged, p.eager = p.spoke, d.now, ""
		d.settled(text, true, true)
		c.final = p.known
	}
}

// conclude makes the words so far the caller's turn: now if that is sure, or else when nothing has followed for long enough.
func (d *dialog) conclude(surely bool) {
	c := &d.caller
	if len(c.said) == 0 {
		return
	}
	due := c.spoke + d.endpoint(d.words(""))
	if surely || d.turn != nil || d.now >= due {
		c.complete, c.pause.pending = true, false
		return
	}
	c.pause.pending = true
	d.set(patienceAlarm, due)
}

// preface puts before an entry of keys what the caller said as they began to press them, such as "my number is": the keys are answered.
func (d *dialog) preface(t *turn) {
	c := &d.caller
	if t.why != ForKeys || !c.pause.pending && !c.complete {
		return
	}
	if len(c.said) > 0 {
		before := &turn{said: d.words(""), secret: t.secret, from: c.began}
		d.history = append(d.history, Message{
			Role: Caller, Turn: t.n, Text: before.shown(), At: c.began, Length: max(c.spoke-c.began, 0), Words: d.timesOf(before),
		})
	}
	c.said, c.pause.pending, c.complete = nil, false, false
	d.clear(patienceAlarm)
}

// of are the words that were taken of a stretch.
func (e *early) of(edge int) []string {
	if e.edge != edge {
		return nil
	}
	return e.words
}

// beyond is text, of stretch edge, without the words that were taken before the ear had said that it was over. The recogniser may have
// thought better of some of them.
func (e *early) beyond(text string, edge int) string {
	taken := e.of(edge)
	if len(taken) == 0 {
		return text
	}
	words := spelled(text)
	row := distance(lowered(strings.Join(taken, " ")), lowered(text))
	best := 0
	for i, d := range row {
		if d <= row[best] {
			best = i
		}
	}
	return strings.Join(words[min(best, len(words)):], " ")
}
