package carrier

import (
	"fmt"

	"parley/media/resample"
	"parley/media/wav"
)

// readRecording is the first channel of a WAV file, at Rate.
func readRecording(path string) ([]int16, error) {
	sound, err := wav.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pcm := sound.Channel(0)
	if sound.Rate == Rate {
		return pcm, nil
	}
	r, err := resample.New(sound.Rate, Rate)
	if err != nil {
		return nil, err
	}
	return r.Flush(r.Append(nil, pcm)), nil
}

// WriteStereo writes the call to a WAV file: left what the caller said, right what it heard.
func (r *Result) WriteStereo(path string) error {
	both := make([]int16, 2*max(len(r.Said), len(r.Heard)))
	for i, s := range r.Said {
		both[2*i] = s
	}
	for i, s := range r.Heard {
		both[2*i+1] = s
	}
	return writeWAV(path, wav.Sound{PCM: both, Rate: Rate, Channels: 2})
}

// WriteHeard writes what the caller heard to a WAV file.
func (r *Result) WriteHeard(path string) error {
	return writeWAV(path, wav.Sound{PCM: r.Heard, Rate: Rate, Channels: 1})
}

func writeWAV(path string, s wav.Sound) error {
	if err := wav.WriteFile(path, s); err != nil {
		return fmt.Errorf("write recording: %w", err)
	}
	return nil
}
