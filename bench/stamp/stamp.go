// Package stamp writes times into mu-law sound, so that whoever hears it on another socket of the same machine knows when it was said.
//
//	carrier ── frame with stamp ──▶ server ── the same samples ──▶ recogniser: now - stamp
//	voice ── chunk with stamp ──▶ server ── the same samples ──▶ carrier: now - stamp
//
// A stamp is 26 samples of the eight faintest positive codes, under -59 dBFS: no detector takes it for speech. A server whose sound goes
// through untouched, or through a lossless table, keeps it; one that resamples loses it, and then there is nothing to measure by.
// Times are of CLOCK_MONOTONIC, which all processes of a machine share.
package stamp

import (
	"bytes"
	"time"
)

// Len is how many samples a stamp takes.
const Len = len(magic) + digits

const (
	digits = 21   // octal, of a time in nanoseconds
	zero   = 0xF7 // the code of digit 0; digit 7 is 0xFE. 0xFF is silence, which some encoders write for it.
)

// magic is a sequence that neither speech nor silence has.
const magic = "\xF7\xFE\xF7\xFE\xFA"

// Put writes a time into the first Len samples of mu-law sound.
func Put(law []byte, at time.Duration) {
	n := copy(law, magic)
	for i := digits - 1; i >= 0; i-- {
		law[n+i] = zero + byte(at&7)
		at >>= 3
	}
}

// Find looks for the first stamp in mu-law sound, and returns where the sound after it begins; next is -1 if there is none.
func Find(law []byte) (at time.Duration, next int) {
	for from := 0; ; {
		i := bytes.Index(law[from:], []byte(magic))
		if i < 0 || from+i+Len > len(law) {
			return 0, -1
		}
		from += i + len(magic)
		if at, ok := read(law[from : from+digits]); ok {
			return at, from + digits
		}
	}
}

func read(law []byte) (at time.Duration, ok bool) {
	for _, c := range law {
		d := c - zero
		if d > 7 {
			return 0, false
		}
		at = at<<3 | time.Duration(d)
	}
	return at, true
}
