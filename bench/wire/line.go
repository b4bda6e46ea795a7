// Package wire is a simulated carrier's end of a media stream, byte by byte: what it says, prebuilt, what it makes of what comes back, and when
// that should have come. A Dialect is whose stream it is.
//
//	Payload (20 ms, shared by all streams) ──▶ Line.Media ──▶ frame, counted up in place ──▶ socket
//	socket ──▶ Dialect.Parse ──▶ Message: media ──▶ Schedule: late? dry?
//	                                 │    mark ───▶ Marks ──▶ Line.Mark, once it has sounded
//	                                 └──▶ Dialect.Law: its sound, as mu-law
//
// Nothing here knows a socket or a clock, and nothing allocates for a frame. A value belongs to one goroutine, but for Payloads and Dialects,
// which never change.
//
// Sources: RFC 6455, section 5; of each Dialect at its place.
package wire

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"parley/bench/stamp"
)

// Samples of a Payload.
const Samples = 160

// WebSocket opcodes of whole frames (RFC 6455, section 5.2).
const (
	opText  = 0x81
	opSound = 0x82 // binary
	opClose = 0x88
	opPing  = 0x89
	opPong  = 0x8A
)

// A Key masks what a client sends. All streams of a generator share one, so that they can share what they say.
type Key uint32

// NewKey makes one.
func NewKey() Key {
	var k [4]byte
	rand.Read(k[:])
	return Key(binary.LittleEndian.Uint32(k[:]) | 1)
}

// mask masks b, which begins at a place of its frame that is a multiple of four plus at.
func (k Key) mask(b []byte, at int) {
	r := 8 * (at & 3)
	wide := uint64(k)>>r | uint64(k)<<(32-r)&0xFFFFFFFF
	wide |= wide << 32
	for ; len(b) >= 8; b = b[8:] {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
	}
	for i := range b {
		b[i] ^= byte(wide >> (8 * i))
	}
}

// header appends the header of a client's frame with n bytes in it.
func (k Key) header(dst []byte, op byte, n int) []byte {
	if n < 126 {
		dst = append(dst, op, 0x80|byte(n))
	} else {
		dst = append(dst, op, 0x80|126, byte(n>>8), byte(n))
	}
	return binary.LittleEndian.AppendUint32(dst, uint32(k))
}

// frame appends a frame made of three parts.
func (k Key) frame(dst []byte, op byte, head string, middle []byte, tail string) []byte {
	dst = k.header(dst, op, len(head)+len(middle)+len(tail))
	from := len(dst)
	dst = append(dst, head...)
	dst = append(dst, middle...)
	dst = append(dst, tail...)
	k.mask(dst[from:], 0)
	return dst
}

// Pong appends the answer to a ping.
func (k Key) Pong(dst, ping []byte) []byte { return k.frame(dst, opPong, "", ping, "") }

// Close appends a close frame; 0 is no code.
func (k Key) Close(dst []byte, code uint16) []byte {
	if code == 0 {
		return k.frame(dst, opClose, "", nil, "")
	}
	return k.frame(dst, opClose, "", []byte{byte(code >> 8), byte(code)}, "")
}

// A Call is what a stream tells of the call that it carries.
type Call struct {
	Account, ID, Stream string
	From, To            string
	Params              string // what the server has asked to be told, a JSON object; empty: nothing
}

// fill puts the call into a text.
func (c *Call) fill(text string) string {
	object := strings.TrimSpace(c.Params)
	if object == "" {
		object = "{}"
	}
	fields := object[1 : len(object)-1]
	if fields != "" {
		fields = "," + fields
	}
	return strings.NewReplacer(
		"$account", escaped(c.Account), "$call", escaped(c.ID), "$stream", escaped(c.Stream), "$from", escaped(c.From), "$to", escaped(c.To),
		"$params", object, "$fields", fields,
	).Replace(text)
}

// Hello appends what a stream begins with.
func (d *Dialect) Hello(k Key, dst []byte, c Call) []byte {
	if d.tcp {
		return helloSocket(dst, c.ID)
	}
	for _, text := range d.hello {
		dst = k.frame(dst, opText, c.fill(text), nil, "")
	}
	return dst
}

// A Payload is 20 ms of sound as it stands in the media messages of one Key and Dialect.
type Payload struct {
	body  []byte
	after byte // the first sample behind where a stamp ends, in mu-law
}

// NewPayload makes a Payload of Samples of mu-law.
func (d *Dialect) NewPayload(k Key, law []byte) (*Payload, error) {
	if len(law) != Samples {
		return nil, fmt.Errorf("payload of %d samples, want %d", len(law), Samples)
	}
	p := &Payload{body: make([]byte, d.size(Samples)), after: law[stamp.Len]}
	d.write(p.body, law)
	if !d.tcp {
		k.mask(p.body, 0)
	}
	return p, nil
}

// A Line is all that a carrier says on one stream, as WebSocket frames of a client. What its methods return or append to is the caller's
// until the next call.
type Line struct {
	dialect *Dialect
	key     Key
	media   []byte     // one media message, to be counted up
	payload []byte     // of it
	counts  [3]counter // of media
	echo    string     // a mark, up to its name
	press   string     // a key, up to its digit
	cleared string
	stop    string

	// Of a dialect that counts its texts:
	frames int64 // of sound, so far
	said   int64 // the last text's number
	heard  int64 // the server's last
}

// counter is a number of media, masked as it stands in the frame.
type counter struct {
	at, digits int // of the last digit
	step       int
}

// NewLine prepares a stream.
func (d *Dialect) NewLine(k Key, c Call) *Line {
	l := &Line{dialect: d, key: k, said: 1, echo: c.fill(d.mark), press: c.fill(d.key), cleared: c.fill(d.cleared), stop: c.fill(d.stop)}
	if d.tcp {
		l.key = 0 // nothing is masked
		l.media = append([]byte{socketSound, byte(d.size(Samples) >> 8), byte(d.size(Samples))}, make([]byte, d.size(Samples))...)
		l.payload = l.media[socketHeader:]
		return l
	}
	if d.binary {
		l.media = k.frame(nil, opSound, "", make([]byte, d.size(Samples)), "")
		l.payload = l.media[len(l.media)-d.size(Samples):]
		return l
	}
	before := c.fill(d.media)
	before = strings.Repeat(" ", -len(before)&3) + before // the sound begins where the mask does
	text := before + strings.Repeat(" ", d.size(Samples)) + c.fill(d.mediaTail)
	l.media = k.frame(nil, opText, text, nil, "")
	head := len(l.media) - len(text)
	l.payload = l.media[head+len(before):][:d.size(Samples)]
	for i, count := range d.counts {
		at := strings.Index(before, `"`+count.name+`":`) + len(count.name) + 3
		at += strings.IndexAny(before[at:], "0123456789")
		digits := len(before[at:]) - len(strings.TrimLeft(before[at:], "0123456789"))
		l.counts[i] = counter{at: head + at + digits - 1, digits: digits, step: count.step}
	}
	return l
}

// Media is the next media message.
func (l *Line) Media(p *Payload) []byte {
	for _, c := range l.counts {
		l.countUp(c)
	}
	l.frames++
	copy(l.payload, p.body)
	return l.media
}

// Stamped is the next media message with a stamp over its first samples.
func (l *Line) Stamped(p *Payload, at time.Duration) []byte {
	var law [stamp.Len + 1]byte // whole groups of base64, also of two bytes a sample
	stamp.Put(law[:], at)
	law[stamp.Len] = p.after
	frame := l.Media(p)
	body := l.payload[:l.dialect.size(len(law))]
	l.dialect.write(body, law[:])
	l.key.mask(body, 0)
	return frame
}

// countUp adds a counter's step to its masked digits.
func (l *Line) countUp(c counter) {
	const head = 8 // of the frame: the mask counts from behind it
	at, tens := c.at, c.step
	for i := 0; i < c.digits && tens > 0; i++ {
		mask := byte(l.key >> (8 * ((at - i - head) & 3)))
		digit := int(l.media[at-i]^mask-'0') + tens%10
		tens = tens/10 + digit/10
		l.media[at-i] = byte('0'+digit%10) ^ mask
	}
}

// Mark appends the echo of a mark.
func (l *Line) Mark(dst, name []byte) []byte {
	return l.key.frame(dst, opText, l.echo, name, l.dialect.markTail)
}

// Press appends a key of the caller's telephone.
func (l *Line) Press(dst []byte, key byte) []byte {
	if l.dialect.tcp {
		return append(dst, socketKey, 0, 1, key)
	}
	one := [1]byte{key}
	return l.key.frame(dst, opText, l.counted(l.press), one[:], l.dialect.keyTail)
}

// Cleared appends what is said to a clear; of most dialects nothing is.
func (l *Line) Cleared(dst []byte) []byte {
	if l.cleared == "" {
		return dst
	}
	return l.key.frame(dst, opText, l.cleared, nil, "")
}

// Stop appends the end of the stream, as a caller's hang-up makes it: the message, where there is one, and a close frame.
func (l *Line) Stop(dst []byte) []byte {
	if l.dialect.tcp {
		return append(dst, socketHangup, 0, 0)
	}
	if l.stop != "" {
		dst = l.key.frame(dst, opText, l.counted(l.stop), nil, "")
	}
	return l.key.Close(dst, 1000)
}

// Heard notes a server's message, where a dialect counts them.
func (l *Line) Heard(m *Message) {
	if m.Number > 0 {
		l.heard = m.Number
	}
}

// counted puts the numbers of a text into it, where it has some.
func (l *Line) counted(text string) string {
	before, after, numbered := strings.Cut(text, "$numbers")
	if !numbered {
		return text
	}
	l.said++
	ms := l.frames * FrameTime.Milliseconds()
	return fmt.Sprintf(`%s"seq":%d,"serverseq":%d,"position":"PT%d.%03dS"%s`, before, l.said, l.heard, ms/1000, ms%1000, after)
}

// CallSID is a name as Twilio's look for the n-th call of a run, which has a number of its own.
func CallSID(run uint64, n int) string { return "CA" + number(run, n) }

// StreamSID is the name of its stream.
func StreamSID(run uint64, n int) string { return "MZ" + number(run, n) }

// Stream is the name of a stream as the dialect's look.
func (d *Dialect) Stream(run uint64, n int) string {
	if !d.uuids {
		return StreamSID(run, n)
	}
	s := number(run, n)
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

func number(run uint64, n int) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], run)
	binary.BigEndian.PutUint64(b[8:], uint64(n))
	return hex.EncodeToString(b[:])
}
