package local_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/media"
	"parley/pipeline"
	"parley/providers/local"
)

// in runs an engine on what dir holds.
func in(t *testing.T, dir string) *local.Engine {
	t.Helper()
	e := local.New(local.Options{Dir: dir, Workers: 1})
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := e.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	return e
}

// Each step down is said in full: what is at work, why it is not better, what mends it.
func TestDegradesInSteps(t *testing.T) {
	t.Parallel()
	whole(t)
	for _, tt := range []struct {
		name string
		has  []string
		want func(dir string) []string
	}{
		{"nothing", nil, func(dir string) []string {
			why := " (" + filepath.Join(dir, "libonnxruntime.so") + " is missing; to mend: make setup)"
			return []string{"ear: WebRTC VAD" + why, "recogniser: none, keypad only" + why, "end of turn: words alone" + why, "voice: flite slt" + why}
		}},
		{"the runtime alone", []string{"libonnxruntime.so"}, func(dir string) []string {
			return []string{
				"ear: Silero VAD v6",
				"recogniser: none, keypad only (" + filepath.Join(dir, "moonshine-tiny-encoder.onnx") + " is missing; to mend: make setup)",
				"end of turn: words alone (" + filepath.Join(dir, "smart-turn.onnx") + " is missing; to mend: make setup)",
				"voice: flite slt (" + filepath.Join(dir, "piper-jenny.onnx") + " is missing; to mend: make setup)",
			}
		}},
		{"no judge of the ends of turns", []string{"libonnxruntime.so", "moonshine-tiny-encoder.onnx", "moonshine-tiny-decoder.onnx", "piper-jenny.onnx", "piper-jenny.json"}, func(dir string) []string {
			return []string{
				"ear: Silero VAD v6",
				"recogniser: Moonshine tiny",
				"end of turn: words alone (" + filepath.Join(dir, "smart-turn.onnx") + " is missing; to mend: make setup)",
				"voice: Piper jenny",
			}
		}},
		{"no voice", []string{"libonnxruntime.so", "moonshine-tiny-encoder.onnx", "moonshine-tiny-decoder.onnx", "smart-turn.onnx"}, func(dir string) []string {
			return []string{
				"ear: Silero VAD v6",
				"recogniser: Moonshine tiny",
				"end of turn: words and Smart Turn v3.2",
				"voice: flite slt (" + filepath.Join(dir, "piper-jenny.onnx") + " is missing; to mend: make setup)",
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for _, f := range tt.has {
				if err := os.Symlink(filepath.Join(local.DefaultDir(), f), filepath.Join(dir, f)); err != nil {
					t.Fatal(err)
				}
			}
			e := in(t, dir)
			<-e.Ready()
			if diff := cmp.Diff(tt.want(dir), e.Status().Lines()); diff != "" {
				t.Errorf("status (-want +got):\n%s", diff)
			}
			converse(t, e)
		})
	}
}

// converse has e listen, transcribe and speak, at whatever level.
func converse(t *testing.T, e *local.Engine) {
	t.Helper()
	c := call(t, e, 8000)
	c.pause(time.Second)
	c.say(digits(t)[0].pcm)
	c.pause(time.Second)
	if len(c.edges) == 0 {
		t.Error("a spoken digit made no edge")
	}
	ended := 0
	for _, edge := range c.edges {
		if edge.Kind == pipeline.Ended {
			ended++
		}
	}
	if got := len(c.finals()); got != ended {
		t.Errorf("%d finals for %d turns", got, ended)
	}
	if pcm, _ := speak(t, e, "Please press one.", pipeline.Voice{Rate: 8000}); media.Samples(len(pcm), 8000) < 500*time.Millisecond {
		t.Errorf("%d samples spoken, want half a second at least", len(pcm))
	}
}

func TestDamagedModel(t *testing.T) {
	t.Parallel()
	whole(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "libonnxruntime.so"), []byte("not a library"), 0o644); err != nil {
		t.Fatal(err)
	}
	e := in(t, dir)
	<-e.Ready()
	if e.Status().Ear.Level == local.EarWebRTC && !strings.Contains(e.Status().Ear.Why, "load ONNX runtime") {
		t.Errorf("status %q, want one that says that the runtime could not be loaded", e.Status().Ear)
	}
}

// A call that comes before the models are loaded waits, as long as its context lasts.
func TestEarlyCallWaits(t *testing.T) {
	t.Parallel()
	e := local.New(local.Options{})
	if got := e.Status().Voice.Level; got != "loading" {
		t.Errorf("level %q before Run, want loading", got)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("hung up")
	cancel(cause)
	if _, err := e.Listen(ctx, pipeline.EarOptions{Rate: 8000}); !errors.Is(err, cause) {
		t.Errorf("Listen: %v, want %v", err, cause)
	}
	if _, err := e.Transcribe(ctx, pipeline.Listening{Rate: 8000}); !errors.Is(err, cause) {
		t.Errorf("Transcribe: %v, want %v", err, cause)
	}
	var last error
	for _, err := range e.Speak(ctx, once("hello"), pipeline.Voice{Rate: 8000}) {
		last = err
	}
	if !errors.Is(last, cause) {
		t.Errorf("Speak: %v, want %v", last, cause)
	}
}

func TestAfterRun(t *testing.T) {
	t.Parallel()
	whole(t)
	e := local.New(local.Options{Workers: 2})
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = e.Run(ctx) })
	c := call(t, e, 8000)
	c.pause(time.Second)
	stop()
	running.Wait()
	c.say(digits(t)[0].pcm) // an ear that outlives its engine hears nothing and breaks nothing
	c.pause(time.Second)
	c.finals()
	if _, err := e.Listen(t.Context(), pipeline.EarOptions{Rate: 8000}); !errors.Is(err, local.ErrClosed) {
		t.Errorf("Listen: %v, want %v", err, local.ErrClosed)
	}
}

// TestEndedWhileLoading: whoever ends an engine that still loads does not wait for models that nobody will ask.
func TestEndedWhileLoading(t *testing.T) {
	t.Parallel()
	whole(t)
	var log strings.Builder
	e := local.New(local.Options{Workers: 1, Log: slog.New(slog.NewTextHandler(&log, nil))})
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := e.Run(ctx); err != nil {
		t.Error(err)
	}
	if r := e.Status(); r.Recogniser.Level != local.RecogniserNone || r.Voice.Level != local.VoiceFlite || log.Len() > 0 {
		t.Errorf("it has loaded %+v, and says %q", r, log.String())
	}
}

func TestUnknownModel(t *testing.T) {
	t.Parallel()
	e := local.New(local.Options{STTModel: "huge"})
	if err := e.Run(t.Context()); err == nil || !strings.Contains(err.Error(), `STTModel is "huge"`) {
		t.Errorf("Run: %v, want an error that names STTModel", err)
	}
	if _, err := e.Listen(t.Context(), pipeline.EarOptions{Rate: 8000}); !errors.Is(err, local.ErrClosed) {
		t.Errorf("Listen: %v, want %v", err, local.ErrClosed)
	}
}

func TestHearingAllocatesNothing(t *testing.T) {
	e := whole(t)
	for _, rate := range []int{8000, 16000, 48000} {
		ear, err := e.Listen(t.Context(), pipeline.EarOptions{Rate: rate})
		if err != nil {
			t.Fatal(err)
		}
		pcm := at(t, digits(t)[1].pcm, rate)[:rate/50*20]
		i := 0
		hear := func() {
			ear.Hear(media.Frame{PCM: pcm[i%20*rate/50:][:rate/50], Rate: rate, At: time.Duration(i) * media.FrameTime})
			i++
		}
		for range 100 {
			hear()
		}
		if n := testing.AllocsPerRun(500, hear); n != 0 {
			t.Errorf("%v allocations a frame at %d Hz, want 0", n, rate)
		}
	}
}
