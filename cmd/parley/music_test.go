package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/media/legtest"
	"parley/media/wav"
)

// TestHoldMusic: the file is heard at the leg's own rate, over and over; what is none is refused by its setting's name.
func TestHoldMusic(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "music.wav")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	tone := legtest.Tone(16000, 440, 2e9)
	if err := wav.Encode(f, wav.Sound{PCM: tone, Rate: 16000, Channels: 1}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	m, err := (&config{HoldMusic: path}).music()
	if err != nil {
		t.Fatal(err)
	}
	for _, rate := range []int{8000, 48000} {
		s, pcm, loud := m.at(rate), make([]int16, rate/50), 0
		for range 250 { // 5 s of 2
			if !s.Next(pcm) {
				t.Fatal("it ends")
			}
			for _, v := range pcm {
				if v > 1000 {
					loud++
				}
			}
		}
		if loud < rate {
			t.Errorf("%d loud samples in 5 s at %d Hz", loud, rate)
		}
	}
	if none, err := (&config{}).music(); err != nil || none.at(8000) != nil {
		t.Errorf("without a file: %v", err)
	}
	if _, err := (&config{HoldMusic: filepath.Join(filepath.Dir(path), "none.wav")}).music(); err == nil || !strings.Contains(err.Error(), "--hold-music") {
		t.Errorf("a file that is not there: %v", err)
	}
}
