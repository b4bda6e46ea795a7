package main

import (
	"fmt"
	"time"

	"parley/media"
	"parley/media/resample"
	"parley/media/wav"
	"parley/pipeline"
)

// music is what callers on hold hear, at the rates of all legs; nil: there is none of the server's own.
type music map[int][]int16

// longestMusic is how long a file may be: at four rates it stays in memory.
const longestMusic = 5 * time.Minute

// music reads the file of --hold-music.
func (c *config) music() (music, error) {
	if c.HoldMusic == "" {
		return nil, nil
	}
	sound, err := wav.ReadFile(c.HoldMusic)
	if err != nil {
		return nil, fmt.Errorf("--hold-music: %w", err)
	}
	if d := sound.Duration(); d < time.Second || d > longestMusic {
		return nil, fmt.Errorf("--hold-music is %v long: want 1s to %v", d.Round(time.Millisecond), longestMusic)
	}
	all := music{}
	for _, rate := range []int{8000, 16000, 24000, 48000} {
		r, err := resample.New(sound.Rate, rate)
		if err != nil {
			return nil, fmt.Errorf("--hold-music: %w", err)
		}
		all[rate] = r.Flush(r.Append(nil, sound.Channel(0)))
	}
	return all, nil
}

// at is pipeline.Parts.Music.
func (m music) at(rate int) media.Source {
	if len(m[rate]) == 0 {
		return nil
	}
	return &pipeline.Loop{PCM: m[rate]}
}
