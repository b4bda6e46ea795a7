package carrier

import (
	"strings"
	"testing"
)

// TestWiresWant names what is missing of a call over a socket of its own, before anything is connected to.
func TestWiresWant(t *testing.T) {
	t.Parallel()
	for want, call := range map[string]Call{
		"socket is missing": {URL: "http://127.0.0.1:1/", Kind: AudioSocket},
		"client secret":     {URL: "ws://127.0.0.1:1/", Kind: Genesys, APIKey: "k", AuthToken: "!"},
		"api key":           {URL: "ws://127.0.0.1:1/", Kind: Genesys, AuthToken: "AAAA"},
		"genesys":           {URL: "ws://127.0.0.1:1/", Kind: "nobody"},
	} {
		if r, err := call.Place(t.Context()); r != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestWireSounds plays what has come in its time, and forgets what it is told to.
func TestWireSounds(t *testing.T) {
	t.Parallel()
	c := Call{Kind: Genesys}
	w := c.ownWire("id")
	w.sounds(make([]int16, 10*slot))
	for range 2 {
		if p, err := w.Receive(); err != nil || len(p.Frame.PCM) != slot {
			t.Fatal(p, err)
		}
	}
	w.forgets()
	var f Frames
	if w.tally(&f); f.Received != 1 || f.Clears != 1 || f.Audio != at(10*slot) || f.Sounded != at(2*slot) || f.Dropped != at(8*slot) {
		t.Errorf("%+v", f)
	}
	w.end(ErrRejected)
	w.end(ErrNoAnswer)
	if _, err := w.Receive(); err != ErrRejected {
		t.Error(err)
	}
}
