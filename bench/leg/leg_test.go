//go:build linux

package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
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

func TestScript(t *testing.T) {
	t.Parallel()
	s := newScript("CA1", "MZ1", `{"token":"x"}`)
	connected, rest := unmask(t, s.hello)
	start, rest := unmask(t, rest)
	if !json.Valid(connected) || !json.Valid(start) || len(rest) != 0 || !strings.Contains(string(start), `"customParameters":{"token":"x"}`) {
		t.Errorf("hello: %s, %s, %x", connected, start, rest)
	}
	for i := range 1200 {
		text, _ := unmask(t, s.next())
		var got struct {
			SequenceNumber string
			StreamSid      string
			Media          struct{ Track, Chunk, Timestamp, Payload string }
		}
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("message %d: %v: %s", i, err, text)
		}
		want := []string{fmt.Sprint(100001 + i), fmt.Sprint(100001 + i), fmt.Sprint(1000020 + 20*i), "inbound", "MZ1"}
		if diff := cmp.Diff(want, []string{got.SequenceNumber, got.Media.Chunk, got.Media.Timestamp, got.Media.Track, got.StreamSid}); diff != "" {
			t.Fatalf("message %d: -want +got\n%s", i, diff)
		}
		if len(text) < 330 || len(text) > 400 || len(got.Media.Payload) != 216 {
			t.Fatalf("message of %d bytes, payload of %d", len(text), len(got.Media.Payload))
		}
	}
	for _, name := range []string{"m", strings.Repeat("m", 80)} {
		text, _ := unmask(t, s.marked(nil, []byte(name)))
		if want := `{"event":"mark","sequenceNumber":"1","streamSid":"MZ1","mark":{"name":"` + name + `"}}`; string(text) != want {
			t.Errorf("echo %s, want %s", text, want)
		}
	}
}

// framed is a server's frame.
func framed(text string) []byte {
	if len(text) < 126 {
		return append([]byte{0x81, byte(len(text))}, text...)
	}
	return append(binary.BigEndian.AppendUint16([]byte{0x81, 126}, uint16(len(text))), text...)
}

func TestParse(t *testing.T) {
	t.Parallel()
	media := func(payload string) string {
		return `{"event":"media","streamSid":"MZ1","media":{"payload":"` + payload + `"}}`
	}
	for _, c := range []struct {
		name  string
		frame []byte
		want  message
		fails string
	}{
		{"20 ms", framed(media(strings.Repeat("A", 214) + "==")), message{audio: 20 * time.Millisecond}, ""},
		{"100 ms", framed(media(strings.Repeat("A", 1067) + "=")), message{audio: 100 * time.Millisecond}, ""},
		{"mark", framed(`{"event":"mark","streamSid":"MZ1","mark":{"name":"0:4000"}}`), message{mark: []byte("0:4000")}, ""},
		{"clear", framed(`{"event":"clear","streamSid":"MZ1"}`), message{}, ""},
		{"ping", []byte{0x89, 0}, message{}, ""},
		{"close", []byte{0x88, 2, 3, 0xE8}, message{}, `server closed the stream: "\x03\xe8"`},
		{"no payload", framed(`{"event":"media","streamSid":"MZ1","media":{}}`), message{}, "bad media message"},
		{"masked", []byte{0x81, 0x81, 0, 0}, message{}, "frame is masked"},
	} {
		got, size, err := parse(append(c.frame, 'x'))
		switch {
		case c.fails != "":
			if err == nil || !strings.HasPrefix(err.Error(), c.fails) {
				t.Errorf("%s: %v, want %s", c.name, err, c.fails)
			}
			continue
		case err != nil || size != len(c.frame) || got.audio != c.want.audio || string(got.mark) != string(c.want.mark):
			t.Errorf("%s: %+v, %d bytes of %d, %v", c.name, got, size, len(c.frame), err)
		}
		for n := range len(c.frame) {
			if _, size, err := parse(c.frame[:n]); size != 0 || err != nil {
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
			var s schedule
			var late, dry []int
			skips := 0
			for _, a := range c.arrivals {
				v := s.arrive(time.Duration(a.at)*time.Millisecond, time.Duration(a.audio)*time.Millisecond)
				late, dry = append(late, int(v.late/time.Millisecond)), append(dry, int(v.dry/time.Millisecond))
				if v.skipped {
					skips++
				}
			}
			if diff := cmp.Diff([][]int{c.late, c.dry, {c.skips}}, [][]int{late, dry, {skips}}); diff != "" {
				t.Errorf("late, dry, skips: -want +got\n%s", diff)
			}
		})
	}
}

func TestHistogram(t *testing.T) {
	t.Parallel()
	var h histogram
	h.add(time.Millisecond, 98)
	h.add(7*time.Millisecond, 1)
	h.add(time.Hour, 1)
	if a, b, c := h.quantile(0.5), h.quantile(0.985), h.quantile(0.999); a != 1050*time.Microsecond || b != 7050*time.Microsecond || c < 500*time.Millisecond {
		t.Errorf("quantiles %v, %v, %v", a, b, c)
	}
	if h.max != time.Hour || h.quantile(1) != time.Hour {
		t.Errorf("max %v", h.max)
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ guess, truth int }{{1500, 2310}, {1500, 1500}, {1500, 400}, {400, 530}, {1000, 120}, {1500, 20000}} {
		s := search{guess: c.guess, factor: 1.3, fine: 1.05}
		steps := 0
		for {
			n, done := s.next()
			if done {
				break
			}
			if steps++; steps > 20 {
				t.Fatalf("no end: %+v", s)
			}
			s.report(n, n <= c.truth)
		}
		truth := min(c.truth, most)
		if s.lo > truth || float64(s.lo) < float64(truth)*0.9 {
			t.Errorf("guess %d: found %d after %d steps, want %d", c.guess, s.lo, steps, truth)
		}
	}
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	r := report{Found: map[string][]int{"product": {1400, 1500, 1600}, "product-20ms": {1000, 1000}, "floor": {1600}, "baseline": {500, 400, 600}}}
	r.summarise()
	want := map[string]float64{"product/floor": 0.938, "product/baseline": 3, "product-20ms/floor": 0.625, "product-20ms/baseline": 2, "floor/baseline": 3.2}
	if diff := cmp.Diff(want, r.Ratios); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if err := r.verdict(); err != nil {
		t.Error(err)
	}
	r.Found["product"] = []int{1200}
	r.summarise()
	if err := r.verdict(); err == nil || !strings.Contains(err.Error(), "product/floor is 0.75, want 0.85") {
		t.Errorf("verdict: %v", err)
	}
}
