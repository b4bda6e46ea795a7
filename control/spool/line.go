package spool

import (
	"bufio"
	"bytes"
	"errors"
	"hash/crc32"
	"io"
	"iter"
	"strconv"
	"time"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

const (
	sumLen     = 8 // hexadecimal digits of the checksum
	hexDigits  = "0123456789abcdef"
	readBuffer = 64 << 10
)

// appendLine appends a record as it stands in a segment.
func appendLine(b []byte, r Record) []byte {
	start := len(b)
	b = append(b, "00000000 "...)
	b = strconv.AppendUint(b, r.Seq, 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, r.At.UnixMicro(), 10)
	b = append(b, ' ')
	b = append(b, r.Data...)
	sum := crc32.Checksum(b[start+sumLen+1:], castagnoli)
	for i := range sumLen {
		b[start+i] = hexDigits[sum>>(28-4*i)&0xf]
	}
	return append(b, '\n')
}

// parseLine is the reverse of appendLine, for a line without its newline. Data is part of the line.
func parseLine(line []byte) (Record, bool) {
	if len(line) < sumLen+1 || line[sumLen] != ' ' {
		return Record{}, false
	}
	sum, err := strconv.ParseUint(string(line[:sumLen]), 16, 32)
	rest := line[sumLen+1:]
	if err != nil || crc32.Checksum(rest, castagnoli) != uint32(sum) {
		return Record{}, false
	}
	first, rest, ok1 := bytes.Cut(rest, []byte{' '})
	second, data, ok2 := bytes.Cut(rest, []byte{' '})
	seq, err1 := strconv.ParseUint(string(first), 10, 64)
	at, err2 := strconv.ParseInt(string(second), 10, 64)
	if !ok1 || !ok2 || err1 != nil || err2 != nil || seq == 0 {
		return Record{}, false
	}
	return Record{Seq: seq, At: time.UnixMicro(at).UTC(), Data: data}, true
}

// A piece is a line of a segment, with its newline unless it is the last and was torn.
type piece struct {
	text   []byte
	record Record
	ok     bool // there is a record; else the text is damaged
}

// pieces cuts what lines holds into lines: all of it, in order. An error comes last.
func pieces(lines *bufio.Reader) iter.Seq2[piece, error] {
	return func(yield func(piece, error) bool) {
		for {
			text, err := lines.ReadBytes('\n')
			if err != nil && !errors.Is(err, io.EOF) {
				yield(piece{}, err)
				return
			}
			if len(text) > 0 {
				p := piece{text: text}
				if line, whole := bytes.CutSuffix(text, []byte{'\n'}); whole {
					p.record, p.ok = parseLine(line)
				}
				if !yield(p, nil) {
					return
				}
			}
			if err != nil {
				return
			}
		}
	}
}
