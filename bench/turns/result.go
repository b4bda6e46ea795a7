package main

import (
	"fmt"
	"strings"

	"parley/bench/corpus"
	"parley/pipeline"
)

// A result is what became of an item.
type result struct {
	Set     string    `json:"set"`
	Name    string    `json:"name"`
	Kind    string    `json:"kind"`
	Origin  string    `json:"origin"`
	Half    string    `json:"half"`
	Arm     string    `json:"arm"`
	Line    string    `json:"line"`
	From    corpus.MS `json:"from_ms"` // when the item's sound began, since the answer
	Clean   bool      `json:"clean,omitempty"`
	Failure string    `json:"failure,omitempty"`
	Heard   string    `json:"heard,omitempty"` // by the recogniser
	LateMS  corpus.MS `json:"late_ms"`         // the latest frame
	Onset   corpus.MS `json:"onset_ms"`        // true onset -> speech edge

	// Of an end of turn.
	Answered  bool      `json:"answered"`
	CutOffs   int       `json:"cut_offs"` // answers that sounded before the end
	InPause   corpus.MS `json:"cut_off_in_pause_ms"`
	TakenBack int       `json:"taken_back"` // answers withdrawn before they sounded
	Delay     corpus.MS `json:"delay_ms"`   // true end -> the answer's first frame on the wire

	// Of what sounds over the agent.
	Held         bool      `json:"held"`          // the agent fell silent for the sound
	Stopped      bool      `json:"stopped"`       // and for good
	Gap          corpus.MS `json:"gap_ms"`        // how long it was silent, if it went on
	GaveWay      corpus.MS `json:"gave_way_ms"`   // true onset -> the agent's last audible sample
	Decided      corpus.MS `json:"decided_ms"`    // true onset -> the cut
	LastSound    corpus.MS `json:"last_ms"`       // the decision to fall silent -> the last audible sample
	Early        bool      `json:"early"`         // it was stopped before the caller said anything
	AnsweredSelf bool      `json:"answered_self"` // it took its echo for the caller's words

	// Of the ledger.
	WordsOff int       `json:"words_off"` // history against the wire
	TimeOff  corpus.MS `json:"time_off_ms"`

	Events []string `json:"events"`
}

// blank is the result of an item of which nothing is known yet.
func blank(i *item, a arm) result {
	r := result{
		Set: i.set, Name: i.name, Kind: string(i.kind), Origin: i.origin(), Half: i.half(), Arm: a.name, Line: string(i.line), Clean: i.clean,
	}
	for _, m := range []*corpus.MS{&r.From, &r.Onset, &r.InPause, &r.Delay, &r.Gap, &r.GaveWay, &r.Decided, &r.LastSound, &r.TimeOff} {
		*m = corpus.None
	}
	return r
}

// void says that nothing follows from it: the measurement failed, or the machine was too busy.
func (r result) void() bool { return r.Failure != "" || r.LateMS > lateBar }

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
		r.Events = append(r.Events, strings.TrimSpace(fmt.Sprintf("%v %s %s", corpus.Millis(e.At), e.Kind, text)))
	}
}
