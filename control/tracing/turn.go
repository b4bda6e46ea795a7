package tracing

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"

	"parley/pipeline"
)

// Stage is the attribute that says which part of a turn a span is: stt, llm, tool, tts or playout.
const Stage = attribute.Key("parley.stage")

// script is the name of who thinks where that is no model.
const script = "flow"

// A pen draws spans that are over, on the clock of one call.
type pen struct {
	tracer   trace.Tracer
	answered time.Time
	content  bool
}

func (p pen) at(d time.Duration) trace.SpanEventOption { return trace.WithTimestamp(p.answered.Add(d)) }

// happened is what an event of a conversation says besides its name. Errors and the caller's words are content.
func (p pen) happened(e pipeline.Event) (all []attribute.KeyValue) {
	if e.Kind != pipeline.Echo || p.content {
		all = given(all, "parley.about", e.Text)
	}
	if e.Err != nil && p.content {
		all = append(all, semconv.ExceptionMessage(e.Err.Error()))
	}
	if e.Answer != nil {
		all = append(all, attribute.String("parley.answered_by", string(e.Answer.By)), attribute.String("parley.cue", string(e.Answer.Cue)))
	}
	return all
}

// turn makes the spans of a turn that has ended.
func (t *Tracer) turn(e pipeline.Event, c conversation) {
	r, p := e.Turn, pen{t.tracer, c.answered, t.options.Content}
	ctx := trace.ContextWithSpanContext(want(context.Background(), e.Call, r.N), t.span(e.Call, 0))
	_, s := t.tracer.Start(ctx, "turn", p.at(began(r)), trace.WithAttributes(p.turn(r)...))
	defer s.End(p.at(max(r.Times.Closed, began(r))))
	if r.Err != "" {
		s.SetStatus(codes.Error, "")
		s.SetAttributes(semconv.ErrorTypeKey.String(r.Err))
	}
	of := trace.ContextWithSpanContext(context.Background(), s.SpanContext())
	p.hearing(of, r, c.cast)
	asked := 0 // the last response's
	for i, step := range r.Times.Steps {
		if step.Asked > 0 {
			asked = i
		}
	}
	for i, step := range r.Times.Steps {
		p.thinking(of, r, step, i == asked, c.cast)
		p.speaking(of, r, step, c.cast)
	}
	for _, tool := range r.Times.Tools {
		p.tool(of, r, tool)
	}
}

// began is when the first thing happened that belongs to a turn.
func began(r *pipeline.Turn) time.Duration {
	first := r.Times.Opened
	if b := r.Times.Began; b > 0 {
		first = min(first, b)
	}
	if s := r.Times.Steps; len(s) > 0 && s[0].Asked > 0 {
		first = min(first, s[0].Asked)
	}
	return first
}

// turn is what the span of a turn says.
func (p pen) turn(r *pipeline.Turn) []attribute.KeyValue {
	all := []attribute.KeyValue{
		attribute.Int("parley.turn.number", r.N), attribute.String("parley.turn.reason", string(r.Why)),
		attribute.Bool("parley.turn.interrupted", r.Cut), attribute.Float64("parley.turn.heard", r.Sounded.Seconds()),
	}
	for stage, d := range r.Latency.Stages() {
		if d > 0 {
			all = append(all, attribute.Float64("parley.latency."+stage, d.Seconds()))
		}
	}
	for what, n := range r.Counts.All(pipeline.Usage{}) {
		all = append(all, attribute.Int("parley.count."+what, n))
	}
	if p.content {
		all = given(given(all, "parley.turn.said", r.Said), "parley.turn.answer", r.Heard)
	}
	return all
}

// A part is a span of a turn that is over.
type part struct {
	name, stage string
	from, to    time.Duration // to before from: it never came to its end, which then is the turn's
	failed      string        // of what kind its error is; empty: none
	says        []attribute.KeyValue
	happened    []moment
}

// A moment is something that happened in a part; at 0, it did not.
type moment struct {
	name string
	at   time.Duration
}

// draw makes the span of a part; there is none of what never began.
func (p pen) draw(ctx context.Context, r *pipeline.Turn, a part) {
	if a.from <= 0 {
		return
	}
	if a.to < a.from {
		a.to = max(a.from, r.Times.Closed)
		a.says = append(a.says, attribute.Bool("parley.unfinished", true))
	}
	_, s := p.tracer.Start(ctx, a.name, p.at(a.from), trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(append(a.says, Stage.String(a.stage))...))
	for _, m := range a.happened {
		if m.at > 0 {
			s.AddEvent(m.name, p.at(m.at))
		}
	}
	if a.failed != "" {
		s.SetStatus(codes.Error, "")
		s.SetAttributes(semconv.ErrorTypeKey.String(a.failed))
	}
	s.End(p.at(a.to))
}

// hearing is the recogniser's part.
func (p pen) hearing(ctx context.Context, r *pipeline.Turn, cast Cast) {
	t := r.Times
	if t.Final == 0 {
		return
	}
	p.draw(ctx, r, part{
		name: named("stt", cast.Hears), stage: "stt", from: t.Began, to: t.Final,
		says:     given(nil, semconv.GenAIProviderNameKey, cast.Hears),
		happened: []moment{{"last_voiced_frame", t.Spoke}, {"judged_over", t.Judged}},
	})
}

// thinking is the responder's part in a step. What the whole turn cost is told with its last response.
func (p pen) thinking(ctx context.Context, r *pipeline.Turn, step pipeline.StepTimes, last bool, cast Cast) {
	a := part{name: named("chat", cast.Model), stage: "llm", from: step.Asked, to: step.LastText}
	if cast.Thinks == script && r.Usage == (pipeline.Usage{}) { // a script may hand over to the model, which counts
		a.name = script
	} else {
		a.says = given([]attribute.KeyValue{semconv.GenAIOperationNameChat}, semconv.GenAIRequestModelKey, cast.Model)
	}
	if cast.Thinks != script {
		a.says = given(a.says, semconv.GenAIProviderNameKey, cast.Thinks)
	}
	if step.FirstText > 0 {
		a.says = append(a.says, semconv.GenAIResponseTimeToFirstChunk((step.FirstText - step.Asked).Seconds()))
	}
	if u := r.Usage; last && u != (pipeline.Usage{}) {
		a.says = append(a.says, semconv.GenAIUsageInputTokens(u.Input), semconv.GenAIUsageOutputTokens(u.Output), semconv.GenAIUsageCacheReadInputTokens(u.Cached))
	}
	if step.LastText == 0 && r.Err == "responder" {
		a.failed = r.Err
	}
	p.draw(ctx, r, a)
}

// speaking is the voice's part in a step, and what the caller heard of it.
func (p pen) speaking(ctx context.Context, r *pipeline.Turn, step pipeline.StepTimes, cast Cast) {
	a := part{
		name: named("tts", cast.Speaks), stage: "tts", from: step.FirstText, to: step.LastAudio,
		says: given(nil, semconv.GenAIProviderNameKey, cast.Speaks),
	}
	if step.FirstAudio > 0 {
		a.says = append(a.says, attribute.Float64("parley.tts.time_to_first_audio", (step.FirstAudio-step.FirstText).Seconds()))
	}
	if step.LastAudio == 0 && r.Err == "voice" {
		a.failed = r.Err
	}
	p.draw(ctx, r, a)
	p.draw(ctx, r, part{name: "playout", stage: "playout", from: step.FirstFrame, to: step.FirstFrame + step.Sounded})
}

// tool is the part of a tool.
func (p pen) tool(ctx context.Context, r *pipeline.Turn, tool pipeline.ToolTimes) {
	a := part{
		name: "execute_tool " + tool.Name, stage: "tool", from: tool.Asked, to: tool.Ended,
		says: []attribute.KeyValue{semconv.GenAIOperationNameExecuteTool, semconv.GenAIToolName(tool.Name), semconv.GenAIToolCallID(tool.ID)},
	}
	if tool.Bad {
		a.failed = "tool"
	}
	p.draw(ctx, r, a)
}

// named is a span's name with who did it, if that is known.
func named(what, who string) string {
	if who == "" {
		return what
	}
	return what + " " + who
}
