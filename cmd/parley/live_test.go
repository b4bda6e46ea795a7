package main

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"parley/bench/carrier"
	"parley/control/price"
	"parley/media"
	"parley/pipeline"
	"parley/providers"
	"parley/providers/providertest"
)

// TestLive has each vendor hear, think and speak a sentence, for money: with PARLEY_LIVE=1, by the keys that are set. What it does not try, it
// names. docs/providers.md says what it costs.
func TestLive(t *testing.T) {
	if os.Getenv("PARLEY_LIVE") != "1" {
		t.Skip("PARLEY_LIVE is not 1: no vendor is asked")
	}
	env := map[string]string{}
	for _, kv := range os.Environ() {
		name, value, _ := strings.Cut(kv, "=")
		env[name] = value
	}
	exam{wrong: 0.5, answer: "Paris"}.of(t, env)
}

// TestLiveOfStandIns: the test above works, where no vendor is.
func TestLiveOfStandIns(t *testing.T) {
	t.Parallel()
	exam{wrong: 10}.of(t, fakes(t))
}

// An exam is what vendors have to come up to.
type exam struct {
	wrong  float64 // most of the words, as a share
	answer string  // what a model says of the capital of France
}

// of examines the vendors that settings have accounts of.
func (x exam) of(t *testing.T, env map[string]string) {
	t.Helper()
	cfg, err := parseServe(t, env, "--ear", "energy", "--stt", "auto", "--tts", "auto", "--llm", "auto")
	if err != nil {
		t.Fatal(err)
	}
	prices, err := price.Load(cfg.Prices)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range table {
		if e.name == "local" { // it has tests of its own
			continue
		}
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			if !e.there(&cfg) {
				t.Skipf("%s is not asked: %s is not set", e.name, needs(e))
			}
			bill := &price.Bill{}
			told := tally{used: func(u providers.Use) { bill.Add(price.Use(u)) }}
			v := &vendors{opened: map[string]opened{}, tally: told, stand: &stand{set: &cfg.fallbacks, tally: told, log: slog.New(slog.DiscardHandler)}}
			o := e.open(&cfg, wiring{log: slog.New(slog.DiscardHandler)})
			v.opened[e.name] = o
			if o.close != nil {
				defer func() { _ = o.close() }() // it has said what there was to say
			}
			if o.stt != nil {
				t.Run("stt", func(t *testing.T) { x.ears(t, v, e, &cfg) })
			}
			if o.llm != nil {
				t.Run("llm", func(t *testing.T) { x.model(t, v, e, &cfg) })
			}
			if o.tts != nil {
				t.Run("tts", func(t *testing.T) { x.voice(t, v, e, &cfg) })
			}
			if c := prices.Total(bill); c != nil {
				t.Logf("%s: $%.6f; without a price: %v", e.name, c.Total, c.Unknown)
			}
		})
	}
}

// liveWait is how long a vendor may take for a sentence.
const liveWait = 30 * time.Second

// ears has recorded speech be heard, as fast as it was spoken.
func (x exam) ears(t *testing.T, v *vendors, e *entry, c *config) {
	ctx, cancel := context.WithTimeout(t.Context(), liveWait)
	defer cancel()
	said, err := carrier.Library{}.Open("conf-getpin")
	if err != nil {
		t.Fatalf("recorded speech: %v; make setup-test", err)
	}
	ears, err := v.recogniser(e.name, "", c)
	if err != nil {
		t.Fatal(err)
	}
	open, err := ears.Transcribe(ctx, pipeline.Listening{Rate: carrier.Rate, Lang: "en-US"})
	if err != nil {
		t.Fatal(err)
	}
	words := make(chan string, 1)
	go func() {
		var all []string
		for r, err := range open.Results() {
			switch {
			case err != nil:
				t.Errorf("it fails: %v", err)
			case r.Kind == pipeline.Final, r.Kind == pipeline.EndOfTurn:
				all = append(all, r.Text)
			}
		}
		words <- strings.Join(all, " ")
	}()
	beat := time.NewTicker(media.FrameTime)
	defer beat.Stop()
	const frame = carrier.Rate / 50
	pcm, at := append(said.PCM, make([]int16, 2*carrier.Rate)...), time.Duration(0)
	spoken := time.Duration(len(said.PCM)) * time.Second / carrier.Rate
	for began, ended := false, false; len(pcm) >= frame; pcm = pcm[frame:] {
		if !began {
			began = true
			_ = open.Mark(pipeline.Edge{Kind: pipeline.Began, N: 1, At: at, Sure: true})
		}
		if err := open.Write(media.Frame{PCM: pcm[:frame], Rate: carrier.Rate, At: at}); err != nil {
			t.Errorf("it takes no more: %v", err)
			break
		}
		if at += media.FrameTime; !ended && at >= spoken {
			ended = true
			_ = open.Mark(pipeline.Edge{Kind: pipeline.Ended, N: 1, At: at})
		}
		<-beat.C
	}
	if err := open.Close(); err != nil {
		t.Error(err)
	}
	heard := <-words
	var rate providertest.WER
	rate.Add(said.Text, heard)
	t.Logf("said %q, heard %q", said.Text, heard)
	if rate.Rate() > x.wrong || heard == "" {
		t.Errorf("%.0f %% of the words are wrong", rate.Rate()*100)
	}
}

// model has a model answer.
func (x exam) model(t *testing.T, v *vendors, e *entry, c *config) {
	ctx, cancel := context.WithTimeout(t.Context(), liveWait)
	defer cancel()
	talk := pipeline.Talk{
		Turn: 1, Why: pipeline.ForWords, Agent: &pipeline.Agent{Prompt: "Answer in one short sentence."},
		History: []pipeline.Message{{Role: pipeline.Caller, Text: "What is the capital of France?"}},
	}
	var text strings.Builder
	began, first := time.Now(), time.Duration(0)
	for d, err := range v.meter(e.name, providers.LLM, e.thinks.model(c)).Responder(v.opened[e.name].llm).Respond(ctx, talk) {
		if err != nil {
			t.Fatal(err)
		}
		if d.Text != "" && first == 0 {
			first = time.Since(began)
		}
		text.WriteString(d.Text)
	}
	t.Logf("after %v: %q", first.Round(time.Millisecond), text.String())
	if text.Len() == 0 || !strings.Contains(text.String(), x.answer) {
		t.Errorf("it does not say %q", x.answer)
	}
}

// voice has a voice speak.
func (x exam) voice(t *testing.T, v *vendors, e *entry, c *config) {
	ctx, cancel := context.WithTimeout(t.Context(), liveWait)
	defer cancel()
	words := func(yield func(string, error) bool) {
		_ = yield("Good evening, ", nil) && yield("this is a test.", nil)
	}
	began, first, samples, timed := time.Now(), time.Duration(0), 0, 0
	for s, err := range v.voiceMeter(e.name, c).Synthesizer(v.opened[e.name].tts).Speak(ctx, words, pipeline.Voice{Rate: narrowband, Lang: "en-US"}) {
		if err != nil {
			t.Fatal(err)
		}
		if len(s.PCM) > 0 && first == 0 {
			first = time.Since(began)
		}
		samples, timed = samples+len(s.PCM), timed+len(s.Words)
	}
	length := media.Samples(samples, narrowband)
	t.Logf("after %v: %v of sound, %d words with times", first.Round(time.Millisecond), length.Round(time.Millisecond), timed)
	if length < time.Second || length > 10*time.Second {
		t.Errorf("it speaks for %v", length)
	}
	if e.speaks.Words && timed == 0 {
		t.Error("no word has a time")
	}
}
