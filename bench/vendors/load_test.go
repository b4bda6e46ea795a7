package vendors_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"parley/bench/vendors"
	"parley/media"
	"parley/pipeline"
	"parley/providers/deepgram"
	"parley/providers/providertest"
)

// TestFiftyCalls: fifty callers speak for two seconds each in real time, end, and are answered, while fifty voices speak. None loses
// audio, none waits long.
func TestFiftyCalls(t *testing.T) {
	t.Parallel()
	const calls = 50
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, err := vendors.Start(t.Context(), vendors.Options{}, exe)
	if err != nil {
		t.Fatal(err)
	}
	c := &deepgram.Client{BaseURL: p.Deepgram}
	cpu := used()
	began := time.Now()
	var all sync.WaitGroup
	waits := make([]time.Duration, calls)
	for i := range calls {
		all.Go(func() {
			wait, err := oneCall(t.Context(), c)
			if err != nil {
				t.Errorf("call %d: %v", i, err)
			}
			waits[i] = wait
		})
	}
	all.Wait()
	took, cpu := time.Since(began), used()-cpu
	longest := time.Duration(0)
	for _, w := range waits {
		longest = max(longest, w)
	}
	t.Logf("%d calls in %v: client CPU %.2f %% of a core a call; the longest wait for a Final was %v",
		calls, took.Round(time.Millisecond), 100*cpu.Seconds()/took.Seconds()/calls, longest)
	if longest > 3*time.Second { // on a machine that does other things beside
		t.Errorf("a Final took %v with a recogniser that needs no time", longest)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// oneCall speaks two seconds in real time, and measures the wait for their transcript; then it hears a voice out.
func oneCall(ctx context.Context, c *deepgram.Client) (wait time.Duration, err error) {
	tr, err := c.Transcribe(ctx, pipeline.Listening{Rate: 8000})
	if err != nil {
		return 0, err
	}
	defer func() {
		if cerr := tr.Close(); err == nil {
			err = cerr
		}
	}()
	frames := time.NewTicker(media.FrameTime)
	defer frames.Stop()
	pcm := providertest.Tones("a hundred frames of somebody speaking here", 8000)
	for i := range 100 {
		<-frames.C
		f := media.Frame{PCM: pcm[i*160 : (i+1)*160], Rate: 8000, At: time.Duration(i) * media.FrameTime}
		if err := tr.Write(f); err != nil {
			return 0, err
		}
	}
	ended := time.Now()
	if err := tr.Mark(pipeline.Edge{Kind: pipeline.Ended, N: 1, At: 2 * time.Second}); err != nil {
		return 0, err
	}
	for r, err := range tr.Results() {
		if err != nil {
			return 0, err
		}
		if r.Edge == 1 {
			if r.Text != providertest.DefaultTranscript {
				return 0, fmt.Errorf("understood %q", r.Text)
			}
			break
		}
	}
	wait = time.Since(ended)
	text := func(yield func(string, error) bool) { yield(providertest.DefaultTranscript, nil) }
	n := 0
	for s, err := range c.Speak(ctx, text, pipeline.Voice{Rate: 8000}) {
		if err != nil {
			return 0, err
		}
		n += len(s.PCM)
	}
	if want := len(providertest.Tones(providertest.DefaultTranscript, 8000)); n != want {
		return 0, fmt.Errorf("the voice made %d samples, want %d", n, want)
	}
	return wait, nil
}

// used is the CPU time of this process so far.
func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
