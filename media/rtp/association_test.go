package rtp

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"net/netip"

	"parley/media"
	"parley/media/legtest"
	"parley/media/rtp/rtptest"
)

// certified is a certificate of a test's own.
func certified(t testing.TB) *Certificate {
	t.Helper()
	c, err := NewCertificate()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// An end is a session that agrees on DTLS.
type end struct {
	*Session
	certificate *Certificate
}

// shake agrees on DTLS with other, as change says, and begins the handshake. over is closed when nothing of it runs any more.
func (e end) shake(t *testing.T, other end, active bool, change func(*Config)) (over <-chan struct{}) {
	t.Helper()
	c := pcmu(other.Session)
	c.DTLS = &Handshake{Certificate: e.certificate, Theirs: other.certificate.Fingerprint(), Active: active}
	if change != nil {
		change(&c)
	}
	configure(t, e.Session, c)
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.Secure(t.Context())
	}()
	return done
}

// ends are two sessions of the air, before they have agreed on anything.
func ends(t *testing.T) (a *air, near, far end) {
	t.Helper()
	a = newAir(t)
	how := rtptest.Impairment{Delay: 20 * time.Millisecond}
	return a, end{a.session("192.0.2.1:4000", how), certified(t)}, end{a.session("192.0.2.2:4000", how), certified(t)}
}

// TestDTLS: either end begins, RTCP has a port of its own or none: sound and reports go both ways, nothing of them in the clear, and agreeing
// on the same again keeps the keys, on another certificate makes others.
func TestDTLS(t *testing.T) {
	for name, c := range map[string]struct{ active, mux bool }{
		"active": {true, false}, "passive": {false, false}, "active, one port": {true, true}, "passive, one port": {false, true},
	} {
		t.Run(name, func(t *testing.T) {
			inAir(t, func(t *testing.T) {
				a, near, far := ends(t)
				agree := func() {
					mux := func(o *Config) { o.Mux = c.mux }
					near.shake(t, far, c.active, mux)
					far.shake(t, near, !c.active, mux)
				}
				agree()
				heard, back := eavesdrop(near.Session), eavesdrop(far.Session)
				if err := far.Send(media.Frame{PCM: make([]int16, 160), Rate: 8000}); err != nil {
					t.Fatal(err)
				}
				<-near.Secured()
				<-far.Secured()
				for _, f := range a.wires[far.Local()].wrote() {
					if !isRecord(f.packet) {
						t.Errorf("% x is sent before there are keys", f.packet)
					}
				}
				talk := func(step string) {
					t.Helper()
					before, there := heard.so().loud, back.so().loud
					for range 10 {
						_ = near.Send(media.Frame{PCM: legtest.Tone(8000, 700, media.FrameTime), Rate: 8000})
						speak(t, far.Session, legtest.Tone(8000, 700, time.Second), time.Second)
					}
					if got := heard.so().loud - before; got < 480 {
						t.Errorf("%s: %d frames of 500 sound", step, got)
					}
					if back.so().loud == there {
						t.Errorf("%s: the far end hears nothing", step)
					}
				}
				talk("at first")
				if q := near.Quality(); q.Unopened != 0 || near.report.heard == 0 || far.report.heard == 0 {
					t.Errorf("reports %v and %v, %+v", near.report.heard, far.report.heard, q)
				}
				if said := near.String(); !strings.Contains(said, " DTLS "+string(AES128GCM)+" ") {
					t.Errorf("%s", said)
				}
				was := near.agreed.opener
				agree()
				talk("after the same again")
				if near.agreed.opener != was {
					t.Error("the same again has other keys")
				}
				far.certificate = certified(t)
				agree()
				<-near.Secured()
				<-far.Secured()
				talk("after another")
				if near.agreed.opener == was {
					t.Error("another certificate has the same keys")
				}
			})
		})
	}
}

// TestStranger: a far end with another certificate than was told, one that says nothing, and one that insists on the other's beginning end the
// call, and nothing was heard.
func TestStranger(t *testing.T) {
	for name, c := range map[string]struct {
		far  func(t *testing.T, near, far end)
		says string
		in   time.Duration
	}{
		"a stranger": {func(t *testing.T, near, far end) { far.certificate = certified(t); far.shake(t, near, false, nil) }, "certificate", HandshakeTimeout},
		"silence":    {func(*testing.T, end, end) {}, errSlow.Error(), HandshakeTimeout + time.Second},
		"in the clear": {func(t *testing.T, near, far end) {
			configure(t, far.Session, pcmu(near.Session))
			speak(t, far.Session, legtest.Tone(8000, 700, time.Second), 5*time.Second)
		}, errSlow.Error(), HandshakeTimeout + time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inAir(t, func(t *testing.T) {
				_, near, far := ends(t)
				began := time.Now()
				near.shake(t, far, true, nil)
				heard := eavesdrop(near.Session)
				c.far(t, near, far)
				<-heard.over
				<-near.Secured()
				if !errors.Is(heard.err, media.ErrSilent) || !strings.Contains(heard.err.Error(), c.says) {
					t.Errorf("ended by %v", heard.err)
				}
				if took := time.Since(began); took > c.in {
					t.Errorf("it took %v", took)
				}
				if heard.loud != 0 {
					t.Errorf("%d frames sound", heard.loud)
				}
			})
		})
	}
}

// TestRogueRecords: DTLS from elsewhere is dropped at the door, before, during and after the handshake; while the door may open to another,
// who comes first and is nobody is given up for the next.
func TestRogueRecords(t *testing.T) {
	for name, symmetric := range map[string]bool{"agreed": false, "elsewhere": true} {
		t.Run(name, func(t *testing.T) {
			inAir(t, func(t *testing.T) {
				a, near, far := ends(t)
				rogue := a.wire(netip.MustParseAddrPort("203.0.113.66:5555"), rtptest.Impairment{})
				spray := func() {
					for i := range 1000 {
						record := []byte{22, 254, 253, 0, 0, 0, 0, 0, 0, 0, byte(i), 0, 2, byte(i), 1}
						record[0] = byte(20 + i%44)
						_ = rogue.write(record, near.Local())
					}
				}
				near.shake(t, far, false, func(c *Config) {
					if c.Symmetric = symmetric; symmetric {
						c.Remote = netip.MustParseAddrPort("10.0.0.9:4000") // where nobody is
					}
				})
				heard := eavesdrop(near.Session)
				spray()
				time.Sleep(100 * time.Millisecond)
				far.shake(t, near, true, nil)
				spray()
				<-near.Secured()
				spray()
				before := heard.so().loud
				speak(t, far.Session, legtest.Tone(8000, 700, time.Second), time.Second)
				time.Sleep(200 * time.Millisecond)
				if got := heard.so().loud - before; got < 45 {
					t.Errorf("%d frames of 50 sound", got)
				}
				if q := near.Quality(); q.Foreign < 2000 {
					t.Errorf("%+v", q)
				}
				if sent := rogue.inbox; !symmetric && len(sent) > 0 {
					t.Errorf("the rogue was answered %d times", len(sent))
				}
			})
		})
	}
}

// TestHandshakeConfig: an agreement that cannot be is refused, and names what is wrong.
func TestHandshakeConfig(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, near, far := ends(t)
		keys, _ := keysOf(t, AES128GCM)
		ours := certified(t)
		for _, c := range []struct {
			keys *Keys
			dtls Handshake
			says string
		}{
			{nil, Handshake{Theirs: ours.Fingerprint()}, "DTLS: want our certificate"},
			{nil, Handshake{Certificate: ours}, "the fingerprint of theirs"},
			{keys, Handshake{Certificate: ours, Theirs: ours.Fingerprint()}, "want none where DTLS makes them"},
		} {
			agreed := pcmu(far.Session)
			agreed.Keys, agreed.DTLS = c.keys, &c.dtls
			if err := near.Configure(agreed); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
		}
		carried := Carry(func([]byte) error { return nil })
		defer carried.Close()
		agreed := pcmu(far.Session)
		agreed.DTLS = &Handshake{Certificate: ours, Theirs: ours.Fingerprint()}
		if err := carried.Configure(agreed); err == nil || !strings.Contains(err.Error(), "transport") {
			t.Errorf("%v", err)
		}
	})
}

// TestFingerprint: what is no fingerprint is refused; what is one reads as it is written.
func TestFingerprint(t *testing.T) {
	t.Parallel()
	own := certified(t)
	if f, err := ParseFingerprint(strings.ToLower(own.Fingerprint().String())); err != nil || f != own.Fingerprint() || !f.is(own.tls.Certificate[0]) {
		t.Errorf("%v, %v", f, err)
	}
	for _, text := range []string{"", "sha-256", "sha-256 AA:BB", "sha-1 " + strings.Repeat("AA:", 19) + "AA", "sha-256 " + strings.Repeat("XX:", 31) + "XX"} {
		if _, err := ParseFingerprint(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
	if (Fingerprint{}).is(own.tls.Certificate[0]) {
		t.Error("nobody's fingerprint is somebody's")
	}
}
