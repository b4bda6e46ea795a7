package dtmf

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/media/g711"
	"parley/media/wav"
)

// A signal is keys as a test sends them.
type signal struct {
	rate      int
	low, high float64 // dBm0 of either tone
	offset    float64 // of the frequencies, as a share
	tone, gap time.Duration
	noise     float64 // dBm0; 0: none
	lead      time.Duration
}

// clean is what every receiver takes.
func clean() signal {
	return signal{rate: 8000, low: rowLevel, high: columnLevel, tone: Tone, gap: Gap, lead: 37 * time.Millisecond}
}

// sound is keys as the signal has them, without ramps, in G.711 on the way.
func (s signal) sound(keys string) []int16 {
	random := rand.New(rand.NewPCG(1, 2))
	pcm := make([]int16, samples(s.lead, s.rate))
	for _, k := range keys {
		row, column, _ := place(k)
		low, high := 2*math.Pi*rows[row]*(1+s.offset)/float64(s.rate), 2*math.Pi*columns[column]*(1+s.offset)/float64(s.rate)
		for i := range samples(s.tone, s.rate) {
			pcm = append(pcm, int16(full*(gain(s.low)*math.Sin(low*float64(i)+1)+gain(s.high)*math.Sin(high*float64(i)+2))))
		}
		pcm = append(pcm, make([]int16, samples(s.gap, s.rate))...)
	}
	pcm = append(pcm, make([]int16, s.rate/10)...)
	if s.noise != 0 {
		for i := range pcm {
			pcm[i] += int16(full / math.Sqrt2 * gain(s.noise) * random.NormFloat64())
		}
	}
	codes := make([]byte, len(pcm))
	g711.Ulaw.Encode(codes, pcm)
	g711.Ulaw.Decode(pcm, codes)
	return pcm
}

// heard is what a Detector makes of sound that comes in frames of 20 ms.
func heard(pcm []int16, rate int) (keys string, presses []Press) {
	d := NewDetector(rate)
	for frame := range slices.Chunk(pcm, rate/50) {
		if p, ok := d.Hear(frame); ok {
			keys, presses = keys+string(p.Key), append(presses, p)
		}
	}
	return keys, presses
}

func TestKeys(t *testing.T) {
	t.Parallel()
	with := func(change func(*signal)) signal {
		s := clean()
		change(&s)
		return s
	}
	for name, c := range map[string]struct {
		signal signal
		deaf   bool // nothing is to be heard
	}{
		"clean":                      {clean(), false},
		"16 kHz":                     {with(func(s *signal) { s.rate = 16000 }), false},
		"24 kHz":                     {with(func(s *signal) { s.rate = 24000 }), false},
		"48 kHz":                     {with(func(s *signal) { s.rate = 48000 }), false},
		"as loud as can be":          {with(func(s *signal) { s.low, s.high = -3, -3 }), false},
		"quiet":                      {with(func(s *signal) { s.low, s.high = -29, -29 }), false},
		"too quiet":                  {with(func(s *signal) { s.low, s.high = -38, -38 }), true},
		"row 8 dB weaker":            {with(func(s *signal) { s.low, s.high = -18, -10 }), false},
		"column 8 dB weaker":         {with(func(s *signal) { s.low, s.high = -10, -18 }), false},
		"row 14 dB weaker":           {with(func(s *signal) { s.low, s.high = -20, -6 }), true},
		"column 14 dB weaker":        {with(func(s *signal) { s.low, s.high = -6, -20 }), true},
		"1.5 % high":                 {with(func(s *signal) { s.offset = 0.015 }), false},
		"1.5 % low":                  {with(func(s *signal) { s.offset = -0.015 }), false},
		"4 % high":                   {with(func(s *signal) { s.offset = 0.04 }), true},
		"4 % low":                    {with(func(s *signal) { s.offset = -0.04 }), true},
		"40 ms and 40 ms":            {with(func(s *signal) { s.tone, s.gap = 41*time.Millisecond, 41*time.Millisecond }), false},
		"20 ms":                      {with(func(s *signal) { s.tone = 20 * time.Millisecond }), true},
		"two seconds":                {with(func(s *signal) { s.tone = 2 * time.Second }), false},
		"noise 15 dB below":          {with(func(s *signal) { s.noise = -22 }), false},
		"quiet, with noise":          {with(func(s *signal) { s.low, s.high, s.noise = -24, -22, -38 }), false},
		"noise as loud as the tones": {with(func(s *signal) { s.noise = -6 }), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := Keys + "0011"
			if c.deaf {
				want = ""
			}
			for shift := range 5 { // wherever the windows fall
				s := c.signal
				s.lead += time.Duration(shift) * 1300 * time.Microsecond
				got, presses := heard(s.sound(Keys+"0011"), s.rate)
				if got != want {
					t.Fatalf("heard %q, want %q", got, want)
				}
				for i, p := range presses {
					if off := p.At - s.lead - time.Duration(i)*(s.tone+s.gap); off.Abs() > 13*time.Millisecond {
						t.Errorf("key %d heard at %v, off by %v", i, p.At, off)
					}
				}
			}
		})
	}
}

// TestAppend: what is sent is heard, at every rate, and is as loud as it should be.
func TestAppend(t *testing.T) {
	t.Parallel()
	for _, rate := range []int{8000, 16000, 24000, 48000} {
		var pcm []int16
		for _, k := range Keys {
			pcm = Append(pcm, k, rate)
		}
		if want := 16 * samples(Tone+Gap, rate); len(pcm) != want {
			t.Errorf("%d Hz: %d samples, want %d", rate, len(pcm), want)
		}
		if got, _ := heard(pcm, rate); got != Keys {
			t.Errorf("%d Hz: heard %q", rate, got)
		}
		tone := Append(nil, '5', rate)
		edge := samples(ramp, rate)
		var sum float64
		for _, s := range tone[edge : samples(Tone, rate)-edge] {
			sum += float64(s) * float64(s)
		}
		dbm0 := 10*math.Log10(sum/float64(samples(Tone, rate)-2*edge)) - 20*math.Log10(full/math.Sqrt2)
		if math.Abs(dbm0+4.9) > 0.3 { // -9 and -7 together
			t.Errorf("%d Hz: %.1f dBm0", rate, dbm0)
		}
		for _, i := range []int{0, samples(Tone, rate) - 1} {
			if tone[i] != 0 {
				t.Errorf("%d Hz: sample %d is %d: it clicks", rate, i, tone[i])
			}
		}
	}
	if pcm := Append(nil, 'x', 8000); len(pcm) != 1440 || slices.Max(pcm) != 0 || slices.Min(pcm) != 0 {
		t.Errorf("what is no key sounds: %d samples", len(pcm))
	}
	if !Is('#') || !Is('A') || Is('w') || Is(0) || Is('\uFFFD') {
		t.Error("a key is none, or what is none is one")
	}
}

// TestInterruption: a break of 10 ms in a tone does not press it twice, one of 50 ms does.
func TestInterruption(t *testing.T) {
	t.Parallel()
	for broken, want := range map[time.Duration]string{10 * time.Millisecond: "7", 50 * time.Millisecond: "77"} {
		s := clean()
		s.tone = 200 * time.Millisecond
		pcm := s.sound("7")
		at := samples(s.lead+100*time.Millisecond, s.rate)
		clear(pcm[at : at+samples(broken, s.rate)])
		if got, _ := heard(pcm, s.rate); got != want {
			t.Errorf("a break of %v: heard %q, want %q", broken, got, want)
		}
	}
}

// TestTalkOff: of 25 minutes of recorded prompts, nothing is taken for a key.
func TestTalkOff(t *testing.T) {
	t.Parallel()
	const dir = "/usr/share/asterisk/sounds/en_US_f_Allison"
	if _, err := os.Stat(dir); err != nil {
		t.Fatal("no recorded prompts here: apt-get install asterisk-core-sounds-en-wav")
	}
	var spoken time.Duration
	var found []string
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".wav" {
			return err
		}
		sound, err := wav.ReadFile(path)
		if err != nil {
			return err
		}
		spoken += sound.Duration()
		if keys, presses := heard(sound.Channel(0), sound.Rate); keys != "" {
			found = append(found, fmt.Sprintf("%s: %q at %v", strings.TrimPrefix(path, dir), keys, presses[0].At))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%v of speech", spoken.Round(time.Second))
	if spoken < 20*time.Minute || len(found) > 0 {
		t.Errorf("%v of prompts have keys in them: %q", spoken, found)
	}
}

func TestHearDoesNotAllocate(t *testing.T) {
	pcm, d := clean().sound(Keys), NewDetector(8000)
	if n := testing.AllocsPerRun(100, func() { d.Hear(pcm[:160]) }); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

// FuzzHear: whatever is heard, a key is a key, and they come no faster than a keypad can send them.
func FuzzHear(f *testing.F) {
	f.Add([]byte{0, 1, 2, 0x7f, 0x80, 0xff}, 8000)
	f.Fuzz(func(t *testing.T, codes []byte, rate int) {
		if rate = 8000 + 8000*(max(rate, -rate)%6); rate < 8000 {
			rate = 8000
		}
		pcm := make([]int16, len(codes))
		g711.Ulaw.Decode(pcm, codes)
		_, presses := heard(pcm, rate)
		for i, p := range presses {
			if !Is(p.Key) || p.At < 0 || i > 0 && p.At-presses[i-1].At < 20*time.Millisecond {
				t.Errorf("press %d: %q at %v", i, p.Key, p.At)
			}
		}
	})
}

func BenchmarkHear(b *testing.B) {
	pcm, d := clean().sound(Keys), NewDetector(8000)
	at := 0
	for b.Loop() {
		d.Hear(pcm[at : at+160])
		if at += 160; at+160 > len(pcm) {
			at = 0
		}
	}
}

// TestEveryWindow: what is heard, and when, is the same as if every window were judged.
func TestEveryWindow(t *testing.T) {
	t.Parallel()
	const rate = 8000
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 1))
		s := clean()
		s.lead = time.Duration(random.IntN(40)) * time.Millisecond
		s.tone, s.gap = time.Duration(15+random.IntN(60))*time.Millisecond, time.Duration(5+random.IntN(60))*time.Millisecond
		s.noise = -40 + 30*random.Float64()
		pcm := s.sound(Keys)
		some, every := NewDetector(rate), NewDetector(rate)
		for at := 0; at+some.step <= len(pcm); at += some.step {
			every.passed = onset - 1
			p, ok := some.Hear(pcm[at : at+some.step])
			if want, began := every.Hear(pcm[at : at+some.step]); p != want || ok != began || some.Sounds() != every.Sounds() {
				t.Fatalf("seed %d, sample %d: heard %v, %v, want %v, %v", seed, at, p, ok, want, began)
			}
		}
	}
}
