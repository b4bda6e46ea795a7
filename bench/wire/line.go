// Package wire is a simulated carrier's end of Twilio Media Streams, byte by byte: what it says on a stream, prebuilt, what it makes of what
// comes back, and when that should have come.
//
//	Payload (20 ms, shared by all streams) ──▶ Line.Media ──▶ frame, counted up in place ──▶ socket
//	socket ──▶ Parse ──▶ Message: media ──▶ Schedule: late? dry?
//	                              mark ───▶ Marks ──▶ Line.Mark, once it has sounded
//
// Nothing here knows a socket or a clock, and nothing allocates for a frame. A value belongs to one goroutine, but for Payloads, which never
// change.
//
// Sources: RFC 6455, section 5; twilio.com/docs/voice/media-streams/websocket-messages.
package wire

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"parley/bench/stamp"
)

// Numbers in a media message are counted from here, so that they keep their width and a prebuilt frame can be counted up in place.
const (
	firstNumber = 100_000   // sequenceNumber and chunk
	firstTime   = 1_000_000 // timestamp, ms
)

// Samples of a Payload, and what they take as base64.
const (
	Samples     = 160
	payloadSize = 216
)

// WebSocket opcodes of whole frames (RFC 6455, section 5.2).
const (
	opText  = 0x81
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

// Hello appends connected and start, with which a stream begins. params is a JSON object: its customParameters.
func (k Key) Hello(dst []byte, account, call, stream, params string) []byte {
	dst = k.frame(dst, opText, `{"event":"connected","protocol":"Call","version":"1.0.0"}`, nil, "")
	return k.frame(dst, opText, fmt.Sprintf(`{"event":"start","sequenceNumber":"%d","start":{"accountSid":%q,"streamSid":%q,"callSid":%q,"tracks":["inbound"],`+
		`"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1},"customParameters":%s},"streamSid":%q}`,
		firstNumber, account, stream, call, params, stream), nil, "")
}

// A Payload is 20 ms of mu-law as it stands in the media messages of one Key.
type Payload struct {
	text  [payloadSize]byte
	after byte // the first sample behind where a stamp ends
}

// mediaHead is what stands before a payload; its length is the same in every message.
const (
	mediaHead = `{"event":"media","sequenceNumber":"%d","media":{"track":"inbound","chunk":"%d","timestamp":"%d","payload":"`
	headSize  = len(mediaHead) - 3*len("%d") + 6 + 6 + 7
)

// NewPayload makes a Payload of Samples of mu-law.
func NewPayload(k Key, law []byte) (*Payload, error) {
	if len(law) != Samples {
		return nil, fmt.Errorf("payload of %d samples, want %d", len(law), Samples)
	}
	p := &Payload{after: law[stamp.Len]}
	base64.StdEncoding.Encode(p.text[:], law)
	k.mask(p.text[:], headSize)
	return p, nil
}

// A Line is all that a carrier says on one stream, as WebSocket frames of a client. What its methods return or append to is the caller's
// until the next call.
type Line struct {
	key     Key
	media   []byte     // one media message, to be counted up
	payload []byte     // of it
	counts  [3]counter // sequenceNumber, chunk, timestamp
	echo    string     // a mark, up to its name
	key1    string     // a key, up to its digit
	stop    string
}

// counter is a number of media, masked as it stands in the frame.
type counter struct {
	at, digits int // of the last digit
	step       int
}

// NewLine prepares a stream.
func NewLine(k Key, account, call, stream string) *Line {
	l := &Line{
		key:  k,
		echo: fmt.Sprintf(`{"event":"mark","sequenceNumber":"1","streamSid":%q,"mark":{"name":"`, stream),
		key1: fmt.Sprintf(`{"event":"dtmf","streamSid":%q,"sequenceNumber":"1","dtmf":{"track":"inbound_track","digit":"`, stream),
		stop: fmt.Sprintf(`{"event":"stop","sequenceNumber":"1","streamSid":%q,"stop":{"accountSid":%q,"callSid":%q}}`, stream, account, call),
	}
	text := fmt.Sprintf(mediaHead, firstNumber, firstNumber, firstTime) + strings.Repeat(" ", payloadSize) + fmt.Sprintf(`"},"streamSid":%q}`, stream)
	l.media = k.frame(nil, opText, text, nil, "")
	head := len(l.media) - len(text)
	l.payload = l.media[head+headSize:][:payloadSize]
	for i, field := range []struct {
		name         string
		digits, step int
	}{{"sequenceNumber", 6, 1}, {"chunk", 6, 1}, {"timestamp", 7, int(FrameTime / time.Millisecond)}} {
		at := strings.Index(text, `"`+field.name+`":"`) + len(field.name) + 4
		l.counts[i] = counter{at: head + at + field.digits - 1, digits: field.digits, step: field.step}
	}
	return l
}

// Media is the next media message.
func (l *Line) Media(p *Payload) []byte {
	for _, c := range l.counts {
		l.countUp(c)
	}
	copy(l.payload, p.text[:])
	return l.media
}

// Stamped is the next media message with a stamp over its first samples.
func (l *Line) Stamped(p *Payload, at time.Duration) []byte {
	var law [stamp.Len + 1]byte // whole groups of base64
	stamp.Put(law[:], at)
	law[stamp.Len] = p.after
	frame := l.Media(p)
	text := l.payload[:len(law)/3*4]
	base64.StdEncoding.Encode(text, law[:])
	l.key.mask(text, headSize)
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
func (l *Line) Mark(dst, name []byte) []byte { return l.key.frame(dst, opText, l.echo, name, `"}}`) }

// Press appends a key of the caller's telephone.
func (l *Line) Press(dst []byte, key byte) []byte {
	one := [1]byte{key}
	return l.key.frame(dst, opText, l.key1, one[:], `"}}`)
}

// Stop appends the end of the stream, as a caller's hang-up makes it: the message, and a close frame.
func (l *Line) Stop(dst []byte) []byte {
	return l.key.Close(l.key.frame(dst, opText, l.stop, nil, ""), 1000)
}

// CallSID is a name as Twilio's look for the n-th call of a run, which has a number of its own.
func CallSID(run uint64, n int) string { return "CA" + number(run, n) }

// StreamSID is the name of its stream.
func StreamSID(run uint64, n int) string { return "MZ" + number(run, n) }

func number(run uint64, n int) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], run)
	binary.BigEndian.PutUint64(b[8:], uint64(n))
	return hex.EncodeToString(b[:])
}
