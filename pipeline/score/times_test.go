package score_test

import (
	"testing"
	"time"

	"parley/pipeline"
	. "parley/pipeline/score"
)

// timely holds when the parts of a turn happened against their order, and against what else is told of it. It is true of every score.
func timely(t *testing.T, e pipeline.Event) {
	t.Helper()
	r, at := e.Turn, e.Turn.Times
	if at.Closed != e.At || at.Opened > at.Closed {
		t.Errorf("turn %d: opened at %v, closed at %v, told at %v", r.N, at.Opened, at.Closed, e.At)
	}
	ordered := func(what string, all ...time.Duration) {
		last := time.Duration(0)
		for i, d := range all {
			if d == 0 { // it did not happen
				continue
			}
			if d < last {
				t.Errorf("turn %d: %s: number %d is at %v, before %v", r.N, what, i+1, d, last)
			}
			last = d
		}
	}
	ordered("caller", at.Began, at.Spoke, at.Closed)
	ordered("caller's words", at.Began, at.Final, at.Closed)
	sounded := time.Duration(0)
	for _, s := range at.Steps {
		ordered("text", s.Asked, s.FirstText, s.LastText, at.Closed)
		ordered("sound", s.FirstText, s.FirstAudio, s.LastAudio, at.Closed)
		ordered("frames", s.FirstAudio, s.FirstFrame, at.Closed)
		sounded += s.Sounded
	}
	if sounded != r.Sounded {
		t.Errorf("turn %d: %v sounded, by its steps %v", r.N, r.Sounded, sounded)
	}
	if len(at.Tools) > r.Counts.Tools {
		t.Errorf("turn %d: %d tools, times of %d", r.N, r.Counts.Tools, len(at.Tools))
	}
	for _, tool := range at.Tools {
		ordered("tool "+tool.Name, at.Opened, tool.Asked, tool.Ended, at.Closed)
	}
}

// TestTimes: a turn with a tool in it has all that there is to be timed.
func TestTimes(t *testing.T) {
	t.Parallel()
	s := Score{Tools: []pipeline.Tool{clock(0.5)}, Model: Model{Answer: asksClock}, Caller: []Cue{Says("what time", 2, 2.5), HangsUp(9)}}
	s.Play(t, func(t *testing.T, p *Performance) {
		var turn *pipeline.Turn
		for _, e := range p.Events {
			if e.Kind == pipeline.TurnEnded && e.Turn.Why == pipeline.ForWords {
				turn = e.Turn
				timely(t, e)
			}
		}
		if turn == nil {
			t.Fatal("no turn was asked for by words")
		}
		at := turn.Times
		if len(at.Steps) != 2 || len(at.Tools) != 1 {
			t.Fatalf("%d steps and %d tools, want 2 and 1", len(at.Steps), len(at.Tools))
		}
		near(t, "the caller began", at.Began.Seconds(), 2, 0.1)
		near(t, "the caller's last voiced frame", at.Spoke.Seconds(), 2.5, 0.1)
		for i, s := range at.Steps {
			if s.Asked == 0 || s.FirstText == 0 || s.LastText == 0 || s.FirstAudio == 0 || s.LastAudio == 0 || s.FirstFrame == 0 || s.Sounded == 0 {
				t.Errorf("step %d has no time of all that happened: %+v", i, s)
			}
		}
		if v := at.Steps[0].FirstFrame - at.Spoke; v != turn.Latency.VoiceToVoice {
			t.Errorf("%v from voice to voice, by the times %v", turn.Latency.VoiceToVoice, v)
		}
		tool := at.Tools[0]
		near(t, "the tool took", (tool.Ended - tool.Asked).Seconds(), 0.5, 0.05)
		if tool.Name != "clock" || tool.ID != "a" || tool.Bad {
			t.Errorf("%+v", tool)
		}
	})
}
