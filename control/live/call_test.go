package live

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/control/records"
	"parley/pipeline"
	. "parley/pipeline/score"
	"parley/store"
)

const long = "We are open from nine to five on weekdays and from ten to two on Saturdays but never on Sundays."

// watched plays a score with somebody reading from the given second on, and returns what they had before them, and the record.
func watched(t *testing.T, from float64, s Score) (*page, []store.Message) {
	t.Helper()
	p := &page{}
	var call atomic.Pointer[pipeline.Call]
	d := New(Options{Follow: func(string) func() { return call.Load().Follow() }})
	var begin sync.Once
	s.Watch = func(e pipeline.Event) {
		begin.Do(func() { d.Begin(store.Call{ID: e.Call, Org: "org", Answered: time.Now()}) })
		d.Watch(e)
	}
	ended := make(chan struct{})
	s.Caller = append([]Cue{Does(0.001, func(st *Stage) { call.Store(st.Call) }), Does(from, func(*Stage) {
		r, err := d.Open(context.Background(), "org", "CA1")
		if err != nil {
			t.Error(err)
			return
		}
		go func() { defer close(ended); p.follow(context.Background(), r, always) }()
	})}, s.Caller...)
	var history []store.Message
	s.Play(t, func(t *testing.T, played *Performance) {
		history = records.Messages("CA1", 0, played.Ending.History)
		if t.Failed() {
			t.Log(played.Log)
		}
	})
	<-ended
	if len(p.wrong) > 0 {
		t.Error(p.wrong)
	}
	if diff := cmp.Diff(history, p.finals); diff != "" {
		t.Errorf("the reader's transcript is not the record (-want +got):\n%s", diff)
	}
	if len(p.interim) > 0 {
		t.Errorf("when all is over, there is still %+v", p.interim)
	}
	if want := []store.Status{store.InProgress, store.Completed}; !slices.Equal(p.statuses, want) {
		t.Errorf("statuses %v, want %v", p.statuses, want)
	}
	return p, history
}

var tells = Lines(map[string]string{"tell me": long})

func TestWordsComeAsTheyAreHeard(t *testing.T) {
	t.Parallel()
	p, history := watched(t, 0.5, Score{
		Model: Model{Answer: tells}, Voice: Voice{Times: true}, Caller: []Cue{Says("tell me", 2, 2.6), Says("stop", 5, 5.4), HangsUp(10)},
	})
	if m := history[2]; !m.Cut || m.Text == long {
		t.Fatalf("the agent was not cut: %+v", m)
	}
	for _, want := range []string{"tell", "tell me", "We are", "We are open", "stop"} {
		if !slices.Contains(p.all, want) {
			t.Errorf("%q was not seen", want)
		}
	}
	for _, text := range p.all {
		if strings.HasPrefix(text, "We are") && !strings.HasPrefix(history[2].Text, text) {
			t.Errorf("%q was seen, and heard was %q", text, history[2].Text)
		}
	}
}

// What the caller says in pieces is one entry, which grows; what was answered too soon becomes a part of it again.
func TestTheCallerGoesOn(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]Score{
		"before the answer sounds": {Model: Model{Think: 1.5013}, Caller: []Cue{Says("I would like", 2, 2.8), Says("a table", 4.2, 4.8), HangsUp(11)}},
		"with a pause":             {Caller: []Cue{Says("I would like", 2, 2.8), Says("a table", 3.3, 3.8), HangsUp(11)}},
		"over the greeting":        {Caller: []Cue{Says("hello there", 0.8, 1.4), HangsUp(6)}},
		"backchannel": {
			Manners: pipeline.Manners{BargeInWords: 2, BargeIn: time.Second}, Model: Model{Answer: tells},
			Caller: []Cue{Says("tell me", 2, 2.6), Says("yeah", 5, 5.3), HangsUp(14)},
		},
		"keys":                     {Caller: []Cue{Presses("1", 3), HangsUp(9)}},
		"hangs up while he speaks": {Model: Model{Answer: tells}, Caller: []Cue{Says("tell me", 2, 2.6), HangsUp(5)}},
	} {
		for _, from := range []float64{0.2, 3.01, 4.5} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				watched(t, from, s)
			})
		}
	}
}

// A secret is nowhere, neither said nor pressed, at any time.
func TestSecretsAreNotSeen(t *testing.T) {
	t.Parallel()
	given := false
	ask := func(k pipeline.Talk) []pipeline.Delta {
		if given = given || k.Text+k.Keys != ""; given {
			return Text("Thank you very much for that.")
		}
		return []pipeline.Delta{{Expect: &pipeline.Expect{Masked: true, Digits: 4}}, {Text: "Please enter or say your number."}}
	}
	for name, by := range map[string]Cue{"said": Says("four seven one one", 5, 6), "pressed": Presses("4711", 5)} {
		given = false
		p, history := watched(t, 0.2, Score{Model: Model{Answer: ask}, Caller: []Cue{by, HangsUp(14)}})
		if !slices.ContainsFunc(history, func(m store.Message) bool { return strings.Contains(m.Text, pipeline.MaskedSlot) }) {
			t.Errorf("%s: nothing was masked: %+v", name, history)
		}
		for _, text := range p.all {
			if strings.Contains(text, "seven") || strings.ContainsAny(text, "471") {
				t.Errorf("%s: %q was seen", name, text)
			}
		}
	}
}
