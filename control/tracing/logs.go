package tracing

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/trace"
)

// Logs is next with trace_id in each line that names a call ("call"), and span_id if it names a turn of it too ("turn"); and with both in
// the lines of a request. A call's trace_id is there whether or not it is sampled.
func Logs(next slog.Handler) slog.Handler { return lines{next: next} }

// lines is a handler of lines that may all be about one call.
type lines struct {
	next slog.Handler
	call string
}

// Enabled implements slog.Handler.
func (l lines) Enabled(ctx context.Context, level slog.Level) bool { return l.next.Enabled(ctx, level) }

// WithAttrs implements slog.Handler.
func (l lines) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		if call := callOf(a); call != "" {
			l.call = call
			attrs = append(attrs[:len(attrs):len(attrs)], slog.String("trace_id", TraceID(call).String()))
			break
		}
	}
	l.next = l.next.WithAttrs(attrs)
	return l
}

// WithGroup implements slog.Handler.
func (l lines) WithGroup(name string) slog.Handler {
	l.next = l.next.WithGroup(name)
	return l
}

// Handle implements slog.Handler.
func (l lines) Handle(ctx context.Context, r slog.Record) error {
	call, turn := "", 0
	r.Attrs(func(a slog.Attr) bool {
		if c := callOf(a); c != "" {
			call = c
		}
		if a.Key == "turn" && a.Value.Kind() == slog.KindInt64 {
			turn = int(a.Value.Int64())
		}
		return true
	})
	of := trace.SpanContextFromContext(ctx)
	switch {
	case call != "" && call != l.call:
		r = r.Clone()
		r.AddAttrs(slog.String("trace_id", TraceID(call).String()))
		l.call = call
	case l.call == "" && of.IsValid():
		r = r.Clone()
		r.AddAttrs(slog.String("trace_id", of.TraceID().String()), slog.String("span_id", of.SpanID().String()))
	}
	if l.call != "" && turn > 0 {
		r = r.Clone()
		r.AddAttrs(slog.String("span_id", SpanID(l.call, turn).String()))
	}
	return l.next.Handle(ctx, r) //nolint:wrapcheck // it is the handler's
}

// callOf is the call that an attribute names; empty: none.
func callOf(a slog.Attr) string {
	if a.Key != "call" || a.Value.Kind() != slog.KindString {
		return ""
	}
	return a.Value.String()
}
