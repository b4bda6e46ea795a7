package opus

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	pageHead   = 27                 // bytes of a page's header, without its lacing values (RFC 3533, section 6)
	continued  = 1                  // the bit of a page's header type that says that its first packet began on the page before
	longPacket = 48 * 1275          // bytes of a packet of 48 frames, the most that 120 ms can have
	maxTicks   = 120 * clock / 1000 // of a packet (RFC 6716, section 3.2.5)
	maxTags    = 120 << 20          // bytes of comments that are passed over (RFC 7845, section 5.2)
	maxStrange = 8 << 20            // bytes of pages of other streams that are passed over, one after another
	readAhead  = 4096               // bytes
	segments   = 255                // lacing values of a page, at most
	pageBody   = 255 * 255          // bytes of a page's packets, at most
)

// A packets reads the packets of one logical stream, the one whose headers come first, page by page.
//
//	io.Reader ─▶ page: header, lacing, body, checksum ─▶ packets that end on it; what does not end there is kept for the next
type packets struct {
	r       *bufio.Reader
	serial  uint32
	n       uint32 // of the next page
	head    [pageHead + segments]byte
	body    [pageBody]byte
	lacing  []byte // of the page being read, what is left of it
	rest    []byte // and of its packets
	partial []byte // a packet that began on a page before
	broken  bool   // it has, and goes on
	begun   bool   // the first page was read
	granule int64  // at the page's end
	ended   bool   // the page is the stream's last
}

// errNotOgg is of what has no page where one should be.
var errNotOgg = errors.New("this is not Ogg")

// page reads the next page of the stream; io.EOF: there is none.
func (p *packets) page() error {
	for strange := 0; ; {
		n, kind, serial, err := p.read()
		switch {
		case err != nil:
			return err
		case !p.begun && kind&beginning == 0:
			return errors.New("the first page begins no stream")
		case !p.begun:
			p.begun, p.serial, p.n = true, serial, binary.LittleEndian.Uint32(p.head[18:])
		case serial != p.serial:
			if strange += n; strange > maxStrange {
				return errors.New("the stream has stopped among others")
			}
			continue
		case binary.LittleEndian.Uint32(p.head[18:]) != p.n:
			return fmt.Errorf("page %d is missing", p.n)
		case kind&continued == 0 && p.broken:
			return errors.New("a packet has no end")
		}
		p.n++
		if kind&continued != 0 && !p.broken {
			return errors.New("a packet has no beginning")
		}
		p.granule = int64(binary.LittleEndian.Uint64(p.head[6:])) //nolint:gosec // it is signed in the file
		p.ended = kind&ending != 0
		return nil
	}
}

// read reads a page of any stream, and checks it.
func (p *packets) read() (size int, kind byte, serial uint32, err error) {
	h := p.head[:pageHead]
	if _, err := io.ReadFull(p.r, h); err != nil {
		return 0, 0, 0, err // io.EOF between pages, io.ErrUnexpectedEOF within one
	}
	if string(h[:4]) != "OggS" || h[4] != 0 {
		return 0, 0, 0, errNotOgg
	}
	p.lacing = p.head[pageHead : pageHead+int(h[26])]
	if _, err := io.ReadFull(p.r, p.lacing); err != nil {
		return 0, 0, 0, whole(err)
	}
	for _, n := range p.lacing {
		size += int(n)
	}
	p.rest = p.body[:size]
	if _, err := io.ReadFull(p.r, p.rest); err != nil {
		return 0, 0, 0, whole(err)
	}
	told := binary.LittleEndian.Uint32(h[22:])
	clear(h[22:26])
	crc := more(more(checksum(h), p.lacing), p.rest)
	if binary.LittleEndian.PutUint32(h[22:], told); crc != told {
		return 0, 0, 0, errors.New("a page is damaged: its checksum differs")
	}
	return size, h[5], binary.LittleEndian.Uint32(h[14:]), nil
}

// whole is an error in the middle of a page.
func whole(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// next is the next packet that ends on the page; false: there is none. It is the reader's own until the next call.
func (p *packets) next(most int) (packet []byte, found bool, err error) {
	n, found := 0, false
	for len(p.lacing) > 0 && !found {
		n += int(p.lacing[0])
		found = p.lacing[0] < 255
		p.lacing = p.lacing[1:]
	}
	piece := p.rest[:n]
	p.rest = p.rest[n:]
	if p.broken || !found {
		if len(p.partial)+n > most {
			return nil, false, fmt.Errorf("a packet of more than %d bytes", most)
		}
		p.partial = append(p.partial, piece...)
		piece = p.partial
	}
	if !found {
		p.broken = p.broken || n > 0
		return nil, false, nil
	}
	p.broken, p.partial = false, p.partial[:0]
	if len(piece) > most {
		return nil, false, fmt.Errorf("a packet of more than %d bytes", most)
	}
	return piece, true, nil
}

// ticks is how long all packets sound that end on the page, of which none was read yet.
func (p *packets) ticks() (sum int64) {
	var begin []byte // the first two bytes decide
	if p.broken {
		begin = append(begin, p.partial[:min(2, len(p.partial))]...)
	}
	n := 0
	for _, k := range p.lacing {
		begin = append(begin, p.rest[n:n+min(2, int(k))]...)
		if n += int(k); k < 255 {
			ticks, _ := ticksOf(begin) // what makes no sense will be an error when it is read
			sum += int64(ticks)
			begin = begin[:0]
		}
	}
	return sum
}

// pass passes over the packet that ends next, whatever its length up to a bound. It ends with its page.
func (p *packets) pass(most int, begins string) error {
	var start []byte
	for passed := 0; ; {
		if err := p.page(); err != nil {
			return whole(err)
		}
		if start == nil {
			start = append(start, p.rest[:min(len(p.rest), len(begins))]...)
			if string(start) != begins {
				return fmt.Errorf("no %s where it should be", begins)
			}
		}
		for i, n := range p.lacing {
			if passed += int(n); n < 255 {
				if i != len(p.lacing)-1 {
					return fmt.Errorf("something follows the %s on its page", begins)
				}
				p.broken, p.lacing, p.rest = false, nil, nil
				return nil
			}
		}
		if p.broken = true; passed > most {
			return fmt.Errorf("%s of more than %d bytes", begins, most)
		}
		if p.ended {
			return io.ErrUnexpectedEOF
		}
	}
}

// ticksOf is how long a packet sounds, in ticks of the clock (RFC 6716, sections 3.1 and 3.2).
func ticksOf(packet []byte) (int, error) {
	if len(packet) == 0 {
		return 0, errors.New("an empty packet")
	}
	frame := 0
	switch config := packet[0] >> 3; {
	case config < 12: // SILK: 10, 20, 40, 60 ms
		frame = [...]int{480, 960, 1920, 2880}[config%4]
	case config < 16: // hybrid: 10, 20 ms
		frame = [...]int{480, 960}[config%2]
	default: // CELT: 2.5, 5, 10, 20 ms
		frame = 120 << (config % 4)
	}
	count := 2
	switch packet[0] & 3 {
	case 0:
		count = 1
	case 3:
		if len(packet) < 2 {
			return 0, errors.New("a packet without its number of frames")
		}
		count = int(packet[1] & 63)
	}
	if ticks := frame * count; ticks > 0 && ticks <= maxTicks {
		return ticks, nil
	}
	return 0, fmt.Errorf("a packet of %d frames: want up to 120 ms", count)
}
