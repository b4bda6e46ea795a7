package rtp

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/media"
	"parley/media/dtmf"
	"parley/media/rtp/rtptest"
)

// TestPress: a key on the wire is as RFC 4733 has it.
func TestPress(t *testing.T) {
	type sent struct {
		Kind     uint8
		Marker   bool
		Time     uint32
		Event    dtmf.Event
		Silenced bool
	}
	press := func(code uint8, end bool, duration uint16) dtmf.Event {
		return dtmf.Event{Code: code, End: end, Volume: 10, Duration: duration}
	}
	inAir(t, func(t *testing.T) {
		a, near, _ := talk(t, rtptest.Impairment{}, nil)
		mine := a.wires[near.Local()]
		speak(t, near, make([]int16, 160), 2*media.FrameTime)
		first, _ := parse(mine.wrote()[0].packet)
		if err := near.Press('5', 100*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		speak(t, near, make([]int16, 160), 8*media.FrameTime)
		var got []sent
		next := first.seq + 2
		for _, f := range mine.wrote() {
			p, _ := parse(f.packet)
			if p.seq != next || p.ssrc != first.ssrc {
				t.Errorf("number %d of source %d, want %d of %d", p.seq, p.ssrc, next, first.ssrc)
			}
			next++
			s := sent{Kind: p.kind, Marker: p.marker, Time: p.time - first.time}
			if p.kind == 101 {
				s.Event, _ = dtmf.ParseEvent(p.payload)
			}
			got = append(got, s)
		}
		want := []sent{
			{Kind: 101, Marker: true, Time: 320, Event: press(5, false, 160)},
			{Kind: 101, Time: 320, Event: press(5, false, 320)},
			{Kind: 101, Time: 320, Event: press(5, false, 480)},
			{Kind: 101, Time: 320, Event: press(5, false, 640)},
			{Kind: 101, Time: 320, Event: press(5, true, 800)},
			{Kind: 101, Time: 320, Event: press(5, true, 800)},
			{Kind: 0, Marker: true, Time: 1120},
			{Kind: 101, Time: 320, Event: press(5, true, 800)},
			{Kind: 0, Marker: true, Time: 1280},
			{Kind: 0, Time: 1440},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("packets (-want +got):\n%s", diff)
		}
		// A key that is taken back ends at once.
		_ = near.Press('#', time.Second)
		speak(t, near, make([]int16, 160), 2*media.FrameTime)
		_ = near.Clear()
		var ends int
		for _, f := range mine.wrote() {
			p, _ := parse(f.packet)
			if e, _ := dtmf.ParseEvent(p.payload); e.End && e.Duration == 320 && p.kind == 101 {
				ends++
			}
		}
		if ends != 3 {
			t.Errorf("%d ends of a key that was taken back, want 3", ends)
		}
	})
}

// TestPressForLong: a key of 20 s comes in segments and is one key; the key after it is another.
func TestPressForLong(t *testing.T) {
	inAir(t, func(t *testing.T) {
		_, near, far := talk(t, rtptest.Impairment{Seed: 5, Loss: 0.1, Jitter: 50 * time.Millisecond}, nil)
		heard := eavesdrop(near)
		press(t, far, '8', 20*time.Second, dtmf.Gap)
		press(t, far, '8', 100*time.Millisecond, time.Second)
		if string(heard.so().digits) != "88" {
			t.Errorf("keys %q, want 88", string(heard.so().digits))
		}
	})
}

// TestKeysAsSound: where events are not agreed on, keys are tones, both ways; and what signalling brings besides is the same key.
func TestKeysAsSound(t *testing.T) {
	inAir(t, func(t *testing.T) {
		_, near, far := talk(t, rtptest.Impairment{}, func(c *Config) { c.Events = 0 })
		heard := eavesdrop(near)
		for _, key := range "159#" {
			press(t, far, key, dtmf.Tone, dtmf.Gap)
		}
		near.Digit('#') // the message is late
		near.Digit('#') // and another is a key
		near.Digit('x') // is none
		time.Sleep(time.Second)
		if string(heard.so().digits) != "159##" {
			t.Errorf("keys %q", string(heard.so().digits))
		}
	})
}
