package stream

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/google/uuid"

	"parley/media"
	"parley/media/resample"
)

// This file is a call over AudioSocket (docs.asterisk.org, Channel Drivers, AudioSocket): messages of a byte that says their kind, two
// for their length, the higher first, and what they carry. Sound is signed 16 bits, the lower byte first, and each rate has a kind.

// The kinds of messages.
const (
	slinHangup = 0x00 // empty
	slinID     = 0x01 // the call's UUID, 16 bytes: what is said first
	slinDigit  = 0x03 // a key, in ASCII
	slinSound  = 0x10 // and those after it: sound at slinRates
	slinError  = 0xff // a code of the application's, or nothing

	slinPassed = 0xfe // of a message that is passed over

	slinHeader = 3
	slinBuffer = 4 << 10
	// slinQuiet is how long nothing may come before there is silence: a telephone that sends none while nobody speaks has it put in.
	slinQuiet = 100 * time.Millisecond
)

// slinRates are the samples a second of sound, by its kind.
var slinRates = [...]int{8000, 12000, 16000, 24000, 32000, 44100, 48000, 96000, 192000}

// slinRate is the samples a second of a kind; false: it is no sound.
func slinRate(kind byte) (int, bool) {
	if i := int(kind) - slinSound; i >= 0 && i < len(slinRates) {
		return slinRates[i], true
	}
	return 0, false
}

// A slinLeg is one call over AudioSocket: a media.Leg whose far end plays at once what it is sent, in real time, and tells nothing of it. So
// nothing is sent ahead, and what is sent has sounded: where the agent was cut short is known by the clock alone.
type slinLeg struct {
	conn   *net.TCPConn
	raw    syscall.RawConn
	info   media.Info
	stats  *Stats
	limits Limits

	// The reading goroutine's.
	reading   sync.Mutex // held by Receive, so that finish waits for a last one
	buf       [slinBuffer]byte
	from, to  int                 // what has come and was not looked at
	kind      byte                // of the message that is being read
	left      int                 // bytes of it that were not looked at
	sampled   int                 // the rate of the sound before
	convert   *resample.Resampler // from that to the leg's; nil: it is the same
	raws      [widest]int16
	rest      []int16 // heard, and not yet in pcm
	room      []int16 // of rest
	pcm       [widest]int16
	frame     int // samples
	filled    int
	begin     int64     // media time of pcm[0], in samples from the first
	pos       int64     // media time of the next sample
	at        time.Time // up to when there is sound, or silence in its place
	quiet     bool      // silence was put in last
	malformed int
	err       error
	started   bool
	peek      func(fd uintptr) bool // prebuilt, because a method value allocates
	peeked    struct {              // peek's results
		n   int
		err error
	}

	// Playout's.
	said []byte // a message

	out      *outbox
	hungUp   atomic.Bool
	hangOnce sync.Once
}

var _ socket = (*slinLeg)(nil)

func newSlinLeg(conn *net.TCPConn, limits Limits, stats *Stats) (*slinLeg, error) {
	l := &slinLeg{conn: conn, limits: limits, stats: stats, out: newOutbox(conn, limits.Patience)}
	l.peek = l.peekAt
	var err error
	if l.raw, err = conn.SyscallConn(); err != nil {
		return nil, fmt.Errorf("open socket: %w", err)
	}
	return l, nil
}

// name reads the message with which a call begins, and returns its UUID. Anything else is a violation.
func (l *slinLeg) name() (string, error) {
	if err := l.await(time.Now().Add(l.limits.Start)); err != nil {
		return "", err
	}
	for l.to < slinHeader+16 {
		if l.to > 0 && l.buf[0] != slinID || l.to >= slinHeader && binary.BigEndian.Uint16(l.buf[1:]) != 16 {
			break
		}
		n, err := l.conn.Read(l.buf[l.to : slinHeader+16])
		if l.to += n; err != nil {
			return "", err
		}
	}
	if l.buf[0] != slinID || binary.BigEndian.Uint16(l.buf[1:]) != 16 {
		return "", errNoName
	}
	l.stats.MessagesIn.Add(1)
	l.to = 0
	return uuid.UUID(l.buf[slinHeader : slinHeader+16]).String(), nil
}

// rate is that of the call's sound, by what comes first of it. A telephone that sends nothing before it is spoken to has the one that all have.
func (l *slinLeg) rate(patience time.Duration) (int, error) {
	if err := l.await(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	for !l.header() {
		n, err := l.conn.Read(l.buf[l.to:])
		l.to += n
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && !l.hungUp.Load():
			return telephone.rate, nil
		case err != nil:
			return 0, err
		}
	}
	rate, sound := slinRate(l.kind)
	switch {
	case l.left == 0:
		return telephone.rate, l.empty()
	case !sound:
		return telephone.rate, nil
	}
	switch rate {
	case 8000, 16000, 24000, 48000:
		return rate, nil
	}
	return 0, fmt.Errorf("sound at %d: want 8000, 16000, 24000 or 48000", rate)
}

// start makes the leg what info says: from here on it may be used.
func (l *slinLeg) start(info media.Info) {
	l.info, l.sampled, l.frame = info, info.Rate, info.Rate/50
	l.room = make([]int16, 0, 2*widest)
	l.said = make([]byte, slinHeader+2*l.frame)
	for i, rate := range slinRates {
		if rate == info.Rate {
			l.said[0] = slinSound + byte(i) // they are nine
		}
	}
	l.out.fit(len(l.said))
	_ = l.conn.SetWriteBuffer(4 * 2 * info.Rate) // four seconds, so that a far end that takes nothing is noticed soon: an optimisation
	l.at, l.started = time.Now(), true
}

func (l *slinLeg) face() media.Leg { return l }

func (l *slinLeg) mailbox() *outbox { return l.out }

func (l *slinLeg) begun() bool { return l.started }

// Info is what was announced, and how the sound is written.
func (l *slinLeg) Info() media.Info { return l.info }

// Receive returns the next 20 ms frame or key. io.EOF means that the far end has hung up.
func (l *slinLeg) Receive() (media.Packet, error) {
	l.reading.Lock()
	defer l.reading.Unlock()
	if l.filled == l.frame {
		l.filled = 0
	}
	for l.err == nil {
		if l.take() {
			at := media.Samples(int(l.begin), l.info.Rate)
			return media.Packet{Frame: media.Frame{PCM: l.pcm[:l.filled], Rate: l.info.Rate, At: at}}, nil
		}
		digit, err := l.hear()
		if err != nil {
			l.err = l.ended(err)
		}
		if digit != 0 {
			return media.Packet{Digit: digit}, nil
		}
	}
	return media.Packet{}, l.err
}

// take moves what was heard into pcm and says whether a frame is full.
func (l *slinLeg) take() bool {
	if l.filled < l.frame && len(l.rest) > 0 {
		if l.filled == 0 {
			l.begin = l.pos
		}
		n := copy(l.pcm[l.filled:l.frame], l.rest)
		l.rest = l.rest[n:]
		l.filled += n
		l.pos += int64(n)
	}
	return l.filled == l.frame
}

// header begins the next message, if as much of it has come; one that is empty is over with it.
func (l *slinLeg) header() bool {
	if l.to-l.from < slinHeader {
		l.to = copy(l.buf[:], l.buf[l.from:l.to])
		l.from = 0
		return false
	}
	l.kind, l.left = l.buf[l.from], int(binary.BigEndian.Uint16(l.buf[l.from+1:]))
	l.from += slinHeader
	l.stats.MessagesIn.Add(1)
	return true
}

// hear looks at what comes next, and returns a key that was pressed. Nothing is kept of a message but sound, whatever its length.
func (l *slinLeg) hear() (rune, error) {
	if l.left == 0 {
		if !l.header() {
			return 0, l.more()
		}
		if l.left == 0 {
			return 0, l.empty()
		}
	}
	if l.from == l.to || l.left > 1 && l.to-l.from == 1 {
		l.to = copy(l.buf[:], l.buf[l.from:l.to])
		l.from = 0
		return 0, l.more()
	}
	n := min(l.left, l.to-l.from)
	some := l.buf[l.from : l.from+n]
	if rate, sound := slinRate(l.kind); sound && n > 1 && l.hears(rate) {
		n = l.hearSound(some, rate)
		l.from, l.left = l.from+n, l.left-n
		return 0, nil
	}
	l.from, l.left = l.from+n, l.left-n
	kind := l.kind
	l.kind = slinPassed // what is left of it says nothing
	switch kind {
	case slinPassed:
	case slinDigit:
		digit := key(string(some))
		if digit == 0 || l.left > 0 {
			return 0, l.senseless()
		}
		l.malformed = 0
		return digit, nil
	case slinHangup:
		return 0, io.EOF
	case slinError:
		return 0, l.failure(some[0])
	default:
		if _, sound := slinRate(kind); sound { // of no rate that is heard, or it ends within a sample
			return 0, l.senseless()
		}
		l.stats.Unknown.Add(1)
	}
	return 0, nil
}

// empty is a message that carries nothing.
func (l *slinLeg) empty() error {
	switch l.kind {
	case slinHangup:
		return io.EOF
	case slinError:
		return l.failure(0)
	}
	if _, sound := slinRate(l.kind); sound || l.kind == slinDigit {
		return l.senseless()
	}
	l.stats.Unknown.Add(1)
	return nil
}

// failure is what an error of the far end's means. That 1 says the channel was hung up is UNCONFIRMED: Asterisk's own code sends none of these.
func (l *slinLeg) failure(code byte) error {
	if code == 1 {
		return io.EOF
	}
	return fmt.Errorf("the far end reports error %d", code)
}

// hearSound takes sound as what take moves next, and returns how many bytes of it.
func (l *slinLeg) hearSound(b []byte, rate int) int {
	l.malformed = 0
	n := format{linear, rate}.decode(l.raws[:min(len(l.raws), cap(l.room)*rate/max(rate, l.info.Rate)/2)], b)
	if l.convert != nil {
		l.rest = l.convert.Append(l.room[:0], l.raws[:n])
	} else {
		l.rest = l.raws[:n]
	}
	now := time.Now()
	if l.quiet { // what was not put in of the silence is a gap
		l.quiet = false
		l.stats.Gaps.Add(1)
		l.pos += int64(max(0, now.Sub(l.at)-media.FrameTime)) * int64(l.info.Rate) / int64(time.Second)
	}
	l.at = now
	return 2 * n
}

// hears says whether sound of a rate is heard. Another than before is made the leg's from now on.
func (l *slinLeg) hears(rate int) bool {
	if rate == l.sampled {
		return true
	}
	convert, err := resample.New(rate, l.info.Rate)
	if err != nil {
		return false
	}
	if l.sampled, l.convert = rate, convert; rate == l.info.Rate {
		l.convert = nil
	}
	return true
}

// more waits for what comes, and puts silence in where nothing does.
func (l *slinLeg) more() error {
	if err := l.await(l.at.Add(slinQuiet)); err != nil {
		return err
	}
	n, err := l.conn.Read(l.buf[l.to:])
	if errors.Is(err, os.ErrDeadlineExceeded) && !l.hungUp.Load() {
		// Whoever reads late finds the deadline passed although sound has come: it is looked for once more.
		if n, err = l.look(); errors.Is(err, syscall.EAGAIN) {
			l.hush()
			return nil
		}
	}
	if l.to += n; n > 0 {
		return nil
	}
	if errors.Is(err, io.EOF) && (l.left > 0 || l.to > l.from) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// look reads what has come, and does not wait: syscall.EAGAIN says that nothing has.
func (l *slinLeg) look() (int, error) {
	if err := l.await(time.Now().Add(l.limits.Silence)); err != nil {
		return 0, err
	}
	if err := l.raw.Read(l.peek); err != nil {
		return 0, fmt.Errorf("look at the socket: %w", err)
	}
	switch n, err := l.peeked.n, l.peeked.err; {
	case errors.Is(err, syscall.EINTR):
		return 0, syscall.EAGAIN
	case err != nil:
		return 0, fmt.Errorf("look at the socket: %w", err)
	case n == 0:
		return 0, io.EOF
	default:
		return n, nil
	}
}

// peekAt reads what there is, and never waits.
func (l *slinLeg) peekAt(fd uintptr) bool {
	l.peeked.n, l.peeked.err = syscall.Read(int(fd), l.buf[l.to:])
	return true
}

// hush fills a frame with silence.
func (l *slinLeg) hush() {
	if l.filled == 0 {
		l.begin = l.pos
	}
	clear(l.pcm[l.filled:l.frame])
	l.pos += int64(l.frame - l.filled)
	l.filled = l.frame
	l.at, l.quiet = l.at.Add(media.FrameTime), true
}

// senseless counts a malformed message. Too many in a row are a violation.
func (l *slinLeg) senseless() error {
	l.stats.Malformed.Add(1)
	if l.malformed++; l.malformed >= malformedLimit {
		return errTooMany
	}
	return nil
}

// await sets the next read deadline, but never undoes that of a Hangup.
func (l *slinLeg) await(until time.Time) error {
	if err := l.conn.SetReadDeadline(until); err != nil {
		return fmt.Errorf("set read deadline: %w", err)
	}
	if l.hungUp.Load() {
		return os.ErrDeadlineExceeded
	}
	return nil
}

// ended makes of whatever stopped the reading the error that Receive returns from now on. Asterisk hangs up by closing its socket, and where
// it had not read all of ours, the kernel resets the connection in its place: between messages that is a hang-up too.
func (l *slinLeg) ended(err error) error {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET) && l.left == 0 && l.from == l.to:
		return io.EOF
	case errors.As(err, new(*violation)):
		l.stats.Violations.Add(1)
	case l.hungUp.Load():
		return fmt.Errorf("receive: %w", errHungUp)
	}
	if failed := l.out.failed(); failed != nil {
		err = failed
	}
	return fmt.Errorf("receive: %w", err)
}

// Send hands over at most 20 ms of audio in one message. It does not block and does not allocate.
func (l *slinLeg) Send(f media.Frame) error {
	if f.Rate != l.info.Rate {
		return fmt.Errorf("send: rate %d, want %d", f.Rate, l.info.Rate)
	}
	if len(f.PCM) > l.frame {
		return fmt.Errorf("send: %v at once, want at most %v", f.Duration(), l.info.Chunk)
	}
	if len(f.PCM) == 0 {
		return l.out.failed()
	}
	n := format{linear, f.Rate}.encode(l.said[slinHeader:], f.PCM)
	binary.BigEndian.PutUint16(l.said[1:], uint16(n)) //nolint:gosec // 20 ms at 48 kHz are 1920 bytes
	if err := l.out.send(l.said[:slinHeader+n]); err != nil {
		return err
	}
	l.stats.MessagesOut.Add(1)
	return nil
}

// Clear has nothing to say: what was sent sounds at once, and the rest is not sent.
func (l *slinLeg) Clear() error {
	if l.hungUp.Load() {
		return errClosed
	}
	return l.out.failed()
}

// Hangup ends the call in good order. Asterisk then goes on with what follows AudioSocket() in its dialplan.
func (l *slinLeg) Hangup(media.Cause) error {
	l.hangOnce.Do(func() {
		l.hungUp.Store(true)
		l.out.last([]byte{slinHangup, 0, 0})
		_ = l.conn.SetReadDeadline(past) // it fails only on a closed connection
	})
	return nil
}

// finish ends the connection and waits until nothing of it is left; nobody may use the leg any more. It reads on, for Limits.Linger at most,
// until the far end has closed it too: to close a socket with unread data would reset it.
func (l *slinLeg) finish() {
	_ = l.Hangup("")
	l.reading.Lock()
	defer l.reading.Unlock()
	if l.err == nil {
		l.err = fmt.Errorf("receive: %w", errHungUp)
	}
	l.out.finish(l.limits.Linger)
	if l.out.failed() == nil {
		_, _ = io.Copy(io.Discard, l.conn)
	}
	_ = l.conn.Close()
}
