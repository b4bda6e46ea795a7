// Package wav reads and writes RIFF WAVE files: scripted callers, recordings, test speech.
//
//	file ──▶ Read, or Open and Next: header, odd chunks, 8 or 16 bits, G.711 ──▶ Sound (interleaved 16-bit PCM) ──▶ Encode ──▶ file
//
// What is read may be foreign, broken or hostile: memory stays within the caller's limit, every error says what is wrong, and the
// file of a writer that crashed, with sizes it never came to fill in, is read to its end. What is written is always 16-bit PCM.
// The format is Microsoft's "Multimedia Programming Interface and Data Specifications 1.0" (1991) and, for the extensible one,
// "Multiple Channel Audio Data and WAVE Files" (2007).
package wav

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"parley/media/g711"
)

// A Sound is a whole sound file.
type Sound struct {
	PCM      []int16 // 16-bit linear; channels interleaved
	Rate     int     // samples a second of each channel
	Channels int
}

// Duration is how long it sounds.
func (s Sound) Duration() time.Duration {
	if s.Rate == 0 || s.Channels == 0 {
		return 0
	}
	return time.Duration(len(s.PCM)/s.Channels) * time.Second / time.Duration(s.Rate)
}

// Channel is a copy of one channel's samples; channels count from 0.
func (s Sound) Channel(n int) []int16 {
	pcm := make([]int16, 0, len(s.PCM)/s.Channels)
	for i := n; i < len(s.PCM); i += s.Channels {
		pcm = append(pcm, s.PCM[i])
	}
	return pcm
}

// ErrTooLong says that a file holds more samples than Read was to take.
var ErrTooLong = errors.New("longer than the limit")

// fileLimit is ReadFile's: 4.6 hours of stereo at 8 kHz, half a gigabyte of memory.
const fileLimit = 1 << 28

// ReadFile reads the file at path, of at most 2^28 samples.
func ReadFile(path string) (Sound, error) {
	f, err := os.Open(path)
	if err != nil {
		return Sound{}, fmt.Errorf("read sound file: %w", err)
	}
	defer f.Close()
	s, err := Read(f, fileLimit)
	if err != nil {
		return Sound{}, fmt.Errorf("read sound file %s: %w", path, err)
	}
	return s, nil
}

// Read reads a WAVE file from r: PCM of 8 or 16 bits, mu-law or A-law, plain or extensible, up to limit samples (of all channels
// together), else ErrTooLong. It stops behind the sound. A file cut short, or whose data size is 0, larger than the file or
// 0xFFFFFFFF because its writer crashed, yields what there is of it; a last sample that is not whole is left out.
func Read(r io.Reader, limit int) (Sound, error) {
	s, err := Open(r)
	if err != nil {
		return Sound{}, err
	}
	pcm, err := s.samples(limit)
	if err != nil {
		return Sound{}, fmt.Errorf("read samples: %w", err)
	}
	return Sound{PCM: pcm, Rate: s.Rate, Channels: s.Channels}, nil
}

// A Stream is a sound that is read piece by piece: however long, it takes the memory of a piece. It is one goroutine's.
type Stream struct {
	Rate     int // samples a second of each channel
	Channels int

	in     *reader
	format format
	left   int64 // bytes of the data chunk, or unknown
	buf    []byte
}

// Open reads the beginning of a WAVE file, of any that Read takes.
func Open(r io.Reader) (*Stream, error) {
	in := &reader{Reader: bufio.NewReaderSize(r, 1<<14)}
	riff, err := in.riff()
	if err != nil {
		return nil, err
	}
	var f format
	empty := false
	for {
		id, size, err := in.chunk()
		switch {
		case errors.Is(err, io.EOF) && empty:
			return &Stream{Rate: f.rate, Channels: f.channels, in: in, format: f}, nil
		case errors.Is(err, io.EOF):
			return nil, errors.New("no data chunk")
		case err != nil:
			return nil, fmt.Errorf("read chunk header: %w", err)
		}
		switch id {
		case "fmt ":
			if f, err = in.format(size); err != nil {
				return nil, err
			}
		case "data":
			if f.channels == 0 {
				return nil, errors.New("data chunk before the fmt chunk")
			}
			if size == 0 && (in.read >= riff+8 || riff == unknown) {
				size = unknown // its writer never came to fill it in
			}
			if size == 0 { // truly: the file's own size says that more chunks follow
				empty = true
				continue
			}
			return &Stream{Rate: f.rate, Channels: f.channels, in: in, format: f, left: size}, nil
		default:
			if err := in.skip(size); err != nil {
				return nil, fmt.Errorf("skip %q chunk: %w", id, err)
			}
		}
	}
}

// Next appends up to n samples of each channel to pcm, interleaved. It appends fewer at the end alone, and says io.EOF when there are none.
func (s *Stream) Next(pcm []int16, n int) ([]int16, error) {
	block := s.Channels * s.format.bytes()
	if need := n * block; cap(s.buf) < need {
		s.buf = make([]byte, need)
	}
	b := s.buf[:n*block]
	if s.left != unknown {
		b = b[:min(s.left, int64(len(b)))]
		s.left -= int64(len(b))
	}
	got, err := io.ReadFull(s.in.Reader, b)
	got -= got % block
	switch {
	case got > 0 && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)):
		s.left = 0
	case errors.Is(err, io.ErrUnexpectedEOF), len(b) == 0:
		return pcm, io.EOF
	case err != nil:
		return pcm, err
	}
	return s.format.decode(pcm, b[:got]), nil
}

const unknown = 0xFFFFFFFF // a size that says nothing

// A reader counts what it has consumed.
type reader struct {
	*bufio.Reader
	read int64
}

func (r *reader) full(b []byte) error {
	n, err := io.ReadFull(r.Reader, b)
	r.read += int64(n)
	return err
}

// skip passes over a chunk's body and its padding.
func (r *reader) skip(size int64) error {
	n, err := io.CopyN(io.Discard, r.Reader, size)
	r.read += n
	if errors.Is(err, io.EOF) {
		return nil // the next header will find the end
	}
	if err != nil {
		return err
	}
	return r.pad(size)
}

// pad passes over the byte that fills up an odd chunk. Some writers forget it: no chunk's name begins with 0.
func (r *reader) pad(size int64) error {
	if size%2 == 0 {
		return nil
	}
	if b, _ := r.Peek(1); len(b) == 0 || b[0] != 0 { // the next header will find the end
		return nil
	}
	r.read++
	_, err := r.Discard(1)
	return err
}

// riff reads the file's own header and returns the size that it states.
func (r *reader) riff() (int64, error) {
	var h [12]byte
	if err := r.full(h[:]); err != nil {
		return 0, fmt.Errorf("read RIFF header: %w", err)
	}
	if string(h[:4]) != "RIFF" || string(h[8:]) != "WAVE" {
		return 0, fmt.Errorf("not a WAVE file: begins with %q, not RIFF....WAVE", h)
	}
	return int64(binary.LittleEndian.Uint32(h[4:])), nil
}

// chunk reads a chunk's header. io.EOF means that there is none, nor half of one.
func (r *reader) chunk() (id string, size int64, err error) {
	var h [8]byte
	if err := r.full(h[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = io.EOF // a stray byte or two at the end
		}
		return "", 0, err
	}
	return string(h[:4]), int64(binary.LittleEndian.Uint32(h[4:])), nil
}

// samples reads all that there are.
func (s *Stream) samples(limit int) (pcm []int16, err error) {
	for {
		if pcm, err = s.Next(pcm, 1<<14/(s.Channels*s.format.bytes())); errors.Is(err, io.EOF) {
			return pcm, nil
		}
		if err != nil {
			return nil, err
		}
		if len(pcm) > limit {
			return nil, fmt.Errorf("%w of %d samples", ErrTooLong, limit)
		}
	}
}

// A format is what a fmt chunk tells.
type format struct {
	tag            uint16
	channels, rate int
	bits           int
}

// The format tags (mmreg.h).
const (
	tagPCM        = 1
	tagAlaw       = 6
	tagUlaw       = 7
	tagExtensible = 0xFFFE
)

// guidTail is what follows the tag in an extensible format's GUID.
const guidTail = "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xAA\x00\x38\x9B\x71"

// format reads a fmt chunk.
func (r *reader) format(size int64) (format, error) {
	var b [40]byte
	n := min(size, int64(len(b)))
	if size < 16 {
		return format{}, fmt.Errorf("fmt chunk of %d bytes, want 16 or more", size)
	}
	if err := r.full(b[:n]); err != nil {
		return format{}, fmt.Errorf("read fmt chunk: %w", err)
	}
	f := format{
		tag:      binary.LittleEndian.Uint16(b[0:]),
		channels: int(binary.LittleEndian.Uint16(b[2:])),
		rate:     int(binary.LittleEndian.Uint32(b[4:])),
		bits:     int(binary.LittleEndian.Uint16(b[14:])),
	}
	if f.tag == tagExtensible {
		if n < 40 || string(b[26:40]) != guidTail {
			return format{}, errors.New("extensible format that stands for no plain one")
		}
		f.tag = binary.LittleEndian.Uint16(b[24:])
	}
	if err := f.check(); err != nil {
		return format{}, err
	}
	if err := r.skip(size - n); err != nil {
		return format{}, fmt.Errorf("read fmt chunk: %w", err)
	}
	return f, nil
}

func (f format) check() error {
	switch {
	case f.channels < 1 || f.channels > 64:
		return fmt.Errorf("%d channels, want 1 to 64", f.channels)
	case f.rate < 1000 || f.rate > 384_000:
		return fmt.Errorf("%d samples a second, want 1,000 to 384,000", f.rate)
	case f.tag == tagPCM && (f.bits == 8 || f.bits == 16):
	case (f.tag == tagAlaw || f.tag == tagUlaw) && f.bits == 8:
	default:
		return fmt.Errorf("format %d of %d bits, want PCM (1) of 8 or 16, A-law (6) or mu-law (7) of 8", f.tag, f.bits)
	}
	return nil
}

func (f format) bytes() int { return f.bits / 8 }

// decode appends the samples that b holds.
func (f format) decode(pcm []int16, b []byte) []int16 {
	start := len(pcm)
	pcm = append(pcm, make([]int16, len(b)/f.bytes())...)
	fresh := pcm[start:]
	switch {
	case f.tag == tagUlaw:
		g711.Ulaw.Decode(fresh, b)
	case f.tag == tagAlaw:
		g711.Alaw.Decode(fresh, b)
	case f.bits == 8: // unsigned, unlike all others
		for i := range fresh {
			fresh[i] = (int16(b[i]) - 128) << 8
		}
	default:
		for i := range fresh {
			fresh[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
		}
	}
	return pcm
}
