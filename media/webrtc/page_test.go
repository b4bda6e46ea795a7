package webrtc

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"

	"parley/media/dtmf"
	"parley/media/opus"
	"parley/media/rtp"
)

// patience is how long a test waits for what must come.
const patience = time.Minute

// gate is a Gate whose tokens are the names of their owners.
type gate struct {
	mu    sync.Mutex
	spent map[string]bool
}

func (g *gate) Look(token string) (Grant, error) {
	switch {
	case strings.HasPrefix(token, "absent"):
		return Grant{}, &Absent{Why: "it is " + token, Over: token == "absent for good"}
	case !strings.HasPrefix(token, "org-"):
		return Grant{}, ErrToken
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.spent[token] {
		return Grant{}, ErrToken
	}
	return Grant{ID: token, Owner: token, Params: map[string]string{"agent_id": "a"}}, nil
}

func (g *gate) Spend(_ context.Context, grant Grant) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.spent[grant.ID] {
		return ErrToken
	}
	if g.spent == nil {
		g.spent = make(map[string]bool)
	}
	g.spent[grant.ID] = true
	return nil
}

// A house is a server on loopback, whose calls come to legs.
type house struct {
	*Server
	t    testing.TB
	web  *httptest.Server
	legs chan *Leg
	said chan string // messages of pages
	next atomic.Int64
}

func newHouse(t testing.TB, o Options) *house {
	t.Helper()
	h := &house{t: t, legs: make(chan *Leg, 8), said: make(chan string, 256)}
	o.UDP, o.Gate = "127.0.0.1:0", &gate{}
	o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	if o.Answer == nil {
		o.Answer = func(ctx context.Context, l *Leg) {
			h.legs <- l
			<-ctx.Done()
		}
	}
	if o.Message == nil {
		o.Message = func(_ *Leg, text []byte) { h.said <- string(text) }
	}
	var err error
	if h.Server, err = Listen(context.WithoutCancel(t.Context()), o); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	h.Mount(mux)
	h.web = httptest.NewServer(mux)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := h.Close(ctx); err != nil {
			t.Error(err)
		}
		h.web.Close()
	})
	return h
}

// leg is the next that is answered.
func (h *house) leg() *Leg {
	h.t.Helper()
	select {
	case l := <-h.legs:
		return l
	case <-time.After(patience):
		h.t.Fatal("no call was answered")
		return nil
	}
}

// ask sends a request as a page does.
func (h *house) ask(method, url, kind, token, body string, header ...string) *http.Response {
	h.t.Helper()
	if strings.HasPrefix(url, "/") {
		url = h.web.URL + url
	}
	r, err := http.NewRequestWithContext(h.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	a, err := h.web.Client().Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	text, err := io.ReadAll(a.Body)
	_ = a.Body.Close()
	if err != nil {
		h.t.Fatal(err)
	}
	a.Body = io.NopCloser(strings.NewReader(string(text)))
	return a
}

func (h *house) token() string { return fmt.Sprintf("org-%d", h.next.Add(1)) }

// text is a body that was read already.
func text(a *http.Response) string {
	b, _ := io.ReadAll(a.Body)
	return string(b)
}

// A page is a browser: pion's own peer connection, which is nobody's code of ours.
type page struct {
	t       testing.TB
	house   *house
	pc      *webrtc.PeerConnection
	data    *webrtc.DataChannel
	mouth   *mouth
	told    chan string // what it was told on the channel
	open    chan struct{}
	up      chan struct{} // closed when it is connected, for its own part
	token   string
	url     string // of the call
	etag    string
	socket  *socket
	decoder *opus.Decoder

	mu    sync.Mutex
	came  []int16
	bytes int // of payloads
	heard []int16
	news  chan struct{}
	kinds map[uint8]int // packets by payload type
}

// asks is what a page wants.
type asks struct {
	codecs    []string // PCMU, PCMA, opus; none: PCMU
	direction webrtc.RTPTransceiverDirection
	silent    bool // it opens no data channel
	tcp       bool
	relays    []webrtc.ICEServer // some: it reaches nothing else
	lost      time.Duration      // after which it gives up; 0: a minute
	alive     time.Duration      // how often it says that it is there; 0: 100 ms
	meta      bool               // it is a server, as Meta's are: ICE lite, keys under 126 with a clock of their own
}

// codecs are pion's words for them.
func codecs(names []string) (all []webrtc.RTPCodecParameters) {
	clock := uint32(8000)
	for _, n := range names {
		switch n {
		case "opus":
			clock = 48000
			all = append(all, webrtc.RTPCodecParameters{PayloadType: 111, RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1",
			}})
		case "PCMU":
			all = append(all, webrtc.RTPCodecParameters{PayloadType: 0, RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypePCMU, ClockRate: 8000}})
		case "PCMA":
			all = append(all, webrtc.RTPCodecParameters{PayloadType: 8, RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypePCMA, ClockRate: 8000}})
		}
	}
	return append(all, webrtc.RTPCodecParameters{PayloadType: 110, RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: "audio/telephone-event", ClockRate: clock}})
}

// A socket is a page's, which may go deaf, and by which others may speak in its name.
type socket struct {
	net.PacketConn
	deaf atomic.Bool
}

func (s *socket) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := s.PacketConn.ReadFrom(b)
		if err != nil || !s.deaf.Load() {
			return n, from, err
		}
	}
}

// quiet keeps pion from writing to stderr.
func quiet() logging.LoggerFactory { return rtp.Logs(slog.New(slog.DiscardHandler)) }

func newPage(t testing.TB, h *house, a asks) *page {
	t.Helper()
	p := &page{t: t, house: h, told: make(chan string, 256), open: make(chan struct{}), news: make(chan struct{}, 1), kinds: make(map[uint8]int)}
	var engine webrtc.MediaEngine
	if len(a.codecs) == 0 {
		a.codecs = []string{"PCMU"}
	}
	for _, c := range codecs(a.codecs) {
		switch {
		case a.meta && c.PayloadType == 110:
			c.PayloadType, c.ClockRate = 126, 8000
		case a.meta:
			c.SDPFmtpLine = "maxaveragebitrate=20000;maxplaybackrate=16000;minptime=20;sprop-maxcapturerate=16000;useinbandfec=1"
		}
		if err := engine.RegisterCodec(c, webrtc.RTPCodecTypeAudio); err != nil {
			t.Fatal(err)
		}
	}
	set := webrtc.SettingEngine{LoggerFactory: quiet()}
	set.SetLite(a.meta)
	a.lost = cmp.Or(a.lost, time.Minute)
	set.SetICETimeouts(a.lost, a.lost, cmp.Or(a.alive, 100*time.Millisecond))
	set.SetIncludeLoopbackCandidate(true)
	configuration := webrtc.Configuration{BundlePolicy: webrtc.BundlePolicyMaxBundle}
	switch {
	case len(a.relays) > 0:
		configuration.ICEServers, configuration.ICETransportPolicy = a.relays, webrtc.ICETransportPolicyRelay
		set.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	case a.tcp:
		set.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
	default:
		conn, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		p.socket = &socket{PacketConn: conn}
		mux := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: p.socket, Logger: quiet().NewLogger("ice")})
		set.SetICEUDPMux(mux)
		set.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
		t.Cleanup(func() { _ = mux.Close() })
	}
	var err error
	p.pc, err = webrtc.NewAPI(webrtc.WithMediaEngine(&engine), webrtc.WithSettingEngine(set), webrtc.WithInterceptorRegistry(&interceptor.Registry{})).NewPeerConnection(configuration)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.pc.GracefulClose() })
	p.mouth = &mouth{ready: make(chan struct{}), events: 110}
	if a.meta {
		p.mouth.events = 126
	}
	direction := a.direction
	if direction == webrtc.RTPTransceiverDirectionUnknown {
		direction = webrtc.RTPTransceiverDirectionSendrecv
	}
	if direction == webrtc.RTPTransceiverDirectionRecvonly {
		_, err = p.pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio, webrtc.RTPTransceiverInit{Direction: direction})
	} else {
		_, err = p.pc.AddTransceiverFromTrack(p.mouth, webrtc.RTPTransceiverInit{Direction: direction})
	}
	if err != nil {
		t.Fatal(err)
	}
	p.up = make(chan struct{})
	var once sync.Once
	p.pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			once.Do(func() { close(p.up) })
		}
	})
	p.pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { p.listen(track) })
	if !a.silent {
		if p.data, err = p.pc.CreateDataChannel("parley", nil); err != nil {
			t.Fatal(err)
		}
		p.data.OnOpen(func() { close(p.open) })
		p.data.OnMessage(func(m webrtc.DataChannelMessage) { p.told <- string(m.Data) })
	}
	return p
}

// offer is what the page offers, with all its candidates.
func (p *page) offer(o *webrtc.OfferOptions) string {
	p.t.Helper()
	offer, err := p.pc.CreateOffer(o)
	if err != nil {
		p.t.Fatal(err)
	}
	done := webrtc.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(offer); err != nil {
		p.t.Fatal(err)
	}
	<-done
	return p.pc.LocalDescription().SDP
}

// call opens the call, and returns when it was answered.
func (p *page) call() {
	p.t.Helper()
	p.token = p.house.token()
	a := p.house.ask("POST", "/webrtc/whip", typeSDP, p.token, p.offer(nil))
	answer := text(a)
	if a.StatusCode != http.StatusCreated {
		p.t.Fatalf("the offer was answered with %d: %s", a.StatusCode, answer)
	}
	p.url, p.etag = a.Header.Get("Location"), a.Header.Get("ETag")
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		p.t.Fatalf("the answer is not taken: %v\n%s", err, answer)
	}
}

// connected waits until the page may speak, and be told.
func (p *page) connected() {
	p.t.Helper()
	for _, c := range []chan struct{}{p.up, p.open} {
		if c == p.open && p.data == nil {
			break
		}
		select {
		case <-c:
		case <-time.After(patience):
			p.t.Fatalf("the page is not connected: %v", p.pc.ConnectionState())
		}
	}
}

// listen keeps what comes.
func (p *page) listen(track *webrtc.TrackRemote) {
	b := make([]byte, 1600)
	for {
		n, _, err := track.Read(b)
		if err != nil {
			return
		}
		p.take(b[:n])
	}
}

func (p *page) take(b []byte) {
	payload, kind := b[12:], b[1]&0x7F
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kinds[kind]++
	p.bytes += len(payload)
	switch {
	case kind == 0:
		p.came = append(p.came, ulaw(payload)...)
	case kind == 111 && p.decoder != nil:
		pcm := make([]int16, 16000*120/1000)
		n, err := p.decoder.Decode(pcm, payload)
		if err != nil {
			p.t.Errorf("decode: %v", err)
		}
		p.came = append(p.came, pcm[:n]...)
	}
	select {
	case p.news <- struct{}{}:
	default:
	}
}

// A mouth is what a page says: packets that the test makes.
type mouth struct {
	ready  chan struct{}
	once   sync.Once
	events byte // payload type of keys

	mu    sync.Mutex
	to    webrtc.TrackLocalWriter
	ssrc  uint32
	seq   uint16
	stamp uint32
}

func (m *mouth) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.to, m.ssrc = c.WriteStream(), uint32(c.SSRC())
	m.once.Do(func() { close(m.ready) })
	return c.CodecParameters()[0], nil
}

func (*mouth) Unbind(webrtc.TrackLocalContext) error { return nil }
func (*mouth) ID() string                            { return "microphone" }
func (*mouth) RID() string                           { return "" }
func (*mouth) StreamID() string                      { return "page" }
func (*mouth) Kind() webrtc.RTPCodecType             { return webrtc.RTPCodecTypeAudio }

// write sends a packet of a payload type, and lets time pass afterwards.
func (m *mouth) write(kind uint8, marker bool, payload []byte, ticks uint32) error {
	<-m.ready
	m.mu.Lock()
	defer m.mu.Unlock()
	b := make([]byte, 12, 12+len(payload))
	b[0], b[1] = 0x80, kind
	if marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], m.seq)
	binary.BigEndian.PutUint32(b[4:], m.stamp)
	binary.BigEndian.PutUint32(b[8:], m.ssrc)
	m.seq++
	m.stamp += ticks
	_, err := m.to.Write(append(b, payload...))
	return err
}

// press sends a key as events (RFC 4733), of 100 ms and a pause of as much.
func (m *mouth) press(key rune, clock uint32) error {
	code, _ := dtmf.Code(key)
	for n := range uint32(7) {
		length, end := min(n+1, 5)*clock/50, byte(0)
		if n >= 4 {
			end = 0x80
		}
		payload := binary.BigEndian.AppendUint16([]byte{byte(code), end | 10}, uint16(length))
		if err := m.write(m.events, n == 0, payload, 0); err != nil {
			return err
		}
	}
	m.mu.Lock()
	m.stamp += clock / 5
	m.mu.Unlock()
	return nil
}

// hear waits until so many samples have come, and takes them.
func (p *page) hear(ctx context.Context, n int) ([]int16, error) {
	for {
		p.mu.Lock()
		if len(p.came) >= n {
			got := slices.Clone(p.came[:n])
			p.came, p.heard = p.came[n:], append(p.heard, got...)
			p.mu.Unlock()
			return got, nil
		}
		p.mu.Unlock()
		select {
		case <-p.news:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
