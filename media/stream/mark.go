package stream

import (
	"bytes"
	"math"
	"strconv"
)

// A mark is a place in what we have sent: so many samples after the epoch's Clear. It packs into a word, so that the reader of the
// socket can see, whole, how far its writer is.
type mark struct {
	epoch   uint32
	samples uint32 // enough for six days at 8 kHz
}

// markRoom is the most bytes that a mark's name has.
const markRoom = len("4294967295:4294967295")

func (m mark) word() uint64 { return uint64(m.epoch)<<32 | uint64(m.samples) }

func markOf(word uint64) mark { return mark{uint32(word >> 32), uint32(word)} }

// append writes a mark's name, such as "3:12400".
func (m mark) append(dst []byte) []byte {
	dst = strconv.AppendUint(dst, uint64(m.epoch), 10)
	dst = append(dst, ':')
	return strconv.AppendUint(dst, uint64(m.samples), 10)
}

// parseMark reads a name that append wrote; false: it is somebody else's.
func parseMark(name []byte) (mark, bool) {
	e, s, _ := bytes.Cut(name, []byte{':'})
	epoch, ok := decimal(e)
	if !ok || epoch > math.MaxUint32 {
		return mark{}, false
	}
	samples, ok := decimal(s)
	if !ok || samples > math.MaxUint32 {
		return mark{}, false
	}
	return mark{uint32(epoch), uint32(samples)}, true
}

// after says that m can not have been sent yet by one who has come as far as sent.
func (m mark) after(sent mark) bool { return m.word() > sent.word() }
