package local_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/media"
	"parley/media/g711"
	"parley/media/resample"
	"parley/pipeline"
	"parley/providers/local"
	"parley/providers/providertest"
)

// engine is shared by the tests that only use it: models take a second to load and 300 MB.
var engine = local.New(local.Options{})

func TestMain(m *testing.M) {
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := engine.Run(ctx); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	})
	code := m.Run()
	stop()
	running.Wait()
	os.Exit(code)
}

// whole returns the shared engine, and fails the test if anything is missing.
func whole(tb testing.TB) *local.Engine {
	tb.Helper()
	<-engine.Ready()
	if s := engine.Status(); s.Degraded() {
		tb.Fatalf("local speech is not whole: run \"make setup\"\n%s", strings.Join(s.Lines(), "\n"))
	}
	return engine
}

// A prompt is a recorded sentence and its words.
type prompt struct {
	name, text string
	pcm        []int16 // 8 kHz, as it comes out of mu-law
}

// prompts reads those of Debian's recorded prompts whose name keep accepts, in the order of a hash of their names.
func prompts(tb testing.TB, keep func(name, text string) bool) []prompt {
	tb.Helper()
	var all []prompt
	for _, s := range providertest.Sentences(tb) {
		if keep(s.Name, s.Text) {
			all = append(all, prompt{s.Name, s.Text, recording(tb, s.Path)})
		}
	}
	slices.SortFunc(all, func(a, b prompt) int { return int(hash(a.name)>>1) - int(hash(b.name)>>1) })
	return all
}

func hash(s string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(s))
	return h.Sum32()
}

// recording reads 16-bit mono at 8 kHz and passes it through mu-law.
func recording(tb testing.TB, path string) []int16 {
	tb.Helper()
	return telephone(wav(tb, path))
}

// wav reads 16-bit mono at 8 kHz.
func wav(tb testing.TB, path string) []int16 {
	tb.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		tb.Fatalf("recorded speech is missing: run \"make setup\": %v", err)
	}
	i := strings.Index(string(b), "data")
	if i < 0 || binary.LittleEndian.Uint32(b[24:]) != 8000 {
		tb.Fatalf("%s is no WAV at 8 kHz", path)
	}
	b = b[i+8:]
	pcm := make([]int16, len(b)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return pcm
}

// telephone is pcm as it comes out of mu-law.
func telephone(pcm []int16) []int16 {
	wire := make([]byte, len(pcm))
	g711.Ulaw.Encode(wire, pcm)
	out := make([]int16, len(pcm))
	g711.Ulaw.Decode(out, wire)
	return out
}

// A caller says things into an ear and a transcription, as the pipeline does.
type caller struct {
	tb    testing.TB
	ear   pipeline.Ear
	t     pipeline.Transcription // or nil
	rate  int
	at    time.Duration
	edges []pipeline.Edge
}

func call(tb testing.TB, e *local.Engine, rate int) *caller {
	tb.Helper()
	c := listen(tb, e, rate)
	t, err := e.Transcribe(tb.Context(), pipeline.Listening{Rate: rate, Lang: "en-US"})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := t.Close(); err != nil {
			tb.Error(err)
		}
	})
	c.t = t
	return c
}

// listen is a call that nobody transcribes.
func listen(tb testing.TB, e *local.Engine, rate int) *caller {
	tb.Helper()
	ear, err := e.Listen(tb.Context(), pipeline.EarOptions{Rate: rate, MaybeAfter: 200 * time.Millisecond, EndAfter: 500 * time.Millisecond})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := ear.Close(); err != nil {
			tb.Error(err)
		}
	})
	return &caller{tb: tb, ear: ear, rate: rate}
}

// say passes pcm on frame by frame.
func (c *caller) say(pcm []int16) {
	c.tb.Helper()
	for n := c.rate / 50; len(pcm) >= n; pcm = pcm[n:] {
		f := media.Frame{PCM: pcm[:n], Rate: c.rate, At: c.at}
		c.at += media.FrameTime
		if c.t != nil {
			if err := c.t.Write(f); err != nil {
				c.tb.Fatal(err)
			}
		}
		e, ok := c.ear.Hear(f)
		if !ok {
			continue
		}
		c.edges = append(c.edges, e)
		if c.t != nil {
			if err := c.t.Mark(e); err != nil {
				c.tb.Fatal(err)
			}
		}
	}
}

func (c *caller) pause(d time.Duration) {
	c.tb.Helper()
	c.say(make([]int16, int(d.Seconds()*float64(c.rate))))
}

// finals closes the transcription and returns what it made of it all.
func (c *caller) finals() []pipeline.Transcript {
	c.tb.Helper()
	if err := c.t.Close(); err != nil {
		c.tb.Fatal(err)
	}
	var out []pipeline.Transcript
	for r, err := range c.t.Results() {
		if err != nil {
			c.tb.Fatal(err)
		}
		if r.Kind == pipeline.Final {
			out = append(out, r)
		}
	}
	return out
}

func text(finals []pipeline.Transcript) string {
	var all []string
	for _, f := range finals {
		if f.Text != "" {
			all = append(all, f.Text)
		}
	}
	return strings.Join(all, " ")
}

// at is pcm of 8 kHz at another rate.
func at(tb testing.TB, pcm []int16, rate int) []int16 {
	tb.Helper()
	r, err := resample.New(8000, rate)
	if err != nil {
		tb.Fatal(err)
	}
	return r.Append(nil, pcm)
}
