package main

import (
	"fmt"
	"path/filepath"

	"parley/bench/carrier"
	"parley/bench/wire"
	"parley/media/wav"
)

// abruptFrom is the recording that is cut, abruptLeast what has to be left of it, and abruptLoud how loud its last frame has to be: the mean
// square of -25 dBFS, twenty times what anybody here takes for the least of speech.
const (
	abruptFrom  = "queue-callswaiting"
	abruptLeast = 60 // frames
	abruptLoud  = 1843 * 1843
)

// abruptly are the recordings' names: each is 20 ms longer than the one before. A server that gathers 80 ms of sound in a message to the recogniser adds
// 0 to 60 ms, by where in a message the caller falls silent; and since his next turn begins by when he was answered, it would be the same in all of
// his turns, were they all of one length.
var abruptly = [4]string{"abrupt-0.wav", "abrupt-1.wav", "abrupt-2.wav", "abrupt-3.wav"}

// writeAbrupt writes them into a directory. Each ends in the middle of a vowel. Spoken sentences die away: their last 60 ms are speech to a detector and
// silence to another, and what one of them measures of the other's time is that difference.
func writeAbrupt(dir string) error {
	prompt, err := carrier.Library{}.Open(abruptFrom)
	if err != nil {
		return err
	}
	least := abruptLeast
	for _, name := range abruptly {
		pcm, err := cutAbruptly(prompt.PCM, least)
		if err != nil {
			return fmt.Errorf("cut %s: %w", abruptFrom, err)
		}
		if err := wav.WriteFile(filepath.Join(dir, name), wav.Sound{PCM: pcm, Rate: carrier.Rate, Channels: 1}); err != nil {
			return fmt.Errorf("write a recording that ends abruptly: %w", err)
		}
		least = len(pcm)/wire.Samples + 1
	}
	return nil
}

// cutAbruptly is pcm as far as the first loud frame that leaves so many frames of it.
func cutAbruptly(pcm []int16, least int) ([]int16, error) {
	for end := least * wire.Samples; end <= len(pcm); end += wire.Samples {
		sum := 0
		for _, v := range pcm[end-wire.Samples : end] {
			sum += int(v) * int(v)
		}
		if sum >= abruptLoud*wire.Samples {
			return pcm[:end], nil
		}
	}
	return nil, fmt.Errorf("no frame after the first %d is as loud as -25 dBFS", least)
}
