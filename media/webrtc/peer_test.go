package webrtc

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"parley/media"
	"parley/media/legtest"
	"parley/media/opus"
)

// peers are those of a house without Opus in none: then there is nothing to test.
func newPeers(t *testing.T, o PeerOptions) *Peers {
	t.Helper()
	if o.Host == "" {
		o.Host = "127.0.0.1"
	}
	p, err := NewPeers(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := p.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return p
}

// spoken says whether this build has Opus, without which no other server is spoken with.
func spoken(t *testing.T) bool {
	t.Helper()
	if err := opus.Available(); err != nil {
		if _, refused := NewPeers(PeerOptions{}); refused == nil {
			t.Error("there are peers without Opus")
		}
		t.Logf("this build has no Opus: %v", err)
		return false
	}
	return true
}

// metaOffer is an offer of Meta's.
func metaOffer(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("testdata/meta_offer.sdp")
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), "\n", "\r\n")
}

// TestPeerAnswer: what is answered to an offer of Meta's has the shape that Meta takes.
func TestPeerAnswer(t *testing.T) {
	t.Parallel()
	if !spoken(t) {
		return
	}
	p := newPeers(t, PeerOptions{Public: []netip.Addr{netip.MustParseAddr("203.0.113.10")}})
	peer, err := p.Answer(t.Context(), media.Info{Kind: "whatsapp", ID: "wacid.1"}, metaOffer(t))
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	for _, want := range []string{
		`v=0\r\no=- \d+ 1 IN IP4 203\.0\.113\.10\r\ns=-\r\nt=0 0\r\na=group:BUNDLE audio\r\nm=audio (\d+) UDP/TLS/RTP/SAVPF 111 126\r\nc=IN IP4 203\.0\.113\.10\r\n`,
		`\r\na=candidate:1 1 udp \d+ 203\.0\.113\.10 \d+ typ host\r\n`, `\r\na=ice-ufrag:\w{4,}\r\na=ice-pwd:\w{22,}\r\n`,
		`\r\na=fingerprint:sha-256 [0-9A-F:]{95}\r\na=setup:active\r\na=mid:audio\r\na=sendrecv\r\na=rtcp-mux\r\n`,
		`\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=20;useinbandfec=1\r\na=rtpmap:126 telephone-event/8000\r\n`, `\r\na=ptime:20\r\n`,
	} {
		if !regexp.MustCompile(want).MatchString(peer.SDP()) {
			t.Errorf("want %s of\n%s", want, peer.SDP())
		}
	}
	if strings.Contains(peer.SDP(), "ice-lite") || strings.Count(peer.SDP(), "a=candidate:") != 1 || strings.Contains(peer.SDP(), "127.0.0.1") {
		t.Errorf("%s", peer.SDP())
	}
}

// TestPeerOffered: what cannot be answered is refused, by the name of what is wrong.
func TestPeerOffered(t *testing.T) {
	t.Parallel()
	if !spoken(t) {
		return
	}
	p := newPeers(t, PeerOptions{})
	whole := metaOffer(t)
	for _, test := range []struct{ from, to, want string }{
		{"v=0", "v=x", "SDP"},
		{"m=audio", "m=video", "m=audio"},
		{"a=rtcp-mux\r\n", "", "rtcp-mux"},
		{"UDP/TLS/RTP/SAVPF", "RTP/AVP", "SAVPF"},
		{"a=ice-ufrag:8KQ9kFvBHxyRVWO2", "a=ice-ufrag:x", "ice-ufrag"},
		{"a=ice-pwd:JIMZncWxTleLV1y2Bx", "a=ice-pwd: ", "ice-pwd"},
		{"a=setup:actpass", "a=setup:holdconn", "setup"},
		{"fingerprint:sha-256 36", "fingerprint:sha-256 zz", "fingerprint"},
		{"fingerprint:sha-256", "fingerprint:sha-512", "fingerprint"},
		{"a=candidate", "a=kandidate", "candidate"},
		{"a=sendrecv", "a=sendonly", "sendrecv"},
		{"a=sendrecv", "a=inactive", "inactive"},
		{"opus/48000/2", "speex/8000", "codec"},
		{"111 126\r\nc=", "0\r\nc=", "opus"},
		{"a=mid:audio", "a=mid:a b", "mid"},
		{"typ host generation", "typ hostel generation", "candidate"},
		{"57.144.135.35 3480 typ", "evil.example 3480 typ", ""}, // the other one is left
	} {
		peer, err := p.Answer(t.Context(), media.Info{}, strings.ReplaceAll(whole, test.from, test.to))
		if test.want == "" && err == nil {
			peer.Close()
			continue
		}
		var f *fault
		if !errors.As(err, &f) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s for %s: %v", test.to, test.from, err)
		}
	}
	if n := p.Live(); n != 0 {
		t.Errorf("%d calls are left", n)
	}
}

// speak has two ends say a second each, and a key, and hear one another.
func speak(t *testing.T, l *Leg, p *page) {
	t.Helper()
	decoder, err := opus.NewDecoder(16000)
	if err != nil {
		t.Fatal(err)
	}
	hears := func(with *opus.Decoder) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.decoder = with
	}
	hears(decoder)
	defer decoder.Close()
	defer hears(nil)
	encoder, err := opus.NewEncoder(opus.EncoderOptions{Rate: 16000})
	if err != nil {
		t.Fatal(err)
	}
	defer encoder.Close()
	keys, frames, end := listen(l)
	speech := legtest.Speech(16000, time.Second, 7)
	payload := make([]byte, 1000)
	for rest := speech; len(rest) >= 320; rest = rest[320:] {
		if err := l.Send(media.Frame{PCM: rest[:320], Rate: 16000}); err != nil {
			t.Fatal(err)
		}
		n, err := encoder.Encode(payload, rest[:320])
		if err == nil {
			err = p.mouth.write(111, false, payload[:n], 960)
		}
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond) // as a microphone does
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	heard, err := p.hear(ctx, 15000)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := power(heard), power(speech); got < want/2 || got > want*2 {
		t.Errorf("what the far end hears has a power of %.0f, what was sent %.0f", got, want)
	}
	if err := p.mouth.press('7', 8000); err != nil { // of a clock of its own
		t.Fatal(err)
	}
	if k := next(t, "a key", keys); k != '7' {
		t.Errorf("the key is %c", k)
	}
	var all []int16
	for len(frames) > 0 {
		all = append(all, <-frames...)
	}
	if got, want := power(all)*float64(len(all)), power(speech)*16000; got < want/2 || got > want*2 {
		t.Errorf("what we hear has an energy of %.0f, what was said %.0f", got, want)
	}
	if err := l.Press('5', 100*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	for range 20 { // a key goes out with the frames
		if err := l.Send(media.Frame{PCM: make([]int16, 320), Rate: 16000}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "a key for the far end", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.kinds[126] > 0
	})
	if err := p.pc.Close(); err != nil {
		t.Fatal(err)
	}
	if err := next(t, "the end", end); !errors.Is(err, io.EOF) {
		t.Errorf("the leg ended with %v", err)
	}
}

// TestPeerReaches: where addresses are guarded, those that may not be sent to are left out, and an offer that has no others is refused.
func TestPeerReaches(t *testing.T) {
	t.Parallel()
	if !spoken(t) {
		return
	}
	p := newPeers(t, PeerOptions{Reaches: func(a netip.Addr) bool { return !a.IsPrivate() && !a.IsLoopback() }})
	offer := newPage(t, nil, asks{codecs: []string{"opus"}, silent: true, meta: true}).offer(nil)
	if _, err := p.Answer(t.Context(), media.Info{}, offer); err == nil || !strings.Contains(err.Error(), "private") {
		t.Errorf("an offer from a private address: %v", err)
	}
	public := regexp.MustCompile(`(a=candidate:\S+ 1 udp \d+) \S+ `).ReplaceAllString(offer, "$1 198.51.100.7 ")
	peer, err := p.Answer(t.Context(), media.Info{}, public)
	if err != nil {
		t.Fatal(err)
	}
	peer.Close()
}

// TestPeerInbound: a server that is ICE's lite side offers, and is answered, as Meta's does.
func TestPeerInbound(t *testing.T) {
	t.Parallel()
	if !spoken(t) {
		return
	}
	p := newPeers(t, PeerOptions{})
	far := newPage(t, nil, asks{codecs: []string{"opus"}, silent: true, meta: true})
	offer := far.offer(nil)
	if !strings.Contains(offer, "a=ice-lite") || !strings.Contains(offer, "telephone-event/8000") || !strings.Contains(offer, "a=setup:actpass") {
		t.Fatalf("this is not Meta's shape:\n%s", offer)
	}
	peer, err := p.Answer(t.Context(), media.Info{Kind: "whatsapp", ID: "wacid.1", From: "+16505551234", To: "+15550783881", Owners: []string{"org"}}, offer)
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	if err := far.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: peer.SDP()}); err != nil {
		t.Fatalf("the answer is not taken: %v\n%s", err, peer.SDP())
	}
	l, err := peer.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	far.connected()
	info := l.Info()
	if info.Kind != "whatsapp" || info.ID != "wacid.1" || info.From != "+16505551234" || info.Rate != 16000 || !info.Comfort || info.Owners[0] != "org" || l.Tell([]byte("{}")) {
		t.Errorf("%+v", info)
	}
	speak(t, l, far)
}

// TestPeerOutbound: we offer, and a server that is ICE's lite side answers.
func TestPeerOutbound(t *testing.T) {
	t.Parallel()
	if !spoken(t) {
		return
	}
	p := newPeers(t, PeerOptions{LeastPort: 20000, Ports: 20000})
	peer, err := p.Offer(t.Context(), media.Info{Kind: "whatsapp", ID: "wacid.2"})
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	if !strings.Contains(peer.SDP(), "a=setup:actpass") || !strings.Contains(peer.SDP(), "a=candidate:1 1 udp") {
		t.Fatalf("%s", peer.SDP())
	}
	if _, err := peer.Connect(t.Context()); err == nil {
		t.Error("an offer is connected that nobody has answered")
	}
	far := newPage(t, nil, asks{codecs: []string{"opus"}, silent: true, meta: true})
	if err := far.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: peer.SDP()}); err != nil {
		t.Fatalf("the offer is not taken: %v\n%s", err, peer.SDP())
	}
	answer, err := far.pc.CreateAnswer(nil)
	if err != nil {
		t.Fatal(err)
	}
	done := webrtc.GatheringCompletePromise(far.pc)
	if err := far.pc.SetLocalDescription(answer); err != nil {
		t.Fatal(err)
	}
	<-done
	if err := peer.Answered("v=0"); err == nil {
		t.Error("no answer is one")
	}
	if err := peer.Answered(far.pc.LocalDescription().SDP); err != nil {
		t.Fatalf("%v\n%s", err, far.pc.LocalDescription().SDP)
	}
	if err := peer.Answered(far.pc.LocalDescription().SDP); err == nil {
		t.Error("an offer is answered twice")
	}
	l, err := peer.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	far.connected()
	speak(t, l, far)
}

// TestPeersTogether: two of ours find one another, and either may hang up.
func TestPeersTogether(t *testing.T) {
	t.Parallel()
	if !spoken(t) {
		return
	}
	p := newPeers(t, PeerOptions{})
	for name, hangUp := range map[string]func(here, there *Leg, at *Peer) error{
		"the caller hangs up":   func(here, _ *Leg, _ *Peer) error { return here.Hangup(media.CauseAgent) },
		"signalling says so":    func(_, _ *Leg, at *Peer) error { at.Finish(); return nil },
		"both hang up at once":  func(here, there *Leg, _ *Peer) error { return errors.Join(here.Hangup(""), there.Hangup("")) },
		"the caller is let go":  func(_, _ *Leg, at *Peer) error { at.Close(); at.Close(); return nil },
		"the answerer hangs up": func(_, there *Leg, _ *Peer) error { return there.Hangup(media.CauseAgent) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calling, err := p.Offer(t.Context(), media.Info{ID: "a"})
			if err != nil {
				t.Fatal(err)
			}
			defer calling.Close()
			answering, err := p.Answer(t.Context(), media.Info{ID: "b"}, calling.SDP())
			if err != nil {
				t.Fatal(err)
			}
			defer answering.Close()
			if err := calling.Answered(answering.SDP()); err != nil {
				t.Fatal(err)
			}
			type connection struct {
				leg *Leg
				err error
			}
			there := make(chan connection, 1)
			go func() {
				l, err := answering.Connect(t.Context())
				there <- connection{l, err}
			}()
			here, err := calling.Connect(t.Context())
			other := <-there
			if err = errors.Join(err, other.err); err != nil {
				t.Fatal(err)
			}
			_, frames, end := listen(other.leg)
			speech := legtest.Speech(16000, 200*time.Millisecond, 3)
			for ; len(speech) >= 320; speech = speech[320:] {
				if err := here.Send(media.Frame{PCM: speech[:320], Rate: 16000}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(20 * time.Millisecond)
			}
			next(t, "a frame", frames)
			_, _, ours := listen(here)
			if err := hangUp(here, other.leg, calling); err != nil {
				t.Fatal(err)
			}
			next(t, "our end", ours)
			calling.Close()
			next(t, "the other end", end)
		})
	}
}

// TestPeerAlone: a far end that does not come is given up, and a call may be given up before.
func TestPeerAlone(t *testing.T) {
	t.Parallel()
	if !spoken(t) {
		return
	}
	p := newPeers(t, PeerOptions{Limits: Limits{Connect: 300 * time.Millisecond, Calls: 1}})
	offer := strings.NewReplacer("57.144.135.35", "127.0.0.1", "3480", "9").Replace(metaOffer(t))
	peer, err := p.Answer(t.Context(), media.Info{}, offer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Offer(t.Context(), media.Info{}); !errors.Is(err, ErrFull) {
		t.Errorf("a second call: %v", err)
	}
	if _, err := peer.Connect(t.Context()); err == nil {
		t.Error("nobody is connected")
	}
	peer.Close()
	if peer, err = p.Answer(t.Context(), media.Info{}, offer); err != nil {
		t.Fatal(err)
	}
	gone := make(chan error, 1)
	go func() {
		_, err := peer.Connect(t.Context())
		gone <- err
	}()
	_ = peer.leg.Hangup("")
	if err := <-gone; err == nil {
		t.Error("who has hung up is connected")
	}
	peer.Close()
	for _, bad := range []PeerOptions{{Host: "localhost"}, {LeastPort: 65000, Ports: 1000}, {LeastPort: 1}} {
		if _, err := NewPeers(bad); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

// FuzzDescription: whatever a far end says, it is read or refused.
func FuzzDescription(f *testing.F) {
	b, err := os.ReadFile("testdata/meta_offer.sdp")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, kind := range []string{"offer", "answer"} {
			d, err := readDescription(text, kind)
			if (err == nil) == (d == nil) {
				t.Fatalf("%v, %v", d, err)
			}
		}
	})
}
