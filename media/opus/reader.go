package opus

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

// A Reader decodes a file, such as a voice note, to mono sound: its beginning is without what the encoder was behind, and its end is cut to the
// sample. It reads no further than the stream's last page, and keeps one page at a time. It is for one goroutine at a time, and must be closed.
type Reader struct {
	in    packets
	dec   *Decoder
	scale int64 // ticks of the clock a sample
	rate  int
	gain  float64 // 1: none

	channels int
	skip     int64   // ticks to leave out yet
	at       int64   // the granule position of the page before; below zero: there is none
	left     int64   // ticks to the stream's end; below zero: it is not known yet
	pcm      []int16 // room for a packet
	ready    []int16 // what was decoded and not read yet
	err      error   // with which it ends
}

// NewReader reads the headers of a file, and decodes it to 8,000, 12,000, 16,000, 24,000 or 48,000 samples a second.
func NewReader(r io.Reader, rate int) (*Reader, error) {
	if err := checkRate(rate); err != nil {
		return nil, fmt.Errorf("open opus reader: %w", err)
	}
	o := &Reader{rate: rate, scale: int64(clock / rate), at: -1, left: -1, gain: 1}
	o.in.r = bufio.NewReaderSize(r, readAhead)
	if err := o.head(); err != nil {
		return nil, fmt.Errorf("read opus headers: %w", err)
	}
	var err error
	if o.dec, err = NewDecoder(rate); err != nil {
		return nil, err
	}
	o.pcm = make([]int16, maxTicks/o.scale)
	return o, nil
}

// head reads the two headers, each of which has its pages for itself (RFC 7845, section 3).
func (o *Reader) head() error {
	if err := o.in.page(); err != nil {
		return whole(err)
	}
	id, found, err := o.in.next(readAhead)
	switch {
	case err != nil:
		return err
	case !found || len(id) < 19 || string(id[:8]) != "OpusHead":
		return errors.New("no OpusHead where it should be: this is not Opus")
	case id[8]&0xf0 != 0:
		return fmt.Errorf("OpusHead: version %d: want 1", id[8])
	case id[18] != 0:
		return fmt.Errorf("OpusHead: channel mapping family %d: want 0, of one or two channels", id[18])
	case id[9] != 1 && id[9] != 2:
		return fmt.Errorf("OpusHead: %d channels: want 1 or 2", id[9])
	case len(o.in.lacing) > 0:
		return errors.New("something follows the OpusHead on its page")
	}
	o.channels, o.skip = int(id[9]), int64(binary.LittleEndian.Uint16(id[10:]))
	if g := int16(binary.LittleEndian.Uint16(id[16:])); g != 0 { //nolint:gosec // it is signed in the file
		o.gain = math.Pow(10, float64(g)/(20*256))
	}
	return o.in.pass(maxTags, "OpusTags")
}

// Channels is how many the file has, 1 or 2. Two are mixed.
func (o *Reader) Channels() int { return o.channels }

// Rate is how many samples a second Read gives.
func (o *Reader) Rate() int { return o.rate }

// Read fills pcm, and returns how many samples it has. At the end the error is io.EOF; of a file that is cut off in the middle of a page there comes
// what is there of it, and then io.ErrUnexpectedEOF.
func (o *Reader) Read(pcm []int16) (n int, err error) {
	for n < len(pcm) {
		if len(o.ready) == 0 && o.err == nil {
			o.err = o.decode()
		}
		if len(o.ready) == 0 && o.err != nil {
			if n > 0 {
				return n, nil
			}
			return 0, o.err
		}
		k := copy(pcm[n:], o.ready)
		n, o.ready = n+k, o.ready[k:]
	}
	return n, nil
}

// decode makes the next packet ready, which may be none of it.
func (o *Reader) decode() error {
	if o.left == 0 {
		return io.EOF
	}
	packet, found, err := o.in.next(longPacket)
	if err != nil {
		return fmt.Errorf("read opus: %w", err)
	}
	if !found {
		return o.turn()
	}
	ticks, err := ticksOf(packet)
	if err != nil {
		return fmt.Errorf("read opus: %w", err)
	}
	n, err := o.dec.Decode(o.pcm, packet)
	if err != nil {
		return err
	}
	o.ready = o.pcm[:n]
	if o.left >= 0 {
		keep := min(int64(ticks), o.left)
		o.left -= keep
		o.ready = o.ready[:min(keep/o.scale, int64(n))]
	}
	cut := min(o.skip/o.scale, int64(len(o.ready)))
	o.ready = o.ready[cut:]
	o.skip = max(0, o.skip-int64(ticks))
	o.amplify()
	return nil
}

// turn turns the page. Of the last one it finds out how much sounds: where its granule position says that the stream ends before its packets do,
// the rest of them is left out (RFC 7845, section 4.4).
func (o *Reader) turn() error {
	if o.in.ended {
		return io.EOF
	}
	err := o.in.page()
	if errors.Is(err, io.EOF) && !o.in.broken {
		return io.EOF
	}
	if err != nil {
		return fmt.Errorf("read opus: %w", whole(err))
	}
	switch at := o.in.granule; {
	case at < 0: // no packet ends on it
	case !o.in.ended:
		o.at = at
	default:
		ticks := o.in.ticks()
		if o.at < 0 {
			o.at = max(0, at-ticks)
		}
		o.left = max(0, min(at-o.at, ticks))
	}
	return nil
}

// amplify makes what is ready as loud as the file says (RFC 7845, section 5.1).
func (o *Reader) amplify() {
	if o.gain == 1 {
		return
	}
	for i, s := range o.ready {
		o.ready[i] = int16(max(math.MinInt16, min(math.Round(float64(s)*o.gain), math.MaxInt16)))
	}
}

// Close frees the decoder. What lies below stays open. It may be called again.
func (o *Reader) Close() { o.dec.Close() }

// ErrTooLong is what ReadAll says of more sound than is wanted.
var ErrTooLong = errors.New("it is too long")

// ReadAll decodes a whole file of a length of so much at most.
func ReadAll(r io.Reader, rate int, most time.Duration) ([]int16, error) {
	o, err := NewReader(r, rate)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	var all []int16
	piece := make([]int16, rate/perSecond)
	for limit := int(most.Seconds() * float64(rate)); ; {
		n, err := o.Read(piece)
		if all = append(all, piece[:n]...); len(all) > limit {
			return nil, fmt.Errorf("read opus: %w: want %v at most", ErrTooLong, most)
		}
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
