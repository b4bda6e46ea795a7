package tracing

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"

	"parley/media"
	"parley/pipeline"
)

// A Cast is who speaks on a call, and by whose help.
type Cast struct {
	Agent        string // its id
	Name         string
	Organisation string // its id
	Hears        string // the vendors: deepgram, local, ...
	Thinks       string // flow: a script
	Speaks       string
	Model        string // of who thinks
}

// happenings is how many things that happened to a call its conversation's span has at most.
const happenings = 128

// A conversation is a call that is live.
type conversation struct {
	answered time.Time
	began    time.Duration // when the agent was there, since the answer
	cast     Cast
	next     *Cast // who takes over, when that is told
	happened []pipeline.Event
}

// Cast tells who speaks on a call: before it begins, or when another agent is asked for. ctx is that of the asking; nothing is kept of a
// call that has ended.
func (t *Tracer) Cast(ctx context.Context, call string, c Cast) {
	if !t.sampled(call) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if ctx.Err() != nil { // a call that hung up may have ended, and would be kept for ever
		return
	}
	if known := t.calls[call]; known != nil {
		known.next = &c
		return
	}
	t.calls[call] = &conversation{cast: c}
}

// Watch takes the events of a call. It may be called for several calls at once, and does not block.
func (t *Tracer) Watch(e pipeline.Event) {
	switch e.Kind {
	case pipeline.CallStarted:
		t.begin(e)
	case pipeline.TurnEnded:
		if c, ok := t.find(e.Call); ok {
			t.turn(e, c)
		}
	case pipeline.CallEnded:
		if t.sampled(e.Call) {
			t.end(e)
		}
	case pipeline.Answered, pipeline.AgentChanged, pipeline.CommandFailed, pipeline.Drifted, pipeline.Echo, pipeline.FellSilent, pipeline.ProviderFail:
		t.happen(e)
	}
}

// sampled says whether there is a trace of a call.
func (t *Tracer) sampled(call string) bool {
	p := sdk.SamplingParameters{ParentContext: context.Background(), TraceID: TraceID(call)}
	return t.sampler.ShouldSample(p).Decision == sdk.RecordAndSample
}

// span is the context of a turn's span; of turn 0, the conversation's.
func (t *Tracer) span(call string, turn int) trace.SpanContext {
	c := trace.SpanContextConfig{TraceID: TraceID(call), SpanID: SpanID(call, turn)}
	if t.sampled(call) {
		c.TraceFlags = trace.FlagsSampled
	}
	return trace.NewSpanContext(c)
}

func (t *Tracer) begin(e pipeline.Event) {
	if !t.sampled(e.Call) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.calls[e.Call]
	if c == nil {
		c = &conversation{}
		t.calls[e.Call] = c
	}
	c.answered, c.began = time.Now().Add(-e.At), e.At
}

// find is what is known of a live call.
func (t *Tracer) find(call string) (conversation, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.calls[call]
	if c == nil || c.answered.IsZero() {
		return conversation{}, false
	}
	return *c, true
}

// happen keeps what the conversation's span is to tell.
func (t *Tracer) happen(e pipeline.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.calls[e.Call]
	if c == nil {
		return
	}
	if e.Kind == pipeline.AgentChanged && c.next != nil {
		c.cast, c.next = *c.next, nil
	}
	if len(c.happened) < happenings {
		c.happened = append(c.happened, e)
	}
}

// end makes the span of the conversation, the last of its trace.
func (t *Tracer) end(e pipeline.Event) {
	t.mu.Lock()
	c := t.calls[e.Call]
	delete(t.calls, e.Call)
	t.mu.Unlock()
	if c == nil { // nobody was there to speak with
		c = &conversation{}
	}
	if c.answered.IsZero() {
		c.answered = e.Ending.Answered
	}
	p := pen{t.tracer, c.answered, t.options.Content}
	kind := trace.SpanKindServer
	if e.Ending.Info.Outbound {
		kind = trace.SpanKindInternal
	}
	_, s := t.tracer.Start(want(context.Background(), e.Call, 0), "conversation",
		trace.WithNewRoot(), trace.WithSpanKind(kind), trace.WithTimestamp(c.answered), trace.WithAttributes(t.conversation(e, c.cast)...))
	defer s.End(p.at(e.Ending.Length))
	if c.began > 0 {
		s.AddEvent("agent_there", p.at(c.began))
	}
	for _, h := range c.happened {
		s.AddEvent(string(h.Kind), p.at(h.At), trace.WithAttributes(p.happened(h)...))
	}
	switch cause := e.Ending.Cause; cause {
	case media.CausePanic, media.CauseOverrun, media.CauseProvider, media.CauseRejected:
		s.SetStatus(codes.Error, string(cause))
		s.SetAttributes(semconv.ErrorTypeKey.String(string(cause)))
	}
}

// conversation is what the span of a conversation says.
func (t *Tracer) conversation(e pipeline.Event, cast Cast) []attribute.KeyValue {
	end := e.Ending
	direction := "inbound"
	if end.Info.Outbound {
		direction = "outbound"
	}
	all := []attribute.KeyValue{
		semconv.GenAIConversationID(e.Call),
		attribute.String("parley.leg", end.Info.Kind), attribute.String("parley.direction", direction),
		attribute.String("parley.cause", string(end.Cause)),
		attribute.Int("parley.turns", end.Turns), attribute.Int("parley.frames.dropped", end.Drops),
	}
	all = given(all, semconv.GenAIAgentIDKey, cast.Agent)
	all = given(all, semconv.GenAIAgentNameKey, cast.Name)
	all = given(all, "parley.organisation.id", cast.Organisation)
	all = given(all, "parley.answered_by", string(end.Answer.By))
	if t.options.Content {
		all = given(given(all, "parley.from", end.Info.From), "parley.to", end.Info.To)
	}
	return all
}

// given adds an attribute whose value is known.
func given(all []attribute.KeyValue, key attribute.Key, value string) []attribute.KeyValue {
	if value == "" {
		return all
	}
	return append(all, key.String(value))
}
