package fetch

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"parley/media/opus"
	"parley/media/resample"
	"parley/media/wav"
	"parley/store"
)

// common is the rate of recordings that have none of a telephone's, and of Opus.
const common = 16000

// piece is how many samples of each channel are converted at once.
const piece = 8000

// A source is sound that is read piece by piece, interleaved.
type source interface {
	next(pcm []int16) ([]int16, error) // appends; io.EOF when there is no more
}

// convert makes the recording of a call of the file that was fetched for it.
func (f *Fetcher) convert(ctx context.Context, call string, now time.Time) (r store.Recording, err error) {
	in, err := os.Open(f.part(call))
	if err != nil {
		return r, fmt.Errorf("open file: %w", err)
	}
	defer in.Close()
	from, rate, channels, done, err := open(in)
	if err != nil {
		return r, err
	}
	defer done()
	path := "recordings/" + now.UTC().Format(time.DateOnly) + "/" + call + ".wav"
	whole := filepath.Join(f.Dir, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(whole), 0o700); err != nil {
		return r, fmt.Errorf("make directory: %w", err)
	}
	bytes, err := f.write(ctx, whole+".load", from, rate, channels)
	if err != nil {
		return r, errors.Join(err, os.Remove(whole+".load"))
	}
	if err := os.Rename(whole+".load", whole); err != nil {
		return r, fmt.Errorf("keep recording: %w", err)
	}
	length := time.Duration(bytes/2/int64(channels)) * time.Second / time.Duration(rate)
	return store.Recording{Call: call, Path: path, Rate: rate, Channels: channels, Bytes: bytes + wav.HeaderSize, Length: length}, nil
}

// open finds out what a file is, by how it begins.
func open(in *os.File) (from source, rate, channels int, done func(), err error) {
	var head [4]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil, 0, 0, nil, faulty("the file is no recording: it is empty")
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return nil, 0, 0, nil, fmt.Errorf("read file: %w", err)
	}
	switch string(head[:]) {
	case "RIFF":
		s, err := wav.Open(in)
		if err != nil {
			return nil, 0, 0, nil, faulty("the file cannot be read: %s", err)
		}
		if s.Channels > 2 {
			return nil, 0, 0, nil, faulty("the file has %d channels: 1 or 2 can be read", s.Channels)
		}
		from, rate, err := tuned(s)
		return from, rate, s.Channels, func() {}, err
	case "OggS":
		o, err := opus.NewReader(in, common)
		if err != nil {
			return nil, 0, 0, nil, faulty("the file cannot be read: %s", err)
		}
		return &oggSource{o, make([]int16, piece)}, common, 1, o.Close, nil
	}
	return nil, 0, 0, nil, faulty("the file is neither WAV nor Ogg Opus")
}

// write writes a file of 16-bit PCM, and says how many bytes of it are sound.
func (f *Fetcher) write(ctx context.Context, path string, from source, rate, channels int) (n int64, err error) {
	out, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, fmt.Errorf("make recording: %w", err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	w := bufio.NewWriterSize(out, 64<<10)
	head := wav.Header(rate, channels, 0)
	w.Write(head[:]) // an error stays and comes back from Flush
	most := int64(f.Longest/time.Second) * int64(rate*channels) * 2
	for pcm := []int16(nil); ; {
		if err := context.Cause(ctx); err != nil {
			return 0, err
		}
		pcm, err = from.next(pcm[:0])
		for _, v := range pcm {
			w.WriteByte(byte(v))
			w.WriteByte(byte(uint16(v) >> 8))
		}
		n += int64(len(pcm)) * 2
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return 0, faulty("the file cannot be read: %s", err)
		}
		if n > most {
			return 0, faulty("the recording is longer than %s", f.Longest)
		}
	}
	if n == 0 {
		return 0, faulty("the file is no recording: there is no sound in it")
	}
	if err := w.Flush(); err != nil {
		return 0, fmt.Errorf("write recording: %w", err)
	}
	head = wav.Header(rate, channels, n)
	if _, err := out.WriteAt(head[:], 0); err != nil {
		return 0, fmt.Errorf("write recording: %w", err)
	}
	return n, nil
}

// oggSource is sound of Ogg Opus, of one channel.
type oggSource struct {
	in  *opus.Reader
	buf []int16
}

func (o *oggSource) next(pcm []int16) ([]int16, error) {
	n, err := o.in.Read(o.buf)
	return append(pcm, o.buf[:n]...), err
}

// tuned is a WAV's sound at a rate that recognisers and browsers take.
func tuned(s *wav.Stream) (source, int, error) {
	switch s.Rate {
	case 8000, 16000, 24000, 48000:
		return &wavSource{in: s}, s.Rate, nil
	case 11025, 12000, 22050, 32000, 44100, 96000:
	default:
		return nil, 0, faulty("the file has %d samples a second, which cannot be read", s.Rate)
	}
	w := &wavSource{in: s}
	for range s.Channels {
		r, err := resample.New(s.Rate, common)
		if err != nil {
			return nil, 0, fmt.Errorf("open resampler: %w", err)
		}
		w.tune = append(w.tune, r)
	}
	return w, common, nil
}

// wavSource is sound of WAV.
type wavSource struct {
	in   *wav.Stream
	tune []*resample.Resampler // of each channel; none: the rate stays
	raw  []int16
	mono []int16
	out  [2][]int16
	over bool
}

func (w *wavSource) next(pcm []int16) ([]int16, error) {
	if w.tune == nil {
		return w.in.Next(pcm, piece)
	}
	if w.over {
		return pcm, io.EOF
	}
	var err error
	w.raw, err = w.in.Next(w.raw[:0], piece)
	if err != nil && !errors.Is(err, io.EOF) {
		return pcm, err
	}
	w.over = err != nil
	channels := len(w.tune)
	for c, r := range w.tune {
		w.mono = w.mono[:0]
		for i := c; i < len(w.raw); i += channels {
			w.mono = append(w.mono, w.raw[i])
		}
		w.out[c] = r.Append(w.out[c][:0], w.mono)
		if w.over {
			w.out[c] = r.Flush(w.out[c])
		}
	}
	for i := range w.out[0] {
		for c := range channels {
			pcm = append(pcm, w.out[c][i])
		}
	}
	return pcm, nil
}
