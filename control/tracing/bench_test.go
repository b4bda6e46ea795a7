package tracing_test

import "testing"

// BenchmarkTurn is what a turn of a traced call costs its actor: five spans, made and handed over.
func BenchmarkTurn(b *testing.B) {
	tracer, _ := open(b, nil)
	defer shut(b, tracer)
	tracer.Cast(b.Context(), callID, cast)
	tracer.Watch(started())
	e := turned(answer())
	b.ReportAllocs()
	for b.Loop() {
		tracer.Watch(e)
	}
}
