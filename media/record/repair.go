package record

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"time"

	"parley/media/wav"
)

// Repair makes the header of a recording state what is in the file, and says whether it did not before. A Recorder that was killed
// leaves a valid file, whose last second may be there without the header knowing. It must not be used while the file is being
// written; files that are not a Recorder's are refused and left as they are.
func Repair(path string) (repaired bool, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return false, fmt.Errorf("repair recording: %w", err)
	}
	defer func() {
		if e := f.Close(); err == nil && e != nil {
			err = fmt.Errorf("repair recording: %w", e)
		}
	}()
	var h [wav.HeaderSize]byte
	if n, err := f.ReadAt(h[:], 0); err == io.EOF {
		return false, fmt.Errorf("repair recording: %s has %d bytes and no whole header", path, n)
	} else if err != nil {
		return false, fmt.Errorf("repair recording: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return false, fmt.Errorf("repair recording: %w", err)
	}
	rate := int(binary.LittleEndian.Uint32(h[24:]))
	want := wav.Header(rate, 2, (info.Size()-wav.HeaderSize)/frameSize*frameSize)
	if ours := alike(h, want); !ours {
		return false, fmt.Errorf("repair recording: %s is not a recording of this program", path)
	}
	if h == want {
		return false, nil
	}
	if _, err := f.WriteAt(want[:], 0); err != nil {
		return false, fmt.Errorf("repair recording: %w", err)
	}
	return true, nil
}

// alike says whether two headers differ in nothing but their sizes.
func alike(a, b [wav.HeaderSize]byte) bool {
	for _, size := range [...]int{4, 40} {
		clear(a[size : size+4])
		clear(b[size : size+4])
	}
	return a == b
}

// Info is what a recording is.
type Info struct {
	Rate     int // samples a second of each channel
	Channels int
	Bytes    int64 // of the file
	Length   time.Duration
}

// Describe tells what the finished recording at path is; files that are not a Recorder's are refused.
func Describe(path string) (Info, error) {
	f, err := os.Open(path)
	if err != nil {
		return Info{}, fmt.Errorf("describe recording: %w", err)
	}
	defer f.Close()
	var h [wav.HeaderSize]byte
	if _, err := io.ReadFull(f, h[:]); err != nil {
		return Info{}, fmt.Errorf("describe recording: read header of %s: %w", path, err)
	}
	stat, err := f.Stat()
	if err != nil {
		return Info{}, fmt.Errorf("describe recording: %w", err)
	}
	rate := int(binary.LittleEndian.Uint32(h[24:]))
	frames := (stat.Size() - wav.HeaderSize) / frameSize
	if want := wav.Header(rate, 2, frames*frameSize); rate <= 0 || !alike(h, want) {
		return Info{}, fmt.Errorf("describe recording: %s is not a recording of this program", path)
	}
	return Info{Rate: rate, Channels: 2, Bytes: stat.Size(), Length: time.Duration(frames) * time.Second / time.Duration(rate)}, nil
}
