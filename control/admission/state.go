package admission

import (
	"time"

	"parley/media"
)

// A state is all that a decision stands on. It knows no clock and no machine: they are told to it.
type state struct {
	calls calls

	cpu    share
	speech share
	late   brake
	wait   brake

	lates, waits window
	begun        bool
}

// A sample is what the signals say, all since the process began.
type sample struct {
	processor Processor
	late      media.TimesCounts
	speech    Work
}

// What calls are taken to use before that is known, of a processor and of a worker of local speech: little enough to let a node fill soon,
// enough to keep the first second's flood out.
const (
	callPrior   = 0.01
	speechPrior = 0.1
)

// speechShare is how much of the time workers of local speech may be busy with what callers wait for. Beyond it waiting grows without bounds:
// with one worker, 0.7 means that on average one piece of work waits for two others.
const speechShare = 0.7

const (
	lateWindow = 5 * time.Second
	lateShare  = 0.01 // of frames that may be later than the bar, and
	lateSpare  = 4    // as many at least: a hiccup of a quiet node is no overload
	waitWindow = 10 * time.Second
	waitShare  = 0.1
	waitSpare  = 2
)

// observe takes a sample.
func (s *state) observe(now time.Time, m sample, l Limits) {
	if !s.begun {
		s.begun = true
		s.cpu.prior, s.speech.prior = callPrior, speechPrior
		s.lates.length, s.waits.length = lateWindow, waitWindow
	}
	s.calls.sweep(now)
	s.cpu.observe(now, m.processor.Used, m.processor.Allowed, s.calls.live)
	s.speech.observe(now, m.speech.Busy, float64(m.speech.Workers), s.calls.speech)
	n := s.calls.number("", now)
	if l.Lateness > 0 {
		late := s.lates.add(now, &m.late)
		s.late.observe(now, ratio(late.Beyond(lateShare, lateSpare), l.Lateness), n.all)
	}
	if l.Wait > 0 {
		waited := s.waits.add(now, &m.speech.Waits)
		s.wait.observe(now, ratio(max(waited.Beyond(waitShare, waitSpare), m.speech.Oldest), l.Wait), n.speech)
	}
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

// judge says why a call may not come in; empty: it may.
func (s *state) judge(r Request, now time.Time, l Limits) Reason {
	n := s.calls.number(r.Org, now)
	switch {
	case l.Calls > 0 && n.all >= l.Calls:
		return MaxCalls
	case r.Answered:
		return ""
	case l.OrgCalls > 0 && r.Org != "" && n.org >= l.OrgCalls:
		return OrgCalls
	case l.Lateness > 0 && s.late.refuses(n.all):
		return Late
	case s.cpu.refuses(n.all, l.CPU):
		return CPU
	case r.Speech && l.Wait > 0 && (s.wait.refuses(n.speech) || s.speech.refuses(n.speech, speechShare)):
		return Speech
	}
	return ""
}

// load is how far the signals are.
func (s *state) load(n numbers, l Limits) (all Load) {
	if l.Calls > 0 {
		all.Calls = float64(n.all) / float64(l.Calls)
	}
	if l.CPU > 0 {
		all.CPU = s.cpu.load(n.all) / l.CPU
	}
	if l.Wait > 0 {
		all.Speech = max(s.wait.load, s.speech.load(n.speech)/speechShare)
	}
	all.Late = s.late.load
	return all
}

// A window tells what was counted in the last seconds.
type window struct {
	length time.Duration
	past   []past // oldest first
}

type past struct {
	at time.Time
	n  media.TimesCounts
}

// add takes the counts of now, and returns those of the window.
func (w *window) add(now time.Time, n *media.TimesCounts) media.TimesCounts {
	for len(w.past) > 1 && now.Sub(w.past[1].at) >= w.length {
		w.past = append(w.past[:0], w.past[1:]...)
	}
	since := media.TimesCounts{}
	if len(w.past) > 0 {
		since = n.Since(&w.past[0].n)
	}
	w.past = append(w.past, past{now, *n})
	return since
}
