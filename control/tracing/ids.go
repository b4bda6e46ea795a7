package tracing

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"
)

// TraceID is the trace of a call: its id without the hyphens, as those are UUIDs; of another id, a hash. So whoever knows a call, from a
// record, a log line or a webhook, knows its trace, on any node and at any time.
func TraceID(call string) trace.TraceID {
	if id, err := uuid.Parse(call); err == nil {
		return trace.TraceID(id)
	}
	sum := sha256.Sum256([]byte(call))
	return trace.TraceID(sum[:16])
}

// SpanID is the span of a call's turn; of turn 0, that of the whole conversation. Turns count on from there.
func SpanID(call string, turn int) (id trace.SpanID) {
	t := TraceID(call)
	binary.BigEndian.PutUint64(id[:], binary.BigEndian.Uint64(t[8:])+uint64(turn))
	return id
}

// wanted are the ids of a span that is to be started with a context that has them.
type wanted struct {
	trace trace.TraceID
	span  trace.SpanID
}

type wantedKey struct{}

// want gives a context for the span of a turn.
func want(ctx context.Context, call string, turn int) context.Context {
	return context.WithValue(ctx, wantedKey{}, wanted{TraceID(call), SpanID(call, turn)})
}

// generator gives spans the ids that are wanted, and all others random ones. It implements the SDK's IDGenerator.
type generator struct{}

func (g generator) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if w, ok := ctx.Value(wantedKey{}).(wanted); ok {
		return w.trace, w.span
	}
	var id trace.TraceID
	binary.BigEndian.PutUint64(id[:8], rand.Uint64())
	binary.BigEndian.PutUint64(id[8:], rand.Uint64()|1) // all zeros is no id
	return id, g.NewSpanID(ctx, id)
}

func (generator) NewSpanID(ctx context.Context, _ trace.TraceID) (id trace.SpanID) {
	if w, ok := ctx.Value(wantedKey{}).(wanted); ok {
		return w.span
	}
	binary.BigEndian.PutUint64(id[:], rand.Uint64()|1)
	return id
}
