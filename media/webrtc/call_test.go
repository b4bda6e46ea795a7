package webrtc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/webrtc/v4"

	"parley/media"
	"parley/media/legtest"
	"parley/media/opus"
)

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// listen reads a leg as a call does, and hands on the keys; the error is what it ended with.
func listen(l *Leg) (keys chan rune, frames chan []int16, end chan error) {
	keys, frames, end = make(chan rune, 64), make(chan []int16, 4096), make(chan error, 1)
	go func() {
		for {
			p, err := l.Receive()
			switch {
			case err != nil:
				end <- err
				return
			case p.Digit != 0:
				keys <- p.Digit
			case p.Frame.PCM != nil:
				select {
				case frames <- append([]int16(nil), p.Frame.PCM...):
				default:
				}
			}
		}
	}()
	return keys, frames, end
}

func next[T any](t *testing.T, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("not within %v: %s", patience, what)
		panic("unreachable")
	}
}

// TestOpusBothWays: with events at the codec's clock, FEC in what we send, and next to nothing sent in silence.
func TestOpusBothWays(t *testing.T) {
	t.Parallel()
	if err := opus.Available(); err != nil {
		t.Logf("this build has no Opus: G.711 is spoken instead (TestConformance): %v", err)
		return
	}
	h := newHouse(t, Options{})
	p := newPage(t, h, asks{codecs: []string{"opus", "PCMU"}})
	var err error
	if p.decoder, err = opus.NewDecoder(16000); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.decoder.Close)
	p.call()
	l := h.leg()
	p.connected()
	if l.Info().Rate != 16000 || !strings.Contains(p.pc.RemoteDescription().SDP, "useinbandfec=1;usedtx=1") {
		t.Fatalf("rate %d, answer\n%s", l.Info().Rate, p.pc.RemoteDescription().SDP)
	}
	keys, frames, _ := listen(l)
	speech := legtest.Speech(16000, time.Second, 7)
	send := func(pcm []int16) {
		for ; len(pcm) >= 320; pcm = pcm[320:] {
			if err := l.Send(media.Frame{PCM: pcm[:320], Rate: 16000}); err != nil {
				t.Fatal(err)
			}
		}
	}
	send(speech)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	heard, err := p.hear(ctx, 15000)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := power(heard), power(speech); got < want/2 || got > want*2 {
		t.Errorf("what the page hears has a power of %.0f, what was sent %.0f", got, want)
	}
	p.mu.Lock()
	spoken := p.bytes
	p.mu.Unlock()
	send(make([]int16, 16000))
	time.Sleep(100 * time.Millisecond) // real sockets: what was sent is there by then
	p.mu.Lock()
	silent := p.bytes - spoken
	p.mu.Unlock()
	if silent > spoken/4 {
		t.Errorf("a second of silence took %d bytes, one of speech %d", silent, spoken)
	}

	encoder, err := opus.NewEncoder(opus.EncoderOptions{Rate: 16000})
	if err != nil {
		t.Fatal(err)
	}
	defer encoder.Close()
	payload := make([]byte, 1000)
	for rest := speech; len(rest) >= 320; rest = rest[320:] {
		n, err := encoder.Encode(payload, rest[:320])
		if err == nil {
			err = p.mouth.write(111, false, payload[:n], 960)
		}
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond) // as a microphone does
	}
	if err := p.mouth.press('7', 48000); err != nil {
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
	if q := l.Quality(); q.Received < 50 || q.Lost != 0 || q.MOS == 0 {
		t.Errorf("the line is %+v", q)
	}
}

// power is the mean square of samples.
func power(pcm []int16) (sum float64) {
	for _, s := range pcm {
		sum += float64(s) * float64(s)
	}
	return sum / float64(max(1, len(pcm)))
}

// TestMessages: both ways, in order, and no more than there is room for.
func TestMessages(t *testing.T) {
	t.Parallel()
	h := newHouse(t, Options{})
	p := newPage(t, h, asks{})
	p.call()
	l := h.leg()
	for n := range 20 { // some before the channel is open
		if !l.Tell(fmt.Appendf(nil, `{"n":%d}`, n)) {
			t.Fatal("a message is not taken")
		}
	}
	for n := range 20 {
		if got := next(t, "a message", p.told); got != fmt.Sprintf(`{"n":%d}`, n) {
			t.Errorf("message %d is %s", n, got)
		}
	}
	if l.Tell(make([]byte, maxMessage+1)) {
		t.Error("a message that is too long was taken")
	}
	for _, m := range []string{`{"type":"ping"}`, strings.Repeat("x", maxMessage), ""} {
		if err := p.data.SendText(m); err != nil {
			t.Fatal(err)
		}
		if got := next(t, "the page's message", h.said); got != m {
			t.Errorf("%d bytes came as %d", len(m), len(got))
		}
	}
	if err := p.data.Send([]byte{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	if got := next(t, "what is no text", h.said); got != "" {
		t.Errorf("what is no text came as %q", got)
	}
	keys, _, end := listen(l)
	if err := l.Key('#'); err != nil || next(t, "a key", keys) != '#' {
		t.Errorf("the key did not come: %v", err)
	}
	if err := l.Key('x'); err == nil {
		t.Error("x is a key")
	}
	other, err := p.pc.CreateDataChannel("another", nil)
	if err != nil {
		t.Fatal(err)
	}
	shut := make(chan struct{})
	other.OnClose(func() { close(shut) })
	next(t, "a second channel is closed", shut)
	if err := p.data.SendText("still there"); err != nil || next(t, "the first goes on", h.said) != "still there" {
		t.Error("the first channel is closed with the second")
	}
	if err := p.pc.Close(); err != nil {
		t.Fatal(err)
	}
	if err := next(t, "the end", end); !errors.Is(err, io.EOF) {
		t.Errorf("the page has closed its connection: %v", err)
	}
}

// TestRestart: the browser comes by another way, and the call goes on; a restart that nobody follows costs nothing.
func TestRestart(t *testing.T) {
	t.Parallel()
	h := newHouse(t, Options{})
	p := newPage(t, h, asks{})
	p.call()
	l := h.leg()
	p.connected()
	keys, _, end := listen(l)
	restart := func(offer string) string {
		t.Helper()
		var lines []string
		for _, line := range strings.Split(offer, "\r\n") {
			if strings.HasPrefix(line, "a=ice-ufrag") || strings.HasPrefix(line, "a=ice-pwd") || strings.HasPrefix(line, "a=candidate") {
				lines = append(lines, line)
			}
		}
		a := h.ask("PATCH", p.url, typeFragment, p.token, strings.Join(lines, "\r\n")+"\r\n", "If-Match", "*")
		body := text(a)
		if a.StatusCode != 200 || a.Header.Get("ETag") == p.etag {
			t.Fatalf("the restart: %d %s", a.StatusCode, body)
		}
		p.etag = a.Header.Get("ETag")
		return body
	}
	press := func(key rune) {
		t.Helper()
		if err := p.mouth.press(key, 8000); err != nil {
			t.Fatal(err)
		}
		if got := next(t, "the key after a restart", keys); got != key {
			t.Errorf("the key is %c, want %c", got, key)
		}
	}
	press('1')
	before := p.remote()
	restart("a=ice-ufrag:nobody\r\na=ice-pwd:0123456789abcdef01234567\r\n") // and nobody comes
	press('2')

	fragment := restart(p.offer(&webrtc.OfferOptions{ICERestart: true}))
	answer := p.pc.RemoteDescription()
	if answer == nil {
		answer = p.pc.CurrentRemoteDescription()
	}
	for _, name := range []string{"a=ice-ufrag:", "a=ice-pwd:"} {
		old, fresh := value(answer.SDP, name), value(fragment, name)
		if fresh == "" || fresh == old {
			t.Fatalf("the restart has no new %s:\n%s", name, fragment)
		}
		answer.SDP = strings.ReplaceAll(answer.SDP, name+old, name+fresh)
	}
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer.SDP}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the browser has come by the new way", func() bool { now := p.remote(); return now != "" && now != before })
	press('3')
	if !l.Tell([]byte("by the new way")) || next(t, "a message", p.told) != "by the new way" {
		t.Error("the channel is gone")
	}
	select {
	case err := <-end:
		t.Errorf("the call has ended: %v", err)
	default:
	}
	if n := h.Stats.Restarts.Load(); n != 2 {
		t.Errorf("%d restarts were counted", n)
	}
}

// value is what stands behind a name in SDP, at first.
func value(text, name string) string {
	_, rest, _ := strings.Cut(text, name)
	v, _, _ := strings.Cut(rest, "\r\n")
	return v
}

// remote names the way that the server speaks over now.
func (p *page) remote() string {
	p.house.mu.Lock()
	defer p.house.mu.Unlock()
	for _, c := range p.house.calls {
		if at := c.wire.now.Load(); at != nil {
			return at.ours.ufrag
		}
	}
	return ""
}

// TestTCP: a browser without UDP.
func TestTCP(t *testing.T) {
	t.Parallel()
	h := newHouse(t, Options{TCP: "127.0.0.1:0"})
	p := newPage(t, h, asks{tcp: true})
	p.call()
	l := h.leg()
	p.connected()
	keys, _, _ := listen(l)
	if err := p.mouth.press('9', 8000); err != nil {
		t.Fatal(err)
	}
	if k := next(t, "a key", keys); k != '9' {
		t.Errorf("the key is %c", k)
	}
	if !strings.Contains(p.pc.RemoteDescription().SDP, "tcptype passive") {
		t.Errorf("the answer has no TCP:\n%s", p.pc.RemoteDescription().SDP)
	}
}

// TestRogues: a thousand packets that are nobody's, to the port and from the browser's own address, end no call and are not heard.
func TestRogues(t *testing.T) {
	t.Parallel()
	h := newHouse(t, Options{})
	p := newPage(t, h, asks{})
	p.call()
	l := h.leg()
	p.connected()
	keys, _, end := listen(l)
	at := h.Addrs()[0]
	stranger, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	hello := append([]byte{22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100, 1, 0, 0, 88, 0, 0, 0, 0, 0, 0, 0, 88, 254, 253}, make([]byte, 86)...)
	alert := []byte{21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 40} // fatal, in the clear
	ufrag := p.remote()
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 1000 {
		junk := make([]byte, 12+random.IntN(200))
		for i := range junk {
			junk[i] = byte(random.Uint32())
		}
		junk[0] = 128 | junk[0]&63
		forged, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(fmt.Sprintf("%s:%s", ufrag, "xxxx")),
			stun.NewShortTermIntegrity("a guess"), stun.Fingerprint)
		if err != nil {
			t.Fatal(err)
		}
		packets := [][]byte{junk, hello, alert, forged.Raw, {22}, {0, 1, 0, 0}}
		packet := packets[n%len(packets)]
		for _, from := range []net.PacketConn{stranger, p.socket.PacketConn} {
			if _, err := from.WriteTo(packet, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := p.data.SendText("still here"); err != nil {
		t.Fatal(err)
	}
	if got := next(t, "a message", h.said); got != "still here" { // it is sent until it arrives: by then the flood is over
		t.Errorf("the message is %q", got)
	}
	if !l.Tell([]byte("so are we")) || next(t, "a message", p.told) != "so are we" {
		t.Error("the channel is gone")
	}
	if err := p.mouth.press('4', 8000); err != nil {
		t.Fatal(err)
	}
	if k := next(t, "a key after a thousand rogue packets", keys); k != '4' {
		t.Errorf("the key is %c", k)
	}
	select {
	case err := <-end:
		t.Errorf("the call has ended: %v", err)
	default:
	}
	if q := l.Quality(); q.Unopened == 0 {
		t.Errorf("nothing forged was noticed: %+v", q)
	}
}

// TestNobodyComes: a call whose browser does not connect is let go, and so is one whose certificate is another's.
func TestNobodyComes(t *testing.T) {
	t.Parallel()
	h := newHouse(t, Options{Limits: Limits{Connect: 500 * time.Millisecond}})
	if a := h.ask("POST", "/webrtc/whip", typeSDP, h.token(), offerText); a.StatusCode != 201 {
		t.Fatalf("%d %s", a.StatusCode, text(a))
	}
	eventually(t, "it is let go", func() bool { return h.Live() == 0 && h.Stats.Unconnected.Load() == 1 })

	strict := newHouse(t, Options{})
	p := newPage(t, strict, asks{silent: true})
	offer := p.offer(nil)
	print := value(offer, "a=fingerprint:sha-256 ")
	other := strings.Repeat("00:", 31) + "00"
	a := strict.ask("POST", "/webrtc/whip", typeSDP, strict.token(), strings.ReplaceAll(offer, print, other))
	answer := text(a)
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the stranger is refused", func() bool { return strict.Live() == 0 && strict.Stats.Unconnected.Load() == 1 })
	if len(strict.legs) > 0 {
		t.Error("a call was answered whose certificate is another's")
	}
}

// TestPanic: a bug in one call ends that call.
func TestPanic(t *testing.T) {
	t.Parallel()
	h := newHouse(t, Options{Answer: func(context.Context, *Leg) { panic("a bug") }})
	newPage(t, h, asks{}).call()
	eventually(t, "the call is over", func() bool { return h.Live() == 0 && h.Stats.Panics.Load() == 1 })
}

// TestAdvertised: whom a page is told to call.
func TestAdvertised(t *testing.T) {
	t.Parallel()
	home, lan := candidate{netip.MustParseAddrPort("127.0.0.1:7"), false}, candidate{netip.MustParseAddrPort("10.0.0.5:7"), false}
	public := netip.MustParseAddr("203.0.113.9")
	for _, c := range []struct {
		local  bool
		public []netip.Addr
		all    []candidate
		want   string
	}{
		{false, nil, []candidate{home, lan}, "10.0.0.5:7"},
		{true, nil, []candidate{home, lan}, "127.0.0.1:7 10.0.0.5:7"},
		{false, []netip.Addr{public}, []candidate{home, lan}, "203.0.113.9:7"},
		{false, nil, []candidate{home}, "127.0.0.1:7"},
	} {
		s := &Server{o: Options{Public: c.public}}
		var got []string
		for _, told := range s.advertised(context.WithValue(t.Context(), localKey{}, c.local), c.all) {
			got = append(got, told.addr.String())
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
