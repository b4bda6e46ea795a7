package jitter_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"parley/bench/network"
	"parley/media/g711"
	"parley/media/jitter"
)

// TestOutage: after two seconds without a packet, what comes is heard at once, to the sample, and between there is no noise but the line's.
func TestOutage(t *testing.T) {
	t.Parallel()
	pcm := speech(t, 8000)
	packets := say(pcm, telephone, 20*ms, 0, 0)
	for name, path := range map[string]network.Path{
		"lost": {Outage: [2]time.Duration{3 * time.Second, 5 * time.Second}},
	} {
		b := buffer(t, 8000, telephone)
		heard, kinds := listen(b, 8000, carry(path, packets), 0)
		start := from(heard)
		if at := same(heard[start+5*8000+80:start+8*8000], pcm[5*8000+80:8*8000]); at >= 0 {
			t.Errorf("%s: heard is not what was said %d samples after the outage: %+v", name, at, b.Stats())
		}
		if level := quietest(heard[start+3*8000+800 : start+5*8000-400]); level > 50 {
			t.Errorf("%s: in the outage there is sound of level %.0f", name, level)
		}
		if n := count(kinds[:len(kinds)-30], jitter.Concealed); n < 3 || n > 6 {
			t.Errorf("%s: %d frames are made up, want 60 ms and then noise", name, n)
		}
	}
}

// TestHeldUp: what was held up for 300 ms and then comes at once is heard whole; the delay is given back in the next silence. Of two seconds,
// what is over the most is left out.
func TestHeldUp(t *testing.T) {
	t.Parallel()
	pcm := speech(t, 8000)
	for _, length := range []time.Duration{300 * ms, 1200 * ms, 2 * time.Second} {
		packets := say(pcm, telephone, 20*ms, 0, 0)
		for i := range packets {
			if at := packets[i].Arrived; at > 2*time.Second && at < 2*time.Second+length {
				packets[i].Arrived = 2*time.Second + length
			}
		}
		b := buffer(t, 8000, telephone)
		heard, _ := listen(b, 8000, packets, 0)
		s := b.Stats()
		if length == 300*ms {
			if at := find(heard, pcm[16240:16320]); at < 0 {
				t.Errorf("what was held up for %v is not heard: %+v", length, s)
			}
			if s.Lost+s.Late > 0 || s.Skipped > 2400 {
				t.Errorf("held up for %v: %+v", length, s)
			}
		}
		if s.Delay > 150*ms {
			t.Errorf("held up for %v: at the end the delay is still %v: %+v", length, s.Delay, s)
		}
	}
}

// find is where sound is heard as it was said, or -1.
func find(heard, said []int16) int {
	for at := range len(heard) - len(said) + 1 {
		if heard[at] == said[0] && same(heard[at:], said) < 0 {
			return at
		}
	}
	return -1
}

// TestAnew: another source, other numbers, other times, another coding: the stream goes on, and little of it is lost.
func TestAnew(t *testing.T) {
	t.Parallel()
	pcm := speech(t, 8000)
	const cut = 150 // packets
	for name, tc := range map[string]struct {
		change func(*jitter.Packet)
		pause  time.Duration
	}{
		"source":              {change: func(p *jitter.Packet) { p.Source, p.Seq, p.Time = 7, p.Seq+30000, p.Time+12345 }},
		"source, after 3 s":   {change: func(p *jitter.Packet) { p.Source, p.Seq, p.Time = 7, p.Seq+30000, p.Time+12345 }, pause: 3 * time.Second},
		"numbers and times":   {change: func(p *jitter.Packet) { p.Seq, p.Time = p.Seq+20000, p.Time+1<<31 }},
		"numbers a bit back":  {change: func(p *jitter.Packet) { p.Seq, p.Time = p.Seq-50, p.Time+1<<30 }},
		"times forward":       {change: func(p *jitter.Packet) { p.Time += 1 << 30 }},
		"times back":          {change: func(p *jitter.Packet) { p.Time -= 1 << 30 }},
		"times half a second": {change: func(p *jitter.Packet) { p.Time += 4000 }},
		"times stand still":   {change: func(*jitter.Packet) {}, pause: 4 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			packets := say(pcm, telephone, 20*ms, 0, 0)
			for i := cut; i < len(packets); i++ {
				tc.change(&packets[i])
				packets[i].Arrived += tc.pause
			}
			b := buffer(t, 8000, telephone)
			heard, _ := listen(b, 8000, packets, 0)
			want := pcm[(cut+4)*160 : (cut+14)*160] // once it goes on
			at := find(heard, want)
			if at < 0 {
				t.Fatalf("what came after is not heard: %+v", b.Stats())
			}
			if after := at/160 - (cut + 4) - int(tc.pause/(20*ms)); after < 1 || after > 30 {
				t.Errorf("it is heard %d ms late", after*20)
			}
			if s := b.Stats(); s.Delay > 100*ms || s.Late > 0 || s.Lost > 2 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// TestCodings: the far end may go from one coding to another, and other clocks and rates, in the middle of a word.
func TestCodings(t *testing.T) {
	t.Parallel()
	wide := linear{48000, 16000}
	b := buffer(t, 8000, telephone, wide)
	pcm := speech(t, 8000)
	packets := say(pcm, telephone, 20*ms, 0, 0)[:100]
	for i, p := range say(speech(t, 16000), wide, 20*ms, 100, 9600000)[100:200] {
		p.Seq, p.Coding = uint16(100+i), 1
		packets = append(packets, p)
	}
	for i, p := range say(pcm, telephone, 30*ms, 0, 0)[134:200] {
		p.Seq = uint16(200 + i)
		packets = append(packets, p)
	}
	heard, kinds := listen(b, 8000, packets, 0)
	start := from(heard)
	if n := count(kinds[:len(kinds)-30], jitter.Concealed); n > 2 {
		t.Errorf("%d frames are made up: %+v", n, b.Stats())
	}
	if at := same(heard[start:], pcm[:100*160]); at >= 0 {
		t.Errorf("the first coding differs after %d samples", at)
	}
	if a, b := quietest(heard[start+100*160:start+200*160]), quietest(pcm[100*160:200*160]); a < b*0.9 || a > b*1.1 {
		t.Errorf("the second coding is heard at level %.0f, want %.0f", a, b)
	}
	if s := b.Stats(); s.Lost+s.Late > 0 || s.Delay > 100*ms {
		t.Errorf("%+v", s)
	}
}

// TestComfortNoise: a payload of RFC 3389 is heard at its level and in its colour until speech comes, which is heard to the sample.
func TestComfortNoise(t *testing.T) {
	t.Parallel()
	pcm := speech(t, 8000)
	packets := say(pcm, telephone, 20*ms, 0, 0)
	noise := packets[100]
	noise.Coding, noise.Payload = jitter.Noise, []byte{40, 127 - 100, 127 + 50} // -40 dBov, mostly low
	came := append(append([]jitter.Packet{}, packets[:100]...), noise)
	for i, p := range packets[150:] {
		p.Seq, p.Marker = uint16(101+i), i == 0
		came = append(came, p)
	}
	b := buffer(t, 8000, telephone)
	heard, kinds := listen(b, 8000, came, 0)
	start := from(heard)
	hum := heard[start+102*160 : start+149*160]
	if level := 20 * math.Log10(quietest(hum)/32767); level < -42 || level > -38 {
		t.Errorf("noise of -40 dB is heard at %.1f dB", level)
	}
	var one, all float64
	for i := 1; i < len(hum); i++ {
		one, all = one+float64(hum[i])*float64(hum[i-1]), all+float64(hum[i])*float64(hum[i])
	}
	k1 := -100. * 258 / 32768
	if got := one / all; math.Abs(got+k1) > 0.1 {
		t.Errorf("from one sample to the next it is alike by %.2f, want %.2f", got, -k1)
	}
	if at := same(heard[start+150*160+80:], pcm[150*160+80:200*160]); at >= 0 {
		t.Errorf("speech after it differs after %d samples", at)
	}
	if n := count(kinds, jitter.Comfort); n < 45 {
		t.Errorf("%d frames are comfort noise", n)
	}
	if s := b.Stats(); s.Lost+s.Late > 0 {
		t.Errorf("%+v", s)
	}
}

// TestKeys: packets that are no sound are not thought lost.
func TestKeys(t *testing.T) {
	t.Parallel()
	packets := say(speech(t, 8000), telephone, 20*ms, 0, 0)
	for i := 100; i < 110; i++ {
		packets[i].Coding, packets[i].Time, packets[i].Payload = jitter.Other, packets[100].Time, nil
	}
	packets[200].Coding = 99 // which is none of ours
	b := buffer(t, 8000, telephone)
	_, kinds := listen(b, 8000, packets, 0)
	s := b.Stats()
	if n := count(kinds[:len(kinds)-30], jitter.Concealed); s.Lost+s.Late > 0 || s.Stretched+s.Skipped > 0 || n > 2 {
		t.Errorf("%d frames made up: %+v", n, s)
	}
}

// TestNonsense: payloads that no decoder takes are as lost.
func TestNonsense(t *testing.T) {
	t.Parallel()
	packets := say(speech(t, 8000), telephone, 20*ms, 0, 0)
	for i := 50; i < len(packets); i += 50 {
		packets[i].Payload = nil
	}
	b := buffer(t, 8000, telephone)
	listen(b, 8000, packets, 0)
	if s, want := b.Stats(), uint64((len(packets)-1)/50); s.Lost != want || s.Concealed < 160*want {
		t.Errorf("%d are nonsense: %+v", want, s)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]jitter.Options{
		"rate":    {Rate: 11025},
		"min":     {Rate: 8000, Min: -1},
		"max":     {Rate: 8000, Min: 100 * ms, Max: 50 * ms},
		"fixed":   {Rate: 8000, Fixed: 2 * time.Second},
		"decoder": {Rate: 8000, Decoders: []jitter.Decoder{linear{44100, 8000}}},
	} {
		if _, err := jitter.New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// TestFramesAllocateNothing: neither in good times nor in bad ones.
func TestFramesAllocateNothing(t *testing.T) {
	pcm := speech(t, 8000)
	codes := make([]byte, len(pcm))
	g711.Ulaw.Encode(codes, pcm)
	random := rand.New(rand.NewPCG(1, 2))
	for _, rate := range []int{8000, 16000} {
		b := buffer(t, rate, companded{g711.Ulaw})
		frame, now, i := make([]int16, rate/50), time.Duration(0), 100
		put := func(i int, late time.Duration) {
			at := i * 160 % (len(codes) - 160)
			b.Put(jitter.Packet{Seq: uint16(i), Time: uint32(i * 160), Arrived: now + late, Payload: codes[at : at+160]})
		}
		beat := func() {
			i, now = i+1, now+20*ms
			switch random.IntN(10) {
			case 0: // lost
			case 1: // twice, and one that was long ago
				put(i, 0)
				put(i, ms)
				put(i-20, ms)
			case 2:
				put(i-3, 10*ms)
			default:
				put(i, 0)
			}
			b.Next(frame, now)
		}
		for range 2000 {
			beat()
		}
		if n := testing.AllocsPerRun(2000, beat); n != 0 {
			t.Errorf("at %d Hz: %v allocations a frame, want 0", rate, n)
		}
		if s := b.Stats(); s.Concealed == 0 || s.Lost == 0 || s.Duplicates == 0 {
			t.Errorf("%+v", s)
		}
	}
}

// FuzzBuffer: whatever comes, there are 20 ms each time, and what waits is bounded. Each packet is four bytes: what it is, how its number and its time go on,
// and how many beats are between.
func FuzzBuffer(f *testing.F) {
	f.Add([]byte{0, 1, 1, 1, 0, 1, 1, 1, 0, 2, 2, 1, 1, 1, 1, 1, 2, 1, 3, 9})
	f.Add([]byte{0, 1, 1, 0, 3, 200, 1, 0, 4, 1, 200, 0, 5, 1, 1, 3, 6, 1, 1, 1})
	f.Add([]byte(strings.Repeat("\x00\x01\x01\x00", 300)))
	f.Add([]byte(strings.Repeat("\x07\x01\x01\x01\x00\xff\xff\x01", 60)))
	f.Fuzz(func(t *testing.T, script []byte) {
		for _, fixed := range []time.Duration{0, 60 * ms} {
			b, err := jitter.New(jitter.Options{Rate: 16000, Fixed: fixed, Decoders: []jitter.Decoder{companded{g711.Ulaw}, linear{48000, 16000}, linear{8000, 48000}}})
			if err != nil {
				t.Fatal(err)
			}
			payload := make([]byte, 3000)
			for i := range payload {
				payload[i] = byte(i * i)
			}
			frame, now := make([]int16, 321), time.Duration(0)
			var seq uint16
			var at, source uint32
			for rest := script; len(rest) >= 4; rest = rest[4:] {
				what, step, time, beats := rest[0], rest[1], rest[2], rest[3]
				seq += uint16(int8(step)) * (1 + uint16(what>>6)*997)
				at += uint32(int8(time)) * 80 * (1 + uint32(what>>5&1)*100003)
				if what&31 == 31 {
					source++
				}
				b.Put(jitter.Packet{
					Seq: seq, Time: at, Source: source, Marker: what&8 != 0, Arrived: now - 3*ms, Coding: int(what&7) - 2,
					Payload: payload[:int(step)*int(what)%len(payload)],
				})
				for range beats % 16 {
					now += 20 * ms
					frame[320] = 12345
					b.Next(frame, now)
					if frame[320] != 12345 {
						t.Fatal("more than 20 ms were written")
					}
				}
			}
			if s := b.Stats(); s.Concealed > 1<<40 || s.Lost > 1<<40 || s.Skipped > 1<<40 {
				t.Fatalf("%+v", s)
			}
		}
	})
}

// Frames of 20 ms of G.711, a packet each: go test -bench . ./media/jitter
func BenchmarkFrame(b *testing.B) {
	pcm := speech(b, 8000)
	codes := make([]byte, len(pcm))
	g711.Ulaw.Encode(codes, pcm)
	for name, path := range map[string]network.Path{
		"good": {Jitter: 3 * ms}, "loss 5%": {Loss: 0.05}, "jitter 100 ms": {Jitter: 100 * ms},
	} {
		b.Run(name, func(b *testing.B) {
			sent := make([]time.Duration, b.N)
			for i := range sent {
				sent[i] = time.Duration(i+1) * 20 * ms
			}
			arrivals := path.Carry(sent)
			buffer := buffer(b, 8000, companded{g711.Ulaw})
			frame, now := make([]int16, 160), time.Duration(0)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				now += 20 * ms
				for len(arrivals) > 0 && arrivals[0].At <= now {
					i := arrivals[0].Index
					at := i * 160 % (len(codes) - 160)
					buffer.Put(jitter.Packet{Seq: uint16(i), Time: uint32(i * 160), Arrived: arrivals[0].At, Payload: codes[at : at+160]})
					arrivals = arrivals[1:]
				}
				buffer.Next(frame, now)
			}
		})
	}
}
