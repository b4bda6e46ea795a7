package main

import (
	"bytes"
	"errors"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/media"
	"parley/pipeline"
	"parley/providers"
	"parley/providers/providertest"
)

// TestFallbackSettingsRefused: each by its name.
func TestFallbackSettingsRefused(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"--llm-hedge":     {"--llm-hedge=11s"},
		"--vendor-limits": {"--vendor-limits=deepgram"},
		`"acme/x=1"`:      {"--vendor-limits=acme/x=1"},
		`"acme=0"`:        {"--vendor-limits=acme=0"},
	} {
		c, err := parseServe(t, nil, args...)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", args, err)
		}
	}
	for want, args := range map[string][]string{
		"--stt-fallback names deepgram":  {"--stt-fallback=deepgram", "--ear=energy"},
		"--stt-fallback names anthropic": {"--stt-fallback=anthropic", "--anthropic-api-key=k"},
		"--llm-fallback names anthropic": {"--llm-fallback=anthropic"},
		"--tts-fallback names acme":      {"--tts-fallback=acme"},
	} {
		c, err := parseServe(t, nil, args...)
		if err != nil {
			t.Fatal(err)
		}
		_, err = newVendors(&c, tally{}, slog.New(slog.DiscardHandler))
		if _, ok := errors.AsType[usageError](err); !ok || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", args, err)
		}
	}
}

func TestVendorLimits(t *testing.T) {
	t.Parallel()
	f := fallbacks{VendorLimits: []string{"deepgram=40", "deepgram/stt=100", "elevenlabs/tts=15"}}
	for of, want := range map[[2]string]int{
		{"deepgram", "stt"}: 100, {"deepgram", "tts"}: 40, {"elevenlabs", "tts"}: 15, {"elevenlabs", "stt"}: 0, {"openai", "llm"}: 0,
	} {
		if got := f.limit(of[0], of[1]); got != want {
			t.Errorf("of %v: %d, want %d", of, got, want)
		}
	}
}

// twoVoices is a server with two voices over fakes, and what it tells.
func twoVoices(t *testing.T, first providertest.Trouble) (*vendors, *providertest.Deepgram, *providertest.ElevenLabs, *tolds) {
	t.Helper()
	voice := &providertest.Deepgram{Speak: first}
	next := &providertest.ElevenLabs{}
	c, err := parseServe(t, map[string]string{
		"PARLEY_STT": "deepgram", "PARLEY_TTS": "deepgram", "PARLEY_EAR": "energy", "PARLEY_TTS_FALLBACK": "elevenlabs",
		"DEEPGRAM_API_KEY": "k", "DEEPGRAM_BASE_URL": providertest.StartDeepgram(t, voice),
		"ELEVENLABS_API_KEY": "k", "ELEVENLABS_BASE_URL": providertest.StartElevenLabs(t, next),
		"OPENAI_BASE_URL": providertest.StartOpenAI(t, &providertest.OpenAI{}),
	})
	if err != nil {
		t.Fatal(err)
	}
	told := &tolds{}
	var log bytes.Buffer
	v, err := newVendors(&c, tally{
		fell:    func(provider, kind string) { told.add(provider + " " + kind + " fell") },
		guarded: func(provider, kind, news string, own bool) { told.add(provider + " " + kind + " " + news) },
	}, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.close(); err != nil {
			t.Error(err)
		}
	})
	return v, voice, next, told
}

// tolds are what a tally was told.
type tolds struct {
	mu  sync.Mutex
	all []string
}

func (t *tolds) add(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, what)
}

// TestStandbysAreWarm: who may have to take over has a connection before it is needed (livekit/agents-js 6589), and it is that one which
// is used then.
func TestStandbysAreWarm(t *testing.T) {
	t.Parallel()
	v, _, next, told := twoVoices(t, providertest.Trouble{Fault: providertest.Refuse, Status: 401})
	v.warm(t.Context(), slog.New(slog.DiscardHandler))
	if n := next.Counts().Sockets.Load(); n != 1 {
		t.Fatalf("the voice that stands by has %d connections", n)
	}
	var text iter.Seq2[string, error] = func(yield func(string, error) bool) { yield("Good morning.", nil) }
	began, sound := time.Now(), time.Duration(0)
	for s, err := range v.speakers["deepgram"].tts.Speak(t.Context(), text, pipeline.Voice{Rate: 8000, Lang: "en-US"}) {
		if err != nil {
			t.Fatal(err)
		}
		sound += media.Samples(len(s.PCM), 8000)
	}
	if sound < 500*time.Millisecond || next.Counts().Sockets.Load() != 1 {
		t.Errorf("%v of sound after %v, by %d connections", sound, time.Since(began), next.Counts().Sockets.Load())
	}
	if diff := cmp.Diff([]string{"deepgram tts fell"}, told.all); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// TestWhoFindsTurns: whether a recogniser finds the ends of turns may depend on how it is to listen.
func TestWhoFindsTurns(t *testing.T) {
	t.Parallel()
	c := &config{}
	c.DeepgramSTTModel = "nova-3"
	for _, one := range []struct {
		vendor, model, lang string
		want                bool
	}{
		{"cartesia", "", "", true}, {"cartesia", "", "en-GB", true}, {"cartesia", "", "de", false}, {"cartesia", "ink-whisper", "en", false},
		{"deepgram", "", "en", false}, {"deepgram", "flux-general-multi", "de", true}, {"local", "", "en", false},
	} {
		turns := findsTurns(one.vendor, one.model, c)
		if got := turns != nil && turns(pipeline.Listening{Lang: one.lang}); got != one.want {
			t.Errorf("%+v: %v", one, got)
		}
	}
}

// TestVoskModels: agents may name the models of vosk-server that the operator has listed, and no other path on that server.
func TestVoskModels(t *testing.T) {
	t.Parallel()
	c, _ := companyOf(t, map[string]string{"VOSK_URL": "ws://127.0.0.1:2700", "PARLEY_STT": "vosk", "PARLEY_VOSK_MODEL": "/m/en", "PARLEY_VOSK_MODELS": "/m/de,/m/fr"})
	for model, ok := range map[string]bool{"": true, "/m/en": true, "/m/fr": true, "/m/../etc": false, "/m/it": false} {
		if _, err := c.vendors.hearing("vosk", model, c.cfg); (err == nil) != ok {
			t.Errorf("%q: %v", model, err)
		}
	}
}

// TestStandingOrder: who stands behind whom.
func TestStandingOrder(t *testing.T) {
	t.Parallel()
	c, _ := companyOf(t, map[string]string{
		"PARLEY_STT": "deepgram", "PARLEY_TTS": "elevenlabs", "PARLEY_LLM": "anthropic", "DEEPGRAM_API_KEY": "k", "ELEVENLABS_API_KEY": "k",
		"ANTHROPIC_API_KEY": "k", "OPENAI_API_KEY": "k", "PARLEY_DEEPGRAM_STT_MODEL": "flux-general-en",
		"PARLEY_STT_FALLBACK": "deepgram,local", "PARLEY_TTS_FALLBACK": "elevenlabs,deepgram,local", "PARLEY_LLM_FALLBACK": "openai,anthropic",
	})
	v := c.vendors
	if r, ok := v.stt.(*providers.Recognisers); !ok || len(r.All) != 2 || !r.All[0].Turns(pipeline.Listening{}) || r.All[1].Turns != nil || providers.Unguarded(r.All[1].Transcriber) != pipeline.Transcriber(v.engine) {
		t.Errorf("it hears by %+v", v.stt)
	}
	for vendor, want := range map[string]int{"elevenlabs": 3, "deepgram": 3, "local": 3} {
		if s, ok := v.speakers[vendor].tts.(*providers.Voices); !ok || len(s.All) != want || s.All[0] != pipeline.Synthesizer(v.speakers[vendor].known) {
			t.Errorf("%s speaks by %+v", vendor, v.speakers[vendor].tts)
		}
	}
	if m, ok := v.thinking("openai", "", v.models["openai"], c.cfg).(*providers.Models); !ok || len(m.All) != 2 || m.Hedge != time.Second || providers.Unguarded(m.All[1]) != pipeline.Responder(v.models["anthropic"]) {
		t.Error("openai's model has not Anthropic's behind it")
	}
}
