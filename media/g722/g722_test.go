package g722_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"os"
	"path/filepath"
	"testing"

	"parley/media/g722"
	"parley/media/resample"
	"parley/media/wav"
)

// signal is a second of everything, by whole numbers alone, so that it is the same on every machine: silence, noise that swells to the
// loudest, sawtooths that rise to 7 kHz, one click, and full-scale squares.
func signal() []int16 {
	pcm := make([]int16, g722.Rate)
	state, phase := uint32(1), uint32(0)
	for i := range pcm {
		state = state*1664525 + 1013904223
		noise := int32(state>>16) - 1<<15
		switch at := i / 1600; at {
		case 0, 1, 2:
			pcm[i] = int16(noise * int32(i) / 4800)
		case 3, 4, 5:
			phase += uint32(100+(i-4800)*7000/4800) * (math.MaxUint32 / g722.Rate)
			pcm[i] = int16(int32(phase>>16)-1<<15) / 2
		case 6:
			if i == 10000 {
				pcm[i] = math.MaxInt16
			}
		case 7:
			pcm[i] = int16(1-2*(i/20%2)) * math.MaxInt16
		default:
			pcm[i] = int16(noise / 2000)
		}
	}
	return pcm
}

// TestReference: testdata/signal.g722 is what the library of that name on PyPI (1.2.8, libg722's code, which is in the public domain) makes of
// signal (libspandsp 0.0.6 makes the same), and the sum is of the little-endian samples that it decodes from that.
func TestReference(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile("testdata/signal.g722")
	if err != nil {
		t.Fatal(err)
	}
	pcm := signal()
	for _, chunk := range []int{1, 7, 160, 4000} {
		var e g722.Encoder
		var codes []byte
		for rest := pcm; len(rest) > 0; {
			n := min(2*chunk, len(rest))
			coded := make([]byte, n/2)
			if got := e.Encode(coded, rest[:n]); got != n/2 {
				t.Fatalf("%d of %d samples make %d bytes", n, len(rest), got)
			}
			codes, rest = append(codes, coded...), rest[n:]
		}
		if !bytes.Equal(codes, want) {
			t.Errorf("in chunks of %d bytes, the codes differ", chunk)
		}
		var d g722.Decoder
		sum := sha256.New()
		for rest := want; len(rest) > 0; {
			n := min(chunk, len(rest))
			samples := make([]int16, 2*n)
			if got := d.Decode(samples, rest[:n]); got != 2*n {
				t.Fatalf("%d bytes make %d samples", n, got)
			}
			_ = binary.Write(sum, binary.LittleEndian, samples)
			rest = rest[n:]
		}
		if got := hex.EncodeToString(sum.Sum(nil)); got != decodedSum {
			t.Errorf("in chunks of %d bytes, the decoded samples' sum is %s", chunk, got)
		}
	}
}

const decodedSum = "abfc5a93f89ec1e23f52f35e834b3a737ca43f1bb1e04282a132f1afabeeef3e"

// TestSpeech: recorded speech comes back 20 dB over what coding did to it, 22 samples later.
func TestSpeech(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"agent-pass", "conf-getpin", "cannot-complete-as-dialed"} {
		s, err := wav.ReadFile(filepath.Join("/usr/share/asterisk/sounds/en_US_f_Allison", name+".wav"))
		if err != nil {
			t.Fatalf("recorded speech is missing (%v): run make setup", err)
		}
		up, err := resample.New(8000, g722.Rate)
		if err != nil {
			t.Fatal(err)
		}
		pcm := up.Append(nil, s.PCM)
		pcm = pcm[:len(pcm)&^1]
		var e g722.Encoder
		var d g722.Decoder
		codes, heard := make([]byte, len(pcm)/2), make([]int16, len(pcm))
		e.Encode(codes, pcm)
		d.Decode(heard, codes)
		const late = 22
		var power, noise float64
		for i := range len(pcm) - late {
			off := float64(heard[i+late]) - float64(pcm[i])
			power, noise = power+float64(pcm[i])*float64(pcm[i]), noise+off*off
		}
		if snr := 10 * math.Log10(power/noise); snr < 20 {
			t.Errorf("%s: %.1f dB over the noise of coding, want 20", name, snr)
		}
	}
}

// TestForgets: a decoder that missed packets, or began in the middle, is with the encoder again soon.
func TestForgets(t *testing.T) {
	t.Parallel()
	pcm := signal()
	var e g722.Encoder
	codes := make([]byte, len(pcm)/2)
	e.Encode(codes, pcm)
	var whole, partial g722.Decoder
	whole.Decode(make([]int16, 2*2400), codes[:2400])
	want, got := make([]int16, 3200), make([]int16, 3200)
	whole.Decode(want, codes[2400:4000])
	partial.Decode(got, codes[2400:4000])
	var power, noise float64
	for i := 1600; i < 3200; i++ { // after 100 ms
		off := float64(got[i]) - float64(want[i])
		power, noise = power+float64(want[i])*float64(want[i]), noise+off*off
	}
	if noise > power/100 {
		t.Errorf("after 100 ms the decoders differ by %.1f dB", 10*math.Log10(noise/power))
	}
}

func TestShortBuffers(t *testing.T) {
	t.Parallel()
	var e g722.Encoder
	var d g722.Decoder
	for _, c := range []struct{ dst, src, want int }{{0, 10, 0}, {3, 10, 3}, {9, 10, 5}, {9, 9, 4}, {9, 1, 0}, {9, 0, 0}} {
		if got := e.Encode(make([]byte, c.dst), make([]int16, c.src)); got != c.want {
			t.Errorf("%d samples into %d bytes: %d, want %d", c.src, c.dst, got, c.want)
		}
	}
	for _, c := range []struct{ dst, src, want int }{{0, 10, 0}, {1, 10, 0}, {5, 10, 4}, {99, 10, 20}, {9, 0, 0}} {
		if got := d.Decode(make([]int16, c.dst), make([]byte, c.src)); got != c.want {
			t.Errorf("%d bytes into %d samples: %d, want %d", c.src, c.dst, got, c.want)
		}
	}
}

func TestFramesAllocateNothing(t *testing.T) {
	var e g722.Encoder
	var d g722.Decoder
	var pcm [320]int16
	var codes [160]byte
	if n := testing.AllocsPerRun(1000, func() {
		e.Encode(codes[:], pcm[:])
		d.Decode(pcm[:], codes[:])
	}); n != 0 {
		t.Errorf("%v allocations a frame, want 0", n)
	}
}

// FuzzDecode: any bytes are sound, and a decoder that heard them still decodes: its state stays within what the recommendation allows.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0x04}, 400))
	f.Add(bytes.Repeat([]byte{0xC4, 0x20}, 400))
	silence := make([]byte, 8000)
	var e g722.Encoder
	e.Encode(silence, make([]int16, 16000))
	f.Fuzz(func(t *testing.T, codes []byte) {
		var d g722.Decoder
		pcm := make([]int16, 2*len(codes))
		if n := d.Decode(pcm, codes); n != len(pcm) {
			t.Fatalf("%d bytes make %d samples", len(codes), n)
		}
		quiet := make([]int16, 16000)
		d.Decode(quiet, silence)
		for i, s := range quiet[8000:] {
			if s < -200 || s > 200 {
				t.Fatalf("%d ms into silence a sample of %d", 500+i/16, s)
			}
		}
	})
}

// Frames of 20 ms: go test -bench . ./media/g722
func BenchmarkG722(b *testing.B) {
	var e g722.Encoder
	var d g722.Decoder
	pcm, codes := signal(), make([]byte, 160)
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for at := 0; b.Loop(); at = (at + 320) % 15680 {
			e.Encode(codes, pcm[at:at+320])
		}
	})
	coded := make([]byte, 8000)
	e.Encode(coded, pcm)
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for at := 0; b.Loop(); at = (at + 160) % 7840 {
			d.Decode(pcm[:320], coded[at:at+160])
		}
	})
}
