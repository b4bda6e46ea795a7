package relay_test

import (
	"testing"
	"time"

	"parley/media"
	"parley/media/legtest"
	"parley/media/relay"
)

// feed is n frames of a tone at 8 kHz.
func feed(t *testing.T, r *relay.Relay, rate, n int) {
	t.Helper()
	tone := legtest.Tone(rate, 440, time.Duration(n)*media.FrameTime)
	for ; len(tone) > 0; tone = tone[rate/50:] {
		r.Hear(media.Frame{PCM: tone[:rate/50], Rate: rate})
	}
}

func made(t *testing.T, from, to int) *relay.Relay {
	t.Helper()
	r, err := relay.New(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestEven: what comes evenly leaves 60 ms later, whole and in order.
func TestEven(t *testing.T) {
	t.Parallel()
	r, said := made(t, 8000, 8000), legtest.Speech(8000, time.Second, 1)
	var got []int16
	pcm := make([]int16, 160)
	for at := 0; at < len(said); at += 160 {
		r.Hear(media.Frame{PCM: said[at : at+160], Rate: 8000})
		if r.Next(pcm) {
			got = append(got, pcm...)
		}
	}
	if c := r.Counts(); len(got) != len(said)-2*160 || c.Dropped+c.Dry > 0 {
		t.Fatalf("%d of %d samples came out: %+v", len(got), len(said), c)
	}
	for i, v := range got {
		if v != said[i] {
			t.Fatalf("sample %d is %d, want %d", i, v, said[i])
		}
	}
}

// TestBursts: five frames at once, five times in half a second, are heard without a gap; a flood is cut to 60 ms.
func TestBursts(t *testing.T) {
	t.Parallel()
	r, pcm := made(t, 8000, 8000), make([]int16, 160)
	for range 5 {
		feed(t, r, 8000, 5)
		for range 5 {
			r.Next(pcm)
		}
	}
	if c := r.Counts(); c.Dry > 0 || c.Dropped > 0 || c.Passed != 25 {
		t.Errorf("bursts: %+v", c)
	}
	feed(t, r, 8000, 30)
	if c := r.Counts(); c.Dropped < 15 {
		t.Errorf("a flood: %+v", c)
	}
}

// TestDry: where nothing comes there is silence, without a click, until 60 ms are there again.
func TestDry(t *testing.T) {
	t.Parallel()
	r, pcm := made(t, 8000, 8000), make([]int16, 160)
	feed(t, r, 8000, 3)
	for range 3 {
		r.Next(pcm)
	}
	before := pcm[159]
	if !r.Next(pcm) || r.Counts().Dry != 1 || pcm[159] != 0 {
		t.Fatalf("no end: %+v", r.Counts())
	}
	for _, v := range pcm {
		if d := int(v) - int(before); d > 6000 || d < -6000 {
			t.Fatalf("a jump from %d to %d", before, v)
		}
		before = v
	}
	feed(t, r, 8000, 2)
	if r.Next(pcm) {
		t.Error("it goes on before 60 ms are there")
	}
	feed(t, r, 8000, 1)
	if !r.Next(pcm) {
		t.Error("it does not go on")
	}
}

// TestDrift: a clock that is 1 % fast, or slow, costs frames of silence alone.
func TestDrift(t *testing.T) {
	t.Parallel()
	for name, extra := range map[string]int{"fast": 1, "slow": -1} {
		r, pcm := made(t, 8000, 8000), make([]int16, 160)
		voice := legtest.Speech(8000, media.FrameTime, 2)
		hush := make([]int16, 160)
		hear := func(i int) {
			f := voice
			if i%50 >= 40 { // a pause of 200 ms a second
				f = hush
			}
			r.Hear(media.Frame{PCM: f, Rate: 8000})
		}
		for i := range 3 {
			hear(i)
		}
		for i := range 3000 {
			if i%100 != 99 || extra > 0 {
				hear(i)
			}
			if i%100 == 99 && extra > 0 {
				hear(i)
			}
			r.Next(pcm)
		}
		c := r.Counts()
		if c.Dry > 0 || c.Dropped > 0 || extra > 0 && c.Skipped < 25 || extra < 0 && c.Padded < 25 {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

// TestRates: legs of different rates hear each other at their own.
func TestRates(t *testing.T) {
	t.Parallel()
	for _, to := range []int{8000, 16000, 48000} {
		r, pcm := made(t, 16000, to), make([]int16, to/50)
		feed(t, r, 16000, 6)
		for range 5 {
			if !r.Next(pcm) {
				t.Fatalf("nothing at %d Hz: %+v", to, r.Counts())
			}
		}
		var sum int64
		for _, v := range pcm {
			sum += int64(v) * int64(v)
		}
		if sum/int64(len(pcm)) < 1000 {
			t.Errorf("silence at %d Hz", to)
		}
	}
	if _, err := relay.New(8000, 12345); err == nil {
		t.Error("a rate that is none is taken")
	}
}

// TestAllocates: nothing, a frame.
func TestAllocates(t *testing.T) {
	for _, to := range []int{8000, 48000} {
		r, pcm := made(t, 8000, to), make([]int16, to/50)
		f := media.Frame{PCM: legtest.Tone(8000, 440, media.FrameTime), Rate: 8000}
		if n := testing.AllocsPerRun(1000, func() { r.Hear(f); r.Next(pcm) }); n > 0 {
			t.Errorf("%v allocations a frame to %d Hz", n, to)
		}
	}
}
