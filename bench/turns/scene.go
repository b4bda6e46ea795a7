package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"parley/bench/corpus"
	"parley/pipeline"
)

// patience is how long an answer is waited for after the end, before it is said that there was none.
const patience = 6 * time.Second

// scene is a call while it is played.
type scene struct {
	*item
	phone   *phone
	witness *witness
	voices  *voices
	result  *result
}

func isKind(k pipeline.EventKind) func(pipeline.Event) bool {
	return func(e pipeline.Event) bool { return e.Kind == k }
}

// endOfTurn lets the caller speak when the agent has asked, and waits for the answer.
func (s scene) endOfTurn(ctx context.Context) error {
	if !s.witness.until(ctx, time.Minute, isKind(pipeline.TurnEnded)) {
		return errors.New("the agent never asked")
	}
	s.witness.pass(ctx, s.after)
	from := s.phone.say(s.pcm)
	end := from + s.end
	s.witness.pass(ctx, end-time.Since(s.phone.answered))
	wait := patience
	for {
		past := time.Since(s.phone.answered) - end
		if sounded := s.answersAfter(from); len(sounded) > 0 && sounded[len(sounded)-1].To > end || past >= wait {
			break
		}
		s.witness.until(ctx, min(wait-past, 500*time.Millisecond), isKind(pipeline.ReplyBegan))
		s.witness.pass(ctx, 10*time.Millisecond)
	}
	r := s.result
	for _, answer := range s.answersAfter(from) {
		switch {
		case answer.From < end:
			r.CutOffs++
			for _, p := range s.pauses {
				if answer.From >= from+p.From && answer.From < from+p.To+150*time.Millisecond {
					r.InPause = corpus.Millis(p.Length())
				}
			}
			r.Answered = r.Answered || answer.To > end
		case !r.Answered:
			r.Answered, r.Delay = true, corpus.Millis(answer.From-end)
		}
	}
	r.From = corpus.Millis(from)
	s.transcribe(from)
	s.edge(from)
	return nil
}

// answersAfter are the agent's stretches of sound that begin after the caller did.
func (s scene) answersAfter(from time.Duration) (all []corpus.Span) {
	for _, a := range s.phone.sounding() {
		if a.From > from {
			all = append(all, a)
		}
	}
	return all
}

// transcribe notes what was understood and what was taken back.
func (s scene) transcribe(from time.Duration) {
	var finals []string
	for _, e := range s.witness.seen {
		switch {
		case e.Kind == pipeline.Transcribed && e.Final && e.At > from:
			finals = append(finals, e.Text)
		case e.Kind == pipeline.TurnEnded && e.Turn.Why == pipeline.ForWords && e.Turn.Cut && e.Turn.Sounded == 0:
			s.result.TakenBack++
		}
	}
	s.result.Heard = strings.Join(finals, " | ")
}

// edge notes how long the beginning of speech went unnoticed by the call: the way from a socket's far end is not its fault.
func (s scene) edge(from time.Duration) {
	onset := from + s.begin
	for _, e := range s.witness.seen {
		if e.Kind == pipeline.SpeechBegan && e.At >= onset {
			s.result.Onset = corpus.Millis(e.At - onset)
			if s.line == socket {
				s.result.Onset -= corpus.Millis(socketAway)
			}
			return
		}
	}
}

// over lets something sound while the agent speaks.
func (s scene) over(ctx context.Context) error {
	if !s.witness.until(ctx, time.Minute, isKind(pipeline.ReplyBegan)) {
		return errors.New("the agent never spoke")
	}
	s.witness.pass(ctx, s.after)
	from := time.Since(s.phone.answered)
	if len(s.pcm) > 0 {
		from = s.phone.say(s.pcm)
	}
	ended := slices.ContainsFunc(s.witness.seen, isKind(pipeline.TurnEnded))
	if !ended && !s.witness.until(ctx, time.Minute, isKind(pipeline.TurnEnded)) {
		return errors.New("the agent never came to an end")
	}
	first := s.witness.seen[slices.IndexFunc(s.witness.seen, isKind(pipeline.TurnEnded))]
	s.result.Stopped = first.Turn.Cut
	s.witness.pass(ctx, max(0, from+corpus.Length(s.pcm)-time.Since(s.phone.answered))+1500*time.Millisecond)
	s.stopped(first, from)
	s.result.From = corpus.Millis(from)
	s.transcribe(from)
	if s.kind != falseStop {
		s.edge(from)
	}
	if s.kind == heardWhat {
		return s.ledger(first)
	}
	return nil
}

// stopped reads from the wire how the agent gave way: by falling silent or, on a leg without lead, by speaking lower.
func (s scene) stopped(first pipeline.Event, from time.Duration) {
	r, onset := s.result, from+s.begin
	if s.kind == selfStop {
		onset = 0
	}
	if stops := s.stops(s.phone.sounding(), onset, first); len(stops) > 0 {
		if at, ok := s.decision(stops[0].From); ok {
			r.LastSound = corpus.Millis(max(0, stops[0].From-at))
		}
	}
	for _, gap := range s.stops(s.aloud(), onset, first) {
		if !r.Held {
			r.Held, r.GaveWay = true, corpus.Millis(gap.From-onset)
		}
		if gap.To > 0 {
			if r.Gap.Missing() {
				r.Gap = 0
			}
			r.Gap += corpus.Millis(gap.Length())
		}
	}
	if s.kind == selfStop {
		r.GaveWay = corpus.None
	} else if first.Turn.Cut && first.At < onset {
		r.Early, r.Stopped = true, false
		return
	}
	for _, e := range s.witness.seen {
		switch {
		case e.Kind == pipeline.Interrupted && r.Decided.Missing() && s.kind != selfStop && e.At >= onset:
			r.Decided = corpus.Millis(e.At - onset)
		case e.Kind == pipeline.TurnEnded && e.Turn.Why == pipeline.ForWords && s.kind == selfStop:
			r.AnsweredSelf = true
		case e.Kind == pipeline.ReplyBegan && e.At > first.At && s.kind == selfStop:
			r.AnsweredSelf = true
		}
	}
}

// stops are the gaps after onset in the sound of the first turn; the last, where it was cut, has no end.
func (s scene) stops(sound []corpus.Span, onset time.Duration, first pipeline.Event) (gaps []corpus.Span) {
	for k, a := range sound {
		if a.To < onset || a.From >= first.At {
			continue
		}
		switch goesOn := k+1 < len(sound) && sound[k+1].From < first.At; {
		case goesOn:
			gaps = append(gaps, corpus.Span{From: a.To, To: sound[k+1].From})
		case first.Turn.Cut:
			gaps = append(gaps, corpus.Span{From: a.To})
		}
	}
	return gaps
}

// aloud are the stretches in which the agent spoke as loudly as its voice did. A leg without lead loses no sample and plays none twice, so
// that each frame has its own in what was rehearsed to be compared with.
func (s scene) aloud() []corpus.Span {
	speech, err := s.voices.find(s.ask)
	if err != nil || s.line == socket {
		return s.phone.sounding()
	}
	var spoken []int16
	for _, part := range speech {
		spoken = append(spoken, part.PCM...)
	}
	const ducked = 3 // how many times quieter than it was rehearsed
	var all []corpus.Span
	loud := true
	for _, stretch := range s.phone.carrier.Sounded() {
		at := stretch.At.Sub(s.phone.answered)
		for pcm := range slices.Chunk(stretch.PCM, corpus.Rate/50) {
			if n := min(len(pcm), len(spoken)); n > 0 {
				if v := volume(spoken[:n]); v > ducked {
					loud = volume(pcm[:n])*ducked > v
				}
				spoken = spoken[n:]
			} else {
				loud = true
			}
			if loud {
				all = join(all, corpus.Span{From: at, To: at + corpus.Length(pcm)})
			}
			at += corpus.Length(pcm)
		}
	}
	return all
}

// volume is the mean amplitude of pcm.
func volume(pcm []int16) float64 {
	sum := 0.0
	for _, v := range pcm {
		sum += math.Abs(float64(v))
	}
	return sum / float64(len(pcm))
}

// decision is the last thing that was told before the agent fell silent at last: the dialog tells of what makes it hold or cut the
// voice in the same breath.
func (s scene) decision(last time.Duration) (at time.Duration, ok bool) {
	const reach = 60 * time.Millisecond // a fade, and the way to the carrier
	for _, e := range s.witness.seen {
		switch e.Kind {
		case pipeline.SpeechBegan, pipeline.Transcribed, pipeline.Interrupted:
			if e.At <= last+time.Millisecond && e.At >= last-reach {
				at, ok = e.At, true
			}
		}
	}
	return at, ok
}

// ledger compares the history with the wire.
func (s scene) ledger(first pipeline.Event) error {
	_, words, ok := s.voices.recite(s.ask)
	if !ok {
		return fmt.Errorf("%w: %q", errUnrehearsed, s.ask)
	}
	if !first.Turn.Cut {
		return nil // it was not interrupted
	}
	var heard time.Duration
	for _, a := range s.phone.sounding() {
		if a.From < first.At {
			heard += a.Length()
		}
	}
	claimed := len(strings.Fields(first.Turn.Heard))
	truth, off := heardUntil(words, heard, claimed)
	s.result.WordsOff, s.result.TimeOff = claimed-truth, corpus.Millis(off)
	return nil
}
