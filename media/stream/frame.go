package stream

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// opcode is the kind of a WebSocket frame (RFC 6455, section 5.2).
type opcode byte

const (
	opContinuation opcode = 0x0
	opText         opcode = 0x1
	opBinary       opcode = 0x2
	opClose        opcode = 0x8
	opPing         opcode = 0x9
	opPong         opcode = 0xA
)

// Close codes (RFC 6455, section 7.4.1).
const (
	closeNormal      = 1000
	closeGoingAway   = 1001
	closeProtocol    = 1002
	closeUnsupported = 1003
	closeNoStatus    = 1005 // never sent: a close frame without a code
	closeBadData     = 1007
	closePolicy      = 1008
	closeTooBig      = 1009
)

const (
	maxControl = 125 // bytes of a control frame's payload (section 5.5)
	maxHeader  = 14  // bytes of a frame's header: 2, 8 of length, 4 of mask
	readBuffer = 2 << 10
)

// A violation is a breach of protocol by the far end, and the close code with which it is answered.
type violation struct {
	code uint16
	text string
}

func (v *violation) Error() string { return fmt.Sprintf("%s (close code %d)", v.text, v.code) }

// The breaches. They are values, so that a hostile peer costs no allocation.
var (
	errReserved   = &violation{closeProtocol, "reserved bits set"}
	errOpcode     = &violation{closeProtocol, "unknown opcode"}
	errUnmasked   = &violation{closeProtocol, "frame not masked"}
	errLength     = &violation{closeProtocol, "length not in its shortest form"}
	errHugeLength = &violation{closeProtocol, "length above 2^63"}
	errControl    = &violation{closeProtocol, "control frame fragmented or too long"}
	errFragments  = &violation{closeProtocol, "fragments out of order"}
	errTooBig     = &violation{closeTooBig, "message too big"}
	errCloseBody  = &violation{closeProtocol, "bad close frame"}
	errCloseText  = &violation{closeBadData, "close reason is not UTF-8"}
)

// frames reads a client's WebSocket frames from conn: whole messages, and the control frames between their fragments.
// A next that failed with a timeout can be called again and loses nothing; after a violation the stream has no more sense.
type frames struct {
	conn  io.Reader
	limit int // bytes of a message

	buf   []byte // the window on the connection: small, or as large as the frame that is being read
	small []byte
	r, w  int // buf[r:w] is read and not yet parsed

	parts   []byte // the fragments so far
	partsOf opcode // of which message; opContinuation: of none
	heard   bool   // something has come since the owner reset it
}

func newFrames(conn io.Reader, limit int) *frames {
	small := make([]byte, readBuffer)
	return &frames{conn: conn, limit: limit, buf: small, small: small}
}

// next returns the next whole message or control frame. The payload is lent until the following next.
func (f *frames) next() (opcode, []byte, error) {
	for {
		h, whole, err := f.header()
		if err != nil {
			return 0, nil, err
		}
		if !whole {
			if err := f.fill(h.size + h.length); err != nil {
				return 0, nil, err
			}
			continue
		}
		payload := f.buf[f.r+h.size : f.r+h.size+h.length]
		f.r += h.size + h.length
		unmask(payload, h.mask)
		switch {
		case h.op >= opClose:
			return h.op, payload, nil
		case h.fin && h.op != opContinuation:
			return h.op, payload, nil
		case h.op != opContinuation:
			f.partsOf = h.op
			f.parts = append([]byte(nil), payload...)
		default:
			f.parts = append(f.parts, payload...)
			if h.fin {
				op, message := f.partsOf, f.parts
				f.partsOf, f.parts = opContinuation, nil
				return op, message, nil
			}
		}
	}
}

// A header is that of the frame at buf[r]. Of a frame that is not whole yet, size and length are what is known to be needed.
type header struct {
	fin    bool
	op     opcode
	mask   uint32
	size   int // of the header itself
	length int // of the payload
}

// header parses and judges the frame at buf[r]; whole says that all of it is in the buffer.
func (f *frames) header() (h header, whole bool, err error) {
	b := f.buf[f.r:f.w]
	h.size = 2
	if len(b) < 2 {
		return h, false, nil
	}
	h.fin, h.op = b[0]&0x80 != 0, opcode(b[0]&0x0F)
	short := int(b[1] & 0x7F)
	if err := f.judge(h, b[0]&0x70 != 0, b[1]&0x80 != 0, short); err != nil {
		return h, false, err
	}
	h.size = 6
	length := uint64(short)
	switch short {
	case 126:
		h.size = 8
		if len(b) < h.size {
			return h, false, nil
		}
		if length = uint64(binary.BigEndian.Uint16(b[2:])); length < 126 {
			return h, false, errLength
		}
	case 127:
		h.size = maxHeader
		if len(b) < h.size {
			return h, false, nil
		}
		if length = binary.BigEndian.Uint64(b[2:]); length>>63 != 0 {
			return h, false, errHugeLength
		} else if length < 1<<16 {
			return h, false, errLength
		}
	}
	if h.op < opClose && length > uint64(f.limit-len(f.parts)) {
		return h, false, errTooBig
	}
	h.length = int(length)
	if len(b) < h.size+h.length {
		return h, false, nil
	}
	h.mask = binary.LittleEndian.Uint32(b[h.size-4:])
	return h, true, nil
}

// judge refuses what section 5 forbids and two bytes can show.
func (f *frames) judge(h header, reserved, masked bool, short int) error {
	switch {
	case reserved:
		return errReserved
	case h.op > opBinary && h.op < opClose, h.op > opPong:
		return errOpcode
	case !masked:
		return errUnmasked
	case h.op >= opClose && (!h.fin || short > maxControl):
		return errControl
	case h.op == opContinuation && f.partsOf == opContinuation:
		return errFragments
	case (h.op == opText || h.op == opBinary) && f.partsOf != opContinuation:
		return errFragments
	}
	return nil
}

// fill reads once, after making room for a frame of need bytes at buf[r]. A large frame gets a buffer of its own, which is
// dropped once it has been parsed.
func (f *frames) fill(need int) error {
	switch {
	case f.r == f.w:
		f.r, f.w = 0, 0
		if need <= len(f.small) {
			f.buf = f.small
		}
	case len(f.buf)-f.r < need:
		f.w = copy(f.buf, f.buf[f.r:f.w])
		f.r = 0
	}
	if need > len(f.buf) {
		larger := make([]byte, need)
		f.w = copy(larger, f.buf[f.r:f.w])
		f.buf, f.r = larger, 0
	}
	n, err := f.conn.Read(f.buf[f.w:])
	f.w += n
	if n > 0 {
		f.heard = true
		return nil
	}
	if err == nil {
		return io.ErrNoProgress
	}
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF // no close frame came first
	}
	return err
}

// unmask applies the client's key, whose first byte is the lowest of mask (section 5.3).
func unmask(b []byte, mask uint32) {
	wide := uint64(mask)<<32 | uint64(mask)
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= byte(wide >> (8 * i))
	}
}

// closing reads the payload of a close frame: its code, closeNoStatus if there is none, or the violation that it is.
func closing(payload []byte) (uint16, error) {
	if len(payload) == 0 {
		return closeNoStatus, nil
	}
	if len(payload) == 1 {
		return 0, errCloseBody
	}
	code := binary.BigEndian.Uint16(payload)
	switch {
	case code >= 1000 && code <= 1003, code >= 1007 && code <= 1014, code >= 3000 && code <= 4999:
	default:
		return 0, errCloseBody
	}
	if !utf8.Valid(payload[2:]) {
		return 0, errCloseText
	}
	return code, nil
}

// appendControl appends an unmasked control frame. A payload is cut at 125 bytes.
func appendControl(dst []byte, op opcode, payload []byte) []byte {
	payload = payload[:min(len(payload), maxControl)]
	dst = append(dst, 0x80|byte(op), byte(len(payload)))
	return append(dst, payload...)
}

// appendClose appends a close frame; closeNoStatus makes an empty one.
func appendClose(dst []byte, code uint16, reason string) []byte {
	if code == closeNoStatus {
		return appendControl(dst, opClose, nil)
	}
	var body [maxControl]byte
	binary.BigEndian.PutUint16(body[:], code)
	n := copy(body[2:], reason)
	return appendControl(dst, opClose, body[:2+n])
}

// appendBinary appends the header of a binary frame of n bytes, less than 64 KiB.
func appendBinary(dst []byte, n int) []byte {
	if n < 126 {
		return append(dst, 0x80|byte(opBinary), byte(n))
	}
	return binary.BigEndian.AppendUint16(append(dst, 0x80|byte(opBinary), 126), uint16(n))
}

// textHeader is the room that sealText needs before a message.
const textHeader = 4

// sealText makes b, which is textHeader free bytes and then a message of less than 64 KiB, into one text frame.
func sealText(b []byte) []byte {
	if n := len(b) - textHeader; n >= 126 {
		b[0], b[1] = 0x80|byte(opText), 126
		binary.BigEndian.PutUint16(b[2:], uint16(n))
		return b
	}
	b = b[textHeader-2:]
	b[0], b[1] = 0x80|byte(opText), byte(len(b)-2)
	return b
}
