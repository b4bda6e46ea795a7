package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"parley/pipeline"
)

// turns are what was said on calls, and how quickly.
type turns struct {
	events   *prometheus.CounterVec
	turns    *prometheus.CounterVec
	latency  *prometheus.HistogramVec
	tools    *prometheus.CounterVec
	searches *prometheus.HistogramVec
}

// kinds are all kinds of events.
var kinds = []pipeline.EventKind{
	pipeline.CallStarted, pipeline.Answered, pipeline.SpeechBegan, pipeline.SpeechEnded, pipeline.Transcribed, pipeline.KeyPressed,
	pipeline.AgentPressed, pipeline.ReplyBegan, pipeline.Filled, pipeline.Interrupted, pipeline.FalseAlarm, pipeline.Backchannel, pipeline.Echo,
	pipeline.FellSilent, pipeline.Drifted, pipeline.ToolUsed, pipeline.Collected, pipeline.Commanded, pipeline.CommandFailed,
	pipeline.Transferred, pipeline.Bridged, pipeline.Unbridged,
	pipeline.AgentChanged, pipeline.ProviderFail, pipeline.Spoken, pipeline.TurnEnded, pipeline.CallEnded,
}

// reasons are all for which an agent may speak.
var reasons = []pipeline.Reason{
	pipeline.ForGreeting, pipeline.ForWords, pipeline.ForKeys, pipeline.ForSilence, pipeline.ForToolResult, pipeline.ForCommand,
}

func newTurns(k maker) turns {
	t := turns{
		events:  k.counter("parley_events_total", "Events of calls, by kind.", "kind"),
		turns:   k.counter("parley_turns_total", "Turns of the agent, by what asked for them and whether the caller cut in.", "why", "cut"),
		latency: k.histogram("parley_turn_latency_seconds", "Where the time of an answer to the caller's words went, by stage, each from the end of the one before; voice_to_voice is the whole.", conversing, "stage"),
		tools:   k.counter("parley_tools_total", "Tools that models asked for, by whether they were told an error.", "outcome"),
		searches: k.histogram("parley_knowledge_search_seconds", "Searches of agents' documents on calls, by outcome.",
			[]float64{.001, .0025, .005, .01, .025, .05, .1, .15, .25, .5, 1, 2.5, 5}, "outcome"),
	}
	for _, kind := range kinds {
		t.events.WithLabelValues(string(kind))
	}
	for _, why := range reasons {
		t.turns.WithLabelValues(string(why), told(false))
		t.turns.WithLabelValues(string(why), told(true))
	}
	for stage := range (pipeline.Latency{}).Stages() {
		t.latency.WithLabelValues(stage)
	}
	for _, outcome := range []string{"ok", "error"} {
		t.tools.WithLabelValues(outcome)
	}
	for _, outcome := range []string{"found", "empty", "late", "failed", "cold"} {
		t.searches.WithLabelValues(outcome)
	}
	return t
}

func (m *Metrics) turn(t *pipeline.Turn) {
	m.turns.turns.WithLabelValues(string(t.Why), told(t.Cut)).Inc()
	if t.Why == pipeline.ForGreeting && t.At > 0 {
		m.calls.setup.WithLabelValues(toGreeting).Observe(t.At.Seconds())
	}
	for stage, d := range t.Latency.Stages() {
		if d > 0 {
			m.turns.latency.WithLabelValues(stage).Observe(d.Seconds())
		}
	}
	m.turns.tools.WithLabelValues("error").Add(float64(t.Counts.ToolErrors))
	m.turns.tools.WithLabelValues("ok").Add(float64(max(t.Counts.Tools-t.Counts.ToolErrors, 0)))
	if l := t.Lookup; l != nil && l.Took > 0 { // else it was known from before
		outcome := l.Err
		if outcome == "" {
			if outcome = "empty"; len(l.Sources) > 0 {
				outcome = "found"
			}
		}
		m.turns.searches.WithLabelValues(outcome).Observe(l.Took.Seconds())
	}
}
