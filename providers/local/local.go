// Package local is speech without a key, a vendor or a network: a neural ear, recogniser and voice in this process.
//
//	frames ──▶ ear: gate ▶ Silero ▶ turns ──────────────▶ edges           on the goroutine that reads the leg
//	frames ──▶ transcription ─┐  guess, final, partial
//	                      │   ├─▶ pool of low-priority workers ─▶ Moonshine ──▶ transcripts
//	text ──▶ clauses ─────│───┘                              └──▶ Piper ──────▶ speech
//	                      └─────▶ a worker of its own ──────────▶ Smart Turn ─▶ how likely a guess is the end
//	             └─▶ espeak-ng, a child process: letters to phonemes
//
// One Engine serves all calls. It owns the models, each loaded once into one shared ONNX runtime, the workers, and the child
// process; Run frees them. An ear judges in line, with its own state swapped into one of a few sessions, and never waits for a
// worker. Final transcripts and spoken clauses go before guesses, and guesses before partial transcripts, which are made only
// when a worker would be idle.
//
// It degrades in steps and says so (Status): without the ONNX runtime the ear is WebRTC's, the voice is flite's and callers are
// understood by their keys alone; without Piper's model, or without espeak-ng, only the voice is flite's; without Smart Turn the end
// of a turn is told by words and silence alone.
//
// The models are Silero VAD v6 (embedded), Moonshine English, Smart Turn v3.2 and Piper "jenny" (fetched by deploy/setup.sh). The vocabulary
// embedded here is the Llama tokenizer's 32,000 pieces, from npm llama-tokenizer-js 1.2.2; Moonshine uses it.
package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"parley/pipeline"
	"parley/providers"
)

// Options fix an Engine. The zero value is ready for use.
type Options struct {
	Dir      string       // where the models are; default DefaultDir()
	STTModel string       // "tiny" (fast) or "base" (fewer mistakes, twice the processor time); default "tiny"
	Workers  int          // threads that recognise and speak; default one less than the processors, at least 1
	Exact    bool         // transcripts are left as recognised: Expect's words are not snapped to; default false
	Virtual  bool         // for a synctest bubble: recognition takes as long as it uses the processor (on Linux; elsewhere no time); default false
	Log      *slog.Logger // default: none
}

// Errors that callers may tell apart.
var (
	// ErrClosed says that the Engine is no longer running.
	ErrClosed = errors.New("local speech has stopped")
	// ErrOverloaded says that more was asked of the workers than they can do in useful time.
	ErrOverloaded error = overload("local speech is overloaded")
)

// overload is an error that is told from others by its method, for who sorts failures (providers.Class).
type overload string

func (o overload) Error() string { return string(o) }

// Overloaded says that more was asked than can be done.
func (overload) Overloaded() bool { return true }

// What an Engine can do where all of its models are installed.
var (
	Hears  = providers.Abilities{Streams: true, Turns: true, Cancels: true, Languages: "English"}
	Speaks = providers.Abilities{Streams: true, Words: true, Cancels: true, Languages: "English"}
)

// An Engine is the offline Listener, Transcriber and Synthesizer of all calls. Its methods may be called by any goroutine.
type Engine struct {
	dir    string
	stt    string
	exact  bool
	bound  bool // to a bubble's clock
	log    *slog.Logger
	pool   *pool
	judges *pool // of the ends of turns: the recogniser is not to wait for them, nor they for it
	cache  *cache

	ready chan struct{} // closed once the models are loaded, as far as they could be
	done  chan struct{} // closed when Run is ending

	mu     sync.Mutex
	models models // written by Run before ready is closed
}

// The three are one thing to the pipeline.
var (
	_ pipeline.Listener    = (*Engine)(nil)
	_ pipeline.Transcriber = (*Engine)(nil)
	_ pipeline.Synthesizer = (*Engine)(nil)
)

// models is what an Engine could load. A nil part is missing, and report says why.
type models struct {
	ear    earModel
	stt    recogniser
	turns  turnModel
	voice  voice // the best there is
	plain  voice // flite
	report Report
	close  func()
}

// An earModel judges hops of 256 samples at 8 kHz or 512 at 16 kHz.
type earModel interface {
	// judge returns the probability of speech in hop and carries m from one hop to the next. It allocates nothing.
	judge(m *memory, hop []int16) float32
}

// A recogniser turns speech into text. It may be used by all workers at once.
type recogniser interface {
	// recognise is given at most 16 s of mono at 16 kHz, within ±1. It gives up with errStopped soon after stop says so.
	recognise(pcm []float32, stop func() bool) (string, error)
}

// A voice speaks one clause at a time. It may be used by all workers at once.
type voice interface {
	// prepare does what needs no worker: it turns the clause into what say wants.
	prepare(ctx context.Context, c clause) (script, error)
	// say returns the sound at rate samples a second, without silence around it. It runs on a worker.
	say(ctx context.Context, s script, pace float64) (pcm []int16, rate int, err error)
}

// New makes an Engine and returns at once; Run loads and runs it.
func New(o Options) *Engine {
	if o.Dir == "" {
		o.Dir = DefaultDir()
	}
	if o.STTModel == "" {
		o.STTModel = "tiny"
	}
	if o.Workers <= 0 {
		o.Workers = max(1, runtime.NumCPU()-1)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Engine{
		dir: o.Dir, stt: o.STTModel, exact: o.Exact, bound: o.Virtual, log: o.Log,
		pool:   newPool(o.Workers),
		judges: newPool(1),
		cache:  newCache(cacheSize),
		ready:  make(chan struct{}),
		done:   make(chan struct{}),
		models: models{report: loading},
	}
}

// DefaultDir is where deploy/setup.sh puts the models: parley/speech in the user's cache directory, or in /var/cache for a user
// who has none.
func DefaultDir() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = "/var/cache"
	}
	return filepath.Join(dir, "parley", "speech")
}

// Run loads the models and works until ctx ends; then it frees them. Models that cannot be loaded are no error: see Status. Call
// it once.
func (e *Engine) Run(ctx context.Context) error {
	if e.stt != "tiny" && e.stt != "base" {
		close(e.done)
		e.pool.close()
		e.judges.close()
		return fmt.Errorf("load speech models: STTModel is %q: say tiny or base", e.stt)
	}
	began := time.Now()
	m := load(ctx, e.dir, e.stt, e.log)
	if ctx.Err() == nil { // else who waits for the end is not to wait for what nobody will ask
		e.warm(ctx, m)
		e.log.Info("speech models loaded", "took", time.Since(began).Round(time.Millisecond),
			"ear", m.report.Ear.Level, "recogniser", m.report.Recogniser.Level, "endpoint", m.report.Endpoint.Level, "voice", m.report.Voice.Level)
	}
	if e.bound && m.stt != nil {
		m.stt = charged{m.stt}
	}
	if e.bound && m.turns != nil {
		m.turns = chargedTurns{m.turns}
	}
	e.mu.Lock()
	e.models = m
	e.mu.Unlock()
	close(e.ready)
	var judging sync.WaitGroup
	if m.turns != nil {
		judging.Go(func() { e.judges.run(ctx) })
	}
	e.pool.run(ctx)
	judging.Wait()
	close(e.done)
	m.close()
	return nil
}

// warm has each model work once, so that the first caller does not pay for the memory that they set aside, or wait for espeak-ng.
func (e *Engine) warm(ctx context.Context, m models) {
	if m.stt != nil {
		if _, err := m.stt.recognise(make([]float32, sttRate), func() bool { return ctx.Err() != nil }); err != nil && ctx.Err() == nil {
			e.log.Warn("recogniser failed at its first try", "err", err)
		}
	}
	if m.turns != nil {
		if _, err := m.turns.finished(make([]float32, sttRate)); err != nil {
			e.log.Warn("judge of the ends of turns failed at its first try", "err", err)
		}
	}
	if m.voice != nil {
		s, err := m.voice.prepare(ctx, clause{words: say([]string{"Welcome", "to", "the", "line."})})
		if err == nil {
			_, _, err = m.voice.say(ctx, s, 1)
		}
		if err != nil && ctx.Err() == nil {
			e.log.Warn("voice failed at its first try", "err", err)
		}
	}
}

// Ready is closed once the models are loaded, as far as they could be.
func (e *Engine) Ready() <-chan struct{} { return e.ready }

// Status says what is at work and, where it is less than it could be, why and what would mend it.
func (e *Engine) Status() Report {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.models.report
}

// wait returns the models once they are loaded.
func (e *Engine) wait(ctx context.Context) (models, error) {
	select {
	case <-e.done:
		return models{}, ErrClosed
	default:
	}
	select {
	case <-e.ready:
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.models, nil
	case <-e.done:
		return models{}, ErrClosed
	case <-ctx.Done():
		return models{}, fmt.Errorf("wait for speech models: %w", context.Cause(ctx))
	}
}
