package carrier

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"parley/media"
)

// An agent's end of a call without a clock: it greets, and speaks again 200 ms after each key; it hangs up after so many frames.
type agentLeg struct {
	rate   int
	frames int // heard from it
	ends   int // 0: it stays
	talk   []stretch
	keys   string
	hung   media.Cause
}

func newAgentLeg() *agentLeg { return &agentLeg{rate: Rate, talk: []stretch{{10, 60}}} }

func (l *agentLeg) Info() media.Info { return media.Info{ID: "leg-1", Rate: l.rate} }

func (l *agentLeg) Receive() (media.Packet, error) {
	if l.ends > 0 && l.frames >= l.ends || l.hung != "" {
		return media.Packet{}, io.EOF
	}
	pcm := make([]int16, l.rate/50)
	for _, s := range l.talk {
		for i := range pcm {
			if int64(l.frames) >= s.start && int64(l.frames) < s.end {
				pcm[i] = int16(8000 * (1 - 2*(i/10%2)))
			}
		}
	}
	l.frames++
	return media.Packet{Frame: media.Frame{PCM: pcm, Rate: l.rate}}, nil
}

func (l *agentLeg) Send(media.Frame) error { return nil }
func (l *agentLeg) Clear() error           { return nil }

func (l *agentLeg) Hangup(c media.Cause) error { l.hung = c; return nil }

func (l *agentLeg) Press(key rune, _ time.Duration) error {
	l.keys += string(key)
	l.talk = append(l.talk, stretch{int64(l.frames) + 10, int64(l.frames) + 60})
	return nil
}

func (l *agentLeg) Quality() media.Quality {
	return media.Quality{MOS: 4.4, Received: int64(l.frames), Lost: 1, Late: 2}
}

// placeBy places a call to an agent's end.
func placeBy(t *testing.T, l *agentLeg, script string) (*Result, error) {
	t.Helper()
	steps, err := ParseScript("test", script)
	if err != nil {
		t.Fatal(err)
	}
	return Call{Script: steps}.PlaceBy(t.Context(), func(context.Context) (media.Leg, error) { return l, nil })
}

// TestPlaceBy: a script runs over a leg, with the times of what was heard, and of how it travelled.
func TestPlaceBy(t *testing.T) {
	t.Parallel()
	l := newAgentLeg()
	r, err := placeBy(t, l, "hear\npress 3\nhear\nhangup")
	if err != nil {
		t.Fatal(err)
	}
	if l.keys != "3" || l.hung != media.CauseCaller || r.Ended != "caller" || r.CallSID != "leg-1" || !r.Answered {
		t.Errorf("keys %q, hung up for %q: %+v", l.keys, l.hung, r)
	}
	if len(r.Turns) != 2 || r.Turns[1].Caller != "3" {
		t.Fatalf("turns %+v", r.Turns)
	}
	if v := time.Duration(r.Turns[1].VoiceToVoice); v < 180*time.Millisecond || v > 10*time.Second {
		t.Errorf("voice to voice %v, want 200 ms, and more on a slow machine", v)
	}
	if p := r.Packets; p == nil || p.Lost != 3 || p.MOS != 4.4 {
		t.Errorf("packets %+v", p)
	}
	var said strings.Builder
	if err := r.Print(&said); err != nil || !strings.Contains(said.String(), "MOS 4.40") || strings.Contains(said.String(), "webhook") {
		t.Errorf("it prints %s", said.String())
	}
}

// TestPlaceByFails: an agent that hangs up on the caller, a leg of another rate and a call that is not answered are no success.
func TestPlaceByFails(t *testing.T) {
	t.Parallel()
	early := newAgentLeg()
	early.ends = 150
	if r, err := placeBy(t, early, "hear\npress 3\nhear\nsay agent-pass\nhangup"); err == nil || !strings.Contains(err.Error(), "hung up") || r.Ended != "agent" {
		t.Errorf("%v of %+v", err, r)
	}
	wide := newAgentLeg()
	wide.rate = 16000
	if _, err := placeBy(t, wide, "hear"); err == nil || wide.hung != media.CauseRejected {
		t.Errorf("a leg of 16000 samples a second: %v, hung up for %q", err, wide.hung)
	}
	busy := errors.New("busy")
	if r, err := (Call{}).PlaceBy(t.Context(), func(context.Context) (media.Leg, error) { return nil, busy }); r != nil || !errors.Is(err, busy) {
		t.Errorf("%+v, %v", r, err)
	}
}
