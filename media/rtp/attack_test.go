package rtp

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"parley/media"
	"parley/media/legtest"
	"parley/media/rtp/rtptest"
)

// TestSpray: who sprays packets at the ports of calls is not heard, and is not answered. The sockets are the machine's; time is not.
func TestSpray(t *testing.T) {
	t.Parallel()
	const calls, packets, atOnce = 20, 10_000, 200
	synctest.Test(t, func(t *testing.T) {
		p := ports(t, PortsOptions{Bind: netip.IPv4Unspecified()})
		attacker, neighbour := bound(t, "127.0.0.2:0"), bound(t, "127.0.0.1:0") // another host, and another port of the far end's
		type call struct{ near, far *Session }
		var all []call
		local := func(s *Session) netip.AddrPort { return netip.AddrPortFrom(loopback, s.Local().Port()) }
		for range calls {
			c := call{open(t, p), open(t, p)}
			for _, s := range [...][2]*Session{{c.near, c.far}, {c.far, c.near}} {
				agreed := pcmu(s[1])
				agreed.Remote = local(s[1])
				configure(t, s[0], agreed)
			}
			all = append(all, c)
		}
		loud := make([]byte, headerSize+160) // 0x00 is the loudest that mu-law can say
		frame := media.Frame{PCM: make([]int16, 160), Rate: 8000}
		heard := 0
		for round := range packets / atOnce {
			for _, c := range all {
				if err := c.far.Send(frame); err != nil {
					t.Fatal(err)
				}
				for i := range atOnce {
					forged := packet{kind: 0, seq: uint16(round*atOnce + i), time: uint32(round*atOnce+i) * 160, ssrc: c.far.mouth.ssrc}
					forged.put(loud)
					conn := attacker
					if i%2 == 1 {
						conn = neighbour
					}
					if err := conn.write(loud, local(c.near)); err != nil {
						t.Fatal(err)
					}
				}
				if err := c.near.Send(frame); err != nil {
					t.Fatal(err)
				}
				for _, s := range [...]*Session{c.near, c.far} {
					s.ear.due = s.now() - media.FrameTime // a frame is due now
					got, err := s.Receive()
					if err != nil {
						t.Fatal(err)
					}
					for _, x := range got.Frame.PCM {
						if x > 100 || x < -100 {
							heard++
							break
						}
					}
				}
			}
			time.Sleep(media.FrameTime)
		}
		var foreign, received, sent int64
		for _, c := range all {
			near, far := c.near.Quality(), c.far.Quality()
			foreign, received, sent = foreign+near.Foreign, received+near.Received, sent+far.Sent
			if far.Received != near.Sent || far.Foreign != 0 {
				t.Errorf("of %d packets to the far end %d came: %+v", near.Sent, far.Received, far)
			}
		}
		t.Logf("%d packets sprayed at each of %d calls: %d dropped, %d frames of them heard", packets, calls, foreign, heard)
		if heard != 0 || foreign != calls*packets || received != sent {
			t.Errorf("%d frames of forged sound are heard; %d forged packets were dropped of %d; %d true ones came of %d", heard, foreign, calls*packets, received, sent)
		}
		for _, conn := range [...]socket{attacker, neighbour} {
			var b batch
			if err := conn.read(&b); err != nil || b.n != 0 {
				t.Errorf("%d packets came back: %v", b.n, err)
			}
		}
	})
}

func bound(t *testing.T, address string) socket {
	t.Helper()
	s, err := listen(t.Context(), netip.MustParseAddrPort(address))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.close() })
	return s
}

// keysOf are keys of a suite, and those of the other end.
func keysOf(t testing.TB, suite Suite) (near, far *Keys) {
	t.Helper()
	key, salt, err := suite.KeySize()
	if err != nil {
		t.Fatal(err)
	}
	one, two := make([]byte, key+salt), make([]byte, key+salt)
	for i := range one {
		one[i], two[i] = byte(i), byte(200-i)
	}
	return &Keys{suite, one, two}, &Keys{suite, two, one}
}

// TestSecured: with each suite sound, keys and reports go through, and nothing of it in the clear; forged, repeated and foreign packets end
// nothing.
func TestSecured(t *testing.T) {
	forged := 1_000_000
	if testing.Short() {
		forged = 20_000
	}
	for _, suite := range []Suite{AES128SHA80, AES128SHA32, AES128GCM, AES256GCM} {
		t.Run(string(suite), func(t *testing.T) {
			inAir(t, func(t *testing.T) {
				nearKeys, farKeys := keysOf(t, suite)
				a := newAir(t)
				near, far := a.session("192.0.2.1:4000", rtptest.Impairment{}), a.session("192.0.2.2:4000", rtptest.Impairment{})
				c := pcmu(far)
				c.Keys = nearKeys
				configure(t, near, c)
				c = pcmu(near)
				c.Keys = farKeys
				configure(t, far, c)
				heard := eavesdrop(near)
				eavesdrop(far)
				wire := a.wires[far.Local()]
				talk := func(step string) {
					t.Helper()
					before := heard.so().loud
					for range 10 {
						_ = near.Send(media.Frame{PCM: make([]int16, 160), Rate: 8000})
						speak(t, far, legtest.Tone(8000, 700, time.Second), time.Second)
					}
					if got := heard.so().loud - before; got < 480 {
						t.Errorf("%s: %d frames of 500 sound", step, got)
					}
				}
				talk("at first")
				press(t, far, '7', 100*time.Millisecond, time.Second)
				sent := wire.wrote()
				q := near.Quality()
				if len(heard.so().digits) != 1 || q.Unopened != 0 || q.FarJitter < 0 || near.report.heard == 0 {
					t.Errorf("keys %q, %+v", string(heard.so().digits), q)
				}
				clear := 0
				for _, f := range sent {
					if p, ok := parse(f.packet); ok && len(p.payload) == 160 {
						clear++
					}
				}
				if clear != 0 {
					t.Errorf("%d packets of %d are as long as in the clear", clear, len(sent))
				}
				// Everything once more, and then what was forged.
				for _, f := range sent {
					_ = wire.write(f.packet, near.Local())
				}
				random := rand.New(rand.NewPCG(1, uint64(len(suite))))
				bad := make([]byte, headerSize+170)
				p := packet{ssrc: far.mouth.ssrc}
				for i := range forged {
					p.seq, p.time = far.mouth.seq+uint16(i), far.mouth.time+uint32(i)*160
					for j := headerSize; j < len(bad); j += 4 {
						bad[j] = byte(random.Uint32())
					}
					p.put(bad)
					near.ear.mu.Lock()
					near.heard(bad, far.Local(), near.now())
					near.ear.mu.Unlock()
				}
				talk("after what was forged")
				if q := near.Quality(); q.Unopened < int64(forged)+int64(len(sent)) || q.Lost != 0 {
					t.Errorf("%+v", q)
				}
			})
		})
	}
}

// TestWrongKeys: with another key, nothing is heard.
func TestWrongKeys(t *testing.T) {
	inAir(t, func(t *testing.T) {
		nearKeys, _ := keysOf(t, AES128GCM)
		_, near, far := talk(t, rtptest.Impairment{}, func(c *Config) { c.Keys = nearKeys }) // both send with the same
		heard := eavesdrop(near)
		speak(t, far, legtest.Tone(8000, 700, time.Second), time.Second)
		time.Sleep(2 * media.FrameTime)
		if q := near.Quality(); heard.so().loud != 0 || q.Received != 0 || q.Unopened != 50 {
			t.Errorf("%d frames sound, %+v", heard.so().loud, q)
		}
	})
}

// TestAnew: keys that are agreed on again go on, so that no counter is used twice; others begin.
func TestAnew(t *testing.T) {
	inAir(t, func(t *testing.T) {
		nearKeys, farKeys := keysOf(t, AES128SHA80)
		a := newAir(t)
		near, far := a.session("192.0.2.1:4000", rtptest.Impairment{}), a.session("192.0.2.2:4000", rtptest.Impairment{})
		heard := eavesdrop(near)
		for round := range 4 {
			if round == 2 {
				nearKeys, farKeys = keysOf(t, AES256GCM)
			}
			for _, s := range []struct {
				s, other *Session
				keys     *Keys
			}{{near, far, nearKeys}, {far, near, farKeys}} {
				c := pcmu(s.other)
				c.Keys = s.keys
				configure(t, s.s, c)
			}
			was := near.ear.opener
			before := heard.so().loud
			speak(t, far, legtest.Tone(8000, 700, time.Second), time.Second)
			time.Sleep(2 * media.FrameTime)
			if got := heard.so().loud - before; got < 40 {
				t.Errorf("round %d: %d frames of 50 sound", round, got)
			}
			if near.ear.opener != was {
				t.Errorf("round %d: the lock changed", round)
			}
		}
		if q := near.Quality(); q.Unopened != 0 || q.Received != 200 {
			t.Errorf("%+v", q)
		}
		if want := fmt.Sprintf("rtp %v ↔ %v PCMU/8000 %s sendrecv", near.Local(), far.Local(), AES256GCM); near.String() != want {
			t.Errorf("%v, want %s", near, want)
		}
	})
}
