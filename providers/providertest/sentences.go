package providertest

import (
	"bufio"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A Sentence is recorded human speech and its words.
type Sentence struct {
	Name string // of Asterisk's prompt, such as digits/7
	Path string // of the WAV file: mono, 8 kHz, 16 bits
	Text string
}

// Sentences are the prompts of Debian's packages asterisk-core-sounds-en and asterisk-core-sounds-en-wav (Allison Smith,
// CC-BY-SA-3.0) of which it is written down what is said, in the order of that list. Prompts that are no speech are left out.
func Sentences(tb testing.TB) []Sentence {
	tb.Helper()
	f, err := os.Open("/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz")
	if err != nil {
		tb.Fatalf("recorded speech is missing: run make setup: %v", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		tb.Fatalf("read transcripts: %v", err)
	}
	var all []Sentence
	lines := bufio.NewScanner(z)
	for lines.Scan() {
		name, text, ok := strings.Cut(lines.Text(), ":")
		path := filepath.Join("/usr/share/asterisk/sounds/en_US_f_Allison", name+".wav")
		if !ok || strings.HasPrefix(name, ";") || strings.ContainsAny(text, "[<(") {
			continue
		}
		if _, err := os.Stat(path); err != nil {
			continue // transcribed, but recorded in another package
		}
		all = append(all, Sentence{name, path, strings.TrimSpace(text)})
	}
	if err := lines.Err(); err != nil {
		tb.Fatalf("read transcripts: %v", err)
	}
	if len(all) == 0 {
		tb.Fatal("no recorded speech in /usr/share/asterisk/sounds: run make setup")
	}
	return all
}
