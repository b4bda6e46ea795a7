package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"parley/bench/corpus"
	"parley/media/wav"
)

// writeSets writes what is heard of each item, and what is true of it.
func writeSets(dir string, items []item) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write sets: %w", err)
	}
	var list strings.Builder
	list.WriteString("file\tset\tname\torigin\thalf\tanswered_by\tin_the_end\tuntil_ms\tbeeps_ms\n")
	for n, i := range items {
		name := fmt.Sprintf("%03d-%s.wav", n, strings.NewReplacer(" ", "-", ",", "").Replace(i.set))
		if err := wav.WriteFile(filepath.Join(dir, name), wav.Sound{PCM: i.pcm, Rate: corpus.Rate, Channels: 1}); err != nil {
			return err
		}
		var beeps []string
		for _, b := range i.beeps {
			beeps = append(beeps, fmt.Sprintf("%v-%v", corpus.Millis(b.From), corpus.Millis(b.To)))
		}
		fmt.Fprintf(&list, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%v\t%s\n", name, i.set, i.name, i.origin(), i.half(), i.truth, i.last, corpus.Millis(i.until), strings.Join(beeps, ","))
	}
	if err := os.WriteFile(filepath.Join(dir, "manifest.tsv"), []byte(list.String()), 0o644); err != nil {
		return fmt.Errorf("write sets: %w", err)
	}
	return nil
}
