package rtp

import (
	"errors"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pion/rtcp"

	"parley/media"
	"parley/media/dtmf"
	"parley/media/legtest"
	"parley/media/opus"
	"parley/media/rtp/rtptest"
)

// talk is two sessions that have agreed on mu-law, in a bubble.
func talk(t *testing.T, how rtptest.Impairment, change func(*Config)) (a *air, near, far *Session) {
	a = newAir(t)
	near, far = a.session("192.0.2.1:4000", how), a.session("192.0.2.2:4000", how)
	for _, s := range [...][2]*Session{{near, far}, {far, near}} {
		c := pcmu(s[1])
		if change != nil {
			change(&c)
		}
		configure(t, s[0], c)
	}
	return a, near, far
}

// inAir runs a test in a bubble.
func inAir(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, test)
}

func TestSoundGoesThrough(t *testing.T) {
	for name, codec := range map[string]Codec{
		"PCMU": {Name: "pcmu", PT: 0, Clock: 8000}, "PCMA": {Name: "PCMA", PT: 8}, "G722": {Name: "G722", PT: 9, Clock: 8000},
		"PCMU, 10 ms": {Name: "PCMU", Ptime: 10 * time.Millisecond}, "PCMA, 30 ms": {Name: "PCMA", PT: 8, Ptime: 30 * time.Millisecond},
		"opus": {Name: "opus", PT: 111, Clock: 48000, Fmtp: "useinbandfec=1;maxaveragebitrate=24000"}, "opus, 40 ms": {Name: "opus", PT: 96, Ptime: 40 * time.Millisecond},
		"G722, 60 ms": {Name: "G722", PT: 9, Ptime: 60 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			if err := opus.Available(); err != nil && codec.Name == "opus" {
				if _, err := codec.open(); err == nil {
					t.Error("opus is taken by a build without it")
				}
				return
			}
			inAir(t, func(t *testing.T) {
				a, near, far := talk(t, rtptest.Impairment{Delay: 30 * time.Millisecond}, func(c *Config) { c.Codec = codec })
				heard := eavesdrop(near)
				speak(t, far, legtest.Tone(far.Rate(), 700, 3*time.Second), 3*time.Second)
				time.Sleep(200 * time.Millisecond)
				near.Finish(io.EOF)
				<-heard.over
				if heard.so().loud < 143 || heard.so().loud > 160 { // what follows is made up, and fades
					t.Errorf("%d frames of 150 sound", heard.so().loud)
				}
				if q := near.Quality(); q.Lost != 0 || q.Late != 0 || q.MOS < 4.2 {
					t.Errorf("%+v", q)
				}
				if codec.Name == "opus" {
					return // its packets are of any length
				}
				ptime := max(codec.Ptime, 20*time.Millisecond*time.Duration(btoi(codec.Ptime == 0)))
				for i, f := range a.wires[far.Local()].wrote() {
					p, ok := parse(f.packet)
					if want := int(ptime / time.Millisecond * 8); !ok || p.kind != codec.PT || len(p.payload) != want || p.marker != (i == 0) {
						t.Fatalf("packet %d: %+v, want type %d and %d bytes", i, p, codec.PT, want)
					}
				}
			})
		})
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestCodecChange: the rate of frames is for life, whatever a later agreement says.
func TestCodecChange(t *testing.T) {
	inAir(t, func(t *testing.T) {
		_, near, far := talk(t, rtptest.Impairment{}, nil)
		heard := eavesdrop(near)
		for _, codec := range []Codec{{Name: "PCMU"}, {Name: "G722", PT: 9}, {Name: "PCMA", PT: 8}} {
			for _, s := range [...][2]*Session{{near, far}, {far, near}} {
				c := pcmu(s[1])
				c.Codec = codec
				configure(t, s[0], c)
			}
			if near.Rate() != 8000 || !strings.Contains(near.String(), codec.Name+"/8000") {
				t.Errorf("%v at a rate of %d", near, near.Rate())
			}
			before := heard.so().loud
			speak(t, far, legtest.Tone(8000, 700, time.Second), time.Second)
			if got := heard.so().loud - before; got < 40 {
				t.Errorf("%s: %d frames of 50 sound", codec.Name, got)
			}
		}
	})
}

// TestTypesOfTheirOwn: each end may number what it hears as it likes; it hears what is sent under its own numbers, and under those of the other
// end, which some use.
func TestTypesOfTheirOwn(t *testing.T) {
	for name, own := range map[string]bool{"as agreed": true, "as the other end numbers": false} {
		t.Run(name, func(t *testing.T) {
			inAir(t, func(t *testing.T) {
				_, near, far := talk(t, rtptest.Impairment{}, nil)
				c := pcmu(far)
				c.Codec.PT, c.Events, c.Hear, c.HearEvents = 98, 99, 96, 97
				configure(t, near, c)
				c = pcmu(near)
				if c.Codec.PT, c.Events = 98, 99; own {
					c.Codec.PT, c.Events = 96, 97
				}
				c.Hear, c.HearEvents = 98, 99
				configure(t, far, c)
				heard, too := eavesdrop(near), eavesdrop(far)
				for _, way := range [...]*Session{near, far} {
					speak(t, way, legtest.Tone(8000, 700, time.Second), time.Second)
					press(t, way, '5', 100*time.Millisecond, 200*time.Millisecond)
				}
				for _, e := range [...]*eavesdropper{heard.so(), too.so()} {
					if e.loud < 45 || string(e.digits) != "5" {
						t.Errorf("%d frames of 50 sound, and the keys are %q", e.loud, string(e.digits))
					}
				}
			})
		})
	}
}

// TestFirstNumbers: the first number leaves room, so that packets which are lost at the beginning do not hide from SRTP that numbers have begun
// anew (RFC 3711, section 3.3.1).
func TestFirstNumbers(t *testing.T) {
	t.Parallel()
	for range 100 {
		var m mouth
		if m.begin(nil); m.seq >= 1<<15 {
			t.Fatalf("the first number is %d", m.seq)
		}
	}
}

// TestLatch: one address may take the agreed one's place, once, by a packet that is as agreed, and nobody after it.
func TestLatch(t *testing.T) {
	inAir(t, func(t *testing.T) {
		a := newAir(t)
		near := a.session("192.0.2.1:4000", rtptest.Impairment{})
		agreed, behind, other := a.wire(netip.MustParseAddrPort("10.0.0.9:4000"), rtptest.Impairment{}),
			a.wire(netip.MustParseAddrPort("203.0.113.9:5555"), rtptest.Impairment{}), a.wire(netip.MustParseAddrPort("203.0.113.66:5555"), rtptest.Impairment{})
		c := Config{Remote: agreed.at, Codec: Codec{Name: "PCMU"}, Events: 101, Symmetric: true, Timeout: -1}
		configure(t, near, c)
		eavesdrop(near)
		mine := a.wires[near.Local()]
		sound := make([]byte, 160)
		seq := uint16(0)
		say := func(w *wire, p packet) {
			seq++
			p.seq, p.time, p.ssrc = seq, uint32(seq)*160, 7
			w.send(p, near)
			speak(t, near, make([]int16, 160), media.FrameTime)
		}
		heardFrom := func(step string, want *wire) {
			t.Helper()
			mine.wrote()
			speak(t, near, make([]int16, 160), 5*media.FrameTime)
			for _, f := range mine.wrote() {
				if f.from != want.at {
					t.Errorf("%s: sound goes to %v, want %v", step, f.from, want.at)
				}
			}
		}
		say(other, packet{kind: 96, payload: sound})
		say(other, packet{kind: 72, payload: sound})
		heardFrom("packets that are not as agreed", agreed)
		say(behind, packet{kind: 0, payload: sound})
		heardFrom("the first packet", behind)
		say(other, packet{kind: 0, payload: sound})
		say(agreed, packet{kind: 0, payload: sound})
		heardFrom("others later", behind)
		configure(t, near, c)
		say(other, packet{kind: 0, payload: sound})
		heardFrom("the same agreement again", behind)
		if q := near.Quality(); q.Received != 1 || q.Foreign != 3 || q.Bad != 2 {
			t.Errorf("%+v", q)
		}
		c.Remote, c.Symmetric = other.at, false
		configure(t, near, c)
		say(behind, packet{kind: 0, payload: sound})
		heardFrom("another agreement", other)
		say(other, packet{kind: 0, payload: sound})
		if q := near.Quality(); q.Received != 2 || q.Foreign != 4 {
			t.Errorf("%+v", q)
		}
	})
}

// TestAnotherSource: the far end may go on as another source once the first is quiet, proved by two packets; two at a time are one.
func TestAnotherSource(t *testing.T) {
	inAir(t, func(t *testing.T) {
		a, near, far := talk(t, rtptest.Impairment{}, func(c *Config) { c.Timeout = -1 })
		heard := eavesdrop(near)
		w := a.wires[far.Local()]
		say := func(ssrc uint32, seq uint16) {
			w.send(packet{seq: seq, time: uint32(seq) * 160, ssrc: ssrc, payload: make([]byte, 160)}, near)
		}
		for seq := range uint16(50) {
			say(1, seq)
			say(2, 1000+seq)
			time.Sleep(media.FrameTime)
		}
		if q := near.Quality(); q.Received != 50 || q.Bad != 50 {
			t.Errorf("two sources: %+v", q)
		}
		time.Sleep(pauseOfSource)
		for seq := range uint16(50) {
			say(2, 2000+seq)
			time.Sleep(media.FrameTime)
		}
		time.Sleep(media.FrameTime)
		if q := near.Quality(); q.Received != 99 || q.Bad != 51 || q.Lost != 0 {
			t.Errorf("another source: %+v", q)
		}
		// Keys of a source of their own are keys all the same.
		event := make([]byte, dtmf.EventSize)
		dtmf.Event{Code: 5, Duration: 160}.Put(event)
		say(2, 2050)
		w.send(packet{kind: 101, seq: 9, time: 77, ssrc: 3, payload: event}, near)
		time.Sleep(2 * media.FrameTime)
		if string(heard.so().digits) != "5" {
			t.Errorf("keys %q", string(heard.so().digits))
		}
	})
}

// TestTimeout: a far end that sends nothing is lost after 30 s, unless the call is on hold.
func TestTimeout(t *testing.T) {
	inAir(t, func(t *testing.T) {
		_, near, far := talk(t, rtptest.Impairment{}, nil)
		heard := eavesdrop(near)
		began := time.Now()
		hold := func(d Direction) {
			c := pcmu(far)
			c.Direction = d
			configure(t, near, c)
		}
		time.Sleep(25 * time.Second)
		for _, d := range []Direction{RecvOnly, SendOnly, Inactive} {
			hold(d)
			time.Sleep(time.Minute)
		}
		hold(SendRecv)
		<-heard.over
		if want := 25*time.Second + 3*time.Minute + DefaultTimeout; !errors.Is(heard.err, media.ErrSilent) || time.Since(began)-want > 2*media.FrameTime {
			t.Errorf("ended after %v with %v, want %v and %v", time.Since(began), heard.err, want, media.ErrSilent)
		}
		want := []media.Note{{Kind: media.Held}, {Kind: media.Resumed}, {Kind: media.Held}, {Kind: media.Resumed}}
		if diff := cmp.Diff(want, heard.so().notes); diff != "" {
			t.Errorf("notes (-want +got):\n%s", diff)
		}
		if _, err := near.Receive(); !errors.Is(err, media.ErrSilent) {
			t.Errorf("Receive after the end: %v", err)
		}
	})
}

// TestHold: on hold we send no sound, but enough to keep the way open, and reports.
func TestHold(t *testing.T) {
	inAir(t, func(t *testing.T) {
		a, near, far := talk(t, rtptest.Impairment{}, func(c *Config) { c.Direction = Inactive })
		eavesdrop(near)
		speak(t, near, make([]int16, 160), time.Minute)
		if err := near.Press('5', dtmf.Tone); err != nil {
			t.Error(err)
		}
		sent := a.wires[near.Local()].wrote()
		for i, f := range sent {
			p, ok := parse(f.packet)
			if !ok || len(p.payload) != 0 || p.kind != 126 {
				t.Errorf("packet %d: %+v", i, p)
			}
		}
		if want := int(time.Minute / DefaultKeepAlive); len(sent) < want-1 || len(sent) > want+1 {
			t.Errorf("%d packets in a minute, want %d", len(sent), want)
		}
		control := netip.AddrPortFrom(near.Local().Addr(), near.Local().Port()+1)
		if n := len(a.wires[control].wrote()); n < 8 {
			t.Errorf("%d reports in a minute", n)
		}
		configure(t, near, pcmu(far))
		speak(t, near, make([]int16, 160), time.Second)
		sent = a.wires[near.Local()].wrote()
		if p, _ := parse(sent[0].packet); len(sent) != 50 || !p.marker || p.kind != 0 {
			t.Errorf("%d packets after it, the first %+v", len(sent), p)
		}
	})
}

// TestPause: what was not sent is not heard of as lost, but passes in the timestamps.
func TestPause(t *testing.T) {
	inAir(t, func(t *testing.T) {
		a, near, far := talk(t, rtptest.Impairment{}, nil)
		eavesdrop(near)
		speak(t, far, make([]int16, 160), time.Second)
		time.Sleep(3 * time.Second)
		speak(t, far, make([]int16, 160), time.Second)
		sent := a.wires[far.Local()].wrote()
		last, _ := parse(sent[49].packet)
		next, _ := parse(sent[50].packet)
		if !next.marker || next.seq != last.seq+1 || next.time-last.time != 3*8000+160 {
			t.Errorf("after the pause: %+v, after %+v", next, last)
		}
		time.Sleep(2 * media.FrameTime)
		if q := near.Quality(); q.Lost != 0 || q.Received != 100 {
			t.Errorf("%+v", q)
		}
	})
}

// TestReports: both ends know how long the way is and what is lost on it.
func TestReports(t *testing.T) {
	for name, mux := range map[string]bool{"a port each": false, "one port": true} {
		t.Run(name, func(t *testing.T) {
			inAir(t, func(t *testing.T) {
				how := rtptest.Impairment{Seed: 3, Loss: 0.05, Delay: 40 * time.Millisecond, Jitter: 10 * time.Millisecond}
				a, near, far := talk(t, how, func(c *Config) { c.Mux = mux })
				heard := eavesdrop(near)
				eavesdrop(far)
				for range 60 * 50 {
					for _, s := range []*Session{near, far} {
						if err := s.Send(media.Frame{PCM: make([]int16, 160), Rate: 8000}); err != nil {
							t.Fatal(err)
						}
					}
					time.Sleep(media.FrameTime)
				}
				q := near.Quality()
				if q.Trip < 80*time.Millisecond || q.Trip > 101*time.Millisecond {
					t.Errorf("round trip of %v", q.Trip)
				}
				if q.Loss < 0.03 || q.Loss > 0.07 || q.FarLost < 100 || q.FarLost > 200 || q.FarLoss > 0.15 {
					t.Errorf("loss of %v, of ours %d and %v: %+v", q.Loss, q.FarLost, q.FarLoss, q)
				}
				if q.Jitter < 2*time.Millisecond || q.Jitter > 5*time.Millisecond || q.FarJitter < 2*time.Millisecond || q.MOS > 4.2 || q.MOS < 3.5 {
					t.Errorf("%+v", q)
				}
				_ = near.Close()
				<-heard.over
				if !errors.Is(heard.err, ErrClosed) {
					t.Errorf("Receive ended with %v", heard.err)
				}
				control := near.Local()
				if !mux {
					control = netip.AddrPortFrom(control.Addr(), control.Port()+1)
				}
				sent := a.wires[control].wrote()
				packets, err := rtcp.Unmarshal(sent[len(sent)-1].packet)
				if err != nil {
					t.Fatal(err)
				}
				if _, ok := packets[len(packets)-1].(*rtcp.Goodbye); !ok {
					t.Errorf("the last of the reports is %T", packets[len(packets)-1])
				}
			})
		})
	}
}

// TestFull: what the kernel does not take is lost, and ends nothing.
func TestFull(t *testing.T) {
	inAir(t, func(t *testing.T) {
		a, near, _ := talk(t, rtptest.Impairment{}, nil)
		a.wires[near.Local()].full = true
		speak(t, near, make([]int16, 160), time.Second)
		if q := near.Quality(); q.Refused != 50 || q.Sent != 0 {
			t.Errorf("%+v", q)
		}
	})
}

// TestSlowReader: who does not call Receive for a while gets the frames that were missed at once, or finds that time has passed.
func TestSlowReader(t *testing.T) {
	inAir(t, func(t *testing.T) {
		_, near, _ := talk(t, rtptest.Impairment{}, nil)
		began := time.Now()
		var last time.Duration
		next := func() {
			t.Helper()
			p, err := near.Receive()
			if err != nil || p.Frame.PCM == nil {
				t.Fatal(p, err)
			}
			last = p.Frame.At
		}
		next()
		time.Sleep(500 * time.Millisecond)
		for time.Since(began) <= 520*time.Millisecond {
			next()
		}
		if last != 500*time.Millisecond && last != 520*time.Millisecond {
			t.Errorf("after half a second, frames are at %v", last)
		}
		time.Sleep(10 * time.Second)
		next()
		if off := last - time.Since(began); off.Abs() > 60*time.Millisecond {
			t.Errorf("after ten seconds the frame is at %v, want %v", last, time.Since(began))
		}
	})
}

func TestConfigureRefuses(t *testing.T) {
	t.Parallel()
	p := ports(t, PortsOptions{})
	good := Config{Remote: netip.MustParseAddrPort("192.0.2.1:4000"), Codec: Codec{Name: "PCMU"}, Events: 101}
	for field, change := range map[string]func(*Config){
		"remote":           func(c *Config) { c.Remote = netip.AddrPort{} },
		"want a port":      func(c *Config) { c.Remote = netip.MustParseAddrPort("192.0.2.1:0") },
		"cannot be sent":   func(c *Config) { c.Remote = netip.MustParseAddrPort("0.0.0.0:4000") },
		"not a group":      func(c *Config) { c.Remote = netip.MustParseAddrPort("224.0.0.1:4000") },
		"one of IPv4":      func(c *Config) { c.Remote = netip.MustParseAddrPort("[2001:db8::1]:4000") },
		"codec name":       func(c *Config) { c.Codec.Name = "G729" },
		"codec clock":      func(c *Config) { c.Codec.Clock = 16000 },
		"payload type 72":  func(c *Config) { c.Codec.PT = 72 },
		"ptime":            func(c *Config) { c.Codec.Ptime = 15 * time.Millisecond },
		"telephone-event":  func(c *Config) { c.Events = 95 },
		"to differ":        func(c *Config) { c.Events, c.Codec.PT = 101, 101 },
		"comfort noise":    func(c *Config) { c.Comfort = 80 },
		"direction 4":      func(c *Config) { c.Direction = 4 },
		"jitter":           func(c *Config) { c.Jitter.Min, c.Jitter.Max = time.Second, time.Millisecond },
		"max delay":        func(c *Config) { c.Jitter.Max = time.Minute },
		"rate":             func(c *Config) { c.Rate = 11025 },
		"event clock":      func(c *Config) { c.EventsClock = -1 },
		"suite":            func(c *Config) { c.Keys = &Keys{Suite: "NULL"} },
		"remote key of 29": func(c *Config) { c.Keys = &Keys{AES128SHA80, make([]byte, 30), make([]byte, 29)} },
		"local key of 0":   func(c *Config) { c.Keys = &Keys{AES256GCM, nil, make([]byte, 44)} },
	} {
		c := good
		change(&c)
		s := open(t, p)
		if err := s.Configure(c); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%q: %v", field, err)
		}
		if err := s.Send(media.Frame{PCM: make([]int16, 160), Rate: 8000}); !errors.Is(err, errUnconfigured) {
			t.Errorf("%q: Send before an agreement: %v", field, err)
		}
	}
	s := open(t, p)
	configure(t, s, good)
	for what, err := range map[string]error{
		"'x' is no key": s.Press('x', time.Second), "a minute at most": s.Press('1', time.Hour),
	} {
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%q: %v", what, err)
		}
	}
	_ = s.Close()
	for what, err := range map[string]error{
		"configure": s.Configure(good), "clear": s.Clear(), "press": s.Press('1', time.Second), "send": s.Send(media.Frame{PCM: make([]int16, 160), Rate: 8000}),
	} {
		if !errors.Is(err, ErrClosed) || !strings.Contains(err.Error(), what) {
			t.Errorf("%s after Close: %v", what, err)
		}
	}
}

// TestRating holds the E-model to points that are published: the default of G.107, and its relation of R to MOS.
func TestRating(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		delay   time.Duration
		loss    float64
		r, mean float64
	}{{0, 0, 93.2, 4.41}, {100 * time.Millisecond, 0, 90.8, 4.35}, {400 * time.Millisecond, 0, 59.1, 3.05}, {0, 0.05, 77.4, 3.93}, {0, 1, 17.3, 1.18}} {
		r := rating(c.delay, c.loss, 0, 25.1)
		if got := opinion(r); r-c.r > 0.1 || c.r-r > 0.1 || got-c.mean > 0.03 || c.mean-got > 0.03 {
			t.Errorf("delay %v, loss %v: R %.1f and MOS %.2f, want %.1f and %.2f", c.delay, c.loss, r, got, c.r, c.mean)
		}
	}
	if opinion(-5) != 1 || opinion(120) != 4.5 {
		t.Error("a score is beyond the scale")
	}
	if got := []string{SendRecv.String(), SendOnly.String(), RecvOnly.String(), Inactive.String()}; !slices.Equal(got, []string{"sendrecv", "sendonly", "recvonly", "inactive"}) {
		t.Error(got)
	}
}
