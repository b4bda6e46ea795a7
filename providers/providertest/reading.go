package providertest

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"parley/pipeline"
	"parley/providers/chat"
)

// Reading fuzzes what a vendor's client makes of a stream: deltas that are whole, and at most one error, which is an *chat.Error; the same
// however the stream is cut into reads.
func Reading(f *testing.F, begin func(*chat.Outlet) chat.Reading, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		text, calls, err := readAll(t, strings.NewReader(string(data)), begin)
		again, callsAgain, errAgain := readAll(t, iotest.OneByteReader(strings.NewReader(string(data))), begin)
		if text != again || calls != callsAgain || (err == nil) != (errAgain == nil) {
			t.Fatalf("%q, %d calls, %v; byte by byte %q, %d calls, %v", text, calls, err, again, callsAgain, errAgain)
		}
		if err != nil && chat.AsError(err) == nil {
			t.Fatalf("%v is no *chat.Error", err)
		}
	})
}

// readAll reads a stream to its end, or to an error.
func readAll(t *testing.T, from io.Reader, begin func(*chat.Outlet) chat.Reading) (text string, calls int, err error) {
	t.Helper()
	var b strings.Builder
	r := begin(chat.NewOutlet(func(d pipeline.Delta, _ error) bool {
		b.WriteString(d.Text)
		if c := d.Call; c != nil {
			calls++
			if !json.Valid(c.Args) || c.ID == "" || c.Name == "" {
				t.Errorf("an incomplete call: %+v", c)
			}
		}
		return true
	}))
	es := chat.NewEvents(from)
	for more := true; more && err == nil; {
		var data []byte
		if data, err = es.Next(); err == nil {
			more, err = r.Take(data)
		} else if errors.Is(err, io.EOF) {
			return b.String(), calls, nil
		} else {
			return b.String(), calls, &chat.Error{Code: "too_long", Err: err}
		}
	}
	return b.String(), calls, err
}
