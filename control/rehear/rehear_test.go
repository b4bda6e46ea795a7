package rehear_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"parley/control/rehear"
	"parley/media"
	"parley/media/wav"
	"parley/pipeline"
	"parley/providers/local"
	"parley/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// counting is a recogniser that says how long each stretch of speech was, in tenths of a second, and at which it broke.
type counting struct {
	fail    error // of the first result
	mute    bool  // no Final ever comes
	patient atomic.Bool
	open    atomic.Int64
	longest atomic.Int64 // frames of a stretch
}

func (c *counting) Transcribe(_ context.Context, o pipeline.Listening) (pipeline.Transcription, error) {
	c.patient.Store(o.Patient)
	c.open.Add(1)
	return &counted{counting: c, news: make(chan pipeline.Transcript, 4), over: make(chan struct{})}, nil
}

type counted struct {
	*counting
	began   time.Duration
	talking bool
	frames  int64
	news    chan pipeline.Transcript
	over    chan struct{}
}

func (c *counted) Write(media.Frame) error {
	if !c.talking {
		return nil
	}
	c.frames++
	c.longest.Store(max(c.longest.Load(), c.frames))
	return nil
}

func (c *counted) Mark(e pipeline.Edge) error {
	c.talking = e.Kind == pipeline.Began
	if c.talking {
		c.began, c.frames = e.At, 0
	}
	if e.Kind == pipeline.Ended && !c.mute {
		tenths := math.Round((e.At - c.began).Seconds() * 10)
		c.news <- pipeline.Transcript{Kind: pipeline.Partial, Text: "not this"}
		c.news <- pipeline.Transcript{Kind: pipeline.Final, Edge: e.N, Text: fmt.Sprint(tenths)}
	}
	return nil
}

func (c *counted) Expect([]string) {}

func (c *counted) Results() iter.Seq2[pipeline.Transcript, error] {
	return func(yield func(pipeline.Transcript, error) bool) {
		for c.fail == nil {
			select {
			case t := <-c.news:
				if !yield(t, nil) {
					return
				}
			case <-c.over:
				return
			}
		}
		yield(pipeline.Transcript{}, c.fail)
	}
}

func (c *counted) Close() error { close(c.over); c.open.Add(-1); return nil }

// talk is a recording in which the caller (left) and the agent (right) sound at times, from and to in seconds.
func talk(t *testing.T, seconds int, caller, agent [][2]float64) *bytes.Reader {
	t.Helper()
	s := wav.Sound{Rate: 8000, Channels: 2, PCM: make([]int16, 2*8000*seconds)}
	for c, spans := range [][][2]float64{caller, agent} {
		for _, span := range spans {
			for i := int(span[0] * 8000); i < int(span[1]*8000); i++ {
				if n := i - int(span[0]*8000); n%8000/800 != 4 { // a pause of a tenth each second, as speech has
					s.PCM[2*i+c] = int16(12000 * math.Sin(float64(i)*0.4))
				}
			}
		}
	}
	var b bytes.Buffer
	if err := wav.Encode(&b, s); err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(b.Bytes())
}

func TestHear(t *testing.T) {
	t.Parallel()
	words := &counting{}
	e := rehear.Ear{Ears: local.Energy{}, Words: words}
	said, err := e.Hear(t.Context(), talk(t, 20, [][2]float64{{4, 6}, {7, 8}, {15, 16}}, [][2]float64{{1, 3}, {10, 13}}), "")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i, m := range said {
		got = append(got, fmt.Sprintf("%s %s %.1f+%.1f", m.Role, m.Text, m.At.Seconds(), m.Length.Seconds()))
		if m.Seq != i {
			t.Errorf("message %d has number %d", i, m.Seq)
		}
	}
	want := []string{"assistant 20 1.0+2.0", "caller 20 10 4.0+4.0", "assistant 30 10.0+3.0", "caller 10 15.0+1.0"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if !words.patient.Load() || words.open.Load() != 0 {
		t.Errorf("patient %v, %d left open", words.patient.Load(), words.open.Load())
	}
}

// TestLong: who does not stop talking is cut into stretches of bearable length, and no sound is lost between them.
func TestLong(t *testing.T) {
	t.Parallel()
	words := &counting{}
	said, err := rehear.Ear{Ears: local.Energy{}, Words: words}.Hear(t.Context(), talk(t, 62, [][2]float64{{0, 20}, {20.3, 61}}, nil), "")
	if err != nil || len(said) != 1 {
		t.Fatalf("%v, %v", said, err)
	}
	sum := 0.
	for part := range strings.FieldsSeq(said[0].Text) {
		var tenths float64
		if _, err := fmt.Sscan(part, &tenths); err != nil {
			t.Fatal(err)
		}
		sum += tenths
	}
	if most := time.Duration(words.longest.Load()) * media.FrameTime; most > 27*time.Second || math.Abs(sum-610) > 10 {
		t.Errorf("%s: %v tenths of a second, a stretch of %v", said[0].Text, sum, most)
	}
}

func TestHearFails(t *testing.T) {
	t.Parallel()
	sound := func() io.Reader { return talk(t, 5, [][2]float64{{1, 2}}, nil) }
	broken := errors.New("the line is lost")
	if _, err := (rehear.Ear{Ears: local.Energy{}, Words: &counting{fail: broken}}).Hear(t.Context(), sound(), ""); !errors.Is(err, broken) {
		t.Errorf("a recogniser that fails: %v", err)
	}
	if _, err := (rehear.Ear{Ears: local.Energy{}, Words: &counting{}}).Hear(t.Context(), strings.NewReader("RIFF"), ""); err == nil {
		t.Error("half a header is heard")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	mute := &counting{mute: true}
	if _, err := (rehear.Ear{Ears: local.Energy{}, Words: mute}).Hear(ctx, sound(), ""); !errors.Is(err, context.DeadlineExceeded) || mute.open.Load() != 0 {
		t.Errorf("a recogniser that says nothing: %v, %d left open", err, mute.open.Load())
	}
	slow, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := (rehear.Ear{Ears: local.Energy{}, Words: &counting{}, Pace: 1}).Hear(slow, sound(), ""); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("at its pace: %v", err)
	}
}

// TestSilence: a recording of nothing has no words.
func TestSilence(t *testing.T) {
	t.Parallel()
	said, err := rehear.Ear{Ears: local.Energy{}, Words: &counting{}}.Hear(t.Context(), talk(t, 2, nil, nil), "")
	if err != nil || len(said) != 0 {
		t.Errorf("%v, %v", said, err)
	}
	one := wav.Sound{Rate: 8000, Channels: 1, PCM: make([]int16, 8000)}
	var b bytes.Buffer
	if err := wav.Encode(&b, one); err != nil {
		t.Fatal(err)
	}
	if said, err := (rehear.Ear{Ears: local.Energy{}, Words: &counting{}}).Hear(t.Context(), &b, ""); err != nil || !cmp.Equal(said, []store.Message(nil)) {
		t.Errorf("of one channel: %v, %v", said, err)
	}
}
