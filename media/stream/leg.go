package stream

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"parley/media"
)

// widest is the most samples a frame has, at 48 kHz.
const widest = 960

// past is a deadline that wakes whoever reads.
var past = time.Unix(1, 0)

// A Leg is one call's stream: a media.Leg and a media.Marker. It hears sound in messages of any size.
type Leg struct {
	conn   net.Conn
	speaks *dialect
	sounds // of the stream, once that has told them
	info   media.Info
	stream string // the carrier's id of the stream
	stats  *Stats
	limits Limits

	owners []string                               // as Info has them
	answer func(m *message) (media.Packet, error) // what a message of kindAsked is answered, and means

	// The reading goroutine's.
	reading   sync.Mutex // held by Receive, so that finish waits for a last one
	in        *frames
	started   bool
	mute      int // read deadlines in a row that found nothing new
	malformed int // senseless messages in a row
	err       error
	broken    bool    // the framing has no more sense
	goodbye   bool    // the far end's close frame has come
	said      message // the last: a dialect is called through a pointer, which would allocate one each
	heard     []byte  // what was in it
	rest      []byte  // of that: not yet in pcm
	pcm       [widest]int16
	filled    int   // samples of pcm
	begin     int64 // media time of pcm[0], in samples from the first
	pos       int64 // media time of the next sample
	origin    int64 // the carrier's clock at pos 0, in samples
	anchored  bool  // origin is known
	order     order // of messages that may overtake each other

	// Playout's.
	writer *writer
	codes  []byte

	out      *outbox
	sent     atomic.Uint64 // a mark: how far Send has come
	hungUp   atomic.Bool
	hangOnce sync.Once
}

var _ interface {
	media.Leg
	media.Marker
} = (*Leg)(nil)

func newLeg(conn net.Conn, speaks *dialect, limits Limits, stats *Stats) *Leg {
	return &Leg{
		conn: conn, speaks: speaks, limits: limits, stats: stats,
		in:  newFrames(conn, limits.Message),
		out: newOutbox(conn, limits.Patience),
	}
}

// awaitStart returns the far end's start. Whatever else it says before is passed over, but sound, which is a violation.
func (l *Leg) awaitStart() (*start, error) {
	s, err := l.firstStart()
	if err != nil {
		l.err = l.ended(err)
		return nil, l.err
	}
	return s, nil
}

func (l *Leg) firstStart() (*start, error) {
	if err := l.await(l.limits.Start); err != nil {
		return nil, err
	}
	for {
		op, text, err := l.next()
		if errors.Is(err, os.ErrDeadlineExceeded) && !l.hungUp.Load() {
			return nil, errNoStart
		}
		if err != nil {
			return nil, err
		}
		if op == opBinary {
			switch {
			case l.speaks.bare:
				return &start{channels: 1}, l.hearBinary(text)
			case l.speaks.binary:
				return nil, errEarly
			}
			l.stats.Unknown.Add(1)
			continue
		}
		if err := l.speaks.parse(text, &l.said); err != nil {
			if err := l.senseless(err); err != nil {
				return nil, err
			}
			continue
		}
		switch l.said.kind {
		case kindStart:
			return l.said.start, nil
		case kindConnected:
		case kindMedia:
			return nil, errEarly
		default:
			l.stats.Unknown.Add(1)
		}
	}
}

// start makes the leg what s says: from here on it may be used.
func (l *Leg) start(s *start, lead, chunk time.Duration) error {
	l.stream = s.stream
	l.info = media.Info{
		Kind: l.speaks.kind, ID: s.call, From: cmp.Or(s.from, s.params["from_number"]), To: cmp.Or(s.to, s.params["to_number"]),
		Rate: l.hears.rate, Lead: lead, Chunk: chunk, Least: l.speaks.leastOf(l.says), Outbound: s.outbound, Params: maps.Clone(s.params), Owners: l.owners,
		Resumes: s.resumes,
	}
	delete(l.info.Params, "token")
	delete(l.info.Params, onwardParam)
	l.codes = make([]byte, l.says.bytes(chunk))
	if l.speaks.whole {
		l.codes = make([]byte, len(l.codes), l.says.bytes(chunk+media.FrameTime)) // with silence
	}
	words := l.speaks.words(s.stream, l.says)
	if !l.speaks.binary || l.speaks.texts {
		l.writer = newWriter(words, cap(l.codes))
	} else {
		piece := cmp.Or(l.says.bytes(l.speaks.piece), len(l.codes))
		l.writer = newBinaryWriter(words, cap(l.codes), piece)
	}
	l.out.fit(cap(l.writer.buf) * int(max(1, usualChunk/chunk))) // small ones may wait as long
	l.out.expect(l.says.bytes(l.limits.Patience), textFrame(words.bye))
	if hello := textFrame(words.hello); hello != nil {
		if err := l.out.send(hello); err != nil {
			return err
		}
	}
	l.started = true
	return l.await(l.limits.Ping)
}

func (l *Leg) mailbox() *outbox { return l.out }

func (l *Leg) begun() bool { return l.started }

// Info is who calls whom, and how the carrier wants its audio.
func (l *Leg) Info() media.Info { return l.info }

// Receive returns the next 20 ms frame, key, or Played note. io.EOF means that the carrier said stop or closed in good order.
func (l *Leg) Receive() (media.Packet, error) {
	l.reading.Lock()
	defer l.reading.Unlock()
	if l.filled == l.hears.frame() {
		l.filled = 0
	}
	for l.err == nil {
		if l.take() {
			at := media.Samples(int(l.begin), l.hears.rate)
			return media.Packet{Frame: media.Frame{PCM: l.pcm[:l.filled], Rate: l.hears.rate, At: at}}, nil
		}
		if l.turn() {
			continue
		}
		op, payload, err := l.next()
		if err != nil {
			l.err = l.ended(err)
			break
		}
		var packet media.Packet
		if op == opBinary {
			err = l.hearBinary(payload)
		} else {
			packet, err = l.hear(payload)
		}
		if err != nil {
			l.err = l.ended(err)
		}
		if packet.Digit != 0 || packet.Note.Kind != media.NoNote {
			return packet, nil
		}
	}
	return media.Packet{}, l.err
}

// next returns the next message, text or binary, and answers control frames on the way. It notices a peer that has died: every
// Limits.Ping it looks whether anything came, and asks for a pong.
func (l *Leg) next() (opcode, []byte, error) {
	for {
		op, payload, err := l.in.next()
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) && l.started && !l.hungUp.Load() {
				if err = l.tick(); err == nil {
					continue
				}
			}
			l.broken = errors.As(err, new(*violation))
			return 0, nil, err
		}
		switch op {
		case opText, opBinary:
			l.stats.MessagesIn.Add(1)
			return op, payload, nil
		case opPing:
			var frame [2 + maxControl]byte
			if err := l.out.send(appendControl(frame[:0], opPong, payload)); err != nil {
				return 0, nil, err
			}
		case opClose:
			l.goodbye = true
			code, err := closing(payload)
			if err != nil {
				return 0, nil, err
			}
			l.out.close(code, "")
			if code == closeNormal || code == closeGoingAway || code == closeNoStatus {
				return 0, nil, io.EOF
			}
			return 0, nil, fmt.Errorf("the far end closed with code %d", code)
		}
	}
}

var errMute = errors.New("nothing heard for too long")

// tick comes with each read deadline. A peer that has been mute for Limits.Silence is lost by then.
func (l *Leg) tick() error {
	if l.in.heard {
		l.mute = 0
	} else {
		l.mute++
	}
	l.in.heard = false
	if time.Duration(l.mute+1)*l.limits.Ping >= l.limits.Silence && l.mute > 0 {
		return errMute
	}
	var frame [2]byte
	if err := l.out.send(appendControl(frame[:0], opPing, nil)); err != nil {
		return err
	}
	return l.await(l.limits.Ping)
}

// await sets the next read deadline, but never undoes that of a Hangup.
func (l *Leg) await(d time.Duration) error {
	if err := l.conn.SetReadDeadline(time.Now().Add(d)); err != nil {
		return fmt.Errorf("set read deadline: %w", err)
	}
	if l.hungUp.Load() {
		return os.ErrDeadlineExceeded
	}
	return nil
}

// ended makes of whatever stopped the reading the error that Receive returns from now on, and tells the far end where it broke
// the protocol.
func (l *Leg) ended(err error) error {
	var breach *violation
	switch {
	case errors.Is(err, io.EOF):
		return io.EOF
	case errors.As(err, &breach):
		l.stats.Violations.Add(1)
		if breach.code == closeTooBig {
			l.stats.Oversized.Add(1)
		}
		l.out.close(breach.code, breach.text)
	case l.hungUp.Load():
		return fmt.Errorf("receive: %w", errHungUp)
	}
	if failed := l.out.failed(); failed != nil {
		err = failed
	}
	return fmt.Errorf("receive: %w", err)
}

// Send hands over at most Info.Chunk of audio in one message. It does not block and does not allocate.
func (l *Leg) Send(f media.Frame) error {
	if f.Rate != l.hears.rate {
		return fmt.Errorf("send: rate %d, want %d", f.Rate, l.hears.rate)
	}
	if len(f.PCM)*l.says.width() > len(l.codes) {
		return fmt.Errorf("send: %v at once, want at most %v", f.Duration(), l.info.Chunk)
	}
	if len(f.PCM) == 0 {
		return l.out.failed()
	}
	n := l.says.encode(l.codes, f.PCM)
	if err := l.out.say(l.writer.audio(l.filledUp(n))); err != nil {
		return err
	}
	l.sent.Add(uint64(len(f.PCM))) // Clear, the only other writer, comes from the same goroutine
	l.stats.MessagesOut.Add(1)
	return nil
}

// filledUp is the first n of codes, and silence to the end of a frame where the carrier wants whole ones.
func (l *Leg) filledUp(n int) []byte {
	codes := l.codes[:n]
	if frame := l.says.bytes(media.FrameTime); l.speaks.whole {
		for len(codes)%frame != 0 {
			codes = append(codes, l.says.silence())
		}
	}
	return codes
}

// Mark asks for a Played note.
func (l *Leg) Mark() error {
	return l.told(l.out.say(l.writer.marked(markOf(l.sent.Load()))))
}

// Clear begins a new epoch. The marks that the carrier returns because of it are of an older one.
func (l *Leg) Clear() error {
	l.sent.Store(mark{epoch: markOf(l.sent.Load()).epoch + 1}.word())
	switch {
	case !l.speaks.live:
	case l.hungUp.Load():
		return errHungUp
	default:
		return l.out.failed()
	}
	return l.told(l.out.restart(l.writer.cleared()))
}

// unmarked is a leg whose carrier does not report what it has played: it is no media.Marker, and its playout goes by the send clock alone.
type unmarked struct{ media.Leg }

// Unwrap is the leg itself.
func (u unmarked) Unwrap() media.Leg { return u.Leg }

// A padLeg is the Leg of a carrier that presses keys: a media.Keypad, too.
type padLeg struct{ *Leg }

var _ media.Keypad = padLeg{}

// Press presses a key. For how long, the carrier decides.
func (l padLeg) Press(key rune, _ time.Duration) error {
	return l.told(l.out.say(l.writer.pressed(key)))
}

// face is the leg as its call sees it: with all that its carrier can do.
func (l *Leg) face() media.Leg {
	switch {
	case l.speaks.live:
		return unmarked{l}
	case l.writer.keyTail != "":
		return padLeg{l}
	}
	return l
}

// told counts a message that was sent.
func (l *Leg) told(err error) error {
	if err == nil {
		l.stats.MessagesOut.Add(1)
	}
	return err
}

var errHungUp = errors.New("hung up")

// Hangup closes the stream in good order, with the cause as the close frame's reason. Twilio then goes on with the TwiML that
// follows the stream, which is <Hangup/>.
func (l *Leg) Hangup(cause media.Cause) error {
	l.hangOnce.Do(func() {
		l.hungUp.Store(true)
		l.out.part(closeNormal, string(cause))
		_ = l.conn.SetReadDeadline(past) // it fails only on a closed connection
	})
	return nil
}

// finish ends the connection and waits until nothing of it is left; nobody may use the leg any more. It reads on, for
// Limits.Linger at most, until the far end has answered the close frame: to close a socket with unread data would reset it.
func (l *Leg) finish() {
	_ = l.Hangup("")
	l.reading.Lock()
	defer l.reading.Unlock()
	if l.err == nil {
		l.err = fmt.Errorf("receive: %w", errHungUp)
	}
	l.out.finish(l.limits.Linger)
	for l.out.failed() == nil && !l.goodbye && !l.broken {
		op, _, err := l.in.next()
		if err != nil {
			break
		}
		l.goodbye = op == opClose
	}
	if l.broken && l.out.failed() == nil {
		_, _ = io.Copy(io.Discard, l.conn)
	}
	if l.out.failed() != nil {
		_ = l.out.tcp.Close() // TLS would try to say goodbye
		return
	}
	_ = l.conn.Close()
}
