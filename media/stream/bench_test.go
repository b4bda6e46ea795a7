package stream

import (
	"bytes"
	stdbase64 "encoding/base64"
	"io"
	"net"
	"testing"
	"time"

	"github.com/segmentio/asm/base64"

	"parley/media"
)

// socketPair is a leg over TCP on loopback and its far end's bare connection.
func socketPair(tb testing.TB) (*Leg, net.Conn) {
	tb.Helper()
	l, far := barePair(tb, &twilioDialect)
	l.sounds = sounds{telephone, telephone}
	if err := l.start(&start{stream: testStream, call: testCall}, 200*time.Millisecond, 100*time.Millisecond); err != nil {
		tb.Fatal(err)
	}
	return l, far
}

// barePair is a leg over TCP on loopback that has not started, and its far end's bare connection.
func barePair(tb testing.TB, speaks *dialect) (*Leg, net.Conn) {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer ln.Close()
	far, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	near, err := ln.Accept()
	if err != nil {
		tb.Fatal(err)
	}
	l := newLeg(near, speaks, Limits{}.orDefaults(), &Stats{})
	tb.Cleanup(func() {
		_ = far.Close()
		l.finish()
	})
	return l, far
}

// TestFramePathAllocatesNothing holds both ways, over a real socket, to no allocation.
func TestFramePathAllocatesNothing(t *testing.T) {
	l, far := socketPair(t)
	in := good(text, mediaMessage(5, 100, loud(160)))
	mark := good(text, `{"event":"mark","sequenceNumber":"88","streamSid":"`+testStream+`","mark":{"name":"0:0"}}`)
	sink := make([]byte, 64<<10)
	if n := testing.AllocsPerRun(500, func() {
		if _, err := far.Write(mark); err != nil {
			t.Fatal(err)
		}
		if p, err := l.Receive(); err != nil || p.Note.Kind != media.Played {
			t.Fatal(p, err)
		}
	}); n != 0 {
		t.Errorf("Receive allocates %v times a mark", n)
	}
	if n := testing.AllocsPerRun(500, func() {
		if _, err := far.Write(in); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Receive(); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("Receive allocates %v times a frame", n)
	}
	for _, samples := range []int{160, 800} {
		f := media.Frame{PCM: make([]int16, samples), Rate: 8000}
		if n := testing.AllocsPerRun(500, func() {
			if err := l.Send(f); err != nil {
				t.Fatal(err)
			}
			if _, err := far.Read(sink); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("Send of %d samples allocates %v times", samples, n)
		}
	}
	if n := testing.AllocsPerRun(500, func() {
		if err := l.Mark(); err != nil {
			t.Fatal(err)
		}
		if err := l.Clear(); err != nil {
			t.Fatal(err)
		}
		if _, err := far.Read(sink); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("Mark and Clear allocate %v times", n)
	}
}

// TestQueueAllocatesNothing holds the way through the goroutine, which is that of TLS, to no allocation.
func TestQueueAllocatesNothing(t *testing.T) {
	here, there := net.Pipe()
	t.Cleanup(func() { _ = errorsOf(here.Close(), there.Close()) })
	o := newOutbox(struct{ net.Conn }{noDeadline{here}}, time.Second)
	message, sink := make([]byte, 300), make([]byte, 300)
	if n := testing.AllocsPerRun(500, func() {
		if err := o.send(message); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(there, sink); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("a queued message allocates %v times", n)
	}
	o.work.Wait()
}

// noDeadline spares net.Pipe's deadlines, which allocate a timer; those of a socket do not.
type noDeadline struct{ net.Conn }

func (noDeadline) SetWriteDeadline(time.Time) error { return nil }

func errorsOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func BenchmarkParse(b *testing.B) {
	m := []byte(mediaMessage(4711, 94220, loud(160)))
	b.Run("tokenizer", func(b *testing.B) {
		b.SetBytes(int64(len(m)))
		b.ReportAllocs()
		var into message
		for b.Loop() {
			if !twilioSpelling.plain(m, &into) {
				b.Fatal("not plain")
			}
		}
	})
	b.Run("json", func(b *testing.B) {
		b.SetBytes(int64(len(m)))
		b.ReportAllocs()
		var into message
		for b.Loop() {
			if err := parseTwilioJSON(m, &into); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkBase64 is why segmentio/asm is linked in.
func BenchmarkBase64(b *testing.B) {
	for _, n := range []int{160, 800} {
		raw := loud(n)
		coded := []byte(stdbase64.StdEncoding.EncodeToString(raw))
		for _, c := range []struct {
			name string
			run  func()
		}{
			{"decode/std", func() { _, _ = stdbase64.StdEncoding.Decode(raw, coded) }},
			{"decode/asm", func() { _, _ = base64.StdEncoding.Decode(raw, coded) }},
			{"encode/std", func() { stdbase64.StdEncoding.Encode(coded, raw) }},
			{"encode/asm", func() { base64.StdEncoding.Encode(coded, raw) }},
		} {
			b.Run(c.name+"/"+time.Duration(n*125_000).String(), func(b *testing.B) {
				for b.Loop() {
					c.run()
				}
			})
		}
	}
}

func BenchmarkUnmask(b *testing.B) {
	frame := make([]byte, 370)
	b.SetBytes(int64(len(frame)))
	for b.Loop() {
		unmask(frame, 0xCDAB3412)
	}
}

// BenchmarkWrite makes a message without sending it.
func BenchmarkWrite(b *testing.B) {
	w := newWriter(twilioDialect.words(testStream, telephone), 800)
	for _, n := range []int{160, 800} {
		ulaw := loud(n)
		b.Run(time.Duration(n*125_000).String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w.audio(ulaw)
			}
		})
	}
}

// BenchmarkReceive is the whole way in without the kernel: framing, tokenizer, base64, mu-law.
func BenchmarkReceive(b *testing.B) {
	sent := bytes.Repeat(good(text, mediaMessage(4711, 94220, loud(160))), 64)
	s := &script{}
	l := newLeg(s, &twilioDialect, Limits{}.orDefaults(), &Stats{})
	l.sounds = sounds{telephone, telephone}
	l.stream, l.started = testStream, true
	b.ReportAllocs()
	for b.Loop() {
		if s.Len() == 0 {
			s.Reset(sent)
		}
		if _, err := l.Receive(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReceiveSocket and BenchmarkSendSocket include the kernel's loopback, and the far end's share of it.
func BenchmarkReceiveSocket(b *testing.B) {
	l, far := socketPair(b)
	in := good(text, mediaMessage(5, 100, loud(160)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := far.Write(in); err != nil {
			b.Fatal(err)
		}
		if _, err := l.Receive(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSendSocket(b *testing.B) {
	for _, n := range []int{160, 800} {
		b.Run(time.Duration(n*125_000).String(), func(b *testing.B) {
			l, far := socketPair(b)
			f := media.Frame{PCM: make([]int16, n), Rate: 8000}
			sink := make([]byte, 64<<10)
			b.ReportAllocs()
			for b.Loop() {
				if err := l.Send(f); err != nil {
					b.Fatal(err)
				}
				if _, err := far.Read(sink); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
