package metrics

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"parley/media"
	"parley/pipeline"
)

// calls are counted as they come and go.
type calls struct {
	live    *prometheus.GaugeVec
	started *prometheus.CounterVec
	ended   *prometheus.CounterVec
	length  *prometheus.HistogramVec
	setup   *prometheus.HistogramVec
	faults  *prometheus.CounterVec
	tapes   *prometheus.CounterVec
	missing prometheus.Counter
}

// Directions of calls.
const (
	inbound  = "inbound"
	outbound = "outbound"
)

// causes are all for which a call may end.
var causes = []media.Cause{
	media.CauseCaller, media.CauseAgent, media.CauseTransfer, media.CauseSilence, media.CauseMaxLength, media.CauseProvider, media.CauseCarrier, media.CauseMedia,
	media.CauseOverrun, media.CauseShutdown, media.CausePanic, media.CauseMachine, media.CauseFax, media.CauseNobody, media.CauseCancelled,
	media.CauseRejected,
}

// parts are those of a call that may fail.
var parts = []string{"responder", "voice", "transcriber", "ear", "tap"}

// What became of a call's recording.
const (
	Recorded    = "recorded"
	NotRecorded = "not_recorded" // it could not be begun
	CutShort    = "cut_short"    // the disk failed before the call's end
)

// Stages of setting a call up.
const (
	toAgent    = "agent"    // its leg was answered -> agent, ear, recogniser and voice are ready
	toGreeting = "greeting" // its leg was answered -> the agent's first frame, where it begins the conversation
)

func newCalls(k maker, legs []string) calls {
	c := calls{
		live:    k.gauge("parley_calls_live", "Calls in progress.", "leg", "direction"),
		started: k.counter("parley_calls_started_total", "Calls whose sound has come.", "leg", "direction"),
		ended:   k.counter("parley_calls_total", "Calls that ended, by cause.", "leg", "direction", "cause"),
		length:  k.histogram("parley_call_duration_seconds", "Length of ended calls.", lasting, "leg", "direction"),
		setup: k.histogram("parley_call_setup_seconds",
			"From the answer of a call's leg until its agent, ear, recogniser and voice were ready (agent), and until the first frame of a greeting (greeting).", conversing, "stage"),
		faults: k.counter("parley_call_faults_total", "Parts of calls that failed so that the caller may have noticed, by part; parley_provider_failures_total has the vendors.", "part"),
		tapes:  k.counter("parley_recordings_total", "Recordings of ended calls, by what became of them: recorded, not_recorded (it could not be begun), cut_short (the disk failed).", "outcome"),
	}
	c.missing = k.counter("parley_recording_frames_lost_total", "Frames of 20 ms that recordings lost, since the disk was slow or full.").WithLabelValues()
	for _, leg := range legs {
		for _, direction := range []string{inbound, outbound} {
			c.live.WithLabelValues(leg, direction)
			c.started.WithLabelValues(leg, direction)
			c.length.WithLabelValues(leg, direction)
			for _, cause := range causes {
				c.ended.WithLabelValues(leg, direction, string(cause))
			}
		}
	}
	for _, stage := range []string{toAgent, toGreeting} {
		c.setup.WithLabelValues(stage)
	}
	for _, part := range parts {
		c.faults.WithLabelValues(part)
	}
	for _, outcome := range []string{Recorded, NotRecorded, CutShort} {
		c.tapes.WithLabelValues(outcome)
	}
	return c
}

func direction(i media.Info) string {
	if i.Outbound {
		return outbound
	}
	return inbound
}

// Begin counts a call whose leg was answered, until done is told how it ended.
func (m *Metrics) Begin(i media.Info) (done func(pipeline.Ending)) {
	way := direction(i)
	m.calls.started.WithLabelValues(i.Kind, way).Inc()
	live := m.calls.live.WithLabelValues(i.Kind, way)
	live.Inc()
	return func(e pipeline.Ending) {
		live.Dec()
		if errors.Is(e.Err, pipeline.ErrFull) { // it was none: it told nobody of its end
			m.ended(&e)
		}
	}
}

// Ready counts how long it took, from the answer of a leg, until all was there for the conversation.
func (m *Metrics) Ready(took time.Duration) {
	m.calls.setup.WithLabelValues(toAgent).Observe(took.Seconds())
}

// Taped counts what became of a call's recording, and the frames of 20 ms that it lost.
func (m *Metrics) Taped(outcome string, lost int) {
	m.calls.tapes.WithLabelValues(outcome).Inc()
	m.calls.missing.Add(float64(lost))
}

func (m *Metrics) ended(e *pipeline.Ending) {
	way := direction(e.Info)
	m.calls.ended.WithLabelValues(e.Info.Kind, way, string(e.Cause)).Inc()
	m.calls.length.WithLabelValues(e.Info.Kind, way).Observe(e.Length.Seconds())
}

// Watch takes an event of any call, on that call's goroutine.
func (m *Metrics) Watch(e pipeline.Event) {
	m.turns.events.WithLabelValues(string(e.Kind)).Inc()
	switch e.Kind {
	case pipeline.TurnEnded:
		m.turn(e.Turn)
	case pipeline.ProviderFail:
		m.calls.faults.WithLabelValues(e.Text).Inc()
	case pipeline.CallEnded:
		m.ended(e.Ending)
	}
}
