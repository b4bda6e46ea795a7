package pipeline

import (
	"testing"

	"parley/media"
)

// TestIdentify: the carrier's word for who has answered counts where it is not known better, and leads no agent that does not care.
func TestIdentify(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		outbound, cares bool
		by              Party
		want            Party
		cause           media.Cause
	}{
		"a machine, without a message": {true, true, Machine, Machine, media.CauseMachine},
		"a fax":                        {true, true, Fax, Fax, media.CauseFax},
		"a person":                     {true, true, Human, Human, ""},
		"nobody knows":                 {true, true, Unknown, Unknown, ""},
		"an agent that does not care":  {true, false, Machine, Machine, ""},
		"a call that came in":          {false, true, Machine, "", ""},
	} {
		d := newDialog(&Agent{Manners: Manners{Answering: Answering{On: c.cares}}}, media.Info{Outbound: c.outbound})
		d.on(event{0, answered{}})
		var cause media.Cause
		for _, a := range d.on(event{3000 * ms, ordered{Command{Kind: Identify, Text: string(c.by)}}}) {
			if h, ok := a.(hangUp); ok {
				cause = h.cause
			}
		}
		if d.callee.answer.By != c.want || c.want != "" && d.callee.answer.Cue != CueCarrier || cause != c.cause {
			t.Errorf("%s: %+v, the call ends by %q, want %q and %q", name, d.callee.answer, cause, c.want, c.cause)
		}
	}
	if err := (Command{Kind: Identify, Text: "ivr"}).Check(); err == nil {
		t.Error("a carrier may say what it cannot know")
	}
}
