package tracing

import (
	"context"
	"iter"
	"net/http"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"

	"parley/pipeline"
)

// Serve is next with a span for each request, which goes on the client's trace if the client sent one (W3C's traceparent). Which route it
// took and how it was answered is to be told by Answered, with the request's context. Sockets have none: they last as long as people look.
func (t *Tracer) Serve(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			next.ServeHTTP(w, r)
			return
		}
		ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx, span := t.tracer.Start(ctx, "request", trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// Answered tells what came of the request whose context it is: its route as a pattern, never its path, which may hold what nobody else
// is to know.
// Source: https://opentelemetry.io/docs/specs/semconv/http/http-spans/
func Answered(ctx context.Context, route, method string, status int) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	if method == "other" {
		method = "_OTHER" // the convention's word
	}
	span.SetName(method + " " + route)
	span.SetAttributes(semconv.HTTPRequestMethodKey.String(method), semconv.HTTPRoute(route), semconv.HTTPResponseStatusCode(status))
	if status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, "")
	}
}

// Answering is a Responder whose context knows the turn that it answers, for Carry.
func (t *Tracer) Answering(call string, next pipeline.Responder) pipeline.Responder {
	if next == nil {
		return nil
	}
	return answering{t, call, next}
}

type answering struct {
	tracer *Tracer
	call   string
	next   pipeline.Responder
}

// Respond implements pipeline.Responder.
func (a answering) Respond(ctx context.Context, talk pipeline.Talk) iter.Seq2[pipeline.Delta, error] {
	return a.next.Respond(trace.ContextWithSpanContext(ctx, a.tracer.span(a.call, talk.Turn)), talk)
}

// Carry puts traceparent into a request to a vendor, if its context knows of a trace.
func Carry(r *http.Request) {
	propagation.TraceContext{}.Inject(r.Context(), propagation.HeaderCarrier(r.Header))
}
