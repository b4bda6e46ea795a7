package main

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
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
	if status, err = strconv.Atoi(string(head[9:12])); err != nil {
		return false, 0, fmt.Errorf("no answer of HTTP/1.1: %.80q", b)
	}
	if i := bytes.Index(head, length); i >= 0 {
		digits, _, _ := bytes.Cut(head[i+len(length):], []byte("\r\n"))
		n := 0
		for _, d := range digits { // strconv would want a string
			if d < '0' || d > '9' {
				return false, 0, fmt.Errorf("Content-Length: %.20q", digits)
			}
			n = 10*n + int(d-'0')
		}
		switch want := end + len(headEnd) + n; {
		case len(b) > want:
			return false, 0, errors.New("more was answered than was asked")
		default:
			return len(b) == want, status, nil
		}
	}
	if bytes.Contains(head, chunked) {
		return bytes.HasSuffix(b[end:], chunkEnd), status, nil
	}
	return false, 0, errors.New("the answer does not tell its length")
}
