package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
)

// Numbers in a media message are counted from here, so that they keep their width and a prebuilt frame can be counted up in place.
const (
	firstNumber = 100_000   // sequenceNumber and chunk
	firstTime   = 1_000_000 // timestamp, ms
)

// script is all that a generator says on one stream, as WebSocket frames of a client.
type script struct {
	hello  []byte // connected and start
	media  []byte // one media message, to be counted up
	echo   []byte // a mark, up to its name
	key    uint32
	counts [3]counter // sequenceNumber, chunk, timestamp
}

// counter is a number of media, masked as it stands in the frame.
type counter struct {
	at, digits int // of the last digit
	step       int
}

// newScript prepares a stream. params go into customParameters.
func newScript(call, stream string, params string) *script {
	s := &script{}
	s.hello = s.frame(`{"event":"connected","protocol":"Call","version":"1.0.0"}`)
	s.hello = append(s.hello, s.frame(fmt.Sprintf(`{"event":"start","sequenceNumber":"%d","start":{"accountSid":"AC%032d","streamSid":%q,"callSid":%q,"tracks":["inbound"],`+
		`"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1},"customParameters":%s},"streamSid":%q}`,
		firstNumber, 0, stream, call, params, stream))...)
	law := make([]byte, 160)
	rand.Read(law)
	text := fmt.Sprintf(`{"event":"media","sequenceNumber":"%d","media":{"track":"inbound","chunk":"%d","timestamp":"%d","payload":"%s"},"streamSid":%q}`,
		firstNumber, firstNumber, firstTime, base64.StdEncoding.EncodeToString(law), stream)
	s.media = s.frame(text)
	head := len(s.media) - len(text)
	for i, field := range []struct {
		name         string
		digits, step int
	}{{"sequenceNumber", 6, 1}, {"chunk", 6, 1}, {"timestamp", 7, 20}} {
		at := strings.Index(text, `"`+field.name+`":"`) + len(field.name) + 4
		s.counts[i] = counter{at: head + at + field.digits - 1, digits: field.digits, step: field.step}
	}
	s.echo = []byte(`{"event":"mark","sequenceNumber":"1","streamSid":"` + stream + `","mark":{"name":"`)
	return s
}

// frame makes a text a client's frame, masked with the script's key.
func (s *script) frame(text string) []byte {
	if s.key == 0 {
		var k [4]byte
		rand.Read(k[:])
		s.key = binary.LittleEndian.Uint32(k[:]) | 1
	}
	b := []byte{0x81, 0x80 | byte(len(text))}
	if len(text) > 125 {
		b = binary.BigEndian.AppendUint16([]byte{0x81, 0x80 | 126}, uint16(len(text)))
	}
	b = binary.LittleEndian.AppendUint32(b, s.key)
	for i := range len(text) {
		b = append(b, text[i]^byte(s.key>>(8*(i&3))))
	}
	return b
}

// next counts the media message up and returns it.
func (s *script) next() []byte {
	for _, c := range s.counts {
		s.countUp(c)
	}
	return s.media
}

// countUp adds a counter's step to its masked digits.
func (s *script) countUp(c counter) {
	const head = 8 // of the frame: the mask counts from behind it
	at, tens := c.at, c.step
	for i := 0; i < c.digits && tens > 0; i++ {
		mask := byte(s.key >> (8 * ((at - i - head) & 3)))
		digit := int(s.media[at-i]^mask-'0') + tens%10
		tens = tens/10 + digit/10
		s.media[at-i] = byte('0'+digit%10) ^ mask
	}
}

// marked appends the echo of a mark to dst, as a frame.
func (s *script) marked(dst, name []byte) []byte {
	n := len(s.echo) + len(name) + len(`"}}`)
	if n < 126 {
		dst = append(dst, 0x81, 0x80|byte(n))
	} else {
		dst = append(dst, 0x81, 0x80|126, byte(n>>8), byte(n))
	}
	dst = binary.LittleEndian.AppendUint32(dst, s.key)
	from := len(dst)
	dst = append(dst, s.echo...)
	dst = append(dst, name...)
	dst = append(dst, `"}}`...)
	for i := range dst[from:] {
		dst[from+i] ^= byte(s.key >> (8 * (i & 3)))
	}
	return dst
}

// handshake is the request that opens a stream.
func handshake(host string, header http.Header) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "GET /twilio/media HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n", host)
	fmt.Fprintf(&b, "Sec-WebSocket-Key: %s\r\n", base64.StdEncoding.EncodeToString(make([]byte, 16)))
	_ = header.Write(&b)
	b.WriteString("\r\n")
	return []byte(b.String())
}

// callSID and streamSID are names for the n-th stream of a step.
func callSID(n int) string   { return "CA" + number(n) }
func streamSID(n int) string { return "MZ" + number(n) }

func number(n int) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[8:], uint64(n))
	return hex.EncodeToString(b[:])
}
