package stream

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"parley/media"
	"parley/media/legtest"
)

// pbxWait is how long the tests of AudioSocket wait for what must come: the machine may be as busy as it likes.
const pbxWait = time.Minute

const pbxKey = "va_of_an_organisation"

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// tcpPBX is Asterisk, as far as this side sees it: it announces calls, and connects them.
type tcpPBX struct {
	tb     testing.TB
	server *httptest.Server
	at     string // where AudioSocket listens
}

func newTCPPBX(tb testing.TB, a *AudioSocket) *tcpPBX {
	tb.Helper()
	if a.Networks == nil {
		a.Networks = loopback
	}
	if a.Announced == nil {
		a.Announced = func(_ context.Context, key string, in *Incoming) (Refusal, error) {
			if key != pbxKey {
				return RefusedSignature, errors.New("missing or invalid API key")
			}
			in.Owners = []string{"an organisation"}
			return 0, nil
		}
	}
	ln, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Serve(ctx, ln) }()
	mux := http.NewServeMux()
	a.Mount(mux)
	server := httptest.NewServer(mux)
	tb.Cleanup(func() {
		bye, end := context.WithTimeout(context.Background(), pbxWait)
		defer end()
		if err := a.Close(bye); err != nil {
			tb.Errorf("Close: %v", err)
		}
		cancel()
		if err := <-done; err != nil {
			tb.Errorf("Serve: %v", err)
		}
		server.Close()
	})
	return &tcpPBX{tb, server, ln.Addr().String()}
}

// announces posts a form, as CURL() of a dialplan does.
func (p *tcpPBX) announces(form url.Values, edit func(*http.Request)) (int, string) {
	p.tb.Helper()
	r, err := http.NewRequest(http.MethodPost, p.server.URL+"/audiosocket/calls", strings.NewReader(form.Encode()))
	if err != nil {
		p.tb.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer "+pbxKey)
	if edit != nil {
		edit(r)
	}
	return do(p.tb, p.server, r)
}

var pbxForm = url.Values{"from": {"+15550100001"}, "to": {"1001"}, "order": {"a b"}}

// ticket is the UUID of a call that was announced.
func (p *tcpPBX) ticket() uuid.UUID {
	p.tb.Helper()
	status, text := p.announces(pbxForm, nil)
	id, err := uuid.Parse(text)
	if status != http.StatusOK || err != nil || text != id.String() {
		p.tb.Fatalf("announced: %d %q %v", status, text, err)
	}
	return id
}

// connects opens a connection and sends messages, all at once.
func (p *tcpPBX) connects(messages ...[]byte) *net.TCPConn {
	p.tb.Helper()
	conn, err := net.Dial("tcp", p.at)
	if err != nil {
		p.tb.Fatal(err)
	}
	p.tb.Cleanup(func() { _ = conn.Close() })
	if _, err := conn.Write(bytes.Join(messages, nil)); err != nil {
		p.tb.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

// answeredLeg is the leg of a call that is answered.
func answeredLeg(tb testing.TB, legs <-chan media.Leg) media.Leg {
	tb.Helper()
	select {
	case leg := <-legs:
		return leg
	case <-time.After(pbxWait):
		tb.Fatalf("no call was answered within %v", pbxWait)
		return nil
	}
}

// slin is a message.
func slin(kind byte, payload ...byte) []byte {
	return append([]byte{kind, byte(len(payload) >> 8), byte(len(payload))}, payload...)
}

// slinOf is sound as a message.
func slinOf(kind byte, pcm []int16) []byte {
	m := slin(kind, make([]byte, 2*len(pcm))...)
	for i, s := range pcm {
		binary.LittleEndian.PutUint16(m[slinHeader+2*i:], uint16(s))
	}
	return m
}

// closed says that the far end is let go of without a word but a hang-up, within a time that no honest far end needs.
func (p *tcpPBX) closed(conn *net.TCPConn) {
	p.tb.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(pbxWait))
	said, err := io.ReadAll(conn)
	if err == nil && len(said) > 0 && !bytes.Equal(said, []byte{0, 0, 0}) || errors.Is(err, context.DeadlineExceeded) {
		p.tb.Errorf("the connection ends with % x, %v", said, err)
	}
}

// kindOf is the kind of sound of a rate.
func kindOf(rate int) byte {
	for i, r := range slinRates {
		if r == rate {
			return slinSound + byte(i)
		}
	}
	panic(rate)
}

// pbxFar is Asterisk's end of a call, for legtest: its channel is stepped by Hear.
type pbxFar struct {
	conn *net.TCPConn
	kind byte

	writing sync.Mutex
	mu      sync.Mutex
	changed chan struct{} // closed at each change
	queued  []int16
	heard   []int16
	gone    bool
	deaf    chan struct{}
	over    chan struct{}
}

func newPBXFar(tb testing.TB, conn *net.TCPConn, kind byte) *pbxFar {
	f := &pbxFar{
		conn: conn, kind: kind, changed: make(chan struct{}), deaf: make(chan struct{}), over: make(chan struct{}),
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.read()
	}()
	tb.Cleanup(func() {
		close(f.over)
		_ = conn.Close()
		<-done
	})
	return f
}

func (f *pbxFar) read() {
	var header [slinHeader]byte
	payload := make([]byte, 1<<16)
	for {
		select {
		case <-f.deaf:
			<-f.over
			return
		default:
		}
		_, err := io.ReadFull(f.conn, header[:])
		n := int(binary.BigEndian.Uint16(header[1:]))
		if err == nil {
			_, err = io.ReadFull(f.conn, payload[:n])
		}
		f.mu.Lock()
		switch {
		case err != nil || header[0] == slinHangup:
			f.gone = true
		case header[0] != f.kind: // Asterisk takes sound and a hang-up, and gives the call up for anything else
			panic(fmt.Sprintf("the far end got a message of kind %#x", header[0]))
		default:
			for i := 0; i < n; i += 2 {
				f.queued = append(f.queued, int16(binary.LittleEndian.Uint16(payload[i:])))
			}
		}
		gone := f.gone
		close(f.changed)
		f.changed = make(chan struct{})
		f.mu.Unlock()
		if gone {
			_ = f.conn.Close()
			return
		}
	}
}

func (f *pbxFar) write(b []byte) error {
	f.writing.Lock()
	defer f.writing.Unlock()
	_, err := f.conn.Write(b)
	return err
}

func (f *pbxFar) Say(pcm []int16) error {
	for len(pcm) > 0 {
		n := min(len(pcm), 1000) // as much as it likes
		if err := f.write(slinOf(f.kind, pcm[:n])); err != nil {
			return err
		}
		pcm = pcm[n:]
	}
	return nil
}

func (f *pbxFar) Press(digit rune) error { return f.write(slin(slinDigit, byte(digit))) }

// Stop closes the socket, as Asterisk does.
func (f *pbxFar) Stop() error { return f.conn.CloseWrite() }

// Drop ends within a message.
func (f *pbxFar) Drop() error {
	if err := f.write([]byte{f.kind, 1, 64, 0}); err != nil {
		return err
	}
	return f.conn.CloseWrite()
}

func (f *pbxFar) Hear(ctx context.Context, n int) ([]int16, error) {
	var got []int16
	for {
		f.mu.Lock()
		step := min(n-len(got), len(f.queued))
		got = append(got, f.queued[:step]...)
		f.heard = append(f.heard, f.queued[:step]...)
		f.queued = f.queued[step:]
		changed, gone := f.changed, f.gone
		f.mu.Unlock()
		if len(got) == n {
			return got, nil
		}
		if gone {
			return got, errors.New("the leg has gone")
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return got, ctx.Err()
		}
	}
}

func (f *pbxFar) Heard() []int16 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]int16(nil), f.heard...)
}

// Cleared lets go of what the suite has sent ahead of time, which no Playout does: no message tells of it, and Asterisk plays what comes.
func (f *pbxFar) Cleared(ctx context.Context) error {
	if _, err := f.Hear(ctx, 1); err != nil { // some of it has come
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.queued = nil
	return nil
}

func (f *pbxFar) Deafen() { close(f.deaf) }

// TestAudioSocket holds a call over AudioSocket to the promises of every leg, at each rate that is heard.
func TestAudioSocket(t *testing.T) {
	for _, rate := range []int{8000, 16000, 24000, 48000} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			legtest.Conformance(t, func(t *testing.T) (media.Leg, legtest.Far) {
				a := &AudioSocket{}
				p := newTCPPBX(t, a)
				legs := answeredBy(t, &a.Host)
				id := p.ticket()
				conn := p.connects(slin(slinID, id[:]...), slinOf(kindOf(rate), make([]int16, rate/50)))
				return answeredLeg(t, legs), newPBXFar(t, conn, kindOf(rate))
			})
		})
	}
}

// TestAudioSocketLiteral says the sheet's bytes, and hears them.
func TestAudioSocketLiteral(t *testing.T) {
	t.Parallel()
	a := &AudioSocket{}
	p := newTCPPBX(t, a)
	legs := answeredBy(t, &a.Host)
	id := p.ticket()
	conn := p.connects(append([]byte{0x01, 0x00, 0x10}, id[:]...), append([]byte{0x10, 0x01, 0x40}, bytes.Repeat([]byte{0x34, 0x12}, 160)...), []byte{0x03, 0x00, 0x01, '5'})
	leg := answeredLeg(t, legs)
	got := leg.Info()
	if got.Kind != "audiosocket" || got.ID != id.String() || got.From != "+15550100001" || got.To != "1001" || got.Rate != 8000 || got.Lead != 0 ||
		got.Chunk != media.FrameTime || !got.Comfort || got.Outbound || fmt.Sprint(got.Owners) != "[an organisation]" || fmt.Sprint(got.Params) != "map[order:a b]" {
		t.Errorf("the leg says %+v", got)
	}
	if _, ok := leg.(media.Marker); ok {
		t.Error("the leg is a Marker: nothing tells what has sounded")
	}
	if _, ok := leg.(media.Keypad); ok {
		t.Error("the leg is a Keypad: Asterisk ends calls that send it a key")
	}
	packet, err := leg.Receive()
	if err != nil || len(packet.Frame.PCM) != 160 || packet.Frame.PCM[0] != 0x1234 || packet.Frame.PCM[159] != 0x1234 {
		t.Errorf("heard %+v, %v", packet, err)
	}
	if packet, err = leg.Receive(); err != nil || packet.Digit != '5' {
		t.Errorf("heard %+v, %v", packet, err)
	}
	if err := leg.Send(media.Frame{PCM: slices.Repeat([]int16{0x1234}, 160), Rate: 8000}); err != nil {
		t.Fatal(err)
	}
	_ = leg.Hangup(media.CauseAgent)
	_ = conn.SetReadDeadline(time.Now().Add(pbxWait))
	said := make([]byte, 3+320+3)
	if _, err := io.ReadFull(conn, said); err != nil {
		t.Fatal(err)
	}
	want := append(append([]byte{0x10, 0x01, 0x40}, bytes.Repeat([]byte{0x34, 0x12}, 160)...), 0, 0, 0)
	if !bytes.Equal(said, want) {
		t.Errorf("said % x", said)
	}
}

// TestAudioSocketEnds has the far end go in each way that it has.
func TestAudioSocketEnds(t *testing.T) {
	t.Parallel()
	sound := slinOf(slinSound, make([]int16, 160))
	for name, c := range map[string]struct {
		last  []byte
		reset bool
		good  bool
	}{
		"a hang-up":           {last: []byte{0, 0, 0}, good: true},
		"a closed socket":     {good: true},
		"a reset":             {reset: true, good: true},
		"hung up, by error":   {last: slin(slinError, 1), good: true},
		"an error":            {last: slin(slinError, 4)},
		"an error, unsaid":    {last: slin(slinError)},
		"within a message":    {last: []byte{0x10, 0x01, 0x40, 7}},
		"within a header":     {last: []byte{0x10, 0x01}},
		"nonsense, for long":  {last: bytes.Repeat(slin(slinDigit, 'x'), malformedLimit)},
		"half a sample, ever": {last: bytes.Repeat(slin(slinSound, 7), malformedLimit)},
		"rates nobody hears":  {last: bytes.Repeat(slin(slinSound+1, 7, 7, 7, 7), malformedLimit)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &AudioSocket{}
			p := newTCPPBX(t, a)
			legs := answeredBy(t, &a.Host)
			id := p.ticket()
			conn := p.connects(slin(slinID, id[:]...), sound, c.last)
			leg := answeredLeg(t, legs)
			if c.reset {
				for { // until it has been read: a reset takes back what was not
					if packet, err := leg.Receive(); err != nil || packet.Frame.PCM != nil {
						break
					}
				}
				_ = conn.SetLinger(0)
			}
			_ = conn.Close()
			var err error
			for err == nil {
				_, err = leg.Receive()
			}
			if errors.Is(err, io.EOF) != c.good {
				t.Errorf("the call ends with %v", err)
			}
		})
	}
}

// TestAudioSocketSurvives passes over what says nothing, whatever its length, and hears what comes after it, also at another rate.
func TestAudioSocketSurvives(t *testing.T) {
	t.Parallel()
	a := &AudioSocket{}
	p := newTCPPBX(t, a)
	legs := answeredBy(t, &a.Host)
	id := p.ticket()
	conn := p.connects(slin(slinID, id[:]...), slinOf(slinSound, make([]int16, 160)))
	leg := answeredLeg(t, legs)
	said := bytes.Join([][]byte{
		slin(0x42), slin(0x42, make([]byte, 65535)...), slin(slinDigit, make([]byte, 65535)...), slin(slinDigit), slin(slinSound), slin(slinSound, 1), slin(slinSound+1, make([]byte, 65535)...),
		slin(slinID, id[:]...), slinOf(slinSound+2, slices.Repeat([]int16{4000}, 32000)), slinOf(slinSound, slices.Repeat([]int16{2000}, 32000)), slin(slinDigit, '#'),
	}, nil)
	written := make(chan error, 1)
	go func() {
		_, err := conn.Write(said)
		written <- err
	}()
	var wide, narrow int
	for {
		packet, err := leg.Receive()
		if err != nil {
			t.Fatal(err)
		}
		if packet.Digit == '#' {
			break
		}
		for _, s := range packet.Frame.PCM {
			switch {
			case s > 3800 && s < 4200:
				wide++
			case s > 1900 && s < 2100:
				narrow++
			}
		}
	}
	if wide < 15_900 || wide > 16_000 || narrow < 31_700 || narrow > 32_000 {
		t.Errorf("heard %d samples of what came at 16 kHz, and %d of what came at 8", wide, narrow)
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
	if got := a.Stats.Malformed.Load(); got != 5 {
		t.Errorf("%d malformed messages", got)
	}
}

// TestAudioSocketSilence puts silence in where a telephone sends none, and goes on with what comes after it.
func TestAudioSocketSilence(t *testing.T) {
	t.Parallel()
	a := &AudioSocket{}
	p := newTCPPBX(t, a)
	legs := answeredBy(t, &a.Host)
	id := p.ticket()
	conn := p.connects(slin(slinID, id[:]...), slinOf(slinSound, slices.Repeat([]int16{4000}, 80)))
	leg := answeredLeg(t, legs)
	var last time.Duration
	next := func() media.Frame {
		packet, err := leg.Receive()
		if err != nil || len(packet.Frame.PCM) != 160 {
			t.Fatal(packet, err)
		}
		return packet.Frame
	}
	for n := range 10 {
		f := next()
		if n == 0 && (f.PCM[79] != 4000 || f.PCM[80] != 0) || n > 0 && (f.PCM[0] != 0 || f.At != last+media.FrameTime) {
			t.Fatalf("frame %d at %v: %v", n, f.At, f.PCM)
		}
		last = f.At
	}
	if _, err := conn.Write(slinOf(slinSound, slices.Repeat([]int16{4000}, 160))); err != nil {
		t.Fatal(err)
	}
	for {
		f := next()
		if f.At < last+media.FrameTime {
			t.Fatalf("a frame at %v after one at %v", f.At, last)
		}
		if last = f.At; f.PCM[159] == 4000 {
			break
		}
	}
	if a.Stats.Gaps.Load() != 1 {
		t.Errorf("%d gaps", a.Stats.Gaps.Load())
	}
}

// TestAudioSocketMute answers a telephone that sends nothing before it is spoken to.
func TestAudioSocketMute(t *testing.T) {
	t.Parallel()
	a := &AudioSocket{}
	p := newTCPPBX(t, a)
	legs := answeredBy(t, &a.Host)
	id := p.ticket()
	p.connects(slin(slinID, id[:]...))
	if got := answeredLeg(t, legs).Info().Rate; got != 8000 {
		t.Errorf("rate %d", got)
	}
}

// TestAudioSocketRefuses lets nobody in but a call that was announced, once.
func TestAudioSocketRefuses(t *testing.T) {
	t.Parallel()
	a := &AudioSocket{Host: Host{Limits: Limits{Linger: 100 * time.Millisecond}}}
	p := newTCPPBX(t, a)
	legs := answeredBy(t, &a.Host)
	stranger, sound := uuid.New(), slinOf(slinSound, make([]int16, 160))
	used := p.ticket()
	p.connects(slin(slinID, used[:]...), sound)
	answeredLeg(t, legs)
	wide, odd := p.ticket(), p.ticket()
	for name, messages := range map[string][][]byte{
		"a short UUID":           {slin(slinID, stranger[:8]...)},
		"a stranger's":           {slin(slinID, stranger[:]...), sound},
		"one that was used":      {slin(slinID, used[:]...), sound},
		"sound first":            {sound},
		"a long UUID":            {{slinID, 0xff, 0xff}, make([]byte, 1<<15)},
		"HTTP":                   {[]byte("GET / HTTP/1.1\r\nHost: parley\r\n\r\n")},
		"TLS":                    {{0x16, 0x03, 0x01, 0x02, 0x00, 0x01}},
		"a hang-up":              {{0, 0, 0}},
		"12 kHz":                 {slin(slinID, wide[:]...), slin(slinSound+1, make([]byte, 480)...)},
		"gone before it is said": {slin(slinID, odd[:]...), {0, 0, 0}},
	} {
		conn := p.connects(messages...)
		p.closed(conn)
		if len(legs) > 0 {
			t.Errorf("%s: answered", name)
			<-legs
		}
	}
	far := &AudioSocket{Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	elsewhere := newTCPPBX(t, far)
	id := elsewhere.ticket()
	elsewhere.closed(elsewhere.connects(slin(slinID, id[:]...), sound))
	slow := newTCPPBX(t, &AudioSocket{Host: Host{Limits: Limits{Start: 50 * time.Millisecond, Linger: 50 * time.Millisecond}, Answer: a.Answer}})
	for _, messages := range [][][]byte{{}, {{slinID}}, {{slinID, 0, 16}, stranger[:8]}} { // and no more
		slow.closed(slow.connects(messages...))
	}
	if far.Stats.Refused[RefusedOrigin].Load() == 0 || len(legs) > 0 {
		t.Error("a connection of another network is taken")
	}
}

// TestAudioSocketAnnounce asks for tickets, rightly and wrongly.
func TestAudioSocketAnnounce(t *testing.T) {
	t.Parallel()
	a := &AudioSocket{Host: Host{Limits: Limits{Tokens: 1}}}
	p := newTCPPBX(t, a)
	many := url.Values{}
	for i := range audioSocketParams + 1 {
		many.Set(fmt.Sprint(i), "x")
	}
	for name, c := range map[string]struct {
		form url.Values
		edit func(*http.Request)
		want int
		says string
	}{
		"no key":         {pbxForm, func(r *http.Request) { r.Header.Del("Authorization") }, 403, "API key"},
		"another key":    {pbxForm, func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, 403, "API key"},
		"another scheme": {pbxForm, func(r *http.Request) { r.Header.Set("Authorization", "Digest "+pbxKey) }, 403, "API key"},
		"a long number":  {url.Values{"from": {strings.Repeat("1", 129)}}, nil, 400, "from"},
		"lines":          {url.Values{"to": {"1\n2"}}, nil, 400, "to"},
		"many fields":    {many, nil, 400, "form"},
		"too large":      {url.Values{"x": {strings.Repeat("x", 65<<10)}}, nil, 413, ""},
		"no form":        {nil, func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("%zz")); r.ContentLength = 3 }, 400, ""},
	} {
		if status, text := p.announces(c.form, c.edit); status != c.want || !strings.Contains(text, c.says) {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	if status, text := p.announces(pbxForm, func(r *http.Request) { r.SetBasicAuth("asterisk", pbxKey) }); status != 200 || len(text) != 36 {
		t.Errorf("a password: %d %s", status, text)
	}
	if status, text := p.announces(pbxForm, nil); status != 503 {
		t.Errorf("one too many: %d %s", status, text)
	}
	if a.Coming(pbxWait) != 1 {
		t.Errorf("%d calls are coming", a.Coming(pbxWait))
	}
	a.Drain()
	if status, _ := p.announces(pbxForm, nil); status != 503 {
		t.Errorf("while it drains: %d", status)
	}
}

// TestAudioSocketLate brings a ticket after its time.
func TestAudioSocketLate(t *testing.T) {
	t.Parallel()
	a := &AudioSocket{}
	now := time.Now()
	if !a.expect(Incoming{CallSID: "a"}, now) || !a.expect(Incoming{CallSID: "b"}, now.Add(2*time.Minute)) {
		t.Fatal("not expected")
	}
	if _, ok := a.expected["a"]; ok {
		t.Error("a ticket that has run out is kept")
	}
	if _, ok := a.arrives("b", now.Add(4*time.Minute)); ok {
		t.Error("a ticket that has run out is good")
	}
}

// TestAudioSocketNameless has strangers hold connections open: they are bounded, and give way.
func TestAudioSocketNameless(t *testing.T) {
	t.Parallel()
	a := &AudioSocket{Host: Host{Limits: Limits{Start: pbxWait}}}
	p := newTCPPBX(t, a)
	a.nameless.Store(audioSocketNameless)
	p.closed(p.connects())
	if a.Stats.Refused[RefusedBusy].Load() != 1 {
		t.Error("one stranger too many is let in")
	}
	a.nameless.Store(0)
}

// FuzzSlin feeds a leg whatever may come: it survives, and what it keeps is bounded.
func FuzzSlin(f *testing.F) {
	id := uuid.New()
	for _, seed := range [][]byte{
		slin(slinID, id[:]...), slinOf(slinSound, make([]int16, 160)), slinOf(slinSound+2, make([]int16, 320)), slin(slinDigit, '5'), slin(slinHangup), slin(slinError, 1),
		{0x10, 0xff, 0xff, 1}, {0x03, 0, 2, '5', '6', 0x10, 0, 2, 1, 2}, []byte("GET / HTTP/1.1\r\n\r\n"), slin(slinSound, 1, 2, 3),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		near, far := pipe(t)
		stats := &Stats{}
		l, err := newSlinLeg(near, Limits{Linger: time.Millisecond}.orDefaults(), stats)
		if err != nil {
			t.Fatal(err)
		}
		l.start(media.Info{Rate: 8000, Chunk: media.FrameTime})
		if _, err := far.Write(text); err != nil {
			t.Fatal(err)
		}
		_ = far.Close()
		for err == nil {
			var p media.Packet
			if p, err = l.Receive(); err == nil && p.Digit == 0 && len(p.Frame.PCM) != 160 {
				t.Fatalf("%+v", p)
			}
		}
		l.finish()
	})
}

// pipe is a connection on loopback, from both its ends.
func pipe(tb testing.TB) (near, far *net.TCPConn) {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer ln.Close()
	dialled, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	accepted, err := ln.Accept()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = dialled.Close() })
	return accepted.(*net.TCPConn), dialled.(*net.TCPConn)
}

func BenchmarkSlin(b *testing.B) {
	for _, rate := range []int{8000, 48000} {
		b.Run(fmt.Sprint(rate), func(b *testing.B) {
			near, far := pipe(b)
			l, err := newSlinLeg(near, Limits{}.orDefaults(), &Stats{})
			if err != nil {
				b.Fatal(err)
			}
			defer l.finish()
			l.start(media.Info{Rate: rate, Chunk: media.FrameTime})
			m, sink := slinOf(kindOf(rate), make([]int16, rate/50)), make([]byte, 4096)
			f := media.Frame{PCM: make([]int16, rate/50), Rate: rate}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := far.Write(m); err != nil {
					b.Fatal(err)
				}
				if _, err := l.Receive(); err != nil {
					b.Fatal(err)
				}
				if err := l.Send(f); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(far, sink[:len(m)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
