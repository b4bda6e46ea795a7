package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// frameTime is what all counts are in: 20 ms of audio.
const frameTime = 20 * time.Millisecond

// skip is how late a stream must be, twice in a row and without catching up, to be judged on a new line.
const skip = 15 * time.Millisecond

// schedule judges when one stream's audio arrives. Times are from any common origin.
type schedule struct {
	begun bool
	line  time.Duration // the earliest that audio at offset 0 could have come
	play  time.Duration // when audio at offset 0 sounds: at the first arrival, later after each time it ran dry
	audio time.Duration // that has come
	last  time.Duration // arrival
	slow  bool          // the last message was late by more than skip and was not catching up
}

// verdict is how one message did.
type verdict struct {
	late    time.Duration // against the stream's own schedule
	dry     time.Duration // after it had to sound
	skipped bool          // the stream goes on later than before, for good
}

// arrive takes a message with so much audio.
func (s *schedule) arrive(at, audio time.Duration) (v verdict) {
	if !s.begun {
		s.begun, s.line, s.play = true, at, at
	}
	offset := at - s.audio
	if s.line = min(s.line, offset); offset > s.line {
		v.late = offset - s.line
	}
	if v.dry = max(0, offset-s.play); v.dry > 0 {
		s.play = offset
	}
	slow := v.late > skip && at-s.last >= audio-3*time.Millisecond
	if slow && s.slow {
		s.line, v.skipped, slow = offset, true, false
	}
	s.slow, s.last = slow, at
	s.audio += audio
	return v
}

// How the messages of all three servers begin, and where their values stand.
var (
	mediaHead = []byte(`{"event":"media","streamSid":"`)
	markHead  = []byte(`{"event":"mark","streamSid":"`)
	payloadAt = []byte(`"payload":"`)
	nameAt    = []byte(`"name":"`)
)

// message is what a server sent.
type message struct {
	audio time.Duration
	mark  []byte // its name; lent
}

// parse reads the first WebSocket frame of b, unmasked as servers send it; size is 0 when it is not whole. A frame that is neither
// media nor mark is an empty message.
func parse(b []byte) (m message, size int, err error) {
	if len(b) < 2 {
		return m, 0, nil
	}
	n, head := int(b[1]), 2
	switch {
	case n == 126 && len(b) < 4:
		return m, 0, nil
	case n == 126:
		n, head = int(binary.BigEndian.Uint16(b[2:])), 4
	case n > 126:
		return m, 0, errors.New("frame is masked or longer than 64 KiB")
	}
	if len(b) < head+n {
		return m, 0, nil
	}
	opcode, text := b[0], b[head:head+n]
	switch {
	case opcode == 0x88:
		return m, 0, fmt.Errorf("server closed the stream: %q", text)
	case bytes.HasPrefix(text, mediaHead):
		payload := value(text, payloadAt)
		if len(payload) == 0 || len(payload)%4 != 0 {
			return m, 0, fmt.Errorf("bad media message: %q", text)
		}
		samples := len(payload)/4*3 - bytes.Count(payload[len(payload)-2:], []byte("="))
		m.audio = time.Duration(samples) * time.Second / 8000
	case bytes.HasPrefix(text, markHead):
		m.mark = value(text, nameAt)
	}
	return m, head + n, nil
}

// value is what stands between key and the next quote; nil if there is none.
func value(text, key []byte) []byte {
	i := bytes.Index(text, key)
	if i < 0 {
		return nil
	}
	text = text[i+len(key):]
	n := bytes.IndexByte(text, '"')
	return text[:max(n, 0)]
}
