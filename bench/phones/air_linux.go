package phones

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"parley/bench/machine"
	"parley/bench/report"
	"parley/bench/wire"
)

// Shape of the sound: PCMU, 20 ms a packet (RFC 3551, section 4.5.14).
const (
	headerSize = 12
	samples    = 160
	frame      = 20 * time.Millisecond
	beat       = 500 * time.Microsecond
)

// hearing is how much may wait for the thread: 20 ms of 8,000 phones, as the kernel counts it.
const hearing = 128 << 20

// Most is how many phones an Air has.
const Most = 1 << 15

// Address is that of the n-th phone, from 0: each has its own.
func Address(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{127, 64 + byte(n>>16), byte(n >> 8), byte(n)})
}

// number is which phone has an address.
func number(a netip.Addr) int {
	b := a.As4()
	return int(b[1]-64)<<16 | int(b[2])<<8 | int(b[3])
}

// An Air carries the sound of all phones. Begin is called before Run; during Run it is Run's goroutine's alone.
type Air struct {
	socket *Socket
	clock  machine.Clock
	phones []*phone
	slots  [int(frame / beat)][]*phone
	due    []Datagram
	noise  [50][samples]byte

	beats int64 // that are over, of 500 us
	tally *Tally
}

// A phone is one call's sound.
type phone struct {
	to       netip.AddrPort
	from     netip.Addr
	packet   [headerSize + samples]byte
	said     int
	schedule wire.Schedule
	heard    bool
	seq      uint16
	frames   int64 // in the measured time
}

// A Tally is what was heard and said while it was kept.
type Tally struct {
	Late     *hdrhistogram.Histogram // of what came, against each phone's own schedule; in microseconds
	SendLate *hdrhistogram.Histogram // of what was sent, against ours
	Sent     int64                   // packets
	Unsent   int64                   // the kernel had no room for
	Heard    int64                   // packets
	Lost     int64                   // gaps in their numbers, less what came late
	Short    int64                   // packets that the time holds more than what came to each phone
	Skips    int64                   // a phone's sound went on later than before
	Foreign  int64                   // nobody's, or no RTP
	Busy     float64                 // share of a core that the thread used
	Lasted   time.Duration
}

// NewAir opens the socket of all phones.
func NewAir() (*Air, error) {
	s, err := Listen(hearing)
	if err != nil {
		return nil, err
	}
	a := &Air{socket: s, clock: machine.NewClock()}
	for i := range a.noise { // it swells and fades, as speech does
		for j := range a.noise[i] {
			a.noise[i][j] = byte(rand.Uint32())&0x8F | byte(7-i%8)<<4
		}
	}
	return a, nil
}

// Port is the port of each phone.
func (a *Air) Port() uint16 { return a.socket.Port() }

// Close lets go of the port.
func (a *Air) Close() error { return a.socket.Close() }

// Begin has the next phone talk to a server's port; it says which phone that is.
func (a *Air) Begin(to netip.AddrPort) int {
	n := len(a.phones)
	p := &phone{to: to, from: Address(n), said: n}
	p.packet[0] = 2 << 6
	binary.BigEndian.PutUint16(p.packet[2:], uint16(n)) //nolint:gosec // any will do
	binary.BigEndian.PutUint32(p.packet[8:], rand.Uint32())
	a.phones = append(a.phones, p)
	slot := n % len(a.slots)
	a.slots[slot] = append(a.slots[slot], p)
	return n
}

// ErrStood says that the thread did not run for so long that what it has measured says nothing.
var ErrStood = errors.New("the generator did not run for a second")

// Run talks and listens until ctx ends, on the calling goroutine: whoever wants figures locks it to a thread. measure is called every 500 us
// with the time, which counts from the beginning, and returns the Tally to be kept from then on; nil: none is.
func (a *Air) Run(ctx context.Context, measure func(now time.Duration) *Tally) error {
	start := a.clock.Now()
	var kept, began, used = (*Tally)(nil), time.Duration(0), time.Duration(0)
	keep := func(now time.Duration, next *Tally) {
		if kept != nil {
			kept.Lasted, kept.Busy = now-began, float64(machine.OwnTime()-used)/float64(max(1, now-began))
			a.close(kept)
		}
		if kept, began, used = next, now, machine.OwnTime(); kept != nil {
			a.open(kept)
		}
	}
	defer func() { keep(a.clock.Now()-start, nil) }()
	for ctx.Err() == nil {
		now := a.clock.Now() - start
		if next := measure(now); next != kept {
			keep(now, next)
		}
		due := int64(now / beat)
		if due-a.beats > int64(time.Second/beat) {
			return ErrStood
		}
		for ; a.beats <= due; a.beats++ {
			if err := a.speak(now, time.Duration(a.beats)*beat); err != nil {
				return err
			}
		}
		if err := a.listen(); err != nil {
			return err
		}
		machine.SleepUntil(start + time.Duration(a.beats)*beat)
	}
	return nil
}

func (a *Air) open(t *Tally) {
	t.Late, t.SendLate = report.NewHistogram(), report.NewHistogram()
	for _, p := range a.phones {
		// What begins to speak in the midst of a frame of comfort noise is sent at once: a phone would seem to hear all after it late.
		p.frames, p.schedule = 0, wire.Schedule{}
	}
	a.tally = t
}

// close adds up what each phone should have heard: the ends of the time fall into packets, and one may be on its way.
func (a *Air) close(t *Tally) {
	for _, p := range a.phones {
		t.Short += max(0, int64((t.Lasted-3*frame)/frame)-p.frames)
	}
	a.tally = nil
}

// speak sends a packet of each phone whose turn a beat is.
func (a *Air) speak(now, due time.Duration) error {
	slot := a.slots[a.beats%int64(len(a.slots))]
	if len(slot) == 0 {
		return nil
	}
	a.due = a.due[:0]
	for _, p := range slot {
		b := p.packet[:]
		binary.BigEndian.PutUint16(b[2:], binary.BigEndian.Uint16(b[2:])+1)
		binary.BigEndian.PutUint32(b[4:], binary.BigEndian.Uint32(b[4:])+samples)
		copy(b[headerSize:], a.noise[p.said%len(a.noise)][:])
		p.said++
		a.due = append(a.due, Datagram{From: p.from, To: p.to, Data: b})
	}
	n, err := a.socket.Send(a.due)
	if err != nil {
		return err
	}
	if a.tally != nil {
		a.tally.Sent += int64(n)
		a.tally.Unsent += int64(len(a.due) - n)
		report.RecordN(a.tally.SendLate, now-due, int64(len(a.due)))
	}
	return nil
}

// listen takes what has come.
func (a *Air) listen() error {
	for {
		n, err := a.socket.Receive(a.hear)
		if err != nil {
			return fmt.Errorf("hear: %w", err)
		}
		if n < batch {
			return nil
		}
	}
}

// hear judges a packet.
func (a *Air) hear(to netip.Addr, from netip.AddrPort, data []byte) {
	i := number(to)
	if i < 0 || i >= len(a.phones) || from != a.phones[i].to || len(data) < headerSize || data[0]>>6 != 2 || data[1]&0x7F != 0 {
		if a.tally != nil {
			a.tally.Foreign++
		}
		return
	}
	p := a.phones[i]
	seq := binary.BigEndian.Uint16(data[2:])
	gap := int64(int16(seq - p.seq - 1))
	if !p.heard {
		gap = 0
	}
	if gap >= 0 {
		p.seq, p.heard = seq, true
	}
	v := p.schedule.Arrive(a.clock.Now(), frame*time.Duration(len(data)-headerSize)/samples)
	if a.tally == nil {
		return
	}
	p.frames++
	a.tally.Heard++
	report.Record(a.tally.Late, v.Late)
	switch {
	case gap > 0:
		a.tally.Lost += gap
	case gap < 0:
		a.tally.Lost-- // it was counted as lost
	}
	if v.Skipped {
		a.tally.Skips++
	}
}
