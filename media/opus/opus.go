// Package opus writes and reads sound as Ogg Opus, a twelfth of the size of a recording's WAV, which every browser plays and in which voice notes come;
// and speaks Opus in calls.
//
//	PCM ──▶ Writer: frames of 20 ms ──▶ encoder (libopus) ──▶ packets ──▶ pages of a second ──▶ io.Writer
//	io.Reader ──▶ Reader: pages ──▶ packets ──▶ decoder (libopus) ──▶ PCM, of voice notes
//	PCM ──▶ Encoder ──▶ payloads of RTP ──▶ network ──▶ Decoder ──▶ PCM
//
// Each is one goroutine's. The file is that of RFC 7845, its end cut to the sample; the same sound makes the same bytes. In RTP (RFC 7587),
// Opus has a clock of 48,000 whatever the sound's rate, may send each frame once more with the next, at a lower quality, against loss, and
// may send nothing in silence. libopus is reached by cgo: without it, Available says so.
package opus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// MediaType is of what a Writer writes (RFC 7845 section 9).
const MediaType = "audio/ogg"

const (
	clock     = 48000 // of granule positions, whatever the sound's rate (RFC 7845 section 4)
	perSecond = 50    // frames
	maxPacket = 1275  // bytes of a frame (RFC 6716 section 3.2.1)
)

// Available says why there is no encoder in this build; nil if there is one.
func Available() error { return available() }

// A Writer encodes the sound that it is given.
type Writer struct {
	out      pages
	enc      encoder
	frame    int     // samples of a frame, of all channels together
	channels int     // 1 or 2
	scale    int64   // ticks of the clock a sample
	skip     int64   // ticks that a decoder leaves out: what the encoder is behind
	rest     []int16 // what does not fill a frame yet
	told     int64   // samples of each channel that were written
	coded    int64   // ticks that were encoded
	packet   [maxPacket]byte
}

// NewWriter begins a file of sound of 8, 12, 16, 24 or 48 thousand samples a second, of one or two channels. It must be closed.
func NewWriter(w io.Writer, rate, channels int) (*Writer, error) {
	if err := checkRate(rate); err != nil {
		return nil, fmt.Errorf("open opus writer: %w", err)
	}
	if channels != 1 && channels != 2 {
		return nil, fmt.Errorf("open opus writer: %d channels, want 1 or 2", channels)
	}
	o := &Writer{
		out: pages{w: w}, frame: rate / perSecond * channels, channels: channels, scale: int64(clock / rate),
	}
	behind, err := o.enc.open(rate, channels, 0, 0)
	if err != nil {
		return nil, fmt.Errorf("open opus writer: %w", err)
	}
	o.skip = int64(behind) * o.scale
	if err := o.head(rate); err != nil {
		o.enc.close()
		return nil, err
	}
	return o, nil
}

// checkRate says whether Opus knows a rate.
func checkRate(rate int) error {
	if !slices.Contains([]int{8000, 12000, 16000, 24000, 48000}, rate) {
		return fmt.Errorf("rate of %d samples a second, want 8000, 12000, 16000, 24000 or 48000", rate)
	}
	return nil
}

// head writes the two headers, each on a page of its own (RFC 7845 section 5).
func (o *Writer) head(rate int) error {
	id := append([]byte("OpusHead"), 1, byte(o.channels))
	id = binary.LittleEndian.AppendUint16(id, uint16(o.skip)) //nolint:gosec // some hundred ticks
	id = binary.LittleEndian.AppendUint32(id, uint32(rate))   //nolint:gosec // 48,000 at most
	id = append(id, 0, 0, 0)                                  // no gain, channels as they are
	const vendor = "parley"
	tags := binary.LittleEndian.AppendUint32([]byte("OpusTags"), uint32(len(vendor)))
	tags = append(tags, vendor...)
	tags = append(tags, 0, 0, 0, 0) // no comments
	for _, packet := range [][]byte{id, tags} {
		o.out.add(packet)
		if err := o.out.flush(0, false); err != nil {
			return fmt.Errorf("write opus headers: %w", err)
		}
	}
	return nil
}

// Write encodes samples; channels are interleaved. What does not fill a frame waits for the next.
func (o *Writer) Write(pcm []int16) error {
	if len(pcm)%o.channels != 0 {
		return fmt.Errorf("write opus: %d samples do not fill %d channels", len(pcm), o.channels)
	}
	o.told += int64(len(pcm) / o.channels)
	if len(o.rest) > 0 {
		n := min(o.frame-len(o.rest), len(pcm))
		o.rest, pcm = append(o.rest, pcm[:n]...), pcm[n:]
		if len(o.rest) < o.frame {
			return nil
		}
		if err := o.encode(o.rest); err != nil {
			return err
		}
		o.rest = o.rest[:0]
	}
	for ; len(pcm) >= o.frame; pcm = pcm[o.frame:] {
		if err := o.encode(pcm[:o.frame]); err != nil {
			return err
		}
	}
	o.rest = append(o.rest, pcm...)
	return nil
}

// encode makes a packet of one frame, and a page of each second.
func (o *Writer) encode(frame []int16) error {
	n, err := o.enc.encode(frame, o.packet[:])
	if err != nil {
		return fmt.Errorf("encode opus: %w", err)
	}
	if o.out.count() >= perSecond { // now: the page that ends the file must not be empty
		if err := o.out.flush(o.coded, false); err != nil {
			return fmt.Errorf("write opus: %w", err)
		}
	}
	o.out.add(o.packet[:n])
	o.coded += clock / perSecond
	return nil
}

// Close writes what is left and the end of the file, and frees the encoder. What lies below stays open. It is called once.
func (o *Writer) Close() error {
	defer o.enc.close()
	silence := make([]int16, o.frame)
	end := o.told*o.scale + o.skip
	for o.coded < end || o.coded == 0 {
		frame := silence
		if len(o.rest) > 0 {
			frame = append(o.rest, silence[len(o.rest):]...)
			o.rest = nil
		}
		if err := o.encode(frame); err != nil {
			return err
		}
	}
	if err := o.out.flush(end, true); err != nil {
		return fmt.Errorf("write opus: %w", err)
	}
	return nil
}

// errClosed is what an encoder or decoder says that was closed.
var errClosed = errors.New("it is closed")
