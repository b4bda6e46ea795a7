package legtest

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/media"
)

// patience is how long the suite waits for something that must come.
const patience = 10 * time.Second

// Conformance checks that a Leg keeps the contract of its doc comment. Make returns a leg, answered just now, and its far end;
// it is called once a subtest and registers its own clean-up. Nothing but the suite may read or write the leg.
//
// Samples may pass through a telephone codec: they are compared within 1/16. The caller of Conformance must not have called
// t.Parallel, because one of the tests counts allocations.
func Conformance(t *testing.T, make func(t *testing.T) (media.Leg, Far)) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, media.Leg, Far)
	}{
		{"NoAllocations", noAllocations}, // first and not parallel: it counts
		{"InfoIsFixed", infoIsFixed},
		{"FramesAreReframed", framesAreReframed},
		{"DigitsArrive", digitsArrive},
		{"FarEndHears", farEndHears},
		{"FramesAreLent", framesAreLent},
		{"MarksComeBack", marksComeBack},
		{"ClearBeginsAnEpoch", clearBeginsAnEpoch},
		{"GoodbyeIsEOF", goodbyeIsEOF},
		{"LossIsNotEOF", lossIsNotEOF},
		{"HangupUnblocksReceive", hangupUnblocksReceive},
		{"HangupIsIdempotent", hangupIsIdempotent},
		{"SendAfterHangupFails", sendAfterHangupFails},
		{"SendRefusesWrongFrames", sendRefusesWrongFrames},
		{"SendNeverBlocks", sendNeverBlocks},
	} {
		t.Run(test.name, func(t *testing.T) {
			leg, far := make(t)
			t.Cleanup(func() { _ = leg.Hangup(media.CauseShutdown) })
			test.run(t, leg, far)
		})
	}
}

// ears reads a leg on a goroutine of its own, as a call does.
type ears struct {
	t       *testing.T
	packets chan media.Packet // frames are copies
	err     chan error        // what Receive ended with
}

func listen(t *testing.T, leg media.Leg) *ears {
	e := &ears{t: t, packets: make(chan media.Packet, 10_000), err: make(chan error, 1)}
	go func() {
		for {
			p, err := leg.Receive()
			if err != nil {
				e.err <- err
				close(e.packets)
				return
			}
			p.Frame.PCM = append([]int16(nil), p.Frame.PCM...)
			e.packets <- p
		}
	}()
	return e
}

// next is the next packet that wanted accepts; the test fails if none comes.
func (e *ears) next(what string, wanted func(media.Packet) bool) media.Packet {
	e.t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case p, ok := <-e.packets:
			if !ok {
				err := <-e.err
				e.err <- err
				e.t.Fatalf("Receive ended with %v while waiting for %s", err, what)
			}
			if wanted(p) {
				return p
			}
		case <-timeout:
			e.t.Fatalf("no %s within %v", what, patience)
		}
	}
}

// end is what Receive ends with.
func (e *ears) end() error {
	e.t.Helper()
	select {
	case err := <-e.err:
		e.err <- err
		return err
	case <-time.After(patience):
		e.t.Fatalf("Receive did not return within %v", patience)
		return nil
	}
}

func isFrame(p media.Packet) bool { return len(p.Frame.PCM) > 0 }
func isDigit(p media.Packet) bool { return p.Digit != 0 }

// loud says whether a frame is more than the silence that an open line sends.
func loud(pcm []int16) bool {
	for _, s := range pcm {
		if s > 500 || s < -500 {
			return true
		}
	}
	return false
}

// alike compares samples that may have passed a telephone codec.
func alike(t *testing.T, what string, got, want []int16) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d samples, want %d", what, len(got), len(want))
	}
	for i := range got {
		g, w := int(got[i]), int(want[i])
		if diff := max(g-w, w-g); diff > 16+max(w, -w)/16 {
			t.Fatalf("%s: sample %d is %d, want %d", what, i, g, w)
		}
	}
}

// plateau is n samples of one value.
func plateau(n int, value int16) []int16 {
	pcm := make([]int16, n)
	for i := range pcm {
		pcm[i] = value
	}
	return pcm
}

// sendAll sends pcm in pieces that the leg takes.
func sendAll(t *testing.T, leg media.Leg, pcm []int16) {
	t.Helper()
	i := leg.Info()
	for chunk := samplesIn(i.Chunk, i.Rate); len(pcm) > 0; {
		n := min(chunk, len(pcm))
		if err := leg.Send(media.Frame{PCM: pcm[:n], Rate: i.Rate}); err != nil {
			t.Fatalf("Send: %v", err)
		}
		pcm = pcm[n:]
	}
}

func must(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func infoIsFixed(t *testing.T, leg media.Leg, far Far) {
	i := leg.Info()
	switch i.Rate {
	case 8000, 16000, 24000, 48000:
	default:
		t.Errorf("Info().Rate is %d", i.Rate)
	}
	if i.Kind == "" {
		t.Error("Info().Kind is empty")
	}
	if i.Lead < 0 || i.Chunk < media.FrameTime || i.Chunk%media.FrameTime != 0 {
		t.Errorf("Info() has Lead %v and Chunk %v", i.Lead, i.Chunk)
	}
	e := listen(t, leg)
	must(t, "Say", far.Say(Tone(i.Rate, 400, media.FrameTime)))
	e.next("frame", isFrame)
	must(t, "Hangup", leg.Hangup(media.CauseAgent))
	if diff := cmp.Diff(i, leg.Info()); diff != "" {
		t.Errorf("Info changed (-first +last):\n%s", diff)
	}
}

// framesAreReframed says odd pieces, and expects whole frames in media time.
func framesAreReframed(t *testing.T, leg media.Leg, far Far) {
	rate := leg.Info().Rate
	want := Tone(rate, 400, 400*time.Millisecond)
	for rest := want; len(rest) > 0; {
		n := min(rate/50+37, len(rest))
		must(t, "Say", far.Say(rest[:n]))
		rest = rest[n:]
	}
	e := listen(t, leg)
	var got []int16
	var last time.Duration
	for n := 0; len(got) < len(want); n++ {
		f := e.next("frame", isFrame).Frame
		if len(f.PCM) != rate/50 || f.Rate != rate {
			t.Fatalf("frame %d has %d samples of %d Hz, want %d of %d Hz", n, len(f.PCM), f.Rate, rate/50, rate)
		}
		if n > 0 && f.At != last+media.FrameTime {
			t.Fatalf("frame %d is At %v, want %v", n, f.At, last+media.FrameTime)
		}
		last = f.At
		if len(got) > 0 || loud(f.PCM) {
			got = append(got, f.PCM...)
		}
	}
	alike(t, "frames", got, want)
}

func digitsArrive(t *testing.T, leg media.Leg, far Far) {
	e := listen(t, leg)
	const keys = "1234567890*#11"
	for _, k := range keys {
		must(t, "Press", far.Press(k))
	}
	var got []rune
	for range keys {
		got = append(got, e.next("digit", isDigit).Digit)
	}
	if string(got) != keys {
		t.Errorf("digits %q, want %q", string(got), keys)
	}
}

func farEndHears(t *testing.T, leg media.Leg, far Far) {
	listen(t, leg)
	want := Tone(leg.Info().Rate, 700, 270*time.Millisecond) // the last frame is short
	sendAll(t, leg, want)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got, err := far.Hear(ctx, len(want))
	must(t, "Hear", err)
	alike(t, "heard", got, want)
	alike(t, "Heard()", far.Heard(), want)
}

// framesAreLent checks that a leg does not keep the samples that it was given to send.
func framesAreLent(t *testing.T, leg media.Leg, far Far) {
	listen(t, leg)
	rate := leg.Info().Rate
	pcm := make([]int16, rate/50)
	var want []int16
	for n := range 10 {
		copy(pcm, plateau(len(pcm), int16(1000*(n+1))))
		want = append(want, pcm...)
		must(t, "Send", leg.Send(media.Frame{PCM: pcm, Rate: rate}))
		clear(pcm)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got, err := far.Hear(ctx, len(want))
	must(t, "Hear", err)
	alike(t, "heard", got, want)
}

func isPlayed(p media.Packet) bool { return p.Note.Kind == media.Played }

func marksComeBack(t *testing.T, leg media.Leg, far Far) {
	marker, ok := leg.(media.Marker)
	if !ok {
		return // the leg does not claim the power
	}
	e := listen(t, leg)
	rate := leg.Info().Rate
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for n := 1; n <= 3; n++ {
		sendAll(t, leg, plateau(rate/10, 2000))
		must(t, "Mark", marker.Mark())
		_, err := far.Hear(ctx, rate/10)
		must(t, "Hear", err)
		want := media.Note{Kind: media.Played, Through: time.Duration(n) * 100 * time.Millisecond}
		if got := e.next("Played note", isPlayed).Note; got != want {
			t.Errorf("note %+v, want %+v", got, want)
		}
	}
	must(t, "Mark", marker.Mark()) // nothing is buffered: it comes back without more audio
	if got := e.next("Played note", isPlayed).Note.Through; got != 300*time.Millisecond {
		t.Errorf("mark after all had sounded says %v, want 300ms", got)
	}
}

// clearBeginsAnEpoch sends two plateaus with a Clear between them: nothing of the first may sound once the second does.
func clearBeginsAnEpoch(t *testing.T, leg media.Leg, far Far) {
	e := listen(t, leg)
	rate := leg.Info().Rate
	marker, marks := leg.(media.Marker)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	sendAll(t, leg, plateau(2*rate, 1000))
	if marks {
		must(t, "Mark", marker.Mark())
	}
	must(t, "Clear", leg.Clear())
	must(t, "Cleared", far.Cleared(ctx))
	sendAll(t, leg, plateau(rate/10, 8000))
	if marks {
		must(t, "Mark", marker.Mark())
	}
	first, second := 0, 0
	for second < rate/10 {
		got, err := far.Hear(ctx, 1)
		must(t, "Hear", err)
		switch {
		case got[0] > 4000:
			second++
		case second > 0:
			t.Fatalf("a sample from before the Clear sounded after it")
		default:
			first++
		}
	}
	if first >= 2*rate {
		t.Errorf("all %d samples sounded in spite of the Clear", first)
	}
	if !marks {
		return
	}
	last := e.next("Played note of the new epoch", func(p media.Packet) bool { return isPlayed(p) && p.Note.Epoch == 1 }).Note
	if want := (media.Note{Kind: media.Played, Through: 100 * time.Millisecond, Epoch: 1}); last != want {
		t.Errorf("note %+v, want %+v", last, want)
	}
}

func goodbyeIsEOF(t *testing.T, leg media.Leg, far Far) {
	e := listen(t, leg)
	must(t, "Say", far.Say(Tone(leg.Info().Rate, 400, 100*time.Millisecond)))
	must(t, "Press", far.Press('5'))
	must(t, "Stop", far.Stop())
	e.next("digit sent before the goodbye", isDigit)
	if err := e.end(); !errors.Is(err, io.EOF) {
		t.Errorf("Receive ended with %v, want io.EOF", err)
	}
	if _, err := leg.Receive(); err == nil {
		t.Error("Receive after the end returned a packet")
	}
}

func lossIsNotEOF(t *testing.T, leg media.Leg, far Far) {
	e := listen(t, leg)
	must(t, "Drop", far.Drop())
	if err := e.end(); errors.Is(err, io.EOF) {
		t.Errorf("Receive ended with %v after a loss, want another error than io.EOF", err)
	}
}

func hangupUnblocksReceive(t *testing.T, leg media.Leg, _ Far) {
	e := listen(t, leg)
	must(t, "Hangup", leg.Hangup(media.CauseAgent))
	if err := e.end(); err == nil {
		t.Error("Receive ended without an error")
	}
}

func hangupIsIdempotent(t *testing.T, leg media.Leg, far Far) {
	e := listen(t, leg)
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			if n%4 == 3 {
				_ = far.Stop() // both ends at once
			}
			_ = leg.Hangup(media.CauseAgent)
			_ = leg.Hangup(media.CauseSilence)
		})
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("Hangup did not return within %v", patience)
	}
	if err := e.end(); err == nil {
		t.Error("Receive ended without an error")
	}
}

func sendAfterHangupFails(t *testing.T, leg media.Leg, _ Far) {
	must(t, "Hangup", leg.Hangup(media.CauseAgent))
	rate := leg.Info().Rate
	if err := leg.Send(media.Frame{PCM: make([]int16, rate/50), Rate: rate}); err == nil {
		t.Error("Send after Hangup succeeded")
	}
	if err := leg.Clear(); err == nil {
		t.Error("Clear after Hangup succeeded")
	}
}

func sendRefusesWrongFrames(t *testing.T, leg media.Leg, _ Far) {
	i := leg.Info()
	if err := leg.Send(media.Frame{PCM: make([]int16, i.Rate/50), Rate: i.Rate + 1}); err == nil {
		t.Error("Send of another rate succeeded")
	}
	if err := leg.Send(media.Frame{PCM: make([]int16, samplesIn(i.Chunk, i.Rate)+1), Rate: i.Rate}); err == nil {
		t.Error("Send of more than a chunk succeeded")
	}
}

// sendNeverBlocks sends to a far end that reads nothing, until the leg fails or ten minutes of audio are gone.
func sendNeverBlocks(t *testing.T, leg media.Leg, far Far) {
	far.Deafen()
	i := leg.Info()
	f := media.Frame{PCM: plateau(samplesIn(i.Chunk, i.Rate), 3000), Rate: i.Rate}
	var slowest time.Duration
	for range int(10 * time.Minute / i.Chunk) {
		began := time.Now()
		err := leg.Send(f)
		slowest = max(slowest, time.Since(began))
		if err != nil {
			break
		}
	}
	if slowest > time.Second {
		t.Errorf("a Send took %v", slowest)
	}
	hung := make(chan struct{})
	go func() { _ = leg.Hangup(media.CauseCarrier); close(hung) }()
	select {
	case <-hung:
	case <-time.After(patience):
		t.Errorf("Hangup on a stalled far end took more than %v", patience)
	}
}

// noAllocations holds the frame path, both ways, to none. What allocates each time does so in every measurement; the far end, which is in
// this process, may in one.
func noAllocations(t *testing.T, leg media.Leg, far Far) {
	rate := leg.Info().Rate
	const runs, warm, most = 50, 20, 3
	allocates := func(f func()) (n float64) {
		for range most {
			if n = testing.AllocsPerRun(runs, f); n == 0 {
				break
			}
		}
		return n
	}
	must(t, "Say", far.Say(Tone(rate, 400, (most*(runs+1)+2*warm)*media.FrameTime)))
	for range warm { // warm up; notes of the beginning pass
		if _, err := leg.Receive(); err != nil {
			t.Fatalf("Receive: %v", err)
		}
	}
	if n := allocates(func() { _, _ = leg.Receive() }); n != 0 {
		t.Errorf("Receive allocates %v times a frame", n)
	}
	far.Deafen()
	f := media.Frame{PCM: Tone(rate, 400, media.FrameTime), Rate: rate}
	for range warm {
		must(t, "Send", leg.Send(f))
	}
	if n := allocates(func() { _ = leg.Send(f) }); n != 0 {
		t.Errorf("Send allocates %v times a frame", n)
	}
}
