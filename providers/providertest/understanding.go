package providertest

import (
	"strings"
	"testing"
	"time"

	"parley/providers/wire"
)

// Understanding fuzzes what a vendor's dialect makes of messages: whatever a server says there is an error, or what a call can use. Each
// input is one message to a line, on one socket.
func Understanding(f *testing.F, socket func() wire.Dialect, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d := socket()
		for line := range strings.Lines(string(data)) {
			h, err := d.Understand([]byte(line), time.Second)
			if err != nil {
				continue
			}
			if h.Failure != nil && h.Failure.Error() == "" {
				t.Error("a failure without words")
			}
			if strings.ContainsAny(h.Warning, "\x00\n\r\x1b") {
				t.Errorf("control characters in the warning %q", h.Warning)
			}
			if h.End < 0 {
				t.Errorf("it reaches to %v", h.End)
			}
			var last time.Duration
			for _, w := range h.Words {
				if strings.TrimSpace(w.Text) == "" || w.Start < last || w.End < w.Start || w.Confidence < 0 || w.Confidence > 1 {
					t.Errorf("word %+v after one that began at %v", w, last)
				}
				last = w.Start
			}
		}
	})
}
