package wav

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
)

// HeaderSize is the length of what Header makes: the samples begin there.
const HeaderSize = 44

// Header is the beginning of a file that holds n bytes of 16-bit PCM. Beyond the 4 GiB of the format it states the most that it
// can, and readers that mind the file's end read on.
func Header(rate, channels int, n int64) [HeaderSize]byte {
	var h [HeaderSize]byte
	size := uint32(min(max(n, 0), math.MaxUint32-HeaderSize))
	copy(h[0:], "RIFF")
	binary.LittleEndian.PutUint32(h[4:], size+HeaderSize-8)
	copy(h[8:], "WAVEfmt ")
	binary.LittleEndian.PutUint32(h[16:], 16)
	binary.LittleEndian.PutUint16(h[20:], tagPCM)
	binary.LittleEndian.PutUint16(h[22:], uint16(channels))
	binary.LittleEndian.PutUint32(h[24:], uint32(rate))
	binary.LittleEndian.PutUint32(h[28:], uint32(rate*channels*2))
	binary.LittleEndian.PutUint16(h[32:], uint16(channels*2))
	binary.LittleEndian.PutUint16(h[34:], 16)
	copy(h[36:], "data")
	binary.LittleEndian.PutUint32(h[40:], size)
	return h
}

// Encode writes s to w as a file of 16-bit PCM.
func Encode(w io.Writer, s Sound) error {
	n := int64(len(s.PCM)) * 2
	switch f := (format{tagPCM, s.Channels, s.Rate, 16}); {
	case f.check() != nil:
		return fmt.Errorf("encode sound: %w", f.check())
	case len(s.PCM)%s.Channels != 0:
		return fmt.Errorf("encode sound: %d samples do not fill %d channels", len(s.PCM), s.Channels)
	case n > math.MaxUint32-HeaderSize:
		return fmt.Errorf("encode sound: %d bytes of samples are more than the format's 4 GiB", n)
	}
	out := bufio.NewWriterSize(w, 1<<14)
	h := Header(s.Rate, s.Channels, n)
	out.Write(h[:]) // an error stays and comes back from Flush
	for _, v := range s.PCM {
		out.WriteByte(byte(v))
		out.WriteByte(byte(uint16(v) >> 8))
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("encode sound: %w", err)
	}
	return nil
}

// WriteFile writes s to a file of 16-bit PCM, in place of what is at path.
func WriteFile(path string, s Sound) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write sound file: %w", err)
	}
	defer func() {
		if e := f.Close(); err == nil && e != nil {
			err = fmt.Errorf("write sound file: %w", e)
		}
	}()
	if err := Encode(f, s); err != nil {
		return fmt.Errorf("write sound file %s: %w", path, err)
	}
	return nil
}
