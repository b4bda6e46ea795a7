package local_test

import (
	"strings"
	"testing"
	"time"

	"parley/media"
	"parley/providers/providertest"
)

func sentence(seconds int) func(name, text string) bool {
	return func(name, text string) bool { return len(strings.Fields(text)) >= 3 }
}

func TestWordErrorRate(t *testing.T) {
	t.Parallel()
	e := whole(t)
	var w providertest.WER
	t0 := time.Now()
	var audio time.Duration
	n := 0
	for _, p := range prompts(t, sentence(16)) {
		d := media.Samples(len(p.pcm), 8000)
		if d > 16*time.Second || d < time.Second {
			continue
		}
		audio += d
		c := call(t, e, 8000)
		c.pause(300 * time.Millisecond)
		c.say(p.pcm)
		c.pause(700 * time.Millisecond)
		got := text(c.finals())
		n++
		if k := w.Add(p.text, got); k > 0 {
			t.Logf("%2d %s: %q heard as %q", k, p.name, p.text, got)
		}
	}
	t.Logf("%d prompts, %v of audio: WER %.2f %% of %d words; took %v", n, audio, 100*w.Rate(), w.Words, time.Since(t0))
}
