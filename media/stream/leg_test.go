package stream

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/media"
	"parley/media/g711"
)

// script is a connection whose far end has said everything already, and which takes all that is written.
type script struct {
	bytes.Reader
	net.Conn
	written bytes.Buffer
}

func (s *script) Read(b []byte) (int, error)       { return s.Reader.Read(b) }
func (s *script) Write(b []byte) (int, error)      { return s.written.Write(b) }
func (s *script) Close() error                     { return nil }
func (s *script) SetDeadline(time.Time) error      { return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

// scripted is a started leg to which messages are said.
func scripted(tb testing.TB, messages ...string) *Leg {
	tb.Helper()
	var sent []byte
	for _, m := range messages {
		sent = append(sent, good(text, m)...)
	}
	s := &script{}
	s.Reset(sent)
	l := newLeg(s, &twilioDialect, Limits{}.orDefaults(), &Stats{})
	l.sounds = sounds{telephone, telephone}
	if err := l.start(&start{stream: testStream, call: testCall}, 200*time.Millisecond, 100*time.Millisecond); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(l.finish)
	return l
}

// heard reads a leg to its end, and writes what it hears as text.
func heard(l *Leg) (string, error) {
	var all []string
	for {
		p, err := l.Receive()
		switch {
		case err != nil:
			return strings.Join(all, " "), err
		case p.Digit != 0:
			all = append(all, string(p.Digit))
		case p.Note.Kind == media.Played:
			all = append(all, fmt.Sprintf("played:%v/%d", p.Note.Through, p.Note.Epoch))
		default:
			last := 0
			for i, s := range p.Frame.PCM {
				if s != 0 {
					last = i + 1
				}
			}
			all = append(all, fmt.Sprintf("%v:%d", p.Frame.At, last))
		}
	}
}

// loud is n samples of mu-law that are not silence.
func loud(n int) []byte { return bytes.Repeat([]byte{0x80}, n) }

// TestMediaTime says messages of given lengths at given timestamps (-1: none), and expects frames at media times, each with how
// many of its samples are not the silence of a gap.
func TestMediaTime(t *testing.T) {
	t.Parallel()
	type said struct {
		ms      int64
		samples int
	}
	for _, c := range []struct {
		name string
		said []said
		want string
	}{
		{"regular", []said{{0, 160}, {20, 160}, {40, 160}}, "0s:160 20ms:160 40ms:160"},
		{"any origin", []said{{86400005, 160}, {86400025, 160}}, "0s:160 20ms:160"},
		{"no timestamps", []said{{-1, 160}, {-1, 160}}, "0s:160 20ms:160"},
		{"some timestamps", []said{{-1, 160}, {500, 160}, {-1, 160}, {540, 160}}, "0s:160 20ms:160 40ms:160 60ms:160"},
		{"large messages", []said{{0, 480}, {60, 480}}, "0s:160 20ms:160 40ms:160 60ms:160 80ms:160 100ms:160"},
		{"small messages", []said{{0, 40}, {5, 40}, {10, 40}, {15, 40}, {20, 160}}, "0s:160 20ms:160"},
		{"odd messages", []said{{0, 100}, {12, 100}, {25, 100}, {37, 20}}, "0s:160 20ms:160"},
		{"empty messages", []said{{0, 0}, {0, 160}, {20, 0}, {20, 160}}, "0s:160 20ms:160"},
		{"jitter", []said{{0, 160}, {55, 160}, {5, 160}, {99, 160}, {80, 160}}, "0s:160 20ms:160 40ms:160 60ms:160 80ms:160"},
		{"loss", []said{{0, 160}, {120, 160}, {140, 160}}, "0s:160 120ms:160 140ms:160"},
		{"two losses", []said{{0, 160}, {100, 160}, {220, 160}}, "0s:160 100ms:160 220ms:160"},
		{"loss within a frame", []said{{0, 200}, {225, 160}}, "0s:160 20ms:40 225ms:160"},
		{"creeping loss", []said{{0, 160}, {30, 160}, {60, 160}, {90, 160}, {120, 160}, {150, 160}, {170, 160}},
			"0s:160 20ms:160 40ms:160 60ms:160 80ms:160 150ms:160 170ms:160"},
		{"clock set forward", []said{{0, 160}, {70000, 160}, {70020, 160}, {70140, 160}}, "0s:160 20ms:160 40ms:160 160ms:160"},
		{"clock set back", []said{{5000, 160}, {0, 160}, {20, 160}, {140, 160}}, "0s:160 20ms:160 40ms:160 160ms:160"},
		{"absurd clock", []said{{0, 160}, {999999999999999, 160}, {999999999999999, 160}}, "0s:160 20ms:160 40ms:160"},
	} {
		var messages []string
		for n, s := range c.said {
			m := mediaMessage(n, s.ms, loud(s.samples))
			messages = append(messages, strings.Replace(m, `"timestamp":"-1",`, "", 1))
		}
		got, err := heard(scripted(t, append(messages, `{"event":"stop"}`)...))
		if got != c.want || err != io.EOF {
			t.Errorf("%s: %s (%v), want %s", c.name, got, err, c.want)
		}
	}
}

// TestHear says messages of all kinds and checks what comes of each, and what is counted.
func TestHear(t *testing.T) {
	t.Parallel()
	frame := mediaMessage(0, 0, loud(160))
	digit := func(s string) string { return `{"event":"dtmf","dtmf":{"track":"inbound_track","digit":"` + s + `"}}` }
	payload := func(s string) string { return `{"event":"media","media":{"payload":"` + s + `"}}` }
	for _, c := range []struct {
		name    string
		said    []string
		want    string
		counted string
	}{
		{"frame", []string{frame}, "0s:160", ""},
		{"through encoding/json", []string{strings.Replace(frame, `"media",`, `"med\u0069a",`, 1)}, "0s:160", ""},
		{"no track, no stream", []string{payload(base64.StdEncoding.EncodeToString(loud(160)))}, "0s:160", ""},
		{"outbound", []string{strings.Replace(frame, "inbound", "outbound", 1)}, "", "other_track"},
		{"another stream", []string{strings.Replace(frame, testStream, "MZ9", 1)}, "", "unknown"},
		{"keys", []string{digit("0"), digit("9"), digit("*"), digit("#"), digit("A"), digit("d")}, "0 9 * # A D", ""},
		{"no keys", []string{digit(""), digit("12"), digit("E"), digit("é")}, "", "malformed malformed malformed malformed"},
		{"payload that is no base64", []string{payload("A"), payload("AAA"), payload("A==="), payload("AA=A"), payload("****"), payload("AA=="), payload(strings.Repeat("A", 215) + "!")}, "",
			strings.TrimSpace(strings.Repeat("malformed ", 6))},
		{"foreign marks", []string{`{"event":"mark","mark":{"name":"utt-7:end"}}`, `{"event":"mark","mark":{"name":"0:1"}}`, `{"event":"mark","mark":{"name":"1:0"}}`}, "", "foreign_marks foreign_marks foreign_marks"},
		{"own mark", []string{`{"event":"mark","mark":{"name":"0:0"}}`}, "played:0s/0", ""},
		{"unknown", []string{`{"event":"new"}`, connected, startMessage(testCall, nil)}, "", "unknown unknown unknown"},
		{"malformed", []string{"{", "", "null", `{"event":7}`, frame}, "0s:160", "malformed malformed malformed malformed"},
	} {
		l := scripted(t, append(c.said, `{"event":"stop"}`)...)
		got, err := heard(l)
		if got != c.want || err != io.EOF {
			t.Errorf("%s: heard %q (%v), want %q", c.name, got, err, c.want)
		}
		var counted []string
		for name, n := range l.stats.All() {
			if name != "messages_in" {
				counted = append(counted, slices.Repeat([]string{name}, int(n))...)
			}
		}
		if got := strings.Join(counted, " "); got != c.counted {
			t.Errorf("%s: counted %q, want %q", c.name, got, c.counted)
		}
		if _, err := l.Receive(); err != io.EOF {
			t.Errorf("%s: after the end: %v", c.name, err)
		}
	}
}

// TestSamples checks that every code arrives as its sample.
func TestSamples(t *testing.T) {
	t.Parallel()
	codes := make([]byte, 320)
	for i := range codes {
		codes[i] = byte(i)
	}
	want := make([]int16, len(codes))
	g711.Ulaw.Decode(want, codes)
	l := scripted(t, mediaMessage(0, 0, codes[:33]), mediaMessage(1, 4, codes[33:]))
	var got []int16
	for range 2 {
		p, err := l.Receive()
		if err != nil || len(p.Frame.PCM) != 160 || p.Frame.Rate != 8000 {
			t.Fatalf("%d samples, %v", len(p.Frame.PCM), err)
		}
		got = append(got, p.Frame.PCM...)
	}
	if !slices.Equal(got, want) {
		t.Error("samples differ")
	}
}

// TestSpoken checks every message that we write, byte for byte.
func TestSpoken(t *testing.T) {
	t.Parallel()
	l, ws := answeredCall(t, &Twilio{})
	next := func() string {
		_, text, err := ws.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	send := func(n int) {
		t.Helper()
		if err := l.Send(media.Frame{PCM: make([]int16, n), Rate: 8000}); err != nil {
			t.Fatalf("Send(%d): %v", n, err)
		}
	}
	expect := func(want string) {
		t.Helper()
		if got := next(); got != want {
			t.Errorf("sent %s, want %s", got, want)
		}
	}
	head := `{"event":"media","streamSid":"` + testStream + `","media":{"payload":"`
	for _, n := range []int{1, 2, 3, 27, 28, 29, 160, 161, 800} {
		send(n)
		expect(head + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xFF}, n)) + `"}}`)
	}
	send(0) // says nothing
	mark := func(name string) {
		expect(`{"event":"mark","streamSid":"` + testStream + `","mark":{"name":"` + name + `"}}`)
	}
	if err := l.Mark(); err != nil {
		t.Fatal(err)
	}
	mark("0:1211")
	for epoch := range 3 {
		if err := errors.Join(l.Clear(), l.Mark()); err != nil {
			t.Fatal(err)
		}
		expect(`{"event":"clear","streamSid":"` + testStream + `"}`)
		mark(fmt.Sprintf("%d:0", epoch+1))
		send(160)
		next()
		if err := l.Mark(); err != nil {
			t.Fatal(err)
		}
		mark(fmt.Sprintf("%d:160", epoch+1))
	}
	for _, f := range []media.Frame{{PCM: make([]int16, 801), Rate: 8000}, {PCM: make([]int16, 320), Rate: 16000}, {PCM: make([]int16, 160)}} {
		if err := l.Send(f); err == nil {
			t.Errorf("Send of %d samples at %d Hz succeeded", len(f.PCM), f.Rate)
		}
	}
	if err := l.Hangup(media.CauseAgent); err != nil {
		t.Fatal(err)
	}
	_ = l.Hangup(media.CauseSilence)
	_, _, err := ws.ReadMessage()
	var closed *websocket.CloseError
	if !errors.As(err, &closed) || closed.Code != closeNormal || closed.Text != "agent" {
		t.Errorf("hung up with %v", err)
	}
	if _, err := l.Receive(); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("Receive after Hangup: %v", err)
	}
}

// TestSlowCarrier stops reading until the queue is in use, reads on, and must then find every message whole and in order.
func TestSlowCarrier(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("tls=%v", secure), func(t *testing.T) {
			t.Parallel()
			tw := &Twilio{Host: Host{Limits: Limits{Patience: testWait}}}
			server := serve(t, tw, secure)
			legs := answered(t, tw)
			ws := call(t, server, testCall)
			l := within(t, legs, "leg").(*Leg)
			sent := 0
			queued := func() int {
				l.out.mu.Lock()
				defer l.out.mu.Unlock()
				return len(l.out.waiting)
			}
			enough := 1
			if secure {
				enough = 10_000 // there all goes through the queue
			}
			for queued() < enough {
				if err := l.Send(media.Frame{PCM: make([]int16, 800), Rate: 8000}); err != nil {
					t.Fatalf("message %d: %v", sent, err)
				}
				if sent++; sent > 100_000 {
					t.Fatal("the kernel takes everything")
				}
				_ = l.Mark()
			}
			for range 3 { // behind what waits
				if err := l.Mark(); err != nil {
					t.Fatal(err)
				}
			}
			sounds, marks := 0, 0
			for sounds < sent || marks < sent+3 {
				_, text, err := ws.ReadMessage()
				if err != nil {
					t.Fatalf("after %d sounds and %d marks: %v", sounds, marks, err)
				}
				if bytes.Contains(text, []byte(`"media"`)) {
					if sounds++; len(text) != 1157 {
						t.Fatalf("a message of %d bytes: %s", len(text), text)
					}
				} else if marks++; !bytes.Contains(text, fmt.Appendf(nil, `"0:%d"`, sounds*800)) {
					t.Fatalf("after %d sounds came %s", sounds, text)
				}
			}
			l.out.work.Wait()
			if err := l.Clear(); err != nil {
				t.Errorf("after the queue was empty: %v", err)
			}
			if _, text, err := ws.ReadMessage(); err != nil || !bytes.Contains(text, []byte("clear")) {
				t.Errorf("%s %v", text, err)
			}
		})
	}
}

// TestDeafCarrier never reads: the leg must fail before long, without blocking, and its reader must be told why.
func TestDeafCarrier(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("tls=%v", secure), func(t *testing.T) {
			t.Parallel()
			over := make(chan error, 1)
			tw := &Twilio{}
			tw.Answer = func(_ context.Context, leg media.Leg) {
				sent := make(chan error, 1)
				go func() {
					for {
						if err := leg.Send(media.Frame{PCM: make([]int16, 800), Rate: 8000}); err != nil {
							sent <- err
							return
						}
					}
				}()
				_, err := leg.Receive()
				over <- errors.Join(<-sent, err)
			}
			call(t, serve(t, tw, secure), testCall)
			err := within(t, over, "failure")
			if !errors.Is(err, errBehind) || strings.Count(err.Error(), errBehind.Error()) != 2 {
				t.Errorf("failed with %v", err)
			}
			if err := tw.Wait(t.Context()); err != nil || tw.Stats.Dropped.Load() != 1 {
				t.Errorf("%d dropped, %v", tw.Stats.Dropped.Load(), err)
			}
		})
	}
}

// TestImpatience lets a message wait for longer than Limits.Patience.
func TestImpatience(t *testing.T) {
	t.Parallel()
	here, there := net.Pipe()
	t.Cleanup(func() { _ = there.Close() })
	o := newOutbox(here, 10*time.Millisecond)
	if err := o.send([]byte("anybody?")); err != nil {
		t.Fatal(err)
	}
	o.work.Wait()
	if err := o.send([]byte("hello?")); err == nil || !strings.Contains(err.Error(), "timeout") {
		t.Errorf("send to a deaf peer: %v", err)
	}
}

// TestDeadPeer checks that a peer which says nothing is lost, and one that only answers pings is not.
func TestDeadPeer(t *testing.T) {
	t.Parallel()
	limits := Limits{Ping: 20 * time.Millisecond, Silence: 60 * time.Millisecond}
	t.Run("dead", func(t *testing.T) {
		t.Parallel()
		l, _ := answeredCall(t, &Twilio{Host: Host{Limits: limits}}) // nobody reads the socket, so nobody answers
		if _, err := l.Receive(); !errors.Is(err, errMute) {
			t.Errorf("Receive: %v", err)
		}
	})
	t.Run("quiet", func(t *testing.T) {
		t.Parallel()
		limits := limits
		limits.Silence = testWait
		l, ws := answeredCall(t, &Twilio{Host: Host{Limits: limits}})
		pinged := make(chan struct{})
		n := 0
		answer := ws.PingHandler()
		ws.SetPingHandler(func(payload string) error {
			if n++; n == 10 {
				close(pinged)
			}
			return answer(payload)
		})
		far := newFar(t, ws)
		ended := make(chan string, 1)
		go func() {
			all, _ := heard(l)
			ended <- all
		}()
		within(t, pinged, "ten pings")
		if err := errors.Join(far.Press('5'), far.Stop()); err != nil {
			t.Fatal(err)
		}
		if got := within(t, ended, "end"); got != "5" {
			t.Errorf("heard %q", got)
		}
	})
}

// TestTick counts what makes a peer lost, without waiting.
func TestTick(t *testing.T) {
	t.Parallel()
	l := scripted(t)
	for n, c := range []struct{ heard, lost bool }{{true, false}, {true, false}, {false, false}, {true, false}, {false, false}, {false, true}} {
		l.in.heard = c.heard
		if err := l.tick(); errors.Is(err, errMute) != c.lost {
			t.Errorf("tick %d: %v", n, err)
		}
	}
}
