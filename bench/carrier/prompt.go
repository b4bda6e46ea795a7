package carrier

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A Prompt is recorded human speech that a caller says.
type Prompt struct {
	Name string  // as the script has it
	Text string  // what is said, where that is known
	PCM  []int16 // at Rate, silence cut off both ends

	voice stretch // in PCM
}

// String is what is said, or else the name of the recording.
func (p Prompt) String() string {
	if p.Text != "" {
		return p.Text
	}
	return "[" + filepath.Base(p.Name) + "]"
}

// A Library is where recordings are found by name. The zero Library is where Debian's packages asterisk-core-sounds-en-wav (the
// recordings, CC-BY-SA-3.0) and asterisk-core-sounds-en (what they say) put them.
type Library struct {
	Sounds      string // directory of NAME.wav
	Transcripts string // file of "NAME: text" lines, may be gzipped
}

func (l Library) sounds() string {
	if l.Sounds != "" {
		return l.Sounds
	}
	return "/usr/share/asterisk/sounds/en_US_f_Allison"
}

func (l Library) transcripts() string {
	if l.Transcripts != "" {
		return l.Transcripts
	}
	return "/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz"
}

// load finds every recording of a script.
func (l Library) load(script []Step) (map[string]Prompt, error) {
	prompts := make(map[string]Prompt)
	for _, s := range script {
		if s.Verb != Say && s.Verb != Barge {
			continue
		}
		if _, ok := prompts[s.What]; ok {
			continue
		}
		p, err := l.Open(s.What)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", s.Place, s.Verb, err)
		}
		prompts[s.What] = p
	}
	return prompts, nil
}

// Open reads a recording: name is the path of a WAV file, or a prompt of the library, such as agent-pass or digits/7.
func (l Library) Open(name string) (Prompt, error) {
	path, err := l.find(name)
	if err != nil {
		return Prompt{}, err
	}
	pcm, err := readRecording(path)
	if err != nil {
		return Prompt{}, fmt.Errorf("%s: %w", path, err)
	}
	p := Prompt{Name: name, PCM: trim(pcm)}
	if len(p.PCM) == 0 {
		return Prompt{}, fmt.Errorf("%s: nobody speaks in it", path)
	}
	e := newEar()
	e.hear(p.PCM)
	p.voice = stretch{start: e.talk[0].start, end: e.latest().end}
	if rel, err := filepath.Rel(l.sounds(), path); err == nil {
		p.Text, err = l.text(strings.TrimSuffix(rel, ".wav"))
		if err != nil {
			return Prompt{}, err
		}
	}
	return p, nil
}

// find is the path of a recording.
func (l Library) find(name string) (string, error) {
	if strings.HasSuffix(strings.ToLower(name), ".wav") {
		return name, nil
	}
	if !filepath.IsLocal(name) {
		return "", fmt.Errorf("%s: neither a .wav file nor the name of a prompt", name)
	}
	path := filepath.Join(l.sounds(), name+".wav")
	if _, err := os.Stat(l.sounds()); err != nil {
		return "", fmt.Errorf("%s: no recorded prompts here: apt-get install asterisk-core-sounds-en asterisk-core-sounds-en-wav, or name a .wav file", name)
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s: no such prompt in %s", name, l.sounds())
	}
	return path, nil
}

// text is what a prompt of the library says, "" where nobody wrote it down.
func (l Library) text(name string) (string, error) {
	f, err := os.Open(l.transcripts())
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil // images often leave out /usr/share/doc
	} else if err != nil {
		return "", fmt.Errorf("read transcripts: %w", err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(f.Name(), ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			return "", fmt.Errorf("read transcripts: %w", err)
		}
	}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if id, text, ok := strings.Cut(lines.Text(), ":"); ok && id == name {
			return strings.TrimSpace(text), nil
		}
	}
	return "", lines.Err()
}
