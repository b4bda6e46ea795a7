package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"parley/bench/corpus"
	"parley/media/wav"
)

// writeSets writes what each item's caller says, and what is true of it.
func writeSets(dir string, items []item) (err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write sets: %w", err)
	}
	f, err := os.Create(filepath.Join(dir, "manifest.tsv"))
	if err != nil {
		return fmt.Errorf("write sets: %w", err)
	}
	defer func() {
		if e := f.Close(); err == nil && e != nil {
			err = fmt.Errorf("write sets: %w", e)
		}
	}()
	out := bufio.NewWriter(f)
	fmt.Fprintln(out, "file\tset\tname\torigin\thalf\tkind\tbegin_ms\tend_ms\tpauses_ms\tagent_says\tafter_ms\tline\techo_db\techo_ms\ttext")
	for n, i := range items {
		name := ""
		if len(i.pcm) > 0 {
			name = fmt.Sprintf("%03d-%s.wav", n, strings.ReplaceAll(i.set, " ", "-"))
			if err := wav.WriteFile(filepath.Join(dir, name), wav.Sound{PCM: i.pcm, Rate: corpus.Rate, Channels: 1}); err != nil {
				return err
			}
		}
		var pauses []string
		for _, p := range i.pauses {
			pauses = append(pauses, fmt.Sprintf("%v-%v", corpus.Millis(p.From), corpus.Millis(p.To)))
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\t%s\t%v\t%v\t%s\t%s\t%v\t%s\t%.0f\t%v\t%s\n", name, i.set, i.name, i.origin(), i.half(), i.kind,
			corpus.Millis(i.begin), corpus.Millis(i.end), strings.Join(pauses, ","), i.ask, corpus.Millis(i.after), i.line, i.echo.db, corpus.Millis(i.echo.delay), i.text)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write sets: %w", err)
	}
	return nil
}
