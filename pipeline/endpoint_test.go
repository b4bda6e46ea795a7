package pipeline

import (
	"strings"
	"testing"
	"time"
)

func TestBeyond(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ taken, text, want string }{
		{"", "one two", "one two"},
		{"one two", "one two", ""},
		{"One two.", "one two three", "three"},
		{"one two", "one too three four", "three four"},
		{"yes", "Yes, yes please", "yes please"},
		{"I want a table.", "I want table for two", "for two"},
		{"I want a table", "", ""},
		{"I want a table", "I want", ""},
	} {
		e := early{1, strings.Fields(c.taken)}
		if got := e.beyond(c.text, 1); got != c.want {
			t.Errorf("%q after %q: %q, want %q", c.text, c.taken, got, c.want)
		}
		if got := e.beyond(c.text, 2); got != c.text {
			t.Errorf("of another stretch %q is left of %q", got, c.text)
		}
	}
}

func TestPace(t *testing.T) {
	t.Parallel()
	var p pace
	for _, d := range []time.Duration{600 * ms, -ms, time.Minute, 600 * ms} {
		p.paused(d)
	}
	if p.slow() != 0 {
		t.Errorf("two pauses tell a pace: %v", p.slow())
	}
	if p.paused(600 * ms); p.slow() != 600*ms-usualPause {
		t.Errorf("slow by %v", p.slow())
	}
	for range 10 {
		p.paused(250 * ms)
	}
	if p.slow() >= 0 {
		t.Errorf("slow by %v", p.slow())
	}
}
