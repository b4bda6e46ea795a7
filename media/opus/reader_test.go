//go:build cgo

package opus_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"parley/media/opus"
	"parley/media/wav"
)

// encoded is what our Writer makes of a tone.
func encoded(t testing.TB, samples, rate, channels int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := opus.NewWriter(&b, rate, channels)
	if err == nil {
		err = w.Write(tone(samples, rate, []float64{440, 440}[:channels]...))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestReader: what the Writer has written is heard again, to the sample, at any rate.
func TestReader(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ rate, channels, samples int }{
		{48000, 1, 48000 * 2}, {48000, 1, 1}, {48000, 1, 0}, {8000, 2, 8000*3 + 1}, {16000, 1, 16000 + 319}, {48000, 2, 48000*3 + 7}, {8000, 1, 8000 * 20}, {24000, 1, 24000 - 3},
	} {
		file := encoded(t, tc.samples, tc.rate, tc.channels)
		for _, rate := range []int{8000, 12000, 16000, 24000, 48000} {
			t.Run(fmt.Sprintf("%d samples at %d of %d channels to %d", tc.samples, tc.rate, tc.channels, rate), func(t *testing.T) {
				t.Parallel()
				got, err := opus.ReadAll(iotest.OneByteReader(bytes.NewReader(file)), rate, time.Minute)
				if err != nil {
					t.Fatal(err)
				}
				if want := tc.samples * rate / tc.rate; abs(len(got)-want) > 1 {
					t.Errorf("%d samples, want %d", len(got), want)
				}
				if p := power(got, rate, 440); tc.samples > tc.rate/2 && (p < 0.8 || p > 1.2) {
					t.Errorf("it has %.2f of its tone", p)
				}
			})
		}
	}
}

func abs(n int) int { return max(n, -n) }

// TestForeign: files of another encoder sound as another decoder plays them.
func TestForeign(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source := filepath.Join(dir, "a.wav")
	var pcm []int16
	for i := range 48000 * 3 / 2 {
		pcm = append(pcm, int16(6000*math.Sin(2*math.Pi*float64(i)*float64(i)/48000/400)*math.Sin(float64(i)/9000)))
	}
	raw := make([]byte, 0, 2*len(pcm))
	for _, s := range pcm {
		raw = binary.LittleEndian.AppendUint16(raw, uint16(s)) //nolint:gosec // the same bits
	}
	if err := os.WriteFile(source, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	for i, options := range []string{
		"", "--framesize 2.5", "--framesize 5", "--framesize 10", "--framesize 40", "--framesize 60", "--bitrate 12", "--bitrate 200", "--padding 300000", "--max-delay 0",
		"--hard-cbr --bitrate 24", "--comp 0 --bitrate 8", "--gain 6",
	} {
		t.Run(options, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(dir, fmt.Sprint(i, ".ogg"))
			args := append([]string{"--quiet", "--raw", "--raw-rate", "48000", "--raw-chan", "1"}, strings.Fields(strings.Replace(options, "--gain 6", "", 1))...)
			tool(t, "opusenc", append(args, source, path)...)
			if options == "--gain 6" {
				louder(t, path)
			}
			tool(t, "opusdec", "--quiet", "--rate", "48000", "--no-dither", path, path+".wav")
			want, err := wav.ReadFile(path + ".wav")
			if err != nil {
				t.Fatal(err)
			}
			file, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got, err := opus.ReadAll(bytes.NewReader(file), 48000, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != len(want.PCM) || len(got) != len(pcm) {
				t.Fatalf("%d samples, opusdec has %d, and there were %d", len(got), len(want.PCM), len(pcm))
			}
			var signal, noise float64
			for i, s := range got {
				d := float64(s) - float64(want.PCM[i])
				signal, noise = signal+float64(s)*float64(s), noise+d*d
			}
			if ratio := 10 * math.Log10(signal/max(noise, 1)); ratio < 40 {
				t.Errorf("it differs from opusdec's: signal to noise is %.0f dB", ratio)
			}
		})
	}
}

// louder says in a file's first page that it is to be played 6 dB louder.
func louder(t *testing.T, path string) {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pages := split(t, file)
	binary.LittleEndian.PutUint16(pages[0][28+16:], 6*256)
	if err := os.WriteFile(path, join(pages...), 0o600); err != nil {
		t.Fatal(err)
	}
}

// split cuts a file into its pages.
func split(t *testing.T, file []byte) (pages [][]byte) {
	t.Helper()
	for len(file) > 0 {
		n := 27 + int(file[26])
		for _, k := range file[27:n] {
			n += int(k)
		}
		pages, file = append(pages, bytes.Clone(file[:n])), file[n:]
	}
	return pages
}

// join makes a file of pages, with checksums that fit.
func join(pages ...[]byte) (file []byte) {
	for _, p := range pages {
		p = bytes.Clone(p)
		clear(p[22:26])
		var crc uint32
		for _, b := range p { // RFC 3533, section 6, bit by bit
			crc ^= uint32(b) << 24
			for range 8 {
				if crc&(1<<31) != 0 {
					crc = crc<<1 ^ 0x04c11db7
				} else {
					crc <<= 1
				}
			}
		}
		binary.LittleEndian.PutUint32(p[22:], crc)
		file = append(file, p...)
	}
	return file
}

// TestReaderOdd: what is odd is told, or passed over.
func TestReaderOdd(t *testing.T) {
	t.Parallel()
	file := encoded(t, 48000*3, 48000, 1)
	pages := func() [][]byte { return split(t, file) }
	change := func(page, at int, to byte) []byte {
		all := pages()
		all[page][at] = to
		return join(all...)
	}
	stranger := func() []byte {
		p := bytes.Clone(pages()[2])
		p[14]++
		return p
	}
	all := pages()
	last := len(all) - 1
	for _, tc := range []struct {
		name, err string
		file      []byte
		samples   int // -1: any
	}{
		{"whole", "", file, 48000 * 3},
		{"nothing", "unexpected EOF", nil, 0},
		{"not Ogg", "not Ogg", []byte(strings.Repeat("RIFF", 100)), 0},
		{"another version", "not Ogg", change(0, 4, 1), 0},
		{"no beginning", "begins no stream", change(0, 5, 0), 0},
		{"Vorbis", "not Opus", change(0, 28, 'o'), 0},
		{"version 16", "version 16", change(0, 28+8, 16), 0},
		{"no channels", "0 channels", change(0, 28+9, 0), 0},
		{"3 channels", "3 channels", change(0, 28+9, 3), 0},
		{"surround", "family 1", change(0, 28+18, 1), 0},
		{"no tags", "no OpusTags", change(1, 28, 'o'), 0},
		{"a bit is wrong", "checksum", append(append(bytes.Clone(file[:400]), file[400]^1), file[401:]...), -1},
		{"a page is missing", "page 3 is missing", join(append(pages()[:3], pages()[4:]...)...), -1},
		{"cut in a page", "unexpected EOF", file[:len(file)-5], -1},
		{"cut at a page", "", join(pages()[:last]...), -1},
		{"headers alone", "", join(pages()[:2]...), 0},
		{"others between", "", join(append(append(pages()[:3], stranger(), stranger()), pages()[3:]...)...), 48000 * 3},
		{"more behind", "", append(bytes.Clone(file), "ID3 or what people put there"...), 48000 * 3},
		{"an empty packet", "empty packet", join(append(pages()[:2], append([]byte("OggS\x00\x00"), append(bytes.Repeat([]byte{0}, 8), append(pages()[2][14:18], 2, 0, 0, 0, 0, 0, 0, 0, 1, 0)...)...))...), 0},
		{"a packet without end", "has no beginning", change(2, 5, 1), 0},
	} {
		got, err := opus.ReadAll(bytes.NewReader(tc.file), 48000, time.Minute)
		if tc.err == "" && err != nil || tc.err != "" && (err == nil || !strings.Contains(err.Error(), tc.err)) {
			t.Errorf("%s: %v", tc.name, err)
		}
		if err == nil && tc.samples >= 0 && len(got) != tc.samples {
			t.Errorf("%s: %d samples, want %d", tc.name, len(got), tc.samples)
		}
	}
	if _, err := opus.ReadAll(bytes.NewReader(file), 48000, 2*time.Second); !errors.Is(err, opus.ErrTooLong) {
		t.Errorf("%v", err)
	}
	if _, err := opus.NewReader(bytes.NewReader(file), 44100); err == nil {
		t.Error("44100 is a rate")
	}
	r, err := opus.NewReader(bytes.NewReader(file), 16000)
	if err != nil || r.Rate() != 16000 || r.Channels() != 1 {
		t.Fatal(err, r)
	}
	r.Close()
	r.Close()
	if _, err := r.Read(make([]int16, 10)); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("a closed reader reads: %v", err)
	}
}

// TestEnd: the last page's position alone says where the sound ends, wherever its packets do.
func TestEnd(t *testing.T) {
	t.Parallel()
	file := encoded(t, 48000, 48000, 1)
	all := split(t, file)
	last := all[len(all)-1]
	end := int64(binary.LittleEndian.Uint64(last[6:])) //nolint:gosec // ours
	for _, tc := range []struct{ granule, want int64 }{
		{end, 48000}, {end - 1, 47999}, {end + 1<<40, 48000 + 960}, {end - 1<<40, 48000 + 960}, {-1, 48000 + 960},
	} {
		binary.LittleEndian.PutUint64(last[6:], uint64(tc.granule)) //nolint:gosec // the same bits
		got, err := opus.ReadAll(bytes.NewReader(join(all...)), 48000, time.Minute)
		if err != nil || int64(len(got)) > tc.want || int64(len(got)) < tc.want-960 {
			t.Errorf("at %d: %d samples, want up to %d (%v)", tc.granule, len(got), tc.want, err)
		}
	}
}

// FuzzReader: whatever comes, it ends, and gives no more than what it was given can hold.
func FuzzReader(f *testing.F) {
	for _, rate := range []int{8000, 48000} {
		f.Add(encoded(f, rate/10, rate, 1))
		f.Add(encoded(f, rate/5, rate, 2))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := opus.NewReader(bytes.NewReader(file), 16000)
		if err != nil {
			return
		}
		defer r.Close()
		piece, sum := make([]int16, 1000), 0
		for {
			n, err := r.Read(piece)
			sum += n
			if err != nil {
				break
			}
			if n == 0 {
				t.Fatal("neither sound nor an end")
			}
		}
		if sum > 1920*len(file) {
			t.Errorf("%d samples of %d bytes", sum, len(file))
		}
	})
}

// FuzzReaderChecked is FuzzReader with checksums that fit.
func FuzzReaderChecked(f *testing.F) {
	file := encoded(f, 4800, 48000, 1)
	f.Add(file[28:47], file[100:], byte(0), int64(5000))
	f.Fuzz(func(t *testing.T, head, body []byte, kind byte, granule int64) {
		page := func(n, kind byte, granule int64, packet []byte) []byte {
			p := binary.LittleEndian.AppendUint64(append([]byte("OggS\x00"), kind), uint64(granule)) //nolint:gosec // the same bits
			p = append(p, 1, 2, 3, 4, n, 0, 0, 0, 0, 0, 0, 0, 0)
			for k := len(packet); p[26] < 255; k -= 255 {
				p[26]++
				if p = append(p, byte(min(k, 255))); k < 255 {
					break
				}
			}
			return append(p, packet...)
		}
		body = body[:min(len(body), 60000)]
		file := join(page(0, 2, 0, head[:min(len(head), 3000)]), page(1, 0, 0, []byte("OpusTags")), page(2, kind, granule, body), page(3, 4, granule, body))
		_, _ = opus.ReadAll(bytes.NewReader(file), 8000, time.Minute) // it comes back
	})
}

func BenchmarkReader(b *testing.B) {
	file := encoded(b, 48000*10, 48000, 1)
	piece := make([]int16, 320)
	b.ReportAllocs()
	for b.Loop() {
		r, err := opus.NewReader(bytes.NewReader(file), 16000)
		if err != nil {
			b.Fatal(err)
		}
		for err == nil {
			_, err = r.Read(piece)
		}
		r.Close()
	}
}
