package tones_test

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"parley/media"
	"parley/media/g711"
	"parley/media/tones"
	"parley/media/wav"
)

const rate = 8000

// part is a stretch of sound: silence, or sines of -20 dBFS each.
type part struct {
	ms    int
	freqs []float64
}

func on(ms int, freqs ...float64) part { return part{ms, freqs} }
func off(ms int) part                  { return part{ms: ms} }

func times(n int, parts ...part) (all []part) {
	for range n {
		all = append(all, parts...)
	}
	return all
}

// line is how a sound reaches us.
type line struct {
	rate  int
	level float64 // dB, added
	noise float64 // dBFS; 0: none
	mulaw bool
}

func (l line) sound(parts []part) []int16 {
	var pcm []int16
	d := rand.New(rand.NewPCG(1, 2))
	noise := 0.
	if l.noise != 0 {
		noise = 32768 * math.Pow(10, l.noise/20)
	}
	for _, p := range parts {
		for range p.ms * l.rate / 1000 {
			v := noise * d.NormFloat64()
			for _, f := range p.freqs {
				v += 32768 * math.Pow(10, (l.level-20)/20) * math.Sqrt2 * math.Sin(2*math.Pi*f*float64(len(pcm))/float64(l.rate))
			}
			pcm = append(pcm, int16(math.Round(max(-32768, min(32767, v)))))
		}
	}
	if l.mulaw {
		wire := make([]byte, len(pcm))
		g711.Ulaw.Encode(wire, pcm)
		g711.Ulaw.Decode(pcm, wire)
	}
	return pcm
}

// told is a Tone and when it was told.
type told struct {
	tones.Tone
	at time.Duration
}

// hear is what is told of a sound, Sound left out.
func hear(pcm []int16, rate int) []told {
	return slices.DeleteFunc(hearAll(pcm, rate), func(t told) bool { return t.Kind == tones.Sound })
}

func hearAll(pcm []int16, rate int) (all []told) {
	var d tones.Detector
	n := rate / 50
	for i := 0; i+n <= len(pcm); i += n {
		at := media.Samples(i, rate)
		if t, ok := d.Hear(media.Frame{PCM: pcm[i : i+n], Rate: rate, At: at}); ok {
			all = append(all, told{t, at + media.FrameTime})
		}
	}
	return all
}

func kinds(all []told) (ks []tones.Kind) {
	for _, t := range all {
		ks = append(ks, t.Kind)
	}
	return ks
}

func TestTones(t *testing.T) {
	t.Parallel()
	us, uk := []float64{440, 480}, []float64{400, 450}
	for name, c := range map[string]struct {
		parts []part
		want  []tones.Kind
	}{
		"silence":                   {[]part{off(3000)}, nil},
		"a beep":                    {[]part{off(333), on(400, 1000), off(500)}, []tones.Kind{tones.Single}},
		"two beeps":                 {[]part{on(200, 1400), off(300), on(200, 1400), off(500)}, []tones.Kind{tones.Single, tones.Single}},
		"a beep of two tones":       {[]part{on(200, 800), on(200, 1200), off(500)}, []tones.Kind{tones.Single}},
		"a click":                   {[]part{on(60, 1000), off(500)}, nil},
		"two seconds":               {[]part{on(2000, 950), off(500)}, []tones.Kind{tones.Single}},
		"fax calls":                 {times(2, on(500, 1100), off(3000)), []tones.Kind{tones.Calling, tones.Calling}},
		"fax answers":               {[]part{off(200), on(3000, 2100), off(500)}, []tones.Kind{tones.Called}},
		"ringback, North America":   {times(2, on(2000, us...), off(4000)), []tones.Kind{tones.Ringback, tones.Ringback}},
		"ringback, United Kingdom":  {times(2, on(400, uk...), off(200), on(400, uk...), off(2000)), slices.Repeat([]tones.Kind{tones.Ringback}, 4)},
		"ringback, Europe":          {times(2, on(1000, 425), off(4000)), []tones.Kind{tones.Ringback, tones.Ringback}},
		"busy, North America":       {times(2, on(500, 480, 620), off(500)), []tones.Kind{tones.Busy}},
		"congestion, North America": {times(3, on(250, 480, 620), off(250)), []tones.Kind{tones.Busy, tones.Busy}},
		"busy, Europe":              {times(3, on(500, 425), off(500)), []tones.Kind{tones.Single, tones.Single, tones.Busy}},
		"unobtainable":              {[]part{on(330, 950), on(330, 1400), on(330, 1800), off(1000)}, []tones.Kind{tones.Special}},
		"unobtainable, with gaps":   {[]part{on(330, 950), off(30), on(330, 1400), off(30), on(330, 1800), off(1000)}, []tones.Kind{tones.Special}},
		"dial tone":                 {[]part{on(4000, 350, 440), off(500)}, []tones.Kind{tones.Endless}},
		"keys":                      {times(4, on(200, 770, 1336), off(100)), nil},
		"a chord":                   {[]part{on(500, 523, 659, 784), off(500)}, nil},
		"a deep note":               {[]part{on(500, 220), off(500)}, nil},
	} {
		for about, l := range map[string]line{
			"clean": {rate: rate}, "mu-law": {rate: rate, mulaw: true}, "quiet": {rate: rate, level: -20, mulaw: true}, "loud": {rate: rate, level: 8, mulaw: true},
			"noise": {rate: rate, noise: -38, mulaw: true}, "wide": {rate: 16000}, "widest": {rate: 48000},
		} {
			t.Run(name+"/"+about, func(t *testing.T) {
				t.Parallel()
				got := hear(l.sound(c.parts), l.rate)
				if !slices.Equal(kinds(got), c.want) {
					t.Errorf("heard %v, want %v: %+v", kinds(got), c.want, got)
				}
			})
		}
	}
}

// TestBeep finds every beep that there may be, with its frequency and its ends.
func TestBeep(t *testing.T) {
	t.Parallel()
	for freq := 400.; freq <= 2100; freq += 85 {
		for _, ms := range []int{150, 180, 250, 400, 700, 1500, 2000} {
			for at := 200; at < 220; at += 7 {
				got := hear(line{rate: rate, noise: -45, mulaw: true}.sound([]part{off(at), on(ms, freq), off(600)}), rate)
				if len(got) != 1 || !got[0].Beep() || math.Abs(got[0].Freq-freq) > 3 {
					t.Errorf("%v Hz for %d ms at %d ms: %+v", freq, ms, at, got)
					continue
				}
				from, to := time.Duration(at)*time.Millisecond, time.Duration(at+ms)*time.Millisecond
				b := got[0]
				if b.To < to || b.To > to+2*media.FrameTime || (b.From-from).Abs() > 3*media.FrameTime {
					t.Errorf("%v Hz for %d ms at %d ms: %v to %v", freq, ms, at, b.From, b.To)
				}
				if late := b.at - to; late < 0 || late > 120*time.Millisecond {
					t.Errorf("%v Hz for %d ms at %d ms: told %v after its end", freq, ms, at, late)
				}
			}
		}
	}
}

// TestSound: music is no silence, and a quiet line is.
func TestSound(t *testing.T) {
	t.Parallel()
	loud := line{rate: rate, noise: -30, mulaw: true}
	if got := kinds(hearAll(loud.sound([]part{off(7000)}), rate)); !slices.Equal(got, slices.Repeat([]tones.Kind{tones.Sound}, 3)) {
		t.Errorf("in 7 s of noise: %v", got)
	}
	for name, pcm := range map[string][]int16{
		"noise": line{rate: rate, noise: -42, mulaw: true}.sound([]part{off(9000)}),
		"ticks": line{rate: rate, mulaw: true}.sound(times(9, on(100, 1000), off(900))),
	} {
		if got := kinds(hearAll(pcm, rate)); slices.Contains(got, tones.Sound) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestRecordings: in half an hour of recorded speech and half an hour of music there is one beep, and it is found; with a sound of another
// kind that is a tone.
func TestRecordings(t *testing.T) {
	t.Parallel()
	paths := map[string]int{"/usr/share/asterisk/sounds/en_US_f_Allison/*.wav": 2, "/usr/share/asterisk/sounds/en_US_f_Allison/*/*.wav": 0,
		"/usr/share/asterisk/moh/*.wav": 0, "/usr/share/pocketsphinx/test/data/*/*.wav": 0}
	for pattern, want := range paths {
		t.Run(filepath.Base(filepath.Dir(pattern)), func(t *testing.T) {
			t.Parallel()
			files, _ := filepath.Glob(pattern)
			if len(files) == 0 {
				t.Fatalf(`no recordings in %s: run "make setup-test"`, pattern)
			}
			var found []string
			for _, path := range files {
				s, err := wav.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				pcm := append(s.Channel(0), make([]int16, s.Rate/2)...)
				for range hear(pcm, s.Rate) {
					found = append(found, filepath.Base(path))
				}
			}
			if len(found) != want || want > 0 && !slices.Contains(found, "beep.wav") {
				t.Errorf("%d tones in %v, want %d", len(found), found, want)
			}
		})
	}
}

func TestNoAllocations(t *testing.T) {
	var d tones.Detector
	pcm := line{rate: rate}.sound(times(3, on(200, 1000), off(200), on(300, 480, 620), off(100)))
	at := time.Duration(0)
	if n := testing.AllocsPerRun(200, func() {
		i := int(at/media.FrameTime) * 160 % len(pcm)
		d.Hear(media.Frame{PCM: pcm[i : i+160], Rate: rate, At: at})
		at += media.FrameTime
	}); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func BenchmarkHear(b *testing.B) {
	var d tones.Detector
	pcm := line{rate: rate, noise: -40}.sound(times(3, on(200, 1000), off(200), on(300, 480, 620), off(100)))
	b.ReportAllocs()
	at := time.Duration(0)
	for b.Loop() {
		i := int(at/media.FrameTime) * 160 % len(pcm)
		d.Hear(media.Frame{PCM: pcm[i : i+160], Rate: rate, At: at})
		at += media.FrameTime
	}
}

// FuzzHear: whatever is heard, what is told of it lies in the past, in order, and the detector goes on.
func FuzzHear(f *testing.F) {
	f.Add([]byte{0, 255, 0, 255}, uint8(0), 160)
	f.Add([]byte("a tone"), uint8(3), 7)
	f.Add([]byte{}, uint8(1), 0)
	f.Fuzz(func(t *testing.T, sound []byte, which uint8, size int) {
		var d tones.Detector
		rate := []int{8000, 16000, 24000, 48000}[which%4]
		size = min(max(size, 0), rate/50)
		at, last := time.Duration(0), time.Duration(0)
		for range 60 {
			pcm := make([]int16, size)
			for i := range pcm {
				if len(sound) > 0 {
					pcm[i] = int16(sound[i%len(sound)])<<8 - 1
				}
			}
			tone, ok := d.Hear(media.Frame{PCM: pcm, Rate: rate, At: at})
			at += media.FrameTime
			if ok && (tone.From < 0 || tone.To < tone.From || tone.To > at || tone.From < last || tone.Kind == 0 || tone.Kind.String() == "") {
				t.Fatalf("at %v: %+v", at, tone)
			}
			if ok && tone.Kind != tones.Called && tone.Kind != tones.Endless {
				last = tone.From
			}
		}
	})
}
