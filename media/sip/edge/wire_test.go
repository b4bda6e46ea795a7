package edge

import (
	"strings"
	"testing"
	"time"
)

// actions are what a user agent does with each message of RFC 4475 on the wire: a status, or 0 for silence. It handles INVITE, which it answers 486, OPTIONS and
// REGISTER, which it answers 200. Where the RFC leaves a choice, this is ours.
var actions = map[string]int{
	"wsinv": 486, "intmeth": 405, "esc01": 486, "escnull": 200, "esc02": 405, "lwsdisp": 200, "longreq": 486, "dblreq": 200, "semiuri": 200, "transports": 200,
	"mpart01": 405, "unreason": 0, "noreason": 0,
	"badinv01": 400, "clerr": 400, "ncl": 400, "scalar02": 400, "scalarlg": 0, "quotbal": 400, "ltgtruri": 400, "lwsruri": 400, "lwsstart": 400, "trws": 400, "escruri": 400,
	"baddate": 400, "regbadct": 400, "badaspec": 400, "baddn": 400, "baddn with its empty line": 400, "badvers": 505, "mismatch01": 400, "mismatch02": 400, "bigcode": 0,
	"badbranch": 400, "insuf": 400, "unkscm": 416, "novelsc": 416, "unksm2": 200, "bext01": 420, "invut": 415, "regaut01": 401, "multi01": 400, "mcl01": 400, "bcast": 0,
	"zeromf": 200, "cparam01": 200, "cparam02": 200, "regescrt": 200, "sdp01": 406, "inv2543": 486,
}

// TestWireUDP plays every message to sipgo behind an Edge, followed by a probe. Each has a user agent of its own, for some share a branch.
func TestWireUDP(t *testing.T) {
	t.Parallel()
	for _, m := range tortures(t) {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			want, ok := actions[m.name]
			if !ok {
				t.Fatal("there is no action for it")
			}
			c := newCaller(t, start(t, Policy{}))
			answer := c.packet(t, m.data, want != 0)
			if got := statusOf(answer); got != want {
				t.Errorf("answered %d, want %d: %s", got, want, answer)
			}
			if want == 0 {
				c.packet(t, options("later", "UDP"), true)
				if c.late[idOf(string(m.data))] > 0 {
					t.Error("answered late")
				}
			}
		})
	}
}

// TestWireTCP does so on streams, where a message that says wrongly how long it is ends its connection.
func TestWireTCP(t *testing.T) {
	t.Parallel()
	closes := map[string]int{ // how a connection's messages are answered that is closed by it
		"clerr": 0, // the rest of it never comes
		"baddn": 0, // nor its empty line
		"ncl":   400, "mcl01": 400,
		"inv2543": 400, // no Content-Length, which a stream needs
	}
	for _, m := range tortures(t) {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			c := newCaller(t, start(t, Policy{Head: time.Second}))
			want := actions[m.name]
			last, end := closes[m.name]
			var said string
			switch {
			case end:
				want = last
				said = c.stream(t, m.data, true)
			case m.name == "dblreq": // two whole messages, and on a stream both count; what follows them is none
				said = c.stream(t, m.data, true)
				if !strings.Contains(said, "CSeq: 8 REGISTER") || !strings.Contains(said, "SIP/2.0 486") {
					t.Errorf("answered %q", said)
				}
				return
			case want == 0: // nothing comes, and the connection stays: a probe on it is answered next
				said = c.connect(t, append(m.data[:len(m.data):len(m.data)], options("probe", "TCP")...), false)
				if statusOf(said) != 200 || idOf(said) != "probe" {
					t.Errorf("answered %q", said)
				}
				return
			default:
				said = c.stream(t, m.data, false)
			}
			if got := statusOf(said); got != want {
				t.Errorf("answered %d, want %d: %s", got, want, said)
			}
		})
	}
}
