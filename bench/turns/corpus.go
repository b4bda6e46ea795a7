package main

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

// rate is that of everything here: a telephone's.
const rate = 8000

// What Debian's packages install. The recordings are CC-BY-SA-3.0 (Asterisk) and BSD (PocketSphinx); nothing of them is kept here.
const (
	promptDir   = "/usr/share/asterisk/sounds/en_US_f_Allison"
	promptTexts = "/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz"
	musicDir    = "/usr/share/asterisk/moh"
	othersDir   = "/usr/share/pocketsphinx/test/data"
)

const fix = `run "make setup-test"`

// A recording is somebody's speech, or music, as it was recorded, at rate.
type recording struct {
	name string
	text string // what is said, as far as it is known
	pcm  []int16
	talk []span // the stretches that sound, with at least gapLeast between them
}

// begin and end are where its sound begins and ends.
func (r recording) begin() time.Duration { return r.talk[0].from }
func (r recording) end() time.Duration   { return r.talk[len(r.talk)-1].to }

// cut is the recording without the silence at its ends.
func (r recording) cut() []int16 { return r.part(r.begin(), r.end()) }

func (r recording) part(from, to time.Duration) []int16 {
	return r.pcm[samples(from):min(samples(to), len(r.pcm))]
}

// pauses are the silences between its stretches of sound.
func (r recording) pauses() []span {
	var all []span
	for i := 1; i < len(r.talk); i++ {
		all = append(all, span{r.talk[i-1].to, r.talk[i].from})
	}
	return all
}

// A corpus is all that the sets are cut from.
type corpus struct {
	prompts map[string]recording // Asterisk's, by name
	others  []recording          // other speakers
	music   []recording
}

func readCorpus() (*corpus, error) {
	c := &corpus{prompts: map[string]recording{}}
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
		if len(r.talk) > 0 {
			c.prompts[name] = r
		}
	}
	for _, found := range []struct {
		into    *[]recording
		pattern string
		text    string
	}{
		{&c.others, othersDir + "/librivox/*.wav", ""},
		{&c.others, othersDir + "/cards/*.wav", ""},
		{&c.music, musicDir + "/*.wav", ""},
	} {
		paths, err := filepath.Glob(found.pattern)
		if err != nil || len(paths) == 0 {
			return nil, fmt.Errorf("read recordings: none in %s: %s", found.pattern, fix)
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

// readTexts reads "name: text" lines.
func readTexts(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read transcripts: %w: %s", err, fix)
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

func readRecording(name, text, path string) (recording, error) {
	s, err := wav.ReadFile(path)
	if err != nil {
		return recording{}, fmt.Errorf("%w: %s", err, fix)
	}
	pcm := s.Channel(0)
	switch s.Rate {
	case rate:
	case 2 * rate:
		pcm = halve(pcm)
	default:
		return recording{}, fmt.Errorf("read recording %s: %d samples a second, want %d or %d", path, s.Rate, rate, 2*rate)
	}
	return recording{name, text, pcm, talk(pcm)}, nil
}

// sorted are the prompts that keep wants, in the order of a hash of their names: any beginning of it is a fair choice.
func (c *corpus) sorted(keep func(recording) bool) []recording {
	var all []recording
	for r := range maps.Values(c.prompts) {
		if keep(r) {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b recording) int {
		x, y := digest(a.name), digest(b.name)
		return slices.Compare(x[:], y[:])
	})
	return all
}

func digest(name string) [sha256.Size]byte { return sha256.Sum256([]byte("turns/" + name)) }

// dice are the same for the same name, on every machine.
func dice(name string) *rand.Rand {
	d := digest(name)
	return rand.New(rand.NewPCG(binary.LittleEndian.Uint64(d[:]), binary.LittleEndian.Uint64(d[8:])))
}

// between is a time from least to most, in steps of a millisecond.
func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64((most-least)/time.Millisecond)+1))*time.Millisecond
}

func samples(d time.Duration) int { return int(max(d, 0) * rate / time.Second) }

func length(pcm []int16) time.Duration { return media.Samples(len(pcm), rate) }
