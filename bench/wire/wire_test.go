package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/bench/stamp"
)

// unmask reads a client's frame as a server does.
func unmask(t *testing.T, b []byte) (text, rest []byte) {
	t.Helper()
	n, head := int(b[1]&0x7F), 2
	if n == 126 {
		n, head = int(binary.BigEndian.Uint16(b[2:])), 4
		if n < 126 {
			t.Fatalf("length %d is not in its shortest form", n)
		}
	}
	if b[0] != 0x81 || b[1]&0x80 == 0 || len(b) < head+4+n {
		t.Fatalf("frame %x", b)
	}
	key, body := b[head:head+4], b[head+4:head+4+n]
	for i, x := range body {
		text = append(text, x^key[i&3])
	}
	return text, b[head+4+n:]
}

// one is a call.
var one = Call{Account: "AC1", ID: "CA1", Stream: "MZ1", From: "+15550100001", To: "+15550100002"}

// quiet is 20 ms of silence.
func quiet(t *testing.T, k Key) *Payload {
	t.Helper()
	p, err := Twilio.NewPayload(k, bytes.Repeat([]byte{0xFF}, Samples))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// media is what a server finds in a media message.
type media struct {
	SequenceNumber string
	StreamSid      string
	Media          struct{ Track, Chunk, Timestamp, Payload string }
}

func read(t *testing.T, frame []byte) (m media, law []byte) {
	t.Helper()
	text, rest := unmask(t, frame)
	if err := json.Unmarshal(text, &m); err != nil || len(rest) != 0 {
		t.Fatalf("%v: %s, %d bytes more", err, text, len(rest))
	}
	law, err := base64.StdEncoding.DecodeString(m.Media.Payload)
	if err != nil {
		t.Fatal(err)
	}
	return m, law
}

func TestHello(t *testing.T) {
	t.Parallel()
	connected, rest := unmask(t, Twilio.Hello(NewKey(), nil, Call{"AC1", "CA1", "MZ1", "", "", `{"token":"x"}`}))
	start, rest := unmask(t, rest)
	if !json.Valid(connected) || !json.Valid(start) || len(rest) != 0 || !strings.Contains(string(start), `"customParameters":{"token":"x"}`) {
		t.Errorf("hello: %s, %s, %x", connected, start, rest)
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	k := NewKey()
	l, silence := Twilio.NewLine(k, one), quiet(t, k)
	for i := range 1200 {
		got, law := read(t, l.Media(silence))
		want := []string{fmt.Sprint(100001 + i), fmt.Sprint(100001 + i), fmt.Sprint(1000020 + 20*i), "inbound", "MZ1"}
		if diff := cmp.Diff(want, []string{got.SequenceNumber, got.Media.Chunk, got.Media.Timestamp, got.Media.Track, got.StreamSid}); diff != "" {
			t.Fatalf("message %d: -want +got\n%s", i, diff)
		}
		if !bytes.Equal(law, bytes.Repeat([]byte{0xFF}, Samples)) {
			t.Fatalf("message %d: %x", i, law)
		}
	}
	for _, name := range []string{"m", strings.Repeat("m", 80)} {
		text, _ := unmask(t, l.Mark(nil, []byte(name)))
		if want := `{"event":"mark","sequenceNumber":"1","streamSid":"MZ1","mark":{"name":"` + name + `"}}`; string(text) != want {
			t.Errorf("echo %s, want %s", text, want)
		}
	}
	text, _ := unmask(t, l.Press(nil, '#'))
	if want := `{"event":"dtmf","streamSid":"MZ1","sequenceNumber":"1","dtmf":{"track":"inbound_track","digit":"#"}}`; string(text) != want {
		t.Errorf("key %s, want %s", text, want)
	}
	stop, rest := unmask(t, l.Stop(nil))
	if want := `{"event":"stop","sequenceNumber":"1","streamSid":"MZ1","stop":{"accountSid":"AC1","callSid":"CA1"}}`; string(stop) != want {
		t.Errorf("stop %s, want %s", stop, want)
	}
	if len(rest) != 8 || rest[0] != 0x88 || rest[1] != 0x82 || binary.BigEndian.Uint16([]byte{rest[6] ^ rest[2], rest[7] ^ rest[3]}) != 1000 {
		t.Errorf("close frame %x", rest)
	}
}

// A stamp stands over the beginning of a message, and of that message alone.
func TestStamped(t *testing.T) {
	t.Parallel()
	k := NewKey()
	law := make([]byte, Samples)
	for i := range law {
		law[i] = byte(i)
	}
	p, err := Twilio.NewPayload(k, law)
	if err != nil {
		t.Fatal(err)
	}
	l := Twilio.NewLine(k, one)
	_, got := read(t, l.Stamped(p, 12345*time.Second))
	at, next := stamp.Find(got)
	if at != 12345*time.Second || next != stamp.Len || !bytes.Equal(got[next:], law[next:]) {
		t.Errorf("stamp %v, next %d: %x", at, next, got)
	}
	if _, got := read(t, l.Media(p)); !bytes.Equal(got, law) {
		t.Errorf("the next message: %x", got)
	}
	if _, err := Twilio.NewPayload(k, law[1:]); err == nil {
		t.Error("a payload of 159 samples was taken")
	}
}

func TestMarks(t *testing.T) {
	t.Parallel()
	var m Marks
	next := func(now int) string { return string(m.Next(time.Duration(now), nil)) }
	m.Add([]byte("a"), 10)
	m.Add([]byte("second"), 20)
	m.Add([]byte("c"), 30)
	got := []string{next(9), next(10), next(10), next(25)}
	m.Clear(26)
	if diff := cmp.Diff([]string{"", "a", "", "second", "c", ""}, append(got, next(26), next(99))); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// Nothing allocates for a frame.
func TestFramesAllocateNothing(t *testing.T) {
	k := NewKey()
	l, silence := Twilio.NewLine(k, one), quiet(t, k)
	var m Marks
	var s Schedule
	out, name := make([]byte, 0, 1000), make([]byte, 0, 100)
	in := framed(`{"event":"media","streamSid":"MZ1","media":{"payload":"` + strings.Repeat("A", 216) + `"}}`)
	now := time.Duration(0)
	if n := testing.AllocsPerRun(100, func() {
		now += FrameTime
		l.Media(silence)
		l.Stamped(silence, now)
		got, _, err := Twilio.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		s.Arrive(now, got.Audio)
		m.Add([]byte("0:12345"), s.End())
		out = l.Mark(out[:0], m.Next(s.End(), name))
		out = l.Press(out, '5')
	}); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

// framed is a server's frame.
func framed(text string) []byte {
	switch {
	case len(text) > 65535:
		return append(binary.BigEndian.AppendUint64([]byte{0x81, 127}, uint64(len(text))), text...)
	case len(text) < 126:
		return append([]byte{0x81, byte(len(text))}, text...)
	}
	return append(binary.BigEndian.AppendUint16([]byte{0x81, 126}, uint16(len(text))), text...)
}

func TestParse(t *testing.T) {
	t.Parallel()
	text := func(payload string) string {
		return `{"event":"media","streamSid":"MZ1","media":{"payload":"` + payload + `"}}`
	}
	frame100 := strings.Repeat("A", 1067) + "="
	for _, c := range []struct {
		name  string
		frame []byte
		want  Message
		fails string
	}{
		{"20 ms", framed(text(strings.Repeat("A", 214) + "==")), Message{Kind: Media, Audio: 20 * time.Millisecond}, ""},
		{"100 ms", framed(text(frame100)), Message{Kind: Media, Audio: 100 * time.Millisecond}, ""},
		{"in another order, with spaces", framed(`{"streamSid": "MZ1", "media": {"payload": "` + frame100 + `"}, "event": "media"}`), Message{Kind: Media, Audio: 100 * time.Millisecond}, ""},
		{"a minute", framed(text(strings.Repeat("A", 640_000))), Message{Kind: Media, Audio: time.Minute}, ""},
		{"mark", framed(`{"event":"mark","streamSid":"MZ1","mark":{"name":"0:4000"}}`), Message{Kind: Mark, Name: []byte("0:4000")}, ""},
		{"mark with spaces", framed(`{"event": "mark", "mark": {"name": "\u0041"}}`), Message{Kind: Mark, Name: []byte("A")}, ""},
		{"mark with a quote", framed(`{"event":"mark","streamSid":"MZ1","mark":{"name":"a\"b"}}`), Message{Kind: Mark, Name: []byte(`a\"b`)}, ""},
		{"slashes as PHP writes them", framed(text(strings.Repeat(`\/\/\/\/`, 40))), Message{Kind: Media, Audio: 15 * time.Millisecond}, ""},
		{"clear", framed(`{"event":"clear","streamSid":"MZ1"}`), Message{Kind: Clear}, ""},
		{"clear with spaces", framed(`{"event": "clear"}`), Message{Kind: Clear}, ""},
		{"of no use", framed(`{"event":"other"}`), Message{}, ""},
		{"ping", []byte{0x89, 1, 'x'}, Message{Kind: Ping, Payload: []byte("x")}, ""},
		{"pong", []byte{0x8A, 0}, Message{}, ""},
		{"close", []byte{0x88, 3, 3, 0xE8, 'y'}, Message{Kind: Close, Code: 1000, Reason: []byte("y")}, ""},
		{"close without a code", []byte{0x88, 0}, Message{Kind: Close}, ""},
		{"no payload", framed(`{"event":"media","streamSid":"MZ1","media":{}}`), Message{}, "bad media message"},
		{"no JSON", framed(`hello`), Message{}, "read the server's message"},
		{"masked", []byte{0x81, 0x81, 0, 0}, Message{}, "the server's frame is masked"},
		{"fragment", []byte{0x01, 1, '{'}, Message{}, "the server's message comes in fragments"},
		{"endless", []byte{0x81, 127, 1, 0, 0, 0, 0, 0, 0, 0}, Message{}, "the server's frame has more than"},
	} {
		got, size, err := Twilio.Parse(append(c.frame, 'x'))
		if c.fails != "" {
			if err == nil || !strings.HasPrefix(err.Error(), c.fails) {
				t.Errorf("%s: %v, want %s", c.name, err, c.fails)
			}
			continue
		}
		if got.Kind == Media {
			got.Payload, got.Text = nil, false
		}
		if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" || err != nil || size != len(c.frame) {
			t.Errorf("%s: %d bytes of %d, %v, -want +got\n%s", c.name, size, len(c.frame), err, diff)
		}
		for n := range min(len(c.frame), 2000) {
			if _, size, err := Twilio.Parse(c.frame[:n]); size != 0 || err != nil {
				t.Fatalf("%s: the first %d bytes: size %d, %v", c.name, n, size, err)
			}
		}
	}
}

func TestSchedule(t *testing.T) {
	t.Parallel()
	type arrival struct{ at, audio int } // ms
	for _, c := range []struct {
		name      string
		arrivals  []arrival
		late, dry []int // ms
		skips     int
	}{
		{"on time", []arrival{{100, 20}, {120, 20}, {140, 20}}, []int{0, 0, 0}, []int{0, 0, 0}, 0},
		{"one is late, and the next is not", []arrival{{0, 20}, {27, 20}, {40, 20}}, []int{0, 7, 0}, []int{0, 7, 0}, 0},
		{"the first was late", []arrival{{5, 20}, {20, 20}, {40, 20}, {61, 20}}, []int{0, 0, 0, 1}, []int{0, 0, 0, 0}, 0},
		{"100 ms, 200 ms ahead, is judged by its own schedule", []arrival{{0, 20}, {0, 100}, {0, 100}, {20, 100}, {120, 100}, {223, 100}},
			[]int{0, 0, 0, 0, 0, 3}, []int{0, 0, 0, 0, 0, 0}, 0},
		{"what is sent after a stall, to catch up, is late", []arrival{{0, 20}, {20, 20}, {90, 20}, {90, 20}, {90, 20}, {100, 20}},
			[]int{0, 0, 50, 30, 10, 0}, []int{0, 0, 50, 0, 0, 0}, 0},
		{"who drops a tick is charged twice", []arrival{{0, 20}, {20, 20}, {60, 20}, {80, 20}, {100, 20}, {120, 20}},
			[]int{0, 0, 20, 20, 0, 0}, []int{0, 0, 20, 0, 0, 0}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var s Schedule
			var late, dry []int
			skips := 0
			for _, a := range c.arrivals {
				v := s.Arrive(time.Duration(a.at)*time.Millisecond, time.Duration(a.audio)*time.Millisecond)
				late, dry = append(late, int(v.Late/time.Millisecond)), append(dry, int(v.Dry/time.Millisecond))
				if v.Skipped {
					skips++
				}
			}
			if diff := cmp.Diff([][]int{c.late, c.dry, {c.skips}}, [][]int{late, dry, {skips}}); diff != "" {
				t.Errorf("late, dry, skips: -want +got\n%s", diff)
			}
		})
	}
}

// Whatever a server sends is a message, half of one, or an error that says so.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		`{"event":"media","streamSid":"MZ1","media":{"payload":"AAAA"}}`, `{"event":"mark","streamSid":"MZ1","mark":{"name":"0:4000"}}`,
		`{"event":"clear"}`, `{"event": "media", "media": {"payload": "\/w=="}}`, `[`,
	} {
		f.Add(framed(text))
	}
	f.Add([]byte{0x88, 2, 3, 0xE8})
	f.Add([]byte{0x89, 126, 0, 1, 'x'})
	f.Add([]byte{0x81, 127, 0, 0, 0, 0, 0, 0, 0, 2, '{', '}'})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, size, err := Twilio.Parse(b)
		switch {
		case size < 0 || size > len(b), err == nil && size == 0 && m.Kind != Other:
			t.Errorf("size %d of %d: %+v, %v", size, len(b), m, err)
		case err == nil && m.Kind == Media && (m.Audio <= 0 || len(m.Payload)%4 != 0):
			t.Errorf("media: %+v", m)
		case err == nil && m.Kind == Mark && json.Valid(b[2:size]):
			if echo, _ := unmask(t, Twilio.NewLine(1, one).Mark(nil, m.Name)); !json.Valid(echo) {
				t.Errorf("a mark from %q is echoed as %q", b, echo)
			}
		}
	})
}
