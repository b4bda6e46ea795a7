//go:build cgo

package opus_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"parley/media/opus"
	"parley/media/resample"
	"parley/media/wav"
)

// speech is a recorded sentence at a rate.
func speech(t testing.TB, rate int) []int16 {
	t.Helper()
	s, err := wav.ReadFile(filepath.Join("/usr/share/asterisk/sounds/en_US_f_Allison", "cannot-complete-as-dialed.wav"))
	if err != nil {
		t.Fatalf("recorded speech is missing (%v): run make setup", err)
	}
	up, err := resample.New(8000, rate)
	if err != nil {
		t.Fatal(err)
	}
	return up.Append(nil, s.PCM)
}

func both(t testing.TB, o opus.EncoderOptions, heard int) (*opus.Encoder, *opus.Decoder) {
	t.Helper()
	e, err := opus.NewEncoder(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	d, err := opus.NewDecoder(heard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return e, d
}

func level(pcm []int16) float64 {
	var sum float64
	for _, s := range pcm {
		sum += float64(s) * float64(s)
	}
	return math.Sqrt(sum / float64(max(len(pcm), 1)))
}

// TestRates: a tone spoken at any rate is heard at any rate, in packets of any length.
func TestRates(t *testing.T) {
	t.Parallel()
	for _, from := range []int{8000, 16000, 24000, 48000} {
		for _, to := range []int{8000, 16000, 24000, 48000} {
			for _, ms := range []int{10, 20, 40, 60} {
				e, d := both(t, opus.EncoderOptions{Rate: from}, to)
				pcm := tone(from*12/10, from, 440)
				var heard []int16
				payload, frame := make([]byte, 500), make([]int16, to*120/1000)
				for n := from * ms / 1000; len(pcm) >= n; pcm = pcm[n:] {
					size, err := e.Encode(payload, pcm[:n])
					if err != nil {
						t.Fatal(err)
					}
					n, err := d.Decode(frame, payload[:size])
					if err != nil || n != to*ms/1000 {
						t.Fatalf("%d to %d: %d ms are %d samples, %v", from, to, ms, n, err)
					}
					heard = append(heard, frame[:n]...)
				}
				if got := power(heard[len(heard)/2:], to, 440); got < 0.8 || got > 1.2 {
					t.Errorf("%d to %d at %d ms: %.2f of the tone is heard", from, to, ms, got)
				}
			}
		}
	}
}

// TestRecover: of lost packets, what the next holds of them is nearer to the truth than what is made up.
func TestRecover(t *testing.T) {
	t.Parallel()
	pcm := speech(t, 16000)
	var off [2]float64
	for way := range off {
		e, d := both(t, opus.EncoderOptions{Rate: 16000, FEC: true, Loss: 20}, 16000)
		_, whole := both(t, opus.EncoderOptions{Rate: 16000}, 16000)
		random, recovered, lost := rand.New(rand.NewPCG(1, 2)), 0, 0
		payload, want, got := make([]byte, 500), make([]int16, 320), make([]int16, 320)
		missing, before := false, make([]int16, 320)
		for rest := pcm; len(rest) >= 320; rest = rest[320:] {
			n, err := e.Encode(payload, rest[:320])
			if err != nil {
				t.Fatal(err)
			}
			if _, err := whole.Decode(want, payload[:n]); err != nil {
				t.Fatal(err)
			}
			if missing {
				lost++
				ok := false
				if way == 0 {
					_, ok = d.Recover(got, payload[:n])
				}
				if ok {
					recovered++
				} else if n, ok := d.Conceal(got); !ok || n != 320 {
					t.Fatalf("%d samples are made up of 320", n)
				}
				for i := range got {
					off[way] += math.Pow(float64(got[i])-float64(before[i]), 2)
				}
			}
			copy(before, want)
			missing = !missing && random.IntN(5) == 0
			if missing {
				continue
			}
			if _, err := d.Decode(got, payload[:n]); err != nil {
				t.Fatal(err)
			}
		}
		if way == 0 && recovered*3 < lost {
			t.Errorf("%d of %d lost packets were recovered", recovered, lost)
		}
	}
	if off[0] > off[1]/2 {
		t.Errorf("recovered, the error is %.2f of what it is made up, want half", off[0]/off[1])
	}
}

// TestSilence: with DTX silence is not sent, and what follows it is heard as it was.
func TestSilence(t *testing.T) {
	t.Parallel()
	e, d := both(t, opus.EncoderOptions{Rate: 8000, DTX: true}, 8000)
	payload, frame := make([]byte, 500), make([]int16, 960)
	sent := 0
	for range 100 {
		n, err := e.Encode(payload, make([]int16, 160))
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			if n, ok := d.Conceal(frame[:160]); !ok || n != 160 || level(frame[:n]) > 30 {
				t.Fatalf("silence is heard as %d samples of level %.0f", n, level(frame[:n]))
			}
			continue
		}
		sent++
		if _, err := d.Decode(frame, payload[:n]); err != nil {
			t.Fatal(err)
		}
	}
	if sent > 30 {
		t.Errorf("%d of 100 frames of silence are sent", sent)
	}
	var heard []int16
	for pcm := tone(1600, 8000, 440); len(pcm) > 0; pcm = pcm[160:] {
		n, err := e.Encode(payload, pcm[:160])
		if err != nil || n == 0 {
			t.Fatal(n, err)
		}
		if n, err = d.Decode(frame, payload[:n]); err != nil {
			t.Fatal(err)
		}
		heard = append(heard, frame[:n]...)
	}
	if got := power(heard[800:], 8000, 440); got < 0.8 || got > 1.2 {
		t.Errorf("%.2f of the tone is heard after silence", got)
	}
}

func TestCallRefused(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]opus.EncoderOptions{
		"rate":   {Rate: 44100},
		"bits":   {Rate: 8000, Bits: 5000},
		"effort": {Rate: 8000, Effort: 11},
		"loss":   {Rate: 8000, Loss: 101},
	} {
		if _, err := opus.NewEncoder(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := opus.NewDecoder(11025); err == nil {
		t.Error("a rate that Opus has not is taken")
	}
	e, d := both(t, opus.EncoderOptions{Rate: 8000}, 8000)
	if err := e.Expect(400); err != nil {
		t.Error(err)
	}
	frame, payload := make([]int16, 960), make([]byte, 500)
	if _, err := e.Encode(payload, frame[:161]); err == nil {
		t.Error("161 samples are taken")
	}
	if _, err := e.Encode(nil, frame[:160]); err == nil {
		t.Error("no room is taken")
	}
	for _, bad := range [][]byte{nil, {}, {0xff}, bytes.Repeat([]byte{0xff}, 300)} {
		if n, err := d.Decode(frame, bad); err == nil {
			t.Errorf("%d bytes of nonsense are %d samples", len(bad), n)
		}
	}
	if _, ok := d.Recover(frame, nil); ok {
		t.Error("something is recovered of nothing")
	}
	if _, ok := d.Conceal(frame[:19]); ok {
		t.Error("2 ms are made up")
	}
	for range 2 {
		e.Close()
		d.Close()
	}
	if _, err := e.Encode(payload, frame[:160]); err == nil {
		t.Error("a closed encoder encodes")
	}
	if _, err := d.Decode(frame, []byte{0, 1}); err == nil {
		t.Error("a closed decoder decodes")
	}
}

// FuzzDecoder: whatever arrives, nothing is written beyond what was given.
func FuzzDecoder(f *testing.F) {
	f.Add([]byte{0x08}, uint16(160))
	f.Add([]byte{0x78, 1, 2, 3}, uint16(960))
	f.Fuzz(func(t *testing.T, payload []byte, room uint16) {
		d, err := opus.NewDecoder(8000)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		pcm := make([]int16, int(room)%960+1)
		if n, ok := d.Recover(pcm, payload); ok && n > len(pcm) {
			t.Fatalf("%d samples of %d", n, len(pcm))
		}
		if n, _ := d.Decode(pcm, payload); n > len(pcm) {
			t.Fatalf("%d samples of %d", n, len(pcm))
		}
		if n, _ := d.Conceal(pcm); n > len(pcm) {
			t.Fatalf("%d samples of %d", n, len(pcm))
		}
	})
}

func TestCallAllocatesNothing(t *testing.T) {
	e, d := both(t, opus.EncoderOptions{Rate: 16000, FEC: true, Loss: 10}, 16000)
	pcm, payload := tone(320, 16000, 440), make([]byte, 500)
	if n := testing.AllocsPerRun(200, func() {
		n, _ := e.Encode(payload, pcm)
		_, _ = d.Conceal(pcm[:320])
		_, _ = d.Recover(pcm, payload[:n])
		_, _ = d.Decode(pcm, payload[:n])
	}); n != 0 {
		t.Errorf("%v allocations a frame, want 0", n)
	}
}

// Frames of 20 ms of speech: go test -bench Call ./media/opus
func BenchmarkCall(b *testing.B) {
	for _, rate := range []int{8000, 16000, 48000} {
		pcm := speech(b, rate)
		e, d := both(b, opus.EncoderOptions{Rate: rate}, rate)
		payload, frame := make([]byte, 500), rate/50
		name := map[int]string{8000: "8 kHz", 16000: "16 kHz", 48000: "48 kHz"}[rate]
		b.Run("encode "+name, func(b *testing.B) {
			b.ReportAllocs()
			for at := 0; b.Loop(); at = (at + frame) % (len(pcm) - 2*frame) {
				_, _ = e.Encode(payload, pcm[at:at+frame])
			}
		})
		n, err := e.Encode(payload, pcm[rate:rate+frame])
		if err != nil {
			b.Fatal(err)
		}
		heard := make([]int16, frame)
		b.Run("decode "+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = d.Decode(heard, payload[:n])
			}
		})
	}
}
