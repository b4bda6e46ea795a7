//go:build cgo

package vad_test

import (
	"testing"

	"parley/media"
	"parley/media/vad"
)

func TestWebRTCOnRecordedSpeech(t *testing.T) {
	t.Parallel()
	listen(t, func() vad.Detector {
		w, err := vad.NewWebRTC(8000)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { w.Close() })
		return w
	}, []bar{
		{clean, 0, 0, 80 * ms, 100 * ms, 140 * ms},
		{20, 0, 1, 100 * ms, 120 * ms, 140 * ms}, // a false start while it learns the background
		{10, 0, 1, 100 * ms, 120 * ms, 140 * ms},
	})
}

func TestWebRTCKeepsItsVerdictOnOddFrames(t *testing.T) {
	t.Parallel()
	w, err := vad.NewWebRTC(8000)
	if err != nil {
		t.Fatal(err)
	}
	c := newCall(t, clean)
	speech := false
	for at := 0; at < len(c.pcm) && !speech; at += frame {
		speech = w.Hear(media.Frame{PCM: c.pcm[at : at+frame], Rate: 8000})
	}
	if !speech {
		t.Fatal("no speech was heard")
	}
	for _, f := range []media.Frame{
		{},
		{PCM: make([]int16, 159), Rate: 8000},
		{PCM: make([]int16, 320), Rate: 16000},
	} {
		if !w.Hear(f) {
			t.Errorf("%d samples at %d changed the verdict", len(f.PCM), f.Rate)
		}
	}
	for range 2 {
		if err := w.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if !w.Hear(media.Frame{PCM: make([]int16, frame), Rate: 8000}) {
		t.Error("a frame after Close changed the verdict")
	}
}

func TestNewWebRTCRefusesOddRates(t *testing.T) {
	t.Parallel()
	for _, rate := range []int{0, 11025, 24000} {
		if _, err := vad.NewWebRTC(rate); err == nil {
			t.Errorf("rate %d was taken", rate)
		}
	}
	for _, rate := range []int{8000, 16000, 48000} {
		w, err := vad.NewWebRTC(rate)
		if err != nil {
			t.Errorf("rate %d: %v", rate, err)
			continue
		}
		w.Close()
	}
}

func TestWebRTCAllocatesNothing(t *testing.T) {
	w, err := vad.NewWebRTC(8000)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	f := media.Frame{PCM: tone(8000, 3000), Rate: 8000}
	if n := testing.AllocsPerRun(1000, func() { w.Hear(f) }); n != 0 {
		t.Errorf("%v allocations a frame, want 0", n)
	}
}

func BenchmarkWebRTC(b *testing.B) {
	w, err := vad.NewWebRTC(8000)
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	c := newCall(b, clean)
	at := 0
	b.ReportAllocs()
	for b.Loop() {
		w.Hear(media.Frame{PCM: c.pcm[at : at+frame], Rate: 8000})
		if at += frame; at >= len(c.pcm) {
			at = 0
		}
	}
}
