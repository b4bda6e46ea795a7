package stamp_test

import (
	"bytes"
	"testing"
	"time"

	"parley/bench/stamp"
	"parley/media/g711"
)

// A stamp comes back from a server that decodes and encodes, wherever it stands, and is too faint for speech.
func TestStamp(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Duration{0, 1, 7, time.Second, 1<<62 + 12345, stamp.Now()} {
		law := bytes.Repeat([]byte{0xFF}, 160)
		stamp.Put(law[11:], at)
		pcm := make([]int16, len(law))
		g711.Ulaw.Decode(pcm, law)
		for _, v := range pcm {
			if v < 0 || v > 64 {
				t.Fatalf("a sample of %d: not faint", v)
			}
		}
		again := make([]byte, len(law))
		g711.Ulaw.Encode(again, pcm)
		got, next := stamp.Find(again)
		if got != at || next != 11+stamp.Len {
			t.Errorf("got %d, next %d; want %d", got, next, at)
		}
		if _, next := stamp.Find(again[next:]); next != -1 {
			t.Error("there is another")
		}
	}
}

func TestNoStamp(t *testing.T) {
	t.Parallel()
	law := bytes.Repeat([]byte{0xFF}, 160)
	stamp.Put(law, time.Second)
	law[20] = 0x80
	for _, no := range [][]byte{nil, bytes.Repeat([]byte{0xFF}, 160), bytes.Repeat([]byte{0xF7, 0xFE}, 80), law, law[:10]} {
		if at, next := stamp.Find(no); next != -1 {
			t.Errorf("found %v in %x", at, no)
		}
	}
}
