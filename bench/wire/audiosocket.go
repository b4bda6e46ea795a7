package wire

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// AudioSocket is that of Asterisk's AudioSocket (docs.asterisk.org, Channel Drivers, AudioSocket), at 8 kHz: messages of a byte that says their kind, two
// for their length, the higher first, and what they carry. It has neither marks nor a clear: servers send what is due. A call's ID is its UUID.
var AudioSocket = &Dialect{Name: "audiosocket", linear: true, binary: true, tcp: true}

// The kinds of its messages.
const (
	socketHangup = 0x00
	socketID     = 0x01
	socketKey    = 0x03
	socketSound  = 0x10 // at 8 kHz
	socketHeader = 3
)

// helloSocket appends a call's UUID, which comes first; one that is none is what it is, and the server refuses it.
func helloSocket(dst []byte, id string) []byte {
	name, _ := hex.DecodeString(strings.ReplaceAll(id, "-", ""))
	return append(append(dst, socketID, 0, byte(len(name))), name...)
}

// parseSocket is Parse.
func (d *Dialect) parseSocket(b []byte) (m Message, size int, err error) {
	if len(b) < socketHeader {
		return m, 0, nil
	}
	size = socketHeader + int(binary.BigEndian.Uint16(b[1:]))
	if len(b) < size {
		return m, 0, nil
	}
	switch b[0] {
	case socketSound:
		err = d.heard(&m, b[socketHeader:size])
	case socketHangup:
		m.Kind, m.Code = Close, 1000
	default:
		err = fmt.Errorf("the server's message is of kind %#02x: want sound at 8 kHz, or a hang-up", b[0])
	}
	return m, size, err
}
