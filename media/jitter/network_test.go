package jitter_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"parley/bench/likeness"
	"parley/bench/network"
	"parley/media/g711"
	"parley/media/jitter"
)

// companded is G.711.
type companded struct{ g711.Law }

func (companded) Clock() int { return 8000 }
func (companded) Rate() int  { return 8000 }

func (c companded) Decode(pcm []int16, payload []byte) (int, error) {
	return c.Law.Decode(pcm, payload), nil
}

func (companded) Recover([]int16, []byte) (int, bool) { return 0, false }
func (companded) Conceal([]int16) (int, bool)         { return 0, false }

// telephone is the coding of most tests.
var telephone = linear{8000, 8000}

// count is how many are of a kind.
func count(kinds []jitter.Kind, kind jitter.Kind) (n int) {
	for _, k := range kinds {
		if k == kind {
			n++
		}
	}
	return n
}

// TestReordered: packets that are overtaken within the delay are heard in their place.
func TestReordered(t *testing.T) {
	t.Parallel()
	pcm := speech(t, 8000)
	packets := say(pcm, telephone, 20*ms, 65500, 7)
	for i := 10; i+1 < len(packets); i += 9 {
		packets[i].Arrived += 22 * ms // after the next, and 18 ms before it is due
		packets[i], packets[i+1] = packets[i+1], packets[i]
	}
	b := buffer(t, 8000, telephone)
	heard, _ := listen(b, 8000, packets, 3*ms)
	start := from(heard)
	if at := same(heard[start:], pcm[:len(packets)*160]); at >= 0 {
		t.Errorf("heard is not what was said after %d samples: %+v", at, b.Stats())
	}
	s := b.Stats()
	if s.Reordered < 50 || s.Late+s.Lost > 0 {
		t.Errorf("%+v", s)
	}
}

// TestOvertakenFirst: the first packet may be overtaken before anything is heard.
func TestOvertakenFirst(t *testing.T) {
	t.Parallel()
	pcm := speech(t, 8000)[:8000]
	packets := say(pcm, telephone, 20*ms, 0, 0)
	packets[0].Arrived, packets[0].Marker = packets[1].Arrived+ms, false
	packets[0], packets[1] = packets[1], packets[0]
	b := buffer(t, 8000, telephone)
	heard, _ := listen(b, 8000, packets, 2*ms+packets[0].Arrived)
	if at := same(heard[from(heard):], pcm); at >= 0 {
		t.Errorf("heard is not what was said after %d samples: %+v", at, b.Stats())
	}
}

// TestLost: what is lost is made up, and all else is heard at its time, to the sample but for the joints.
func TestLost(t *testing.T) {
	t.Parallel()
	pcm := speech(t, 8000)
	packets := say(pcm, telephone, 20*ms, 100, 100)
	came := slices.Clone(packets)
	gone := map[int]bool{}
	for i := len(came) - 20; i > 30; i -= 25 {
		for n := range 1 + i%3 { // one to three together
			gone[i+n] = true
		}
		came = slices.Delete(came, i, i+1+i%3)
	}
	b := buffer(t, 8000, telephone)
	heard, kinds := listen(b, 8000, came, 5*ms)
	start := from(heard)
	for i := range packets {
		if gone[i] {
			if i*160 < 24000 && !gone[i-1] && quietest(heard[start+i*160:start+i*160+80]) < quietest(pcm[i*160-160:i*160])/20 {
				t.Errorf("packet %d is silence, where speech was lost", i)
			}
			continue
		}
		skip := 0
		if gone[i-min(i, 1)] {
			skip = 80 // 10 ms of joint at most
		}
		if at := same(heard[start+i*160+skip:], pcm[i*160+skip:i*160+160]); at >= 0 {
			t.Fatalf("packet %d is not heard as it was said: %+v", i, b.Stats())
		}
	}
	if s := b.Stats(); int(s.Lost) != len(gone) || int(s.Concealed)/160 < len(gone) {
		t.Errorf("%d were lost: %+v", len(gone), s)
	}
	if n := count(kinds, jitter.Concealed); n < len(gone) {
		t.Errorf("%d of %d frames are made up", n, len(gone))
	}
}

func quietest(pcm []int16) float64 {
	var sum float64
	for _, s := range pcm {
		sum += float64(s) * float64(s)
	}
	return math.Sqrt(sum / float64(len(pcm)))
}

// TestPauses: where the far end sends nothing in silence, its sentences are heard whole, and the silences as long as they were.
func TestPauses(t *testing.T) {
	t.Parallel()
	pcm := speech(t, 8000)
	var spurts [][2]int // packets
	var came []jitter.Packet
	number := uint16(65530)
	for i, p := range say(pcm, telephone, 20*ms, 0, 0) {
		if i%100 >= 60 { // 0.8 s of each 2 s
			continue
		}
		if i%100 == 0 {
			spurts = append(spurts, [2]int{i, i})
		}
		spurts[len(spurts)-1][1] = i + 1
		p.Seq, p.Marker = number, i%100 == 0
		number++
		came = append(came, p)
	}
	b := buffer(t, 8000, telephone)
	heard, _ := listen(b, 8000, came, 11*ms)
	start := from(heard)
	for _, s := range spurts {
		from, to := s[0]*160, s[1]*160
		if at := same(heard[start+from+80:], pcm[from+80:to]); at >= 0 {
			t.Errorf("the spurt at %d ms is not heard as it was said after %d samples: %+v", s[0]*20, at, b.Stats())
		}
	}
	if s := b.Stats(); s.Lost+s.Late > 0 || s.Comfort == 0 || s.Skipped+s.Stretched > 0 {
		t.Errorf("%+v", s)
	}
}

// TestDelayFollows: the delay becomes what the network needs, and what it needs no longer is given back in silence.
func TestDelayFollows(t *testing.T) {
	t.Parallel()
	pcm := speech(t, 8000)
	for len(pcm) < 60*8000 {
		pcm = append(pcm, pcm...)
	}
	packets := say(pcm, telephone, 20*ms, 0, 0)[:3000]
	for _, worst := range []time.Duration{0, 50 * ms, 100 * ms, 200 * ms} {
		b := buffer(t, 8000, telephone)
		came := carry(network.Path{Seed: 3, Jitter: worst}, packets[:1000])
		came = append(came, packets[1000:]...)
		slices.SortStableFunc(came, func(a, b jitter.Packet) int { return int(a.Arrived - b.Arrived) })
		half := slices.IndexFunc(came, func(p jitter.Packet) bool { return p.Arrived > 20*time.Second })
		frame := make([]int16, 160)
		var during jitter.Stats
		for now := time.Duration(0); now < 60*time.Second; now += 20 * ms {
			for len(came) > 0 && came[0].Arrived <= now {
				b.Put(came[0])
				came, half = came[1:], half-1
			}
			b.Next(frame, now)
			if half >= 0 {
				during = b.Stats()
			}
		}
		if during.Delay < worst*8/10 || during.Delay > worst+60*ms {
			t.Errorf("jitter of %v: after 20 s the delay is %v, its target %v", worst, during.Delay, during.Target)
		}
		if during.Late > 40 || during.Lost > during.Late {
			t.Errorf("jitter of %v: of 1000 packets %d are late, %d lost", worst, during.Late, during.Lost)
		}
		if after := b.Stats(); after.Delay > 70*ms || after.Late-during.Late > 5 {
			t.Errorf("jitter of %v: after 40 s without it the delay is %v: %+v", worst, after.Delay, after)
		}
	}
}

// TestDrift: a clock that is fast or slow is told, and in ten minutes neither starves the buffer nor fills it.
func TestDrift(t *testing.T) {
	t.Parallel()
	pcm := speech(t, 8000)
	for len(pcm) < 600*8000 {
		pcm = append(pcm, pcm...)
	}
	pcm = pcm[:600*8000]
	packets := say(pcm, telephone, 20*ms, 0, 0)
	for _, ppm := range []float64{200, -200} {
		b := buffer(t, 8000, telephone)
		_, kinds := listen(b, 8000, carry(network.Path{Seed: 1, Drift: ppm, Jitter: 5 * ms}, packets), 0)
		s := b.Stats()
		if math.Abs(s.Drift-ppm) > 40 {
			t.Errorf("%+.0f ppm are told as %+.0f", ppm, s.Drift)
		}
		if s.Late+s.Lost > 0 || count(kinds[:len(kinds)-25], jitter.Concealed) > 0 {
			t.Errorf("%+.0f ppm: %+v", ppm, s)
		}
		if put, out := s.Stretched, s.Skipped; ppm < 0 && (put < 500 || put > 1400 || out > 100) || ppm > 0 && (out < 600 || out > 1400 || put > 100) {
			t.Errorf("%+.0f ppm over 10 minutes are 960 samples: %d were put in, %d left out", ppm, put, out)
		}
	}
}

// TestGraded: over bad networks, speech is nearer to what was said than with a fixed delay of 60 ms and silence for what is missing. bench/heard
// does the same with more speech, codecs and networks, and a published measure.
func TestGraded(t *testing.T) {
	t.Parallel()
	pcm := speech(t, 8000)[:7*8000]
	codes := make([]byte, len(pcm))
	g711.Ulaw.Encode(codes, pcm)
	var packets []jitter.Packet
	for i := 0; (i+1)*160 <= len(codes); i++ {
		packets = append(packets, jitter.Packet{Seq: uint16(i), Time: uint32(i * 160), Arrived: time.Duration(i+1) * 20 * ms, Payload: codes[i*160 : i*160+160]})
	}
	for name, tc := range map[string]struct {
		path   network.Path
		better float64 // times as near
	}{
		"loss 5 %":         {network.Path{Loss: 0.05}, 1.5},
		"loss 20 %":        {network.Path{Loss: 0.2}, 1.5},
		"loss 5 %, bursts": {network.Path{Loss: 0.05, Burst: 3}, 1.2},
		"jitter 100 ms":    {network.Path{Jitter: 100 * ms}, 1.5},
		"jitter 200 ms":    {network.Path{Jitter: 200 * ms}, 1.5},
		"all of it":        {network.Path{Loss: 0.05, Jitter: 50 * ms, Reorder: 0.1, Twice: 0.05}, 1.5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.path.Seed = 1
			var off [2]float64
			for i, fixed := range []time.Duration{0, 60 * ms} {
				b, err := jitter.New(jitter.Options{Rate: 8000, Decoders: []jitter.Decoder{companded{g711.Ulaw}}, Fixed: fixed})
				if err != nil {
					t.Fatal(err)
				}
				heard, _ := listen(b, 8000, carry(tc.path, packets), 0)
				off[i] = likeness.Distance(pcm, heard, 8000)
			}
			t.Logf("%.2f dB, fixed %.2f dB", off[0], off[1])
			if off[0]*tc.better > off[1] {
				t.Errorf("a distance of %.2f dB beside %.2f dB, want it %.1f times as near", off[0], off[1], tc.better)
			}
		})
	}
}
