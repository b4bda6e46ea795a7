package opus

import (
	"encoding/binary"
	"io"
)

// pages writes packets as pages of one logical stream (RFC 3533 section 6).
type pages struct {
	w       io.Writer
	lacing  []byte // lengths of the packets of the page in the making
	packets []byte
	full    int // how many
	n       uint32
	page    []byte // one that is written, kept for its memory
}

// serial names the stream: a file has but one.
const serial = 0x7061726c

// The bits of a page's header type.
const (
	beginning = 2
	ending    = 4
)

// add puts a packet on the page in the making. At most 50 packets of 1,275 bytes fit, as a page has 255 lacing values.
func (p *pages) add(packet []byte) {
	for n := len(packet); ; n -= 255 {
		p.lacing = append(p.lacing, byte(min(n, 255)))
		if n < 255 {
			break
		}
	}
	p.packets = append(p.packets, packet...)
	p.full++
}

// count is how many packets there are on the page in the making: as many as if each were short, should it be nearly full.
func (p *pages) count() int {
	if len(p.lacing) > 255-maxPacket/255-1 {
		return perSecond
	}
	return p.full
}

// flush writes the page in the making. granule is the position at its end.
func (p *pages) flush(granule int64, last bool) error {
	kind := byte(0)
	if p.n == 0 {
		kind |= beginning
	}
	if last {
		kind |= ending
	}
	b := append(p.page[:0], "OggS\x00"...)
	b = append(b, kind)
	b = binary.LittleEndian.AppendUint64(b, uint64(granule)) //nolint:gosec // it counts samples
	b = binary.LittleEndian.AppendUint32(b, serial)
	b = binary.LittleEndian.AppendUint32(b, p.n)
	b = append(b, 0, 0, 0, 0, byte(len(p.lacing)))
	b = append(b, p.lacing...)
	b = append(b, p.packets...)
	binary.LittleEndian.PutUint32(b[22:], checksum(b))
	p.page, p.lacing, p.packets, p.full = b, p.lacing[:0], p.packets[:0], 0
	p.n++
	_, err := p.w.Write(b)
	return err
}

// crcTable is of the polynomial 0x04c11db7, its highest bit first, which hash/crc32 has not.
var crcTable = func() (t [256]uint32) {
	for i := range t {
		r := uint32(i) << 24
		for range 8 {
			r = r<<1 ^ (0x04c11db7 & -(r >> 31))
		}
		t[i] = r
	}
	return t
}()

// checksum is of a page whose own field for it is zero.
func checksum(page []byte) uint32 { return more(0, page) }

// more goes on with a checksum.
func more(crc uint32, piece []byte) uint32 {
	for _, b := range piece {
		crc = crc<<8 ^ crcTable[byte(crc>>24)^b]
	}
	return crc
}
