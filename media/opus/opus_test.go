//go:build cgo

package opus_test

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"parley/media/opus"
	"parley/media/wav"
)

// tone is a stretch of interleaved channels, each with a tone of its own.
func tone(samples, rate int, hz ...float64) []int16 {
	pcm := make([]int16, 0, samples*len(hz))
	for i := range samples {
		for _, f := range hz {
			pcm = append(pcm, int16(8000*math.Sin(2*math.Pi*f*float64(i)/float64(rate))))
		}
	}
	return pcm
}

// power is how much of a tone there is in samples: 1 for the tones of tone.
func power(pcm []int16, rate int, hz float64) float64 {
	var re, im float64
	for i, s := range pcm {
		sin, cos := math.Sincos(2 * math.Pi * hz * float64(i) / float64(rate))
		re, im = re+float64(s)*cos, im+float64(s)*sin
	}
	return math.Hypot(re, im) / float64(len(pcm)) * 2 / 8000
}

// tool runs one of the programs of the package opus-tools.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s\nrun make setup-test if it is missing", name, err, out)
	}
	return string(out)
}

// TestFile: what is written is valid, and a foreign decoder hears the same, to the sample, each channel on its side.
func TestFile(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ rate, channels, samples, chunk int }{
		{8000, 2, 8000*3 + 1, 8000}, {8000, 2, 7, 1000}, {8000, 1, 160, 160}, {8000, 2, 0, 1}, {16000, 2, 16000*2 + 319, 77}, {48000, 1, 48000, 5000},
		{8000, 2, 8000 * 20, 4096}, {24000, 2, 24000, 480}, {12000, 1, 12000, 1},
	} {
		t.Run(fmt.Sprintf("%d Hz, %d channels, %d samples", tc.rate, tc.channels, tc.samples), func(t *testing.T) {
			t.Parallel()
			tones := []float64{440, 1000}[:tc.channels]
			pcm := tone(tc.samples, tc.rate, tones...)
			path := filepath.Join(t.TempDir(), "a.ogg")
			write(t, path, pcm, tc.rate, tc.channels, tc.chunk)
			info := tool(t, "opusinfo", path)
			if strings.Contains(strings.ToUpper(info), "WARNING") || strings.Contains(info, "ERROR") {
				t.Errorf("opusinfo:\n%s", info)
			}
			if !regexp.MustCompile(fmt.Sprintf(`Channels: +%d\n`, tc.channels)).MatchString(info) || !strings.Contains(info, fmt.Sprintf("rate: %d Hz", tc.rate)) {
				t.Errorf("opusinfo:\n%s", info)
			}
			tool(t, "opusdec", "--quiet", "--rate", "48000", path, path+".wav")
			heard, err := wav.ReadFile(path + ".wav")
			if err != nil {
				t.Fatal(err)
			}
			if got, want := len(heard.PCM), tc.samples*tc.channels*48000/tc.rate; got != want || heard.Channels != tc.channels {
				t.Fatalf("%d samples of %d channels are heard, want %d of %d", got, heard.Channels, want, tc.channels)
			}
			if tc.samples < tc.rate/2 {
				return
			}
			for c, hz := range tones {
				one := heard.Channel(c)
				if got := power(one, 48000, hz); got < 0.8 || got > 1.2 {
					t.Errorf("channel %d has %.2f of its tone", c, got)
				}
				if other := tones[len(tones)-1-c]; len(tones) > 1 && power(one, 48000, other) > 0.1 {
					t.Errorf("channel %d has %.2f of the other's tone", c, power(one, 48000, other))
				}
			}
		})
	}
}

func write(t *testing.T, path string, pcm []int16, rate, channels, chunk int) {
	t.Helper()
	var b bytes.Buffer
	w, err := opus.NewWriter(&b, rate, channels)
	if err != nil {
		t.Fatal(err)
	}
	for chunk *= channels; len(pcm) > 0; pcm = pcm[min(chunk, len(pcm)):] {
		if err := w.Write(pcm[:min(chunk, len(pcm))]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestSame: the same sound makes the same bytes, however it is cut.
func TestSame(t *testing.T) {
	t.Parallel()
	dir, pcm := t.TempDir(), tone(20000, 8000, 300, 700)
	var files [2][]byte
	for i, chunk := range []int{33, 20000} {
		path := filepath.Join(dir, "a")
		write(t, path, pcm, 8000, 2, chunk)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[i] = b
	}
	if !bytes.Equal(files[0], files[1]) {
		t.Error("the bytes differ")
	}
	if n := len(files[0]); n > 2*2*20000/6 {
		t.Errorf("%d bytes of %d", n, 2*2*20000)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for _, bad := range []struct{ rate, channels int }{{44100, 2}, {0, 1}, {8000, 0}, {8000, 3}} {
		if _, err := opus.NewWriter(io.Discard, bad.rate, bad.channels); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
	if opus.Available() != nil {
		t.Error(opus.Available())
	}
	w, err := opus.NewWriter(io.Discard, 8000, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(make([]int16, 3)); err == nil {
		t.Error("half a sample is taken")
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if err := w.Write(make([]int16, 320)); err == nil {
		t.Error("a closed writer encodes")
	}
	if _, err := opus.NewWriter(full{}, 8000, 2); err == nil {
		t.Error("a disk that is full is no error")
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func BenchmarkWriter(b *testing.B) {
	pcm := tone(160, 8000, 440, 700)
	w, err := opus.NewWriter(io.Discard, 8000, 2)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Write(pcm); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
}
