package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley/media"
	canceller "parley/media/echo"
	"parley/pipeline"
)

// An arm is one way to take turns, tried on the same items as the others.
type arm struct {
	name    string
	manners pipeline.Manners
	cancel  bool // the echo is taken out of the line before the call hears it
}

// patience is how long an answer is waited for after the end, before it is said that there was none.
const patience = 6 * time.Second

// A result is what became of an item.
type result struct {
	Set       string `json:"set"`
	Name      string `json:"name"`
	Kind      string `json:"kind"`
	Origin    string `json:"origin"`
	Half      string `json:"half"`
	Arm       string `json:"arm"`
	Line      string `json:"line"`
	From      ms     `json:"from_ms"` // when the item\'s sound began, since the answer
	Clean     bool   `json:"clean,omitempty"`
	Failure   string `json:"failure,omitempty"`
	Heard     string `json:"heard,omitempty"` // by the recogniser
	LateMS    ms     `json:"late_ms"`         // the latest frame
	Onset     ms     `json:"onset_ms"`        // true onset -> speech edge; NaN: none
	Answered  bool   `json:"answered"`
	CutOffs   int    `json:"cut_offs"` // answers that sounded before the end
	InPause   ms     `json:"cut_off_in_pause_ms"`
	TakenBack int    `json:"taken_back"` // answers withdrawn before they sounded
	Delay     ms     `json:"delay_ms"`   // true end -> the answer's first frame on the wire

	Held         bool `json:"held"`          // the agent fell silent for the sound
	Stopped      bool `json:"stopped"`       // and for good
	Gap          ms   `json:"gap_ms"`        // how long it was silent, if it went on
	GaveWay      ms   `json:"gave_way_ms"`   // true onset -> the agent's last audible sample
	Decided      ms   `json:"decided_ms"`    // true onset -> the cut
	LastSound    ms   `json:"last_ms"`       // the decision to fall silent -> the last audible sample
	Early        bool `json:"early"`         // it was stopped before the caller said anything
	AnsweredSelf bool `json:"answered_self"` // the agent took its echo for the caller's words

	WordsOff int `json:"words_off"` // history against the wire
	TimeOff  ms  `json:"time_off_ms"`

	Events []string `json:"events"`
}

// play holds one call, in which the caller does what the item says.
func play(ctx context.Context, i *item, a arm, s stage) result {
	r := result{Set: i.set, Name: i.name, Kind: string(i.kind), Origin: i.origin(), Half: i.half(), Arm: a.name, Line: string(i.line), Clean: i.clean}
	r.blank()
	p := dial(i)
	leg := p.leg()
	if a.cancel {
		var err error
		if leg, err = canceller.Wrap(leg, 0); err != nil {
			r.Failure = err.Error()
			return r
		}
	}
	w := &witness{events: make(chan pipeline.Event, 1024)}
	call := &pipeline.Call{ID: i.name, Leg: leg, Pacer: s.pacer, Watch: w.watch}
	call.Cast = func(ctx context.Context, _ string, info media.Info) (pipeline.Agent, pipeline.Parts, pipeline.Tap, error) {
		agent := pipeline.Agent{Name: "bench", Lang: "en-US", Manners: a.manners}
		parts, err := s.cast(ctx, &agent, info)
		parts.Responder, parts.Synthesizer = script{i}, mouth{s.voices, i.kind == heardWhat && !i.timed}
		return agent, parts, nil, err
	}
	ended := make(chan pipeline.Ending, 1)
	go func() { ended <- call.Run(ctx) }()
	scene := scene{i, p, w, s.voices, &r}
	var err error
	if i.kind == endOfTurn {
		err = scene.endOfTurn(ctx)
	} else {
		err = scene.over(ctx)
	}
	select {
	case e := <-ended:
		err = fmt.Errorf("the call ended early, with %s: %w", e.Cause, errors.Join(err, e.Err))
	default:
		_ = p.carrier.Stop()
		<-ended
	}
	r.events(w.seen)
	if err != nil {
		r.Failure = err.Error()
	}
	p.mu.Lock()
	r.LateMS = millis(p.late)
	p.mu.Unlock()
	return r
}

// events notes what was told of the call.
func (r *result) events(seen []pipeline.Event) {
	for _, e := range seen {
		text := e.Text
		if t := e.Turn; t != nil {
			text = fmt.Sprintf("%d for %s, cut %t, sounded %v", t.N, t.Why, t.Cut, t.Sounded)
		}
		if e.Final {
			text += " (final)"
		}
		r.Events = append(r.Events, strings.TrimSpace(fmt.Sprintf("%v %s %s", millis(e.At), e.Kind, text)))
	}
}

// witness sees a call's events.
type witness struct {
	events chan pipeline.Event
	seen   []pipeline.Event
}

func (w *witness) watch(e pipeline.Event) { w.events <- e }

// until waits for an event, for at most limit; it says whether it came.
func (w *witness) until(ctx context.Context, limit time.Duration, wanted func(pipeline.Event) bool) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		select {
		case e := <-w.events:
			w.seen = append(w.seen, e)
			if wanted(e) {
				return true
			}
		case <-timer.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// pass lets d go by.
func (w *witness) pass(ctx context.Context, d time.Duration) {
	w.until(ctx, d, func(pipeline.Event) bool { return false })
}

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
		if sounded := s.answersAfter(from); len(sounded) > 0 && sounded[len(sounded)-1].to > end || past >= wait {
			break
		}
		s.witness.until(ctx, min(wait-past, 500*time.Millisecond), isKind(pipeline.ReplyBegan))
		s.witness.pass(ctx, 10*time.Millisecond)
	}
	r := s.result
	for _, answer := range s.answersAfter(from) {
		switch {
		case answer.from < end:
			r.CutOffs++
			for _, p := range s.pauses {
				if answer.from >= from+p.from && answer.from < from+p.to+150*time.Millisecond {
					r.InPause = millis(p.length())
				}
			}
			r.Answered = r.Answered || answer.to > end
		case !r.Answered:
			r.Answered, r.Delay = true, millis(answer.from-end)
		}
	}
	r.From = millis(from)
	s.transcribe(from)
	s.edge(from)
	return nil
}

// answersAfter are the agent's stretches of sound that begin after the caller did.
func (s scene) answersAfter(from time.Duration) (all []span) {
	for _, a := range s.phone.sounding() {
		if a.from > from {
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
			s.result.Onset = millis(e.At - onset)
			if s.line == socket {
				s.result.Onset -= millis(socketAway)
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
	s.witness.pass(ctx, max(0, from+length(s.pcm)-time.Since(s.phone.answered))+1500*time.Millisecond)
	s.stopped(first, from, s.phone.sounding())
	s.result.From = millis(from)
	s.transcribe(from)
	if s.kind != falseStop {
		s.edge(from)
	}
	if s.kind == heardWhat {
		return s.ledger(first)
	}
	return nil
}

// stopped reads from the wire how the agent gave way.
func (s scene) stopped(first pipeline.Event, from time.Duration, sound []span) {
	r, onset := s.result, from+s.begin
	if s.kind == selfStop {
		onset = 0
	}
	for k, a := range sound {
		if a.to < onset || a.from >= first.At {
			continue
		}
		if whole := !first.Turn.Cut && (k+1 == len(sound) || sound[k+1].from >= first.At); whole {
			break // it ended where it was to end
		}
		if !r.Held {
			r.Held, r.GaveWay = true, millis(a.to-onset)
			if at, ok := s.decision(a.to); ok {
				r.LastSound = millis(a.to - at)
			}
		}
		if k+1 < len(sound) && sound[k+1].from < first.At {
			if r.Gap.missing() {
				r.Gap = 0
			}
			r.Gap += millis(sound[k+1].from - a.to)
		}
	}
	if s.kind == selfStop {
		r.GaveWay = none
	} else if first.Turn.Cut && first.At < onset {
		r.Early, r.Stopped = true, false
		return
	}
	for _, e := range s.witness.seen {
		switch {
		case e.Kind == pipeline.Interrupted && r.Decided.missing() && s.kind != selfStop && e.At >= onset:
			r.Decided = millis(e.At - onset)
		case e.Kind == pipeline.TurnEnded && e.Turn.Why == pipeline.ForWords && s.kind == selfStop:
			r.AnsweredSelf = true
		case e.Kind == pipeline.ReplyBegan && e.At > first.At && s.kind == selfStop:
			r.AnsweredSelf = true
		}
	}
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
		if a.from < first.At {
			heard += a.length()
		}
	}
	claimed := len(strings.Fields(first.Turn.Heard))
	truth, off := heardUntil(words, heard, claimed)
	s.result.WordsOff, s.result.TimeOff = claimed-truth, millis(off)
	return nil
}
