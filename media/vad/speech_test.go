package vad_test

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"parley/media"
	"parley/media/vad"
	"parley/media/wav"
)

// A call is recorded human speech at 8 kHz: utterances with pauses before, between and after them.
type call struct {
	pcm        []int16
	utterances []stretch
}

// A stretch of media time, from the first to the last frame over -45 dBFS of the clean recording.
type stretch struct{ from, to time.Duration }

// prompts are sentences of 1 to 7 s.
var prompts = []string{
	"agent-pass", "agent-alreadyon", "agent-newlocation", "all-circuits-busy-now", "conf-invalid", "conf-getpin",
	"check-number-dial-again", "cannot-complete-as-dialed", "added", "agent-incorrect", "agent-user", "activated",
}

const (
	speechLevel = -24       // dBFS
	pause       = 1500 / 20 // frames
	frame       = 8000 / 50 // samples
	clean       = 1000.     // dB of signal to noise
)

// newCall makes a call with pink noise snr dB below the speech throughout.
func newCall(t testing.TB, snr float64) call {
	t.Helper()
	var c call
	c.pcm = make([]int16, pause*frame)
	for _, name := range prompts {
		s, err := wav.ReadFile(filepath.Join("/usr/share/asterisk/sounds/en_US_f_Allison", name+".wav"))
		if err != nil {
			t.Fatalf("recorded speech is missing (%v): run make setup", err)
		}
		gain := math.Pow(10, (speechLevel-vad.Level(s.PCM))/20)
		for i, v := range s.PCM {
			s.PCM[i] = saturate(gain * float64(v))
		}
		start := len(c.pcm)
		c.pcm = append(c.pcm, s.PCM[:len(s.PCM)/frame*frame]...)
		var u stretch
		for at := start; at < len(c.pcm); at += frame {
			if vad.Level(c.pcm[at:at+frame]) > -45 {
				u.to = media.Samples(at+frame, 8000)
				if u.from == 0 {
					u.from = media.Samples(at, 8000)
				}
			}
		}
		c.utterances = append(c.utterances, u)
		c.pcm = append(c.pcm, make([]int16, pause*frame)...)
	}
	noise := pink(len(c.pcm), math.Pow(10, (speechLevel-snr)/20)*32768)
	for i := range c.pcm {
		c.pcm[i] = saturate(float64(c.pcm[i]) + noise[i])
	}
	return c
}

func saturate(v float64) int16 {
	return int16(math.Round(max(math.MinInt16, min(math.MaxInt16, v))))
}

// pink is noise of the given rms, as loud in every octave: a sum of sources that are renewed ever more rarely (Voss).
func pink(n int, rms float64) []float64 {
	random := rand.New(rand.NewPCG(1, 2))
	var sources [12]float64
	noise := make([]float64, n)
	var power float64
	for i := range noise {
		for k := range sources {
			if i%(1<<k) == 0 {
				sources[k] = random.NormFloat64()
			}
			noise[i] += sources[k]
		}
		power += noise[i] * noise[i]
	}
	scale := rms / math.Sqrt(power/float64(n))
	for i := range noise {
		noise[i] *= scale
	}
	return noise
}

// A verdict on a detector, from one call.
type verdict struct {
	missed int             // utterances without a Began
	alarms int             // beginnings where nobody spoke
	onset  []time.Duration // from the start of each utterance that was found to the decision; sorted
	ending time.Duration   // how far the last Ended of an utterance was from its end, at worst
}

func judge(c call, d vad.Detector) verdict {
	turns := vad.Turns{Open: 3, EndAfter: 500 * ms}
	began := make([]time.Duration, len(c.utterances)) // when it was decided
	ended := make([]time.Duration, len(c.utterances))
	var v verdict
	for at := 0; at < len(c.pcm); at += frame {
		f := media.Frame{PCM: c.pcm[at : at+frame], Rate: 8000, At: media.Samples(at, 8000)}
		e, ok := turns.Next(vad.Likely(d.Hear(f)), f.At, f.At+f.Duration())
		if !ok {
			continue
		}
		i := slices.IndexFunc(c.utterances, func(u stretch) bool { return e.At > u.from-100*ms && e.At < u.to+200*ms })
		switch {
		case i < 0 && e.Kind == vad.Began:
			v.alarms++
		case i >= 0 && e.Kind == vad.Began && began[i] == 0:
			began[i] = f.At + f.Duration()
		case i >= 0 && e.Kind == vad.Ended:
			ended[i] = e.At
		}
	}
	for i, u := range c.utterances {
		if began[i] == 0 {
			v.missed++
			continue
		}
		v.onset = append(v.onset, began[i]-u.from)
		v.ending = max(v.ending, (ended[i] - u.to).Abs())
	}
	slices.Sort(v.onset)
	return v
}

// A bar is what a detector must reach, at least.
type bar struct {
	snr              float64
	missed, alarms   int
	p50, p90, ending time.Duration
}

// listen has a new detector hear a call in each of the bars' noises.
func listen(t *testing.T, detector func() vad.Detector, bars []bar) {
	for _, b := range bars {
		v := judge(newCall(t, b.snr), detector())
		if len(v.onset) == 0 {
			t.Fatalf("%.0f dB: no utterance was found", b.snr)
		}
		p50, p90 := v.onset[len(v.onset)/2], v.onset[len(v.onset)*9/10]
		t.Logf("%.0f dB: missed %d of %d, %d false starts, onset p50 %v p90 %v, ending %v off", b.snr, v.missed, len(prompts), v.alarms, p50, p90, v.ending)
		if v.missed > b.missed || v.alarms > b.alarms || p50 > b.p50 || p90 > b.p90 || v.ending > b.ending {
			t.Errorf("%.0f dB: want at most %d missed, %d false starts, onset p50 %v p90 %v, ending %v off", b.snr, b.missed, b.alarms, b.p50, b.p90, b.ending)
		}
	}
}
