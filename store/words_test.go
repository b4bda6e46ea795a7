package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestWordTimes: what is packed comes back; what does not fit the text does not.
func TestWordTimes(t *testing.T) {
	t.Parallel()
	words := []WordTime{{0, 6, 1240 * time.Millisecond, 310 * time.Millisecond}, {7, 10, 1570 * time.Millisecond, 0}}
	m := Message{Text: "Hello, you", Words: PackWords(words)}
	if diff := cmp.Diff(words, m.WordTimes()); diff != "" || m.Words != "0 6 1240 310;7 10 1570 0" {
		t.Errorf("%q: %s", m.Words, diff)
	}
	for _, text := range []string{"", ";", "0 6", "6 0 1 1", "-1 3 1 1", "0 11 1 1", "a b c d"} {
		if got := (Message{Text: m.Text, Words: text}).WordTimes(); got != nil {
			t.Errorf("%q is %+v", text, got)
		}
	}
}
