package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/pion/dtls/v3/pkg/crypto/selfsign"
	"github.com/pion/rtp"
	"github.com/pion/stun/v4"

	"parley/bench/machine"
	"parley/bench/phones"
	"parley/bench/report"
)

// Shape of the sound: Opus, 20 ms a packet, at a clock of 48 kHz (RFC 7587).
const (
	frame  = 20 * time.Millisecond
	ticks  = 960
	beat   = 500 * time.Microsecond
	loud   = 20              // bytes of a payload: less is silence
	alive  = 5 * time.Second // between the checks of a browser (RFC 7675)
	buffer = 128 << 20       // how much may wait for the thread, as the kernel counts it
)

// A crowd is all browsers. Connecting, they have goroutines; talking, they are Run's alone.
type crowd struct {
	socket      *phones.Socket
	clock       machine.Clock
	certificate tls.Certificate
	print       string
	speech      [][]byte // packets of speech, over and over

	mu       sync.Mutex // of the socket's sending, and of who there is
	browsers map[netip.Addr]*browser
	talking  [int(frame / beat)][]*browser

	beats int64 // that are over, of 500 us
	due   []phones.Datagram
	tally *tally
}

// A stream is what a browser says and hears.
type stream struct {
	header rtp.Header
	plain  []byte
	sealed []byte
	opened []byte
	said   int           // packets of speech, from the beginning of it
	checks time.Duration // when the next is due

	heard  bool
	seq    uint16
	first  uint32        // the timestamp that times count from
	line   time.Duration // when the first could have come at the earliest
	begun  bool          // line is known
	frames int64         // in the measured time
}

// A tally is what was heard and said while it was kept.
type tally struct {
	late     *hdrhistogram.Histogram // of what came, against each stream's own timestamps
	sendLate *hdrhistogram.Histogram // of what was sent, against ours
	sent     int64
	heard    int64
	loud     int64 // of these, those that are no silence
	lost     int64 // gaps in their numbers, less what came late
	short    int64 // packets that the time holds more than what came to each browser
	foreign  int64 // nobody's, or cannot be opened
	busy     float64
	lasted   time.Duration
}

func newCrowd(speech [][]byte) (*crowd, error) {
	c := &crowd{clock: machine.NewClock(), speech: speech, browsers: make(map[netip.Addr]*browser)}
	var err error
	if c.certificate, err = selfsign.GenerateSelfSigned(); err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	if c.print, err = fingerprintOf(c.certificate); err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	if c.socket, err = phones.Listen(buffer); err != nil {
		return nil, err
	}
	return c, nil
}

// send sends at once. What the kernel has no room for is lost.
func (c *crowd) send(all []phones.Datagram) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.socket.Send(all)
	return err
}

// meet has what comes for a browser reach it.
func (c *crowd) meet(b *browser) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.browsers[b.from] = b
}

func (c *crowd) browser(at netip.Addr) *browser {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.browsers[at]
}

// attend hands on what comes while browsers connect or leave, until ctx ends.
func (c *crowd) attend(ctx context.Context) error {
	for ctx.Err() == nil {
		n, err := c.socket.Receive(c.hear)
		if err != nil {
			return fmt.Errorf("hear: %w", err)
		}
		if n == 0 {
			machine.SleepUntil(c.clock.Now() + beat)
			runtime.Gosched() // the one processor is everybody's
		}
	}
	return nil
}

// begin has the connected talk, each when its turn is.
func (c *crowd) begin(all []*browser) {
	for i, b := range all {
		slot := i * 7 % len(c.talking)
		c.talking[slot] = append(c.talking[slot], b)
		b.checks = time.Duration(i) * time.Millisecond % alive
	}
}

// errStood says that the thread did not run for so long that what it has measured says nothing.
var errStood = errors.New("the generator did not run for a second")

// run talks and listens until ctx ends, on the calling goroutine. measure is called every 500 us with the time, which counts from the beginning,
// and returns the tally to be kept from then on; nil: none is.
func (c *crowd) run(ctx context.Context, measure func(now time.Duration) *tally) error {
	start := c.clock.Now()
	var kept, began, used = (*tally)(nil), time.Duration(0), time.Duration(0)
	keep := func(now time.Duration, next *tally) {
		if kept != nil {
			kept.lasted, kept.busy = now-began, float64(machine.OwnTime()-used)/float64(max(1, now-began))
			c.end(kept)
		}
		if kept, began, used = next, now, machine.OwnTime(); kept != nil {
			c.open(kept)
		}
	}
	defer func() { keep(c.clock.Now()-start, nil) }()
	for ctx.Err() == nil {
		now := c.clock.Now() - start
		if next := measure(now); next != kept {
			keep(now, next)
		}
		due := int64(now / beat)
		if due-c.beats > int64(time.Second/beat) {
			return errStood
		}
		for ; c.beats <= due; c.beats++ {
			if err := c.speak(now, time.Duration(c.beats)*beat); err != nil {
				return err
			}
		}
		for {
			n, err := c.socket.Receive(c.hear)
			if err != nil {
				return fmt.Errorf("hear: %w", err)
			}
			if n == 0 {
				break
			}
		}
		machine.SleepUntil(start + time.Duration(c.beats)*beat)
	}
	return nil
}

func (c *crowd) open(t *tally) {
	t.late, t.sendLate = report.NewHistogram(), report.NewHistogram()
	for _, b := range c.browsers {
		b.frames, b.begun = 0, false
	}
	c.tally = t
}

// end adds up what each browser should have heard: the ends of the time fall into packets, and one may be on its way.
func (c *crowd) end(t *tally) {
	for _, b := range c.browsers {
		t.short += max(0, int64((t.lasted-3*frame)/frame)-b.frames)
	}
	c.tally = nil
}

// speak sends a packet of each browser whose turn a beat is.
func (c *crowd) speak(now, due time.Duration) error {
	slot := c.talking[c.beats%int64(len(c.talking))]
	if len(slot) == 0 {
		return nil
	}
	c.due = c.due[:0]
	for _, b := range slot {
		sealed, err := b.next(c.speech)
		if err != nil {
			return err
		}
		c.due = append(c.due, phones.Datagram{From: b.from, To: b.to, Data: sealed})
		if now < b.checks {
			continue
		}
		b.checks = now + alive
		request, err := b.request()
		if err != nil {
			return err
		}
		c.due = append(c.due, phones.Datagram{From: b.from, To: b.to, Data: request})
	}
	if err := c.send(c.due); err != nil {
		return err
	}
	if c.tally != nil {
		c.tally.sent += int64(len(slot))
		report.RecordN(c.tally.sendLate, now-due, int64(len(slot)))
	}
	return nil
}

// next is a browser's next packet, sealed.
func (b *browser) next(speech [][]byte) ([]byte, error) {
	b.header.SequenceNumber++
	b.header.Timestamp += ticks
	payload := speech[b.said%len(speech)]
	b.said++
	var err error
	if b.plain, err = appendPacket(b.plain[:0], &b.header, payload); err != nil {
		return nil, err
	}
	if b.sealed, err = b.out.EncryptRTP(b.sealed[:0], b.plain, &b.header); err != nil {
		return nil, fmt.Errorf("seal a packet: %w", err)
	}
	return b.sealed, nil
}

// appendPacket appends a header and a payload.
func appendPacket(to []byte, h *rtp.Header, payload []byte) ([]byte, error) {
	to = append(to, make([]byte, h.MarshalSize())...)
	if _, err := h.MarshalTo(to); err != nil {
		return nil, fmt.Errorf("make a packet: %w", err)
	}
	return append(to, payload...), nil
}

// hear takes what has come, told apart by its first byte (RFC 7983).
func (c *crowd) hear(to netip.Addr, from netip.AddrPort, data []byte) {
	b := c.browser(to)
	switch {
	case b == nil || from != b.to || len(data) < 12:
		c.strange()
	case data[0] < 4:
		b.checked(data)
	case data[0] < 64:
		select {
		case b.come <- append([]byte(nil), data...):
		default: // lost, as on any network
		}
	case data[1]&0x7F == payloadType:
		c.listen(b, data)
	}
}

func (c *crowd) strange() {
	if c.tally != nil {
		c.tally.foreign++
	}
}

// checked takes the answer to a check, or answers one.
func (b *browser) checked(data []byte) {
	m := &stun.Message{Raw: append([]byte(nil), data...)}
	if m.Decode() != nil {
		return
	}
	switch m.Type {
	case stun.BindingSuccess:
		select {
		case b.answered <- struct{}{}:
		default:
		}
	case stun.BindingRequest:
		answer, err := stun.Build(m, stun.BindingSuccess, &stun.XORMappedAddress{IP: b.to.Addr().AsSlice(), Port: int(b.to.Port())},
			stun.NewShortTermIntegrity(b.pwd), stun.Fingerprint)
		if err == nil {
			_, _ = b.WriteTo(answer.Raw, nil) // it asks again
		}
	}
}

// listen judges a packet of sound.
func (c *crowd) listen(b *browser, data []byte) {
	if !b.ready.Load() {
		return // it has no keys yet
	}
	var h rtp.Header
	var err error
	if b.opened, err = b.in.DecryptRTP(b.opened[:0], data, &h); err != nil {
		c.strange()
		return
	}
	gap := int64(int16(h.SequenceNumber - b.seq - 1)) //nolint:gosec // sequence numbers wrap
	if !b.heard {
		gap, b.first = 0, h.Timestamp
	}
	if gap >= 0 {
		b.seq, b.heard = h.SequenceNumber, true
	}
	offset := c.clock.Now() - time.Duration(int32(h.Timestamp-b.first))*frame/ticks //nolint:gosec // timestamps wrap
	if !b.begun {
		b.begun, b.line = true, offset
	}
	b.line = min(b.line, offset)
	if c.tally == nil {
		return
	}
	b.frames++
	c.tally.heard++
	if len(b.opened)-h.MarshalSize() >= loud {
		c.tally.loud++
	}
	report.Record(c.tally.late, offset-b.line)
	switch {
	case gap > 0:
		c.tally.lost += gap
	case gap < 0:
		c.tally.lost-- // it was counted as lost
	}
}
