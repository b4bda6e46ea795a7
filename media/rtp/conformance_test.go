package rtp

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"parley/media"
	"parley/media/g711"
	"parley/media/legtest"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// ports are many of a machine's, and a test's own.
func ports(t testing.TB, o PortsOptions) *Ports {
	t.Helper()
	if !o.Bind.IsValid() {
		o.Bind = loopback
	}
	if o.First == 0 {
		o.First, o.Last = 20000, 60999
	}
	o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	p, err := NewPorts(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func open(t testing.TB, p *Ports) *Session {
	t.Helper()
	s, err := p.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func configure(t testing.TB, s *Session, c Config) {
	t.Helper()
	if err := s.Configure(c); err != nil {
		t.Fatal(err)
	}
}

// pcmu is an agreement on mu-law and events with another session.
func pcmu(remote *Session) Config {
	return Config{Remote: remote.Local(), Codec: Codec{Name: "PCMU", PT: 0, Clock: 8000}, Events: 101}
}

func TestConformance(t *testing.T) {
	for name, keys := range map[string]*Keys{"plain": nil, "secured": {
		Suite: AES128SHA80, Local: []byte("0123456789abcdef0123456789abcd"), Remote: []byte("abcdefghijklmnopabcdefghijklmn"),
	}} {
		t.Run(name, func(t *testing.T) {
			p := ports(t, PortsOptions{})
			legtest.Conformance(t, func(t *testing.T) (media.Leg, legtest.Far) {
				near, far := open(t, p), open(t, p)
				c := pcmu(far)
				c.Jitter.Fixed = time.Second // the far end says all at once
				c.Keys = keys
				configure(t, near, c)
				c = pcmu(near)
				if keys != nil {
					c.Keys = &Keys{keys.Suite, keys.Remote, keys.Local}
				}
				configure(t, far, c)
				l := &leg{Session: near, cleared: make(chan struct{}, 1)}
				return l, &phone{t: t, s: far, leg: l, silence: make([]int16, 160)}
			})
		})
	}
}

// A leg is the least that makes a media.Leg of a Session.
type leg struct {
	*Session
	cleared chan struct{} // signalling, of a kind: RTP has no word for it
}

var _ interface {
	media.Leg
	media.Keypad
} = (*leg)(nil)

func (l *leg) Info() media.Info {
	return media.Info{Kind: "rtp", Rate: l.Rate(), Chunk: media.FrameTime, Comfort: true}
}

func (l *leg) Clear() error {
	err := l.Session.Clear()
	select {
	case l.cleared <- struct{}{}:
	default:
	}
	return err
}

func (l *leg) Hangup(media.Cause) error { return l.Close() }

// A phone is the far end: a Session that speaks, and whose socket is read packet by packet.
type phone struct {
	t       *testing.T
	s       *Session
	leg     *leg
	silence []int16

	mu    sync.Mutex
	batch batch
	came  []int16 // has not sounded
	heard []int16
}

func (p *phone) Say(pcm []int16) error {
	for piece := range slices.Chunk(pcm, 160) {
		if err := p.s.Send(media.Frame{PCM: piece, Rate: 8000}); err != nil {
			return err
		}
	}
	return nil
}

func (p *phone) Press(digit rune) error {
	if err := p.s.Press(digit, 100*time.Millisecond); err != nil {
		return err
	}
	for range 9 {
		if err := p.Say(p.silence); err != nil {
			return err
		}
	}
	return nil
}

func (p *phone) Stop() error {
	p.leg.Finish(io.EOF) // as of a BYE
	return nil
}

func (p *phone) Drop() error {
	_ = p.s.Close()
	c := pcmu(p.s)
	c.Timeout = 100 * time.Millisecond
	if keys := p.leg.agreed.Keys; keys != nil {
		c.Keys = keys
	}
	return p.leg.Configure(c)
}

// read takes what has come; mu is held.
func (p *phone) read() error {
	for {
		if err := p.s.pair.rtp.read(&p.batch); err != nil || p.batch.n == 0 {
			return err
		}
		for i := range p.batch.n {
			b := p.batch.packet(i)
			if opener := p.s.agreed.opener; opener != nil {
				var err error
				if b, err = opener.open(b); err != nil {
					return err
				}
			}
			got, ok := parse(b)
			if !ok || got.kind != 0 {
				return fmt.Errorf("a packet of type %d", got.kind)
			}
			pcm := make([]int16, len(got.payload))
			g711.Ulaw.Decode(pcm, got.payload)
			p.came = append(p.came, pcm...)
		}
	}
}

func (p *phone) Hear(ctx context.Context, n int) ([]int16, error) {
	for {
		p.mu.Lock()
		err := p.read()
		if len(p.came) >= n && err == nil {
			got := p.came[:n]
			p.came, p.heard = p.came[n:], append(p.heard, got...)
			p.mu.Unlock()
			return got, nil
		}
		p.mu.Unlock()
		if err != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
}

func (p *phone) Heard() []int16 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.heard)
}

func (p *phone) Cleared(ctx context.Context) error {
	select {
	case <-p.leg.cleared:
	case <-ctx.Done():
		return ctx.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	err := p.read()
	p.came = nil
	return err
}

func (p *phone) Deafen() {}
