package tracing

import (
	"context"
	"log/slog"
	"sync/atomic"

	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// queue is how many spans wait for the collector at most, in memory: some 2 KB each, and ten seconds of a thousand calls.
const queue = 8192

// A gate lets spans through to the SDK's batches while there is room, and counts those that were lost. It is both what spans are given
// to and what batches are sent by, so it knows how many are between the two.
//
//	spans ──▶ gate.OnEnd ──▶ batches ──▶ gate.ExportSpans ──▶ exporter
//
// The batches have a queue of the same size, which therefore never is full.
type gate struct {
	sdk.SpanProcessor // the batches
	exporter          sdk.SpanExporter
	log               *slog.Logger

	waiting atomic.Int64
	dropped atomic.Int64
	sent    atomic.Int64
	failing atomic.Bool // the last batch was not taken
}

func newGate(exporter sdk.SpanExporter, log *slog.Logger) *gate {
	g := &gate{exporter: exporter, log: log}
	g.SpanProcessor = sdk.NewBatchSpanProcessor(sender{g}, sdk.WithMaxQueueSize(queue))
	return g
}

// OnEnd implements the SDK's SpanProcessor. It returns at once.
func (g *gate) OnEnd(s sdk.ReadOnlySpan) {
	if !s.SpanContext().IsSampled() {
		return
	}
	if g.waiting.Add(1) > queue {
		g.waiting.Add(-1)
		g.dropped.Add(1)
		return
	}
	g.SpanProcessor.OnEnd(s)
}

// Shutdown implements the SDK's SpanProcessor. What could not be sent in time is lost.
func (g *gate) Shutdown(ctx context.Context) error {
	err := g.SpanProcessor.Shutdown(ctx)
	g.dropped.Add(g.waiting.Swap(0))
	return err //nolint:wrapcheck // Close does
}

// A sender is the gate's other side: the exporter of the batches.
type sender struct{ *gate }

// ExportSpans implements the SDK's SpanExporter. The SDK would write errors to stderr by a handler of the whole process: they are told
// here, once for as long as they last.
func (s sender) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := s.exporter.ExportSpans(ctx, spans)
	s.waiting.Add(-int64(len(spans)))
	if err != nil {
		s.dropped.Add(int64(len(spans)))
		if !s.failing.Swap(true) {
			s.log.Warn("traces are not taken: they are lost until they are", "error", err)
		}
		return nil
	}
	s.sent.Add(int64(len(spans)))
	if s.failing.Swap(false) {
		s.log.Info("traces are taken again", "lost", s.dropped.Load())
	}
	return nil
}

// Shutdown implements the SDK's SpanExporter.
func (s sender) Shutdown(ctx context.Context) error {
	return s.exporter.Shutdown(ctx) //nolint:wrapcheck // the SDK's
}
