package requests

import (
	"bytes"
	"errors"
	"fmt"
)

var (
	headEnd  = []byte("\r\n\r\n")
	chunkEnd = []byte("\r\n0\r\n\r\n")
	length   = []byte("\r\nContent-Length: ")
	chunked  = []byte("\r\nTransfer-Encoding: chunked\r\n")
)

// whole says whether b is an answer of HTTP/1.1 to its last byte, as net/http writes it, and its status.
func whole(b []byte) (done bool, status int, err error) {
	end := bytes.Index(b, headEnd)
	if end < 0 {
		return false, 0, nil
	}
	head := b[:end+2]
	if len(head) < 12 || !bytes.HasPrefix(head, []byte("HTTP/1.1 ")) {
		return false, 0, fmt.Errorf("no answer of HTTP/1.1: %.80q", b)
	}
	status, ok := number(head[9:12])
	if !ok {
		return false, 0, fmt.Errorf("no answer of HTTP/1.1: %.80q", b)
	}
	i := bytes.Index(head, length)
	switch {
	case i < 0 && bytes.Contains(head, chunked):
		return bytes.HasSuffix(b[end:], chunkEnd), status, nil
	case i < 0:
		return false, 0, errors.New("the answer does not tell its length")
	}
	digits, _, _ := bytes.Cut(head[i+len(length):], []byte("\r\n"))
	n, ok := number(digits)
	if !ok {
		return false, 0, fmt.Errorf("Content-Length: %.20q", digits)
	}
	want := end + len(headEnd) + n
	if len(b) > want {
		return false, 0, errors.New("more was answered than was asked")
	}
	return len(b) == want, status, nil
}

// number reads up to nine digits; strconv would want a string.
func number(digits []byte) (n int, ok bool) {
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, false
		}
		n = 10*n + int(d-'0')
	}
	return n, len(digits) > 0 && len(digits) <= 9
}
