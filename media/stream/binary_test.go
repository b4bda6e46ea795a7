package stream

import (
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"parley/media"
)

// binaryDialect is a carrier's whose sound is linear, in binary frames of 20 ms, and whose texts are Twilio's.
var binaryDialect = dialect{
	kind: "binary", parse: parseTwilio, sound: twilioDialect.sound, words: twilioDialect.words,
	binary: true, piece: media.FrameTime, whole: true,
}

// binaryPair is a leg in a dialect, at 16 kHz, and its far end's bare connection.
func binaryPair(tb testing.TB, speaks *dialect) (*Leg, net.Conn) {
	tb.Helper()
	l, far := barePair(tb, speaks)
	wide := format{linear, 16000}
	l.sounds = sounds{wide, wide}
	if err := l.start(&start{stream: testStream, call: testCall}, 200*time.Millisecond, 100*time.Millisecond); err != nil {
		tb.Fatal(err)
	}
	return l, far
}

// ramp is n samples that are all different, and as linear sound.
func ramp(n int) (pcm []int16, codes []byte) {
	pcm, codes = make([]int16, n), make([]byte, 2*n)
	for i := range pcm {
		pcm[i] = int16(257*i - 20_000)
	}
	format{linear, 16000}.encode(codes, pcm)
	return pcm, codes
}

func TestBinaryFrames(t *testing.T) {
	t.Parallel()
	l, far := binaryPair(t, &binaryDialect)
	pcm, codes := ramp(480)
	for _, sound := range [][]byte{codes[:100], nil, codes[100:106], codes[106:]} { // of any size
		if _, err := far.Write(good(fin|byte(opBinary), string(sound))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := far.Write(good(fin|byte(opBinary), "odd")); err != nil {
		t.Fatal(err)
	}
	if _, err := far.Write(good(fin|byte(opBinary), string(codes[:320]))); err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]int16{pcm[:320], append(pcm[320:480:480], pcm[:160]...)} {
		p, err := l.Receive()
		if err != nil {
			t.Fatal(err)
		}
		if at := time.Duration(i) * media.FrameTime; p.Frame.At != at || p.Frame.Rate != 16000 || !slices.Equal(p.Frame.PCM, want) {
			t.Errorf("frame %d at %v of %d: %v, want %v", i, p.Frame.At, p.Frame.Rate, p.Frame.PCM, want)
		}
	}
	if n := l.stats.Malformed.Load(); n != 1 {
		t.Errorf("%d malformed, want the one that ends within a sample", n)
	}

	if err := l.Send(media.Frame{PCM: pcm[:330], Rate: 16000}); err != nil { // a frame, and 10 samples
		t.Fatal(err)
	}
	want := append([]byte{0x82, 126, 640 >> 8, 640 & 0xFF}, codes[:640]...)
	want = append(append(want, 0x82, 126, 640>>8, 640&0xFF), codes[640:660]...)
	want = append(want, make([]byte, 620)...)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(far, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("sent %x (%v), want %x", got, err, want)
	}
	if sent := markOf(l.sent.Load()); sent.samples != 330 {
		t.Errorf("%d samples count as sent, want 330: silence that fills up is no speech", sent.samples)
	}
}

// TestBinaryAllocatesNothing holds both ways of binary sound, over a real socket, to no allocation.
func TestBinaryAllocatesNothing(t *testing.T) {
	l, far := binaryPair(t, &binaryDialect)
	pcm, codes := ramp(1600)
	in, sink := good(fin|byte(opBinary), string(codes[:640])), make([]byte, 64<<10)
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
	for _, samples := range []int{320, 330, 1600} {
		f := media.Frame{PCM: pcm[:samples], Rate: 16000}
		if n := testing.AllocsPerRun(500, func() {
			if err := errorsOf(l.Send(f), l.Mark(), l.Clear()); err != nil {
				t.Fatal(err)
			}
			if _, err := far.Read(sink); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("Send of %d samples allocates %v times", samples, n)
		}
	}
}

// TestLive: a carrier that neither forgets nor reports is sent sound as it is due, and no word beside it.
func TestLive(t *testing.T) {
	t.Parallel()
	speaks := binaryDialect
	speaks.live = true
	l, far := binaryPair(t, &speaks)
	if _, marks := l.face().(media.Marker); marks {
		t.Error("the leg of a carrier without marks is a Marker")
	}
	if err := l.Clear(); err != nil {
		t.Fatal(err)
	}
	if sent := markOf(l.sent.Load()); sent.epoch != 1 {
		t.Errorf("epoch %d, want 1", sent.epoch)
	}
	if err := l.Hangup(media.CauseAgent); err != nil {
		t.Fatal(err)
	}
	if err := l.Clear(); !errors.Is(err, errHungUp) {
		t.Errorf("Clear after Hangup: %v", err)
	}
	var first [1]byte
	if _, err := io.ReadFull(far, first[:]); err != nil || first[0] != fin|byte(opClose) {
		t.Errorf("the first that is sent begins with %x (%v), want the close frame", first, err)
	}
}

func TestBinaryBeforeStart(t *testing.T) {
	t.Parallel()
	l, far := barePair(t, &binaryDialect)
	if _, err := far.Write(good(fin|byte(opBinary), "aa")); err != nil {
		t.Fatal(err)
	}
	if _, err := l.awaitStart(); !errors.Is(err, errEarly) {
		t.Errorf("sound before start: %v", err)
	}
}

// BenchmarkBinary is a frame of 20 ms at 16 kHz each way, the kernel's loopback included.
func BenchmarkBinary(b *testing.B) {
	l, far := binaryPair(b, &binaryDialect)
	pcm, codes := ramp(320)
	in, sink := good(fin|byte(opBinary), string(codes)), make([]byte, 64<<10)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := far.Write(in); err != nil {
			b.Fatal(err)
		}
		if _, err := l.Receive(); err != nil {
			b.Fatal(err)
		}
		if err := l.Send(media.Frame{PCM: pcm, Rate: 16000}); err != nil {
			b.Fatal(err)
		}
		if _, err := far.Read(sink); err != nil {
			b.Fatal(err)
		}
	}
}
