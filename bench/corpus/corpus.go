// Package corpus is what benchmarks of listening are made of: the recorded speech and music that Debian has, and what is done with sound to
// make sets of it. What is true of an item of a set (when speech begins and ends, where it pauses) is known from here, never from the
// code that is measured.
//
//	Debian's packages ──ReadCorpus──▶ Recordings ──Cut, Mix, Level, Pink, PhoneLine──▶ items
//
// Everything is the same on every machine: what looks random is drawn by a hash of a name (Dice).
package corpus

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"parley/media"
	"parley/media/wav"
)

// Rate is that of everything here: a telephone's.
const Rate = 8000

// What Debian's packages install. The recordings are CC-BY-SA-3.0 (Asterisk) and BSD (PocketSphinx); nothing of them is kept here.
const (
	promptDir   = "/usr/share/asterisk/sounds/en_US_f_Allison"
	promptTexts = "/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz"
	musicDir    = "/usr/share/asterisk/moh"
	othersDir   = "/usr/share/pocketsphinx/test/data"
)

// Fix is what installs the recordings.
const Fix = `run "make setup-test"`

// A Recording is somebody's speech, or music, as it was recorded, at rate.
type Recording struct {
	Name string
	Text string // what is said, as far as it is known
	PCM  []int16
	Talk []Span // the stretches that sound, with at least gapLeast between them
}

// Begin is where its sound begins.
func (r Recording) Begin() time.Duration { return r.Talk[0].From }

// End is where its sound ends.
func (r Recording) End() time.Duration { return r.Talk[len(r.Talk)-1].To }

// Cut is the recording without the silence at its ends.
func (r Recording) Cut() []int16 { return r.Part(r.Begin(), r.End()) }

// Part is what sounds from one time to another.
func (r Recording) Part(from, to time.Duration) []int16 {
	return r.PCM[Samples(from):min(Samples(to), len(r.PCM))]
}

// Pauses are the silences between its stretches of sound.
func (r Recording) Pauses() []Span {
	var all []Span
	for i := 1; i < len(r.Talk); i++ {
		all = append(all, Span{r.Talk[i-1].To, r.Talk[i].From})
	}
	return all
}

// A Corpus is all that the sets are cut from.
type Corpus struct {
	Prompts map[string]Recording // Asterisk's, by name
	Others  []Recording          // other speakers
	Music   []Recording
}

// ReadCorpus reads all of it; what is missing is told with Fix.
func ReadCorpus() (*Corpus, error) {
	c := &Corpus{Prompts: map[string]Recording{}}
	texts, err := readTexts(promptTexts)
	if err != nil {
		return nil, err
	}
	for name, text := range texts {
		path := filepath.Join(promptDir, name+".wav")
		if _, err := os.Stat(path); err != nil || strings.ContainsAny(text, "[<(") {
			continue // recorded in another package, or no speech
		}
		r, err := readRecording(name, text, path)
		if err != nil {
			return nil, err
		}
		if len(r.Talk) > 0 {
			c.Prompts[name] = r
		}
	}
	for _, found := range []struct {
		into    *[]Recording
		pattern string
		Text    string
	}{
		{&c.Others, othersDir + "/librivox/*.wav", ""},
		{&c.Others, othersDir + "/cards/*.wav", ""},
		{&c.Music, musicDir + "/*.wav", ""},
	} {
		paths, err := filepath.Glob(found.pattern)
		if err != nil || len(paths) == 0 {
			return nil, fmt.Errorf("read recordings: none in %s: %s", found.pattern, Fix)
		}
		for _, path := range paths {
			r, err := readRecording(strings.TrimSuffix(filepath.Base(path), ".wav"), "", path)
			if err != nil {
				return nil, err
			}
			*found.into = append(*found.into, r)
		}
	}
	return c, nil
}

// ReadPrompt is one of the prompts, by its name: also those that Corpus leaves out, since there is more in them than speech.
func ReadPrompt(name string) (Recording, error) {
	return readRecording(name, "", filepath.Join(promptDir, name+".wav"))
}

// readTexts reads "name: text" lines.
func readTexts(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read transcripts: %w: %s", err, Fix)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("read transcripts: %w", err)
	}
	texts := map[string]string{}
	lines := bufio.NewScanner(z)
	for lines.Scan() {
		if name, text, ok := strings.Cut(lines.Text(), ":"); ok && !strings.HasPrefix(name, ";") {
			texts[name] = strings.TrimSpace(text)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read transcripts: %w", err)
	}
	return texts, nil
}

func readRecording(name, text, path string) (Recording, error) {
	s, err := wav.ReadFile(path)
	if err != nil {
		return Recording{}, fmt.Errorf("%w: %s", err, Fix)
	}
	pcm := s.Channel(0)
	switch s.Rate {
	case Rate:
	case 2 * Rate:
		pcm = Halve(pcm)
	default:
		return Recording{}, fmt.Errorf("read recording %s: %d samples a second, want %d or %d", path, s.Rate, Rate, 2*Rate)
	}
	return Recording{name, text, pcm, Talk(pcm)}, nil
}

// Sorted are the prompts that keep wants, in the order of a hash of their names: any beginning of it is a fair choice.
func (c *Corpus) Sorted(keep func(Recording) bool) []Recording {
	var all []Recording
	for r := range maps.Values(c.Prompts) {
		if keep(r) {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b Recording) int {
		x, y := Digest(a.Name), Digest(b.Name)
		return slices.Compare(x[:], y[:])
	})
	return all
}

// Digest is the hash of a name by which things are drawn.
func Digest(name string) [sha256.Size]byte { return sha256.Sum256([]byte("turns/" + name)) }

// Dice are the same for the same name, on every machine.
func Dice(name string) *rand.Rand {
	d := Digest(name)
	return rand.New(rand.NewPCG(binary.LittleEndian.Uint64(d[:]), binary.LittleEndian.Uint64(d[8:])))
}

// Between is a time from least to most, in steps of a millisecond.
func Between(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64((most-least)/time.Millisecond)+1))*time.Millisecond
}

// Samples is how many samples d has.
func Samples(d time.Duration) int { return int(max(d, 0) * Rate / time.Second) }

// Length is how long pcm sounds.
func Length(pcm []int16) time.Duration { return media.Samples(len(pcm), Rate) }
