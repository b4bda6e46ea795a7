package live

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"parley/pipeline"
)

// What stands there between two events, as it is said and heard.
func TestTeller(t *testing.T) {
	t.Parallel()
	const partial, final = false, true
	heard := func(text string, final bool) pipeline.Event {
		return pipeline.Event{Kind: pipeline.Transcribed, Text: text, Final: final}
	}
	message := func(r pipeline.Role, text string) pipeline.Message { return pipeline.Message{Role: r, Text: text} }
	turn := func(k pipeline.EventKind, n, first int, messages ...pipeline.Message) pipeline.Event {
		return pipeline.Event{Kind: k, Turn: &pipeline.Turn{N: n, First: first, Messages: messages}}
	}
	asked, said := message(pipeline.Caller, "What is the time?"), func(text string) pipeline.Message { return message(pipeline.Assistant, text) }
	just := func(k pipeline.EventKind) pipeline.Event { return pipeline.Event{Kind: k} }
	for name, c := range map[string]struct {
		events []pipeline.Event
		want   []string
	}{
		"a word":                    {[]pipeline.Event{heard("what", partial)}, []string{"0 caller what"}},
		"the next":                  {[]pipeline.Event{heard("what", partial), heard("what is", partial)}, []string{"0 caller what is"}},
		"settled":                   {[]pipeline.Event{heard("what is", partial), heard("What is", final)}, []string{"0 caller What is"}},
		"in pieces":                 {[]pipeline.Event{heard("What is", final), heard("the time?", final), heard("I", partial)}, []string{"0 caller What is the time? I"}},
		"it was nothing":            {[]pipeline.Event{heard("hm", partial), just(pipeline.Drifted)}, nil},
		"a backchannel":             {[]pipeline.Event{heard("What is", final), heard("yeah", final), just(pipeline.Backchannel)}, []string{"0 caller What is"}},
		"an echo, and no more":      {[]pipeline.Event{heard("What is", final), heard("yeah", final), just(pipeline.Echo), just(pipeline.Backchannel)}, []string{"0 caller What is"}},
		"a backchannel of no words": {[]pipeline.Event{just(pipeline.Backchannel), heard("What", partial)}, []string{"0 caller What"}},
		"answered": {
			[]pipeline.Event{heard("what is the time", final), turn(pipeline.Spoken, 1, 0, asked)}, []string{"0 caller What is the time?"},
		},
		"and spoken": {
			[]pipeline.Event{heard("what is the time", final), turn(pipeline.Spoken, 1, 0, asked), turn(pipeline.Spoken, 1, 0, asked, said("It is"))},
			[]string{"0 caller What is the time?", "1 assistant It is"},
		},
		"the caller cuts in": {
			[]pipeline.Event{heard("What is the time?", final), turn(pipeline.Spoken, 1, 0, asked, said("It is")), heard("wait", partial), turn(pipeline.Spoken, 1, 0, asked, said("It is noon"))},
			[]string{"0 caller What is the time?", "1 assistant It is noon", "2 caller wait"},
		},
		"over, and the caller goes on": {
			[]pipeline.Event{heard("What is the time?", final), turn(pipeline.Spoken, 1, 0, asked), heard("wait", partial), turn(pipeline.TurnEnded, 1, 0, asked, said("It"))},
			[]string{"2 caller wait"},
		},
		"over, and nobody had followed": {
			[]pipeline.Event{heard("What is the time?", final), turn(pipeline.TurnEnded, 1, 0, asked, said("It"))}, nil,
		},
		"taken back": {
			[]pipeline.Event{heard("What is the time?", final), turn(pipeline.Spoken, 1, 0, asked), heard("in", partial), turn(pipeline.TurnEnded, 1, 0)},
			[]string{"0 caller What is the time? in"},
		},
		"a secret": {
			[]pipeline.Event{heard("my number is", final), heard("***", final), turn(pipeline.Spoken, 1, 0, message(pipeline.Caller, pipeline.MaskedSlot))},
			[]string{"0 caller ***"},
		},
		"keys do not show": {[]pipeline.Event{{Kind: pipeline.KeyPressed, Text: "7"}}, nil},
		"the end":          {[]pipeline.Event{heard("What", partial), {Kind: pipeline.CallEnded, Ending: &pipeline.Ending{}}}, nil},
	} {
		w, finals := &teller{call: "c1"}, 0
		for i, e := range c.events {
			e.At = time.Duration(i+1) * time.Second
			finals += len(w.take(e))
		}
		var got []string
		for _, m := range w.interim(finals) {
			got = append(got, fmt.Sprintf("%d %s %s", m.Seq, m.Role, m.Text))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
