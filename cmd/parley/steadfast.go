package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"parley/pipeline"
	"parley/providers"
)

// fallbacks are the settings by which calls outlive the failures of vendors: docs/failover.md.
type fallbacks struct {
	STTFallback []string `name:"stt-fallback" help:"Recognisers that take over on a call, in this order, when the one that was chosen fails: such as deepgram,local. Empty: none." placeholder:"VENDOR" var:"PARLEY_STT_FALLBACK"`
	LLMFallback []string `name:"llm-fallback" help:"Vendors whose language models answer, in this order, when the one that was chosen fails: such as anthropic,openai. Empty: none." placeholder:"VENDOR" var:"PARLEY_LLM_FALLBACK"`
	TTSFallback []string `name:"tts-fallback" help:"Voices that speak on, in this order, when the one that was chosen fails: such as elevenlabs,local; auto: the local one, where local speech is loaded; none." default:"auto" placeholder:"VENDOR" var:"PARLEY_TTS_FALLBACK"`

	LLMHedge time.Duration `name:"llm-hedge" help:"Where there is a fallback, how long a model may take for its first word before the next one is asked as well: who is first answers, the other is cancelled; up to 10s. 0: it is not." default:"1s" var:"PARLEY_LLM_HEDGE"`

	VendorLimits []string `name:"vendor-limits" help:"Requests that may be made at a vendor at once by this node, such as elevenlabs=15 or deepgram/stt=100,deepgram/tts=40 (kinds: stt, llm, tts): what is more waits for half a second, and is then another's. Empty: any number." placeholder:"VENDOR=N" var:"PARLEY_VENDOR_LIMITS"`
}

// check says what is wrong with the settings.
func (f *fallbacks) check() (bad []error) {
	if f.LLMHedge < 0 || f.LLMHedge > 10*time.Second {
		bad = append(bad, fmt.Errorf("--llm-hedge is %v: want 0 to 10s", f.LLMHedge))
	}
	for _, text := range f.VendorLimits {
		if _, _, err := vendorLimit(text); err != nil {
			bad = append(bad, fmt.Errorf("--vendor-limits: %w", err))
		}
	}
	return bad
}

// vendorLimit reads one limit, of a vendor or of one kind of its work.
func vendorLimit(text string) (of string, n int, err error) {
	of, number, _ := strings.Cut(strings.TrimSpace(text), "=")
	n, err = strconv.Atoi(number)
	vendor, kind, some := strings.Cut(of, "/")
	if err != nil || n < 1 || vendor == "" || some && !slices.Contains([]string{providers.STT, providers.LLM, providers.TTS}, kind) {
		return "", 0, fmt.Errorf("has %q: want a vendor and a number of 1 or more, such as elevenlabs=15 or deepgram/stt=100", text)
	}
	return of, n, nil
}

// limit is how many requests may be made at a vendor at once; 0: any number.
func (f *fallbacks) limit(vendor, kind string) (limit int) {
	for _, text := range f.VendorLimits {
		switch of, n, _ := vendorLimit(text); of { // it has been checked
		case vendor + "/" + kind:
			return n
		case vendor:
			limit = n
		}
	}
	return limit
}

// needsLocal says whether local speech is named, and so has to be loaded.
func (f *fallbacks) needsLocal() bool {
	return slices.Contains(f.STTFallback, "local") || slices.Contains(f.TTSFallback, "local")
}

// ofVendor is one of a list of providers, with its vendor's name.
type ofVendor[T any] struct {
	vendor string
	of     T
}

// stand keeps the calls of one account of each vendor on their feet: it guards vendors, and puts others behind them.
//
//	role ──▶ Voices, Recognisers, Models ──▶ Cache ──▶ Guard ──▶ Meter ──▶ vendor
//	              └──▶ the next: Guard ──▶ Meter ──▶ another vendor
type stand struct {
	set   *fallbacks
	tally tally
	own   bool // the server's: how its breakers are is told
	log   *slog.Logger

	mu     sync.Mutex
	guards map[string]*providers.Guard // by vendor and kind
	voices []*providers.Voices
}

// guard is the one before a vendor's work of a kind.
func (s *stand) guard(vendor, kind string) *providers.Guard {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := vendor + "/" + kind
	if g := s.guards[name]; g != nil {
		return g
	}
	g := &providers.Guard{Provider: vendor, Kind: kind, Limit: s.set.limit(vendor, kind), Told: func(news string) { s.guarded(vendor, kind, news) }}
	if vendor == "local" { // it says itself when it has too much to do, and is never away
		g.Trip, g.Retries = -1, -1
	}
	if s.guards == nil {
		s.guards = map[string]*providers.Guard{}
	}
	s.guards[name] = g
	return g
}

// guarded passes on what a guard tells.
func (s *stand) guarded(vendor, kind, news string) {
	switch news {
	case providers.BreakerOpened:
		s.log.Warn("a vendor fails again and again, and is given a rest", "vendor", vendor, "kind", kind)
	case providers.BreakerClosed:
		s.log.Info("a vendor is well again", "vendor", vendor, "kind", kind)
	}
	if s.tally.guarded != nil {
		s.tally.guarded(vendor, kind, news, s.own)
	}
}

// failed tells of a failure that a call was spared.
func (s *stand) failed(kind, vendor, next string, err error) {
	s.log.Warn("a vendor has failed, another takes over", "vendor", vendor, "kind", kind, "next", next, "error", err)
	if s.tally.fell != nil {
		s.tally.fell(vendor, kind)
	}
}

// probeEvery is how often a voice that has failed is asked for a word.
const probeEvery = 5 * time.Second

// speaking is a voice with others behind it.
func (s *stand) speaking(all []ofVendor[pipeline.Synthesizer]) pipeline.Synthesizer {
	if len(all) == 1 {
		return all[0].of
	}
	v := &providers.Voices{Probe: probeEvery, Failed: func(voice, next int, err error) {
		s.failed(providers.TTS, all[voice].vendor, all[next].vendor, err)
	}}
	for _, one := range all {
		v.All = append(v.All, one.of)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.voices = append(s.voices, v)
	return v
}

// hearing is a recogniser with others behind it. Each role has one of its own, and tries what has failed again after a rest: nothing
// goes on in the background.
func (s *stand) hearing(all []ofVendor[providers.Recogniser]) pipeline.Transcriber {
	if len(all) == 1 {
		return all[0].of.Transcriber
	}
	r := &providers.Recognisers{Failed: func(one, next int, err error) {
		s.failed(providers.STT, all[one].vendor, all[next].vendor, err)
	}}
	for _, one := range all {
		r.All = append(r.All, one.of)
	}
	return r
}

// thinking is a model with others behind it, as hearing is.
func (s *stand) thinking(all []ofVendor[pipeline.Responder]) pipeline.Responder {
	if len(all) == 1 {
		return all[0].of
	}
	m := &providers.Models{
		Hedge: s.set.LLMHedge,
		Failed: func(one, next int, err error) {
			s.failed(providers.LLM, all[one].vendor, all[next].vendor, err)
		},
		Hedged: func(_, next int, won bool) {
			if s.tally.hedged != nil {
				s.tally.hedged(all[next].vendor, won)
			}
		},
	}
	for _, one := range all {
		m.All = append(m.All, one.of)
	}
	return m
}

// close ends what goes on in the background.
func (s *stand) close() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.voices {
		_ = v.Close() // it has nothing to say
	}
}

// behind are the vendors that stand behind one, in their order: of those that are named, those that there are.
func behind(vendor string, names []string, there func(string) bool) (all []string) {
	for _, name := range names {
		if name != vendor && there(name) && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// ttsFallback are the voices that stand behind others.
func (v *vendors) ttsFallback() []string {
	names := v.stand.set.TTSFallback
	switch {
	case slices.Equal(names, []string{"auto"}):
		return []string{"local"}
	case slices.Equal(names, []string{"none"}):
		return nil
	}
	return names
}

// checkFallbacks says which of the vendors that are named cannot be used.
func (v *vendors) checkFallbacks() error {
	set := v.stand.set
	for _, f := range []struct {
		flag  string
		names []string
		there func(string) bool
	}{
		{"stt", set.STTFallback, v.listensBy}, {"llm", set.LLMFallback, v.thinksBy}, {"tts", v.ttsFallback(), v.has},
	} {
		for _, name := range f.names {
			if !f.there(name) && (f.flag != "tts" || !slices.Equal(set.TTSFallback, []string{"auto"})) {
				return usageError{fmt.Errorf("--%s-fallback names %s, which cannot be used here for that: it is unknown, or there is no key of it", f.flag, name)}
			}
		}
	}
	return nil
}

func (v *vendors) thinksBy(vendor string) bool { return v.models[vendor] != nil }

func (v *vendors) listensBy(vendor string) bool {
	return v.opened[vendor].stt != nil
}

// standBehind puts voices behind voices.
func (v *vendors) standBehind(plain map[string]pipeline.Synthesizer) {
	for name, s := range v.speakers {
		all := []ofVendor[pipeline.Synthesizer]{{name, s.known}}
		for _, next := range behind(name, v.ttsFallback(), v.has) {
			all = append(all, ofVendor[pipeline.Synthesizer]{next, plain[next]})
		}
		v.speakers[name] = speaker{s.known, v.stand.speaking(all)}
	}
}

// hearing is a vendor's recogniser, with a model of its own (empty: the usual one), and others behind it.
func (v *vendors) hearing(vendor, model string, c *config) (pipeline.Transcriber, error) {
	first, err := v.recogniser(vendor, model, c)
	if err != nil {
		return nil, err
	}
	all := []ofVendor[providers.Recogniser]{{vendor, providers.Recogniser{Transcriber: first, Turns: findsTurns(vendor, model, c)}}}
	for _, name := range behind(vendor, v.stand.set.STTFallback, v.listensBy) {
		next, err := v.recogniser(name, "", c)
		if err != nil {
			return nil, err
		}
		all = append(all, ofVendor[providers.Recogniser]{name, providers.Recogniser{Transcriber: next, Turns: findsTurns(name, "", c)}})
	}
	return v.stand.hearing(all), nil
}

// findsTurns says whether a vendor's model of recognition finds the ends of turns itself, which may depend on how it is to listen; an empty one is
// the usual. Nil: it never does.
func findsTurns(vendor, model string, c *config) func(pipeline.Listening) bool {
	known := entryOf(vendor).hears
	if known.turns == nil {
		return nil
	}
	model = cmp.Or(model, known.model(c))
	return func(o pipeline.Listening) bool { return known.turns(model, o) }
}

// thinking is a vendor's model as settings want it, and others' behind it.
func (v *vendors) thinking(vendor, name string, model pipeline.Responder, c *config) pipeline.Responder {
	guarded := func(vendor, name string, model pipeline.Responder) ofVendor[pipeline.Responder] {
		return ofVendor[pipeline.Responder]{vendor, v.stand.guard(vendor, providers.LLM).Responder(v.meter(vendor, providers.LLM, name).Responder(model))}
	}
	all := []ofVendor[pipeline.Responder]{guarded(vendor, name, model)}
	for _, next := range behind(vendor, v.stand.set.LLMFallback, v.thinksBy) {
		all = append(all, guarded(next, entryOf(next).thinks.model(c), v.models[next]))
	}
	return v.stand.thinking(all)
}

// warmFallbacks opens connections to those who may have to take over, so that they need not be opened then.
func (v *vendors) warmFallbacks(ctx context.Context, log *slog.Logger) {
	for _, name := range behind(v.mind, v.stand.set.LLMFallback, v.thinksBy) {
		if err := v.models[name].Warm(ctx); err != nil {
			log.Warn("the language model that would take over does not answer", "vendor", name, "error", err)
		}
	}
	for _, name := range behind(v.speaks, v.ttsFallback(), v.has) {
		if err := v.warmVoice(ctx, name); err != nil {
			log.Warn("the voice that would take over does not answer", "vendor", name, "error", err)
		}
	}
}
