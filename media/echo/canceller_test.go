//go:build cgo

package echo_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/media"
	"parley/media/echo"
	"parley/media/g711"
	"parley/media/resample"
	"parley/media/wav"
)

// prompts are what the agent says: 30 s of recorded speech.
var prompts = []string{
	"demo-congrats", "vm-opts", "demo-moreinfo", "agent-pass", "conf-getpin", "cannot-complete-as-dialed", "all-circuits-busy-now",
}

// speech is the prompts at a rate, with half a second of silence after each.
func speech(t testing.TB, rate int) (pcm []int16) {
	t.Helper()
	for _, name := range prompts {
		pcm = append(pcm, recording(t, name, rate)...)
		pcm = append(pcm, make([]int16, rate/2)...)
	}
	return pcm[:len(pcm)/(rate/50)*(rate/50)]
}

// recording reads one of Debian's prompts.
func recording(t testing.TB, name string, rate int) []int16 {
	t.Helper()
	s, err := wav.ReadFile(filepath.Join("/usr/share/asterisk/sounds/en_US_f_Allison", name+".wav"))
	if err != nil {
		t.Fatalf("recorded speech is missing (%v): run make setup", err)
	}
	if rate == s.Rate {
		return s.PCM
	}
	r, err := resample.New(s.Rate, rate)
	if err != nil {
		t.Fatal(err)
	}
	return r.Flush(r.Append(nil, s.PCM))
}

// A room is how a loudspeaker's sound comes back: after delay, through 30 ms of decaying reflections, so many dB quieter.
type room struct {
	delay time.Duration
	level float64
}

// echo is what comes back of pcm.
func (r room) echo(pcm []int16, rate int) []float64 {
	random := rand.New(rand.NewPCG(1, 2))
	taps := make([]float64, rate*30/1000)
	power := 0.0
	for i := range taps {
		taps[i] = random.NormFloat64() * math.Exp(-6*float64(i)/float64(len(taps)))
		power += taps[i] * taps[i]
	}
	gain := math.Pow(10, r.level/20) / math.Sqrt(power)
	out := make([]float64, len(pcm))
	late := int(r.delay.Seconds() * float64(rate))
	for i, v := range pcm {
		for k, tap := range taps {
			if at := i + k + late; at < len(out) {
				out[at] += gain * tap * float64(v)
			}
		}
	}
	return out
}

// telephone adds the voices on a line, and noise at -60 dBFS, and passes them through mu-law.
func telephone(voices ...[]float64) []int16 {
	random := rand.New(rand.NewPCG(3, 4))
	pcm := make([]int16, len(voices[0]))
	for i := range pcm {
		sum := 30 * random.NormFloat64()
		for _, v := range voices {
			sum += v[i]
		}
		pcm[i] = int16(math.Round(min(max(sum, -32768), 32767)))
	}
	wire := make([]byte, len(pcm))
	g711.Ulaw.Encode(wire, pcm)
	g711.Ulaw.Decode(pcm, wire)
	return pcm
}

// cancelled is near without the echo of far, frame by frame.
func cancelled(t testing.TB, rate int, tail time.Duration, far, near []int16) []int16 {
	t.Helper()
	c, err := echo.New(rate, tail)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	out := slices.Clone(near)
	for at := 0; at+rate/50 <= len(out); at += rate / 50 {
		c.Far(media.Samples(at, rate), far[at:at+rate/50])
		c.Near(media.Frame{PCM: out[at : at+rate/50], Rate: rate, At: media.Samples(at, rate)})
	}
	return out
}

// level is the mean power of pcm in dB over that of full scale.
func level(pcm []int16) float64 {
	sum := 0.0
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	return 10 * math.Log10(sum/float64(len(pcm))/(32768*32768)+1e-12)
}

// The echo of recorded speech is gone after a few seconds, wherever in the tail it lies; beyond it, once it was found.
func TestCancellerTakesTheEchoOut(t *testing.T) {
	t.Parallel()
	for rate, delays := range map[int][]time.Duration{
		8000:  {0, 60 * time.Millisecond, 160 * time.Millisecond, 400 * time.Millisecond},
		16000: {60 * time.Millisecond},
	} {
		for _, delay := range delays {
			t.Run(fmt.Sprintf("%d Hz, %v", rate, delay), func(t *testing.T) {
				t.Parallel()
				far := speech(t, rate)[:16*rate]
				near := telephone(room{delay, -20}.echo(far, rate))
				got := cancelled(t, rate, 0, far, near)
				from := 10 * rate
				less := level(near[from:]) - level(got[from:])
				t.Logf("echo at %.0f dBFS, %.0f dB less", level(near[from:]), less)
				if less < 15 {
					t.Errorf("the echo is %.1f dB less, want 15", less)
				}
			})
		}
	}
}

// The caller alone is not touched: not a sample before the agent has spoken, and not a sample long after.
func TestCancellerLeavesTheCallerAlone(t *testing.T) {
	t.Parallel()
	const rate, frame = 8000, 160
	caller := recording(t, "demo-congrats", rate)
	caller = caller[:len(caller)/frame*frame]
	c, err := echo.New(rate, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	at := time.Duration(0)
	pass := func(far []int16) []int16 {
		out := slices.Clone(caller)
		for i := 0; i < len(out); i += frame {
			if far != nil && i < len(far) {
				c.Far(at, far[i:i+frame])
			}
			c.Near(media.Frame{PCM: out[i : i+frame], Rate: rate, At: at})
			at += media.FrameTime
		}
		return out
	}
	if !slices.Equal(pass(nil), caller) {
		t.Error("the caller is changed although nothing was sent")
	}
	if !slices.Equal(pass(make([]int16, len(caller))), caller) {
		t.Error("the caller is changed although silence was sent")
	}
	pass(speech(t, rate)[:rate]) // the agent speaks for a second
	pass(nil)
	if !slices.Equal(pass(nil), caller) {
		t.Error("the caller is changed long after the agent has spoken")
	}
}

// The agent's first sentence does not come back, although the filter has learnt nothing yet, nor the next ones, when the filter's
// window is moved to where the echo is.
func TestCancellerIsShut(t *testing.T) {
	t.Parallel()
	const rate = 8000
	for _, delay := range []time.Duration{0, 60 * time.Millisecond, 160 * time.Millisecond, 196 * time.Millisecond, 400 * time.Millisecond} {
		for _, db := range []float64{-10, -20, -30} {
			far := speech(t, rate)[:8*rate]
			near := telephone(room{delay, db}.echo(far, rate))
			if got := level(cancelled(t, rate, 0, far, near)); got > -65 {
				t.Errorf("%.0f dB, %v: %.0f dBFS of %.0f come back, want -65", db, delay, got, level(near))
			}
		}
	}
}

// A caller who speaks while the agent does is heard: from the first syllable on, once the agent has spoken for two seconds; before that as far
// as the caller is louder than an echo may be.
func TestCancellerLetsTheCallerThrough(t *testing.T) {
	t.Parallel()
	const rate, from = 8000, 2 * 8000
	for _, tt := range []struct {
		name  string
		room  room
		level float64 // of the caller, dB against the recording's -20 dBFS or so
		from  int
		want  int // percent of the frames
	}{
		{"clean line", room{60 * time.Millisecond, -90}, 0, from, 95},
		{"clean line, quiet caller", room{60 * time.Millisecond, -90}, -15, from, 95},
		{"clean line, at once", room{60 * time.Millisecond, -90}, 0, 0, 60},
		{"echo at -30 dB", room{60 * time.Millisecond, -30}, 0, from, 95},
		{"echo at -20 dB, late", room{160 * time.Millisecond, -20}, 0, from, 95},
		{"echo at -10 dB", room{60 * time.Millisecond, -10}, 0, from, 95},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			far := speech(t, rate)[:6*rate]
			caller := make([]float64, len(far))
			for i, v := range recording(t, "vm-num-i-have", rate) {
				caller[tt.from+i] = float64(v) * math.Pow(10, tt.level/20)
			}
			got := cancelled(t, rate, 0, far, telephone(tt.room.echo(far, rate), caller))
			kept, of, loss := 0, 0, 0.
			alone := make([]int16, 160)
			for at := tt.from; at+160 <= len(got); at += 160 {
				for i := range alone {
					alone[i] = int16(caller[at+i])
				}
				if level(alone) < -35+tt.level {
					continue
				}
				of++
				less := level(alone) - level(got[at:at+160])
				if loss += less; less < 6 {
					kept++
				}
			}
			t.Logf("%d of %d frames kept, %.1f dB lost", kept, of, loss/float64(of))
			if kept*100 < of*tt.want {
				t.Errorf("%d of %d frames of the caller are kept, want %d %%", kept, of, tt.want)
			}
		})
	}
}

// What was cut does not sound, and is not taken out of what comes.
func TestCancellerForgetsWhatWasCut(t *testing.T) {
	t.Parallel()
	const rate, frame = 8000, 160
	far := speech(t, rate)
	c, err := echo.New(rate, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	caller := recording(t, "demo-congrats", rate)
	c.Far(0, far[:2*rate]) // sent ahead
	c.Cut(0)
	for i := 0; i+frame <= 2*rate; i += frame {
		out := slices.Clone(caller[i : i+frame])
		c.Near(media.Frame{PCM: out, Rate: rate, At: media.Samples(i, rate)})
		if !slices.Equal(out, caller[i:i+frame]) {
			t.Fatalf("the caller is changed at %v", media.Samples(i, rate))
		}
	}
}

func TestCancellerNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rate int
		tail time.Duration
		want string
	}{
		{48000, 0, "48000 samples"}, {0, 0, "0 samples"}, {8000, time.Millisecond, "tail of 1ms"}, {8000, time.Second, "tail of 1s"},
	} {
		if c, err := echo.New(tt.rate, tt.tail); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("New(%d, %v): %v, %v", tt.rate, tt.tail, c, err)
		}
	}
}

// After Close, and with frames that are none, nothing happens.
func TestCancellerClosed(t *testing.T) {
	t.Parallel()
	c, err := echo.New(8000, 0)
	if err != nil {
		t.Fatal(err)
	}
	pcm := speech(t, 8000)[:160]
	for range 2 {
		for _, f := range []media.Frame{{PCM: slices.Clone(pcm), Rate: 8000}, {PCM: slices.Clone(pcm), Rate: 16000}, {PCM: slices.Clone(pcm[:80]), Rate: 8000}, {}} {
			c.Far(0, f.PCM)
			c.Near(f)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	out := slices.Clone(pcm)
	c.Near(media.Frame{PCM: out, Rate: 8000, At: time.Second})
	if !slices.Equal(out, pcm) {
		t.Error("a closed canceller changes the caller")
	}
}

func TestCancellerAllocatesNothing(t *testing.T) {
	for _, rate := range []int{8000, 16000} {
		far := speech(t, rate)[:12*rate]
		near := telephone(room{60 * time.Millisecond, -20}.echo(far, rate))
		c, err := echo.New(rate, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		at, frame := 0, rate/50
		step := func() {
			c.Far(media.Samples(at, rate), far[at:at+frame])
			c.Near(media.Frame{PCM: near[at : at+frame], Rate: rate, At: media.Samples(at, rate)})
			at += frame
		}
		for range 10 {
			step()
		}
		if n := testing.AllocsPerRun(500, step); n != 0 {
			t.Errorf("%d Hz: %v allocations a frame", rate, n)
		}
	}
}

// BenchmarkNear is a frame of 20 ms.
func BenchmarkNear(b *testing.B) {
	for _, bb := range []struct {
		rate  int
		tail  time.Duration
		quiet bool
	}{
		{8000, 128 * time.Millisecond, false},
		{8000, 200 * time.Millisecond, false},
		{8000, 500 * time.Millisecond, false},
		{8000, 500 * time.Millisecond, true},
		{16000, 200 * time.Millisecond, false},
		{16000, 500 * time.Millisecond, false},
	} {
		name := fmt.Sprintf("%d/%v", bb.rate, bb.tail)
		if bb.quiet {
			name += "/agent is silent"
		}
		b.Run(name, func(b *testing.B) {
			far := speech(b, bb.rate)
			near := telephone(room{60 * time.Millisecond, -20}.echo(far, bb.rate))
			c, err := echo.New(bb.rate, bb.tail)
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			frame, n := bb.rate/50, 0
			pcm := make([]int16, frame)
			b.ReportAllocs()
			for b.Loop() {
				at := n * frame % (len(far) - frame)
				if !bb.quiet || n < 10 {
					c.Far(media.Samples(n*frame, bb.rate), far[at:at+frame])
				}
				copy(pcm, near[at:])
				c.Near(media.Frame{PCM: pcm, Rate: bb.rate, At: media.Samples(n*frame, bb.rate)})
				n++
			}
		})
	}
}
