package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// vendors are what providers were asked for.
type vendors struct {
	requests   *prometheus.CounterVec
	failures   *prometheus.CounterVec
	first      *prometheus.HistogramVec
	tokens     *prometheus.CounterVec
	characters *prometheus.CounterVec
	sound      *prometheus.CounterVec
	fallbacks  *prometheus.CounterVec
	cost       *prometheus.CounterVec
	unpriced   *prometheus.CounterVec
	breakers   *prometheus.GaugeVec
	turnedAway *prometheus.CounterVec
	retries    *prometheus.CounterVec
	hedges     *prometheus.CounterVec
}

// The states of a breaker.
const (
	Closed = 0 // requests pass
	Open   = 1 // none does
	Trying = 2 // one does, to see how the provider is
)

// A Use is what a provider was asked for, and what came of it: providers.Use has the same fields, and says what they mean.
type Use struct {
	Provider string
	Kind     string
	Model    string
	Server   string

	Outcome string
	First   time.Duration

	Input, Output, Cached int
	Estimated             bool
	Characters            int
	Sound                 time.Duration
}

// Outcomes of a Use that are no failures.
const (
	useOK  = "ok"
	useCut = "cut"
)

func newVendors(k maker) vendors {
	return vendors{
		requests:   k.counter("parley_provider_requests_total", "What providers were asked for: answers of models (llm), utterances of voices (tts), whole transcriptions (stt); by outcome: ok, cut (nobody wanted the rest), failed.", "provider", "kind", "outcome"),
		failures:   k.counter("parley_provider_failures_total", "Requests to providers that failed, by class: late, auth, quota, refused, unavailable, overloaded, connection, silent, other.", "provider", "kind", "class"),
		first:      k.histogram("parley_provider_first_seconds", "Until the first of what a provider was asked for: a model's first words, a voice's first sound from when it had a clause, a recogniser's words from the end of the speech.", conversing, "provider", "kind"),
		tokens:     k.counter("parley_provider_tokens_total", "Tokens of models, by type; cached ones are among the input. Those of answers that were cut before the vendor told them are estimated.", "provider", "type"),
		characters: k.counter("parley_provider_characters_total", "Characters that voices were given to speak.", "provider"),
		sound:      k.counter("parley_provider_audio_seconds_total", "Sound that recognisers heard (stt) and voices made (tts).", "provider", "kind"),
		fallbacks:  k.counter("parley_provider_fallbacks_total", "Times that another provider took over, by the one that had failed.", "provider", "kind"),
		cost:       k.counter("parley_provider_cost_dollars_total", "What providers charge by the list of prices, in US dollars.", "provider", "kind"),
		unpriced:   k.counter("parley_provider_unpriced_total", "Uses that the list of prices has no price for.", "provider", "kind"),
		breakers:   k.gauge("parley_provider_breaker", "Whether requests reach a provider, of the server's own accounts: 0 they do, 1 none does since so many in a row have failed, 2 one does, to see how it is.", "provider", "kind"),
		turnedAway: k.counter("parley_provider_turned_away_total", "Requests that were not made: since the provider had failed too often (broken), or since no more may be made at once (full).", "provider", "kind", "why"),
		retries:    k.counter("parley_provider_retries_total", "Second tries, of voices and recognisers that failed at once.", "provider", "kind"),
		hedges:     k.counter("parley_provider_hedges_total", "Times that a model was asked as well since the one before it was slow; by whether it was first: won, lost.", "provider", "outcome"),
	}
}

// Expect has the series of a provider be there from the start, at zero; classes are those of its failures.
func (m *Metrics) Expect(provider, kind string, classes []string) {
	v := &m.vendors
	for _, outcome := range []string{useOK, useCut, "failed"} {
		v.requests.WithLabelValues(provider, kind, outcome)
	}
	for _, class := range classes {
		v.failures.WithLabelValues(provider, kind, class)
	}
	v.first.WithLabelValues(provider, kind)
	v.fallbacks.WithLabelValues(provider, kind)
	v.cost.WithLabelValues(provider, kind)
	v.unpriced.WithLabelValues(provider, kind)
	v.breakers.WithLabelValues(provider, kind)
	for _, why := range []string{"broken", "full"} {
		v.turnedAway.WithLabelValues(provider, kind, why)
	}
	if kind == "llm" {
		for _, outcome := range []string{"won", "lost"} {
			v.hedges.WithLabelValues(provider, outcome)
		}
		for _, t := range []string{"input", "output", "cached"} {
			v.tokens.WithLabelValues(provider, t)
		}
		return
	}
	v.retries.WithLabelValues(provider, kind)
	v.sound.WithLabelValues(provider, kind)
	if kind == "tts" {
		v.characters.WithLabelValues(provider)
	}
}

// Used counts a Use.
func (m *Metrics) Used(u Use) {
	v := &m.vendors
	switch u.Outcome {
	case "":
	case useOK, useCut:
		v.requests.WithLabelValues(u.Provider, u.Kind, u.Outcome).Inc()
	default:
		v.requests.WithLabelValues(u.Provider, u.Kind, "failed").Inc()
		v.failures.WithLabelValues(u.Provider, u.Kind, u.Outcome).Inc()
	}
	if u.First > 0 {
		v.first.WithLabelValues(u.Provider, u.Kind).Observe(u.First.Seconds())
	}
	for t, n := range map[string]int{"input": u.Input, "output": u.Output, "cached": u.Cached} {
		if n > 0 {
			v.tokens.WithLabelValues(u.Provider, t).Add(float64(n))
		}
	}
	if u.Characters > 0 {
		v.characters.WithLabelValues(u.Provider).Add(float64(u.Characters))
	}
	if u.Sound > 0 {
		v.sound.WithLabelValues(u.Provider, u.Kind).Add(u.Sound.Seconds())
	}
}

// Paid counts what a Use costs; known is false if nobody knows.
func (m *Metrics) Paid(provider, kind string, dollars float64, known bool) {
	if !known {
		m.vendors.unpriced.WithLabelValues(provider, kind).Inc()
	}
	if dollars > 0 {
		m.vendors.cost.WithLabelValues(provider, kind).Add(dollars)
	}
}

// Fell counts that a provider failed and another took over.
func (m *Metrics) Fell(provider, kind string) {
	m.vendors.fallbacks.WithLabelValues(provider, kind).Inc()
}

// Breaker shows the state of a provider's breaker.
func (m *Metrics) Breaker(provider, kind string, state float64) {
	m.vendors.breakers.WithLabelValues(provider, kind).Set(state)
}

// TurnedAway counts a request that was not made, and why: broken or full.
func (m *Metrics) TurnedAway(provider, kind, why string) {
	m.vendors.turnedAway.WithLabelValues(provider, kind, why).Inc()
}

// Retried counts a second try.
func (m *Metrics) Retried(provider, kind string) {
	m.vendors.retries.WithLabelValues(provider, kind).Inc()
}

// Hedged counts that a model was asked beside another, and whether it was first.
func (m *Metrics) Hedged(provider string, won bool) {
	outcome := "lost"
	if won {
		outcome = "won"
	}
	m.vendors.hedges.WithLabelValues(provider, outcome).Inc()
}
