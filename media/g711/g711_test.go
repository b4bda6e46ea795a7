package g711_test

import (
	"math"
	"testing"

	zaf "github.com/zaf/g711"

	"parley/media/g711"
)

// Every code and every sample, against a well-kept implementation.
func TestEveryInput(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		law    g711.Law
		decode func(byte) int16
		encode func(int16) byte
	}{
		{g711.Ulaw, zaf.DecodeUlawFrame, zaf.EncodeUlawFrame},
		{g711.Alaw, zaf.DecodeAlawFrame, zaf.EncodeAlawFrame},
	} {
		t.Run(tt.law.String(), func(t *testing.T) {
			t.Parallel()
			var codes [256]byte
			for i := range codes {
				codes[i] = byte(i)
			}
			var decoded [256]int16
			if n := tt.law.Decode(decoded[:], codes[:]); n != 256 {
				t.Fatalf("decoded %d codes, want 256", n)
			}
			for i, got := range decoded {
				if want := tt.decode(byte(i)); got != want {
					t.Errorf("code %#02x decodes to %d, want %d", i, got, want)
				}
			}

			samples := make([]int16, 1<<16)
			for i := range samples {
				samples[i] = int16(i + math.MinInt16)
			}
			encoded := make([]byte, len(samples))
			if n := tt.law.Encode(encoded, samples); n != len(samples) {
				t.Fatalf("encoded %d samples, want %d", n, len(samples))
			}
			for i, got := range encoded {
				if want := tt.encode(samples[i]); got != want {
					t.Errorf("sample %d encodes to %#02x, want %#02x", samples[i], got, want)
				}
			}
		})
	}
}

// What is decoded and encoded again is what it was: audio that stays at 8 kHz is passed through without loss.
func TestRoundTripIsLossless(t *testing.T) {
	t.Parallel()
	for _, law := range []g711.Law{g711.Ulaw, g711.Alaw} {
		for i := range 256 {
			want := byte(i)
			var pcm [1]int16
			var got [1]byte
			law.Decode(pcm[:], []byte{want})
			law.Encode(got[:], pcm[:])
			if law == g711.Ulaw && want == 0x7F { // minus zero
				want = 0xFF
			}
			if got[0] != want {
				t.Errorf("%v: code %#02x came back as %#02x by way of %d", law, want, got[0], pcm[0])
			}
		}
	}
}

func TestShortBuffers(t *testing.T) {
	t.Parallel()
	for _, law := range []g711.Law{g711.Ulaw, g711.Alaw} {
		pcm := []int16{1, 1, 1, 1}
		if n := law.Decode(pcm[:2], []byte{0, 0, 0}); n != 2 || pcm[2] != 1 {
			t.Errorf("%v: Decode into 2 of 4 samples wrote %d: %v", law, n, pcm)
		}
		codes := []byte{1, 1, 1, 1}
		if n := law.Encode(codes, pcm[:1]); n != 1 || codes[1] != 1 {
			t.Errorf("%v: Encode of 1 sample wrote %d: %v", law, n, codes)
		}
		if n := law.Decode(nil, codes) + law.Encode(nil, pcm) + law.Decode(pcm, nil) + law.Encode(codes, nil); n != 0 {
			t.Errorf("%v: empty buffers: %d, want 0", law, n)
		}
	}
}

func TestSilence(t *testing.T) {
	t.Parallel()
	for law, want := range map[g711.Law]int16{g711.Ulaw: 0, g711.Alaw: 8} {
		var pcm [1]int16
		law.Decode(pcm[:], []byte{law.Silence()})
		if pcm[0] != want {
			t.Errorf("%v: silence decodes to %d, want %d", law, pcm[0], want)
		}
	}
}

func TestFramesAllocateNothing(t *testing.T) {
	var pcm [160]int16
	var codes [160]byte
	for _, law := range []g711.Law{g711.Ulaw, g711.Alaw} {
		if n := testing.AllocsPerRun(1000, func() {
			law.Encode(codes[:], pcm[:])
			law.Decode(pcm[:], codes[:])
		}); n != 0 {
			t.Errorf("%v: %v allocations a frame, want 0", law, n)
		}
	}
}

// Frames of 20 ms, beside zaf's in one run: go test -bench . ./media/g711
func BenchmarkG711(b *testing.B) {
	pcm := make([]int16, 160)
	linear := make([]byte, 320)
	for i := range pcm {
		pcm[i] = int16(12000 * math.Sin(float64(i)/3))
		linear[2*i], linear[2*i+1] = byte(pcm[i]), byte(pcm[i]>>8)
	}
	codes := make([]byte, 160)
	g711.Ulaw.Encode(codes, pcm)
	for _, bb := range []struct {
		name string
		run  func()
	}{
		{"decode/ulaw/table", func() { g711.Ulaw.Decode(pcm, codes) }},
		{"decode/ulaw/zaf", func() { zaf.DecodeUlaw(codes) }},
		{"decode/alaw/table", func() { g711.Alaw.Decode(pcm, codes) }},
		{"decode/alaw/zaf", func() { zaf.DecodeAlaw(codes) }},
		{"encode/ulaw/table", func() { g711.Ulaw.Encode(codes, pcm) }},
		{"encode/ulaw/zaf", func() { zaf.EncodeUlaw(linear) }},
		{"encode/alaw/table", func() { g711.Alaw.Encode(codes, pcm) }},
		{"encode/alaw/zaf", func() { zaf.EncodeAlaw(linear) }},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				bb.run()
			}
		})
	}
}
