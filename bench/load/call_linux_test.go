package load

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/bench/report"
	"parley/bench/stamp"
	"parley/bench/wire"
)

const ms = time.Millisecond

// A caller hears the greeting out, speaks, is answered, and hangs up; all times are as they were made.
func TestTurn(t *testing.T) {
	t.Parallel()
	s := newScore(t, "hear quiet=500ms\nsay SPEECH\nhear quiet=500ms\nhangup")
	s.pass(200 * ms)
	s.agent(7*ms, tone(400*ms), s.now-3*ms)
	s.wantTimes(report.Greeting, 1, 237, 237) // due 30 ms before its first slot, greeted 207 ms after
	s.wantTimes(report.TTSToFrame, 1, 10, 10)
	s.pass(2100 * ms) // the greeting sounds for 400 ms, 500 ms of quiet, a second of speech
	first, last, n := s.loudAt()
	if first < 1120*ms || first > 1140*ms || n != 50 || last-first != 980*ms {
		t.Fatalf("the caller spoke from %v to %v, %d frames", first, last, n)
	}
	spoke := 100*time.Second + last
	s.pass(100 * ms)
	s.agent(5*ms, tone(20*ms), s.now)
	s.agent(6*ms, tone(500*ms))
	s.wantTimes(report.VoiceVoice, 1, float64((s.now+5*ms-spoke)/ms), float64((s.now+5*ms-spoke)/ms))
	s.want(map[string]int64{report.Turns: 1, report.Unanswered: 0, report.Dry: 0, report.FramesLost: 0, report.FramesOut: 46})
	s.pass(2 * time.Second)
	if !s.left || !bytes.Contains(must(unmask(t, s.sent)), []byte(`"event":"stop"`)) {
		t.Errorf("the caller has not hung up: %v", s.events())
	}
	s.wantTimes(report.Lateness, 46, 0, 0)
}

func must(text, _ []byte) []byte { return text }

// Who speaks over the agent measures from his third voiced frame to clear; what comes before his last can be no answer.
func TestBarge(t *testing.T) {
	t.Parallel()
	const script = "barge SPEECH after=500ms\nhear quiet=500ms\nhangup"
	begin := func(t *testing.T) *score {
		s := newScore(t, script)
		s.pass(100 * ms)
		s.agent(0, tone(5*time.Second)) // far ahead
		s.pass(540 * ms)                // 480 ms of it, and three voiced frames
		if _, _, n := s.loudAt(); n != 3 {
			t.Fatalf("%d voiced frames", n)
		}
		return s
	}
	t.Run("yields", func(t *testing.T) {
		t.Parallel()
		s := begin(t)
		s.clear(4 * ms)
		s.wantTimes(report.ToClear, 1, 4, 4)
		s.pass(1200 * ms)
		s.agent(0, tone(200*ms))
		s.want(map[string]int64{report.BargeIns: 1, report.Missed: 0, report.AfterClear: 0, report.Turns: 1})
		_, last, _ := s.loudAt()
		v2v := float64((s.now - 100*time.Second - last) / ms)
		s.wantTimes(report.VoiceVoice, 1, v2v, v2v)
	})
	t.Run("goes on after clear", func(t *testing.T) {
		t.Parallel()
		s := begin(t)
		s.clear(4 * ms)
		s.agent(5*ms, tone(100*ms)) // while the caller speaks
		s.pass(100 * ms)
		s.agent(0, tone(1100*ms)) // that too
		s.pass(1000 * ms)         // he has ended
		s.agent(0, tone(100*ms))  // the old reply's, without a pause
		s.pass(800 * ms)
		s.agent(0, tone(100*ms)) // the answer
		s.want(map[string]int64{report.BargeIns: 1, report.AfterClear: 3, report.Turns: 1})
		_, last, _ := s.loudAt()
		v2v := float64((s.now - 100*time.Second - last) / ms)
		s.wantTimes(report.VoiceVoice, 1, v2v, v2v)
	})
	t.Run("does not yield", func(t *testing.T) {
		t.Parallel()
		s := newScore(t, script)
		s.pass(100 * ms)
		for range 25 {
			s.agent(0, tone(100*ms))
			s.pass(100 * ms)
		}
		s.want(map[string]int64{report.BargeIns: 1, report.Missed: 1})
		s.wantTimes(report.ToClear, 0, 0, 0)
	})
	t.Run("had ended by itself", func(t *testing.T) {
		t.Parallel()
		s := newScore(t, script)
		s.pass(100 * ms)
		s.agent(0, tone(520*ms))
		s.pass(1600 * ms)
		s.agent(0, tone(100*ms))
		s.want(map[string]int64{report.BargeIns: 0, report.Missed: 0, report.Turns: 1})
	})
}

// A server that is late, or goes on later for good, by a known amount.
func TestLateness(t *testing.T) {
	t.Parallel()
	t.Run("late once", func(t *testing.T) {
		t.Parallel()
		s := newScore(t, "silent 1m")
		for i := range 50 {
			s.slots(1)
			late := time.Duration(0)
			if i == 20 {
				late = 9 * ms
			}
			s.agent(late, tone(20*ms))
		}
		s.wantTimes(report.Lateness, 50, 0, 9)
		s.want(map[string]int64{report.Dry: 1, report.FramesLost: 0, report.FramesOut: 50})
	})
	t.Run("three frames lost", func(t *testing.T) {
		t.Parallel()
		s := newScore(t, "silent 1m")
		for i := range 50 {
			if i == 20 {
				s.slots(3)
			}
			s.slots(1)
			s.agent(0, tone(20*ms))
		}
		s.want(map[string]int64{report.FramesLost: 3, report.Dry: 1})
	})
	t.Run("another utterance is on its own schedule", func(t *testing.T) {
		t.Parallel()
		s := newScore(t, "silent 1m")
		s.slots(1)
		s.agent(0, tone(100*ms))
		s.tell(0, wire.Message{Kind: wire.Mark, Name: []byte("end")})
		s.pass(400 * ms)
		s.agent(3*ms, tone(20*ms))
		s.agent(3*ms, tone(100*ms))
		s.pass(2 * time.Second)
		s.agent(7*ms, tone(20*ms))
		s.wantTimes(report.Lateness, 12, 0, 0)
		s.want(map[string]int64{report.Dry: 0})
	})
	t.Run("a short break is none", func(t *testing.T) {
		t.Parallel()
		s := newScore(t, "silent 1m")
		s.slots(1)
		s.agent(0, tone(100*ms))
		s.pass(500 * ms) // no mark: it has stalled
		s.agent(0, tone(20*ms))
		s.wantTimes(report.Lateness, 6, 0, 400)
		s.want(map[string]int64{report.Dry: 1})
	})
}

// Marks come back when their audio has sounded, with clear at once.
func TestMarksComeBack(t *testing.T) {
	t.Parallel()
	s := newScore(t, "silent 1m")
	mark := func(name string) { s.tell(0, wire.Message{Kind: wire.Mark, Name: []byte(name)}) }
	s.slots(1)
	mark("at once")
	s.agent(0, tone(100*ms))
	mark("a")
	s.agent(0, tone(100*ms))
	mark("b")
	mark("c")
	s.pass(80 * ms)
	if diff := cmp.Diff([]string{"mark at once"}, s.events()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	s.pass(20 * ms)
	s.clear(0)
	s.slots(1)
	if diff := cmp.Diff([]string{"mark at once", "mark a", "mark b", "mark c"}, s.events()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// Keys are messages at their times, with tones where they are to be heard.
func TestKeys(t *testing.T) {
	t.Parallel()
	s := newScore(t, "press 12w# gap=100ms\nsound 3 tone=100ms\nhear within=1s\nhangup", func(p *Plan) { p.Stamp = -1 })
	s.pass(3 * time.Second)
	var at []time.Duration
	for _, m := range s.said {
		if m.event == "dtmf" {
			at = append(at, m.at-100*time.Second)
		}
	}
	if diff := cmp.Diff([]string{"dtmf 1", "dtmf 2", "dtmf #"}, s.events()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if diff := cmp.Diff([]time.Duration{20 * ms, 120 * ms, 640 * ms}, at); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if first, last, n := s.loudAt(); first != 660*ms || last != 740*ms || n != 5 {
		t.Errorf("the tone: from %v to %v, %d frames", first, last, n)
	}
	s.want(map[string]int64{report.Unanswered: 1, report.Turns: 0})
}

// Callers have patience, and no more; then they go on.
func TestPatience(t *testing.T) {
	t.Parallel()
	s := newScore(t, "hear within=1s\nsay SPEECH\nhear within=2s\nhangup", func(p *Plan) { p.Repeat = 2 })
	s.pass(10 * time.Second)
	if !s.left {
		t.Error("the caller has not hung up")
	}
	s.want(map[string]int64{report.Unanswered: 4, report.Turns: 0})
	s = newScore(t, "silent 1s", func(p *Plan) { p.Repeat, p.MaxLength = -1, 5*time.Second })
	s.pass(4900 * ms)
	if s.left {
		t.Error("the caller has hung up before his time")
	}
	s.pass(200 * ms)
	if !s.left {
		t.Error("the caller has not hung up")
	}
}

// Every n-th frame of a caller's has a stamp of the time at which it is sent.
func TestStamps(t *testing.T) {
	t.Parallel()
	s := newScore(t, "silent 100ms\nsay SPEECH", func(p *Plan) { p.Stamp = 3 })
	s.slots(30)
	for i, m := range s.said {
		at, next := stamp.Find(m.law)
		if found := next >= 0; found != (i%3 == 2) || found && at != m.at {
			t.Fatalf("frame %d: stamp %v, next %d, sent at %v", i, at, next, m.at)
		}
	}
}

// Nothing allocates for a frame, of the caller's or of the agent's.
func TestFramesAllocateNothing(t *testing.T) {
	s := newScore(t, "say SPEECH\nbarge SPEECH after=20ms within=20ms\npress 1\nhear within=20ms", func(p *Plan) { p.Repeat = -1 })
	in := wire.Message{Kind: wire.Media, Text: true, Audio: 20 * ms, Payload: payload(tone(20 * ms))}
	mark, clear := wire.Message{Kind: wire.Mark, Name: []byte("3:12345")}, wire.Message{Kind: wire.Clear}
	i := 0
	frame := func() {
		i++
		s.now += wire.FrameTime
		s.c.Speak(s.now)
		s.tell(0, in)
		if i%5 == 0 {
			s.tell(0, mark)
		}
		if i%50 == 0 {
			s.tell(0, clear)
		}
	}
	for range 500 {
		frame()
	}
	if n := testing.AllocsPerRun(2000, frame); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}
