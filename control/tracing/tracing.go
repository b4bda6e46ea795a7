// Package tracing draws each call as an OpenTelemetry trace, and sends it to a collector by OTLP over HTTP.
//
//	Switchboard ──events──▶ Watch ──spans──▶ gate ──▶ batches ──▶ POST {endpoint}/v1/traces
//	API ──requests──▶ Serve, Answered ──────▶  │ full: dropped and counted
//	slog ──lines──▶ Logs: trace_id, span_id    ╰ never waits
//
//	conversation ─┬─ turn ─┬─ stt       from the caller's first sound to their final words
//	              │        ├─ llm       from the question to the last of the answer's text
//	              │        ├─ tool      as often as the model asked for one
//	              │        ├─ tts       from the first text to the last sound
//	              │        ╰─ playout   what the caller heard
//	              ╰─ turn ...
//
// Spans are made of events that are over: nothing is open while a call goes on, and what a call does never waits for its trace. The trace
// of a call is found without a search, because its id is the call's: see TraceID.
//
// Attributes are those of OpenTelemetry's conventions, gen_ai.* among them (https://opentelemetry.io/docs/specs/semconv/gen-ai/, as of
// v1.41.0), and parley.* where there is none. What was said, and who called, is in them only with Options.Content.
//
// A Tracer's methods may be called by any goroutine.
package tracing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"
)

// Options say where traces go, and what is in them.
type Options struct {
	Endpoint   string            // base URL of the collector, such as http://localhost:4318; required
	Headers    map[string]string // of each request to it, such as a key
	Service    string            // service.name; empty: that of Attributes, else "parley"
	Version    string            // service.version
	Instance   string            // service.instance.id: the node's
	Attributes map[string]string // more of the resource, such as deployment.environment.name
	Sampler    string            // one of Samplers; empty: the first
	Ratio      float64           // of the sampler, if it has one: 0 to 1
	Content    bool              // what was said and who called may be in spans
	Log        *slog.Logger      // nil: no log
}

// A Tracer makes spans of what happens to calls and of requests. It is made by Open.
type Tracer struct {
	options  Options
	log      *slog.Logger
	sampler  sdk.Sampler
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	gate     *gate

	mu    sync.Mutex
	calls map[string]*conversation // that are live, and sampled
}

// Open makes a Tracer. It does not connect: a collector that is not there yet gets what happens from when it is. Close is to be called.
func Open(ctx context.Context, o Options) (*Tracer, error) {
	sampler, err := NewSampler(o.Sampler, o.Ratio)
	if err != nil {
		return nil, err
	}
	exporter, err := o.exporter(ctx)
	if err != nil {
		return nil, err
	}
	t := &Tracer{options: o, log: o.Log, sampler: sampler, calls: make(map[string]*conversation)}
	if t.log == nil {
		t.log = slog.New(slog.DiscardHandler)
	}
	t.gate = newGate(exporter, t.log)
	t.provider = sdk.NewTracerProvider(
		sdk.WithSampler(sampler), sdk.WithIDGenerator(generator{}), sdk.WithResource(o.resource()), sdk.WithSpanProcessor(t.gate),
	)
	t.tracer = t.provider.Tracer("parley/control/tracing", trace.WithInstrumentationVersion(o.Version), trace.WithSchemaURL(semconv.SchemaURL))
	return t, nil
}

// Probe sends the collector one span, named "doctor", and says whether it was taken.
func Probe(ctx context.Context, o Options) error {
	exporter, err := o.exporter(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	var ids trace.SpanContextConfig
	ids.TraceID, ids.SpanID = generator{}.NewIDs(ctx)
	ids.TraceFlags = trace.FlagsSampled
	span := tracetest.SpanStub{Name: "doctor", SpanContext: trace.NewSpanContext(ids), StartTime: now, EndTime: now, Resource: o.resource()}
	if err := errors.Join(exporter.ExportSpans(ctx, []sdk.ReadOnlySpan{span.Snapshot()}), exporter.Shutdown(ctx)); err != nil {
		return fmt.Errorf("send span: %w", err)
	}
	return nil
}

func (o Options) exporter(ctx context.Context) (sdk.SpanExporter, error) {
	endpoint, err := Endpoint(o.Endpoint)
	if err != nil {
		return nil, err
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(endpoint), otlptracehttp.WithHeaders(o.Headers))
	if err != nil {
		return nil, fmt.Errorf("make exporter: %w", err)
	}
	return exporter, nil
}

// Endpoint is where spans are posted to, for a collector's base URL.
func Endpoint(base string) (string, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" {
		return "", errors.New("want the base URL of a collector, such as http://localhost:4318")
	}
	return strings.TrimRight(base, "/") + "/v1/traces", nil
}

// resource is what all spans have in common. It has no schema, so that it can be merged with what the SDK reads from the environment.
func (o Options) resource() *resource.Resource {
	all := []attribute.KeyValue{semconv.ServiceName("parley"), semconv.ServiceVersion(o.Version)}
	if o.Instance != "" {
		all = append(all, semconv.ServiceInstanceID(o.Instance))
	}
	for k, v := range o.Attributes {
		all = append(all, attribute.String(k, v))
	}
	if o.Service != "" {
		all = append(all, semconv.ServiceName(o.Service))
	}
	return resource.NewSchemaless(all...) // of two with one key, the last counts
}

// Dropped is how many spans never reached the collector: it was away, or too slow.
func (t *Tracer) Dropped() int64 { return t.gate.dropped.Load() }

// Sent is how many spans the collector has taken.
func (t *Tracer) Sent() int64 { return t.gate.sent.Load() }

// Close sends what waits, as long as ctx lasts; what is left then is dropped. Spans of later events are not made.
func (t *Tracer) Close(ctx context.Context) error {
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("close tracing: %w", err)
	}
	return nil
}
