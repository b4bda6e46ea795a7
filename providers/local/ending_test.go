package local_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"parley/providers/local"
)

// The features and what the model makes of them, against the reference in testdata/smartturn.py: features within 0.001 (they span about
// 2). The likelihoods may differ by 0.2: the model is quantized, and where it is in doubt it answers as much to features that are moved
// by 0.00001, and to another version of the runtime.
func TestFinishedAgainstTheReference(t *testing.T) {
	t.Parallel()
	e := whole(t)
	golden, err := os.ReadFile(filepath.Join("testdata", "smartturn.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(golden)) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), "\t")
		likely, values, _ := strings.Cut(rest, "\t")
		pcm := referenceSound(t, name)
		mel := local.MelSpectrum(pcm)
		for i, v := range strings.Fields(values) {
			band, look := i/16*10, i%16*50
			if got := float64(mel[band*local.MelFrames+look]); math.Abs(got-number(t, v)) > 0.001 {
				t.Errorf("%s: band %d at look %d is %.5f, want %s", name, band, look, got, v)
			}
		}
		if got, err := e.Finished(t.Context(), pcm); err != nil || math.Abs(got-number(t, likely)) > 0.2 {
			t.Errorf("%s: finished %.4f, %v, want %s", name, got, err, likely)
		}
	}
}

func number(t *testing.T, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// referenceSound makes the sounds of testdata/smartturn.py.
func referenceSound(t testing.TB, name string) []float32 {
	t.Helper()
	noise, tone, state := make([]int16, 60000), make([]int16, 100000), uint32(1)
	for i := range noise {
		state = state*1664525 + 1013904223
		noise[i] = int16(state>>16/8) - 4096
	}
	for i := range tone {
		tone[i] = 8000
		if i*880/16000%2 != 0 {
			tone[i] = -8000
		}
	}
	var pcm []int16
	switch name {
	case "silence":
		pcm = make([]int16, 16000)
	case "tone":
		pcm = tone[:16000]
	case "noise":
		pcm = noise[:48000]
	case "long":
		pcm = slices.Concat(tone, noise)
	default:
		prompt, begun := strings.CutSuffix(name, " begun")
		for _, v := range wav(t, filepath.Join("/usr/share/asterisk/sounds/en", prompt+".wav")) {
			pcm = append(pcm, v, v)
		}
		if begun {
			pcm = pcm[:24000]
		}
	}
	out := make([]float32, len(pcm))
	for i, v := range pcm {
		out[i] = float32(v) / 32768
	}
	return out
}

func TestSpectrumOfAnyLength(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 159, 400, 127800, 127999, 128000, 128001} {
		pcm := make([]float32, n)
		for i := range pcm {
			pcm[i] = float32(i%50)/50 - 0.5
		}
		for i, v := range local.MelSpectrum(pcm) {
			if math.IsNaN(float64(v)) || v < -2 || v > 4 {
				t.Fatalf("of %d samples, value %d is %v", n, i, v)
			}
		}
	}
}
