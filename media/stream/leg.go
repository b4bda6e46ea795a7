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

	owners []string // as Info has them

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
		text, err := l.nextText()
		if errors.Is(err, os.ErrDeadlineExceeded) && !l.hungUp.Load() {
			return nil, errNoStart
		}
		if err != nil {
			return nil, err
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
		Rate: l.hears.rate, Lead: lead, Chunk: chunk, Outbound: s.outbound, Params: maps.Clone(s.params), Owners: l.owners,
		Resumes: s.resumes,
	}
	delete(l.info.Params, "token")
	delete(l.info.Params, onwardParam)
	l.codes = make([]byte, int(chunk*time.Duration(l.hears.rate)/time.Second)*l.says.width())
	l.writer = newWriter(l.speaks.words(s.stream, l.says), len(l.codes))
	l.out.fit(cap(l.writer.buf))
	l.started = true
	return l.await(l.limits.Ping)
}

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
		text, err := l.nextText()
		if err != nil {
			l.err = l.ended(err)
			break
		}
		packet, err := l.hear(text)
		if err != nil {
			l.err = l.ended(err)
		}
		if packet.Digit != 0 || packet.Note.Kind != media.NoNote {
			return packet, nil
		}
	}
	return media.Packet{}, l.err
}

// nextText returns the next text message and answers control frames on the way. It notices a peer that has died: every
// Limits.Ping it looks whether anything came, and asks for a pong.
func (l *Leg) nextText() ([]byte, error) {
	for {
		op, payload, err := l.in.next()
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) && l.started && !l.hungUp.Load() {
				if err = l.tick(); err == nil {
					continue
				}
			}
			l.broken = errors.As(err, new(*violation))
			return nil, err
		}
		switch op {
		case opText:
			l.stats.MessagesIn.Add(1)
			return payload, nil
		case opBinary:
			l.stats.MessagesIn.Add(1)
			l.stats.Unknown.Add(1)
		case opPing:
			var frame [2 + maxControl]byte
			if err := l.out.send(appendControl(frame[:0], opPong, payload)); err != nil {
				return nil, err
			}
		case opClose:
			l.goodbye = true
			code, err := closing(payload)
			if err != nil {
				return nil, err
			}
			l.out.close(code, "")
			if code == closeNormal || code == closeGoingAway || code == closeNoStatus {
				return nil, io.EOF
			}
			return nil, fmt.Errorf("the far end closed with code %d", code)
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
	if err := l.out.send(l.writer.audio(l.codes[:n])); err != nil {
		return err
	}
	l.sent.Add(uint64(len(f.PCM))) // Clear, the only other writer, comes from the same goroutine
	l.stats.MessagesOut.Add(1)
	return nil
}

// Mark asks for a Played note.
func (l *Leg) Mark() error { return l.tell(l.writer.marked(markOf(l.sent.Load()))) }

// Clear begins a new epoch. The marks that the carrier returns because of it are of an older one.
func (l *Leg) Clear() error {
	l.sent.Store(mark{epoch: markOf(l.sent.Load()).epoch + 1}.word())
	return l.tell(l.writer.cleared())
}

func (l *Leg) tell(frame []byte) error {
	if err := l.out.send(frame); err != nil {
		return err
	}
	l.stats.MessagesOut.Add(1)
	return nil
}

var errHungUp = errors.New("hung up")

// Hangup closes the stream in good order, with the cause as the close frame's reason. Twilio then goes on with the TwiML that
// follows the stream, which is <Hangup/>.
func (l *Leg) Hangup(cause media.Cause) error {
	l.hangOnce.Do(func() {
		l.hungUp.Store(true)
		l.out.close(closeNormal, string(cause))
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
