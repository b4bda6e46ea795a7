//go:build cgo

package local

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"

	ort "github.com/yalue/onnxruntime_go"
	"golang.org/x/text/unicode/norm"
)

// piper is a VITS voice as Piper trains and exports them: phonemes in, samples out, a whole clause at once. It tells nothing of
// when each phoneme sounds.
type piper struct {
	session *ort.DynamicAdvancedSession
	espeak  *phonemizer
	rate    int
	ids     map[rune]int64
	noise   float32 // how much the voice varies
	length  float32 // how long it takes, as trained
	rhythm  float32 // how much its rhythm varies
}

// Piper's frame around the phonemes: begin, then a pad after each symbol, then end.
const (
	piperBegin = '^'
	piperPad   = '_'
	piperEnd   = '$'
)

// A steadier and slightly slower voice than the one that was trained. In our own recogniser's ears, over a telephone, it did as well
// as any of the settings tried: 5 to 7 % of 528 words misheard, with a spread between runs as wide as that between settings.
const (
	steady = 0.5
	slow   = 1.06
)

func openPiper(f files, log *slog.Logger) (*piper, error) {
	text, err := os.ReadFile(f.voiceConfig)
	if err != nil {
		return nil, fmt.Errorf("read voice: %w", err)
	}
	var config struct {
		Audio struct {
			Rate int `json:"sample_rate"`
		} `json:"audio"`
		Espeak struct {
			Voice string `json:"voice"`
		} `json:"espeak"`
		Inference struct {
			Noise  float32 `json:"noise_scale"`
			Length float32 `json:"length_scale"`
			Rhythm float32 `json:"noise_w"`
		} `json:"inference"`
		IDs map[string][]int64 `json:"phoneme_id_map"`
	}
	if err := json.Unmarshal(text, &config); err != nil {
		return nil, fmt.Errorf("read voice %s: %w", f.voiceConfig, err)
	}
	p := &piper{
		espeak: &phonemizer{voice: config.Espeak.Voice, log: log},
		rate:   config.Audio.Rate,
		ids:    map[rune]int64{},
		noise:  config.Inference.Noise * steady, length: config.Inference.Length * slow, rhythm: config.Inference.Rhythm * steady,
	}
	for symbol, ids := range config.IDs {
		if r := []rune(symbol); len(r) == 1 && len(ids) > 0 {
			p.ids[r[0]] = ids[0]
		}
	}
	for _, r := range []rune{piperBegin, piperPad, piperEnd} {
		if _, ok := p.ids[r]; !ok {
			return nil, fmt.Errorf("read voice %s: phoneme_id_map has no %q", f.voiceConfig, r)
		}
	}
	p.session, err = openSession(f.voice, []string{"input", "input_lengths", "scales"}, []string{"output"})
	if err != nil {
		return nil, err
	}
	return p, nil
}

func (p *piper) close() {
	p.espeak.close()
	_ = p.session.Destroy()
}

// prepare has the clause's phrases, the stretches between punctuation, turned into phonemes.
func (p *piper) prepare(ctx context.Context, c clause) (script, error) {
	var phrases []string
	var stops []rune
	for phrase := range strings.SplitSeq(c.said(), " ") {
		end := rune(0)
		if i := strings.IndexAny(phrase, ",;:.?!"); i >= 0 {
			phrase, end = phrase[:i], rune(phrase[i])
		}
		if phrase == "A" {
			phrase = "ay" // espeak takes the letter for the article
		}
		if n := len(phrases); n > 0 && stops[n-1] == 0 {
			phrases[n-1] += " " + phrase
			stops[n-1] = end
			continue
		}
		phrases, stops = append(phrases, phrase), append(stops, end)
	}
	read, err := p.espeak.phonemes(ctx, phrases)
	if err != nil {
		return script{}, err
	}
	var b strings.Builder
	for i, r := range read {
		b.WriteByte(' ') // before the first, too: without a run-up the voice swallows a "p" or a "d"
		b.WriteString(r)
		if stops[i] != 0 {
			b.WriteRune(stops[i])
		}
	}
	return script{text: b.String(), weights: weigh(c)}, nil
}

// say runs the model. It cannot be stopped on the way, which takes a tenth of the time that the clause sounds.
func (p *piper) say(ctx context.Context, s script, pace float64) ([]int16, int, error) {
	if ctx.Err() != nil {
		return nil, 0, context.Cause(ctx)
	}
	pad := p.ids[piperPad]
	ids := []int64{p.ids[piperBegin], pad}
	for _, r := range norm.NFD.String(s.text) {
		if id, ok := p.ids[r]; ok {
			ids = append(ids, id, pad)
		}
	}
	ids = append(ids, p.ids[piperEnd])

	in := make([]ort.Value, 3)
	defer func() { free(in) }()
	input, err := tensor(ids, 1, int64(len(ids)))
	if err != nil {
		return nil, 0, fmt.Errorf("speak: %w", err)
	}
	in[0] = input
	length, err := tensor([]int64{int64(len(ids))}, 1)
	if err != nil {
		return nil, 0, fmt.Errorf("speak: %w", err)
	}
	in[1] = length
	scales, err := tensor([]float32{p.noise, p.length / float32(pace), p.rhythm}, 3)
	if err != nil {
		return nil, 0, fmt.Errorf("speak: %w", err)
	}
	in[2] = scales
	out := []ort.Value{nil}
	if err := runUntil(ctx, p.session, in, out); err != nil {
		return nil, 0, fmt.Errorf("speak: %w", err)
	}
	defer free(out)
	sound, ok := out[0].(*ort.Tensor[float32])
	if !ok {
		return nil, 0, fmt.Errorf("speak: the voice returned %T", out[0])
	}

	return trim(loudness(sound.GetData()), p.rate), p.rate, nil
}

// loudness makes samples of what VITS returns, whose peaks lie a little under 1.
func loudness(sound []float32) []int16 {
	const gain = 0.95 * 32767
	pcm := make([]int16, len(sound))
	for i, v := range sound {
		pcm[i] = int16(max(-32767, min(32767, v*gain)))
	}
	return pcm
}
