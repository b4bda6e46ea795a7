package local_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/media"
	"parley/pipeline"
	"parley/providers/providertest"
)

// sentences are the prompts of three words or more and 1 to 16 seconds.
func sentences(tb testing.TB) []prompt {
	tb.Helper()
	all := prompts(tb, func(_, text string) bool { return len(strings.Fields(text)) >= 3 })
	return slices.DeleteFunc(all, func(p prompt) bool {
		d := media.Samples(len(p.pcm), 8000)
		return d < time.Second || d > 16*time.Second
	})
}

// TestWordErrorRate is of 40 sentences; the whole set of 255 has 5 % (see the end-to-end test).
func TestWordErrorRate(t *testing.T) {
	t.Parallel()
	e := whole(t)
	var w providertest.WER
	for _, p := range sentences(t)[:40] {
		c := call(t, e, 8000)
		c.pause(300 * time.Millisecond)
		c.say(p.pcm)
		c.pause(700 * time.Millisecond)
		got := text(c.finals())
		if n := w.Add(p.text, got); n > 0 {
			t.Logf("%s: %d wrong: %q heard as %q", p.name, n, p.text, got)
		}
	}
	t.Logf("%d words, word error rate %.1f %%", w.Words, 100*w.Rate())
	if w.Rate() >= 0.08 {
		t.Errorf("word error rate %.1f %%, want less than 8 %%", 100*w.Rate())
	}
}

func TestDigitsAreSnappedTo(t *testing.T) {
	t.Parallel()
	e := whole(t)
	var names []string
	for _, p := range digits(t) {
		names = append(names, p.text)
	}
	right := 0
	for _, p := range digits(t) {
		c := call(t, e, 8000)
		c.t.Expect(names)
		c.pause(300 * time.Millisecond)
		c.say(p.pcm)
		c.pause(700 * time.Millisecond)
		if got := text(c.finals()); got == p.text {
			right++
		} else {
			t.Logf("%q heard as %q", p.text, got)
		}
	}
	if right < 9 {
		t.Errorf("%d of 10 digits understood, want 9 at least", right)
	}
}

func digits(tb testing.TB) []prompt {
	tb.Helper()
	all := prompts(tb, func(name, _ string) bool {
		return len(name) == 8 && strings.HasPrefix(name, "digits/") && name[7] <= '9'
	})
	if len(all) != 10 {
		tb.Fatalf("%d digits recorded, want 10: run \"make setup\"", len(all))
	}
	return all
}

// An edge must lie near where the sound of the recording begins and ends.
func TestEdges(t *testing.T) {
	t.Parallel()
	e := whole(t)
	for _, rate := range []int{8000, 16000, 24000, 48000} {
		var early, tail []time.Duration
		for _, p := range sentences(t)[:20] {
			c := listen(t, e, rate)
			c.pause(500 * time.Millisecond)
			c.say(at(t, p.pcm, rate))
			c.pause(time.Second)
			if len(c.edges) < 2 {
				t.Errorf("%s at %d: edges %v, want a beginning and an end", p.name, rate, c.edges)
				continue
			}
			first, last := c.edges[0], c.edges[len(c.edges)-1]
			if first.Kind != pipeline.Began || last.Kind != pipeline.Ended || last.N != c.edges[len(c.edges)-2].N {
				t.Errorf("%s at %d: edges %v", p.name, rate, c.edges)
			}
			begin, end := sounding(p.pcm)
			early = append(early, first.At-500*time.Millisecond-begin)
			tail = append(tail, last.At-500*time.Millisecond-end)
		}
		slices.Sort(early)
		slices.Sort(tail)
		t.Logf("%d Hz: onset %v (median) %v (90 %%) after the sound's; end %v (median) %v..%v", rate, early[len(early)/2], early[len(early)*9/10],
			tail[len(tail)/2], tail[len(tail)/10], tail[len(tail)*9/10])
		if got := early[len(early)*9/10]; got > 200*time.Millisecond {
			t.Errorf("%d Hz: 90 %% of onsets are noticed within %v, want the pre-roll's 200 ms", rate, got)
		}
		if got := tail[len(tail)/10]; got < -200*time.Millisecond {
			t.Errorf("%d Hz: a tenth of the ends lie %v before the sound's", rate, -got)
		}
	}
}

// sounding is where pcm is within 30 dB of its loudest hundredth of a second.
func sounding(pcm []int16) (begin, end time.Duration) {
	const hop = 80
	var levels []int
	for i := 0; i+hop <= len(pcm); i += hop {
		sum := 0
		for _, v := range pcm[i : i+hop] {
			sum += int(v) * int(v)
		}
		levels = append(levels, sum)
	}
	bar := slices.MaxFunc(levels, cmp.Compare[int]) / 1000
	above := func(l int) bool { return l > bar }
	first := slices.IndexFunc(levels, above)
	slices.Reverse(levels)
	last := len(levels) - slices.IndexFunc(levels, above)
	return time.Duration(first) * 10 * time.Millisecond, time.Duration(last) * 10 * time.Millisecond
}

func TestSilenceAndNoiseBeginNothing(t *testing.T) {
	t.Parallel()
	c := call(t, whole(t), 8000)
	c.pause(2 * time.Second)
	noise := make([]int16, 5*8000)
	seed := uint32(1)
	for i := range noise {
		seed = seed*1664525 + 1013904223
		noise[i] = int16(seed>>16) / 64 // -45 dBFS
	}
	c.say(telephone(noise))
	if len(c.edges) > 0 {
		t.Errorf("edges %v from silence and hiss, want none", c.edges)
	}
	if got := c.finals(); len(got) > 0 {
		t.Errorf("finals %v, want none", got)
	}
}

// Half a minute without a pause is understood as well as anything else.
func TestMonologue(t *testing.T) {
	t.Parallel()
	e := whole(t)
	c := call(t, e, 8000)
	var said []string
	c.pause(300 * time.Millisecond)
	for _, p := range sentences(t) {
		begin, end := sounding(p.pcm)
		c.say(p.pcm[int(begin.Seconds()*8000):int(end.Seconds()*8000)])
		c.pause(120 * time.Millisecond)
		said = append(said, p.text)
		if c.at > 30*time.Second {
			break
		}
	}
	c.pause(700 * time.Millisecond)
	got := c.finals()
	var w providertest.WER
	w.Add(strings.Join(said, " "), text(got))
	t.Logf("%v in %d turns, word error rate %.1f %%: %q", c.at, len(got), 100*w.Rate(), text(got))
	if w.Rate() > 0.15 {
		t.Errorf("word error rate %.1f %% in a monologue, want 15 %% at most: %q", 100*w.Rate(), said)
	}
}

// Silence marked as speech is answered, with no words made up.
func TestEmptyTurn(t *testing.T) {
	t.Parallel()
	c := call(t, whole(t), 8000)
	c.pause(time.Second)
	for _, e := range []pipeline.Edge{{Kind: pipeline.Began, N: 1, At: 300 * time.Millisecond}, {Kind: pipeline.Ended, N: 1, At: 800 * time.Millisecond}} {
		if err := c.t.Mark(e); err != nil {
			t.Fatal(err)
		}
	}
	got := c.finals()
	if len(got) != 1 || got[0].Edge != 1 {
		t.Fatalf("finals %v, want one that answers 1", got)
	}
	t.Logf("silence is understood as %q", got[0].Text)
	if len(strings.Fields(got[0].Text)) > 1 {
		t.Errorf("silence is understood as %q", got[0].Text)
	}
}
